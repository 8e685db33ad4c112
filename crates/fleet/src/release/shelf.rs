//! The shelf: what devices download and what releases are made of, each once by its SHA-256, in `artifacts/` of the data
//! folder. What is put there is written under another name, made durable and then renamed.

use super::signer::refused;
use crate::{Error, Fleet, Result};
use artifact::Source;
use bytes::Bytes;
use futures::{
    StreamExt, TryStreamExt,
    executor::{BlockingStream, block_on, block_on_stream},
    stream::BoxStream,
};
use object_store::{
    GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart,
    local::LocalFileSystem, path::Path as Key,
};
use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{fs, io::AsyncReadExt, sync::OnceCell};

/// How much is written at once, in bytes.
const PART: usize = 8 << 20;
/// How many parts are written at the same time.
const AT_ONCE: usize = 2;

/// The shelf of a data folder. Its folder is made when something is first put there.
pub(crate) struct Artifacts {
    folder: PathBuf,
    store: OnceCell<Arc<dyn ObjectStore>>,
}

impl Artifacts {
    pub(crate) fn new(data: &Path) -> Self {
        Self { folder: data.join("artifacts"), store: OnceCell::new() }
    }

    async fn store(&self) -> Result<&Arc<dyn ObjectStore>> {
        let open = async {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            builder.mode(0o700);
            builder.create(&self.folder).await.map_err(trouble)?;
            let local = LocalFileSystem::new_with_prefix(&self.folder).map_err(of_store)?;
            Ok::<_, Error>(Arc::new(local.with_fsync(true)) as Arc<dyn ObjectStore>)
        };
        self.store.get_or_try_init(|| open).await
    }

    /// Puts a file there. One that is there already is written anew: it may have been damaged.
    pub(super) async fn keep(&self, file: &Path, sha256: &str) -> Result<()> {
        let mut file = fs::File::open(file).await.map_err(trouble)?;
        let upload = self.store().await?.put_multipart(&Key::from(sha256)).await.map_err(of_store)?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        let written = async {
            let mut chunk = vec![0; 256 * 1024];
            loop {
                let n = file.read(&mut chunk).await.map_err(trouble)?;
                if n == 0 {
                    return Ok::<_, Error>(());
                }
                writer.wait_for_capacity(AT_ONCE).await.map_err(of_store)?;
                writer.write(&chunk[..n]);
            }
        };
        if let Err(error) = written.await {
            if let Err(left) = writer.abort().await {
                tracing::warn!(error = %left, "what was written of a file for the shelf was not removed");
            }
            return Err(error);
        }
        writer.finish().await.map_err(of_store)?;
        self.close(sha256);
        Ok(())
    }

    /// Puts a small document there.
    pub(super) async fn keep_bytes(&self, content: Bytes, sha256: &str) -> Result<()> {
        let payload = PutPayload::from_bytes(content);
        self.store().await?.put(&Key::from(sha256), payload).await.map_err(of_store)?;
        self.close(sha256);
        Ok(())
    }

    /// Its folder is its owner's alone, and so is each file in it.
    fn close(&self, sha256: &str) {
        store::private::close(&self.folder.join(sha256));
    }

    /// What lies there, for a thread that may wait.
    pub(super) async fn read(&self, sha256: &str) -> Result<Box<dyn Source + Send>> {
        let (store, key) = (Arc::clone(self.store().await?), Key::from(sha256));
        let found = store.get(&key).await.map_err(of_store)?;
        let size = found.meta.size;
        Ok(match found.payload {
            GetResultPayload::File(file, _) => Box::new(file),
            GetResultPayload::Stream(stream) => {
                let pieces = Some(block_on_stream(stream));
                Box::new(Waiting { store, key, size, position: 0, pieces, piece: Bytes::new() })
            }
        })
    }

    /// A part of what lies there.
    pub(super) async fn stream(&self, sha256: &str, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store().await?.get_opts(&Key::from(sha256), options).await.map_err(of_store)?;
        Ok(found.into_stream().map_err(of_store).boxed())
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

fn of_store(error: object_store::Error) -> Error {
    if matches!(error, object_store::Error::NotFound { .. }) {
        return refused("the file is not on the shelf any more; push it again, and it is put back");
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(at) = cause {
        if let Some(at) = at.downcast_ref::<io::Error>()
            && matches!(at.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        {
            return full();
        }
        cause = at.source();
    }
    Error::internal(error)
}

impl Fleet {
    /// A part of a release's file, to be sent to whoever may have it. The range must lie within the file.
    ///
    /// # Errors
    /// When the file is not on the shelf, or can't be read.
    pub async fn artifact_stream(&self, sha256: &str, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.inner.artifacts.stream(sha256, range).await
    }
}
