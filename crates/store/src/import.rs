//! Imports: how far each has come, and what was wrong with its file.

use crate::{Db, StoreError, StoreResult, Tx};
use domain::{
    id::{CustodianId, DeviceId, ImportId, ModelId},
    import::{ImportFormat, ImportState, Severity},
    time::Timestamp,
};
use std::collections::HashMap;
use uuid::Uuid;

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its id; later imports have larger ones.
    pub id: ImportId,
    /// What the file was called.
    pub file_name: String,
    /// What kind of file it is.
    pub format: ImportFormat,
    /// The file's SHA-256, in hexadecimal.
    pub sha256: String,
    /// The file's size in bytes.
    pub size: i64,
    /// Whether it is checked only.
    pub dry_run: bool,
    /// Whether good rows are entered although others are bad.
    pub skip_bad_rows: bool,
    /// How far it has come.
    pub state: ImportState,
    /// Who brought it.
    pub actor: String,
    /// Whose data folder holds the file.
    pub node: String,
    /// How many rows (EPCIS: events) were read.
    pub rows_checked: i64,
    /// How many of them were dealt with when applying.
    pub rows_applied: i64,
    /// How many bytes of the file were read.
    pub bytes_done: i64,
    /// How many devices (EPCIS: history entries) were entered; of a dry run, would be.
    pub added: i64,
    /// How many were there already.
    pub unchanged: i64,
    /// How many rows are bad.
    pub bad: i64,
    /// How many things were left out.
    pub left_out: i64,
    /// What came of it, in a sentence or two.
    pub message: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it ended, if it did.
    pub finished_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    file_name: String,
    format: String,
    sha256: String,
    size: i64,
    dry_run: bool,
    skip_bad_rows: bool,
    state: String,
    actor: String,
    node: String,
    rows_checked: i64,
    rows_applied: i64,
    bytes_done: i64,
    added: i64,
    unchanged: i64,
    bad: i64,
    left_out: i64,
    message: String,
    created_at: i64,
    finished_at: i64,
}

impl TryFrom<Row> for Import {
    type Error = StoreError;
    fn try_from(row: Row) -> StoreResult<Self> {
        Ok(Self {
            id: ImportId(row.id),
            file_name: row.file_name,
            format: row.format.parse().map_err(|e| StoreError::corrupt("import.format", e))?,
            sha256: row.sha256,
            size: row.size,
            dry_run: row.dry_run,
            skip_bad_rows: row.skip_bad_rows,
            state: row.state.parse().map_err(|e| StoreError::corrupt("import.state", e))?,
            actor: row.actor,
            node: row.node,
            rows_checked: row.rows_checked,
            rows_applied: row.rows_applied,
            bytes_done: row.bytes_done,
            added: row.added,
            unchanged: row.unchanged,
            bad: row.bad,
            left_out: row.left_out,
            message: row.message,
            created_at: Timestamp(row.created_at),
            finished_at: (row.finished_at != 0).then_some(Timestamp(row.finished_at)),
        })
    }
}

/// Something that is wrong with a file, or was left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportProblem {
    /// Its number within the import, from 1.
    pub seq: i64,
    /// The line (EPCIS: the number of the event); 0 for the file as a whole.
    pub line: i64,
    /// The column (EPCIS: the thing or field), or empty.
    pub column: String,
    /// How much it matters.
    pub severity: Severity,
    /// What kind of problem it is, for programs.
    pub code: String,
    /// What is wrong and what to do, for people.
    pub message: String,
}

#[derive(sqlx::FromRow)]
struct ProblemRow {
    seq: i64,
    line: i64,
    column_name: String,
    severity: String,
    code: String,
    message: String,
}

impl TryFrom<ProblemRow> for ImportProblem {
    type Error = StoreError;
    fn try_from(row: ProblemRow) -> StoreResult<Self> {
        Ok(Self {
            seq: row.seq,
            line: row.line,
            column: row.column_name,
            severity: row.severity.parse().map_err(|e| StoreError::corrupt("import_problem.severity", e))?,
            code: row.code,
            message: row.message,
        })
    }
}

/// What checking found, to be written when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows or events read.
    pub rows_checked: i64,
    /// Entered, or to be entered.
    pub added: i64,
    /// There already.
    pub unchanged: i64,
    /// Bad rows.
    pub bad: i64,
    /// Things left out.
    pub left_out: i64,
}

/// One step of applying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Rows dealt with before it.
    pub from: i64,
    /// Rows dealt with after it.
    pub to: i64,
    /// Entered by it.
    pub added: i64,
    /// Found to be there already.
    pub unchanged: i64,
    /// Found to be bad although they were good when checked.
    pub bad: i64,
}

