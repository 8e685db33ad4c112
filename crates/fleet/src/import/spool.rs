//! The files of imports, from their arrival to their end, in `imports/` of the data folder.
//!
//! `<id>.part` is arriving; `<id>.data` is whole, durable and waits; both are removed when nobody needs them.

use crate::{Error, Result};
use domain::id::ImportId;
use futures::{Stream, StreamExt, pin_mut};
use sha2::{Digest, Sha256};
use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
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
}

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
pub(super) async fn receive<S, B, E>(folder: &Path, id: ImportId, limit: u64, arriving: S) -> Result<Spooled>
where
    S: Stream<Item = std::result::Result<B, E>>,
    B: AsRef<[u8]>,
    E: Display,
{
    let whole = path(folder, id);
    let mut part = Arriving { path: whole.with_extension("part"), kept: false };
    fs::create_dir_all(folder.join("imports")).await.map_err(trouble)?;
    let file = File::create(&part.path).await.map_err(trouble)?;
    let mut file = BufWriter::with_capacity(256 * 1024, file);
    let mut digest = Sha256::new();
    let mut size = 0_u64;
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
        digest.update(bytes);
        file.write_all(bytes).await.map_err(trouble)?;
    }
    file.flush().await.map_err(trouble)?;
    file.get_ref().sync_all().await.map_err(trouble)?;
    drop(file);
    fs::rename(&part.path, &whole).await.map_err(trouble)?;
    part.kept = true;
    // Without this the file's name could be lost with the power, though its contents are safe.
    File::open(folder.join("imports")).await.map_err(trouble)?.sync_all().await.map_err(trouble)?;
    Ok(Spooled { sha256: hex::encode(digest.finalize()), size, path: whole })
}

fn stopped(error: &impl Display) -> Error {
    Error::Conflict(format!("The upload stopped before its end ({error}). Nothing was imported; send the file again."))
}

/// What went wrong with a file of ours, in words where the asker can do something.
pub(super) fn trouble(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::TooLarge(
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

/// Removes files that no unfinished import needs: what a process left behind that ended in the middle of an upload.
pub(super) async fn sweep(folder: &Path, needed: &[ImportId]) -> io::Result<()> {
    let mut files = match fs::read_dir(folder.join("imports")).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    while let Some(file) = files.next_entry().await? {
        let path = file.path();
        let id = path.file_stem().and_then(|stem| stem.to_str()?.parse::<ImportId>().ok());
        let is_needed = path.extension().is_some_and(|e| e == "data") && id.is_some_and(|id| needed.contains(&id));
        if id.is_some() && !is_needed {
            fs::remove_file(path).await?;
        }
    }
    Ok(())
}

/// The name of this data folder, by which a node knows its own imports on a database that several nodes share.
pub(super) async fn node(folder: &Path) -> Result<String> {
    let path = folder.join("imports").join("node");
    match fs::read_to_string(&path).await {
        Ok(name) => return Ok(name.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(trouble(error)),
    }
    fs::create_dir_all(folder.join("imports")).await.map_err(trouble)?;
    let name = Uuid::now_v7().to_string();
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh).await.map_err(trouble)?;
    file.write_all(name.as_bytes()).await.map_err(trouble)?;
    file.sync_all().await.map_err(trouble)?;
    fs::rename(&fresh, &path).await.map_err(trouble)?;
    Ok(name)
}
