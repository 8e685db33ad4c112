//! Files on their way here where nodes share a bucket: each piece that is counted as received lies there, too, in `uploads/ID/`, so that
//! any node goes on with the file. The file in `uploads/` of a node's own folder is then a copy, as far as this process knows it right.

use super::{Upload, room, shelf::trouble};
use crate::{Error, Fleet, Result};
use bytes::Bytes;
use domain::{
    id::UploadId,
    time::{HOUR, Timestamp},
};
use futures::{StreamExt, TryStreamExt, stream};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use store::{
    Db, Tx,
    upload::piece::{self, Piece},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
    sync::Semaphore,
};
use uuid::Uuid;

/// How many pieces a file may have beside one for each MiB: whoever sends a byte at a time must not fill the bucket.
const PIECES: i64 = 200;
/// How many pieces are in memory at the same time, on their way to the bucket.
const AT_ONCE: usize = 4;
/// How many are removed at the same time.
const REMOVED_AT_ONCE: usize = 8;
/// After so long nobody is still putting a piece there.
const PUT_WITHIN: i64 = HOUR;

/// Copies of files on their way, in this node's folder.
pub(crate) struct Copies {
    /// How far each is right, in bytes.
    right: Mutex<HashMap<UploadId, i64>>,
    turns: Semaphore,
}

