//! A push of what is there already: the same file leads to its release, and what is another is refused.

use super::{Upload, inspect::Found, subject_of};
use crate::{Actor, Error, Fleet, Result, release::Pushed};
use domain::{
    person::Permission,
    release::{Release, Stage},
};
use serde_json::json;

impl Fleet {
    /// The release that the same upload became by another request, which then removed the file; else what is wrong stays so.
    pub(super) async fn made_meanwhile(
        &self,
        actor: &Actor,
        upload: &Upload,
        asked: &Release,
        why: Error,
    ) -> Result<Pushed> {
        match self.upload(actor, upload.id).await {
            Ok(Upload { release_id: Some(id), .. }) => already(self.kept_release(id).await?, asked),
            _ => Err(why),
        }
    }

    /// A push of what is there already: the same file leads to it, another one is refused.
    pub(super) async fn same_release(
        &self,
        actor: &Actor,
        upload: &Upload,
        known: &Release,
        asked: &Release,
        found: &Found,
    ) -> Result<Pushed> {
        let pushed = self.is_of_it(known, asked, found).await?;
        let mut deed = self.allow(actor, Permission::ReleasePush, &subject_of(pushed.release.id)).await?;
        // Not noted where the upload was discarded meanwhile or became another release: this one is there all the same.
        let _ = store::upload::used(&mut deed.tx, upload.id, pushed.release.id).await?;
        let detail = json!({"again": true, "sha256": found.sha256});
        deed.commit("release.push", &subject_of(pushed.release.id), &detail).await?;
        self.remove_upload_file(upload.id).await;
        Ok(pushed)
    }

    /// The release that there is of this name, if this is its file.
    pub(super) async fn is_of_it(&self, known: &Release, asked: &Release, found: &Found) -> Result<Pushed> {
        let files = store::artifact::of_release(self.db(), known.id).await?;
        if !files.iter().any(|file| file.sha256 == found.sha256) {
            let told = format!(
                "There is a release {} already, of another file. Give this one another version.",
                known.title()
            );
            return Err(Error::Conflict(told));
        }
        already(known.clone(), asked)
    }
}

/// What is there already, unless it was asked for with other models, which a release never changes.
pub(super) fn already(known: Release, asked: &Release) -> Result<Pushed> {
    if (&known.product, &known.version) != (&asked.product, &asked.version) {
        return Err(Error::Conflict(format!("The release {} was made of this upload.", known.title())));
    }
    if known.stage == Stage::Withdrawn {
        return Err(withdrawn(&known.title()));
    }
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names
    };
    if sorted(&known.models) != sorted(&asked.models) || sorted(&known.revisions) != sorted(&asked.revisions) {
        let told = format!(
            "There is a release {} of this file already, for other models or revisions. Give this one another version.",
            known.title()
        );
        return Err(Error::Conflict(told));
    }
    Ok(Pushed { release: known, fresh: false })
}

/// A file that was withdrawn comes back under no name.
pub(super) fn withdrawn(title: &str) -> Error {
    let told = format!("This is the file of {title}, which was withdrawn for good. Make another one.");
    Error::Conflict(told)
}
