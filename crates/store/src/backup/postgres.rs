//! Backups of PostgreSQL: an archive of binary `COPY` streams, read in one snapshot, loaded in one transaction.
//!
//! These queries ask PostgreSQL about its own catalogue, so they are not among those that both databases understand.

use super::{
    ENDED_BY_RESTORE, IN_USE, Shelf,
    archive::{self, Artifacts, Beside, Header, Held, Kind, PART, Part, Sequence, Table},
    blocking, failed,
    folder::Files,
};
use crate::{
    Db, StoreResult, Tx,
    db::{PATIENCE, postgres_address},
    migrate,
    retention::parts,
};
use domain::time::Timestamp;
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, postgres::PgPoolOptions};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0";
const COLUMNS: &str = "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c \
    JOIN information_schema.tables t USING (table_schema, table_name) \
    WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER' \
    AND c.table_name NOT LIKE '\\_sqlx%' \
    AND NOT EXISTS (SELECT 1 FROM pg_class p WHERE p.relispartition AND p.relname = c.table_name \
    AND p.relnamespace = current_schema()::regnamespace) ORDER BY c.table_name, c.ordinal_position";
const REFERENCES: &str = "SELECT a.relname::text, b.relname::text FROM pg_constraint k \
    JOIN pg_class a ON a.oid = k.conrelid JOIN pg_class b ON b.oid = k.confrelid \
    WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace";
const NUMBERED: &str = "SELECT table_name::text, column_name::text, \
    pg_get_serial_sequence(quote_ident(table_name), column_name) FROM information_schema.columns \
    WHERE table_schema = current_schema() AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL \
    ORDER BY 1, 2";
const SET_SEQUENCE: &str = "SELECT setval(pg_get_serial_sequence(quote_ident($1), $2), $3, $4)";
const MIGRATIONS: &str = "SELECT version, checksum FROM _sqlx_migrations ORDER BY version";
const OTHERS: &str = "SELECT COUNT(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'muster' AND pid <> pg_backend_pid()";

const IS_THERE: &str = "SELECT to_regclass(quote_ident($1)) IS NOT NULL";

/// Before they were in the database, pictures were files, which were removed once the present database had them. Those that
/// the backup's photos name and the backup does not have are carried over.
const KEEP_PICTURES: &str =
    "CREATE TEMPORARY TABLE picture_before ON COMMIT DROP AS SELECT sha256, content FROM repair_picture";
const CARRY_PICTURES: &str = "INSERT INTO repair_picture (sha256, content) \
    SELECT sha256, content FROM picture_before WHERE sha256 IN (SELECT sha256 FROM repair_photo) \
    ON CONFLICT (sha256) DO NOTHING";

const LOOK_AGAIN: &str = "SELECT pg_stat_clear_snapshot()";

/// Writes an archive of one moment. Others read and write on meanwhile. What it holds beside the database.
pub(super) async fn write(db: &Db, pool: &PgPool, path: &Path, beside: Beside, now: Timestamp) -> StoreResult<Held> {
    let mut tx = pool.begin_with(SNAPSHOT).await?;
    let header = describe(&mut tx, beside.artifacts(), now).await?;
    let listed = beside.listed(db).await?;
    let statements: Vec<_> = header.tables.iter().map(|table| (table.name.clone(), copy_out_sql(table))).collect();
    let (sender, mut receiver) = mpsc::channel(2);
    let path = path.to_owned();
    let writer = tokio::spawn(blocking(move || {
        let parts = std::iter::from_fn(|| receiver.blocking_recv().map(Ok));
        archive::write(&path, &header, parts, &beside.folder, listed.as_ref())
    }));
    let mut read = Ok(());
    for (table, sql) in statements {
        read = copy_out(&mut tx, table, &sql, &sender).await;
        if read.is_err() {
            break;
        }
    }
    drop(sender);
    // When the archive can't be written, that is the cause of what was not read.
    let held = writer.await.map_err(|stopped| failed(stopped.to_string()))??;
    read.map(|()| held)
}

