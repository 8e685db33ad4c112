//! Files on their way here, in `uploads/` of the data folder: `<id>.part` while one is written and until a release is made
//! of it. What is counted as received is durable; what the file holds beyond that is dropped when somebody goes on. Where nodes share a
//! bucket, what is counted lies there ([`super::pieces`]).

use super::{room, shelf::trouble};
use crate::{Actor, Error, Fleet, Result, setting::RELEASE_MIB};
use domain::{
    id::UploadId,
    person::Permission,
    release::file_name,
    time::{DAY, Timestamp},
};
use futures::{Stream, StreamExt, pin_mut};
use serde_json::json;
use std::{fmt::Display, fs::TryLockError, io, path::PathBuf, time::Duration};
use store::upload::Upload;
use tokio::{
    fs::{self, File},
    io::{AsyncSeekExt, AsyncWriteExt},
};
use uuid::Uuid;

/// How long an unfinished upload is kept after its last piece.
pub const UPLOAD_KEPT: i64 = DAY;
/// How much all unfinished uploads together may be going to take: they share their disk with the database.
const ROOM: i64 = 32 << 30;
/// How much of that one account or token may take, so that nobody keeps all others out.
const ROOM_OF_ONE: i64 = ROOM / 2;
/// How long an upload is kept in all, however slowly it comes.
const UPLOAD_LONGEST: i64 = 7 * DAY;
/// How many unfinished uploads one account or token may have.
const OF_ONE: i64 = 50;
/// After so many bytes what came is made durable, although more is coming.
const PIECE: i64 = 16 << 20;
/// How often, and at which distance, it is tried to be the only one that writes a file.
const LOCK_TRIES: u32 = 20;
const LOCK_WAIT: Duration = Duration::from_millis(10);

/// A file that somebody is going to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadForm {
    /// What it is called.
    pub file_name: String,
    /// How large it is, in bytes.
    pub size: i64,
    /// Its SHA-256 in hexadecimal, where it is known: an unfinished upload of the same file is gone on with then, and
    /// damage on the way is told from damage before.
    pub sha256: String,
}

/// Whose uploads are whose.
fn owner_of(actor: &Actor) -> String {
    match actor {
        Actor::Rule { name } => format!("rule:{name}"),
        _ => format!("{}:{}", actor.kind(), actor.id()),
    }
}

impl Fleet {
    /// Begins an upload, or finds the unfinished one of the same file by the same program.
    ///
    /// # Errors
    /// When the actor may not, a field is wrong, the file is larger than is taken, or too much is on its way already.
    pub async fn begin_upload(&self, actor: &Actor, form: &UploadForm) -> Result<Upload> {
        self.authorise(actor, Permission::ReleasePush, "upload").await?;
        let limit = self.setting_number(RELEASE_MIB).await?;
        if form.size < 1 {
            return Err(Error::field("size", "The file is empty."));
        }
        if form.size > limit.saturating_mul(1 << 20) {
            return Err(Error::TooLarge(format!(
                "The file is larger than {limit} MiB, which is the most that is taken; an admin can raise that under \
                 Settings."
            )));
        }
        let sha256 = form.sha256.trim().to_ascii_lowercase();
        if !(sha256.is_empty() || sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Err(Error::field("sha256", "Give a SHA-256 as 64 hexadecimal digits, or none."));
        }
        let (now, node, owner, shared) =
            (self.now(), self.node().await?, owner_of(actor), self.shares_uploads().await?);
        let free = room::free(self.folder().to_owned()).await?;
        let mut deed = self.allow(actor, Permission::ReleasePush, "upload").await?;
        if !sha256.is_empty()
            && let Some(same) = store::upload::same(&mut deed.tx, &owner, (&sha256, form.size), &node, now).await?
        {
            if self.can_go_on(&mut deed.tx, &same).await? {
                return Ok(same);
            }
            // What came of it is gone, by a restore or by hand, or came in too many pieces: nobody can go on with it.
            store::upload::forget_unfinished(&mut deed.tx, same.id).await?;
        }
        let (count, of_owner) = store::upload::of_owner(&mut deed.tx, &owner, now).await?;
        let announced = store::upload::announced(&mut deed.tx, now).await?;
        if announced.saturating_add(form.size) > ROOM
            || of_owner.saturating_add(form.size) > ROOM_OF_ONE
            || count >= OF_ONE
        {
            let told = "Too many files are on their way already. Nothing was changed; finish those, or wait a day until \
                        what nobody went on with is forgotten.";
            return Err(Error::NoRoom(told.to_owned()));
        }
        if !room::fits(form.size, store::upload::coming(&mut deed.tx, now).await?, free) {
            let told = "There is not enough room on the server’s disk for this file beside what is on its way already. \
                        Nothing was changed; the operator of Muster has to make some.";
            return Err(Error::NoRoom(told.to_owned()));
        }
        let upload = Upload {
            id: UploadId(Uuid::now_v7()),
            owner,
            by: actor.name().to_owned(),
            node,
            shared,
            file_name: file_name(&form.file_name),
            size: form.size,
            sha256,
            received: 0,
            created_at: now,
            expires_at: now.plus(UPLOAD_KEPT),
            release_id: None,
        };
        self.make_upload_file(upload.id).await?;
        store::upload::insert(&mut deed.tx, &upload).await?;
        let detail = json!({"file": upload.file_name, "size": upload.size, "sha256": upload.sha256});
        deed.commit("upload.begin", &format!("upload:{}", upload.id), &detail).await?;
        Ok(upload)
    }

