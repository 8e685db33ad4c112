//! Evidence: what outcomes of devices say, so that it may be looked at at any time.
//!
//! All of it is reckoned from counts and sums. These don't depend on the order in which devices answered, on restarts or on which
//! node counted. What each number means, and what it takes for granted, is written for people in docs/EVIDENCE.md.

mod attribution;
mod balance;
mod course;
mod difference;
mod factor;
mod incidence;
mod means;
mod multiple;
mod rate;
mod shares;
pub(crate) mod special;
mod srm;
mod tally;
#[cfg(test)]
mod tests;
mod verdict;

pub use attribution::{Attribution, Blamed, Counts, Told, attribute};
pub use balance::{Balance, balance};
pub use difference::{Comparison, Estimate};
pub use factor::{Factor, Level};
pub use incidence::{Ending, Incidence, incidence};
pub use multiple::adjusted;
pub(crate) use rate::OneSided;
pub use rate::{Evidence, RateTest, interval};
pub use srm::{Ratio, sample_ratio};
pub use tally::Tally;
pub use verdict::{Verdict, matters_of, sentence, verdict};
