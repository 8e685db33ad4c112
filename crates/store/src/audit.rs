//! The audit chain.

use crate::{Db, StoreResult, Tx};
use domain::{
    UnknownWord,
    audit::{AuditRecord, Outcome, chain_hash},
    time::Timestamp,
};
use sqlx::AssertSqlSafe;

/// An entry of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number, from 1 without gaps.
    pub seq: i64,
    /// What it says.
    pub record: AuditRecord,
    /// The hash of the entry before.
    pub previous_hash: String,
    /// Its own hash.
    pub hash: String,
}

/// Which entries are wanted; empty texts match everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The actor's name, whole.
    pub actor: String,
    /// The action, whole.
    pub action: String,
    /// The subject, whole.
    pub subject: String,
    /// The outcome, whole.
    pub outcome: String,
    /// Only entries before this number; 0 for the newest.
    pub before: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    seq: i64,
    at: i64,
    actor_kind: String,
    actor_id: String,
    actor_name: String,
    action: String,
    subject: String,
    outcome: String,
    detail: String,
    address: String,
    previous_hash: String,
    hash: String,
}

impl Row {
    /// The entry, if its outcome is a word we know; anything else was written by somebody else.
    fn entry(self) -> Result<AuditEntry, UnknownWord> {
        let outcome = self.outcome.parse()?;
        Ok(self.with_outcome(outcome))
    }

    fn with_outcome(self, outcome: Outcome) -> AuditEntry {
        let row = self;
        AuditEntry {
            seq: row.seq,
            record: AuditRecord {
                at: Timestamp(row.at),
                actor_kind: row.actor_kind,
                actor_id: row.actor_id,
                actor_name: row.actor_name,
                action: row.action,
                subject: row.subject,
                outcome,
                detail: row.detail,
                address: row.address,
            },
            previous_hash: row.previous_hash,
            hash: row.hash,
        }
    }
}

queries! {
    ADVANCE = "UPDATE audit_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash";
    APPEND = "INSERT INTO audit (seq, at, actor_kind, actor_id, actor_name, action, subject, outcome, detail, address, \
              previous_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    SET_HEAD = "UPDATE audit_head SET hash = $1 WHERE id = 1";
    HEAD = "SELECT seq, hash FROM audit_head WHERE id = 1";
    FORWARD = "SELECT seq, at, actor_kind, actor_id, actor_name, action, subject, outcome, detail, address, \
               previous_hash, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";
    ACTIONS = "WITH RECURSIVE found (action) AS (SELECT MIN(action) FROM audit UNION ALL \
               SELECT (SELECT MIN(a.action) FROM audit a WHERE a.action > found.action) FROM found \
               WHERE found.action IS NOT NULL) SELECT action FROM found WHERE action IS NOT NULL ORDER BY action";
}

/// Appends an entry to the chain.
///
/// # Errors
/// When the database fails.
pub async fn append(tx: &mut Tx, record: &AuditRecord) -> StoreResult<i64> {
    let (seq, previous_hash): (i64, String) =
        within!(tx, |executor| sqlx::query_as(ADVANCE).fetch_one(executor).await)?;
    let hash = chain_hash(seq, &previous_hash, record);
    within!(tx, |executor| {
        sqlx::query(APPEND)
            .bind(seq)
            .bind(record.at.0)
            .bind(&record.actor_kind)
            .bind(&record.actor_id)
            .bind(&record.actor_name)
            .bind(&record.action)
            .bind(&record.subject)
            .bind(record.outcome.as_str())
            .bind(&record.detail)
            .bind(&record.address)
            .bind(&previous_hash)
            .bind(&hash)
            .execute(executor)
            .await
            .map(drop)
    })?;
    within!(tx, |executor| sqlx::query(SET_HEAD).bind(&hash).execute(executor).await.map(drop))?;
    Ok(seq)
}

/// The end of the chain: the last entry's number (0 for none) and hash.
///
/// # Errors
/// When the database fails.
pub async fn head(db: &Db) -> StoreResult<(i64, String)> {
    Ok(read!(db, |pool| sqlx::query_as(HEAD).fetch_one(pool).await)?)
}

