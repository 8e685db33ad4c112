//! How a process and its database stand, as far as that takes more than counting: to be read now and then, and shown to whoever
//! asks in between.

use crate::{Fleet, trust::AuthorityTrust};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    time::Timestamp,
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use store::observe::{Pool, Queues};

/// How long the database may take over all of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of how many authorities it is told how they stand. Every batch has one, so that there may be thousands; whose list or
/// certificate ends first is what matters.
const AUTHORITIES: usize = 200;

/// How it all stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What the database says; none when it does not answer.
    pub database: Option<DatabaseStanding>,
    /// How its connections stand.
    pub pools: Vec<Pool>,
    /// The authorities whose list or certificate ends first.
    pub authorities: Vec<AuthorityStanding>,
    /// How many authorities there are in all whose certificate has not ended.
    pub authority_count: usize,
    /// How often trust has changed.
    pub generation: u64,
    /// When the first certificate of an OCSP responder ends.
    pub responders_end: Option<Timestamp>,
    /// The disk that the data folder is on.
    pub disk: Option<Disk>,
}

/// What the database says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DatabaseStanding {
    /// What waits.
    pub queues: Queues,
    /// How long it took to answer the simplest question.
    pub answered_in: Duration,
}

/// How an authority stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityStanding {
    /// Its word in addresses.
    pub slug: String,
    /// What kind it is.
    pub kind: AuthorityKind,
    /// When its certificate ends.
    pub not_after: Timestamp,
    /// Its list, if there is one.
    pub crl: Option<CrlStanding>,
}

/// How an authority's list of revoked certificates stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlStanding {
    /// Its number.
    pub number: i64,
    /// How many certificates it lists.
    pub entries: i64,
    /// When it was made.
    pub made: Timestamp,
    /// Until when it may be used.
    pub next_update: Timestamp,
}

/// The room on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that can still be written.
    pub free: u64,
    /// Bytes in all.
    pub size: u64,
}

impl Fleet {
    /// How it all stands. It costs the same in every fleet: queues are counted up to an end, and all else is in memory.
    pub async fn standing(&self) -> Standing {
        let database = match tokio::time::timeout(PATIENCE, self.database_standing()).await {
            Ok(Ok(standing)) => Some(standing),
            Ok(Err(error)) => {
                tracing::warn!(%error, "how the database stands can't be read");
                None
            }
            Err(_) => None,
        };
        let (authorities, authority_count) = self.authorities_standing();
        Standing {
            database,
            pools: store::observe::pools(self.db()),
            authorities,
            authority_count,
            generation: self.trust().generation(),
            responders_end: self.inner.ocsp.first_end(),
            disk: disk(self.folder().to_owned()).await,
        }
    }

    async fn database_standing(&self) -> crate::Result<DatabaseStanding> {
        let begun = Instant::now();
        self.db().ping().await?;
        let answered_in = begun.elapsed();
        Ok(DatabaseStanding { queues: store::observe::queues(self.db(), self.now()).await?, answered_in })
    }

    fn authorities_standing(&self) -> (Vec<AuthorityStanding>, usize) {
        let (trust, now) = (self.trust(), self.now());
        let counts = |authority: &&AuthorityTrust| {
            !matches!(authority.state(), AuthorityState::Requested | AuthorityState::AwaitingCertificate)
                && authority.not_after() > now
        };
        let mut all: Vec<AuthorityStanding> =
            trust.authorities().filter(counts).map(|authority| self.authority_standing(authority)).collect();
        let count = all.len();
        let first_end = |standing: &AuthorityStanding| {
            standing.crl.map_or(standing.not_after, |crl| crl.next_update.min(standing.not_after))
        };
        all.sort_by(|a, b| (first_end(a), &a.slug).cmp(&(first_end(b), &b.slug)));
        all.truncate(AUTHORITIES);
        (all, count)
    }

    fn authority_standing(&self, authority: &AuthorityTrust) -> AuthorityStanding {
        let crl = self.crl(authority.slug()).map(|crl| CrlStanding {
            number: crl.number,
            entries: crl.entries,
            made: crl.last_modified,
            next_update: crl.next_update,
        });
        AuthorityStanding {
            slug: authority.slug().to_owned(),
            kind: authority.kind(),
            not_after: authority.not_after(),
            crl,
        }
    }
}

async fn disk(folder: PathBuf) -> Option<Disk> {
    let said = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder)).await.ok()?.ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(said.f_frsize);
    Some(Disk { free: bytes(said.f_bavail), size: bytes(said.f_blocks) })
}
