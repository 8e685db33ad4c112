//! Reads that end. What people type decides how much a list reads, so a list must not hold one of the few readers for
//! longer than anybody waits for it. PostgreSQL is told the same for every connection; see [`crate::Db::postgres`].

use sqlx::{Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

/// How long a read may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// How many of its own steps SQLite takes between two looks at the clock: fractions of a millisecond.
const STEPS: i32 = 10_000;

const READS: u8 = 0;
const ENDED: u8 = 1;
const GIVEN_UP: u8 = 2;

/// A reader of SQLite that is stopped when it takes too long, or when nobody waits for it any more.
pub(crate) struct Hurried {
    connection: PoolConnection<Sqlite>,
    state: Arc<AtomicU8>,
}

impl Hurried {
    /// A reader that has so much time.
    pub(crate) async fn reader(pool: &SqlitePool, time: Duration) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        let state = Arc::new(AtomicU8::new(READS));
        let (watched, begun) = (Arc::clone(&state), Instant::now());
        let goes_on = move || match watched.load(Ordering::Relaxed) {
            READS => begun.elapsed() < time,
            // The connection is somebody else's by now.
            ENDED => true,
            _ => false,
        };
        connection.lock_handle().await?.set_progress_handler(STEPS, goes_on);
        Ok(Self { connection, state })
    }

    pub(crate) fn executor(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// The answer is there, or an error.
    pub(crate) fn ended(&self) {
        self.state.store(ENDED, Ordering::Relaxed);
    }
}

impl Drop for Hurried {
    fn drop(&mut self) {
        if self.state.load(Ordering::Relaxed) == READS {
            // Whoever asked is gone while SQLite reads on; the next one must not inherit that.
            self.state.store(GIVEN_UP, Ordering::Relaxed);
            self.connection.close_on_drop();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{Db, StoreError, testing};

    const ENDLESS: &str =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n WHERE i < 0";

    #[tokio::test]
    async fn a_read_that_does_not_end_is_stopped_and_its_reader_goes_on() {
        let fixture = testing::sqlite().await.unwrap();
        let Db::Sqlite { read, .. } = &fixture.db else { return };
        for _ in 0..8 {
            let mut reader = Hurried::reader(read, Duration::from_millis(50)).await.unwrap();
            let ended = sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(reader.executor()).await;
            reader.ended();
            let error = StoreError::from(ended.unwrap_err());
            assert!(matches!(error, StoreError::Slow), "{error}");
        }
        for _ in 0..8 {
            let mut reader = Hurried::reader(read, Duration::from_secs(600)).await.unwrap();
            let endless = sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(reader.executor());
            assert!(tokio::time::timeout(Duration::from_millis(20), endless).await.is_err());
        }
        // None of the readers is held, and none is in a hurry any more.
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..8 {
            fixture.db.ping().await.unwrap();
        }
    }

    #[tokio::test]
    async fn postgresql_stops_reads_and_lets_writers_finish() {
        let fixture = testing::postgres().await.unwrap();
        let Db::Postgres(pool) = &fixture.db else { return };
        let time: String = sqlx::query_scalar("SHOW statement_timeout").fetch_one(pool).await.unwrap();
        assert_eq!(time, "30s");
        let crate::Tx::Postgres(mut tx) = fixture.db.begin().await.unwrap() else { return };
        let time: String = sqlx::query_scalar("SHOW statement_timeout").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(time, "0");
        sqlx::query("SET LOCAL statement_timeout = 50").execute(&mut *tx).await.unwrap();
        let slept = sqlx::query("SELECT pg_sleep(60)").execute(&mut *tx).await;
        assert!(matches!(StoreError::from(slept.unwrap_err()), StoreError::Slow));
    }
}
