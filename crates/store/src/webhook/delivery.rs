//! What webhooks are owed: events, and how the delivery of each to each stands.

use crate::{Db, StoreError, StoreResult, Tx, user::some_time};
use domain::{
    id::{EventId, WebhookId},
    time::Timestamp,
    webhook::DeliveryState,
};
use uuid::Uuid;

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id, by which a receiver knows it again.
    pub id: EventId,
    /// The sequence of the change that it is made of.
    pub seq: i64,
    /// What happened: a word of [`domain::webhook::EventKind`], or [`domain::webhook::TEST`].
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// JSON as it is sent; empty where nobody wanted to know.
    pub body: String,
}

/// How the delivery of an event to a webhook stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The event's sequence.
    pub seq: i64,
    /// The event's id.
    pub event: EventId,
    /// What happened.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// Since when it is owed.
    pub owed_at: Timestamp,
    /// It is not tried before that.
    pub next_at: Timestamp,
    /// When it was tried last.
    pub last_at: Option<Timestamp>,
    /// The status of HTTP that it was answered with last; 0 for no answer.
    pub status: i64,
    /// What went wrong last; may be empty.
    pub note: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    seq: i64,
    event_id: Uuid,
    kind: String,
    at: i64,
    state: String,
    attempts: i64,
    owed_at: i64,
    next_at: i64,
    last_at: i64,
    status: i64,
    note: String,
}

impl TryFrom<Row> for Delivery {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            seq: row.seq,
            event: EventId(row.event_id),
            kind: row.kind,
            at: Timestamp(row.at),
            state: row.state.parse().map_err(|e| StoreError::corrupt("webhook_delivery.state", e))?,
            attempts: row.attempts,
            owed_at: Timestamp(row.owed_at),
            next_at: Timestamp(row.next_at),
            last_at: some_time(row.last_at),
            status: row.status,
            note: row.note,
        })
    }
}

queries! {
    KNOWN = "SELECT seq FROM webhook_event WHERE seq >= $1 AND seq <= $2";
    INSERT = "INSERT INTO webhook_event (id, seq, kind, at, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (seq) DO NOTHING";
    OWE = "INSERT INTO webhook_delivery (webhook_id, seq, event_id, state, attempts, owed_at, next_at, last_at, status, note) \
           VALUES ($1, $2, $3, 'owed', 0, $4, 0, 0, 0, '')";
    DUE = "SELECT d.seq, d.event_id, e.kind, e.at, d.state, d.attempts, d.owed_at, d.next_at, d.last_at, d.status, d.note \
           FROM webhook_delivery d JOIN webhook_event e ON e.id = d.event_id \
           WHERE d.webhook_id = $1 AND d.state = 'owed' AND d.next_at <= $2 ORDER BY d.seq LIMIT 1";
    BODY = "SELECT body FROM webhook_event WHERE id = $1";
    RECENT = "SELECT d.seq, d.event_id, e.kind, e.at, d.state, d.attempts, d.owed_at, d.next_at, d.last_at, d.status, \
              d.note FROM webhook_delivery d JOIN webhook_event e ON e.id = d.event_id WHERE d.webhook_id = $1 \
              AND d.seq < $2 ORDER BY d.seq DESC LIMIT $3";
    SETTLE = "UPDATE webhook_delivery SET state = $3, attempts = attempts + 1, next_at = $4, last_at = $5, status = $6, \
              note = $7 WHERE webhook_id = $1 AND seq = $2 AND state = 'owed'";
    AGAIN = "UPDATE webhook_delivery SET state = 'owed', owed_at = $3, next_at = 0 WHERE webhook_id = $1 AND seq = $2";
    RENEW = "UPDATE webhook_delivery SET owed_at = $2, next_at = 0 WHERE webhook_id = $1 AND state = 'owed'";
    WAITING = "SELECT webhook_id, COUNT(*) FROM webhook_delivery WHERE state = 'owed' GROUP BY webhook_id";
    FORGET = "DELETE FROM webhook_event WHERE id IN (SELECT id FROM webhook_event WHERE at < $1 ORDER BY at LIMIT $2)";
    OLD = "SELECT COUNT(*) FROM (SELECT 1 FROM webhook_event WHERE at < $1 LIMIT $2) AS old";
}

/// Which sequences between two, these included, were made into events.
///
/// # Errors
/// When the database fails.
pub async fn known(db: &Db, from: i64, to: i64) -> StoreResult<Vec<i64>> {
    Ok(read!(db, |pool| sqlx::query_scalar(KNOWN).bind(from).bind(to).fetch_all(pool).await)?)
}

