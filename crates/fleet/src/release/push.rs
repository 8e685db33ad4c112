//! Making a release of files that came: checked whole, put on the shelf, and entered in one deed.

use super::{
    Upload,
    again::{already, withdrawn},
    inspect::Found,
    ring, room,
    shelf::Adopted,
    signer,
    signer::refused,
    subject_of,
    upload::{beside_another, is_whole},
};
use crate::{Actor, Error, FieldError, Fleet, Result, webhook};
use domain::{
    audit::Outcome,
    id::{ReleaseId, ReleaseStepId, UploadId},
    person::Permission,
    release::{ArtifactKind, MODELS_MAX, NOTES_MAX, REVISIONS_MAX, Release, Stage, check_name},
    webhook::EventKind,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::Seek;
use store::{StoreError, artifact::Artifact, release::ReleaseStep};
use tokio::io::AsyncSeekExt;
use uuid::Uuid;

/// What begins a hardware revision that is a pattern, as SWUpdate writes it.
const PATTERN: &str = "#RE:";

/// A release to be made, as a form or a program gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleaseForm {
    /// What it is a release of.
    pub product: String,
    /// Its version, as the file says it and devices will report it.
    pub version: String,
    /// The names of the models that it fits.
    pub models: Vec<String>,
    /// The hardware revisions that it fits; none for all.
    pub revisions: Vec<String>,
    /// What is new in it.
    pub notes: String,
}

/// What came of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The release.
    pub release: Release,
    /// Whether it was made now; false when the same file was there already.
    pub fresh: bool,
}

impl Fleet {
    /// Makes a release of a file that was uploaded: in stage dev, for the models that it names. The same file once more for
    /// the same product and version is there already.
    ///
    /// # Errors
    /// When the actor may not, a field is wrong, the upload is not whole, the file is refused, or product and version are
    /// those of another file.
    pub async fn push_release(&self, actor: &Actor, form: &ReleaseForm, upload: UploadId) -> Result<Pushed> {
        self.authorise(actor, Permission::ReleasePush, "release").await?;
        let upload = self.upload(actor, upload).await?;
        let release = self.read_form(actor, form).await?;
        if let Some(id) = upload.release_id {
            return already(self.kept_release(id).await?, &release);
        }
        if !is_whole(&upload) {
            let (here, size) = (upload.received, upload.size);
            return Err(Error::Conflict(format!("The upload is not whole: {here} of {size} bytes are here.")));
        }
        let found = match self.look_into(actor, &upload).await {
            Ok(found) => found,
            Err(error) => {
                let made = self.made_meanwhile(actor, &upload, &release, error).await;
                if let Err(error) = &made {
                    self.refuse_upload(actor, &upload, &release, error).await?;
                }
                return made;
            }
        };
        fits(&release, &found)?;
        let asked = Release { kind: found.kind, ..release };
        match self.keep_release(actor, &upload, asked.clone(), found).await {
            Err(error @ (Error::NotFound { .. } | Error::Conflict(_))) => {
                self.made_meanwhile(actor, &upload, &asked, error).await
            }
            kept => kept,
        }
    }

