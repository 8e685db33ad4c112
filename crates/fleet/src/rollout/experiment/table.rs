//! What is counted of an experiment, as a table for other programs.

use super::decide::{ratio_off, trial_of};
use crate::{Actor, Error, Fleet, Result, export::csv};
use domain::{bucket::PARTS, evidence::Factor, person::Permission};
use store::evidence::{Measure, TallyRow};

const COLUMNS: [&str; 8] = ["cohort", "measure", "metric", "factor", "level", "devices", "sum", "sum_of_squares"];

/// The measure of the row that says that sizes of cohorts were found to be off.
const RATIO_OFF: &str = "sample_ratio_off";

impl Fleet {
    /// Everything that is counted of an experiment, as CSV: a row for each cohort, measure and level. Sums are of values from 0 to 1.
    /// Where sizes of cohorts were found to be off, the last row says so, with how many devices were exposed by then.
    ///
    /// # Errors
    /// When the actor may not see the fleet, there is no such rollout, or it is no experiment.
    pub async fn experiment_csv(&self, actor: &Actor, code: &str) -> Result<String> {
        actor.require(Permission::FleetRead)?;
        let rollout = self.kept_rollout(code).await?;
        let trial = trial_of(&rollout).ok_or_else(|| Error::not_found("experiment", code))?;
        let parts = f64::from(PARTS);
        let line = |row: TallyRow| {
            let metric = match row.measure {
                Measure::Criterion(n) => trial.criterion(n).metric.words(),
                _ => String::new(),
            };
            [
                trial.name(row.cohort).to_owned(),
                row.measure.to_string(),
                metric,
                row.level.factor.to_string(),
                row.level.level,
                row.tally.n.to_string(),
                (row.tally.sum as f64 / parts).to_string(),
                (row.tally.squares as f64 / (parts * parts)).to_string(),
            ]
        };
        let rows = store::evidence::of(self.db(), rollout.id).await?;
        let off = ratio_off(&rollout).map(|kept| {
            let [cohort, metric, level, sum, squares] = std::array::from_fn(|_| String::new());
            let (measure, factor, devices) = (RATIO_OFF.to_owned(), Factor::All.to_string(), kept.n.to_string());
            [cohort, measure, metric, factor, level, devices, sum, squares]
        });
        Ok(csv(std::iter::once(COLUMNS.map(str::to_owned)).chain(rows.into_iter().map(line)).chain(off)))
    }
}
