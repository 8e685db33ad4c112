//! Reading releases: lists, one with all that belongs to it, and what its gates say now.

use super::{check::latest, rule::rule_of, subject_of};
use crate::{Actor, Deed, Error, Fleet, Result, approval::ApprovalRow};
use domain::{
    approval::ApprovalState,
    id::ReleaseId,
    person::Permission,
    release::{Check, Facts, GateResult, ModelFacts, Release, Stage, may_promote},
    time::Timestamp,
};
use store::{
    artifact::Artifact,
    release::{ReleaseStep, Which},
    sbom::{Sbom, Sought},
};

/// How many releases a page shows when nothing is said, and at most.
const PAGE: i64 = 50;
const PAGE_MAX: i64 = 200;

/// Which releases a list shows. Of several wishes the first counts: what it holds, the stage, the product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseFilter {
    /// A component, as `openssl` or `openssl@3.0`; empty for all.
    pub sbom: String,
    /// A stage.
    pub stage: Option<Stage>,
    /// A product; empty for all.
    pub product: String,
}

/// The stage after the present one, and what stands before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStage {
    /// The stage.
    pub to: Stage,
    /// What its gates say now.
    pub gates: Vec<GateResult>,
}

/// A release as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    /// The release.
    pub release: Release,
    /// What stands before the next stage, if there is one.
    pub next: Option<NextStage>,
}

/// A page of releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleasePage {
    /// The releases, newest first.
    pub rows: Vec<ReleaseRow>,
    /// After which one the next page begins, if there is one.
    pub next: Option<ReleaseId>,
}

/// A release with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseDetail {
    /// The release.
    pub release: Release,
    /// Its files.
    pub files: Vec<Artifact>,
    /// Its steps, oldest first.
    pub steps: Vec<ReleaseStep>,
    /// The last that was told of each check, by name.
    pub checks: Vec<Check>,
    /// What it is made of, if that was said.
    pub sbom: Option<Sbom>,
    /// What stands before the next stage, if there is one.
    pub next: Option<NextStage>,
    /// The approval that was last asked for, if it waits, was rejected or became void.
    pub approval: Option<ApprovalRow>,
    /// Why it can't be given to devices any more, where who signed it is cut off or their certificate has ended.
    pub unsafe_because: Option<String>,
}

/// What the gates of a release are decided by.
pub(super) struct OwnedFacts {
    models: Vec<ModelFacts>,
    checks: Vec<Check>,
}

impl OwnedFacts {
    pub(super) fn borrowed<'a>(&'a self, release: &Release, now: Timestamp) -> Facts<'a> {
        Facts { stage: release.stage, since: release.stage_at, models: &self.models, checks: &self.checks, now }
    }
}

/// The facts as a deed's transaction sees them.
pub(super) async fn facts_within(deed: &mut Deed<'_>, release: &Release, to: Stage) -> Result<OwnedFacts> {
    let known = store::batch::models_within(&mut deed.tx).await?;
    let mut models = Vec::new();
    for model in known.into_iter().filter(|model| release.models.contains(&model.name)) {
        let rule = rule_of(store::stage_rule::of_model_within(&mut deed.tx, model.id).await?, to);
        let (tx, asked) = (&mut deed.tx, rule.verified);
        let which = (release.id, release.version.as_str());
        let verified = if asked == 0 { 0 } else { store::release::verified_within(tx, which, model.id, asked).await? };
        models.push(ModelFacts { model: model.name, rule, verified });
    }
    Ok(OwnedFacts { models, checks: latest(&store::release::checks_within(&mut deed.tx, release.id).await?) })
}

impl Fleet {
    async fn facts(&self, release: &Release, to: Stage) -> Result<OwnedFacts> {
        let known = store::batch::models(self.db()).await?;
        let mut models = Vec::new();
        for model in known.into_iter().filter(|model| release.models.contains(&model.name)) {
            let rule = rule_of(store::stage_rule::of_model(self.db(), model.id).await?, to);
            let (db, asked) = (self.db(), rule.verified);
            let which = (release.id, release.version.as_str());
            let verified = if asked == 0 { 0 } else { store::release::verified(db, which, model.id, asked).await? };
            models.push(ModelFacts { model: model.name, rule, verified });
        }
        Ok(OwnedFacts { models, checks: latest(&store::release::checks(self.db(), release.id).await?) })
    }

