//! Releases: how files get here, what a release is made of, and how it goes on from dev to production.
//!
//! A file comes in pieces and is durable as far as it is counted ([`upload`]). It is read whole and its signature checked
//! ([`inspect`]), put on the shelf by its SHA-256 ([`shelf`]), and then the release is made in one deed ([`push`]). What was
//! checked once is checked again at each promotion ([`promote`]) and before the first delivery ([`Fleet::release_checked`]):
//! files rot, and signers are revoked.

mod again;
mod bom;
mod check;
mod inspect;
mod pieces;
mod promote;
mod push;
mod read;
mod room;
mod rule;
mod shelf;
mod signer;
mod sweep;
mod upload;

pub use bom::AttachedBom;
pub use check::CheckForm;
pub(crate) use pieces::Copies;
pub use promote::{Promoted, PromotionForm};
pub use push::{Pushed, ReleaseForm};
pub use read::{NextStage, ReleaseDetail, ReleaseFilter, ReleasePage, ReleaseRow};
pub use rule::{ModelStage, ModelStages, StageForm};
pub(crate) use shelf::{Artifacts, for_backups};
pub use shelf::{Bucket, BucketCredentials, ShelfPlace, Unreached};
pub use store::{
    artifact::{Artifact, ArtifactImage, ArtifactSigner},
    release::ReleaseStep,
    sbom::Sbom,
    upload::Upload,
};
pub use upload::{UPLOAD_KEPT, UploadForm};

use crate::{Deed, Error, Fleet, Result};
use domain::{
    id::ReleaseId,
    release::{REASON_MAX, Release},
};

/// What a release is called in the audit log, in approvals and by the bell.
fn subject_of(id: ReleaseId) -> String {
    format!("release:{id}")
}

/// Tells whoever shows it or rolls it out.
async fn ring(deed: &mut Deed<'_>, id: ReleaseId) -> Result<()> {
    deed.ring("release", &id.to_string()).await
}

/// A reason as it is kept.
fn reason_of<'a>(text: &'a str, missing: &str) -> Result<&'a str> {
    let text = text.trim();
    if text.chars().count() > REASON_MAX {
        return Err(Error::field("reason", format!("Keep the reason under {REASON_MAX} characters.")));
    }
    if text.is_empty() && !missing.is_empty() {
        return Err(Error::field("reason", missing));
    }
    Ok(text)
}

impl Fleet {
    pub(crate) async fn kept_release(&self, id: ReleaseId) -> Result<Release> {
        let found = store::release::by_id(self.db(), id).await?;
        found.ok_or_else(|| Error::not_found("release", &id.to_string()))
    }
}