/// Enters an event. False when that was done already.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, event: &Event) -> StoreResult<bool> {
    let rows = within!(tx, |executor| {
        let query = sqlx::query(INSERT).bind(event.id.0).bind(event.seq).bind(&event.kind).bind(event.at.0);
        query.bind(&event.body).execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(rows == 1)
}

/// Notes that an event is owed to a webhook.
///
/// # Errors
/// When the database fails.
pub async fn owe(tx: &mut Tx, hook: WebhookId, event: &Event, now: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| {
        let query = sqlx::query(OWE).bind(hook.0).bind(event.seq).bind(event.id.0).bind(now.0);
        query.execute(executor).await.map(drop)
    })?;
    Ok(())
}

/// What a webhook is to be sent next, if anything, and its body.
///
/// # Errors
/// When the database fails.
pub async fn due(db: &Db, hook: WebhookId, now: Timestamp) -> StoreResult<Option<(Delivery, String)>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(DUE).bind(hook.0).bind(now.0).fetch_optional(pool).await)?;
    let Some(row) = row else { return Ok(None) };
    let body: Option<String> =
        read!(db, |pool| sqlx::query_scalar(BODY).bind(row.event_id).fetch_optional(pool).await)?;
    // Forgotten in between, with what was owed.
    let Some(body) = body else { return Ok(None) };
    Ok(Some((row.try_into()?, body)))
}

/// What a webhook was told last, the newest first, before a sequence.
///
/// # Errors
/// When the database fails.
pub async fn recent(db: &Db, hook: WebhookId, before: i64, limit: i64) -> StoreResult<Vec<Delivery>> {
    let rows: Vec<Row> =
        read!(db, |pool| sqlx::query_as(RECENT).bind(hook.0).bind(before).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How something ended that was tried.
#[derive(Clone, Debug)]
pub struct Tried<'a> {
    /// How it stands now.
    pub state: DeliveryState,
    /// It is not tried before that.
    pub next_at: Timestamp,
    /// When it was tried.
    pub at: Timestamp,
    /// The status of HTTP; 0 for no answer.
    pub status: i64,
    /// What went wrong; may be empty.
    pub note: &'a str,
}

/// Notes how it ended. False when it is owed no more.
///
/// # Errors
/// When the database fails.
pub async fn settle(tx: &mut Tx, hook: WebhookId, seq: i64, tried: &Tried<'_>) -> StoreResult<bool> {
    let rows = within!(tx, |executor| {
        sqlx::query(SETTLE)
            .bind(hook.0)
            .bind(seq)
            .bind(tried.state.as_str())
            .bind(tried.next_at.0)
            .bind(tried.at.0)
            .bind(tried.status)
            .bind(tried.note)
            .execute(executor)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(rows == 1)
}

/// Owes something once more. False when there is no such delivery.
///
/// # Errors
/// When the database fails.
pub async fn again(tx: &mut Tx, hook: WebhookId, seq: i64, now: Timestamp) -> StoreResult<bool> {
    let rows = within!(tx, |executor| {
        let query = sqlx::query(AGAIN).bind(hook.0).bind(seq).bind(now.0);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(rows == 1)
}

/// Lets all that a webhook is owed be owed since now.
///
/// # Errors
/// When the database fails.
pub async fn renew(tx: &mut Tx, hook: WebhookId, now: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(RENEW).bind(hook.0).bind(now.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// How much each webhook is owed that is owed anything.
///
/// # Errors
/// When the database fails.
pub async fn waiting(db: &Db) -> StoreResult<Vec<(WebhookId, i64)>> {
    let rows: Vec<(Uuid, i64)> = read!(db, |pool| sqlx::query_as(WAITING).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(|(id, n)| (WebhookId(id), n)).collect())
}

/// Forgets so many events at most that happened before a time, and their deliveries. How many events that were.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, before: Timestamp, limit: i64) -> StoreResult<u64> {
    Ok(within!(tx, |executor| {
        let query = sqlx::query(FORGET).bind(before.0).bind(limit);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?)
}

/// How many events happened before a time; `limit` stands for that many or more.
///
/// # Errors
/// When the database fails.
pub async fn old(db: &Db, before: Timestamp, limit: i64) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(OLD).bind(before.0).bind(limit).fetch_one(pool).await)?)
}