    /// The release as the form says it, with all that is wrong with it.
    async fn read_form(&self, actor: &Actor, form: &ReleaseForm) -> Result<Release> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, message: String| wrong.push(FieldError { field: field.to_owned(), message });
        for (field, text) in [("product", &form.product), ("version", &form.version)] {
            if let Err(error) = check_name(text) {
                say(field, format!("This can't be a {field}: {error}."));
            }
        }
        let (models, revisions) = (listed(&form.models), listed(&form.revisions));
        let known = store::batch::models(self.db()).await?;
        match models.iter().find(|name| !known.iter().any(|model| model.name == **name)) {
            Some(name) => say("models", format!("There is no model “{}”.", cut(name))),
            None if models.is_empty() || models.len() > MODELS_MAX => {
                say("models", format!("Name the models that it fits: 1 to {MODELS_MAX}."));
            }
            None => {}
        }
        if revisions.len() > REVISIONS_MAX || revisions.iter().any(|name| name.chars().count() > 64) {
            say(
                "revisions",
                format!("Name at most {REVISIONS_MAX} hardware revisions, of at most 64 characters each."),
            );
        }
        let notes = form.notes.trim().replace("\r\n", "\n");
        if notes.chars().count() > NOTES_MAX {
            say("notes", format!("Keep the notes under {NOTES_MAX} characters."));
        }
        if !wrong.is_empty() {
            return Err(Error::Invalid { fields: wrong });
        }
        Ok(Release {
            id: ReleaseId(Uuid::now_v7()),
            product: form.product.trim().to_owned(),
            version: form.version.trim().to_owned(),
            kind: ArtifactKind::Swu,
            models,
            revisions,
            notes,
            stage: Stage::Dev,
            stage_at: self.now(),
            created_by: actor.name().to_owned(),
            created_at: self.now(),
        })
    }

    /// The file, checked whole, and its signers as they stand at this moment.
    async fn look_into(&self, actor: &Actor, upload: &Upload) -> Result<Found> {
        let file = if upload.shared {
            // As it is open now: another file may have that name by the time it is read.
            let (file, _) = self.upload_so_far(actor, upload.id).await?;
            let mut file = file.into_std().await;
            file.rewind().and_then(|()| file.unlock()).map_err(super::shelf::trouble)?;
            file
        } else {
            std::fs::File::open(self.upload_path(upload.id)).map_err(|error| gone(upload, error))?
        };
        let found = self.inspect_file(Box::new(file), &upload.file_name).await?;
        if !upload.sha256.is_empty() && upload.sha256 != found.sha256 {
            return Err(refused(
                "the file was damaged on its way: it has another SHA-256 than was announced; send it again",
            ));
        }
        signer::check(self.db(), &found.signers, self.now()).await?;
        Ok(found)
    }

    /// A file that is refused is not kept, and who sent it is on record.
    async fn refuse_upload(&self, actor: &Actor, upload: &Upload, release: &Release, error: &Error) -> Result<()> {
        if !matches!(error, Error::Invalid { .. }) {
            return Ok(());
        }
        let detail = json!({
            "refused": error.to_string(), "file": upload.file_name, "size": upload.size, "product": release.product,
            "version": release.version,
        });
        let subject = format!("upload:{}", upload.id);
        self.audit_alone(actor, Permission::ReleasePush.as_str(), &subject, Outcome::Denied, &detail.to_string())
            .await?;
        let mut tx = self.db().begin().await?;
        let is_forgotten = store::upload::forget_unfinished(&mut tx, upload.id).await?;
        tx.commit().await?;
        if is_forgotten || store::upload::by_id(self.db(), upload.id).await?.is_none() {
            self.remove_upload_file(upload.id).await;
        }
        Ok(())
    }

    async fn keep_release(&self, actor: &Actor, upload: &Upload, release: Release, mut found: Found) -> Result<Pushed> {
        let known = store::release::by_name(self.db(), &release.product, &release.version).await?;
        if let Some(known) = &known {
            self.is_of_it(known, &release, &found).await?;
        }
        // Whatever becomes of the deed: what is on the shelf and in no release is nobody's, and harms nobody.
        self.put_on_shelf(actor, upload, &found).await?;
        if let Some(known) = known {
            return self.same_release(actor, upload, &known, &release, &found).await;
        }
        let subject = subject_of(release.id);
        let mut deed = self.allow(actor, Permission::ReleasePush, &subject).await?;
        signer::check_within(&mut deed.tx, &found.signers, self.now()).await?;
        if let Some(title) = store::artifact::withdrawn(&mut deed.tx, &found.sha256).await? {
            return Err(withdrawn(&title));
        }
        match store::release::insert(&mut deed.tx, &release).await {
            // Somebody else pushed it at this moment.
            Err(StoreError::Exists) => {
                drop(deed);
                let known = store::release::by_name(self.db(), &release.product, &release.version).await?;
                let known = known.ok_or(Error::Busy)?;
                return self.same_release(actor, upload, &known, &release, &found).await;
            }
            other => other?,
        }
        let step = ReleaseStep {
            id: ReleaseStepId(Uuid::now_v7()),
            at: release.created_at,
            before: None,
            stage: Stage::Dev,
            by: actor.name().to_owned(),
            approved_by: String::new(),
            reason: String::new(),
            gates: Vec::new(),
        };
        store::release::enter(&mut deed.tx, release.id, &step).await?;
        let detail = json!({
            "product": release.product, "version": release.version, "models": release.models,
            "revisions": release.revisions, "file": upload.file_name, "size": found.size, "sha256": found.sha256,
            "signers": found.signers,
        });
        let members = std::mem::take(&mut found.members);
        let number = store::artifact::insert(&mut deed.tx, &artifact_of(&release, upload, found)).await?;
        if release.kind.is_repository() {
            match store::member::insert(&mut deed.tx, number, self.now(), &members).await {
                // Another set was entered at this very moment.
                Err(StoreError::Exists) => return Err(Error::Busy),
                other => other?,
            }
        }
        if !store::upload::used(&mut deed.tx, upload.id, release.id).await? {
            // At this moment somebody else made another release of it, or discarded it, or its time was over.
            return Err(Error::not_found("upload", &upload.id.to_string()));
        }
        webhook::tell(&mut deed.tx, self.now(), EventKind::ReleasePushed, &release.id.to_string()).await?;
        ring(&mut deed, release.id).await?;
        deed.commit("release.push", &subject, &detail).await?;
        self.remove_upload_file(upload.id).await;
        Ok(Pushed { release, fresh: true })
    }

    async fn put_on_shelf(&self, actor: &Actor, upload: &Upload, found: &Found) -> Result<()> {
        let (shelf, path) = (self.artifacts(), self.upload_path(upload.id));
        // Nobody writes in it while this is held, and whoever comes later finds it whole.
        let file = self.upload_file(upload.id).await?.into_std().await;
        self.must_be_as_it_was(actor, upload).await?;
        let copied = file.try_clone().map_err(super::shelf::trouble)?;
        match shelf.adopt(file, path, &found.sha256).await? {
            Adopted::OnShelf => {}
            Adopted::Gone => return Err(Error::not_found("upload", &upload.id.to_string())),
            Adopted::NeedsCopy => {
                if shelf.is_folder() {
                    self.room_for_copy(found.size).await?;
                }
                let mut copied = tokio::fs::File::from_std(copied);
                copied.rewind().await.map_err(super::shelf::trouble)?;
                shelf.keep(copied, &found.sha256).await?;
            }
        }
        self.inner.rollouts.believe();
        Ok(())
    }

    /// Refuses an upload that is another by now: whoever had its file meanwhile may have gone on with it, or made a release of it.
    async fn must_be_as_it_was(&self, actor: &Actor, upload: &Upload) -> Result<()> {
        let now = self.upload(actor, upload.id).await?;
        if now.release_id.is_some() {
            return Err(Error::not_found("upload", &upload.id.to_string()));
        }
        let is_same = (now.received, now.size) == (upload.received, upload.size);
        if is_same { Ok(()) } else { Err(beside_another()) }
    }

    /// Whether the shelf's disk, which the database may be on, has room for a second one of this file.
    async fn room_for_copy(&self, size: i64) -> Result<()> {
        let free = room::free(self.folder().join("artifacts")).await?;
        let mut tx = self.db().begin().await?;
        let coming = store::upload::coming(&mut tx, self.now()).await?;
        drop(tx);
        if room::fits(size, coming, free) {
            return Ok(());
        }
        let told = "There is not enough room on the server’s disk to put this file on the shelf. It is kept as an upload; the \
                    operator of Muster has to make some, then push it again.";
        Err(Error::NoRoom(told.to_owned()))
    }
}

