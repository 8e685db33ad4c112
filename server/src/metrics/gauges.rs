//! How things stand. What is in memory is shown as it is; what takes a question to the database or the disk is asked for every
//! quarter of a minute at most, and shown until then.

use super::OwnCertificate;
use arc_swap::ArcSwapOption;
use fleet::{
    Fleet,
    observe::{Standing, gauges},
};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};

/// How old what is shown may be.
const FRESH: Duration = Duration::from_secs(15);

/// What stands, as it was last read.
pub struct Gauges {
    fleet: Fleet,
    own: Vec<OwnCertificate>,
    standing: ArcSwapOption<Standing>,
    read_at: Mutex<Option<Instant>>,
}

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauges").finish_non_exhaustive()
    }
}

impl Gauges {
    /// Nothing is read yet.
    pub fn new(fleet: Fleet, own: Vec<OwnCertificate>) -> Self {
        Self { fleet, own, standing: ArcSwapOption::empty(), read_at: Mutex::default() }
    }

    /// Reads anew what is too old. Who comes while that is done waits for the same reading.
    pub async fn refresh(&self) {
        let mut read_at = self.read_at.lock().await;
        if read_at.is_none_or(|at| at.elapsed() >= FRESH) {
            self.standing.store(Some(Arc::new(self.fleet.standing().await)));
            *read_at = Some(Instant::now());
        }
    }

    /// The certificates by which we are known, and when each ends.
    fn encode_own(&self, encoder: &mut DescriptorEncoder<'_>, standing: &Standing) -> fmt::Result {
        let shown = self.own.iter().filter_map(|(door, certificates)| {
            let certificate = pki::Certificate::from_der(&certificates.certificate()?).ok()?;
            Some((*door, certificate.not_after()))
        });
        let ends = shown.chain(standing.responders_end.map(|end| ("ocsp", end)));
        let ends = ends.map(|(of, end)| ([("certificate", of)], seconds(end.0)));
        let told =
            "When a certificate of this node ends: the console's, the gateway's, the first of its OCSP responders.";
        gauges(encoder, ("muster_own_certificate_end_timestamp_seconds", told), ends)
    }
}

fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn encode_authorities(encoder: &mut DescriptorEncoder<'_>, standing: &Standing) -> fmt::Result {
    let all = || standing.authorities.iter();
    let ends =
        all().map(|one| ([("authority", one.slug.as_str()), ("kind", one.kind.as_str())], seconds(one.not_after.0)));
    let told = "When the certificate of an authority ends. Of the 200 whose certificate or list ends first.";
    gauges(encoder, ("muster_authority_end_timestamp_seconds", told), ends)?;
    let told = "Authorities whose certificate has not ended.";
    gauges(encoder, ("muster_authorities", told), [([("state", "current")], standing.authority_count as f64)])?;
    let crls =
        || all().filter_map(|one| Some(([("authority", one.slug.as_str()), ("kind", one.kind.as_str())], one.crl?)));
    let made = crls().map(|(label, crl)| (label, seconds(crl.made.0)));
    gauges(encoder, ("muster_crl_made_timestamp_seconds", "When the list of an authority was made."), made)?;
    let next = crls().map(|(label, crl)| (label, seconds(crl.next_update.0)));
    let told = "Until when the list of an authority may be used.";
    gauges(encoder, ("muster_crl_next_update_timestamp_seconds", told), next)?;
    let numbers = crls().map(|(label, crl)| (label, crl.number as f64));
    gauges(encoder, ("muster_crl_number", "The number of an authority's list."), numbers)?;
    let entries = crls().map(|(label, crl)| (label, crl.entries as f64));
    gauges(encoder, ("muster_crl_entries", "Certificates on an authority's list."), entries)
}

fn encode_database(encoder: &mut DescriptorEncoder<'_>, standing: &Standing) -> fmt::Result {
    let none: [(&str, &str); 0] = [];
    let is_up = if standing.database.is_some() { 1.0 } else { 0.0 };
    gauges(encoder, ("muster_database_up", "Whether the database answered when it was last asked."), [(none, is_up)])?;
    let answered = standing.database.iter().map(|database| (none, database.answered_in.as_secs_f64()));
    gauges(encoder, ("muster_database_answer_seconds", "How long its shortest answer took."), answered)?;
    let queues = standing.database.iter().flat_map(|database| {
        let queues = database.queues;
        let all = [
            ("imports", queues.imports),
            ("webhook_deliveries", queues.webhook_deliveries),
            ("uploads", queues.uploads),
        ];
        all.map(|(name, n)| ([("queue", name)], n as f64))
    });
    let told = "What waits to be done. Nothing is counted beyond 10000.";
    gauges(encoder, ("muster_queue_length", told), queues)?;
    let pools = standing.pools.iter().flat_map(|pool| {
        let states = [("used", pool.open.saturating_sub(pool.idle)), ("idle", pool.idle)];
        states.map(|(state, n)| ([("pool", pool.role), ("state", state)], f64::from(n)))
    });
    gauges(encoder, ("muster_database_connections", "Connections to the database."), pools)?;
    let most = standing.pools.iter().map(|pool| ([("pool", pool.role)], f64::from(pool.most)));
    gauges(encoder, ("muster_database_connections_max", "How many there may be."), most)
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(standing) = self.standing.load_full() else { return Ok(()) };
        let none: [(&str, &str); 0] = [];
        encode_database(&mut encoder, &standing)?;
        encode_authorities(&mut encoder, &standing)?;
        self.encode_own(&mut encoder, &standing)?;
        let changes = [(none, standing.generation as f64)];
        gauges(&mut encoder, ("muster_trust_generation", "How often what is trusted has changed here."), changes)?;
        let disk = standing.disk.iter();
        let free = disk.clone().map(|disk| (none, disk.free as f64));
        let told = "What can still be written on the disk of the data folder.";
        gauges(&mut encoder, ("muster_data_free_bytes", told), free)?;
        let size = disk.map(|disk| (none, disk.size as f64));
        gauges(&mut encoder, ("muster_data_size_bytes", "The size of that disk."), size)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[tokio::test]
    async fn the_database_is_asked_every_quarter_of_a_minute_at_most() {
        let fixture = store::testing::sqlite().await.unwrap();
        let fleet = Fleet::new(fixture.db.clone(), fixture.folder.path().to_owned());
        let gauges = Gauges::new(fleet, Vec::new());
        gauges.refresh().await;
        let first = gauges.standing.load_full().unwrap();
        assert!(first.database.is_some() && first.disk.is_some());
        fixture.db.close().await;
        for _ in 0..100 {
            gauges.refresh().await;
        }
        assert!(Arc::ptr_eq(&first, &gauges.standing.load_full().unwrap()), "nobody asked again");
        *gauges.read_at.lock().await = Instant::now().checked_sub(FRESH);
        gauges.refresh().await;
        assert_eq!(gauges.standing.load_full().unwrap().database, None, "it is away, and that is shown");
    }
}