macro_rules! columns {
    () => {
        "id, file_name, format, sha256, size, dry_run, skip_bad_rows, state, actor, node, rows_checked, rows_applied, \
         bytes_done, added, unchanged, bad, left_out, message, created_at, finished_at"
    };
}

queries! {
    INSERT = "INSERT INTO import (id, file_name, format, sha256, size, dry_run, skip_bad_rows, state, actor, node, \
              created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    ADOPT = "UPDATE import SET node = $3, message = '' \
             WHERE id = $1 AND node = $2 AND state IN ('received', 'checking', 'applying')";
    BY_ID = concat!("SELECT ", columns!(), " FROM import WHERE id = $1");
    NEWEST = concat!("SELECT ", columns!(), " FROM import ORDER BY id DESC LIMIT $1");
    BEFORE = concat!("SELECT ", columns!(), " FROM import WHERE id < $1 ORDER BY id DESC LIMIT $2");
    UNFINISHED = concat!("SELECT ", columns!(), " FROM import \
                 WHERE state IN ('received', 'checking', 'applying') AND node = $1 ORDER BY id");
    BEGIN = "UPDATE import SET state = 'checking', rows_checked = 0, bytes_done = 0 \
             WHERE id = $1 AND state IN ('received', 'checking')";
    PROGRESS = "UPDATE import SET rows_checked = $2, bytes_done = $3, bad = $4 WHERE id = $1 AND state = 'checking'";
    CHECKED = "UPDATE import SET state = $2, rows_checked = $3, added = $4, unchanged = $5, bad = $6, left_out = $7, \
               bytes_done = size, message = $8, finished_at = $9 WHERE id = $1 AND state = 'checking'";
    ADVANCE = "UPDATE import SET rows_applied = $3, added = added + $4, unchanged = unchanged + $5, bad = bad + $6 \
               WHERE id = $1 AND state = 'applying' AND rows_applied = $2";
    FINISH = "UPDATE import SET state = $2, message = $3, finished_at = $4 \
              WHERE id = $1 AND state IN ('received', 'checking', 'applying')";
    NOTE = "UPDATE import SET message = $2 WHERE id = $1 AND state IN ('received', 'checking', 'applying')";
    LATE = "UPDATE import SET bad = bad + $2 WHERE id = $1 AND state = 'applying'";
    ELSEWHERE = concat!("SELECT ", columns!(), " FROM import \
                WHERE state IN ('received', 'checking', 'applying') AND node <> $1 ORDER BY id");
    GONE = "UPDATE import SET state = 'failed', message = $1, finished_at = $2 \
            WHERE state IN ('received', 'checking', 'applying')";
    CANCEL = "UPDATE import SET state = 'cancelled', message = $2, finished_at = $3 \
              WHERE id = $1 AND state IN ('received', 'checking')";
    PROBLEMS = "SELECT seq, line, column_name, severity, code, message FROM import_problem \
                WHERE import_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    LAST_PROBLEM = "SELECT COALESCE(MAX(seq), 0) FROM import_problem WHERE import_id = $1";
    QUOTA = "UPDATE batch SET quota = $2 WHERE code = $1 AND quota IS NULL";
    KEEP_EPCIS = "INSERT INTO epcis_event (event_id, raw, context, import_id, recorded_at) VALUES ($1, $2, $3, $4, $5) \
                  ON CONFLICT (event_id) DO NOTHING";
}

const INSERT_PROBLEM: &str = "INSERT INTO import_problem (import_id, seq, line, column_name, severity, code, message)";

/// Enters an import.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, import: &Import) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(INSERT)
            .bind(import.id.0)
            .bind(&import.file_name)
            .bind(import.format.as_str())
            .bind(&import.sha256)
            .bind(import.size)
            .bind(import.dry_run)
            .bind(import.skip_bad_rows)
            .bind(import.state.as_str())
            .bind(&import.actor)
            .bind(&import.node)
            .bind(import.created_at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// An import by its id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &Db, id: ImportId) -> StoreResult<Option<Import>> {
    let row: Option<Row> = read!(db, |pool| sqlx::query_as(BY_ID).bind(id.0).fetch_optional(pool).await)?;
    row.map(TryInto::try_into).transpose()
}

