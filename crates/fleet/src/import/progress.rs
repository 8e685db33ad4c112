//! Says how far an import has come: in its row, and to whoever listens.

use crate::{Fleet, Result};
use domain::id::ImportId;
use std::time::{Duration, Instant};
use store::{Tx, change::Change};

/// How often progress is written at most.
const PAUSE: Duration = Duration::from_millis(500);

/// When progress was last told.
pub(super) struct Told(Option<Instant>);

impl Told {
    pub(super) const fn never() -> Self {
        Self(None)
    }

    /// Whether it is time to tell again; if so, it counts as told.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.0.is_none_or(|last| last.elapsed() >= PAUSE);
        if due {
            self.0 = Some(Instant::now());
        }
        due
    }
}

impl Fleet {
    /// Announces progress in a transaction; to be passed to [`Fleet::tell`] when that is committed.
    pub(super) async fn ring_import(&self, tx: &mut Tx, id: ImportId) -> Result<Change> {
        let (at, subject) = (self.now(), id.to_string());
        let seq = store::change::ring(tx, at, "import", &subject).await?;
        Ok(Change { seq, at: at.0, topic: "import".to_owned(), subject })
    }

    /// Notes how far checking has come; false when it was cancelled. A message of progress, not a record: it is not
    /// audited.
    pub(super) async fn note_progress(&self, id: ImportId, rows: i64, bytes: i64, bad: i64) -> Result<bool> {
        let mut tx = self.db().begin().await?;
        let goes_on = store::import::progress(&mut tx, id, rows, bytes, bad).await?;
        let change = self.ring_import(&mut tx, id).await?;
        tx.commit().await?;
        self.tell(change);
        Ok(goes_on)
    }

    /// Says on an import's page how it stands. As with progress, no record.
    pub(super) async fn note_import(&self, id: ImportId, message: &str) -> Result<()> {
        let mut tx = self.db().begin().await?;
        store::import::note(&mut tx, id, message).await?;
        let change = self.ring_import(&mut tx, id).await?;
        tx.commit().await?;
        self.tell(change);
        Ok(())
    }
}
