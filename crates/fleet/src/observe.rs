//! What the fleet counts of its own work, for whoever operates it. Counting takes no lock and allocates nothing, so that a poll
//! may do it; what is counted has no names of devices or people.

mod histogram;
mod standing;

pub use histogram::{Histogram, LATENCY};
pub use standing::{AuthorityStanding, CrlStanding, DatabaseStanding, Disk, Standing};

use crate::{Error, Fleet, Result};
use domain::{retention::Kept, rollout::ActionState, time::Timestamp};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        gauge::ConstGauge,
    },
};
use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tracing::Instrument as _;

/// How long an act takes to be everywhere, in seconds: it should be one second at most.
const SPREAD: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// What goes on in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Following what is cut off.
    Trust,
    /// Publishing CRLs.
    Crl,
    /// Writing down what was noted in memory.
    Flush,
    /// Looking after rollouts that run.
    Rollouts,
    /// Working on an import.
    Import,
    /// Telling a webhook one message.
    Webhook,
    /// Clearing away what has served its time.
    Sweep,
    /// Letting go what is kept no longer.
    Retention,
}

impl Job {
    /// Every one, as they stand in memory.
    pub const ALL: [Self; 8] = [
        Self::Trust,
        Self::Crl,
        Self::Flush,
        Self::Rollouts,
        Self::Import,
        Self::Webhook,
        Self::Sweep,
        Self::Retention,
    ];

    /// Its name in a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Crl => "crl",
            Self::Flush => "flush",
            Self::Rollouts => "rollouts",
            Self::Import => "import",
            Self::Webhook => "webhook",
            Self::Sweep => "sweep",
            Self::Retention => "retention",
        }
    }
}

/// How a device's report was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Well,
    TooOften,
    Unreadable,
    NotAtAll,
}

impl Taken {
    const ALL: [Self; 4] = [Self::Well, Self::TooOften, Self::Unreadable, Self::NotAtAll];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Well => "taken",
            Self::TooOften => "too_often",
            Self::Unreadable => "unreadable",
            Self::NotAtAll => "failed",
        }
    }

    pub(crate) const fn of<T>(taken: &Result<T>) -> Self {
        match taken {
            Ok(_) => Self::Well,
            Err(Error::TooMany { .. }) => Self::TooOften,
            Err(_) => Self::NotAtAll,
        }
    }
}

/// How a kind of work went.
#[derive(Debug)]
struct Work {
    lasted: Histogram,
    failed: Counter,
}

impl Default for Work {
    fn default() -> Self {
        Self { lasted: Histogram::new(LATENCY), failed: Counter::default() }
    }
}

/// The counts of one process. Their order is that of `ALL` of what they count.
#[derive(Debug)]
pub struct Observed {
    began: Instant,
    /// When trust was last read, in microseconds since `began`, and one more; 0 for never.
    trust_read: AtomicU64,
    polls: Counter,
    polls_held: Counter,
    reports: [Counter; Taken::ALL.len()],
    updates: Vec<Counter>,
    gone: Vec<Counter>,
    spread: Histogram,
    work: [Work; Job::ALL.len()],
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            trust_read: AtomicU64::new(0),
            polls: Counter::default(),
            polls_held: Counter::default(),
            reports: Default::default(),
            updates: ActionState::ALL.iter().map(|_| Counter::default()).collect(),
            gone: Kept::ALL.iter().map(|_| Counter::default()).collect(),
            spread: Histogram::new(SPREAD),
            work: Default::default(),
        }
    }
}

impl Observed {
    /// A poll was answered.
    pub(crate) fn polled(&self, is_whole: bool) {
        let counter = if is_whole { &self.polls } else { &self.polls_held };
        counter.inc();
    }

    /// A report came.
    pub(crate) fn reported(&self, taken: Taken) {
        self.reports[taken as usize].inc();
    }

    /// A device's update is in another state, and that is committed.
    pub(crate) fn reached(&self, state: ActionState) {
        if let Some(counter) = self.updates.get(state as usize) {
            counter.inc();
        }
    }

    /// So many rows are kept no longer, and that is committed.
    pub(crate) fn let_go(&self, kept: Kept, rows: u64) {
        if let Some(counter) = self.gone.get(kept as usize) {
            counter.inc_by(rows);
        }
    }

    /// This process refuses from now on what an act cut off so long ago.
    pub(crate) fn spread(&self, since: Timestamp, now: Timestamp) {
        self.spread.note(Duration::from_micros(u64::try_from(now.0 - since.0).unwrap_or_default()));
    }

    /// What is known of what is cut off holds all that was committed when a read began.
    pub(crate) fn trust_was_read(&self, begun: Instant) {
        let micros = begun.saturating_duration_since(self.began).as_micros();
        self.trust_read.fetch_max(u64::try_from(micros).unwrap_or(u64::MAX - 1) + 1, Ordering::Relaxed);
    }

