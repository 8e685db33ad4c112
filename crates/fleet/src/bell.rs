//! The one bell, as a process hears it: what it commits itself is told at once, what others commit is read from the table
//! of changes. Either way it is told once, by [`Fleet::changes`].
//!
//! On PostgreSQL nodes wake each other by NOTIFY ([`store::change::Ringer`]); whatever is lost on that way is found by the
//! look that follows within [`LOOK`]. Nothing is told by the notification but that it is time to look.

mod heard;

use crate::{Fleet, Result};
use heard::Heard;
use std::{
    future::pending,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use store::{
    Db,
    change::{Change, Ear, Ringer},
};
use tokio::{
    sync::{Notify, broadcast, broadcast::error::RecvError},
    time::{sleep, timeout},
};

/// How often it is looked for what others rang, whether or not anything was heard of it.
pub const LOOK: Duration = Duration::from_millis(250);
/// How long it is waited after a ring or a look for what comes in the next moment, so that many changes are one.
const MOMENT: Duration = Duration::from_millis(10);
/// How long a look may take before it is begun again on another connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it is waited before it is listened again after the connection was lost.
const AGAIN: Duration = Duration::from_secs(1);
/// How many changes are read at once.
const MANY: i64 = 1_000;
/// How many that are missing are asked for at once.
const ASKED: usize = 500;
/// How many changes may wait for one that listens, before it is told that it has missed some.
const WAITING: usize = 1_024;

/// What a process has heard, and who listens to it.
pub(crate) struct Bell {
    changes: broadcast::Sender<Change>,
    /// None before [`Fleet::begin_to_hear`]: then only what this process does is told.
    heard: Mutex<Option<Heard>>,
    /// The last of what was committed here since other nodes were rung; 0 for none.
    rung: AtomicI64,
    ring: Notify,
    look: Notify,
}

impl Default for Bell {
    fn default() -> Self {
        let (changes, _) = broadcast::channel(WAITING);
        Self { changes, heard: Mutex::default(), rung: AtomicI64::new(0), ring: Notify::new(), look: Notify::new() }
    }
}

impl Bell {
    fn heard(&self) -> MutexGuard<'_, Option<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a change was not told yet; from now on it was.
    fn is_new(&self, seq: i64) -> bool {
        self.heard().as_mut().is_none_or(|heard| heard.note(seq, Instant::now()))
    }

    /// Whether everything that a ring is about was told already: it was our own, or was found before.
    fn is_told(&self, seq: i64) -> bool {
        self.heard().as_ref().is_some_and(|heard| heard.has(seq))
    }
}

impl Fleet {
    /// Changes from now on. Those that this process commits, and once [`Fleet::follow_bell`] runs those of all others, too:
    /// each once, but in no order that can be relied on. Who is too slow is told so ([`RecvError::Lagged`]) and has to look
    /// at everything.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.bell.changes.subscribe()
    }

    /// The last change that this process has committed or heard of; 0 for none.
    #[must_use]
    pub fn last_heard(&self) -> i64 {
        self.inner.bell.heard().as_ref().map_or(0, Heard::last)
    }

    /// The last changes that were told here, at most sixteen.
    pub(crate) fn last_told(&self) -> Vec<i64> {
        self.inner.bell.heard().as_ref().map_or_else(Vec::new, Heard::recent)
    }

    /// Tells of a change that this process has committed: its own listeners, and other nodes.
    pub(crate) fn tell(&self, change: Change) {
        self.inner.bell.rung.fetch_max(change.seq, Ordering::AcqRel);
        self.inner.bell.ring.notify_one();
        self.hand_on(change);
    }

    /// Tells this process's listeners, unless they were told.
    fn hand_on(&self, change: Change) {
        if self.inner.bell.is_new(change.seq) {
            self.inner.polls.heard(&change);
            // Nobody listening is no failure.
            let _ = self.inner.bell.changes.send(change);
        }
    }

    /// Notes up to where everything is known, because nothing was read yet. To be done before this process does anything
    /// or reads what it keeps in memory.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_to_hear(&self) -> Result<()> {
        let last = store::change::last(self.db()).await?;
        // What is under way elsewhere shows as what is missing between those that are there.
        let there = store::change::after(self.db(), last.saturating_sub(MANY), MANY).await?;
        let there: Vec<i64> = there.iter().map(|change| change.seq).filter(|seq| *seq <= last).collect();
        *self.inner.bell.heard() = Some(Heard::after(last, &there, Instant::now()));
        Ok(())
    }

    /// Hears what other processes ring and rings for them, until it is dropped.
    pub async fn follow_bell(self) {
        while let Err(error) = self.begin_unless_begun().await {
            tracing::error!(%error, "what others do can't be heard; it is tried again");
            sleep(AGAIN).await;
        }
        tokio::join!(self.hear_always(), self.listen_always(), self.ring_always(), self.keep_rollouts());
    }

    async fn begin_unless_begun(&self) -> Result<()> {
        if self.inner.bell.heard().is_some() { Ok(()) } else { self.begin_to_hear().await }
    }

    async fn hear_always(&self) {
        let mut aside = self.db().aside();
        let mut is_deaf = false;
        loop {
            let heard = match timeout(PATIENCE, self.hear_others(&aside)).await {
                Ok(heard) => heard.map_err(|error| error.to_string()),
                Err(_) => Err("the database does not answer".to_owned()),
            };
            match &heard {
                Ok(()) if is_deaf => tracing::info!("what others do is heard again, from where it was left"),
                Err(why) => {
                    if !is_deaf {
                        tracing::warn!(why, "what others do can't be heard at the moment");
                    }
                    aside = self.db().aside();
                }
                Ok(()) => {}
            }
            is_deaf = heard.is_err();
            sleep(MOMENT).await;
            // A look that nobody asked for finds what no ring told of.
            let _ = timeout(LOOK, self.inner.bell.look.notified()).await;
        }
    }

    /// Reads what is there above what was read, and what was missing below. A change that gets its sequence first may be
    /// committed last.
    async fn hear_others(&self, db: &Db) -> Result<()> {
        loop {
            let read = self.inner.bell.heard().as_ref().map_or(0, Heard::read);
            let page = store::change::after(db, read, MANY).await?;
            let Some(last) = page.last().map(|change| change.seq) else { break };
            let is_last = i64::try_from(page.len()).unwrap_or(MANY) < MANY;
            for change in page {
                self.hand_on(change);
            }
            if let Some(heard) = self.inner.bell.heard().as_mut() {
                heard.note_read(last);
            }
            if is_last {
                break;
            }
        }
        let missing = self.inner.bell.heard().as_mut().map(|heard| heard.due(Instant::now())).unwrap_or_default();
        for some in missing.chunks(ASKED) {
            for change in store::change::among(db, some).await? {
                self.hand_on(change);
            }
        }
        Ok(())
    }

    /// Wakes whoever looks when another node rings. Where nothing can be listened to, looks find everything.
    async fn listen_always(&self) {
        let mut was_told = false;
        loop {
            match Ear::listen(self.db()).await {
                Ok(None) => pending::<()>().await,
                Ok(Some(mut ear)) => {
                    was_told = false;
                    // Whatever was rung before it listened.
                    self.inner.bell.look.notify_one();
                    while let Ok(rung) = ear.next().await {
                        if rung.is_none_or(|seq| !self.inner.bell.is_told(seq)) {
                            self.inner.bell.look.notify_one();
                        }
                    }
                }
                Err(error) => {
                    if !was_told {
                        tracing::warn!(%error, "other nodes can't be listened to; it is looked four times a second instead");
                    }
                    was_told = true;
                }
            }
            sleep(AGAIN).await;
        }
    }

    /// Rings for other nodes once for everything that was committed in a moment.
    async fn ring_always(&self) {
        let mut ringer = Ringer::new(self.db());
        loop {
            self.inner.bell.ring.notified().await;
            let seq = self.inner.bell.rung.swap(0, Ordering::AcqRel);
            if seq > 0
                && let Err(error) = ringer.ring(seq).await
            {
                // They look by themselves.
                tracing::debug!(%error, "other nodes were not rung for");
            }
            sleep(MOMENT).await;
        }
    }

    /// Brings the rollouts in memory up to what another node or a person there changed, whatever the steward is at.
    async fn keep_rollouts(&self) {
        let mut changes = self.changes();
        loop {
            match changes.recv().await {
                Ok(change) if change.topic != crate::rollout::TOPIC => continue,
                Err(RecvError::Closed) => pending::<()>().await,
                _ => {}
            }
            if let Err(error) = self.refresh_rollouts().await {
                tracing::warn!(%error, "a change of a rollout was not read; the steward tries again");
            }
        }
    }
}
