//! Whether a node can do its work, condition by condition, for whoever sends it work.

use crate::metrics::OwnCertificate;
use fleet::{Fleet, release::Unreached};
use serde::Serialize;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How long the database may take to answer a probe.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is tried whether the place of releases' files can be reached: that writes and reads there.
const SHELF_EVERY: Duration = Duration::from_secs(60);

/// How a condition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stands {
    /// It is met.
    Met,
    /// It is not, but another node would do no better, or what is hindered is not all.
    Doubtful,
    /// It is not, so that nobody is to be sent here.
    Unmet,
}

/// What a node needs in order to do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Its name.
    pub name: &'static str,
    /// How it stands.
    pub state: Stands,
    /// Why it stands so; may be empty.
    pub note: String,
}

impl Condition {
    const fn met(name: &'static str) -> Self {
        Self { name, state: Stands::Met, note: String::new() }
    }

    fn unmet(name: &'static str, note: impl Into<String>) -> Self {
        Self { name, state: Stands::Unmet, note: note.into() }
    }
}

/// Whether this node can do its work. Cloning shares it.
#[derive(Clone)]
pub struct Readiness(Arc<Inner>);

struct Inner {
    fleet: Fleet,
    /// The certificates that it shows; none where nobody is let in.
    own: Option<Vec<OwnCertificate>>,
    is_stopping: AtomicBool,
    shelf: Mutex<Shelf>,
}

/// What is known of the place of releases' files.
#[derive(Default)]
struct Shelf {
    tried_at: Option<Instant>,
    away: Option<String>,
}

impl Readiness {
    /// Of a console alone, which needs its database.
    #[must_use]
    pub fn new(fleet: Fleet) -> Self {
        Self::with(fleet, None)
    }

    /// Of a node that lets devices in, and shows these certificates.
    #[must_use]
    pub fn of_node(fleet: Fleet, own: Vec<OwnCertificate>) -> Self {
        Self::with(fleet, Some(own))
    }

    fn with(fleet: Fleet, own: Option<Vec<OwnCertificate>>) -> Self {
        Self(Arc::new(Inner { fleet, own, is_stopping: AtomicBool::new(false), shelf: Mutex::default() }))
    }

    /// From now on nobody is to be sent here.
    pub fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Every condition, in the order in which people expect them.
    pub async fn conditions(&self) -> Vec<Condition> {
        let mut all = vec![self.going_on(), self.database().await];
        match &self.0.own {
            Some(own) => all.extend([self.trust(), self.certificates(own), self.artifacts()]),
            None if self.0.fleet.is_trust_stale() => all.push(self.trust()),
            None => {}
        }
        all
    }

    fn going_on(&self) -> Condition {
        if self.0.is_stopping.load(Ordering::Relaxed) {
            return Condition::unmet("running", "it was told to stop");
        }
        Condition::met("running")
    }

    async fn database(&self) -> Condition {
        match tokio::time::timeout(PATIENCE, self.0.fleet.db().ping()).await {
            Ok(Ok(())) => Condition::met("database"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database does not answer");
                Condition::unmet("database", "it does not answer")
            }
            Err(_) => Condition::unmet("database", "it is slow to answer"),
        }
    }

    fn trust(&self) -> Condition {
        match self.0.fleet.trust_age() {
            None => Condition::unmet("trust", "what is cut off was not read yet"),
            Some(age) if self.0.fleet.is_trust_stale() => {
                Condition::unmet("trust", format!("what is cut off was read {} s ago", age.as_secs()))
            }
            Some(_) => Condition::met("trust"),
        }
    }

    fn certificates(&self, own: &[OwnCertificate]) -> Condition {
        let now = self.0.fleet.now();
        let is_over = |(_, certificates): &&OwnCertificate| {
            let der = certificates.certificate();
            let certificate = der.and_then(|der| pki::Certificate::from_der(&der).ok());
            certificate.is_none_or(|certificate| certificate.not_after() <= now)
        };
        let over: Vec<&str> = own.iter().filter(is_over).map(|(door, _)| *door).collect();
        if over.is_empty() {
            return Condition::met("certificates");
        }
        Condition::unmet("certificates", format!("over: {}", over.join(", ")))
    }

    /// As it was when it was last tried: a probe doesn't wait for storage elsewhere. All nodes have the same storage, and polls
    /// don't need it, so nobody is turned away.
    fn artifacts(&self) -> Condition {
        let mut shelf = self.shelf();
        if shelf.tried_at.is_none_or(|at| at.elapsed() >= SHELF_EVERY) {
            shelf.tried_at = Some(Instant::now());
            tokio::spawn(self.clone().try_shelf());
        }
        match &shelf.away {
            None => Condition::met("artifacts"),
            Some(why) => Condition { name: "artifacts", state: Stands::Doubtful, note: why.clone() },
        }
    }

    async fn try_shelf(self) {
        let away = match self.0.fleet.reach_shelf().await {
            Ok(()) => None,
            Err(Unreached::Refused(why) | Unreached::Away(why)) => {
                tracing::warn!(why, "the place of releases' files can't be reached");
                // Why is in the log alone: it may name what is only for whoever runs this.
                Some("releases' files can't be reached; see the log".to_owned())
            }
        };
        self.shelf().away = away;
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody may be sent here.
#[must_use]
pub fn is_ready(conditions: &[Condition]) -> bool {
    conditions.iter().all(|condition| condition.state != Stands::Unmet)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::listener::Certificates;
    use domain::time::{DAY, Timestamp};
    use std::sync::atomic::AtomicI64;

    fn unmet(conditions: &[Condition]) -> Vec<&'static str> {
        let unmet = conditions.iter().filter(|condition| condition.state == Stands::Unmet);
        unmet.map(|condition| condition.name).collect()
    }

    #[tokio::test]
    async fn each_condition_is_told_by_its_name() {
        let fixture = store::testing::sqlite().await.unwrap();
        let late = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&late);
        let clock = Arc::new(move || Timestamp(fleet::system_time().0 + clock.load(Ordering::Relaxed)));
        let fleet = Fleet::with_clock(fixture.db.clone(), fixture.folder.path().to_owned(), clock);
        let made = pki::console_certificate(&[], &[], fleet.now()).unwrap();
        let identity = pki::read_identity((made.cert_pem.as_bytes(), "c"), (made.key_pem.as_bytes(), "k")).unwrap();
        let readiness = Readiness::of_node(fleet.clone(), vec![("gateway", Certificates::new(&identity))]);
        assert_eq!(unmet(&readiness.conditions().await), ["trust"], "nobody is let in before it was read");
        fleet.load_trust().await.unwrap();
        assert!(is_ready(&readiness.conditions().await));
        late.store(400 * DAY, Ordering::Relaxed);
        assert_eq!(unmet(&readiness.conditions().await), ["certificates"]);
        late.store(0, Ordering::Relaxed);
        fixture.db.close().await;
        assert_eq!(unmet(&readiness.conditions().await), ["database"]);
        readiness.stop();
        assert_eq!(unmet(&readiness.conditions().await), ["running", "database"]);
        assert_eq!(unmet(&Readiness::new(fleet).conditions().await), ["database"]);
    }
}
