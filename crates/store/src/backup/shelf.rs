//! The files of releases in a backup: each under its SHA-256, after everything else, and never whole in memory.
//!
//! What is wrong with one of them stops neither a backup nor a restore: it is named, and stays out of the shelf.

use super::{
    archive::{append, damaged},
    at, failed, files,
};
use crate::{StoreResult, artifact::Shelved};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs, io,
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// What the names of these files begin with in an archive.
pub(super) const ARTIFACTS: &str = "artifacts/";
/// Where they wait in the data folder until the whole backup has proved right.
const WAITING: &str = "restoring";
/// How much is read at once, in bytes.
const PIECE: usize = 256 * 1024;

/// Where the files of releases lie. It is asked on threads that may wait.
pub trait Shelf: Send + Sync {
    /// The file with a SHA-256 (in hexadecimal); none when it is not there.
    ///
    /// # Errors
    /// When the shelf can't be asked.
    fn open(&self, sha256: &str) -> io::Result<Option<Lying>>;
}

/// A file as it lies on the shelf.
pub struct Lying {
    /// How long it is, in bytes.
    pub size: u64,
    /// What is in it, which may prove to be less.
    pub content: Box<dyn Read + Send>,
}

/// What is to be written of a shelf.
pub(super) struct Listed {
    pub(super) shelf: Arc<dyn Shelf>,
    pub(super) files: Vec<Shelved>,
}

/// What was written of it.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// SHA-256 of what was written of each file, by its name on the shelf, which is what that should have been.
    pub(super) sha256: BTreeMap<String, String>,
    /// Of which releases files are not on the shelf.
    pub(super) missing: Vec<String>,
    /// Of which releases files on the shelf are not what they were.
    pub(super) altered: Vec<String>,
}

/// Writes the files of a shelf into an archive.
pub(super) fn write(tar: &mut tar::Builder<impl Write>, listed: &Listed, path: &Path) -> StoreResult<Held> {
    let mut held = Held::default();
    for file in &listed.files {
        let found = listed.shelf.open(&file.sha256).map_err(|why| {
            failed(format!(
                "the files of releases can't be read ({why}). Mend that, or leave them out with --without-artifacts"
            ))
        })?;
        let Some(found) = found else {
            held.missing.push(file.title.clone());
            continue;
        };
        let size = found.size;
        let mut content = Exactly { content: found.content, left: size, hash: Sha256::new() };
        append(tar, &format!("{ARTIFACTS}{}", file.sha256), size, &mut content).map_err(at(path))?;
        let sha256 = hex::encode(content.hash.finalize());
        if sha256 != file.sha256 {
            held.altered.push(file.title.clone());
        }
        held.sha256.insert(file.sha256.clone(), sha256);
    }
    Ok(held)
}

/// As many bytes as were announced. A disk that fails in the middle of one file must not cost the backup of all others: the
/// rest is zeros then, and the hash says so.
struct Exactly {
    content: Box<dyn Read + Send>,
    left: u64,
    hash: Sha256,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..most];
        let n = match self.content.read(buffer) {
            Err(why) if why.kind() == io::ErrorKind::Interrupted => return Err(why),
            Ok(n) if n > 0 || most == 0 => n,
            ended => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "a file of a release can't be read to its end");
                    self.content = Box::new(io::empty());
                }
                buffer.fill(0);
                most
            }
        };
        self.hash.update(&buffer[..n]);
        self.left -= n as u64;
        Ok(n)
    }
}

/// Files of releases that came out of a backup, and wait in a folder of their own. Dropped, they are gone.
pub struct Arriving {
    folder: PathBuf,
    is_made: bool,
    shelf: Arc<dyn Shelf>,
    waiting: Vec<String>,
}

impl std::fmt::Debug for Arriving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arriving").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl Arriving {
    pub(super) fn new(data_folder: &Path, shelf: Arc<dyn Shelf>) -> Self {
        Self { folder: data_folder.join(WAITING), is_made: false, shelf, waiting: Vec::new() }
    }

    /// Lets a file wait, durably, unless it lies on the shelf as it should. The SHA-256 of what the backup holds of it: what
    /// was altered before it was written does not wait.
    pub(super) fn add(&mut self, name: &str, mut entry: impl Read, size: u64, from: &Path) -> StoreResult<String> {
        if name.len() != 64 || !name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(failed(format!("the backup is damaged: it holds a file “artifacts/{}”", name.escape_debug())));
        }
        if self.is_there(name, size)? {
            return copy(&mut entry, &mut io::sink(), size, from);
        }
        if !self.is_made {
            self.make_folder()?;
        }
        let path = self.path(name);
        self.waiting.push(name.to_owned());
        let mut file = files::private().write(true).create_new(true).open(&path).map_err(at(&path))?;
        let sha256 = copy(&mut entry, &mut file, size, from)?;
        file.sync_all().map_err(at(&path))?;
        if sha256 != name {
            self.waiting.pop();
            files::remove(&path)?;
        }
        Ok(sha256)
    }

    /// The files that wait: their SHA-256, and where each is.
    #[must_use]
    pub fn files(&self) -> Vec<(String, PathBuf)> {
        self.waiting.iter().map(|name| (name.clone(), self.path(name))).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn is_there(&self, name: &str, size: u64) -> StoreResult<bool> {
        let unreadable = |why: io::Error| failed(format!("the shelf of releases' files can't be read: {why}"));
        match self.shelf.open(name).map_err(unreadable)? {
            Some(found) if found.size == size => {
                // What can't be read is put back.
                let mut content = found.content;
                Ok(copy(&mut content, &mut io::sink(), size, Path::new(name)).is_ok_and(|sha256| sha256 == name))
            }
            _ => Ok(false),
        }
    }

    /// Makes the folder anew: a restore that was killed has left what nobody knows.
    fn make_folder(&mut self) -> StoreResult<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(at(&self.folder)(why)),
            _ => {}
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder).map_err(at(&self.folder))?;
        self.is_made = true;
        Ok(())
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if self.is_made {
            // Nobody can act on a failure here; the name says what it is, and the next restore removes it.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Copies what must be so many bytes. Its SHA-256.
fn copy(from: &mut impl Read, to: &mut impl Write, size: u64, archive: &Path) -> StoreResult<String> {
    let (mut hash, mut piece, mut copied) = (Sha256::new(), vec![0; PIECE], 0_u64);
    loop {
        let n = match from.read(&mut piece) {
            Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
            other => other.map_err(at(archive))?,
        };
        if n == 0 {
            break;
        }
        to.write_all(&piece[..n]).map_err(at(archive))?;
        hash.update(&piece[..n]);
        copied += n as u64;
    }
    if copied == size { Ok(hex::encode(hash.finalize())) } else { Err(damaged(archive)) }
}
