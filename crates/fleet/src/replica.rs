//! A replica for what people search for: lists, counts and exports may be read from a standby, as long as it has everything
//! that this node has told anybody of.
//!
//! A list asks the replica first whether it has the last changes that were committed or heard here; so nobody misses what
//! they did themselves a moment ago. If it has not, or does not answer at once, the primary is read. What decides something
//! (what an act would hit, who is in a rollout, the audit log) is always read from the primary.

use crate::{Fleet, Result};
use std::{
    future::Future,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use store::{Db, StoreError, StoreResult};
use tokio::time::{sleep, timeout};

/// How often it is looked how the replica stands.
const LOOK: Duration = Duration::from_millis(200);
/// How long a list waits for the replica to say what it has.
const PROBE: Duration = Duration::from_millis(100);
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How far behind it may be before nobody asks it any more.
const BEHIND: Duration = Duration::from_secs(1);
/// How long a read there may take; it is stopped there before.
const READ: Duration = Duration::from_secs(35);

/// A replica, if there is one.
#[derive(Default)]
pub(crate) struct Replicas(OnceLock<Replica>);

struct Replica {
    db: Db,
    /// As the last look found.
    is_good: AtomicBool,
}

impl Fleet {
    /// The same fleet with a replica of its database for what people search for. Only once [`Fleet::follow_replica`] runs is it
    /// asked.
    #[must_use]
    pub fn with_replica(self, db: Db) -> Self {
        // A second one changes nothing.
        let _ = self.inner.replica.0.set(Replica { db, is_good: AtomicBool::new(false) });
        self
    }

    /// Whether lists are read from a replica at the moment.
    #[must_use]
    pub fn is_replica_used(&self) -> bool {
        self.inner.replica.0.get().is_some_and(|replica| replica.is_good.load(Ordering::Relaxed))
    }

    /// Keeps an eye on the replica, until it is dropped.
    pub async fn follow_replica(self) {
        let Some(replica) = self.inner.replica.0.get() else { return };
        let (mut was_good, mut had_all_at) = (None, Instant::now());
        loop {
            let found = match timeout(PATIENCE, self.has_all(&replica.db)).await {
                Ok(found) => found.map_err(|error| error.to_string()),
                Err(_) => Err("it does not answer".to_owned()),
            };
            if matches!(found, Ok(true)) {
                had_all_at = Instant::now();
            }
            let is_good = found.is_ok() && had_all_at.elapsed() < BEHIND;
            replica.is_good.store(is_good, Ordering::Relaxed);
            if was_good != Some(is_good) {
                match &found {
                    Ok(_) if is_good => tracing::info!("lists are read from the replica"),
                    Ok(_) => {
                        tracing::warn!("the replica is behind: lists are read from the primary until it has caught up");
                    }
                    Err(why) => tracing::warn!(why, "the replica can't be read: lists are read from the primary"),
                }
            }
            was_good = Some(is_good);
            sleep(LOOK).await;
        }
    }

    /// Reads what may be a moment old: from the replica if that has all that was told here, else from the primary. Whatever
    /// goes wrong there is nobody's concern.
    pub(crate) async fn listed<T, F>(&self, read: impl Fn(Db) -> F) -> Result<T>
    where
        F: Future<Output = StoreResult<T>>,
    {
        if let Some(replica) = self.replica_that_knows().await {
            match timeout(READ, read(replica.db.clone())).await {
                Ok(Ok(found)) => return Ok(found),
                // It would be as slow at the primary, which has more to do.
                Ok(Err(StoreError::Slow)) => return Err(StoreError::Slow.into()),
                Ok(Err(error)) => tracing::debug!(%error, "the replica did not answer; the primary is read"),
                Err(_) => replica.is_good.store(false, Ordering::Relaxed),
            }
        }
        Ok(read(self.db().clone()).await?)
    }

    async fn replica_that_knows(&self) -> Option<&Replica> {
        let replica = self.inner.replica.0.get().filter(|replica| replica.is_good.load(Ordering::Relaxed))?;
        match timeout(PROBE, self.has_all(&replica.db)).await {
            Ok(Ok(true)) => Some(replica),
            Ok(Ok(false)) => None,
            // Until the next look finds it better.
            _ => {
                replica.is_good.store(false, Ordering::Relaxed);
                None
            }
        }
    }

    /// Whether a replica has the last changes that were told here. The very last would not do: several are told at once, in
    /// another order than they were committed in.
    async fn has_all(&self, replica: &Db) -> Result<bool> {
        let told = self.last_told();
        let there = store::change::among(replica, &told).await?;
        Ok(!told.is_empty() && there.len() == told.len())
    }
}
