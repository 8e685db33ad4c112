//! Files that a process left when it was killed: nobody knows them, and they would stay for good.

use super::shelf::trouble;
use crate::{Fleet, Result};
use domain::id::UploadId;
use std::{io, path::Path, time::Duration};
use tokio::fs;

/// What is younger may be somebody's: a file is there before its row is.
const LEFT_FOR: Duration = Duration::from_secs(24 * 3600);
/// The same of uploads, whose row follows at once.
const BEGUN_WITHIN: Duration = Duration::from_secs(3600);

impl Fleet {
    /// Removes uploads without a row, copies and pieces of what is over, and what was being written to the shelf. To be done now and then.
    ///
    /// # Errors
    /// When a folder can't be read, or the database fails.
    pub async fn sweep_release_files(&self) -> Result<()> {
        for (name, age) in files(&self.folder().join("uploads")).await? {
            let Some(id) = name.strip_suffix(".part").and_then(|id| id.parse::<UploadId>().ok()) else { continue };
            let is_over = match store::upload::by_id(self.db(), id).await? {
                None => age >= BEGUN_WITHIN,
                // Another node made a release of it.
                Some(upload) => upload.release_id.is_some(),
            };
            if is_over {
                self.remove_upload_file(id).await;
            }
        }
        let shelf = self.folder().join("artifacts");
        // A file that is being written there is called as it will be, with a number behind a `#`.
        for (name, _) in files(&shelf).await?.iter().filter(|(name, age)| name.contains('#') && *age >= LEFT_FOR) {
            match fs::remove_file(shelf.join(name)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(trouble(error)),
                _ => tracing::info!(name, "removed what was left of a file that was being put on the shelf"),
            }
        }
        self.sweep_pieces().await
    }
}

/// The names of files in a folder, and for how long nobody has written to them.
async fn files(folder: &Path) -> Result<Vec<(String, Duration)>> {
    let mut names = Vec::new();
    let mut entries = match fs::read_dir(folder).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
        other => other.map_err(trouble)?,
    };
    while let Some(entry) = entries.next_entry().await.map_err(trouble)? {
        // What is gone by now needs no sweeping.
        let Ok(found) = entry.metadata().await else { continue };
        let age = found.modified().ok().and_then(|at| at.elapsed().ok());
        if found.is_file() {
            names.push((entry.file_name().to_string_lossy().into_owned(), age.unwrap_or_default()));
        }
    }
    Ok(names)
}
