//! Webhooks: who is told what.

pub mod delivery;

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    id::WebhookId,
    time::Timestamp,
    webhook::{EventKind, HookState, Secrets},
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// A webhook, without its secret, which is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where its receiver is.
    pub url: String,
    /// What it is told of.
    pub kinds: Vec<EventKind>,
    /// Whether it is told at all.
    pub state: HookState,
    /// Why it stands so; may be empty.
    pub note: String,
    /// Which secrets its messages are signed with.
    pub secrets: Secrets,
    /// How often in a row its receiver did not work.
    pub troubles: i64,
    /// Nothing is sent to it before that.
    pub wait_until: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    url: String,
    kinds: String,
    state: String,
    note: String,
    generation: i64,
    signs_from: i64,
    signs_until: i64,
    troubles: i64,
    wait_until: i64,
    created_by: String,
    created_at: i64,
}

impl TryFrom<Row> for Webhook {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: WebhookId(row.id),
            url: row.url,
            // A word of a later version is of no use to this one.
            kinds: row.kinds.split_whitespace().filter_map(|word| word.parse().ok()).collect(),
            state: row.state.parse().map_err(|e| StoreError::corrupt("webhook.state", e))?,
            note: row.note,
            secrets: Secrets {
                generation: row.generation,
                signs_from: row.signs_from,
                signs_until: Timestamp(row.signs_until),
            },
            troubles: row.troubles,
            wait_until: Timestamp(row.wait_until),
            created_by: row.created_by,
            created_at: Timestamp(row.created_at),
        })
    }
}

queries! {
    ALL = "SELECT id, url, kinds, state, note, generation, signs_from, signs_until, troubles, wait_until, created_by, \
           created_at FROM webhook ORDER BY created_at, id";
    BY_ID = "SELECT id, url, kinds, state, note, generation, signs_from, signs_until, troubles, wait_until, created_by, \
             created_at FROM webhook WHERE id = $1";
    INSERT = "INSERT INTO webhook (id, url, kinds, state, note, generation, signs_from, signs_until, troubles, wait_until, \
              created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    PUT = "UPDATE webhook SET state = $2, note = $3, generation = $4, signs_from = $5, signs_until = $6, troubles = $7, \
           wait_until = $8 WHERE id = $1";
    REMOVE = "DELETE FROM webhook WHERE id = $1";
}

/// All webhooks, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &Db) -> StoreResult<Vec<Webhook>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(ALL).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The same, as the transaction sees them.
///
/// # Errors
/// When the database fails.
pub async fn all_within(tx: &mut Tx) -> StoreResult<Vec<Webhook>> {
    let rows: Vec<Row> = within!(tx, |executor| sqlx::query_as(ALL).fetch_all(executor).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// A webhook by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: WebhookId) -> StoreResult<Option<Webhook>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// The same, held until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, id: WebhookId) -> StoreResult<Option<Webhook>> {
    let row: Option<Row> = match tx {
        Tx::Sqlite(tx) => sqlx::query_as(BY_ID).bind(id.0).fetch_optional(&mut **tx).await?,
        Tx::Postgres(tx) => {
            let sql = AssertSqlSafe(format!("{BY_ID} FOR UPDATE"));
            sqlx::query_as(sql).bind(id.0).fetch_optional(&mut **tx).await?
        }
    };
    row.map(TryInto::try_into).transpose()
}

/// Enters a webhook.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, hook: &Webhook) -> StoreResult<()> {
    let kinds: Vec<&str> = hook.kinds.iter().map(|kind| kind.as_str()).collect();
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(hook.id.0)
            .bind(&hook.url)
            .bind(kinds.join(" "))
            .bind(hook.state.as_str())
            .bind(&hook.note)
            .bind(hook.secrets.generation)
            .bind(hook.secrets.signs_from)
            .bind(hook.secrets.signs_until.0)
            .bind(hook.troubles)
            .bind(hook.wait_until.0)
            .bind(&hook.created_by)
            .bind(hook.created_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Writes what changes of a webhook: how it stands, its secrets and its receiver's troubles.
///
/// # Errors
/// When the database fails.
pub async fn put(tx: &mut Tx, hook: &Webhook) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(PUT)
            .bind(hook.id.0)
            .bind(hook.state.as_str())
            .bind(&hook.note)
            .bind(hook.secrets.generation)
            .bind(hook.secrets.signs_from)
            .bind(hook.secrets.signs_until.0)
            .bind(hook.troubles)
            .bind(hook.wait_until.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// Removes a webhook, with what it is owed.
///
/// # Errors
/// When the database fails.
pub async fn remove(tx: &mut Tx, id: WebhookId) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(REMOVE).bind(id.0).execute(executor).await.map(drop))?;
    Ok(())
}
