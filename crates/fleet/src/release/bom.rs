//! Bills of materials of releases: attaching one, and what it lists.

use super::{ring, subject_of};
use crate::{Actor, Error, Fleet, Result};
use bytes::Bytes;
use domain::{
    id::ReleaseId,
    person::Permission,
    release::{BomComponent, BomFormat, read_bom},
};
use futures::TryStreamExt;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::sbom::{Sbom, Sought};

/// A document as it was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedBom {
    /// How it is written.
    pub format: BomFormat,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The document.
    pub document: Bytes,
}

impl Fleet {
    /// Attaches a bill of materials to a release: CycloneDX or SPDX 2 in JSON. A release has one; the same once more is
    /// attached already.
    ///
    /// # Errors
    /// When the actor may not, there is no such release, the document can't be read, or the release has another one.
    pub async fn attach_sbom(&self, actor: &Actor, id: ReleaseId, document: Bytes) -> Result<Sbom> {
        let subject = subject_of(id);
        self.authorise(actor, Permission::ReleasePush, &subject).await?;
        let release = self.kept_release(id).await?;
        let sha256 = hex::encode(Sha256::digest(&document));
        let content = document.clone();
        // A large one takes a while, which others must not wait for.
        let read = tokio::task::spawn_blocking(move || read_bom(&content)).await.map_err(Error::internal)?;
        let bom = read.map_err(|error| {
            let told = error.to_string();
            let mut letters = told.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            Error::field("sbom", format!("{first}{}.", letters.as_str()))
        })?;
        // What would be refused anyway is not kept.
        if let Some(known) = store::sbom::of_release(self.db(), id).await?.filter(|known| known.sha256 != sha256) {
            return Err(has_one(&release.title(), &known));
        }
        self.artifacts().keep_bytes(document.clone(), &sha256).await?;
        let sbom = Sbom {
            format: bom.format,
            sha256: sha256.clone(),
            size: i64::try_from(document.len()).unwrap_or(i64::MAX),
            components: i64::try_from(bom.components.len()).unwrap_or(i64::MAX),
            at: self.now(),
            by: actor.name().to_owned(),
        };
        let mut deed = self.allow(actor, Permission::ReleasePush, &subject).await?;
        store::release::hold(&mut deed.tx, id).await?;
        if let Some(known) = store::sbom::of_release_within(&mut deed.tx, id).await? {
            if known.sha256 == sha256 {
                return Ok(known);
            }
            return Err(has_one(&release.title(), &known));
        }
        store::sbom::insert(&mut deed.tx, id, &sbom, &bom.components).await?;
        ring(&mut deed, id).await?;
        let detail = json!({"format": sbom.format, "sha256": sha256, "components": sbom.components});
        deed.commit("release.sbom", &subject, &detail).await?;
        Ok(sbom)
    }

    /// What a release is made of, by name, after the nth component; only what is sought, if something is.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn sbom_components(
        &self,
        actor: &Actor,
        id: ReleaseId,
        sought: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<BomComponent>> {
        actor.require(Permission::FleetRead)?;
        let sought = (!sought.trim().is_empty()).then(|| Sought::new(sought));
        Ok(store::sbom::components(self.db(), id, sought.as_ref(), after, limit.clamp(1, 500)).await?)
    }

    /// The document as it was attached.
    ///
    /// # Errors
    /// When the actor may not see the fleet, there is no such release, or it has none.
    pub async fn sbom_document(&self, actor: &Actor, id: ReleaseId) -> Result<AttachedBom> {
        actor.require(Permission::FleetRead)?;
        let release = self.kept_release(id).await?;
        let sbom = store::sbom::of_release(self.db(), id).await?;
        let sbom = sbom.ok_or_else(|| Error::not_found("bill of materials of", &release.title()))?;
        let pieces = self.artifacts().stream(&sbom.sha256, 0..sbom.size.unsigned_abs()).await?;
        let document: Vec<u8> = pieces
            .try_fold(Vec::new(), async |mut whole, piece| {
                whole.extend_from_slice(&piece);
                Ok(whole)
            })
            .await?;
        Ok(AttachedBom { format: sbom.format, sha256: sbom.sha256, document: document.into() })
    }
}

fn has_one(title: &str, known: &Sbom) -> Error {
    Error::Conflict(format!(
        "{title} has a bill of materials already, attached by {}; what a release is made of doesn't change.",
        known.by
    ))
}
