//! How devices poll, and what a poll needs to be answered.

use crate::{Db, StoreError, StoreResult, Tx, update_action::UpdateAction, user::some_time};
use domain::{
    cadence::Cadence,
    id::{DeviceId, ModelId, ReleaseId, RolloutId},
    rollout::{ActionKind, ActionState, Subject, UnderWay},
    time::Timestamp,
};
use sqlx::AssertSqlSafe;
use std::sync::Arc;
use uuid::Uuid;

/// What a poll needs to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollState {
    /// How often devices of its model poll, in seconds.
    pub interval_s: i64,
    /// Whether it is asked to report.
    pub wanted: bool,
    /// From when on it is asked to report all the same.
    pub due_at: Option<Timestamp>,
    /// How it polled until this was last written down, and when that was.
    pub cadence: Option<(Cadence, Timestamp)>,
    /// What decides which updates it gets. Shared, because polls in the same minute go by the same.
    pub updates: Option<Arc<Updatable>>,
}

/// What decides which updates a device gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updatable {
    /// Its number.
    pub number: u32,
    /// The device.
    pub subject: Subject,
    /// Its last updates, the newest first.
    pub actions: Vec<SeenAction>,
    /// The rollouts from which it is held out for comparison, as far as that was written down.
    pub held_out: Vec<RolloutId>,
}

/// An update of a device, as far as its poll needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenAction {
    /// What the device knows it by.
    pub id: i64,
    /// The rollout.
    pub rollout: RolloutId,
    /// What it brings.
    pub release: ReleaseId,
    /// What it is for.
    pub kind: ActionKind,
    /// Which try it is, from 0.
    pub attempt: u32,
    /// How far it is.
    pub state: ActionState,
    /// How far it came on the device before a silence, a stop or its end.
    pub reached: ActionState,
    /// From when on a poll verifies it.
    pub soak_until: Option<Timestamp>,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
    /// Whether the device refused to stop.
    pub refused_to_stop: bool,
}

impl SeenAction {
    /// It, as far as what a poll is answered depends on it.
    #[must_use]
    pub const fn under_way(&self) -> UnderWay {
        UnderWay {
            kind: self.kind,
            state: self.state,
            reached: self.reached,
            soak_until: self.soak_until,
            refused_to_stop: self.refused_to_stop,
        }
    }
}

impl From<&UpdateAction> for SeenAction {
    fn from(kept: &UpdateAction) -> Self {
        Self {
            id: kept.id,
            rollout: kept.rollout,
            release: kept.release,
            kind: kept.action.kind,
            attempt: kept.action.attempt,
            state: kept.action.state,
            reached: kept.action.reached,
            soak_until: kept.action.soak_until,
            retry_at: kept.action.retry_at,
            refused_to_stop: kept.action.refused_to_stop,
        }
    }
}

/// How many updates of a device its poll looks at: rollouts that run at once are fewer.
const ACTIONS: i64 = 50;
/// Instead of what an update is for: that there is none, because the device is held out from the rollout.
const HELD_OUT: &str = "held_out";

#[derive(sqlx::FromRow)]
struct PollRow {
    poll_interval_s: i64,
    wanted: i64,
    due_at: i64,
    cadence: Option<String>,
    at: Option<i64>,
    number: i64,
    model_id: Uuid,
    hardware_revision: String,
    batch: String,
    channel: String,
    lifecycle: String,
    trust: String,
    firmware: String,
    time_zone: String,
    #[sqlx(flatten)]
    action: ActionRow,
}

#[derive(sqlx::FromRow)]
struct ActionRow {
    action_id: Option<i64>,
    rollout_id: Option<Uuid>,
    release_id: Option<Uuid>,
    kind: Option<String>,
    attempt: Option<i64>,
    action_state: Option<String>,
    reached: Option<String>,
    soak_until: Option<i64>,
    retry_at: Option<i64>,
    refused_stop: Option<i64>,
}

impl ActionRow {
    fn seen(&self) -> Option<SeenAction> {
        Some(SeenAction {
            id: self.action_id?,
            rollout: RolloutId(self.rollout_id?),
            release: ReleaseId(self.release_id?),
            kind: self.kind.as_deref()?.parse().ok()?,
            attempt: u32::try_from(self.attempt?).ok()?,
            state: self.action_state.as_deref()?.parse().ok()?,
            reached: self.reached.as_deref()?.parse().ok()?,
            soak_until: self.soak_until.and_then(some_time),
            retry_at: self.retry_at.and_then(some_time),
            refused_to_stop: self.refused_stop? != 0,
        })
    }

    /// The rollout that it is held out from, if the row says that.
    fn held_out(&self) -> Option<RolloutId> {
        self.rollout_id.filter(|_| self.kind.as_deref() == Some(HELD_OUT)).map(RolloutId)
    }
}

/// How a device polled, to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    /// The device.
    pub device: DeviceId,
    /// How it polls.
    pub cadence: Cadence,
    /// From where it did last.
    pub address: String,
    /// When it did last.
    pub at: Timestamp,
}

