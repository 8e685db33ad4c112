//! Checks: what pipelines say of a release, and what we find of its files again.

use super::{ring, signer, signer::refused, subject_of};
use crate::{Actor, Error, Fleet, Result};
use domain::{
    id::{ReleaseId, ReleaseStepId},
    person::Permission,
    release::{CHECK_URL_MAX, CHECKS_MAX, Check, CheckState, Release, Stage, check_name},
};
use serde::Deserialize;
use serde_json::json;
use store::artifact::Artifact;
use uuid::Uuid;

/// How a check of a release ended, as a program says it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CheckForm {
    /// Its name, as models' rules name it.
    pub name: String,
    /// How it ended.
    pub state: CheckState,
    /// Where more is said about it; may be empty.
    #[serde(default)]
    pub url: String,
}

impl Fleet {
    /// Enters how a check ended. What was said of it before stays on record; the last one counts.
    ///
    /// # Errors
    /// When the actor may not, there is no such release, it is withdrawn, a field is wrong, or it was told too often.
    pub async fn report_check(&self, actor: &Actor, id: ReleaseId, form: &CheckForm) -> Result<Check> {
        let subject = subject_of(id);
        self.authorise(actor, Permission::ReleasePush, &subject).await?;
        let name = check_name(&form.name)
            .map_err(|error| Error::field("name", format!("This can't be a check's name: {error}.")))?;
        let url = form.url.trim();
        let is_url = url.is_empty() || url.starts_with("https://") || url.starts_with("http://");
        if !is_url || url.chars().count() > CHECK_URL_MAX || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            let told =
                format!("Give an address that begins with https://, of at most {CHECK_URL_MAX} characters, or none.");
            return Err(Error::field("url", told));
        }
        self.kept_release(id).await?;
        let mut deed = self.allow(actor, Permission::ReleasePush, &subject).await?;
        let held = store::release::hold(&mut deed.tx, id).await?;
        let release = held.ok_or_else(|| Error::not_found("release", &id.to_string()))?;
        if release.stage == Stage::Withdrawn {
            return Err(Error::Conflict("This release was withdrawn; nothing is checked of it any more.".to_owned()));
        }
        if usize::try_from(store::release::count_checks(&mut deed.tx, id).await?).unwrap_or(usize::MAX) >= CHECKS_MAX {
            return Err(Error::Conflict(format!(
                "Checks of this release were told of {CHECKS_MAX} times, which is the most."
            )));
        }
        let (at, by) = (self.now(), actor.name().to_owned());
        let check = Check { name: name.to_owned(), state: form.state, url: url.to_owned(), at, by };
        store::release::add_check(&mut deed.tx, id, ReleaseStepId(Uuid::now_v7()), &check).await?;
        ring(&mut deed, id).await?;
        deed.commit("release.check", &subject, &json!({"name": name, "state": form.state, "url": url})).await?;
        Ok(check)
    }

    /// Reads the files of a release whole again, with all that was checked when they came: for before a device first
    /// gets one of them.
    ///
    /// # Errors
    /// Refuses with the reason: it was withdrawn, a file is missing or was altered, a signature or who signed doesn't
    /// count any more.
    pub async fn release_checked(&self, id: ReleaseId) -> Result<(Release, Vec<Artifact>)> {
        let release = self.kept_release(id).await?;
        not_withdrawn(&release)?;
        let files = self.check_release(&release).await?;
        Ok((release, files))
    }

    /// The same without reading the files: whether the release may still be given, for whoever gives it again and again.
    ///
    /// # Errors
    /// Refuses with the reason.
    pub async fn release_stands(&self, id: ReleaseId) -> Result<()> {
        not_withdrawn(&self.kept_release(id).await?)?;
        let files = store::artifact::of_release(self.db(), id).await?;
        for file in files {
            signer::check(self.db(), &file.signers, self.now()).await?;
        }
        Ok(())
    }

    /// Reads the files of a release whole again.
    pub(super) async fn check_release(&self, release: &Release) -> Result<Vec<Artifact>> {
        let files = store::artifact::of_release(self.db(), release.id).await?;
        if files.is_empty() {
            return Err(refused("the release has no file"));
        }
        for file in &files {
            let content = self.artifacts().read(&file.sha256).await?;
            let found = self.inspect_file(content, &file.file_name).await?;
            if (&found.sha256, &found.sha1, &found.md5, found.size) != (&file.sha256, &file.sha1, &file.md5, file.size)
            {
                return Err(refused(format!("“{}” on the shelf is not the file that was pushed", file.file_name)));
            }
            signer::check(self.db(), &found.signers, self.now()).await?;
        }
        Ok(files)
    }
}

fn not_withdrawn(release: &Release) -> Result<()> {
    if release.stage == Stage::Withdrawn {
        return Err(Error::Conflict(format!("The release {} was withdrawn.", release.title())));
    }
    Ok(())
}

/// The last that was told of each check, by name.
pub(super) fn latest(all: &[Check]) -> Vec<Check> {
    let mut last: Vec<Check> = Vec::new();
    for check in all {
        match last.iter_mut().find(|known| known.name == check.name) {
            Some(known) => known.clone_from(check),
            None => last.push(check.clone()),
        }
    }
    last.sort_by(|a, b| a.name.cmp(&b.name));
    last
}
