//! The whole fleet at a glance, from counts that are kept, so that it costs the same at any size.

use crate::{Actor, Fleet, Result, catalogue::Catalogue, finding::FindingRow};
use arc_swap::ArcSwapOption;
use domain::{
    batch::Model,
    device::{Connection, Lifecycle, Trust},
    id::{CustodianId, ModelId},
    person::Permission,
    time::{MINUTE, SECOND, Timestamp},
};
use std::sync::Arc;
use store::{
    count::{self, dimension},
    device,
};
use tokio::sync::Mutex;

/// The whole fleet at a glance.
#[derive(Debug)]
pub struct Overview {
    /// All devices.
    pub total: i64,
    /// By trust; every word, in order.
    pub trust: Vec<(Trust, i64)>,
    /// By lifecycle; every word, in order.
    pub lifecycle: Vec<(Lifecycle, i64)>,
    /// By model, most first.
    pub models: Vec<(Model, i64)>,
    /// By model and firmware, newest version first; the empty text for devices that reported none.
    pub firmware: Vec<(Model, Vec<(String, i64)>)>,
    /// By who holds them, most first.
    pub custodians: Vec<(CustodianId, i64)>,
    /// Devices made, by month (`2026-11`), oldest first, without gaps.
    pub made: Vec<(String, i64)>,
    /// By connection, and when that was counted.
    pub connection: ConnectionCounts,
    /// The findings that changed last, one for each cause, without those that are part of others.
    pub findings: Vec<FindingRow>,
    /// What the ids stand for.
    pub catalogue: Catalogue,
}

/// How many devices are heard from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// When this was counted.
    pub at: Timestamp,
    /// Online.
    pub online: i64,
    /// Late.
    pub late: i64,
    /// Silent.
    pub silent: i64,
}

/// How many findings are shown.
const FINDINGS: usize = 8;

/// Connection follows from the clock, so it can't be kept in the transactions that change devices: it is counted
/// again in the background when it is older than this and somebody looks.
const FRESH: i64 = 10 * SECOND;

/// The last count of connections.
#[derive(Default)]
pub(crate) struct ConnectionCache {
    last: ArcSwapOption<ConnectionCounts>,
    counting: Mutex<()>,
}

impl Fleet {
    /// The whole fleet at a glance.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn overview(&self, actor: &Actor) -> Result<Overview> {
        actor.require(Permission::FleetRead)?;
        let catalogue = self.load_catalogue().await?;
        let db = self.db();
        let (trust, lifecycle, models, firmware, custodians, made) = tokio::try_join!(
            count::of(db, dimension::TRUST),
            count::of(db, dimension::LIFECYCLE),
            count::of(db, dimension::MODEL),
            count::of(db, dimension::FIRMWARE),
            count::of(db, dimension::CUSTODIAN),
            count::of(db, dimension::MADE),
        )?;
        let total = count::one(db, dimension::TOTAL, "").await?;
        let connection = self.connection_counts(&catalogue.models, total).await?;
        let by_id = |id: &str| id.parse::<ModelId>().ok().and_then(|id| catalogue.model(id)).cloned();
        Ok(Overview {
            total,
            trust: Trust::ALL.iter().map(|word| (*word, n_of(&trust, word.as_str()))).collect(),
            lifecycle: Lifecycle::ALL.iter().map(|word| (*word, n_of(&lifecycle, word.as_str()))).collect(),
            firmware: firmware_by_model(&models, &firmware, &catalogue),
            models: models.iter().filter_map(|(id, n)| Some((by_id(id)?, *n))).collect(),
            custodians: custodians.iter().filter_map(|(id, n)| Some((id.parse().ok()?, *n))).collect(),
            made: without_gaps(made),
            connection,
            findings: self.latest_findings(FINDINGS).await?,
            catalogue,
        })
    }

    /// How many devices there are.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn device_total(&self, actor: &Actor) -> Result<i64> {
        actor.require(Permission::FleetRead)?;
        Ok(count::one(self.db(), dimension::TOTAL, "").await?)
    }

    async fn connection_counts(&self, models: &[Model], total: i64) -> Result<ConnectionCounts> {
        let cache = &self.inner.connection;
        let Some(last) = cache.last.load_full() else {
            let _one_counts = cache.counting.lock().await;
            return match cache.last.load_full() {
                Some(counted_meanwhile) => Ok(*counted_meanwhile),
                None => self.count_connections(models, total).await,
            };
        };
        let age = self.now().0 - last.at.0;
        // A first count of an empty fleet would be shown until the next look; count at once when the fleet grew.
        if !(0..=MINUTE).contains(&age) || last.online + last.late + last.silent != total {
            let _one_counts = cache.counting.lock().await;
            return self.count_connections(models, total).await;
        }
        if age > FRESH {
            let (fleet, models) = (self.clone(), models.to_vec());
            tokio::spawn(async move {
                if let Ok(_one_counts) = fleet.inner.connection.counting.try_lock()
                    && let Err(error) = fleet.count_connections(&models, total).await
                {
                    tracing::warn!(%error, "connections were not counted");
                }
            });
        }
        Ok(*last)
    }

    async fn count_connections(&self, models: &[Model], total: i64) -> Result<ConnectionCounts> {
        let now = self.now();
        let (mut online, mut heard) = (0, 0);
        for model in models {
            let since =
                |intervals: i64| now.plus(-model.poll_interval_s.saturating_mul(SECOND).saturating_mul(intervals));
            online += device::seen_since(self.db(), model.id, since(Connection::ONLINE_INTERVALS)).await?;
            heard += device::seen_since(self.db(), model.id, since(Connection::LATE_INTERVALS)).await?;
        }
        let counts = ConnectionCounts { at: now, online, late: heard - online, silent: (total - heard).max(0) };
        self.inner.connection.last.store(Some(Arc::new(counts)));
        Ok(counts)
    }
}