async fn copy_out(
    connection: &mut PgConnection,
    table: String,
    sql: &str,
    sender: &mpsc::Sender<Part>,
) -> StoreResult<()> {
    let mut stream = connection.copy_out_raw(sql).await?;
    let mut data = Vec::with_capacity(PART);
    let closed = |_| failed("the archive was closed");
    while let Some(bytes) = stream.try_next().await? {
        data.extend_from_slice(&bytes);
        if data.len() >= PART {
            let full = std::mem::replace(&mut data, Vec::with_capacity(PART));
            sender.send(Part { table: table.clone(), data: full }).await.map_err(closed)?;
        }
    }
    sender.send(Part { table, data }).await.map_err(closed)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn columns(table: &Table) -> String {
    table.columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
}

/// A table of partitions is one table here, and its rows find their partitions as they come in.
fn copy_out_sql(table: &Table) -> String {
    format!("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT binary)", columns(table), quoted(&table.name))
}

fn copy_in_sql(table: &Table) -> String {
    format!("COPY {} ({}) FROM STDIN (FORMAT binary)", quoted(&table.name), columns(table))
}

async fn describe(connection: &mut PgConnection, artifacts: Artifacts, now: Timestamp) -> StoreResult<Header> {
    let mut tables = tables(connection).await?;
    for table in &mut tables {
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", quoted(&table.name)));
        table.rows = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
    }
    let numbered: Vec<(String, String, String)> = sqlx::query_as(NUMBERED).fetch_all(&mut *connection).await?;
    let mut sequences = Vec::new();
    for (table, column, sequence) in numbered {
        // The name comes quoted from PostgreSQL itself.
        let sql = AssertSqlSafe(format!("SELECT last_value, is_called FROM {sequence}"));
        let (last, called) = sqlx::query_as(sql).fetch_one(&mut *connection).await?;
        sequences.push(Sequence { table, column, last, called });
    }
    let migrations = migrations(connection).await?;
    Ok(Header { migrations, tables, sequences, ..Header::new(Kind::Postgres, artifacts, now) })
}

async fn migrations(connection: &mut PgConnection) -> StoreResult<Vec<(i64, String)>> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(MIGRATIONS).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(version, checksum)| (version, hex::encode(checksum))).collect())
}

/// All tables with their columns; those that are referred to before those that refer.
async fn tables(connection: &mut PgConnection) -> StoreResult<Vec<Table>> {
    let columns: Vec<(String, String)> = sqlx::query_as(COLUMNS).fetch_all(&mut *connection).await?;
    let references: Vec<(String, String)> = sqlx::query_as(REFERENCES).fetch_all(&mut *connection).await?;
    let mut waiting: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column) in columns {
        waiting.entry(table).or_default().push(column);
    }
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let free = |table: &String| {
            !references.iter().any(|(from, to)| from == table && to != table && waiting.contains_key(to))
        };
        let Some(name) = waiting.keys().find(|table| free(table)).cloned() else {
            return Err(failed("tables refer to each other in a circle"));
        };
        let columns = waiting.remove(&name).unwrap_or_default();
        ordered.push(Table { name, columns, rows: 0 });
    }
    Ok(ordered)
}

/// A restored database that is complete and checked, but not yet committed.
#[derive(Debug)]
pub struct Loaded {
    /// The transaction that holds it.
    pub tx: Tx,
    /// When the backup was made.
    pub created_at: Timestamp,
    /// What the backup holds of the data folder, beside its places; none when it is of a version that held the database
    /// alone. It is put in place before the transaction is committed.
    pub files: Option<Files>,
}

/// Loads an archive into a database, in one transaction that the caller commits, and its files beside their places in a
/// data folder, where those of releases wait that the shelf does not have. The consoles must be stopped.
///
/// # Errors
/// [`StoreError::Backup`] when the file is no whole backup of PostgreSQL or was made by a later version, a console is
/// running, or the database is in use and `force` is not given.
pub async fn load(url: &str, folder: &Path, shelf: Arc<dyn Shelf>, backup: &Path, force: bool) -> StoreResult<Loaded> {
    let options = postgres_address(url)?.application_name("muster restore");
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_with(options).await?;
    let mut tx = pool.begin().await?;
    may_replace(&mut tx, force).await?;
    tx.rollback().await?;
    // Makes the tables, if they aren't there; those of an earlier version come up to date.
    Db::postgres(url).await?.close().await;
    let mut tx = pool.begin().await?;
    let (begin, begun) = oneshot::channel();
    let (sender, receiver) = mpsc::channel(2);
    let (path, mut files) = (backup.to_owned(), Files::new(folder, Some(shelf), force));
    let reader = tokio::spawn(blocking(move || {
        let (begin, take) = (|header| begin.send(header).is_ok(), |part| Ok(sender.blocking_send(part).is_ok()));
        let whole = archive::read(&path, Kind::Postgres, &mut files, begin, take)?;
        Ok((whole, files))
    }));
    let loaded = match begun.await {
        Ok(header) => take_in(&mut tx, header, receiver, force).await,
        Err(_) => Err(failed("the backup has no header")),
    };
    // A file that is damaged explains whatever the database made of it.
    let (whole, files) = reader.await.map_err(|stopped| failed(stopped.to_string()))??;
    let header = loaded?;
    if !whole {
        return Err(failed("the backup was not read to its end"));
    }
    let files = header.holds_files().then_some(files);
    Ok(Loaded { tx: Tx::Postgres(tx), created_at: header.created_at, files })
}

