//! Who was exposed to what: what a device was at that moment, and what it is still to report.

use crate::{StoreError, StoreResult, Tx};
use domain::{
    evidence::{Factor, Level},
    id::{DeviceId, RolloutId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many makers of parts are noted of a device.
const MAKERS_MAX: i64 = 8;
/// How long a level is at most, in characters; a longer one is left out.
const LEVEL_MAX: usize = 64;

/// What a device was when it was exposed. What is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// Its hardware revision.
    #[serde(default)]
    pub revision: String,
    /// Its batch.
    #[serde(default)]
    pub batch: String,
    /// The country of whoever held it.
    #[serde(default)]
    pub region: String,
    /// Who made its parts, each as `class=maker`.
    #[serde(default)]
    pub makers: Vec<String>,
}

impl Traits {
    /// Its levels, without [`Level::ALL`].
    #[must_use]
    pub fn levels(&self) -> Vec<Level> {
        let one = [(Factor::Revision, &self.revision), (Factor::Batch, &self.batch), (Factor::Region, &self.region)];
        let makers = self.makers.iter().map(|maker| (Factor::Maker, maker));
        let known = one.into_iter().chain(makers).filter(|(_, level)| !level.is_empty());
        known.map(|(factor, level)| Level::of(factor, level)).collect()
    }

    /// Those of its levels that are wanted.
    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(Factor, &str) -> bool) -> Self {
        let kept = |factor, level: &String| if is_wanted(factor, level) { level.clone() } else { String::new() };
        Self {
            revision: kept(Factor::Revision, &self.revision),
            batch: kept(Factor::Batch, &self.batch),
            region: kept(Factor::Region, &self.region),
            makers: self.makers.iter().filter(|maker| is_wanted(Factor::Maker, maker)).cloned().collect(),
        }
    }
}

/// That a device was exposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// To which rollout.
    pub rollout: RolloutId,
    /// The device.
    pub device: DeviceId,
    /// Its cohort; 0 for none.
    pub cohort: usize,
    /// Its wave, from 0.
    pub wave: usize,
    /// When.
    pub at: Timestamp,
    /// What it was then.
    pub traits: Traits,
    /// Whether it was offered nothing then: it is held out for comparison, or of no cohort because its own release could not be offered.
    pub held_out: bool,
    /// A bit for each criterion of which it is to report its one value.
    pub awaited: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    rollout_id: Uuid,
    device_id: Uuid,
    cohort: i64,
    wave: i64,
    at: i64,
    traits: String,
    held_out: i64,
    awaited: i64,
}

impl TryFrom<Row> for Exposure {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            rollout: RolloutId(row.rollout_id),
            device: DeviceId(row.device_id),
            cohort: usize::try_from(row.cohort).unwrap_or_default(),
            wave: usize::try_from(row.wave).unwrap_or_default(),
            at: Timestamp(row.at),
            traits: serde_json::from_str(&row.traits).map_err(|e| StoreError::corrupt("exposure.traits", e))?,
            held_out: row.held_out != 0,
            awaited: row.awaited,
        })
    }
}

queries! {
    INSERT = "INSERT INTO exposure (rollout_id, device_id, cohort, wave, at, traits, held_out, awaited) \
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (rollout_id, device_id) DO NOTHING";
    OF_BOTH = "SELECT rollout_id, device_id, cohort, wave, at, traits, held_out, awaited FROM exposure \
               WHERE rollout_id = $1 AND device_id = $2";
    AWAITING = "SELECT rollout_id, device_id, cohort, wave, at, traits, held_out, awaited FROM exposure \
                WHERE device_id = $1 AND awaited > 0 ORDER BY rollout_id DESC LIMIT $2";
    IS_AWAITED = "SELECT EXISTS (SELECT 1 FROM exposure WHERE device_id = $1 AND awaited > 0)";
    AWAIT = "UPDATE exposure SET awaited = $3 WHERE rollout_id = $1 AND device_id = $2";
    PLACE = "SELECT d.hardware_revision, b.code, c.country FROM device d JOIN batch b ON b.id = d.batch_id \
             JOIN custodian c ON c.id = d.custodian_id WHERE d.id = $1";
    MAKERS = "SELECT DISTINCT p.class, p.maker FROM component c JOIN part p ON p.id = c.part_id \
              WHERE c.device_id = $1 AND c.removed_at = 0 AND p.maker <> '' ORDER BY p.class, p.maker LIMIT $2";
}

