//! Evidence: who was exposed to what in [`exposure`], sums of what came of it here, how estimates went in [`point`].
//!
//! Sums move in the transaction of the outcome, by a row of each level of the device: that costs the same for a thousand devices
//! and a million, and what is taken out again leaves nothing behind.

pub mod exposure;
pub mod point;

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    evidence::{Factor, Level, Tally},
    id::RolloutId,
};
use exposure::Traits;
use sqlx::AssertSqlSafe;
use std::{collections::BTreeMap, fmt, str::FromStr};
use uuid::Uuid;

/// How many rows a sum is spread over.
const SHARDS: u32 = 8;
/// Of how many levels of a factor sums are kept for a rollout. What comes beyond counts only among all devices.
pub const LEVELS_MAX: usize = 200;

/// What is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Devices that were offered it, or were held out from it.
    Exposed,
    /// Of which it was verified.
    Verified,
    /// On which it failed or went back, or which are to try again.
    Failed,
    /// Which went silent.
    Silent,
    /// Values of a criterion of the experiment: 0 is the primary one, the guards count from 1.
    Criterion(usize),
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exposed => f.write_str("exposed"),
            Self::Verified => f.write_str("verified"),
            Self::Failed => f.write_str("failed"),
            Self::Silent => f.write_str("silent"),
            Self::Criterion(n) => write!(f, "c{n}"),
        }
    }
}

impl FromStr for Measure {
    type Err = StoreError;
    fn from_str(text: &str) -> StoreResult<Self> {
        Ok(match text {
            "exposed" => Self::Exposed,
            "verified" => Self::Verified,
            "failed" => Self::Failed,
            "silent" => Self::Silent,
            other => {
                let n = other.strip_prefix('c').and_then(|n| n.parse().ok());
                Self::Criterion(n.ok_or_else(|| StoreError::corrupt("evidence_tally.measure", other.to_owned()))?)
            }
        })
    }
}

/// What is added to a sum, or taken out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Values.
    pub n: i64,
    /// Their sum.
    pub sum: i64,
    /// The sum of their squares.
    pub squares: i64,
}

impl Delta {
    /// Adds these values.
    #[must_use]
    pub fn adding(tally: Tally) -> Self {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Self { n: number(tally.n), sum: number(tally.sum), squares: number(tally.squares) }
    }

    /// Takes these values out.
    #[must_use]
    pub fn removing(tally: Tally) -> Self {
        let Self { n, sum, squares } = Self::adding(tally);
        Self { n: -n, sum: -sum, squares: -squares }
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self {
            n: self.n.saturating_add(other.n),
            sum: self.sum.saturating_add(other.sum),
            squares: self.squares.saturating_add(other.squares),
        }
    }
}

/// What is summed of devices of a cohort that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TallyRow {
    /// What.
    pub measure: Measure,
    /// Their cohort; 0 for none.
    pub cohort: usize,
    /// What they have in common.
    pub level: Level,
    /// The values.
    pub tally: Tally,
}

macro_rules! sums {
    () => {
        "SELECT factor, measure, level, cohort, CAST(SUM(n) AS BIGINT), CAST(SUM(sum) AS BIGINT), \
         CAST(SUM(squares) AS BIGINT) FROM evidence_tally WHERE rollout_id = $1"
    };
}

macro_rules! grouped {
    () => {
        " GROUP BY factor, measure, level, cohort ORDER BY factor, measure, level, cohort"
    };
}

queries! {
    OF = concat!(sums!(), grouped!());
    OF_FACTOR = concat!(sums!(), " AND factor = $2", grouped!());
    OF_MEASURE = concat!(sums!(), " AND factor = $2 AND measure = $3", grouped!());
    LEVELS = "SELECT DISTINCT level FROM evidence_tally WHERE rollout_id = $1 AND factor = $2 AND measure = 'exposed'";
}

const ADD: &str = "INSERT INTO evidence_tally (rollout_id, factor, measure, level, cohort, shard, n, sum, squares)";
const ADDED: &str = " ON CONFLICT (rollout_id, factor, measure, level, cohort, shard) DO UPDATE SET \
                     n = evidence_tally.n + excluded.n, sum = evidence_tally.sum + excluded.sum, \
                     squares = evidence_tally.squares + excluded.squares";

/// What a device's outcome moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The rollout.
    pub rollout: RolloutId,
    /// The device's cohort.
    pub cohort: usize,
    /// What it was when it was exposed.
    pub traits: Traits,
    /// What is moved, and by how much.
    pub by: Vec<(Measure, Delta)>,
}

