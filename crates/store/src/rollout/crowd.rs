//! Who is in a rollout: what is to be known of devices that were drawn from it, read by their numbers.

use crate::{Db, StoreError, StoreResult, user::some_time};
use domain::{
    cadence::Cadence,
    id::{CustodianId, DeviceId, ModelId, RolloutId},
    rollout::{ActionState, Subject},
    time::Timestamp,
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// A device of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub number: u32,
    /// Its id.
    pub id: DeviceId,
    /// What decides whether it gets anything. Whether its certificates are on hold is not looked up.
    pub subject: Subject,
    /// Who holds it.
    pub holder: CustodianId,
    /// Who made it.
    pub factory: CustodianId,
    /// When it was last heard from.
    pub last_seen_at: Option<Timestamp>,
    /// How often it polls, in seconds, as it was last told or is known to; none before its first poll.
    pub interval_s: Option<i64>,
    /// The update that it is under way with.
    pub under_way: Option<UnderWay>,
}

/// What a device that was told of an update is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// The rollout that told it.
    pub rollout: RolloutId,
    /// When that was.
    pub offered_at: Timestamp,
    /// Until when it has to live with what it runs, once it does.
    pub soak_until: Option<Timestamp>,
    /// When it counts as silent or failed if nothing changes; none where it can't.
    pub due_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    id: Uuid,
    model_id: Uuid,
    hardware_revision: String,
    batch: String,
    custodian_id: Uuid,
    factory_id: Uuid,
    channel: String,
    lifecycle: String,
    trust: String,
    firmware: String,
    time_zone: String,
    last_seen_at: i64,
    cadence: Option<String>,
    rollout_id: Option<Uuid>,
    action_state: Option<String>,
    offered_at: Option<i64>,
    soak_until: Option<i64>,
    due_at: Option<i64>,
}

impl Row {
    fn under_way(&self) -> StoreResult<Option<UnderWay>> {
        let (Some(rollout), Some(state), Some(offered_at)) = (self.rollout_id, &self.action_state, self.offered_at)
        else {
            return Ok(None);
        };
        let state: ActionState = state.parse().map_err(|e| StoreError::corrupt("update_action.state", e))?;
        let [soak_until, due_at] = [self.soak_until, self.due_at].map(|at| some_time(at.unwrap_or_default()));
        let found = UnderWay { rollout: RolloutId(rollout), offered_at: Timestamp(offered_at), soak_until, due_at };
        Ok(Some(found).filter(|_| state.is_progress()))
    }
}

impl TryFrom<Row> for Known {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        let under_way = row.under_way()?;
        let cadence = row.cadence.and_then(|text| serde_json::from_str::<Cadence>(&text).ok());
        Ok(Self {
            number: u32::try_from(row.number).map_err(|e| StoreError::corrupt("device.number", e))?,
            id: DeviceId(row.id),
            subject: Subject {
                model: ModelId(row.model_id),
                revision: row.hardware_revision,
                batch: row.batch,
                channel: row.channel,
                lifecycle: row.lifecycle.parse().map_err(|e| StoreError::corrupt("device.lifecycle", e))?,
                trust: row.trust.parse().map_err(|e| StoreError::corrupt("device.trust", e))?,
                held: false,
                firmware: row.firmware,
                zone: row.time_zone,
            },
            holder: CustodianId(row.custodian_id),
            factory: CustodianId(row.factory_id),
            last_seen_at: some_time(row.last_seen_at),
            interval_s: cadence.map(|cadence| i64::from(cadence.interval_s())),
            under_way,
        })
    }
}

/// The devices of these numbers; those that there are not are left out. Costs one look at an index for each.
///
/// # Errors
/// When the database fails.
pub async fn known(db: &Db, numbers: &[u32]) -> StoreResult<Vec<Known>> {
    let mut out = Vec::with_capacity(numbers.len());
    for chunk in numbers.chunks(crate::db::MAX_BINDS) {
        let rows: Vec<Row> = read!(db, |pool| {
            let mut query = sqlx::query_as(AssertSqlSafe(known_sql(db, chunk.len())));
            for number in chunk {
                query = query.bind(i64::from(*number));
            }
            query.fetch_all(pool).await
        })?;
        for row in rows {
            out.push(row.try_into()?);
        }
    }
    Ok(out)
}

/// What [`known`] asks for so many.
#[must_use]
pub fn known_sql(db: &Db, n: usize) -> String {
    format!(
        "SELECT d.number, d.id, d.model_id, d.hardware_revision, b.code AS batch, d.custodian_id, d.factory_id, d.channel, \
         d.lifecycle, d.trust, d.firmware, d.time_zone, d.last_seen_at, p.cadence, \
         a.rollout_id, a.state AS action_state, a.offered_at, a.soak_until, a.due_at FROM device d \
         JOIN batch b ON b.id = d.batch_id \
         LEFT JOIN device_poll p ON p.device_id = d.id \
         LEFT JOIN update_action a ON a.device_id = d.id AND a.is_open = 1 WHERE d.number IN ({})",
        crate::db::list_sql(db, n)
    )
}