/// How many rollouts a report can be measured for: those that run at once are fewer.
const AWAITING_MAX: i64 = 20;

/// What a device is, of what outcomes are summed by: its revision, its batch, where who holds it is, who made the parts that its
/// manifest lists.
///
/// # Errors
/// When the database fails.
pub async fn traits_of(tx: &mut Tx, device: DeviceId) -> StoreResult<Traits> {
    let place: Option<(String, String, String)> =
        within!(tx, |executor| sqlx::query_as(PLACE).bind(device.0).fetch_optional(executor).await)?;
    let (revision, batch, region) = place.unwrap_or_default();
    let makers: Vec<(String, String)> =
        within!(tx, |executor| sqlx::query_as(MAKERS).bind(device.0).bind(MAKERS_MAX).fetch_all(executor).await)?;
    let makers = makers.into_iter().map(|(class, maker)| format!("{class}={maker}")).collect();
    let all = Traits { revision, batch, region, makers };
    Ok(all.only(|_, level| level.chars().count() <= LEVEL_MAX))
}

/// Notes that a device was exposed; false when that was noted before, which stays as it was.
///
/// # Errors
/// When the database fails.
pub async fn expose(tx: &mut Tx, exposure: &Exposure) -> StoreResult<bool> {
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let done = within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(exposure.rollout.0)
            .bind(exposure.device.0)
            .bind(number(exposure.cohort))
            .bind(number(exposure.wave))
            .bind(exposure.at.0)
            .bind(serde_json::to_string(&exposure.traits).unwrap_or_default())
            .bind(i64::from(exposure.held_out))
            .bind(exposure.awaited)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// How a device was exposed to a rollout.
///
/// # Errors
/// When the database fails.
pub async fn exposure_of(tx: &mut Tx, rollout: RolloutId, device: DeviceId) -> StoreResult<Option<Exposure>> {
    let row: Option<Row> =
        within!(tx, |executor| sqlx::query_as(OF_BOTH).bind(rollout.0).bind(device.0).fetch_optional(executor).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Whether anything is to be measured by what a device reports.
///
/// # Errors
/// When the database fails.
pub async fn is_awaited(db: &crate::Db, device: DeviceId) -> StoreResult<bool> {
    // SQLite says it by a number, PostgreSQL by a truth value.
    Ok(match db {
        crate::Db::Sqlite { read, .. } => {
            sqlx::query_scalar::<_, i64>(IS_AWAITED).bind(device.0).fetch_one(read).await? != 0
        }
        crate::Db::Postgres(pool) => sqlx::query_scalar(IS_AWAITED).bind(device.0).fetch_one(pool).await?,
    })
}

/// Where a device is to report values, the last rollouts first.
///
/// # Errors
/// When the database fails.
pub async fn awaiting(tx: &mut Tx, device: DeviceId) -> StoreResult<Vec<Exposure>> {
    let rows: Vec<Row> = within!(tx, |executor| {
        sqlx::query_as(AWAITING).bind(device.0).bind(AWAITING_MAX).fetch_all(executor).await
    })?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Notes which values a device is to report still.
///
/// # Errors
/// When the database fails.
pub async fn put_awaited(tx: &mut Tx, rollout: RolloutId, device: DeviceId, awaited: i64) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(AWAIT).bind(rollout.0).bind(device.0).bind(awaited).execute(executor).await.map(drop)
    })?;
    Ok(())
}
