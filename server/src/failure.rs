//! Why a command ended without success: one sentence for people, and an exit code for programs.

use std::process::ExitCode;

/// What a command gives.
pub type Outcome = Result<(), Failure>;

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was done, and something was found wrong; the findings have been printed.
    #[error("{0}")]
    Found(String),
    /// What was asked for makes no sense, as on a wrong command line.
    #[error("{0}")]
    Wrong(String),
    /// It could not be done.
    #[error("{0}")]
    NotDone(String),
}

impl Failure {
    /// It could not be done, for a reason that says what to do.
    pub fn because(reason: impl std::fmt::Display) -> Self {
        Self::NotDone(reason.to_string())
    }

    /// 1 for findings, 2 for what is wrong with the command line or the settings, 3 for what could not be done.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Found(_) => ExitCode::from(1),
            Self::Wrong(_) => ExitCode::from(2),
            Self::NotDone(_) => ExitCode::from(3),
        }
    }
}

impl From<fleet::Error> for Failure {
    fn from(error: fleet::Error) -> Self {
        match &error {
            // On the command line there is no request id to look the cause up by, so it is told.
            fleet::Error::Internal(cause) => Self::NotDone(format!("{error} The cause: {cause}")),
            _ => Self::because(error),
        }
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        Self::because(error)
    }
}

impl From<pki::Error> for Failure {
    fn from(error: pki::Error) -> Self {
        Self::because(error)
    }
}

impl From<crate::listener::ListenError> for Failure {
    fn from(error: crate::listener::ListenError) -> Self {
        Self::because(error)
    }
}

impl From<crate::data::DataError> for Failure {
    fn from(error: crate::data::DataError) -> Self {
        Self::because(error)
    }
}

impl From<crate::assets::Missing> for Failure {
    fn from(error: crate::assets::Missing) -> Self {
        Self::because(error)
    }
}

/// Writing to the terminal failed: whoever read it has gone.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::NotDone(format!("the answer could not be written: {error}"))
    }
}
