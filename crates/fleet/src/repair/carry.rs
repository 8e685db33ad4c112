//! Photos that were files of the data folder, from before pictures were kept in the database.

use crate::{Error, Fleet, Result};
use domain::repair::PHOTO_MAX;
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use store::repair::attached;

/// The folder of photos that were files, in the data folder: each in a folder named by the first two digits of its SHA-256.
const PHOTOS: &str = "photos";

impl Fleet {
    /// Takes the photos that are files of the data folder into the database, and removes each file once the database has
    /// it. What is not what its name says, or is no repair's, stays as it is. How many were taken.
    ///
    /// # Errors
    /// When the folder can't be read or the database fails; what was taken until then is.
    pub async fn take_in_photos(&self) -> Result<usize> {
        let folder = self.folder().join(PHOTOS);
        let files = blocking(move || files(&folder)).await?;
        let mut taken = 0;
        for (file, sha256) in files {
            taken += usize::from(self.take_in(file, &sha256).await?);
        }
        if taken > 0 {
            tracing::info!(photos = taken, "photos that were files are in the database now");
        }
        let folder = self.folder().join(PHOTOS);
        tokio::task::spawn_blocking(move || remove_empty(&folder)).await.map_err(Error::internal)?;
        Ok(taken)
    }

    async fn take_in(&self, file: PathBuf, sha256: &str) -> Result<bool> {
        let read = file.clone();
        let content = blocking(move || fs::read(&read)).await?;
        if content.len() > PHOTO_MAX || hex::encode(Sha256::digest(&content)) != sha256 {
            tracing::warn!(file = %file.display(), "this is not the photo that its name says; it stays where it is");
            return Ok(false);
        }
        let mut tx = self.db().begin().await?;
        if !attached::is_named(&mut tx, sha256).await? {
            tracing::warn!(file = %file.display(), "this is no photo of a repair; it stays where it is");
            return Ok(false);
        }
        attached::add_picture(&mut tx, sha256, &content).await?;
        tx.commit().await?;
        blocking(move || fs::remove_file(&file)).await?;
        Ok(true)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?.map_err(Error::internal)
}

/// The files that are named as photos are, with their SHA-256. None when there is no such folder.
fn files(folder: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for entry in entries(folder)? {
        let entry = entry?;
        // Nothing is followed out of the folder.
        if !entry.file_type()?.is_dir() {
            continue;
        }
        for file in entries(&entry.path())? {
            let file = file?;
            let name = file.file_name().into_string().unwrap_or_default();
            let is_hash = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_hash && file.file_type()?.is_file() {
                found.push((file.path(), name));
            }
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> io::Result<Vec<io::Result<fs::DirEntry>>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Removes the folder, if nothing is left in it.
fn remove_empty(folder: &Path) {
    for entry in entries(folder).into_iter().flatten().flatten() {
        // One that holds something stays.
        let _ = fs::remove_dir(entry.path());
    }
    let _ = fs::remove_dir(folder);
}
