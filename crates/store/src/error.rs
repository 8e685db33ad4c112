//! What can go wrong in the store.

use crate::reach;

/// A failure of the database, in the few kinds that callers can act on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with this key is already there.
    #[error("this already exists")]
    Exists,
    /// The database is busy for longer than we wait, or could not be reached in that time.
    #[error("the database is busy; try again in a moment")]
    Busy,
    /// Others changed the same at the same time, and the database chose them. Nothing was changed.
    #[error("others changed the same at the same time; try again")]
    Contended,
    /// The database can't be reached, takes no more connections, or only reads: a standby, or a primary that was demoted.
    /// Nothing was changed.
    #[error("the database can't be reached: {0}")]
    Away(sqlx::Error),
    /// The database was lost while it was asked to make durable what was written: it may have been, or not.
    #[error("the database was lost before it said whether it had kept what was written: {0}")]
    Unsure(sqlx::Error),
    /// A read took longer than it may.
    #[error("reading took too long and was stopped")]
    Slow,
    /// The lease under which this was to be written is over, and another node may have taken it: nothing was written.
    #[error("this node no longer has the lease of “{0}”")]
    LeaseOver(domain::node::Lease),
    /// A newer Muster took away from the tables what this version needs.
    #[error(
        "the database is of a newer Muster: step {step} of its tables took away what this version needs; start the newer version"
    )]
    TooNew {
        /// The step that did so.
        step: i64,
    },
    /// A migration of the database was altered, or can't be made.
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
            // Protocol: a connection that is broken off in the wrong place reads like nonsense.
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => Self::Away(error),
            sqlx::Error::Database(cause) if cause.code().is_some_and(|code| is_away(&code)) => {
                if cause.code().as_deref() == Some(ONLY_READS) {
                    reach::note_read_only();
                }
                Self::Away(error)
            }
            sqlx::Error::Database(cause) if matches!(cause.code().as_deref(), Some("40P01" | "40001")) => {
                Self::Contended
            }
            // Closed: the program ends, and whoever still asks may ask the next one.
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Busy,
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Self::Exists,
            // SQLITE_BUSY and its extended codes; PostgreSQL's lock_not_available, and its
            // idle_in_transaction_session_timeout where we hung: nothing was done, and the next try will probably succeed.
            sqlx::Error::Database(cause)
                if matches!(cause.code().as_deref(), Some("5" | "261" | "517" | "773" | "55P03" | "25P03")) =>
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

    /// What an error means that came in place of the answer to COMMIT.
    pub(crate) fn of_commit(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Away(cause) => Self::Unsure(cause),
            answered => answered,
        }
    }

    /// An unreadable value.
    pub(crate) fn corrupt(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Corrupt { what, why: why.to_string() }
    }
}

/// PostgreSQL's read_only_sql_transaction.
const ONLY_READS: &str = "25006";

/// PostgreSQL's class 08 (connection exception), admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections;
/// and a server that only reads, which is none that can be written to.
fn is_away(code: &str) -> bool {
    code.len() == 5 && (code.starts_with("08") || ["57P01", "57P02", "57P03", "53300", ONLY_READS].contains(&code))
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

    #[test]
    fn a_server_that_is_away_is_told_from_one_that_says_no() {
        assert!(["08006", "57P01", "57P03", "53300", "25006"].into_iter().all(is_away));
        // SQLite's busy, PostgreSQL's deadlock, disk full, query_canceled.
        assert!(!["5", "40P01", "53100", "57014"].into_iter().any(is_away));
        let lost = || sqlx::Error::Io(std::io::ErrorKind::UnexpectedEof.into());
        assert!(matches!(StoreError::from(lost()), StoreError::Away(_)));
        assert!(matches!(StoreError::of_commit(lost()), StoreError::Unsure(_)));
        assert!(matches!(StoreError::of_commit(sqlx::Error::PoolClosed), StoreError::Busy));
    }
}