    /// How large a file may be, in bytes.
    ///
    /// # Errors
    /// When the actor may not push files.
    pub async fn upload_limit(&self, actor: &Actor) -> Result<i64> {
        actor.require(Permission::ReleasePush)?;
        Ok(self.setting_number(RELEASE_MIB).await?.saturating_mul(1 << 20))
    }

    /// An upload of one's own.
    ///
    /// # Errors
    /// When the actor may not, or has none of this id on this node: it may have expired.
    pub async fn upload(&self, actor: &Actor, id: UploadId) -> Result<Upload> {
        actor.require(Permission::ReleasePush)?;
        let found = store::upload::by_id(self.db(), id).await?;
        let node = self.node().await?;
        let is_own = |upload: &Upload| upload.owner == owner_of(actor) && upload.expires_at > self.now();
        // The file of another node's is not here, unless they share it. What became a release is known everywhere.
        let is_within_reach =
            |upload: &Upload| if upload.shared { self.artifacts().is_bucket() } else { upload.node == node };
        let is_here = |upload: &Upload| upload.release_id.is_some() || is_within_reach(upload);
        let own = found.filter(|upload| is_own(upload) && is_here(upload));
        own.ok_or_else(|| Error::not_found("upload", &id.to_string()))
    }

    /// Takes a piece of a file in, at the place up to where it is here. When this returns, so much of it is durable.
    /// What came before the sender broke off is kept and counted.
    ///
    /// # Errors
    /// When the actor may not, has no such upload, the piece belongs elsewhere, somebody else sends it at this moment, the
    /// sender breaks off, more comes than was announced, or the disk is full.
    pub async fn append_upload<S, B, E>(&self, actor: &Actor, id: UploadId, offset: i64, arriving: S) -> Result<Upload>
    where
        S: Stream<Item = std::result::Result<B, E>>,
        B: AsRef<[u8]>,
        E: Display,
    {
        self.authorise(actor, Permission::ReleasePush, &format!("upload:{id}")).await?;
        let (mut file, mut upload) = self.upload_so_far(actor, id).await?;
        if upload.received != offset {
            return Err(elsewhere(offset, upload.received));
        }
        self.refuse_crumbs(&upload).await?;
        file.set_len(offset.unsigned_abs()).await.map_err(trouble)?;
        file.seek(io::SeekFrom::Start(offset.unsigned_abs())).await.map_err(trouble)?;
        let (mut here, mut problem) = (offset, None);
        pin_mut!(arriving);
        while let Some(bytes) = arriving.next().await {
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(error) => {
                    problem = Some(stopped(&error));
                    break;
                }
            };
            let bytes = bytes.as_ref();
            let next = here.saturating_add(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
            if next > upload.size {
                problem =
                    Some(Error::TooLarge(format!("More came than the {} bytes that were announced.", upload.size)));
                break;
            }
            file.write_all(bytes).await.map_err(trouble)?;
            here = next;
            if here - upload.received >= PIECE {
                self.count_received(&mut file, &mut upload, here).await?;
            }
        }
        self.count_received(&mut file, &mut upload, here).await?;
        problem.map_or(Ok(upload), Err)
    }

    /// The file of an upload with all that came of it, which nobody else here writes in meanwhile.
    pub(super) async fn upload_so_far(&self, actor: &Actor, id: UploadId) -> Result<(File, Upload)> {
        let upload = self.upload(actor, id).await?;
        if upload.shared && upload.release_id.is_none() {
            self.make_upload_file(id).await?;
        }
        let mut file = self.upload_file(id).await?;
        // Whoever wrote before this one had the file has counted what it wrote.
        let upload = self.upload(actor, id).await?;
        if upload.release_id.is_some() {
            return Err(Error::not_found("upload", &id.to_string()));
        }
        self.bring_pieces(&mut file, &upload).await?;
        Ok((file, upload))
    }

    /// Makes what is in the file durable, then says so.
    async fn count_received(&self, file: &mut File, upload: &mut Upload, here: i64) -> Result<()> {
        file.flush().await.map_err(trouble)?;
        file.sync_data().await.map_err(trouble)?;
        let piece = self.share_piece(file, upload, here).await?;
        let expires = self.now().plus(UPLOAD_KEPT).min(upload.created_at.plus(UPLOAD_LONGEST));
        if let Err(error) = self.count(upload, here, expires, piece).await {
            // Of what nobody knows whether it was counted, the piece may be.
            if let Some(piece) = piece.filter(|_| !matches!(error, Error::Unsure)) {
                self.give_piece_up(upload.id, piece).await;
            }
            return Err(error);
        }
        if upload.shared {
            self.inner.copies.note(upload.id, here);
        }
        (upload.received, upload.expires_at) = (here, expires);
        Ok(())
    }

