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

/// What becomes of files that the database has taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenFiles {
    /// They stay. Whoever does not hold the data folder's lock removes nothing from it.
    Stay,
    /// They are removed.
    AreRemoved,
}

/// What came of taking photos in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// How many files the database has taken in.
    pub taken: usize,
    /// What could not be taken in though a repair may have it: files and folders, by their names in the data folder.
    pub stayed: Vec<String>,
}

impl Fleet {
    /// Takes the photos that are files of the data folder into the database. What can't be read, is not what its name says
    /// or is no repair's stays as it is, and stops nothing.
    ///
    /// # Errors
    /// When the database fails; what was taken until then is.
    pub async fn take_in_photos(&self, files: TakenFiles) -> Result<TakenIn> {
        let folder = self.folder().join(PHOTOS);
        let (found, mut stayed) = blocking(move || find(&folder)).await?;
        let mut taken = Vec::new();
        for (file, sha256) in found {
            match self.take_in(&file, &sha256).await? {
                Photo::Taken => taken.push(file),
                Photo::Unreadable => stayed.push(file),
                Photo::Nobodys => {}
            }
        }
        let count = taken.len();
        if files == TakenFiles::AreRemoved {
            let folder = self.folder().join(PHOTOS);
            blocking(move || remove(&folder, &taken)).await?;
            if count > 0 {
                tracing::info!(photos = count, "photos that were files are in the database now");
            }
        }
        let name = |path: PathBuf| path.strip_prefix(self.folder()).unwrap_or(&path).display().to_string();
        Ok(TakenIn { taken: count, stayed: stayed.into_iter().map(name).collect() })
    }

    async fn take_in(&self, file: &Path, sha256: &str) -> Result<Photo> {
        let mut tx = self.db().begin().await?;
        let is_named = attached::is_named(&mut tx, sha256).await?;
        drop(tx);
        if !is_named {
            tracing::warn!(file = %file.display(), "this is no photo of a repair; it stays where it is");
            return Ok(Photo::Nobodys);
        }
        let read = file.to_owned();
        let content = match blocking(move || read_photo(&read)).await? {
            Ok(content) => content,
            // Another process was faster, and the database has it.
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Photo::Nobodys),
            Err(why) => {
                tracing::warn!(file = %file.display(), %why, "this photo can't be read; it stays where it is");
                return Ok(Photo::Unreadable);
            }
        };
        if content.len() > PHOTO_MAX || hex::encode(Sha256::digest(&content)) != sha256 {
            tracing::warn!(file = %file.display(), "this is not the photo that its name says; it stays where it is");
            return Ok(Photo::Unreadable);
        }
        let mut tx = self.db().begin().await?;
        attached::add_picture(&mut tx, sha256, &content).await?;
        tx.commit().await?;
        Ok(Photo::Taken)
    }
}

/// What a file turned out to be.
enum Photo {
    Taken,
    Unreadable,
    Nobodys,
}

/// Files block; the threads that answer requests must not.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// No more of a file than tells that it is too long.
fn read_photo(file: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::open(file)?, PHOTO_MAX as u64 + 1), &mut content)?;
    Ok(content)
}

/// The files that are named as photos are, with their SHA-256, and the folders that can't be read.
fn find(folder: &Path) -> (Vec<(PathBuf, String)>, Vec<PathBuf>) {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for (within, digits) in entries(folder, &mut unreadable) {
        if !is_two_digits(&digits) || !is(&within, fs::FileType::is_dir) {
            continue;
        }
        for (file, name) in entries(&within, &mut unreadable) {
            let is_hash = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_hash && is(&file, fs::FileType::is_file) {
                found.push((file, name));
            }
        }
    }
    (found, unreadable)
}

/// A photo's folder; others, like `lost+found`, are somebody else's.
fn is_two_digits(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a path is of a kind. Nothing is followed out of the folder.
fn is(path: &Path, kind: impl Fn(&fs::FileType) -> bool) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| kind(&found.file_type()))
}

/// What is in a folder, with its names; nothing when there is no such folder. One that can't be read is noted.
fn entries(folder: &Path, unreadable: &mut Vec<PathBuf>) -> Vec<(PathBuf, String)> {
    let listed: io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
    match listed {
        Ok(entries) => {
            entries.into_iter().map(|entry| (entry.path(), entry.file_name().to_string_lossy().into_owned())).collect()
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(why) => {
            tracing::warn!(folder = %folder.display(), %why, "this folder of photos can't be read");
            unreadable.push(folder.to_owned());
            Vec::new()
        }
    }
}

/// Removes files, and the folders in which nothing is left.
fn remove(folder: &Path, files: &[PathBuf]) {
    for file in files {
        match fs::remove_file(file) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %file.display(), %why, "this photo is in the database, and can't be removed");
            }
            _ => {}
        }
    }
    for (within, digits) in entries(folder, &mut Vec::new()) {
        if is_two_digits(&digits) {
            // One that holds something stays.
            let _ = fs::remove_dir(within);
        }
    }
    let _ = fs::remove_dir(folder);
}
