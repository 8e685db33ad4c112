//! What can go wrong in the store.

/// A failure of the database, in the few kinds that callers can act on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with this key is already there.
    #[error("this already exists")]
    Exists,
    /// The database is busy for longer than we wait.
    #[error("the database is busy; try again in a moment")]
    Busy,
    /// The database is of a newer Muster, or a migration of it was altered.
    #[error("the database does not fit this version of Muster: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// What the database holds can't be read as what it should be.
    #[error("the database holds a value that Muster can't read in {what}: {why}")]
    Corrupt {
        /// The table and column.
        what: &'static str,
        /// What is wrong with the value.
        why: String,
    },
    /// The address of the database is not one we can use.
    #[error("the database's address can't be used: {0}")]
    Address(String),
    /// A backup can't be written or read.
    #[error("the backup failed: {0}")]
    Backup(String),
    /// Anything else.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
}

/// What the store's functions give.
pub type StoreResult<T> = Result<T, StoreError>;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Self::Exists,
            // SQLITE_BUSY and its extended codes; PostgreSQL's lock_not_available, deadlock_detected and
            // serialization_failure: nothing was done, and the next try will probably succeed.
            sqlx::Error::Database(cause)
                if matches!(
                    cause.code().as_deref(),
                    Some("5" | "261" | "517" | "773" | "55P03" | "40P01" | "40001")
                ) =>
            {
                Self::Busy
            }
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// An unreadable value.
    pub(crate) fn corrupt(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Corrupt { what, why: why.to_string() }
    }
}
