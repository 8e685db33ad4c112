//! Nodes that serve a database, and who holds which lease. All times are the database's: clocks of nodes may be minutes off.

use crate::{Db, StoreResult, Tx, user::some_time};
use domain::{node::Lease, time::Timestamp};

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id, which is its data folder's.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Which version of Muster it runs.
    pub version: String,
    /// Since when.
    pub started_at: Timestamp,
    /// When it was last heard.
    pub seen_at: Timestamp,
    /// When it was stopped in order, if it was.
    pub stopped_at: Option<Timestamp>,
}

/// A lease that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Of what.
    pub lease: Lease,
    /// By whom: a node's id, or another word of a command.
    pub holder: String,
    /// Since when.
    pub since: Timestamp,
}

queries! {
    LEASES = "SELECT name, holder, taken_at, expires_at FROM lease ORDER BY name";
    NODES = "SELECT id, name, version, started_at, seen_at, stopped_at FROM node ORDER BY name, id";
    FORGET = "DELETE FROM node WHERE seen_at < $1";
}

/// Texts that differ in how the database is asked for its clock, and in nothing else: SQLite's first.
macro_rules! by_the_clock {
    ($name:ident: $($part:literal)*) => {
        const $name: (&str, &str) = (
            by_the_clock!(@join "CAST(unixepoch('subsec') * 1000000 AS INTEGER)", $($part)*),
            by_the_clock!(@join "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint", $($part)*),
        );
    };
    (@join $now:literal, $first:literal $($part:literal)*) => { concat!($first $(, $now, $part)*) };
}

by_the_clock!(NOW: "SELECT " "");
by_the_clock!(JOIN: "INSERT INTO node (id, name, version, started_at, seen_at, stopped_at) VALUES ($1, $2, $3, " ", " ", 0) \
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, started_at = excluded.started_at, \
     seen_at = excluded.seen_at, stopped_at = 0");
by_the_clock!(BEAT: "UPDATE node SET seen_at = " " WHERE id = $1");
by_the_clock!(LEAVE: "UPDATE node SET seen_at = " ", stopped_at = " " WHERE id = $1");

const fn of_db(db: &Db, texts: (&'static str, &'static str)) -> &'static str {
    match db {
        Db::Sqlite { .. } => texts.0,
        Db::Postgres(_) => texts.1,
    }
}

const fn of_tx(tx: &Tx, texts: (&'static str, &'static str)) -> &'static str {
    match tx {
        Tx::Sqlite(_) => texts.0,
        Tx::Postgres(_) => texts.1,
    }
}

/// What the database's clock says.
///
/// # Errors
/// When the database fails.
pub async fn clock(db: &Db) -> StoreResult<Timestamp> {
    let now: i64 = read!(db, |pool| sqlx::query_scalar(of_db(db, NOW)).fetch_one(pool).await)?;
    Ok(Timestamp(now))
}

/// Enters a node that starts, or starts again.
///
/// # Errors
/// When the database fails.
pub async fn join(tx: &mut Tx, id: &str, name: &str, version: &str) -> StoreResult<()> {
    let sql = of_tx(tx, JOIN);
    within!(tx, |executor| sqlx::query(sql).bind(id).bind(name).bind(version).execute(executor).await.map(drop))?;
    Ok(())
}

/// Notes that a node was heard. False when it isn't known: the database was restored, or it was forgotten.
///
/// # Errors
/// When the database fails.
pub async fn beat(tx: &mut Tx, id: &str) -> StoreResult<bool> {
    let sql = of_tx(tx, BEAT);
    let n = within!(tx, |executor| sqlx::query(sql).bind(id).execute(executor).await.map(|done| done.rows_affected()))?;
    Ok(n == 1)
}

/// Notes that a node was stopped in order.
///
/// # Errors
/// When the database fails.
pub async fn leave(tx: &mut Tx, id: &str) -> StoreResult<()> {
    let sql = of_tx(tx, LEAVE);
    within!(tx, |executor| sqlx::query(sql).bind(id).execute(executor).await.map(drop))?;
    Ok(())
}

/// Forgets nodes that were not heard since then.
///
/// # Errors
/// When the database fails.
pub async fn forget(tx: &mut Tx, before: Timestamp) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(FORGET).bind(before.0).execute(executor).await.map(drop))?;
    Ok(())
}

/// All nodes that are known, by name.
///
/// # Errors
/// When the database fails.
pub async fn all(db: &Db) -> StoreResult<Vec<Node>> {
    let rows: Vec<(String, String, String, i64, i64, i64)> =
        read!(db, |pool| sqlx::query_as(NODES).fetch_all(pool).await)?;
    let node = |(id, name, version, started_at, seen_at, stopped_at)| Node {
        id,
        name,
        version,
        started_at: Timestamp(started_at),
        seen_at: Timestamp(seen_at),
        stopped_at: some_time(stopped_at),
    };
    Ok(rows.into_iter().map(node).collect())
}

/// Who has which lease at that time of the database's clock. Empty on SQLite, where locked files do the same.
///
/// # Errors
/// When the database fails.
pub async fn leases(db: &Db, now: Timestamp) -> StoreResult<Vec<Held>> {
    let rows: Vec<(String, String, i64, i64)> = read!(db, |pool| sqlx::query_as(LEASES).fetch_all(pool).await)?;
    let held =
        rows.into_iter().filter(|(.., expires_at)| *expires_at > now.0).filter_map(|(name, holder, since, _)| {
            // A later version may have leases that this one knows nothing of.
            let lease = name.parse().ok()?;
            Some(Held { lease, holder, since: Timestamp(since) })
        });
    Ok(held.collect())
}
