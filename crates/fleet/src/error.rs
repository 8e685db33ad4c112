//! What can go wrong, in words for whoever asked. What must not leak is logged where it happens.

use domain::person::Permission;
use store::StoreError;

/// What fleet's functions give.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with one field of a form or a request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The field's name.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is signed in.
    #[error("Sign in first.")]
    NotSignedIn,
    /// The role does not allow it.
    #[error("Your role doesn't allow this: {}.", permission.label())]
    Forbidden {
        /// What would be needed.
        permission: Permission,
    },
    /// A second factor has to be shown again for this.
    #[error("Show your second factor again: this can't be done on a sign-in of some time ago.")]
    ProveAgain,
    /// There is no such thing.
    #[error("There is no {what} “{key}”.")]
    NotFound {
        /// What kind of thing: `device`.
        what: &'static str,
        /// What it was looked up by, cut to 80 characters.
        key: String,
    },
    /// What was sent can't be taken as it is.
    #[error("{}", fields.first().map_or("Something in the form is wrong.", |f| f.message.as_str()))]
    Invalid {
        /// What is wrong, by field.
        fields: Vec<FieldError>,
    },
    /// A fleet query that can't be read.
    #[error("{0}")]
    Query(domain::query::QueryErrors),
    /// It was changed by somebody else in between, or is already so.
    #[error("{0}")]
    Conflict(String),
    /// Too many tries.
    #[error("Too many tries. Wait {} and try again.", domain::time::span_words(*wait_micros))]
    TooMany {
        /// How long to wait, in microseconds.
        wait_micros: i64,
    },
    /// More than we take.
    #[error("{0}")]
    TooLarge(String),
    /// There is no room for it at the moment.
    #[error("{0}")]
    NoRoom(String),
    /// What is needed for it can't be reached at the moment, which says nothing about what was asked.
    #[error("{0}")]
    Away(String),
    /// Reading took longer than anybody waits.
    #[error("This took longer than 30 seconds and was stopped. Ask for less at once: narrow the query or the filter.")]
    Slow,
    /// The database is busy.
    #[error(
        "The database is busy, probably with a large import, or can’t be reached. Nothing was changed; try again in a moment."
    )]
    Busy,
    /// Others changed the same at the same time.
    #[error("Others changed the same at the same time. Nothing was changed; try again in a moment.")]
    Contended,
    /// The database can't be reached.
    #[error("The database can’t be reached at the moment. Nothing was changed; try again in a moment.")]
    Unreachable,
    /// The database was lost before it said whether it was done.
    #[error(
        "It is not known whether this was done: the database was lost before it said so. Look before you try again."
    )]
    Unsure,
    /// Our fault; the cause is in the log.
    #[error("Something went wrong on our side. Nothing was changed.")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// No such thing.
    #[must_use]
    pub fn not_found(what: &'static str, key: &str) -> Self {
        Self::NotFound { what, key: key.chars().take(80).collect() }
    }

    /// One field is wrong.
    #[must_use]
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { fields: vec![FieldError { field: field.to_owned(), message: message.into() }] }
    }

    /// Our fault.
    #[must_use]
    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        tracing::error!(error = %cause, "internal error");
        Self::Internal(Box::new(cause))
    }

    /// Whether the next try will fail as this one did.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Internal(cause) => cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_lasting),
            _ => false,
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            StoreError::Contended => Self::Contended,
            StoreError::Away(cause) => {
                tracing::warn!(%cause, "the database can't be reached");
                Self::Unreachable
            }
            StoreError::Unsure(cause) => {
                tracing::error!(%cause, "the database was lost while something was committed: it may have been, or not");
                Self::Unsure
            }
            StoreError::Slow => Self::Slow,
            StoreError::Full => {
                tracing::error!("no room on the database's disk");
                let told = "There is no room on the server’s disk. Nothing was changed; the operator of Muster has to make some.";
                Self::NoRoom(told.to_owned())
            }
            StoreError::LeaseOver(lease) => {
                Self::Away(format!("This node no longer has the lease of {lease}; another one goes on with it."))
            }
            StoreError::Exists => Self::Conflict("This already exists.".to_owned()),
            other => Self::internal(other),
        }
    }
}

impl From<domain::query::QueryErrors> for Error {
    fn from(error: domain::query::QueryErrors) -> Self {
        Self::Query(error)
    }
}
