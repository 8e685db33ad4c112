//! What rollouts send: a release with its files, as far as devices and rules need to know.

use crate::{Fleet, Result};
use domain::{id::ReleaseId, release::ArtifactKind, rollout::Fits};
use store::artifact::Artifact;

/// A release as devices get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deliverable {
    /// The release.
    pub id: ReleaseId,
    /// `gateway-os 2.4.1`.
    pub title: String,
    /// What it is a release of.
    pub product: String,
    /// What kind of files it is made of.
    pub kind: ArtifactKind,
    /// Whom it fits.
    pub fits: Fits,
    /// Its files, in the order of their numbers.
    pub artifacts: Vec<Artifact>,
}

impl Deliverable {
    /// The number by which devices know its files together: that of the first. 0 without files.
    #[must_use]
    pub fn module(&self) -> i64 {
        self.artifacts.first().map_or(0, |artifact| artifact.number)
    }
}

impl Fleet {
    /// A release as devices get it; none when there is no such release.
    pub(crate) async fn deliverable(&self, id: ReleaseId) -> Result<Option<Deliverable>> {
        let Some(release) = store::release::by_id(self.db(), id).await? else { return Ok(None) };
        let mut artifacts = store::artifact::of_release(self.db(), id).await?;
        artifacts.sort_by_key(|artifact| artifact.number);
        let models = store::batch::models(self.db()).await?;
        let models = models.iter().filter(|model| release.models.contains(&model.name)).map(|model| model.id);
        let fits = Fits {
            version: release.version.clone(),
            models: models.collect(),
            revisions: release.revisions.clone(),
            stage: release.stage.as_str().to_owned(),
        };
        let title = release.title();
        Ok(Some(Deliverable { id, title, product: release.product, kind: release.kind, fits, artifacts }))
    }
}
