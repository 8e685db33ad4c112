//! What can go wrong while making the style sheet.

use std::io;
use std::path::PathBuf;

/// Why there is no style sheet.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A style sheet or a source file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn read(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Read { path, source }
    }
}