/// Moves the sums of a device: of all devices and of each of its levels. All that a transaction moves is given at once and
/// written in one order, so that two can't wait for each other in a circle. `device` is its number.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &mut Tx, device: u32, moved: &[Moved]) -> StoreResult<()> {
    let mut rows: BTreeMap<(Uuid, &str, String, String, i64), Delta> = BTreeMap::new();
    for one in moved {
        for level in std::iter::once(Level::ALL).chain(one.traits.levels()) {
            for (measure, by) in one.by.iter().filter(|(_, by)| *by != Delta::default()) {
                let key = (
                    one.rollout.0,
                    level.factor.as_str(),
                    measure.to_string(),
                    level.level.clone(),
                    i64::try_from(one.cohort).unwrap_or(i64::MAX),
                );
                let sum = rows.entry(key).or_default();
                *sum = sum.with(*by);
            }
        }
    }
    let rows: Vec<_> = rows.into_iter().filter(|(_, by)| *by != Delta::default()).collect();
    let shard = i64::from(device % SHARDS);
    for chunk in rows.chunks(crate::db::INSERT_ROWS) {
        let sql = crate::db::values_sql(tx, ADD, 9, chunk.len()) + ADDED;
        within!(tx, |executor| {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for ((rollout, factor, measure, level, cohort), by) in chunk {
                query = query.bind(*rollout).bind(*factor).bind(measure).bind(level).bind(*cohort);
                query = query.bind(shard).bind(by.n).bind(by.sum).bind(by.squares);
            }
            query.execute(executor).await.map(drop)
        })?;
    }
    Ok(())
}

type Row = (String, String, String, i64, i64, i64, i64);

fn tally_of((factor, measure, level, cohort, n, sum, squares): Row) -> StoreResult<TallyRow> {
    let factor: Factor = factor.parse().map_err(|e| StoreError::corrupt("evidence_tally.factor", e))?;
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    Ok(TallyRow {
        measure: measure.parse()?,
        cohort: usize::try_from(cohort).unwrap_or_default(),
        level: Level::of(factor, level),
        tally: Tally { n: number(n), sum: number(sum), squares: number(squares) },
    })
}

fn tallies(rows: Vec<Row>) -> StoreResult<Vec<TallyRow>> {
    let is_some = |row: &StoreResult<TallyRow>| row.as_ref().map_or(true, |row| row.tally.n > 0);
    rows.into_iter().map(tally_of).filter(is_some).collect()
}

/// All sums of a rollout. There are as many as levels, cohorts and measures, however many devices.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, rollout: RolloutId) -> StoreResult<Vec<TallyRow>> {
    tallies(read!(db, |pool| sqlx::query_as(OF).bind(rollout.0).fetch_all(pool).await)?)
}

/// The same, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn within(tx: &mut Tx, rollout: RolloutId) -> StoreResult<Vec<TallyRow>> {
    tallies(within!(tx, |executor| sqlx::query_as(OF).bind(rollout.0).fetch_all(executor).await)?)
}

/// The sums of a rollout by one factor.
///
/// # Errors
/// When the database fails.
pub async fn of_factor(db: &Db, rollout: RolloutId, factor: Factor) -> StoreResult<Vec<TallyRow>> {
    tallies(read!(db, |pool| sqlx::query_as(OF_FACTOR).bind(rollout.0).bind(factor.as_str()).fetch_all(pool).await)?)
}

/// One measure of a rollout by one factor.
///
/// # Errors
/// When the database fails.
pub async fn of_measure(db: &Db, rollout: RolloutId, factor: Factor, measure: Measure) -> StoreResult<Vec<TallyRow>> {
    tallies(read!(db, |pool| {
        let query = sqlx::query_as(OF_MEASURE).bind(rollout.0).bind(factor.as_str());
        query.bind(measure.to_string()).fetch_all(pool).await
    })?)
}

/// Of which levels of a factor sums are kept for a rollout.
///
/// # Errors
/// When the database fails.
pub async fn levels(tx: &mut Tx, rollout: RolloutId, factor: Factor) -> StoreResult<Vec<String>> {
    Ok(within!(tx, |executor| {
        sqlx::query_scalar(LEVELS).bind(rollout.0).bind(factor.as_str()).fetch_all(executor).await
    })?)
}