/// Imports, newest first, after the one named.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, before: Option<ImportId>, limit: i64) -> StoreResult<Vec<Import>> {
    let rows: Vec<Row> = match before {
        None => read!(db, |pool| sqlx::query_as(NEWEST).bind(limit).fetch_all(pool).await)?,
        Some(id) => read!(db, |pool| sqlx::query_as(BEFORE).bind(id.0).bind(limit).fetch_all(pool).await)?,
    };
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Imports of a node that are not finished, in the order of arrival.
///
/// # Errors
/// When the database fails.
pub async fn unfinished(db: &Db, node: &str) -> StoreResult<Vec<Import>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(UNFINISHED).bind(node).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Imports of other nodes that are not finished, in the order of arrival.
///
/// # Errors
/// When the database fails.
pub async fn unfinished_elsewhere(db: &Db, node: &str) -> StoreResult<Vec<Import>> {
    let rows: Vec<Row> = read!(db, |pool| sqlx::query_as(ELSEWHERE).bind(node).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Makes an import another node's. False when it is finished, or was no longer the first one's.
///
/// # Errors
/// When the database fails.
pub async fn adopt(tx: &mut Tx, id: ImportId, from: &str, to: &str) -> StoreResult<bool> {
    let n = within!(tx, |executor| {
        let query = sqlx::query(ADOPT).bind(id.0).bind(from).bind(to);
        query.execute(executor).await.map(|done| done.rows_affected())
    })?;
    Ok(n == 1)
}

/// Ends every import that is not finished, because no file is left of any.
///
/// # Errors
/// When the database fails.
pub async fn end_unfinished(tx: &mut Tx, message: &str, at: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(GONE).bind(message).bind(at.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// Says of an import that is not finished how it stands.
///
/// # Errors
/// When the database fails.
pub async fn note(tx: &mut Tx, id: ImportId, message: &str) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(NOTE).bind(id.0).bind(message).execute(executor).await.map(drop))?;
    Ok(())
}

/// Counts rows of an import that is being applied as bad, although they were good when it was checked.
///
/// # Errors
/// When the database fails.
pub async fn add_late(tx: &mut Tx, id: ImportId, rows: i64) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(LATE).bind(id.0).bind(rows).execute(executor).await.map(drop))?;
    Ok(())
}

/// Begins checking, or begins it again; false when the import isn't waiting for it.
///
/// # Errors
/// When the database fails.
pub async fn begin(tx: &mut Tx, id: ImportId) -> StoreResult<bool> {
    let rows =
        within!(tx, |executor| sqlx::query(BEGIN).bind(id.0).execute(executor).await.map(|r| r.rows_affected()))?;
    Ok(rows == 1)
}

/// Notes how far checking has come; false when it was cancelled.
///
/// # Errors
/// When the database fails.
pub async fn progress(tx: &mut Tx, id: ImportId, rows: i64, bytes: i64, bad: i64) -> StoreResult<bool> {
    let rows = within!(tx, |executor| {
        sqlx::query(PROGRESS)
            .bind(id.0)
            .bind(rows)
            .bind(bytes)
            .bind(bad)
            .execute(executor)
            .await
            .map(|r| r.rows_affected())
    })?;
    Ok(rows == 1)
}

/// Ends checking, in whichever state follows from it; false when it was cancelled.
///
/// # Errors
/// When the database fails.
pub async fn checked(
    tx: &mut Tx,
    id: ImportId,
    state: ImportState,
    counts: &Counts,
    message: &str,
    finished_at: Option<Timestamp>,
) -> StoreResult<bool> {
    let rows = within!(tx, |executor| {
        sqlx::query(CHECKED)
            .bind(id.0)
            .bind(state.as_str())
            .bind(counts.rows_checked)
            .bind(counts.added)
            .bind(counts.unchanged)
            .bind(counts.bad)
            .bind(counts.left_out)
            .bind(message)
            .bind(finished_at.map_or(0, |t| t.0))
            .execute(executor)
            .await
            .map(|r| r.rows_affected())
    })?;
    Ok(rows == 1)
}

/// Advances applying by one step; false when the import isn't where the step begins, which means that somebody else
/// did it already.
///
/// # Errors
/// When the database fails.
pub async fn advance(tx: &mut Tx, id: ImportId, step: Step) -> StoreResult<bool> {
    let rows = within!(tx, |executor| {
        sqlx::query(ADVANCE)
            .bind(id.0)
            .bind(step.from)
            .bind(step.to)
            .bind(step.added)
            .bind(step.unchanged)
            .bind(step.bad)
            .execute(executor)
            .await
            .map(|r| r.rows_affected())
    })?;
    Ok(rows == 1)
}

/// Ends an import that is not finished; false when it is.
///
/// # Errors
/// When the database fails.
pub async fn finish(tx: &mut Tx, id: ImportId, state: ImportState, message: &str, at: Timestamp) -> StoreResult<bool> {
    let rows = within!(tx, |executor| {
        sqlx::query(FINISH)
            .bind(id.0)
            .bind(state.as_str())
            .bind(message)
            .bind(at.0)
            .execute(executor)
            .await
            .map(|r| r.rows_affected())
    })?;
    Ok(rows == 1)
}