queries! {
    POLL = "SELECT m.poll_interval_s, COALESCE(r.wanted, 1) AS wanted, COALESCE(r.due_at, 0) AS due_at, \
            p.cadence, p.at, d.number, d.model_id, d.hardware_revision, b.code AS batch, d.channel, d.lifecycle, d.trust, \
            d.firmware, d.time_zone, a.id AS action_id, a.rollout_id, a.release_id, a.kind, a.attempt, a.state AS action_state, \
            a.reached, a.soak_until, a.retry_at, a.refused_stop \
            FROM device d JOIN model m ON m.id = d.model_id JOIN batch b ON b.id = d.batch_id \
            LEFT JOIN device_report r ON r.device_id = d.id \
            LEFT JOIN device_poll p ON p.device_id = d.id \
            LEFT JOIN (SELECT * FROM (SELECT id, rollout_id, release_id, kind, attempt, state, reached, soak_until, \
            retry_at, refused_stop FROM update_action WHERE device_id = $1 ORDER BY id DESC LIMIT $2) AS newest \
            UNION ALL SELECT * FROM (SELECT 0, rollout_id, rollout_id, 'held_out', 0, '', '', 0, 0, 0 FROM exposure \
            WHERE device_id = $1 AND held_out = 1 ORDER BY rollout_id DESC LIMIT $2) AS without) a ON TRUE \
            WHERE d.id = $1";
    ZONE = "UPDATE device SET time_zone = $2 WHERE id = $1 AND time_zone <> $2";
    CADENCE = "SELECT cadence FROM device_poll WHERE device_id = $1";
    POLLED = "SELECT address, at FROM device_poll WHERE device_id = $1";
}

/// What a poll of this device needs; none when there is no such device.
///
/// # Errors
/// When the database fails.
pub async fn poll_state(db: &Db, device: DeviceId) -> StoreResult<Option<PollState>> {
    let rows: Vec<PollRow> = read!(db, |pool| sqlx::query_as(POLL).bind(device.0).bind(ACTIONS).fetch_all(pool).await)?;
    let mut actions: Vec<SeenAction> = rows.iter().filter_map(|row| row.action.seen()).collect();
    actions.sort_unstable_by_key(|action| std::cmp::Reverse(action.id));
    let held_out = rows.iter().filter_map(|row| row.action.held_out()).collect();
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let subject = Subject {
        model: ModelId(row.model_id),
        revision: row.hardware_revision,
        batch: row.batch,
        channel: row.channel,
        lifecycle: row.lifecycle.parse().map_err(|e| StoreError::corrupt("device.lifecycle", e))?,
        trust: row.trust.parse().map_err(|e| StoreError::corrupt("device.trust", e))?,
        held: false,
        firmware: row.firmware,
        zone: row.time_zone,
    };
    let updates =
        u32::try_from(row.number).ok().map(|number| Arc::new(Updatable { number, subject, actions, held_out }));
    Ok(Some(PollState {
        interval_s: row.poll_interval_s,
        wanted: row.wanted != 0,
        due_at: some_time(row.due_at),
        // What an earlier version wrote and can't be read any more is as good as never seen.
        cadence: row.cadence.and_then(|text| serde_json::from_str(&text).ok()).zip(row.at.map(Timestamp)),
        updates,
    }))
}

/// Notes the zone that a device reports.
///
/// # Errors
/// When the database fails.
pub async fn set_zone(tx: &mut Tx, device: DeviceId, zone: &str) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(ZONE).bind(device.0).bind(zone).execute(executor).await.map(drop))?;
    Ok(())
}

/// From where a device polled last, and when, as it was last written down.
///
/// # Errors
/// When the database fails.
pub async fn polled(db: &Db, device: DeviceId) -> StoreResult<Option<(String, Timestamp)>> {
    let row: Option<(String, i64)> =
        read!(db, |pool| sqlx::query_as(POLLED).bind(device.0).fetch_optional(pool).await)?;
    Ok(row.map(|(address, at)| (address, Timestamp(at))))
}

/// How a device polls, as it was last written down, as the transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn cadence(tx: &mut Tx, device: DeviceId) -> StoreResult<Option<Cadence>> {
    let text: Option<String> =
        within!(tx, |executor| sqlx::query_scalar(CADENCE).bind(device.0).fetch_optional(executor).await)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Writes down how devices polled, each unless something later is there.
///
/// # Errors
/// When the database fails.
pub async fn put_polls(tx: &mut Tx, polls: &[Polled]) -> StoreResult<()> {
    for chunk in polls.chunks(crate::db::INSERT_ROWS) {
        let values =
            crate::db::values_sql(tx, "INSERT INTO device_poll (device_id, cadence, address, at)", 4, chunk.len());
        let sql = format!(
            "{values} ON CONFLICT (device_id) DO UPDATE SET cadence = excluded.cadence, address = excluded.address, \
             at = excluded.at WHERE device_poll.at < excluded.at"
        );
        within!(tx, |executor| {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for poll in chunk {
                let cadence = serde_json::to_string(&poll.cadence).unwrap_or_default();
                query = query.bind(poll.device.0).bind(cadence).bind(&poll.address).bind(poll.at.0);
            }
            query.execute(executor).await.map(drop)
        })?;
    }
    Ok(())
}
