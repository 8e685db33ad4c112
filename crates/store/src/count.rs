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

/// Differences to be added to the counts.
#[derive(Clone, Debug, Default)]
pub struct Delta(BTreeMap<(&'static str, String), i64>);

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
            *self.0.entry((dimension, value)).or_default() += n;
        }
    }
}

queries! {
    ADD = "INSERT INTO fleet_count (dimension, value, n) VALUES ($1, $2, $3) \
           ON CONFLICT (dimension, value) DO UPDATE SET n = fleet_count.n + excluded.n";
    OF = "SELECT value, n FROM fleet_count WHERE dimension = $1 AND n <> 0 ORDER BY n DESC, value";
    ONE = "SELECT n FROM fleet_count WHERE dimension = $1 AND value = $2";
}

/// Adds differences to the counts, in one order, so that two writers can't wait for each other in a circle.
///
/// # Errors
/// When the database fails.
pub async fn add(tx: &mut Tx, delta: &Delta) -> StoreResult<()> {
    for ((dimension, value), n) in delta.0.iter().filter(|(_, n)| **n != 0) {
        within!(tx, |executor| {
            sqlx::query(ADD).bind(*dimension).bind(value).bind(*n).execute(executor).await.map(drop)
        })?;
    }
    Ok(())
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
    let n: Option<i64> =
        read!(db, |pool| sqlx::query_scalar(ONE).bind(dimension).bind(value).fetch_optional(pool).await)?;
    Ok(n.unwrap_or(0))
}