    /// What the gates before a stage say now.
    pub(super) async fn gates(&self, release: &Release, to: Stage) -> Result<Vec<GateResult>> {
        let facts = self.facts(release, to).await?;
        Ok(may_promote(&facts.borrowed(release, self.now()), to))
    }

    async fn next_stage(&self, release: &Release) -> Result<Option<NextStage>> {
        let Some(to) = release.stage.next() else { return Ok(None) };
        Ok(Some(NextStage { to, gates: self.gates(release, to).await? }))
    }

    /// A page of releases, newest first, after one. A limit of 0 is what is usual.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn releases(
        &self,
        actor: &Actor,
        filter: &ReleaseFilter,
        before: Option<ReleaseId>,
        limit: i64,
    ) -> Result<ReleasePage> {
        actor.require(Permission::FleetRead)?;
        let limit = if limit == 0 { PAGE } else { limit.clamp(1, PAGE_MAX) };
        let mut found = self.matching_releases(filter, before, limit + 1).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| last.id);
        let mut rows = Vec::with_capacity(found.len());
        for release in found {
            let next = self.next_stage(&release).await?;
            rows.push(ReleaseRow { release, next });
        }
        Ok(ReleasePage { rows, next })
    }

    async fn matching_releases(
        &self,
        filter: &ReleaseFilter,
        before: Option<ReleaseId>,
        limit: i64,
    ) -> Result<Vec<Release>> {
        let product = filter.product.trim();
        let which = match filter.stage {
            Some(stage) => Which::Stage(stage),
            None if product.is_empty() => Which::All,
            None => Which::Product(product),
        };
        if filter.sbom.trim().is_empty() {
            return Ok(store::release::page(self.db(), which, before, limit).await?);
        }
        let sought = &Sought::new(&filter.sbom);
        let ids = self.listed(|db| async move { store::sbom::releases(&db, sought, before, limit).await }).await?;
        let mut releases = Vec::with_capacity(ids.len());
        for id in ids {
            releases.push(self.kept_release(id).await?);
        }
        Ok(releases)
    }

    /// How many releases are in each stage.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn release_counts(&self, actor: &Actor) -> Result<Vec<(Stage, i64)>> {
        actor.require(Permission::FleetRead)?;
        Ok(store::release::counts(self.db()).await?)
    }

    /// A release with all that belongs to it.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such release.
    pub async fn release(&self, actor: &Actor, id: ReleaseId) -> Result<ReleaseDetail> {
        actor.require(Permission::FleetRead)?;
        let release = self.kept_release(id).await?;
        let files = store::artifact::of_release(self.db(), id).await?;
        let last = store::approval::of_subject(self.db(), &subject_of(id)).await?;
        // What was decided about a stage before is told by its step.
        let last = last.filter(|last| last.state != ApprovalState::Approved && last.requested_at >= release.stage_at);
        let unsafe_because = match self.release_stands(id).await {
            Ok(()) => None,
            Err(Error::Invalid { fields }) => fields.into_iter().next().map(|field| field.message),
            Err(Error::Conflict(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(ReleaseDetail {
            steps: store::release::steps(self.db(), id).await?,
            checks: latest(&store::release::checks(self.db(), id).await?),
            sbom: store::sbom::of_release(self.db(), id).await?,
            next: self.next_stage(&release).await?,
            approval: last.as_ref().map(ApprovalRow::from),
            unsafe_because,
            files,
            release,
        })
    }

    /// What a release is called.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such release.
    pub async fn release_title(&self, actor: &Actor, id: ReleaseId) -> Result<String> {
        actor.require(Permission::FleetRead)?;
        Ok(self.kept_release(id).await?.title())
    }

    /// A release by product and version.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is none.
    pub async fn release_named(&self, actor: &Actor, product: &str, version: &str) -> Result<Release> {
        actor.require(Permission::FleetRead)?;
        let found = store::release::by_name(self.db(), product, version).await?;
        found.ok_or_else(|| Error::not_found("release", &format!("{product} {version}")))
    }
}
