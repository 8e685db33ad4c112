//! How many devices have which value. Kept in the transactions that change devices, so that a page which shows the
//! whole fleet costs the same at any size.

use crate::{Db, StoreResult, Tx};
use domain::device::Device;
use std::collections::BTreeMap;

/// The dimensions that are counted.
pub mod dimension {
    /// All devices; one value, the empty text.
    pub const TOTAL: &str = "total";
    /// By lifecycle.
    pub const LIFECYCLE: &str = "lifecycle";
    /// By trust.
    pub const TRUST: &str = "trust";
    /// By model id.
    pub const MODEL: &str = "model";
    /// By model id, a vertical bar, and firmware.
    pub const FIRMWARE: &str = "firmware";
    /// By custodian id.
    pub const CUSTODIAN: &str = "custodian";
    /// By batch id.
    pub const BATCH: &str = "batch";
    /// By month of manufacture, `2026-11`.
    pub const MADE: &str = "made";
}

/// How many rows hold what was added lately to a count that a rollout moves.
const SHARDS: u128 = 16;

/// Differences to be added to the counts.
#[derive(Clone, Debug, Default)]
pub struct Delta {
    added: BTreeMap<(&'static str, String), i64>,
    /// Where that is held which many add to at once: chosen by the first device.
    shard: Option<i64>,
}

impl Delta {
    /// One more device like this.
    pub fn plus(&mut self, device: &Device) {
        self.add(device, 1);
    }

    /// One device less like this.
    pub fn minus(&mut self, device: &Device) {
        self.add(device, -1);
    }

    fn add(&mut self, device: &Device, n: i64) {
        self.shard.get_or_insert_with(|| i64::try_from(device.id.0.as_u128() % SHARDS).unwrap_or_default());
        let firmware = device.firmware.as_deref().unwrap_or_default();
        for (dimension, value) in [
            (dimension::TOTAL, String::new()),
            (dimension::LIFECYCLE, device.lifecycle.to_string()),
            (dimension::TRUST, device.trust.to_string()),
            (dimension::MODEL, device.model_id.to_string()),
            (dimension::FIRMWARE, format!("{}|{firmware}", device.model_id)),
            (dimension::CUSTODIAN, device.custodian_id.to_string()),
            (dimension::BATCH, device.batch_id.to_string()),
            (dimension::MADE, device.made_at.month()),
        ] {
            *self.added.entry((dimension, value)).or_default() += n;
        }
    }
}

queries! {
    ADD = "INSERT INTO fleet_count (dimension, value, n) VALUES ($1, $2, $3) \
           ON CONFLICT (dimension, value) DO UPDATE SET n = fleet_count.n + excluded.n";
    ADD_APART = "INSERT INTO fleet_count_shard (dimension, value, shard, n) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (dimension, value, shard) DO UPDATE SET n = fleet_count_shard.n + excluded.n";
    APART = "SELECT DISTINCT dimension, value FROM fleet_count_shard ORDER BY dimension, value";
    TAKE = "DELETE FROM fleet_count_shard WHERE dimension = $1 AND value = $2 RETURNING n";
    OF = "SELECT value, CAST(SUM(n) AS BIGINT) FROM (SELECT value, n FROM fleet_count WHERE dimension = $1 \
          UNION ALL SELECT value, n FROM fleet_count_shard WHERE dimension = $1) AS counted \
          GROUP BY value HAVING SUM(n) <> 0 ORDER BY 2 DESC, value";
    ONE = "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM (SELECT n FROM fleet_count WHERE dimension = $1 AND value = $2 \
           UNION ALL SELECT n FROM fleet_count_shard WHERE dimension = $1 AND value = $2) AS counted";
}

/// Adds differences to the counts, in one order, so that two writers can't wait for each other in a circle. What every device of a
/// rollout moves goes to shards; SQLite has one writer, for whom they would be more rows and nothing else.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &mut Tx, delta: &Delta) -> StoreResult<()> {
    let shard = delta.shard.filter(|_| matches!(tx, Tx::Postgres(_)));
    for ((dimension, value), n) in delta.added.iter().filter(|(_, n)| **n != 0) {
        match shard.filter(|_| *dimension == dimension::FIRMWARE) {
            Some(shard) => within!(tx, |executor| {
                let query = sqlx::query(ADD_APART).bind(*dimension).bind(value).bind(shard).bind(*n);
                query.execute(executor).await.map(drop)
            })?,
            None => add_one(tx, dimension, value, *n).await?,
        }
    }
    Ok(())
}

async fn add_one(tx: &mut Tx, dimension: &str, value: &str, n: i64) -> StoreResult<()> {
    within!(tx, |executor| sqlx::query(ADD).bind(dimension).bind(value).bind(n).execute(executor).await.map(drop))?;
    Ok(())
}

/// Adds to the counts themselves what is held apart: then they are read from few rows, and a node of a version before shows what
/// the others have counted. Each value is a transaction of its own. How many values that were.
///
/// # Errors
/// When the database fails.
pub async fn fold(db: &Db) -> StoreResult<usize> {
    let apart: Vec<(String, String)> = read!(db, |pool| sqlx::query_as(APART).fetch_all(pool).await)?;
    for (dimension, value) in &apart {
        let mut tx = db.begin().await?;
        let taken: Vec<i64> = within!(&mut tx, |executor| sqlx::query_scalar(TAKE)
            .bind(dimension)
            .bind(value)
            .fetch_all(executor)
            .await)?;
        let n: i64 = taken.iter().sum();
        if n != 0 {
            add_one(&mut tx, dimension, value, n).await?;
        }
        tx.commit().await?;
    }
    Ok(apart.len())
}

/// The values of a dimension with their counts, most first.
///
/// # Errors
/// When the database fails.
pub async fn of(db: &Db, dimension: &str) -> StoreResult<Vec<(String, i64)>> {
    Ok(read!(db, |pool| sqlx::query_as(OF).bind(dimension).fetch_all(pool).await)?)
}

/// The count of one value; 0 when it never occurred.
///
/// # Errors
/// When the database fails.
pub async fn one(db: &Db, dimension: &str, value: &str) -> StoreResult<i64> {
    Ok(read!(db, |pool| sqlx::query_scalar(ONE).bind(dimension).bind(value).fetch_one(pool).await)?)
}
