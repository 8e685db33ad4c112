//! Putting a file on the shelf. What becomes the shelf's is proved by its hash as it lies there or while it is written: since it was
//! checked it may have been damaged, and what lay there in its stead was good.

use super::{Artifacts, PIECE, of_store, trouble};
use crate::{Error, Result};
use object_store::{ObjectStoreExt, WriteMultipart, path::Path as Key};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read, Seek},
    path::{Path, PathBuf},
};
use tokio::io::AsyncReadExt;
use uuid::Uuid;

/// How much is written at once, in bytes.
const PART: usize = 8 << 20;
/// How many parts are written at the same time.
const AT_ONCE: usize = 2;

/// What became of a file that the shelf was to take as it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::release) enum Adopted {
    /// It is on the shelf.
    OnShelf,
    /// It can't be there without a copy, as across two file systems, or on a shelf that is no folder.
    NeedsCopy,
    /// Its name is gone: a release was made of it meanwhile, or it was discarded.
    Gone,
}

impl Artifacts {
    /// Puts a copy of a file there. One that is there already is written anew: it may have been damaged.
    ///
    /// # Errors
    /// When it can't be read or written, or is another than this hash says; what lay there stays then.
    pub(crate) async fn keep(&self, file: tokio::fs::File, sha256: &str) -> Result<()> {
        self.keep_as(file, sha256, sha256).await
    }

    /// The same under a name of its own.
    ///
    /// # Errors
    /// As [`Artifacts::keep`].
    pub(crate) async fn keep_as(&self, mut file: tokio::fs::File, name: &str, sha256: &str) -> Result<()> {
        let upload = self.store().await?.put_multipart(&Key::from(name)).await.map_err(|error| of_store(&error))?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        let written = async {
            let mut chunk = vec![0; PIECE];
            let mut hash = Sha256::new();
            loop {
                let n = file.read(&mut chunk).await.map_err(trouble)?;
                if n == 0 {
                    return if hex::encode(hash.finalize()) == sha256 { Ok(()) } else { Err(changed(sha256)) };
                }
                hash.update(&chunk[..n]);
                writer.wait_for_capacity(AT_ONCE).await.map_err(|error| of_store(&error))?;
                writer.write(&chunk[..n]);
            }
        };
        if let Err(error) = written.await {
            if let Err(left) = writer.abort().await {
                tracing::warn!(error = %left, "what was written of a file for the shelf was not removed");
            }
            return Err(error);
        }
        writer.finish().await.map_err(|error| of_store(&error))?;
        self.close(name);
        Ok(())
    }

    /// Puts a file there without a copy, as a second name for it: it takes its room once. Nobody may write in it from here on.
    ///
    /// # Errors
    /// As [`Artifacts::keep`].
    pub(in crate::release) async fn adopt(&self, file: File, path: PathBuf, sha256: &str) -> Result<Adopted> {
        if !self.is_folder() {
            return Ok(Adopted::NeedsCopy);
        }
        // Makes the folder.
        self.store().await?;
        let (folder, sha256) = (self.folder.clone(), sha256.to_owned());
        self.in_turn(move || adopt(file, &path, &folder, &sha256)).await?
    }
}

fn adopt(mut file: File, path: &Path, folder: &Path, sha256: &str) -> Result<Adopted> {
    file.rewind().map_err(trouble)?;
    if hash_of(&mut file).map_err(trouble)? != sha256 {
        return Err(changed(sha256));
    }
    file.sync_all().map_err(trouble)?;
    // Called as the storage calls what is on its way, so that it is swept if we die here.
    let on_its_way = folder.join(format!("{sha256}#{}", Uuid::now_v7().as_u128()));
    if let Err(error) = fs::hard_link(path, &on_its_way) {
        let is_gone = error.kind() == io::ErrorKind::NotFound && !path.exists();
        return Ok(if is_gone { Adopted::Gone } else { Adopted::NeedsCopy });
    }
    let place = folder.join(sha256);
    let put = fs::rename(&on_its_way, &place);
    // Two names of one file stay as they are when one is renamed to the other.
    let left = fs::remove_file(&on_its_way);
    put.map_err(trouble)?;
    if let Err(error) = left.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    {
        tracing::warn!(%error, "what was left of a file for the shelf was not removed");
    }
    store::private::close(&place);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(trouble)?;
    Ok(Adopted::OnShelf)
}