fn n_of(counts: &[(String, i64)], value: &str) -> i64 {
    counts.iter().find(|(found, _)| found == value).map_or(0, |(_, n)| *n)
}

type Versions = Vec<(String, i64)>;

fn firmware_by_model(models: &[(String, i64)], firmware: &[(String, i64)], all: &Catalogue) -> Vec<(Model, Versions)> {
    let of_model = |(id, _): &(String, i64)| {
        let model = all.model(id.parse().ok()?)?.clone();
        let of_this = |(value, n): &(String, i64)| {
            let (model_id, version) = value.split_once('|')?;
            (model_id == id).then(|| (version.to_owned(), *n))
        };
        let mut versions: Versions = firmware.iter().filter_map(of_this).collect();
        versions.sort_by(|a, b| domain::version::compare(&b.0, &a.0));
        Some((model, versions))
    };
    models.iter().filter_map(of_model).collect()
}

/// Months in order, with those in which nothing was made.
fn without_gaps(mut made: Vec<(String, i64)>) -> Vec<(String, i64)> {
    made.sort();
    let (Some(first), Some(last)) = (made.first().cloned(), made.last().cloned()) else { return made };
    let mut out = Vec::new();
    let mut month = first.0;
    // A wrong clock must not make this endless: a hundred years are enough.
    while month <= last.0 && out.len() < 1_200 {
        out.push((month.clone(), n_of(&made, &month)));
        month = next_month(&month);
    }
    out
}

fn next_month(month: &str) -> String {
    let (year, number) = month.split_once('-').unwrap_or((month, "12"));
    match (year.parse::<i32>(), number.parse::<u32>()) {
        (Ok(year), Ok(number)) if number < 12 => format!("{year:04}-{:02}", number + 1),
        (Ok(year), _) => format!("{:04}-01", year + 1),
        _ => "9999-12".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_no_gaps() {
        let made = vec![("2026-02".to_owned(), 3), ("2025-11".to_owned(), 1)];
        let months: Vec<_> = without_gaps(made).into_iter().collect();
        assert_eq!(
            months,
            [("2025-11".into(), 1), ("2025-12".into(), 0), ("2026-01".into(), 0), ("2026-02".into(), 3)]
        );
    }
}
