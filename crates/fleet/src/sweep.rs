//! Clearing away what has served its time and is nobody's record.

use crate::{Fleet, Result, idempotency::KEPT};
use domain::time::{DAY, Timestamp};

/// How long an ended link is remembered, so that its use is noticed.
const LINKS: i64 = 30 * DAY;
/// How long failed sign-ins are remembered.
const FAILURES: i64 = DAY;
/// How long changes wait for those who missed them.
const CHANGES: i64 = 7 * DAY;
/// How many of them are forgotten in one transaction.
const ROWS: i64 = 5_000;

impl Fleet {
    /// Forgets ended sessions, old links, failed sign-ins, kept answers, announced changes, and nodes that are gone.
    /// To be done every few minutes, by any number of nodes: what one has forgotten the next does not find. How many sessions had ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep(&self) -> Result<u64> {
        let now = self.now();
        let sessions = store::session::forget_ended(self.db(), now).await?;
        let mut tx = self.db().begin().await?;
        store::link::forget(&mut tx, now.plus(-LINKS)).await?;
        store::factor::forget_pending(&mut tx, now.plus(-DAY)).await?;
        store::passkey::forget(&mut tx, now).await?;
        store::identity::forget(&mut tx, now).await?;
        store::throttle::forget(&mut tx, now.plus(-FAILURES)).await?;
        store::idempotency::forget(&mut tx, now.plus(-KEPT)).await?;
        tx.commit().await?;
        self.forget_changes(now).await?;
        self.forget_nodes().await?;
        Ok(sessions)
    }

    /// In pieces: after a rollout there are millions of a day.
    async fn forget_changes(&self, now: Timestamp) -> Result<()> {
        loop {
            let mut tx = self.db().begin().await?;
            let gone = store::change::forget(&mut tx, now.plus(-CHANGES), ROWS).await?;
            tx.commit().await?;
            if gone < ROWS.unsigned_abs() {
                return Ok(());
            }
        }
    }
}