fn hash_of(file: &mut impl Read) -> io::Result<String> {
    let (mut hash, mut chunk) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex::encode(hash.finalize())),
            n => hash.update(&chunk[..n]),
        }
    }
}

/// A file that is another than when it was checked: it is not kept, and what is there already stays.
fn changed(sha256: &str) -> Error {
    tracing::error!(
        sha256,
        "a file was damaged between its check and the shelf; look after the disk that uploads/ is on"
    );
    let told = "The file was damaged on the server after it had been checked. What is on the shelf stays as it was; send it again.";
    Error::Away(told.to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::release::ShelfPlace;

    fn sha256(content: &[u8]) -> String {
        hex::encode(Sha256::digest(content))
    }

    #[tokio::test]
    async fn what_was_damaged_since_its_check_takes_nothing_s_place() {
        let data = tempfile::tempdir().unwrap();
        let shelf = Artifacts::new(data.path(), ShelfPlace::Folder);
        let (good, path) = (b"as it was checked", data.path().join("1.part"));
        let (name, place) = (sha256(good), data.path().join("artifacts").join(sha256(good)));
        fs::write(&path, good).unwrap();
        shelf.keep(tokio::fs::File::open(&path).await.unwrap(), &name).await.unwrap();
        fs::write(&path, b"as it was CHECKED").unwrap();
        let kept = shelf.keep(tokio::fs::File::open(&path).await.unwrap(), &name).await;
        let adopted = shelf.adopt(File::open(&path).unwrap(), path.clone(), &name).await;
        assert!(matches!((kept, adopted), (Err(Error::Away(_)), Err(Error::Away(_)))));
        assert_eq!(fs::read(&place).unwrap(), good);
        assert_eq!(fs::read_dir(data.path().join("artifacts")).unwrap().count(), 1, "and nothing is left of it");
    }

    #[tokio::test]
    async fn what_another_took_meanwhile_is_gone_and_what_lies_there_stays() {
        let data = tempfile::tempdir().unwrap();
        let shelf = Artifacts::new(data.path(), ShelfPlace::Folder);
        let (good, path) = (b"as it was checked", data.path().join("1.part"));
        let name = sha256(good);
        fs::write(&path, good).unwrap();
        let waiting = File::open(&path).unwrap();
        assert_eq!(shelf.adopt(File::open(&path).unwrap(), path.clone(), &name).await.unwrap(), Adopted::OnShelf);
        fs::remove_file(&path).unwrap();
        assert_eq!(shelf.adopt(waiting, path, &name).await.unwrap(), Adopted::Gone);
        assert_eq!(fs::read(data.path().join("artifacts").join(&name)).unwrap(), good);
        assert_eq!(fs::read_dir(data.path().join("artifacts")).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_is_adopted_takes_no_second_room_and_heals_what_was_damaged() {
        use std::os::unix::fs::MetadataExt;
        let data = tempfile::tempdir().unwrap();
        let shelf = Artifacts::new(data.path(), ShelfPlace::Folder);
        let (good, path) = (b"as it was checked", data.path().join("1.part"));
        let (name, place) = (sha256(good), data.path().join("artifacts").join(sha256(good)));
        fs::write(&path, good).unwrap();
        // Twice: a push may fail after it, and is tried again.
        for _ in 0..2 {
            let adopted = shelf.adopt(File::open(&path).unwrap(), path.clone(), &name).await.unwrap();
            assert_eq!(adopted, Adopted::OnShelf);
            assert_eq!(fs::metadata(&place).unwrap().ino(), fs::metadata(&path).unwrap().ino());
            assert_eq!(fs::metadata(&place).unwrap().mode() & 0o077, 0);
        }
        fs::remove_file(&path).unwrap();
        fs::write(&place, b"rotten").unwrap();
        fs::write(&path, good).unwrap();
        let adopted = shelf.adopt(File::open(&path).unwrap(), path.clone(), &name).await.unwrap();
        assert_eq!(adopted, Adopted::OnShelf);
        assert_eq!(fs::read(&place).unwrap(), good);
        assert_eq!(fs::read_dir(data.path().join("artifacts")).unwrap().count(), 1);
    }
}