async fn take_in(
    connection: &mut PgConnection,
    header: Header,
    mut parts: mpsc::Receiver<Part>,
    force: bool,
) -> StoreResult<Header> {
    empty(connection, &header, force).await?;
    if let Some(actions) = header.sequences.iter().find(|sequence| sequence.table == "update_action") {
        parts::make_up_to(connection, actions.last).await?;
    }
    let filled = fill(connection, &header, &mut parts).await;
    // The rest is read too: its hashes tell whether the file is to blame.
    while parts.recv().await.is_some() {}
    filled?;
    for sequence in &header.sequences {
        sqlx::query(SET_SEQUENCE)
            .bind(&sequence.table)
            .bind(&sequence.column)
            .bind(sequence.last)
            .bind(sequence.called)
            .execute(&mut *connection)
            .await?;
    }
    // What was written by an earlier version comes up to date as its own database would.
    migrate::within_a_transaction().run(&mut *connection).await?;
    sqlx::query(CARRY_PICTURES).execute(&mut *connection).await?;
    for sql in ENDED_BY_RESTORE {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    Ok(header)
}

/// Whether a console is connected. One that has just closed its connections may be listed for a moment longer.
async fn others(connection: &mut PgConnection) -> StoreResult<bool> {
    for _ in 0..20 {
        let running: i64 = sqlx::query_scalar(OTHERS).fetch_one(&mut *connection).await?;
        if running == 0 {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        // A transaction is shown what it was shown before.
        sqlx::query(LOOK_AGAIN).execute(&mut *connection).await?;
    }
    Ok(true)
}

/// Whether the database may be replaced: no console is connected, and it is not in use, or `force` is given. Tables that are
/// not there hold nothing.
async fn may_replace(connection: &mut PgConnection, force: bool) -> StoreResult<()> {
    if others(connection).await? {
        return Err(failed("a console uses this database; stop it first, on every node"));
    }
    for table in IN_USE {
        if force || !sqlx::query_scalar(IS_THERE).bind(table).fetch_one(&mut *connection).await? {
            continue;
        }
        let sql = AssertSqlSafe(format!("SELECT EXISTS (SELECT 1 FROM {table})"));
        if sqlx::query_scalar(sql).fetch_one(&mut *connection).await? {
            return Err(failed(
                "the database holds data. Restore into an empty one, or type the command again with --force: what it holds now is \
                 then gone",
            ));
        }
    }
    Ok(())
}

/// Makes room, if the archive fits and the database may be replaced.
async fn empty(connection: &mut PgConnection, header: &Header, force: bool) -> StoreResult<()> {
    may_replace(connection, force).await?;
    let ours = migrations(connection).await?;
    if !ours.starts_with(&header.migrations) || header.migrations.is_empty() {
        return Err(failed("the backup was made by a later version of Muster; restore it with that version"));
    }
    sqlx::query(KEEP_PICTURES).execute(&mut *connection).await?;
    if header.migrations != ours {
        // An earlier version: its tables, and what is to become of them once they are filled, by our migrations.
        let sql = AssertSqlSafe(format!("DROP TABLE {}, _sqlx_migrations", names(&tables(connection).await?)));
        sqlx::query(sql).execute(&mut *connection).await?;
        let last = header.migrations.last().map_or(0, |(version, _)| *version);
        migrate::within_a_transaction().run_to(last, &mut *connection).await?;
    }
    let shape =
        |tables: &[Table]| tables.iter().map(|t| (t.name.clone(), t.columns.clone())).collect::<BTreeMap<_, _>>();
    let present = tables(connection).await?;
    if shape(&header.tables) != shape(&present) {
        return Err(failed("the backup is damaged: its tables are not those of the version that it names"));
    }
    // Migrations enter first rows, too.
    let sql = AssertSqlSafe(format!("TRUNCATE {}", names(&present)));
    sqlx::query(sql).execute(&mut *connection).await?;
    Ok(())
}

fn names(tables: &[Table]) -> String {
    tables.iter().map(|table| quoted(&table.name)).collect::<Vec<_>>().join(", ")
}

async fn fill(connection: &mut PgConnection, header: &Header, parts: &mut mpsc::Receiver<Part>) -> StoreResult<()> {
    let mut part = parts.recv().await;
    for table in &header.tables {
        let mut copy = connection.copy_in_raw(&copy_in_sql(table)).await?;
        while let Some(data) = part.take_if(|part| part.table == table.name) {
            copy.send(data.data).await?;
            part = parts.recv().await;
        }
        let rows = copy.finish().await?;
        if i64::try_from(rows) != Ok(table.rows) {
            return Err(failed(format!("{} has {rows} rows instead of {}", table.name, table.rows)));
        }
    }
    match part {
        None => Ok(()),
        Some(part) => Err(failed(format!("the backup has data of an unexpected table {}", part.table))),
    }
}
