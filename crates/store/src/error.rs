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
    /// A read took longer than it may.
    #[error("reading took too long and was stopped")]
    Slow,
    /// The database is of a newer Muster, or a migration of it was altered.
    #[error("the database does not fit this version of Muster: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// There is no room on the database's disk.
    #[error("there is no room on the database's disk")]
    Full,
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
            // Closed: the program ends, and whoever still asks may ask the next one.
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Busy,
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
            // SQLITE_INTERRUPT, and PostgreSQL's query_canceled.
            sqlx::Error::Database(cause) if matches!(cause.code().as_deref(), Some("9" | "57014")) => Self::Slow,
            // SQLITE_FULL, and PostgreSQL's disk_full.
            sqlx::Error::Database(cause) if matches!(cause.code().as_deref(), Some("13" | "53100")) => Self::Full,
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Whether the next try will fail as this one did: the database refused what it was given, rather than being
    /// busy, full or out of reach.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Exists | Self::Corrupt { .. } => true,
            Self::Database(sqlx::Error::Database(cause)) => cause.code().is_some_and(|code| refuses(&code)),
            Self::Database(error) => {
                matches!(error, sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. })
            }
            _ => false,
        }
    }

    /// An unreadable value.
    pub(crate) fn corrupt(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Corrupt { what, why: why.to_string() }
    }
}

/// PostgreSQL's classes 22 (data exception) and 23 (integrity constraint violation); SQLite's too big, constraint and
/// mismatch, whose extended codes hold the primary one in their last byte.
fn refuses(code: &str) -> bool {
    match code.len() {
        5 => code.starts_with("22") || code.starts_with("23"),
        _ => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 18..=20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_from_a_bad_moment() {
        // not-null, check, untranslatable character; SQLite's constraint by a trigger, its too big.
        assert!(["23502", "23514", "22P05", "1811", "18"].into_iter().all(refuses));
        // Out of connections, shutting down, disk full; SQLite's busy, full, read error.
        assert!(!["53300", "57P01", "53100", "5", "13", "266"].into_iter().any(refuses));
        assert!(StoreError::Exists.is_lasting() && !StoreError::Busy.is_lasting());
    }
}