/// Cancels an import of which nothing is applied yet; false when it has come further.
///
/// # Errors
/// When the database fails.
pub async fn cancel(tx: &mut Tx, id: ImportId, message: &str, at: Timestamp) -> StoreResult<bool> {
    let rows = within!(tx, |executor| {
        sqlx::query(CANCEL).bind(id.0).bind(message).bind(at.0).execute(executor).await.map(|r| r.rows_affected())
    })?;
    Ok(rows == 1)
}

/// Adds problems after those that an import already has; their own numbers don't count.
///
/// # Errors
/// When the database fails.
pub async fn add_problems(tx: &mut Tx, id: ImportId, problems: &[ImportProblem]) -> StoreResult<()> {
    let last: i64 = within!(tx, |executor| sqlx::query_scalar(LAST_PROBLEM).bind(id.0).fetch_one(executor).await)?;
    let numbered: Vec<(i64, &ImportProblem)> = (last + 1..).zip(problems).collect();
    insert_many!(tx, numbered, INSERT_PROBLEM, 7, |query, row| query
        .bind(id.0)
        .bind(row.0)
        .bind(row.1.line)
        .bind(&row.1.column)
        .bind(row.1.severity.as_str())
        .bind(&row.1.code)
        .bind(&row.1.message));
    Ok(())
}

/// The problems of an import after a number, in their order.
///
/// # Errors
/// When the database fails.
pub async fn problems(db: &Db, id: ImportId, after: i64, limit: i64) -> StoreResult<Vec<ImportProblem>> {
    let rows: Vec<ProblemRow> =
        read!(db, |pool| sqlx::query_as(PROBLEMS).bind(id.0).bind(after).bind(limit).fetch_all(pool).await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Agrees a quota for a batch that had none.
///
/// # Errors
/// When the database fails.
pub async fn agree_quota(tx: &mut Tx, batch: &str, quota: i64) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(QUOTA).bind(batch).bind(quota).execute(executor).await.map(drop))?;
    Ok(())
}

/// Keeps an EPCIS event as it came, with the prefixes that its document declared.
///
/// # Errors
/// When the database fails.
pub async fn keep_epcis(
    tx: &mut Tx,
    event_id: &str,
    raw: &str,
    context: &str,
    import: ImportId,
    at: Timestamp,
) -> StoreResult<()> {
    within!(tx, |executor| {
        sqlx::query(KEEP_EPCIS)
            .bind(event_id)
            .bind(raw)
            .bind(context)
            .bind(import.0)
            .bind(at.0)
            .execute(executor)
            .await
            .map(drop)
    })?;
    Ok(())
}

/// What a device is, as far as a manifest that lists it again must agree with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// Its model.
    pub model: ModelId,
    /// Its batch's code.
    pub batch: String,
    /// The factory that made it.
    pub factory: CustodianId,
    /// The hash of its first manifest; empty when it has none.
    pub first_hash: String,
}

/// The devices among these serials that exist.
///
/// # Errors
/// When the database fails.
pub async fn existing(db: &Db, serials: &[&str]) -> StoreResult<HashMap<String, Existing>> {
    let mut out = HashMap::new();
    for chunk in serials.chunks(crate::db::MAX_BINDS) {
        let sql = format!(
            "SELECT d.serial, d.model_id, b.code, d.factory_id, COALESCE(m.hash, '') FROM device d \
             JOIN batch b ON b.id = d.batch_id LEFT JOIN manifest m ON m.device_id = d.id AND m.version = 1 \
             WHERE d.serial IN ({})",
            crate::db::list_sql(db, chunk.len())
        );
        let rows: Vec<(String, Uuid, String, Uuid, String)> = read!(db, |pool| {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
            for serial in chunk {
                query = query.bind(*serial);
            }
            query.fetch_all(pool).await
        })?;
        for (serial, model, batch, factory, first_hash) in rows {
            let (model, factory) = (ModelId(model), CustodianId(factory));
            out.insert(serial, Existing { model, batch, factory, first_hash });
        }
    }
    Ok(out)
}

/// Which history entries devices have, and which EPCIS events those came from.
///
/// # Errors
/// When the database fails.
pub async fn entries_of(db: &Db, devices: &[DeviceId]) -> StoreResult<Vec<(DeviceId, Uuid, Option<String>)>> {
    let mut out = Vec::new();
    for chunk in devices.chunks(crate::db::MAX_BINDS) {
        let sql = format!(
            "SELECT device_id, id, epcis_event_id FROM history WHERE device_id IN ({})",
            crate::db::list_sql(db, chunk.len())
        );
        let rows: Vec<(Uuid, Uuid, Option<String>)> = read!(db, |pool| {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
            for device in chunk {
                query = query.bind(device.0);
            }
            query.fetch_all(pool).await
        })?;
        out.extend(rows.into_iter().map(|(device, id, event)| (DeviceId(device), id, event)));
    }
    Ok(out)
}
