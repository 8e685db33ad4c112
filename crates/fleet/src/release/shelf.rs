//! The shelf: what devices download and what releases are made of, each once by its SHA-256, in `artifacts/` of the data
//! folder or in a bucket that several nodes share ([`place`]). What is put there appears whole: in a folder it is written
//! under another name, made durable and renamed; in a bucket it is there once its last part is.

mod backup;
mod http;
mod keep;
mod named;
mod place;
mod reach;

pub(crate) use backup::for_backups;
pub(super) use keep::Adopted;
pub use place::{Bucket, BucketCredentials, ShelfPlace};
pub use reach::Unreached;

use crate::{Error, Fleet, Result};
use artifact::Source;
use bytes::Bytes;
use futures::{
    StreamExt, TryStreamExt,
    executor::{BlockingStream, block_on, block_on_stream},
    stream::BoxStream,
};
use object_store::{GetOptions, GetRange, GetResult, GetResultPayload, ObjectStore, ObjectStoreExt, path::Path as Key};
use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncSeekExt},
    sync::{OnceCell, Semaphore},
};
use tokio_util::io::ReaderStream;

/// How much is read at once, in bytes.
const PIECE: usize = 256 * 1024;

/// The shelf of a fleet. A folder is made when something is first put there.
pub(crate) struct Artifacts {
    folder: PathBuf,
    place: ShelfPlace,
    store: OnceCell<Arc<dyn ObjectStore>>,
    /// Whose turn it is to read a file whole: each may take a processor for a minute.
    turns: Arc<Semaphore>,
}

/// How many files are read whole at the same time.
const READ_AT_ONCE: usize = 2;

impl Artifacts {
    pub(crate) fn new(data: &Path, place: ShelfPlace) -> Self {
        Self {
            folder: data.join("artifacts"),
            place,
            store: OnceCell::new(),
            turns: Arc::new(Semaphore::new(READ_AT_ONCE)),
        }
    }

    async fn store(&self) -> Result<&Arc<dyn ObjectStore>> {
        let open = async {
            match &self.place {
                ShelfPlace::Folder => place::open_folder(&self.folder).await,
                ShelfPlace::Bucket(bucket) => place::open_bucket(bucket),
            }
        };
        self.store.get_or_try_init(|| open).await
    }

    /// Puts a small document there.
    pub(super) async fn keep_bytes(&self, content: Bytes, sha256: &str) -> Result<()> {
        self.put_bytes(sha256, content).await?;
        self.close(sha256);
        Ok(())
    }

    /// Does what reads a file whole when it is its turn, beside what must not wait for it. The turn lasts until that is done: whoever
    /// asked for it may be gone and ask again.
    pub(super) async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(Error::internal)?;
        let work = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }

    /// Whether it is on a disk of ours.
    pub(super) const fn is_folder(&self) -> bool {
        matches!(self.place, ShelfPlace::Folder)
    }

    /// Its folder is its owner's alone, and so is each file in it.
    fn close(&self, sha256: &str) {
        if self.is_folder() {
            store::private::close(&self.folder.join(sha256));
        }
    }

    /// What lies there, for a thread that may wait.
    pub(super) async fn read(&self, sha256: &str) -> Result<Box<dyn Source + Send>> {
        let (store, key) = (Arc::clone(self.store().await?), Key::from(sha256));
        let found = store.get(&key).await.map_err(|error| of_store(&error))?;
        Ok(waiting(store, key, found))
    }

    /// Whether anything lies there.
    async fn is_there(&self, sha256: &str) -> Result<bool> {
        match self.store().await?.head(&Key::from(sha256)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(of_store(&error)),
        }
    }

    /// Whether a file of this size lies there.
    pub(crate) async fn holds(&self, sha256: &str, size: i64) -> Result<bool> {
        match self.store().await?.head(&Key::from(sha256)).await {
            Ok(found) => Ok(found.size == size.unsigned_abs()),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(of_store(&error)),
        }
    }

    /// A part of what lies there.
    pub(super) async fn stream(&self, sha256: &str, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        let key = Key::from(sha256);
        let found = match self.store().await?.get_opts(&key, options).await {
            Ok(found) if found.meta.size < range.end => return Err(shortened(sha256)),
            Ok(found) => found,
            Err(error) => return Err(self.why_not(sha256, range.end, error).await),
        };
        pieces(found).await
    }

    /// Why a part can't be had. That it lies behind the end is told by each storage in words of its own.
    async fn why_not(&self, sha256: &str, end: u64, error: object_store::Error) -> Error {
        let store = if matches!(error, object_store::Error::NotFound { .. }) { None } else { self.store().await.ok() };
        match store {
            Some(store) if store.head(&Key::from(sha256)).await.is_ok_and(|found| found.size < end) => {
                shortened(sha256)
            }
            _ => of_store(&error),
        }
    }
}

/// What was found, piece by piece. A file is read in pieces that are large enough not to cost more by their number than by
/// their bytes.
async fn pieces(found: GetResult) -> Result<BoxStream<'static, Result<Bytes>>> {
    let range = found.range.clone();
    match found.payload {
        GetResultPayload::File(file, _) => {
            let mut file = fs::File::from_std(file);
            file.seek(SeekFrom::Start(range.start)).await.map_err(trouble)?;
            let part = file.take(range.end - range.start);
            Ok(ReaderStream::with_capacity(part, PIECE).map_err(trouble).boxed())
        }
        GetResultPayload::Stream(stream) => Ok(stream.map_err(|error| of_store(&error)).boxed()),
    }
}

