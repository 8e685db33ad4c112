//! Experiments: what outcomes say of the cohorts in [`judge`], what follows from that in [`decide`], how estimates went in [`points`],
//! what is shown of it in [`read`] and [`table`], and how a winner comes to all of the target in [`winner`].

mod decide;
mod judge;
mod points;
mod read;
mod sums;
mod table;
mod trial;
mod views;
mod winner;

pub(super) use decide::is_settled;
pub(super) use points::Looks;
pub use views::{
    CohortView, ComparisonView, ExperimentDetail, FactorView, IntervalView, RatioView, Series, SeriesPoint, StratumView,
};
pub use winner::RolledOut;