impl Default for Copies {
    fn default() -> Self {
        Self { right: Mutex::default(), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Copies {
    fn right(&self) -> MutexGuard<'_, HashMap<UploadId, i64>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn right_up_to(&self, id: UploadId) -> i64 {
        self.right().get(&id).copied().unwrap_or_default()
    }

    pub(super) fn note(&self, id: UploadId, right: i64) {
        self.right().insert(id, right);
    }

    pub(super) fn forget(&self, id: UploadId) {
        self.right().remove(&id);
    }
}

fn name_of(upload: UploadId, piece: Uuid) -> String {
    format!("uploads/{upload}/{piece}")
}

/// Whether somebody may still be putting a piece there, which is not to be removed before that.
fn is_on_its_way(piece: &Piece, now: Timestamp) -> bool {
    let made = piece.id.get_timestamp().map_or(0, |at| {
        let (seconds, nanos) = at.to_unix();
        i64::try_from(seconds).unwrap_or_default() * 1_000_000 + i64::from(nanos) / 1_000
    });
    piece.size == 0 && made.saturating_add(PUT_WITHIN) > now.0
}

/// Those of these pieces, which are sorted by where they begin, that follow one another from a place up to another; none where one is
/// missing.
fn between(pieces: &[Piece], from: i64, upto: i64) -> Option<Vec<Piece>> {
    let (mut here, mut found) = (from, Vec::new());
    for piece in pieces.iter().filter(|piece| piece.size > 0) {
        if piece.start == here && here < upto {
            here += piece.size;
            found.push(*piece);
        }
    }
    (here == upto).then_some(found)
}

/// In how many pieces a file may come.
fn most_pieces(upload: &Upload) -> i64 {
    PIECES + (upload.size >> 20)
}

impl Fleet {
    /// Whether pieces of files that are begun now are to lie where other nodes find them. Nodes of the version before know nothing of
    /// that.
    pub(super) async fn shares_uploads(&self) -> Result<bool> {
        let can = matches!(self.db(), Db::Postgres(_)) && self.artifacts().is_bucket();
        Ok(can && !store::turn::beside_before(self.db()).await?)
    }

    /// Whether somebody can go on with a file: all that was counted of it is where it is to be, and there may be another piece.
    pub(super) async fn can_go_on(&self, tx: &mut Tx, upload: &Upload) -> Result<bool> {
        if !upload.shared {
            return tokio::fs::try_exists(self.upload_path(upload.id)).await.map_err(trouble);
        }
        let pieces = piece::of_within(tx, upload.id).await?;
        let may_be_another = i64::try_from(pieces.len()).is_ok_and(|n| n < most_pieces(upload));
        let is_whole = between(&pieces, 0, upload.received).is_some();
        Ok(self.artifacts().is_bucket() && is_whole && (may_be_another || upload.received == upload.size))
    }

    /// Brings what other nodes have of a file into the one of this node, which nobody else here writes in meanwhile. What was brought
    /// before a failure need not be brought again.
    ///
    /// # Errors
    /// When a piece can't be had, or there is no room for it.
    pub(super) async fn bring_pieces(&self, file: &mut File, upload: &Upload) -> Result<()> {
        let copies = &self.inner.copies;
        let (right, there) = (copies.right_up_to(upload.id), file.metadata().await.map_err(trouble)?.len());
        // It may have been removed and made anew.
        let mut here = if there < right.unsigned_abs() { 0 } else { right };
        if !upload.shared || here >= upload.received {
            return Ok(());
        }
        let missing = between(&piece::of(self.db(), upload.id).await?, here, upload.received);
        let missing = missing.ok_or_else(|| Error::not_found("upload", &upload.id.to_string()))?;
        self.room_for_pieces(upload.size - here).await?;
        copies.note(upload.id, here);
        file.set_len(here.unsigned_abs()).await.map_err(trouble)?;
        file.seek(io::SeekFrom::Start(here.unsigned_abs())).await.map_err(trouble)?;
        for piece in missing {
            self.copy_piece(file, upload.id, &piece).await?;
            file.flush().await.map_err(trouble)?;
            here += piece.size;
            copies.note(upload.id, here);
        }
        Ok(())
    }

    async fn room_for_pieces(&self, size: i64) -> Result<()> {
        let free = room::free(self.folder().to_owned()).await?;
        if room::fits(size, 0, free) {
            return Ok(());
        }
        let told = "There is not enough room on this server’s disk for what came of this file elsewhere. Nothing was changed; the operator \
                    of Muster has to make some.";
        Err(Error::NoRoom(told.to_owned()))
    }

    /// A piece that is not there as it was counted is forgotten, so that whoever sends the file anew begins anew.
    async fn copy_piece(&self, file: &mut File, upload: UploadId, piece: &Piece) -> Result<()> {
        let mut copied = 0_usize;
        if let Some(mut lying) = self.artifacts().whole(&name_of(upload, piece.id)).await? {
            while let Some(bytes) = lying.try_next().await? {
                file.write_all(&bytes).await.map_err(trouble)?;
                copied += bytes.len();
            }
        }
        if i64::try_from(copied).ok() == Some(piece.size) {
            return Ok(());
        }
        let is_over = store::upload::by_id(self.db(), upload).await?.is_none_or(|now| now.release_id.is_some());
        if !is_over {
            tracing::error!(%upload, piece = %piece.id, copied, size = piece.size, "a piece of an upload is not in the bucket as it was counted");
        }
        let mut tx = self.db().begin().await?;
        piece::forget(&mut tx, piece.id).await?;
        tx.commit().await?;
        Err(Error::not_found("upload", &upload.to_string()))
    }

    /// Refuses a file that comes in too many pieces, before another one is taken.
    ///
    /// # Errors
    /// When it does.
    pub(super) async fn refuse_crumbs(&self, upload: &Upload) -> Result<()> {
        let most = most_pieces(upload);
        if upload.shared && piece::count(self.db(), upload.id).await? >= most {
            let told = format!(
                "This file came in {most} pieces, which is the most that is taken. Send it anew in larger ones."
            );
            return Err(Error::TooLarge(told));
        }
        Ok(())
    }

    /// Puts what came since the last piece into the bucket: the piece, which is not counted yet. None where nothing came, or the upload
    /// is this node's alone.
    ///
    /// # Errors
    /// When the bucket or the database fails. The piece may come to lie there all the same; it goes with the upload.
    pub(super) async fn share_piece(&self, file: &mut File, upload: &Upload, here: i64) -> Result<Option<Uuid>> {
        let size = usize::try_from(here - upload.received).unwrap_or_default();
        if size == 0 || !upload.shared {
            return Ok(None);
        }
        let _turn = self.inner.copies.turns.acquire().await.map_err(Error::internal)?;
        let mut content = vec![0; size];
        file.seek(io::SeekFrom::Start(upload.received.unsigned_abs())).await.map_err(trouble)?;
        file.read_exact(&mut content).await.map_err(trouble)?;
        let id = Uuid::now_v7();
        let mut tx = self.db().begin().await?;
        piece::insert(&mut tx, upload.id, id, upload.received).await?;
        tx.commit().await?;
        self.artifacts().put_bytes(&name_of(upload.id, id), Bytes::from(content)).await?;
        Ok(Some(id))
    }

    /// Removes a piece of this node's that lies there and was not counted.
    pub(super) async fn give_piece_up(&self, upload: UploadId, piece: Uuid) {
        if let Err(error) = self.try_remove_pieces(upload, vec![piece]).await {
            tracing::warn!(%error, %upload, "a piece of an upload was not removed; it goes with the upload");
        }
    }

    /// Removes the pieces of a file that nobody goes on with, beside whoever has ended it. What stays, as when the bucket does not answer,
    /// goes with a later sweep.
    pub(super) fn remove_pieces_beside(&self, upload: UploadId) {
        self.inner.copies.forget(upload);
        if !self.artifacts().is_bucket() {
            return;
        }
        let fleet = self.clone();
        tokio::spawn(async move {
            if let Err(error) = fleet.remove_pieces(upload).await {
                tracing::warn!(%error, %upload, "pieces of an upload that is over were not removed; that is tried again");
            }
        });
    }

    async fn remove_pieces(&self, upload: UploadId) -> Result<()> {
        let pieces = piece::of(self.db(), upload).await?.into_iter();
        let now = self.now();
        let over: Vec<Uuid> = pieces.filter(|piece| !is_on_its_way(piece, now)).map(|piece| piece.id).collect();
        if over.is_empty() { Ok(()) } else { self.try_remove_pieces(upload, over).await }
    }

    async fn try_remove_pieces(&self, upload: UploadId, pieces: Vec<Uuid>) -> Result<()> {
        let artifacts = self.artifacts();
        let names: Vec<String> = pieces.iter().map(|piece| name_of(upload, *piece)).collect();
        let removed = stream::iter(names).map(|name| {
            let artifacts = Arc::clone(&artifacts);
            async move { artifacts.remove(&name).await }
        });
        removed.buffer_unordered(REMOVED_AT_ONCE).try_collect::<()>().await?;
        let mut tx = self.db().begin().await?;
        for piece in pieces {
            piece::forget(&mut tx, piece).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Removes pieces of uploads that are over.
    pub(super) async fn sweep_pieces(&self) -> Result<()> {
        if self.artifacts().is_bucket() {
            for upload in piece::left(self.db()).await? {
                self.remove_pieces(upload).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn piece(start: i64, size: i64) -> Piece {
        Piece { id: Uuid::now_v7(), start, size }
    }

    #[test]
    fn a_file_is_its_counted_pieces_one_after_the_other() {
        // A second one of the same place is not counted; who wrote it came too late.
        let pieces = [piece(0, 4), piece(4, 0), piece(4, 6), piece(10, 1)];
        let sizes = |found: Vec<Piece>| found.iter().map(|piece| piece.size).collect::<Vec<_>>();
        assert_eq!(between(&pieces, 0, 11).map(sizes), Some(vec![4, 6, 1]));
        assert_eq!(between(&pieces, 4, 10).map(sizes), Some(vec![6]));
        assert_eq!(between(&pieces, 11, 11).map(sizes), Some(vec![]));
        assert!(
            between(&pieces, 0, 12).is_none() && between(&pieces, 2, 10).is_none() && between(&pieces, 0, 7).is_none()
        );
        assert!(between(&[], 0, 4).is_none());
    }

    #[test]
    fn what_may_still_be_put_there_is_left_alone() {
        let uncounted = piece(0, 0);
        let (seconds, _) = uncounted.id.get_timestamp().unwrap().to_unix();
        let made = Timestamp(i64::try_from(seconds).unwrap() * 1_000_000);
        assert!(is_on_its_way(&uncounted, made.plus(PUT_WITHIN / 2)));
        assert!(!is_on_its_way(&uncounted, made.plus(2 * PUT_WITHIN)));
        assert!(!is_on_its_way(&Piece { size: 1, ..uncounted }, made));
    }
}