    /// How long ago that was.
    fn trust_age(&self) -> Option<Duration> {
        let micros = self.trust_read.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.began.elapsed().saturating_sub(Duration::from_micros(micros)))
    }

    /// Notes how a piece of work went.
    pub fn worked(&self, job: Job, lasted: Duration, is_done: bool) {
        let work = &self.work[job as usize];
        work.lasted.note(lasted);
        if !is_done {
            work.failed.inc();
        }
    }
}

impl Fleet {
    /// What this process counts. A registry takes it as a collector.
    #[must_use]
    pub fn observed(&self) -> Arc<Observed> {
        Arc::clone(&self.inner.observed)
    }

    /// How long ago what is cut off was last read from the database, by a clock that nobody sets. None before the first time.
    #[must_use]
    pub fn trust_age(&self) -> Option<Duration> {
        self.inner.observed.trust_age()
    }

    /// Does some work, and notes how long it took and whether it failed.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn observe<T>(&self, job: Job, work: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let done = work.instrument(tracing::info_span!("work", job = job.as_str())).await;
        self.inner.observed.worked(job, begun.elapsed(), done.is_ok());
        done
    }
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let polls = [([("held", "no")], &self.polls), ([("held", "yes")], &self.polls_held)];
        let polls = polls.map(|(label, counter)| (label, counter.get()));
        counters(&mut encoder, ("muster_device_polls", "Polls of devices that were answered."), polls)?;
        let reports = Taken::ALL.iter().zip(&self.reports);
        let reports = reports.map(|(taken, counter)| ([("result", taken.as_str())], counter.get()));
        counters(
            &mut encoder,
            ("muster_device_reports", "Reports of what devices are, by how they were taken."),
            reports,
        )?;
        let updates = ActionState::ALL.iter().zip(&self.updates);
        let updates = updates.map(|(state, counter)| ([("state", state.as_str())], counter.get()));
        let told = "How often an update of a device came into a state: offered, verified, failed and so on.";
        counters(&mut encoder, ("muster_device_updates", told), updates)?;
        let gone = Kept::ALL.iter().zip(&self.gone).map(|(kept, counter)| ([("kind", kept.as_str())], counter.get()));
        let told = "Rows that were let go because they are kept no longer.";
        counters(&mut encoder, ("muster_retention_rows", told), gone)?;
        let told = "From an act of revocation until this node refuses what it cut off.";
        let metric =
            encoder.encode_descriptor("muster_revocation_spread_seconds", told, None, MetricType::Histogram)?;
        self.spread.encode(metric)?;
        let age = self.trust_age().map_or(f64::NAN, |age| age.as_secs_f64());
        let told = "Since what is cut off was last read from the database.";
        gauges(&mut encoder, ("muster_trust_age_seconds", told), [([("source", "database")], age)])?;
        self.encode_work(&mut encoder)
    }
}

impl Observed {
    fn encode_work(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = || Job::ALL.iter().zip(&self.work);
        let failed = all().map(|(job, work)| ([("work", job.as_str())], work.failed.get()));
        counters(encoder, ("muster_work_failures", "Work in the background that failed; it is tried again."), failed)?;
        // Not `job`: by that word Prometheus knows whom it asks.
        let name = "muster_work_duration_seconds";
        let told = "How long work in the background took.";
        let mut family = encoder.encode_descriptor(name, told, None, MetricType::Histogram)?;
        for (job, work) in all() {
            work.lasted.encode(family.encode_family(&[("work", job.as_str())])?)?;
        }
        Ok(())
    }
}

/// Writes one family of counters, by its name and what it says.
///
/// # Errors
/// When it can't be written.
pub fn counters<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, told): (&str, &str),
    series: impl IntoIterator<Item = (L, u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, told, None, MetricType::Counter)?;
    for (labels, value) in series {
        ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// The same of gauges.
///
/// # Errors
/// When it can't be written.
pub fn gauges<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, told): (&str, &str),
    series: impl IntoIterator<Item = (L, f64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, told, None, MetricType::Gauge)?;
    for (labels, value) in series {
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_stands_where_it_is_looked_for() {
        for (n, job) in Job::ALL.iter().enumerate() {
            assert_eq!(*job as usize, n, "{job:?}");
        }
        for (n, taken) in Taken::ALL.iter().enumerate() {
            assert_eq!(*taken as usize, n, "{taken:?}");
        }
        for (n, kept) in Kept::ALL.iter().enumerate() {
            assert_eq!(*kept as usize, n, "{kept:?}");
        }
        for (n, state) in ActionState::ALL.iter().enumerate() {
            assert_eq!(*state as usize, n, "{state:?}");
        }
    }

    #[test]
    fn trust_that_was_never_read_has_no_age() {
        let observed = Observed::default();
        assert_eq!(observed.trust_age(), None);
        observed.trust_was_read(Instant::now());
        assert!(observed.trust_age().is_some_and(|age| age < Duration::from_secs(60)));
    }
}
