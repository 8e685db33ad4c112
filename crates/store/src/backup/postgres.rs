//! Backups of PostgreSQL: an archive of binary `COPY` streams, read in one snapshot, loaded in one transaction.
//!
//! These queries ask PostgreSQL about its own catalogue, so they are not among those that both databases understand.

use super::{
    ENDED_BY_RESTORE, IN_USE,
    archive::{self, Header, PART, Part, Sequence, Table},
    blocking, failed,
};
use crate::{Db, StoreResult, Tx};
use domain::time::Timestamp;
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{collections::BTreeMap, path::Path, str::FromStr, time::Duration};
use tokio::sync::{mpsc, oneshot};

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0";
const COLUMNS: &str = "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c \
    JOIN information_schema.tables t USING (table_schema, table_name) \
    WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER' \
    AND c.table_name NOT LIKE '\\_sqlx%' ORDER BY c.table_name, c.ordinal_position";
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

const LOOK_AGAIN: &str = "SELECT pg_stat_clear_snapshot()";

/// Writes an archive of one moment. Others read and write on meanwhile.
pub(super) async fn write(pool: &PgPool, path: &Path, now: Timestamp) -> StoreResult<()> {
    let mut tx = pool.begin_with(SNAPSHOT).await?;
    let header = describe(&mut tx, now).await?;
    let statements: Vec<_> =
        header.tables.iter().map(|table| (table.name.clone(), copy_sql(table, "TO STDOUT"))).collect();
    let (sender, mut receiver) = mpsc::channel(2);
    let path = path.to_owned();
    let writer =
        tokio::spawn(blocking(move || archive::write(&path, &header, std::iter::from_fn(|| receiver.blocking_recv()))));
    let mut read = Ok(());
    for (table, sql) in statements {
        read = copy_out(&mut tx, table, &sql, &sender).await;
        if read.is_err() {
            break;
        }
    }
    drop(sender);
    // When the archive can't be written, that is the cause of what was not read.
    writer.await.map_err(|stopped| failed(stopped.to_string()))??;
    read
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

fn copy_sql(table: &Table, direction: &str) -> String {
    let columns: Vec<_> = table.columns.iter().map(|column| quoted(column)).collect();
    format!("COPY {} ({}) {direction} (FORMAT binary)", quoted(&table.name), columns.join(", "))
}

async fn describe(connection: &mut PgConnection, now: Timestamp) -> StoreResult<Header> {
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
    Ok(Header::new(now, migrations(connection).await?, tables, sequences))
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
    /// How many rows it has.
    pub rows: i64,
}

/// Loads an archive into a database, in one transaction that the caller commits. The consoles must be stopped.
///
/// # Errors
/// [`StoreError::Backup`] when the file is no whole backup of PostgreSQL or was made by another version, a console is
/// running, or the database is in use and `force` is not given.
pub async fn load(url: &str, backup: &Path, force: bool) -> StoreResult<Loaded> {
    // Makes the tables, if they aren't there.
    Db::postgres(url).await?.close().await;
    let options = PgConnectOptions::from_str(url)?.application_name("muster restore");
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
    let mut tx = pool.begin().await?;
    let (begin, begun) = oneshot::channel();
    let (sender, receiver) = mpsc::channel(2);
    let path = backup.to_owned();
    let reader = tokio::spawn(blocking(move || {
        archive::read(&path, |header| begin.send(header).is_ok(), |part| sender.blocking_send(part).is_ok())
    }));
    let loaded = match begun.await {
        Ok(header) => take_in(&mut tx, header, receiver, force).await,
        Err(_) => Err(failed("the backup has no header")),
    };
    // A file that is damaged explains whatever the database made of it.
    let whole = reader.await.map_err(|stopped| failed(stopped.to_string()))??;
    let (created_at, rows) = loaded?;
    if !whole {
        return Err(failed("the backup was not read to its end"));
    }
    Ok(Loaded { tx: Tx::Postgres(tx), created_at, rows })
}

async fn take_in(
    connection: &mut PgConnection,
    header: Header,
    mut parts: mpsc::Receiver<Part>,
    force: bool,
) -> StoreResult<(Timestamp, i64)> {
    empty(connection, &header, force).await?;
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
    for sql in ENDED_BY_RESTORE {
        sqlx::query(sql).execute(&mut *connection).await?;
    }
    Ok((header.created_at, header.tables.iter().map(|table| table.rows).sum()))
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

/// Makes room, if the archive fits and the database may be replaced.
async fn empty(connection: &mut PgConnection, header: &Header, force: bool) -> StoreResult<()> {
    if others(connection).await? {
        return Err(failed("a console uses this database; stop it first, on every node"));
    }
    let shape =
        |tables: &[Table]| tables.iter().map(|t| (t.name.clone(), t.columns.clone())).collect::<BTreeMap<_, _>>();
    let ours = tables(connection).await?;
    if header.migrations != migrations(connection).await? || shape(&header.tables) != shape(&ours) {
        return Err(failed(
            "the backup was made by another version of Muster; restore it with that version, then start this one",
        ));
    }
    for table in IN_USE {
        let sql = AssertSqlSafe(format!("SELECT EXISTS (SELECT 1 FROM {table})"));
        let used: bool = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
        if used && !force {
            return Err(failed(
                "the database holds data. Restore into an empty one, or type the command again with --force: what it holds now is \
                 then gone",
            ));
        }
    }
    let names: Vec<_> = ours.iter().map(|table| quoted(&table.name)).collect();
    let sql = AssertSqlSafe(format!("TRUNCATE {}", names.join(", ")));
    sqlx::query(sql).execute(&mut *connection).await?;
    Ok(())
}

async fn fill(connection: &mut PgConnection, header: &Header, parts: &mut mpsc::Receiver<Part>) -> StoreResult<()> {
    let mut part = parts.recv().await;
    for table in &header.tables {
        let mut copy = connection.copy_in_raw(&copy_sql(table, "FROM STDIN")).await?;
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