/// The list's query and its texts. Only what is wanted stands in it, and of that the one that fits fewest is looked up
/// in its index, which ends in the number and so has the order of the list: of a million entries few may match.
fn list_sql(filter: &AuditFilter) -> (String, Vec<&str>) {
    let mut sql = "SELECT seq, at, actor_kind, actor_id, actor_name, action, subject, outcome, detail, address, \
                   previous_hash, hash FROM audit WHERE seq < $1"
        .to_owned();
    // Nearly everything that is recorded was done; what was refused or failed is rare.
    let done = filter.outcome == Outcome::Done.as_str();
    let (rare, common) = if done { ("", filter.outcome.as_str()) } else { (filter.outcome.as_str(), "") };
    let mut texts = Vec::new();
    for (column, text) in [
        ("subject", filter.subject.as_str()),
        ("outcome", rare),
        ("actor_name", filter.actor.as_str()),
        ("action", filter.action.as_str()),
        ("outcome", common),
    ] {
        if text.is_empty() {
            continue;
        }
        // Only the first one as it stands: a database that has to choose between indexes may choose the worse one.
        let column = if texts.is_empty() { column.to_owned() } else { format!("({column} || '')") };
        texts.push(text);
        sql.push_str(&format!(" AND {column} = ${}", texts.len() + 2));
    }
    sql.push_str(" ORDER BY seq DESC LIMIT $2");
    (sql, texts)
}

/// Entries that match, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, filter: &AuditFilter, limit: i64) -> StoreResult<Vec<AuditEntry>> {
    let before = if filter.before > 0 { filter.before } else { i64::MAX };
    let (sql, texts) = list_sql(filter);
    let rows: Vec<Row> = search!(db, |pool| {
        let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(before).bind(limit);
        for text in texts {
            query = query.bind(text);
        }
        query.fetch_all(pool).await
    })?;
    // An altered outcome is shown as a failure here; verifying the chain names it.
    let entry = |row: Row| {
        let outcome = row.outcome.parse().unwrap_or(Outcome::Failed);
        row.with_outcome(outcome)
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// Entries after a number, oldest first, each with its number. One that can't be read is the verifier's business, and
/// does not hide the others.
///
/// # Errors
/// When the database fails.
pub async fn forward(db: &Db, after: i64, limit: i64) -> StoreResult<Vec<(i64, Result<AuditEntry, UnknownWord>)>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(FORWARD).bind(after).bind(limit).fetch_all(pool).await)?;
    Ok(rows.into_iter().map(|row| (row.seq, row.entry())).collect())
}

/// Every action that occurs, for the filter.
///
/// # Errors
/// When the database fails.
pub async fn actions(db: &Db) -> StoreResult<Vec<String>> {
    Ok(read!(db, |pool| sqlx::query_scalar(ACTIONS).fetch_all(pool).await)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::testing;

    async fn plan(db: &Db, sql: &str, texts: &[&str]) -> String {
        let Db::Sqlite { read, .. } = db else { return String::new() };
        let mut query = sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
        if sql.contains("$1") {
            query = query.bind(i64::MAX).bind(50_i64);
        }
        for text in texts {
            query = query.bind(*text);
        }
        let steps: Vec<(i64, i64, i64, String)> = query.fetch_all(read).await.unwrap();
        steps.into_iter().map(|(.., step)| step).collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn no_filter_reads_the_whole_log() {
        let fixture = testing::sqlite().await.unwrap();
        let x = || "x".to_owned();
        let none = AuditFilter::default();
        for (filter, index) in [
            (AuditFilter { actor: x(), ..none.clone() }, "audit_actor"),
            (AuditFilter { action: x(), ..none.clone() }, "audit_action"),
            (AuditFilter { subject: x(), ..none.clone() }, "audit_subject"),
            (AuditFilter { outcome: x(), ..none.clone() }, "audit_outcome"),
            (AuditFilter { outcome: "denied".to_owned(), action: x(), ..none.clone() }, "audit_outcome"),
            (AuditFilter { outcome: "done".to_owned(), action: x(), ..none.clone() }, "audit_action"),
            (AuditFilter { outcome: x(), actor: x(), subject: x(), ..none.clone() }, "audit_subject"),
        ] {
            let (sql, texts) = list_sql(&filter);
            let plan = plan(&fixture.db, &sql, &texts).await;
            assert!(plan.contains(&format!("SEARCH audit USING INDEX {index}")), "{filter:?}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
        }
        let plan = plan(&fixture.db, ACTIONS, &[]).await;
        assert!(plan.contains("USING COVERING INDEX audit_action") && !plan.contains("SCAN a"), "{plan}");
    }
}
