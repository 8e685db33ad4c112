//! What can go wrong in a task, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why a task stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is missing or may not be run.
    #[error("`{command}` could not be started ({source}). Install it or put it on PATH.")]
    Start {
        /// The command line.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended badly.
    #[error("`{command}` failed ({status}). What it said stands above.")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
    },
    /// A program did not end in time and was stopped.
    #[error("`{command}` did not finish within {seconds} s and was stopped.")]
    TimedOut {
        /// The command line.
        command: String,
        /// How long it had.
        seconds: u64,
    },
    /// A file or folder could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was attempted, as a verb.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The browser's program could not be prepared.
    #[error("wasm-bindgen could not prepare the browser's program: {0}")]
    Bindgen(String),
    /// A JSON text was not what it should be.
    #[error("{what} is not the JSON that was expected: {source}")]
    Json {
        /// Which text.
        what: String,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The style sheets or the sources that use them could not be read.
    #[error(transparent)]
    Style(#[from] style::Error),
    /// Files could not be watched.
    #[error("cannot watch the sources for changes: {0}")]
    Watch(#[from] notify::Error),
    /// A person has to do something; the sentence says what.
    #[error("{0}")]
    Advice(String),
}

impl Error {
    /// A closure for `map_err` that names the file and what was attempted with it.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { action, path, source }
    }
}
