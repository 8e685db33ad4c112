//! What a virtual device needs of the world: to poll, to fetch, and to be heard. By the gateway or, for the many of a demo, within
//! the process.

use domain::rollout::Feedback;
use http::StatusCode;
use std::{future::Future, io};

/// What a poll is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    /// In how many seconds to poll again.
    pub sleep_s: u32,
    /// Whether it is asked to report.
    pub wants_report: bool,
    /// What it is told of an update.
    pub next: Option<Next>,
}

/// An update to install, or one to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its number.
    pub id: i64,
    /// Whether it is to be stopped.
    pub is_stop: bool,
    /// Where more is told: path and query. Empty within the process.
    pub href: String,
}

/// What is to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The version.
    pub version: String,
    /// The files.
    pub files: Vec<File>,
}

/// A file of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its size, in bytes.
    pub size: u64,
    /// The SHA-256 that it is to have, in hexadecimal.
    pub sha256: String,
    /// Where it is: path and query. Empty within the process.
    pub href: String,
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The gateway can't be reached, or doesn't let it in.
    #[error("the gateway can't be reached: {0}")]
    Broken(#[from] io::Error),
    /// The gateway refused.
    #[error("the gateway answered {0}")]
    Refused(StatusCode),
    /// What it answered can't be read.
    #[error("the gateway's answer has no {0}")]
    Odd(&'static str),
    /// The fleet refused, within the process.
    #[error(transparent)]
    Fleet(#[from] fleet::Error),
}

/// A line to the fleet.
pub trait Line: Send + Sync {
    /// Polls.
    ///
    /// # Errors
    /// When the line breaks, or it is refused.
    fn poll(&self) -> impl Future<Output = Result<Polled, LineError>> + Send;

    /// What is to be installed.
    ///
    /// # Errors
    /// When the line breaks, or it is not told of this.
    fn job(&self, next: &Next) -> impl Future<Output = Result<Job, LineError>> + Send;

    /// Fetches a file, where `breaks` in two parts. Its SHA-256.
    ///
    /// # Errors
    /// When the line breaks, or it is not told of this.
    fn fetch(&self, file: &File, breaks: bool) -> impl Future<Output = Result<String, LineError>> + Send;

    /// Says how it goes with an update, or with stopping it.
    ///
    /// # Errors
    /// When the line breaks, or it is refused.
    fn say(&self, next: &Next, feedback: &Feedback) -> impl Future<Output = Result<(), LineError>> + Send;

    /// Reports what it is, the version that it runs, and attributes that it measured.
    ///
    /// # Errors
    /// When the line breaks, or it is refused.
    fn report(&self, runs: &str, measured: &[(String, String)]) -> impl Future<Output = Result<(), LineError>> + Send;
}
