//! The files of imports, from their arrival to their end, in `imports/` of the data folder.
//!
//! `<id>.part` is arriving; `<id>.data` is whole, durable and waits; both are removed when nobody needs them. Whoever
//! takes a file in holds a lock on it until its import is entered, so that another process's sweep leaves it alone.

use crate::{Error, Result};
use domain::id::ImportId;
use futures::{Stream, StreamExt, pin_mut};
use sha2::{Digest, Sha256};
use std::{
    fmt::Display,
    fs::TryLockError,
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    fs::{self, File},
    io::{AsyncWriteExt, BufWriter},
};
use uuid::Uuid;

/// A file that arrived whole and is durable.
pub(super) struct Spooled {
    pub(super) sha256: String,
    pub(super) size: u64,
    pub(super) path: PathBuf,
    /// Locked, until the import is entered.
    _lock: File,
}

/// How much may come in at a time until it is measured again what waits in all.
const MEASURED: u64 = 16 << 20;

/// Where the file of an import lies.
pub(super) fn path(folder: &Path, id: ImportId) -> PathBuf {
    folder.join("imports").join(format!("{id}.data"))
}

/// A file that is removed unless it is kept.
struct Arriving {
    path: PathBuf,
    kept: bool,
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if !self.kept {
            // What remains is removed at the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Writes what arrives to a file.
pub(super) async fn receive<S, B, E>(folder: &Path, id: ImportId, limit: u64, room: u64, arriving: S) -> Result<Spooled>
where
    S: Stream<Item = std::result::Result<B, E>>,
    B: AsRef<[u8]>,
    E: Display,
{
    let whole = path(folder, id);
    let mut part = Arriving { path: whole.with_extension("part"), kept: false };
    make_folder(folder).await?;
    let mut file = BufWriter::with_capacity(256 * 1024, locked(&part.path).await.map_err(trouble)?);
    let mut digest = Sha256::new();
    let (mut size, mut next) = (0_u64, 0_u64);
    pin_mut!(arriving);
    while let Some(bytes) = arriving.next().await {
        let bytes = bytes.map_err(|error| stopped(&error))?;
        let bytes = bytes.as_ref();
        size += bytes.len() as u64;
        if size > limit {
            return Err(Error::TooLarge(format!(
                "The file is larger than {} MiB, which is the most that one import takes. Split it and import the parts.",
                limit / (1 << 20)
            )));
        }
        if size >= next {
            has_room(folder, room, bytes.len()).await?;
            next = size + MEASURED;
        }
        digest.update(bytes);
        file.write_all(bytes).await.map_err(trouble)?;
    }
    file.flush().await.map_err(trouble)?;
    let file = file.into_inner();
    file.sync_all().await.map_err(trouble)?;
    fs::rename(&part.path, &whole).await.map_err(trouble)?;
    part.kept = true;
    // Without this the file's name could be lost with the power, though its contents are safe.
    File::open(folder.join("imports")).await.map_err(trouble)?.sync_all().await.map_err(trouble)?;
    Ok(Spooled { sha256: hex::encode(digest.finalize()), size, path: whole, _lock: file })
}

/// The folder of the files, for its owner alone.
async fn make_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder.join("imports")).await.map_err(trouble)
}

/// Options for an empty file that its owner alone can read.
fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::from(store::private::options());
    options.write(true).create(true).truncate(true);
    options
}

/// A new file that is known to be arriving.
async fn locked(path: &Path) -> io::Result<File> {
    loop {
        let file = private().open(path).await?.into_std().await;
        match file.try_lock() {
            // A sweep may have taken it for a leftover before it was locked.
            Ok(()) if fs::try_exists(path).await? => return Ok(File::from_std(file)),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Refuses when the files that wait, with what comes now, take more than was set aside for them: they share their disk
/// with the database, which must never find it full.
async fn has_room(folder: &Path, room: u64, coming: usize) -> Result<()> {
    let mut waiting = coming as u64;
    let mut files = fs::read_dir(folder.join("imports")).await.map_err(trouble)?;
    while let Some(file) = files.next_entry().await.map_err(trouble)? {
        // One that ended meanwhile takes no room.
        waiting += file.metadata().await.map_or(0, |file| file.len());
    }
    if waiting <= room {
        return Ok(());
    }
    Err(Error::NoRoom(format!(
        "Files of more than {} MiB wait to be imported already. Nothing was imported; send this one again when some of \
         those are done.",
        room / (1 << 20)
    )))
}

fn stopped(error: &impl Display) -> Error {
    Error::Conflict(format!("The upload stopped before its end ({error}). Nothing was imported; send the file again."))
}

/// What went wrong with a file of ours, in words where the asker can do something.
pub(super) fn trouble(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoRoom(
            "There is no room left on the server's disk for this file. Nothing was imported; make room and try again."
                .to_owned(),
        ),
        _ => Error::internal(error),
    }
}

/// Removes the file of an import that needs it no longer.
pub(super) async fn remove(folder: &Path, id: ImportId) {
    if let Err(error) = fs::remove_file(path(folder, id)).await
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, import = %id, "the file of a finished import was not removed");
    }
}

/// Files that none of these imports needs: perhaps of one that is being taken in at this moment, perhaps what a process
/// left behind that ended in the middle of an upload.
pub(super) async fn strays(folder: &Path, needed: &[ImportId]) -> io::Result<Vec<Stray>> {
    let mut strays = Vec::new();
    let mut files = match fs::read_dir(folder.join("imports")).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(strays),
        other => other?,
    };
    while let Some(file) = files.next_entry().await? {
        let path = file.path();
        let Some(id) = path.file_stem().and_then(|stem| stem.to_str()?.parse::<ImportId>().ok()) else { continue };
        let waits = path.extension().is_some_and(|extension| extension == "data");
        if !(waits && needed.contains(&id)) {
            strays.push(Stray { id, waits, path });
        }
    }
    Ok(strays)
}

/// A file that no import is known to need.
pub(super) struct Stray {
    pub(super) id: ImportId,
    /// Whether it is whole.
    pub(super) waits: bool,
    path: PathBuf,
}

impl Stray {
    /// Its lock; none while somebody takes it in. Once it is ours, its import is either entered or will never be.
    pub(super) async fn lock(&self) -> io::Result<Option<std::fs::File>> {
        let file = match File::open(&self.path).await {
            // Renamed or removed meanwhile: somebody cares for it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?.into_std().await,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(super) async fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The name of this data folder, by which a node knows its own imports on a database that several nodes share.
pub(super) async fn node(folder: &Path) -> Result<String> {
    let path = folder.join("imports").join("node");
    if let Some(name) = node_in(&path).await? {
        return Ok(name);
    }
    make_folder(folder).await?;
    let name = Uuid::now_v7().to_string();
    let fresh = path.with_extension(&name);
    let mut file = private().open(&fresh).await.map_err(trouble)?;
    file.write_all(name.as_bytes()).await.map_err(trouble)?;
    file.sync_all().await.map_err(trouble)?;
    // A link, unlike a rename, never replaces the name that another process gave the folder at the same moment.
    match fs::hard_link(&fresh, &path).await {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            tracing::debug!(%error, "the data folder's file system has no links");
            fs::rename(&fresh, &path).await
        }
        _ => fs::remove_file(&fresh).await,
    }
    .map_err(trouble)?;
    node_in(&path).await?.ok_or_else(|| trouble(io::ErrorKind::NotFound.into()))
}

async fn node_in(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path).await {
        Ok(name) => Ok(Some(name.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(trouble(error)),
    }
}