/// Something that was found, for a thread that may wait.
fn waiting(store: Arc<dyn ObjectStore>, key: Key, found: GetResult) -> Box<dyn Source + Send> {
    let size = found.meta.size;
    match found.payload {
        GetResultPayload::File(file, _) => Box::new(file),
        GetResultPayload::Stream(stream) => {
            let pieces = Some(block_on_stream(stream));
            Box::new(Waiting { store, key, size, position: 0, pieces, piece: Bytes::new() })
        }
    }
}

/// Reads what comes in pieces, waiting for each; from another place it is asked for anew.
struct Waiting {
    store: Arc<dyn ObjectStore>,
    key: Key,
    /// Bytes of the whole.
    size: u64,
    position: u64,
    pieces: Option<BlockingStream<BoxStream<'static, object_store::Result<Bytes>>>>,
    piece: Bytes,
}

impl Waiting {
    fn ask(&self) -> io::Result<BlockingStream<BoxStream<'static, object_store::Result<Bytes>>>> {
        let range = Some(GetRange::Bounded(self.position..self.size));
        let asked = self.store.get_opts(&self.key, GetOptions { range, ..GetOptions::default() });
        block_on(asked).map(|found| block_on_stream(found.into_stream())).map_err(io::Error::other)
    }
}

impl Read for Waiting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            if self.position >= self.size {
                return Ok(0);
            }
            let mut pieces = match self.pieces.take() {
                Some(pieces) => pieces,
                None => self.ask()?,
            };
            match pieces.next() {
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
            self.pieces = Some(pieces);
        }
        let n = buffer.len().min(self.piece.len());
        buffer[..n].copy_from_slice(&self.piece.split_to(n));
        self.position = self.position.saturating_add(u64::try_from(n).unwrap_or_default());
        Ok(n)
    }
}

impl Seek for Waiting {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let place = place.ok_or(io::ErrorKind::InvalidInput)?;
        if place != self.position {
            (self.position, self.pieces, self.piece) = (place, None, Bytes::new());
        }
        Ok(place)
    }
}

/// What went wrong with a file of ours, in words where the asker can do something.
pub(super) fn trouble(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => full(),
        _ => Error::internal(error),
    }
}

fn full() -> Error {
    let told = "There is no room left on the server’s disk for this file. What is here already is kept; the operator of \
                Muster has to make some.";
    Error::NoRoom(told.to_owned())
}

/// A file that has lost its end. It is no file of the release any more; that it was one, its check has said.
fn shortened(sha256: &str) -> Error {
    tracing::error!(sha256, "a file on the shelf is shorter than it was; push it again, and it is put back");
    Error::not_found("whole file on the shelf with the SHA-256", sha256)
}

fn of_store(error: &object_store::Error) -> Error {
    if matches!(error, object_store::Error::NotFound { .. }) {
        let told = "The file is not on the shelf any more; push it again, and it is put back.";
        return Error::Away(told.to_owned());
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(at) = cause {
        if let Some(at) = at.downcast_ref::<io::Error>()
            && matches!(at.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        {
            return full();
        }
        cause = at.source();
    }
    tracing::error!(%error, "the shelf can't be used");
    let told = "The files of releases can’t be reached at the moment. Nothing was changed; the operator of Muster finds why in \
                the log.";
    Error::Away(told.to_owned())
}

impl Fleet {
    /// The same fleet with its releases' files elsewhere.
    #[must_use]
    pub fn with_shelf(self, place: ShelfPlace) -> Self {
        self.inner.artifacts.store(Arc::new(Artifacts::new(self.folder(), place)));
        self
    }

    pub(crate) fn artifacts(&self) -> Arc<Artifacts> {
        self.inner.artifacts.load_full()
    }

    /// A part of a release's file, to be sent to whoever may have it. The range must lie within the file.
    ///
    /// # Errors
    /// When the file is not on the shelf, or can't be read.
    pub async fn artifact_stream(&self, sha256: &str, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        let part = self.artifacts().stream(sha256, range).await;
        // A storage that doesn't answer says nothing about the files.
        let is_gone = match &part {
            Err(Error::NotFound { .. }) => true,
            Err(Error::Away(_)) => matches!(self.artifacts().is_there(sha256).await, Ok(false)),
            _ => false,
        };
        if is_gone {
            self.inner.rollouts.doubt();
        }
        part
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::{sync::mpsc, time::Duration};
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_the_work_and_not_as_long_as_who_asked_for_it() {
        let data = tempfile::tempdir().unwrap();
        let shelf = Artifacts::new(data.path(), ShelfPlace::Folder);
        let soon = Duration::from_millis(50);
        let mut ends = Vec::new();
        for _ in 0..READ_AT_ONCE {
            let (end, ended) = mpsc::channel::<()>();
            // Whoever asked goes away; the work doesn't.
            assert!(timeout(soon, shelf.in_turn(move || ended.recv())).await.is_err());
            ends.push(end);
        }
        assert!(timeout(soon, shelf.in_turn(|| ())).await.is_err(), "nobody else gets a turn meanwhile");
        ends.pop().unwrap().send(()).unwrap();
        timeout(Duration::from_secs(10), shelf.in_turn(|| ())).await.unwrap().unwrap();
    }
}
