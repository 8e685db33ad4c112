//! Suspicion: what may be wrong with a device's identity, how much it says, and what follows from it.
//!
//! A [`Signal`] is one observation. Signals with one cause make one [`Suspicion`], so that the same again only counts
//! up, and a mistake of a factory is one suspicion and not one for each of its devices. A model's [`Policy`] says what
//! follows. Nothing in here ever revokes: of what can be done without a person, everything can be undone.

mod cause;
mod copies;
mod policy;
mod score;
mod sentence;
mod signal;
mod travel;
mod weight;

#[cfg(test)]
mod tests;

pub use cause::{Cause, Subject, Topic};
pub use copies::{GOLDEN_IMAGE_DEVICES, copies};
pub use policy::{Policy, PolicyError, Response};
pub use score::{COPIES_MAX, SIGNALS_MAX, STRONG, Suspicion, WEAK_CEILING, gathered, score, suspicions};
pub use signal::{Copied, Signal, SignalKind};
pub use travel::{FASTEST_KMH, NEAR_KM, Sighting, travel};
