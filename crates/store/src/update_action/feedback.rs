//! What devices said of updates: append only, and of each so much at most.

use crate::{Db, StoreResult, Tx};
use domain::{
    rollout::{Consent, Feedback, Finished, UserAnswer},
    time::Timestamp,
};

/// How much of one action is kept. A client that says more is answered all the same.
pub const KEPT: i64 = 500;
/// How many lines of one feedback are kept, and how long each.
const LINES: usize = 20;
const LINE: usize = 500;

/// Something that a device said.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Said {
    /// When, by our clock.
    pub at: Timestamp,
    /// How far it said that it was.
    pub execution: String,
    /// How it came out.
    pub finished: String,
    /// The client's code; empty without one.
    pub code: String,
    /// What it said, a line each.
    pub details: Vec<String>,
}

queries! {
    COUNT = "UPDATE update_action SET said = said + 1 WHERE id = $1 RETURNING said";
    APPEND = "INSERT INTO update_feedback (action_id, n, at, execution, finished, code, details) \
              VALUES ($1, $2, $3, $4, $5, $6, $7)";
    OF = "SELECT at, execution, finished, code, details FROM update_feedback WHERE action_id = $1 ORDER BY n DESC LIMIT $2";
    ANSWER = "SELECT execution FROM update_feedback WHERE action_id = $1 AND execution IN ('confirmed', 'denied') \
              ORDER BY n DESC LIMIT 1";
}

/// Keeps what a device said of an action, cut, up to [`KEPT`] times; beyond that only what closes it.
///
/// # Errors
/// When the database fails.
pub async fn append(tx: &mut Tx, action: i64, feedback: &Feedback, at: Timestamp) -> StoreResult<()> {
    let words = (feedback.execution.as_str(), feedback.finished.as_str());
    let closes = feedback.is_success() || feedback.is_failure();
    keep(tx, (action, closes), words, (feedback.code, &feedback.details), at).await
}

/// Keeps what a device's user said of an action, as [`append`] does; beyond [`KEPT`] only that one agreed.
///
/// # Errors
/// When the database fails.
pub async fn append_answer(tx: &mut Tx, action: i64, said: &UserAnswer, at: Timestamp) -> StoreResult<()> {
    let words = (said.consent.as_str(), Finished::None.as_str());
    keep(tx, (action, said.agrees()), words, (said.code, &said.details), at).await
}

async fn keep(
    tx: &mut Tx,
    (action, closes): (i64, bool),
    (execution, finished): (&str, &str),
    (code, details): (Option<i64>, &[String]),
    at: Timestamp,
) -> StoreResult<()> {
    let n: i64 = within!(tx, |executor| sqlx::query_scalar(COUNT).bind(action).fetch_one(executor).await)?;
    if n > 2 * KEPT || (n > KEPT && !closes) {
        return Ok(());
    }
    // PostgreSQL takes no nought in a text.
    let cut = |line: &String| line.replace('\0', "").chars().take(LINE).collect::<String>();
    let details: Vec<String> = details.iter().take(LINES).map(cut).collect();
    within!(tx, |executor| {
        sqlx::query(APPEND)
            .bind(action)
            .bind(n)
            .bind(at.0)
            .bind(execution)
            .bind(finished)
            .bind(code.map(|code| code.to_string()).unwrap_or_default())
            .bind(serde_json::to_string(&details).unwrap_or_default())
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// What a device's user said of an action last, as far as it is kept.
///
/// # Errors
/// When the database fails.
pub async fn last_answer(tx: &mut Tx, action: i64) -> StoreResult<Option<Consent>> {
    let last: Option<String> =
        within!(tx, |executor| sqlx::query_scalar(ANSWER).bind(action).fetch_optional(executor).await)?;
    Ok(last.and_then(|last| last.parse().ok()))
}

/// What a device said of an action, the last first.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, action: i64, limit: i64) -> StoreResult<Vec<Said>> {
    let rows: Vec<(i64, String, String, String, String)> =
        read!(db, |pool| sqlx::query_as(OF).bind(action).bind(limit).fetch_all(pool).await)?;
    let said = |(at, execution, finished, code, details): (i64, String, String, String, String)| Said {
        at: Timestamp(at),
        execution,
        finished,
        code,
        details: serde_json::from_str(&details).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(said).collect())
}
