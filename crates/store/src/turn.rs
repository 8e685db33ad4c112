//! Turns: what must be done by one process at a time, however many work on a database.
//!
//! On SQLite a turn is a locked file, which the kernel frees. On PostgreSQL it is a lease: a row that says until when it holds, by the
//! database's clock, and that its holder renews. Whoever hangs or is cut off loses it within seconds. Because such a holder may wake up
//! later and go on writing, each taking has a token of its own, and what is written within [`Turn::run`] is committed only while that
//! is the last one that was given.

mod before;
mod lease;

pub use before::beside_before;

use crate::{Db, StoreError, StoreResult, Tx, private};
use domain::node::Lease;
use std::{
    fs::{File, TryLockError},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::sync::{oneshot, watch};

/// How often it is asked whether it is our turn.
const PAUSE: Duration = Duration::from_millis(200);
/// How long it is waited at the end for leases to be given back. What is not given back by then is over a little later.
const GIVING_BACK: Duration = Duration::from_secs(2);

// It asks the database about itself, so it is not among the queries that both understand.
const FILE: &str = "SELECT file FROM pragma_database_list WHERE name = 'main'";

tokio::task_local! {
    /// The lease under which this task writes, if it does.
    static HELD: Claim;
}

/// Who takes turns: a node, or a command beside it. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Holder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: Arc<str>,
    /// Whether it takes no more turns, and gives back those that it has.
    ending: watch::Sender<bool>,
    /// How many leases it has.
    leases: watch::Sender<usize>,
}

impl Holder {
    /// A holder by its name among all that work on the database: a node's id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(Arc::new(Inner { id: id.into(), ending: watch::Sender::new(false), leases: watch::Sender::new(0) }))
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Whether it gave everything back.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        *self.0.ending.borrow()
    }

    /// Ends whatever it is in the middle of, gives all leases back, so that others go on at once, and takes no more.
    pub async fn give_back(&self) {
        self.0.ending.send_replace(true);
        let mut leases = self.0.leases.subscribe();
        // What is not given back in time expires.
        let _ = tokio::time::timeout(GIVING_BACK, leases.wait_for(|n| *n == 0)).await;
    }
}

/// A turn. It ends with this value, or with the process, however that ends.
#[derive(Debug)]
pub struct Turn {
    lease: Lease,
    held: Held,
}

#[derive(Debug)]
enum Held {
    /// A locked file beside the database.
    File(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File),
    /// A row of PostgreSQL that is renewed.
    Lease {
        claim: Claim,
        /// Set once it can't be relied upon any more.
        over: watch::Receiver<bool>,
        /// Dropped with the turn: then it is given back.
        _ours: oneshot::Sender<()>,
    },
}

/// By what a holder is known to have taken a lease last.
#[derive(Clone, Debug)]
struct Claim {
    lease: Lease,
    holder: Arc<str>,
    token: i64,
}

/// Waits for a turn.
///
/// # Errors
/// When the lock file can't be made, PostgreSQL does not answer, or the holder gave everything back.
pub async fn take(db: &Db, lease: Lease, holder: &Holder) -> StoreResult<Turn> {
    let held = match db {
        Db::Sqlite { read, .. } => {
            let database: String = sqlx::query_scalar(FILE).fetch_one(read).await?;
            Held::File(locked(Path::new(&format!("{database}-{lease}"))).await?)
        }
        Db::Postgres(pool) => lease::taken(pool, lease, holder).await?,
    };
    Ok(Turn { lease, held })
}

impl Turn {
    /// Works as long as the turn lasts. What the work commits is fenced; what it spawns is not, unless by [`Turn::fenced`]. It is dropped
    /// where it is when the turn can't be relied upon any more, before another can have it.
    ///
    /// # Errors
    /// [`StoreError::LeaseOver`] then; otherwise what the work gives.
    pub async fn run<T, E: From<StoreError>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let Held::Lease { over, .. } = &self.held else { return work.await };
        tokio::select! {
            biased;
            () = is_set(over.clone()) => Err(StoreError::LeaseOver(self.lease).into()),
            done = self.fenced(work) => done,
        }
    }

    /// Whether it can't be relied upon any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match &self.held {
            Held::File(_) => false,
            Held::Lease { over, .. } => *over.borrow() || over.has_changed().is_err(),
        }
    }

    /// Whatever the work commits is committed only if the turn is still ours. For what is spawned within [`Turn::run`].
    pub fn fenced<W: Future>(&self, work: W) -> impl Future<Output = W::Output> + use<W> {
        let claim = match &self.held {
            Held::File(_) => None,
            Held::Lease { claim, .. } => Some(claim.clone()),
        };
        async move {
            match claim {
                None => work.await,
                Some(claim) => HELD.scope(claim, work).await,
            }
        }
    }

    /// Makes sure that the turn is still ours, and that nobody takes it before the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::LeaseOver`] when another may have it.
    pub async fn fence(&self, tx: &mut Tx) -> StoreResult<()> {
        match &self.held {
            // The kernel frees it with the process, and not before.
            Held::File(_) => Ok(()),
            Held::Lease { claim, .. } => lease::fence(tx, claim).await,
        }
    }
}

/// The same for whatever turn this task works in. Every transaction ends with it, so that none can be forgotten.
pub(crate) async fn fence_held(tx: &mut Tx) -> StoreResult<()> {
    match HELD.try_with(Clone::clone) {
        Ok(claim) => lease::fence(tx, &claim).await,
        Err(_) => Ok(()),
    }
}

async fn is_set(mut flag: watch::Receiver<bool>) {
    // Nobody left to set it is as good.
    let _ = flag.wait_for(|is_set| *is_set).await;
}

async fn locked(path: &Path) -> StoreResult<File> {
    let file = private::options().write(true).create(true).truncate(false).open(path).map_err(sqlx::Error::Io)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
            Err(TryLockError::Error(error)) => return Err(sqlx::Error::Io(error).into()),
        }
    }
}
