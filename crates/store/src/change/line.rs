//! How nodes wake each other on PostgreSQL: by LISTEN and NOTIFY, each on a connection of its own.
//!
//! A notification only says that it is time to look. It is sent after the commit and outside of the transaction: a NOTIFY
//! within one takes a lock of the whole database as it commits, and every writer would queue for it. What is lost with a
//! connection, or with a process that dies before it rings, is found by whoever looks at the table the next time.

use crate::{Db, StoreResult};
use sqlx::{
    ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use std::{sync::Arc, time::Duration};

/// What nodes listen to.
const CHANNEL: &str = "muster";
/// What these connections are called in `pg_stat_activity`.
const NAME: &str = "muster bell";
/// How long it takes at most to connect, to ring.
const PATIENCE: Duration = Duration::from_secs(3);

// Only PostgreSQL knows this one, so it is not among the queries that both understand.
const NOTIFY: &str = "SELECT pg_notify($1, $2)";

/// Rings for other nodes. On SQLite there are none.
#[derive(Debug)]
pub struct Ringer {
    options: Option<Arc<PgConnectOptions>>,
    connection: Option<PgConnection>,
}

impl Ringer {
    /// One for this database. It connects when it is first used.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { options: options(db), connection: None }
    }

    /// Tells the others that there is something up to this sequence.
    ///
    /// # Errors
    /// When the database can't be reached, or does not answer in time; the next time another connection is made.
    pub async fn ring(&mut self, seq: i64) -> StoreResult<()> {
        let Some(options) = self.options.clone() else { return Ok(()) };
        // Whatever goes wrong from here on, the connection is not used again.
        let known = self.connection.take();
        let ringing = async {
            let mut connection = match known {
                Some(connection) => connection,
                None => options.connect().await?,
            };
            sqlx::query(NOTIFY).bind(CHANNEL).bind(seq.to_string()).execute(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        let rung = tokio::time::timeout(PATIENCE, ringing).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        self.connection = Some(rung?);
        Ok(())
    }
}

/// Hears other nodes ring.
pub struct Ear(PgListener);

impl Ear {
    /// Begins to listen; none on SQLite.
    ///
    /// # Errors
    /// When the database can't be reached, or knows no LISTEN.
    pub async fn listen(db: &Db) -> StoreResult<Option<Self>> {
        let Some(options) = options(db) else { return Ok(None) };
        // Of its own: what is listened on is never given back.
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
        let pool = pool.idle_timeout(None).max_lifetime(None).connect_lazy_with(options.as_ref().clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(Some(Self(listener)))
    }

    /// Waits for the next ring, and says up to which sequence there is something; none where that can't be read. May be
    /// dropped while it waits.
    ///
    /// # Errors
    /// When the connection is lost: then something may have been missed, and a new ear is needed.
    pub async fn next(&mut self) -> StoreResult<Option<i64>> {
        match self.0.try_recv().await? {
            Some(rung) => Ok(rung.payload().parse().ok()),
            None => Err(sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into()).into()),
        }
    }
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ear").finish_non_exhaustive()
    }
}

fn options(db: &Db) -> Option<Arc<PgConnectOptions>> {
    match db {
        Db::Sqlite { .. } => None,
        Db::Postgres(pool) => Some(Arc::new(pool.connect_options().as_ref().clone().application_name(NAME))),
    }
}
