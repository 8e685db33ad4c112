//! Notes and photos.

use super::{RepairCase, RepairPhoto, held, note, ring, subject_of, text_of};
use crate::{Actor, Deed, Error, Fleet, Result};
use domain::{
    id::PhotoId,
    person::Permission,
    repair::{NOTE_MAX, PHOTO_MAX, PHOTOS_MAX},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::repair::attached;
use uuid::Uuid;

impl Fleet {
    /// Writes a note on a repair, open or over.
    ///
    /// # Errors
    /// When the actor may not, there is no such repair, or the note is empty or too long.
    pub async fn note_repair(&self, actor: &Actor, code: &str, text: &str) -> Result<()> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let text = text_of("text", text, NOTE_MAX, "Write a note.")?;
        let case = self.kept_repair(code).await?;
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let mut case = held(&mut deed, &case).await?;
        note(&mut deed, case.id, text).await?;
        touch(&mut deed, &mut case).await?;
        ring(&mut deed, &case).await?;
        deed.commit("repair.note", &subject, &json!({"text": text})).await
    }

    /// Keeps a photo of a repair. The same picture is kept once, however often it is sent.
    ///
    /// # Errors
    /// When the actor may not, there is no such repair, it has as many photos as it may, or the file is no JPEG, PNG or
    /// WebP or is larger than [`PHOTO_MAX`].
    pub async fn add_repair_photo(
        &self,
        actor: &Actor,
        code: &str,
        caption: &str,
        content: Vec<u8>,
    ) -> Result<PhotoId> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let caption = text_of("caption", caption, 200, "")?;
        let kind = kind_of(&content)?;
        let case = self.kept_repair(code).await?;
        let sha256 = hex::encode(Sha256::digest(&content));
        let bytes = i64::try_from(content.len()).unwrap_or(i64::MAX);
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let mut case = held(&mut deed, &case).await?;
        if let Some(same) = attached::same_photo(&mut deed.tx, case.id, &sha256).await? {
            return Ok(same);
        }
        if attached::count_photos(&mut deed.tx, case.id).await? >= PHOTOS_MAX {
            return Err(too_many());
        }
        let id = PhotoId(Uuid::now_v7());
        let photo = RepairPhoto {
            id,
            at: self.now(),
            by: actor.name().to_owned(),
            sha256: sha256.clone(),
            kind: kind.to_owned(),
            bytes,
            caption: caption.to_owned(),
        };
        attached::add_photo(&mut deed.tx, case.id, &photo, &content).await?;
        touch(&mut deed, &mut case).await?;
        ring(&mut deed, &case).await?;
        let detail = json!({"photo": id, "sha256": sha256, "kind": kind, "bytes": bytes, "caption": caption});
        deed.commit("repair.photo", &subject, &detail).await?;
        Ok(id)
    }

    /// A photo of a repair: its media type and the picture.
    ///
    /// # Errors
    /// When the actor may not see it, there is no such photo, or its picture was lost.
    pub async fn repair_photo(&self, actor: &Actor, code: &str, id: PhotoId) -> Result<(String, Vec<u8>)> {
        actor.require(Permission::FleetRead)?;
        let case = self.kept_repair(code).await?;
        let missing = || Error::not_found("photo", &id.to_string());
        let photo = attached::photo(self.db(), case.id, id).await?.ok_or_else(missing)?;
        let content = attached::picture(self.db(), &photo.sha256).await?;
        if content.is_none() {
            tracing::warn!(photo = %id, sha256 = photo.sha256, "a photo has no picture");
        }
        Ok((photo.kind, content.ok_or_else(missing)?))
    }
}

/// Says that something of a case changed now.
async fn touch(deed: &mut Deed<'_>, case: &mut RepairCase) -> Result<()> {
    case.updated_at = deed.fleet().now();
    Ok(store::repair::update(&mut deed.tx, case).await?)
}

/// What a picture is, by how it begins: what a browser calls a file proves nothing.
fn kind_of(content: &[u8]) -> Result<&'static str> {
    if content.len() > PHOTO_MAX {
        return Err(Error::field("photo", format!("A photo may have {} MB.", PHOTO_MAX / 1024 / 1024)));
    }
    match content {
        [0xff, 0xd8, 0xff, ..] => Ok("image/jpeg"),
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Ok("image/png"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok("image/webp"),
        [] => Err(Error::field("photo", "Choose a photo.")),
        _ => Err(Error::field("photo", "This is no JPEG, PNG or WebP picture.")),
    }
}

fn too_many() -> Error {
    Error::field("photo", format!("A repair keeps up to {PHOTOS_MAX} photos."))
}

#[cfg(test)]
mod tests {
    use super::kind_of;

    #[test]
    fn a_picture_is_known_by_its_beginning() {
        assert_eq!(kind_of(b"\xff\xd8\xff\xe0").ok(), Some("image/jpeg"));
        assert_eq!(kind_of(b"\x89PNG\r\n\x1a\n").ok(), Some("image/png"));
        assert_eq!(kind_of(b"RIFF....WEBPVP8 ").ok(), Some("image/webp"));
        for other in [&b""[..], b"GIF89a", b"<svg onload=alert(1)>", b"RIFF....WAVE", b"\xff\xd8"] {
            assert!(kind_of(other).is_err(), "{other:?}");
        }
    }
}