    async fn count(&self, upload: &Upload, here: i64, expires: Timestamp, piece: Option<Uuid>) -> Result<()> {
        let mut tx = self.db().begin().await?;
        if !store::upload::received(&mut tx, upload.id, upload.received, here, expires).await? {
            return Err(beside_another());
        }
        if let Some(piece) = piece
            && !store::upload::piece::counted(&mut tx, piece, here - upload.received).await?
        {
            return Err(Error::not_found("upload", &upload.id.to_string()));
        }
        Ok(tx.commit().await?)
    }

    /// Says that what came is all of the file: for whoever could not know its size before, as a browser's form can't.
    ///
    /// # Errors
    /// When the actor may not, has no such upload, or nothing of it came.
    pub async fn end_upload(&self, actor: &Actor, id: UploadId) -> Result<Upload> {
        self.authorise(actor, Permission::ReleasePush, &format!("upload:{id}")).await?;
        let mut upload = self.upload(actor, id).await?;
        if upload.received == 0 {
            return Err(Error::field("file", "The file is empty."));
        }
        let mut tx = self.db().begin().await?;
        store::upload::end(&mut tx, id, upload.received).await?;
        tx.commit().await?;
        upload.size = upload.received;
        Ok(upload)
    }

    /// Forgets an upload of one's own.
    ///
    /// # Errors
    /// When the actor may not, or has none of this id.
    pub async fn discard_upload(&self, actor: &Actor, id: UploadId) -> Result<()> {
        let subject = format!("upload:{id}");
        self.authorise(actor, Permission::ReleasePush, &subject).await?;
        let upload = self.upload(actor, id).await?;
        let mut deed = self.allow(actor, Permission::ReleasePush, &subject).await?;
        store::upload::forget(&mut deed.tx, id).await?;
        deed.commit("upload.discard", &subject, &json!({"file": upload.file_name})).await?;
        self.remove_upload_file(id).await;
        Ok(())
    }

    /// Forgets uploads that nobody went on with for a day. To be done every few minutes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_uploads(&self) -> Result<()> {
        let node = self.node().await?;
        for upload in store::upload::expired(self.db(), self.now()).await? {
            // Another data folder's file is that one's to remove; a day later nobody will. Copies go when they are swept.
            let is_abandoned = upload.expires_at.plus(DAY) <= self.now();
            if upload.node != node && !is_abandoned && !upload.shared {
                continue;
            }
            let mut tx = self.db().begin().await?;
            let is_over = store::upload::forget_expired(&mut tx, upload.id, self.now()).await?;
            tx.commit().await?;
            if is_over {
                self.remove_upload_file(upload.id).await;
            }
        }
        Ok(())
    }

    /// Where the file of an upload lies.
    pub(super) fn upload_path(&self, id: UploadId) -> PathBuf {
        self.folder().join("uploads").join(format!("{id}.part"))
    }

    /// Makes the empty file unless it is there, and its name durable with it.
    async fn make_upload_file(&self, id: UploadId) -> Result<()> {
        let folder = self.folder().join("uploads");
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(&folder).await.map_err(trouble)?;
        let mut options = fs::OpenOptions::from(store::private::options());
        match options.write(true).create_new(true).open(self.upload_path(id)).await {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            other => other.map_err(trouble)?,
        };
        File::open(&folder).await.map_err(trouble)?.sync_all().await.map_err(trouble)
    }

    /// The file to write in, which nobody else writes in meanwhile.
    pub(super) async fn upload_file(&self, id: UploadId) -> Result<File> {
        let opened = File::options().read(true).write(true).open(self.upload_path(id)).await;
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::not_found("upload", &id.to_string()));
            }
            other => other.map_err(trouble)?.into_std().await,
        };
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(File::from_std(file)),
                // A program that this one starts has its files for a moment, and with them what was locked.
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_WAIT).await,
                Err(TryLockError::Error(error)) => return Err(trouble(error)),
            }
        }
        Err(beside_another())
    }

    pub(super) async fn remove_upload_file(&self, id: UploadId) {
        self.remove_pieces_beside(id);
        if let Err(error) = fs::remove_file(self.upload_path(id)).await
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, upload = %id, "the file of an upload that is over was not removed");
        }
    }
}

pub(super) fn beside_another() -> Error {
    let told = "Another request has this file at the moment: it sends it, or makes a release of it. Try again in a \
                moment; whoever sends a piece asks first how much of it is here.";
    Error::Conflict(told.to_owned())
}

fn elsewhere(offset: i64, received: i64) -> Error {
    Error::Conflict(format!("{received} bytes of this file are here, so it does not go on at byte {offset}."))
}

fn stopped(error: &impl Display) -> Error {
    Error::Conflict(format!("The upload stopped before its end ({error}). What came is kept; go on from there."))
}

/// Whether an upload is whole.
pub(super) fn is_whole(upload: &Upload) -> bool {
    upload.received == upload.size
}
