//! What people and devices can do: authorises, decides by `domain`, writes by `store`, audits.
//!
//! Every function that changes something takes the [`Actor`] first, refuses unless a rule allows, and writes its
//! audit entry in the same transaction. Functions that read take the actor too.

mod actor;
mod again;
mod audit;
mod contact;
mod error;
mod keys;
mod replica;
mod secret;
mod sweep;
#[cfg(test)]
mod testing;
mod throttle;
mod tls;
mod turn;

pub mod approval;
pub mod authority;
pub mod backup;
pub mod batches;
pub mod bell;
pub mod catalogue;
pub mod certificate;
pub mod check_in;
pub mod claim;
pub mod custody;
pub mod device_token;
pub mod devices;
pub mod enrol;
pub mod export;
pub mod factor;
pub mod finding;
pub mod idempotency;
pub mod import;
pub mod link;
pub mod listen;
pub mod node;
pub mod observe;
pub mod ocsp;
pub mod oidc;
pub mod overview;
pub mod parts;
pub mod password;
pub mod people;
pub mod publish;
pub mod release;
pub mod repair;
pub mod retention;
pub mod revocation;
pub mod rollout;
pub mod seed;
pub mod session;
pub mod setting;
pub mod sign_in;
pub mod spread;
pub mod tally;
pub mod token;
pub mod trust;
pub mod update;
pub mod view;
pub mod webhook;

pub use actor::{Actor, Origin};
pub use audit::{Break, Deed, Verification};
pub use error::{Error, FieldError, Result};
pub use keys::Keys;
pub use store::audit::{AuditEntry, AuditFilter};

use domain::time::Timestamp;
use release::ShelfPlace;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
};
use store::Db;

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The fleet: the one way in to everything that Muster keeps. Cloning shares it.
#[derive(Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

struct Inner {
    artifacts: arc_swap::ArcSwap<release::Artifacts>,
    db: Db,
    folder: PathBuf,
    holder: OnceLock<store::turn::Holder>,
    clock: Clock,
    bell: bell::Bell,
    claims: claim::Codes,
    clicks: factor::Clicks,
    contacts: contact::Contacts,
    copies: release::Copies,
    connection: overview::ConnectionCache,
    importer: import::Importer,
    forecasts: rollout::Forecasts,
    previews: rollout::Previews,
    keys: keys::KeyRing,
    listeners: listen::Listeners,
    observed: Arc<observe::Observed>,
    ocsp: ocsp::Responders,
    polls: check_in::Polls,
    provider: arc_swap::ArcSwapOption<oidc::Provider>,
    replica: replica::Replicas,
    revoker: revocation::Revoker,
    rollouts: rollout::Rollouts,
    shelf: publish::Shelf,
    spread: spread::Buffer,
    trust: trust::Keeper,
    refusals: Mutex<audit::Refusals>,
}

impl Fleet {
    /// A fleet on a database, with a data folder for what is not in the database, on the machine's clock.
    #[must_use]
    pub fn new(db: Db, folder: PathBuf) -> Self {
        Self::with_clock(db, folder, Arc::new(system_time))
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(db: Db, folder: PathBuf, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                artifacts: arc_swap::ArcSwap::from_pointee(release::Artifacts::new(&folder, ShelfPlace::Folder)),
                db,
                folder,
                holder: OnceLock::new(),
                clock,
                bell: bell::Bell::default(),
                claims: claim::Codes::default(),
                clicks: factor::Clicks::default(),
                contacts: contact::Contacts::default(),
                copies: release::Copies::default(),
                connection: overview::ConnectionCache::default(),
                importer: import::Importer::default(),
                forecasts: rollout::Forecasts::default(),
                previews: rollout::Previews::default(),
                keys: keys::KeyRing::default(),
                listeners: listen::Listeners::default(),
                observed: Arc::default(),
                ocsp: ocsp::Responders::default(),
                polls: check_in::Polls::default(),
                provider: arc_swap::ArcSwapOption::empty(),
                replica: replica::Replicas::default(),
                revoker: revocation::Revoker::default(),
                rollouts: rollout::Rollouts::default(),
                shelf: publish::Shelf::default(),
                spread: spread::Buffer::default(),
                trust: trust::Keeper::default(),
                refusals: Mutex::default(),
            }),
        }
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        &self.inner.folder
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.inner.clock)()
    }
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("db", &self.inner.db.kind()).finish_non_exhaustive()
    }
}

/// The machine's clock, in UTC. A clock before 1970 counts as 1970.
#[must_use]
pub fn system_time() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