/// Why the file of an upload can't be had.
fn gone(upload: &Upload, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found("upload", &upload.id.to_string()),
        _ => super::shelf::trouble(error),
    }
}

/// What the file says of itself must be what the form says of it: devices will report the file's version, and refuse
/// hardware that it doesn't name.
fn fits(release: &Release, found: &Found) -> Result<()> {
    let mut wrong = Vec::new();
    if let Some(says) = found.version.as_deref().filter(|says| *says != release.version) {
        let message = format!("The file says of itself that it is version {}.", cut(says));
        wrong.push(FieldError { field: "version".to_owned(), message });
    }
    // RAUC's “compatible” names a system, not a revision of one.
    let is_of_revisions = found.kind == ArtifactKind::Swu;
    let is_pattern = found.hardware.iter().any(|name| name.starts_with(PATTERN));
    let missing = release.revisions.iter().find(|name| !found.hardware.contains(name));
    if let Some(name) = missing.filter(|_| is_of_revisions && !is_pattern && !found.hardware.is_empty()) {
        let (name, only) = (cut(name), cut(&found.hardware.join(", ")));
        let message = format!("The file is not for revision {name}: its hardware-compatibility names {only}.");
        wrong.push(FieldError { field: "revisions".to_owned(), message });
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid { fields: wrong }) }
}

fn artifact_of(release: &Release, upload: &Upload, found: Found) -> Artifact {
    Artifact {
        number: 0,
        release_id: release.id,
        file_name: upload.file_name.clone(),
        size: found.size,
        md5: found.md5,
        sha1: found.sha1,
        sha256: found.sha256,
        signers: found.signers,
        hardware: found.hardware,
        images: found.images,
        checked_at: release.created_at,
    }
}

/// Names without spaces around them, each once; empty ones are none.
fn listed(names: &[String]) -> Vec<String> {
    let mut listed: Vec<String> = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        if !listed.iter().any(|known| known == name) {
            listed.push(name.to_owned());
        }
    }
    listed
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
