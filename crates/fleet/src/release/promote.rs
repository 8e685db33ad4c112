//! From one stage to the next, and out of all of them. Files are read whole again and signatures checked before; the gates
//! are looked at inside the transaction that writes, which holds the release.

use super::{read::facts_within, reason_of, ring, signer, subject_of};
use crate::{
    Actor, Deed, Error, Fleet, Result,
    approval::{conclude, detail_of, open},
    webhook,
};
use domain::{
    approval::{ApprovalKind, ApprovalState, canonical_json},
    audit::Outcome,
    id::{ApprovalId, ReleaseId, ReleaseStepId},
    person::Permission,
    release::{Gate, GateResult, Release, Stage, may_promote},
    webhook::EventKind,
};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{approval::Approval, artifact::Artifact, release::ReleaseStep};
use uuid::Uuid;

/// A promotion to be made, as a form or a program gives it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PromotionForm {
    /// Into which stage.
    pub to: Stage,
    /// Why; may be empty.
    #[serde(default)]
    pub reason: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promoted {
    /// It entered the stage.
    Done,
    /// A second person has to approve it.
    Waits(ApprovalId),
}

/// Everything that the second person must see, which is also what the approval is bound to: the release, its files, and
/// what the gates say.
fn detail(release: &Release, files: &[Artifact], to: Stage, gates: &[GateResult], reason: &str) -> Value {
    let file = |file: &Artifact| {
        let signers: Vec<&str> = file.signers.iter().map(|signer| signer.name.as_str()).collect();
        json!({"file": file.file_name, "sha256": file.sha256, "signed_by": signers})
    };
    json!({
        "release": release.id, "product": release.product, "version": release.version, "models": release.models,
        "revisions": release.revisions, "from": release.stage, "to": to, "reason": reason,
        "files": files.iter().map(file).collect::<Vec<Value>>(),
        "gates": gates.iter().filter(|gate| gate.gate != Gate::Person).map(|gate| &gate.told).collect::<Vec<&String>>(),
    })
}

/// What is missing, as one sentence after the other.
fn missing(gates: &[GateResult]) -> Option<Error> {
    let told: Vec<&str> = gates.iter().filter(|gate| gate.blocks()).map(|gate| gate.told.as_str()).collect();
    (!told.is_empty()).then(|| Error::Conflict(told.join(" ")))
}

impl Fleet {
    /// Lets a release enter the next stage, or asks a second person where a model's rule says so. Asked again while that
    /// one has not decided, it is the same question.
    ///
    /// # Errors
    /// When the actor may not, there is no such release, a gate is not met, or one of its files is refused.
    pub async fn promote_release(&self, actor: &Actor, id: ReleaseId, form: &PromotionForm) -> Result<Promoted> {
        let subject = subject_of(id);
        self.authorise(actor, Permission::ReleasePromote, &subject).await?;
        let reason = reason_of(&form.reason, "")?;
        let release = self.kept_release(id).await?;
        if let Some(missing) = missing(&self.gates(&release, form.to).await?) {
            return Err(missing);
        }
        self.check_files(actor, &release).await?;
        let mut deed = self.allow(actor, Permission::ReleasePromote, &subject).await?;
        let (release, files, gates) = self.hold(&mut deed, id, form.to).await?;
        if let Some(missing) = missing(&gates) {
            return Err(missing);
        }
        let detail = detail(&release, &files, form.to, &gates, reason);
        if !gates.iter().any(|gate| gate.gate == Gate::Person) {
            step(&mut deed, &release, form.to, (actor.name(), ""), reason, gates).await?;
            store::artifact::checked(&mut deed.tx, id, self.now()).await?;
            deed.commit("release.promote", &subject, &detail).await?;
            return Ok(Promoted::Done);
        }
        let last = store::approval::of_subject_within(&mut deed.tx, &subject).await?;
        if let Some(waiting) = last.filter(|last| last.state == ApprovalState::Waiting) {
            return Ok(Promoted::Waits(waiting.id));
        }
        let title = format!("{} into {}", release.title(), form.to.label().to_lowercase());
        let approval = open(&mut deed, ApprovalKind::Promotion, &subject, &title, &detail).await?;
        ring(&mut deed, id).await?;
        deed.commit("release.promote_request", &subject, &detail).await?;
        Ok(Promoted::Waits(approval))
    }

    /// Decides what somebody else asked for. Files and gates are looked at once more: should anything be another than was
    /// shown, the request is void.
    pub(crate) async fn decide_promotion(
        &self,
        actor: &Actor,
        approval: &Approval,
        approve: bool,
        reason: &str,
    ) -> Result<()> {
        let id = approval.subject.strip_prefix("release:").unwrap_or_default();
        let id: ReleaseId = id.parse().map_err(|_| Error::not_found("release", id))?;
        let word = approval.detail["to"].as_str().unwrap_or_default();
        let to: Stage = word.parse().map_err(Error::internal)?;
        let release = self.kept_release(id).await?;
        let refused = if approve { self.check_files(actor, &release).await.err() } else { None };
        if let Some(error) = refused.as_ref().filter(|error| !matches!(error, Error::Invalid { .. })) {
            // That the disk can't be read says nothing about the release.
            return Err(Error::Conflict(error.to_string()));
        }
        let subject = format!("approval:{}", approval.id);
        let mut deed = self.allow(actor, Permission::ApprovalDecide, &subject).await?;
        let held = self.hold(&mut deed, id, to).await;
        let asked = approval.detail["reason"].as_str().unwrap_or_default();
        let void = match (&refused, &held) {
            (Some(refused), _) | (None, Err(refused @ Error::Invalid { .. })) => Some(refused.to_string()),
            (None, Err(_)) => None,
            (None, Ok((release, files, gates))) => {
                let now = canonical_json(&detail(release, files, to, gates, asked));
                let is_same = now == canonical_json(&approval.detail) && missing(gates).is_none();
                (!is_same).then(|| "The release or what its gates say has changed since. Ask for it anew.".to_owned())
            }
        };
        let state = if approve { ApprovalState::Approved } else { ApprovalState::Rejected };
        conclude(&mut deed, approval, state, reason).await?;
        let outcome = match (approve, void) {
            (true, Some(why)) => {
                store::approval::void(&mut deed.tx, approval.id, &why).await?;
                ring(&mut deed, id).await?;
                deed.commit("approval.decide", &subject, &detail_of(approval, ApprovalState::Void, &why)).await?;
                return Err(Error::Conflict(why));
            }
            (true, None) => {
                let (release, _, gates) = held?;
                let by = (approval.requested_by_name.as_str(), actor.name());
                step(&mut deed, &release, to, by, asked, gates).await?;
                store::artifact::checked(&mut deed.tx, id, self.now()).await?;
                ApprovalState::Approved
            }
            (false, _) => ApprovalState::Rejected,
        };
        ring(&mut deed, id).await?;
        deed.commit("approval.decide", &subject, &detail_of(approval, outcome, reason)).await
    }

    /// Takes a release out of use, for good: no device gets it from then on.
    ///
    /// # Errors
    /// When the actor may not, there is no such release, it is withdrawn already, or no reason is given.
    pub async fn withdraw_release(&self, actor: &Actor, id: ReleaseId, reason: &str) -> Result<()> {
        let subject = subject_of(id);
        self.authorise(actor, Permission::ReleaseWithdraw, &subject).await?;
        let reason = reason_of(reason, "Say why it is withdrawn.")?;
        self.kept_release(id).await?;
        let mut deed = self.allow(actor, Permission::ReleaseWithdraw, &subject).await?;
        let held = store::release::hold(&mut deed.tx, id).await?;
        let release = held.ok_or_else(|| Error::not_found("release", &id.to_string()))?;
        if release.stage == Stage::Withdrawn {
            return Err(Error::Conflict("It was withdrawn already.".to_owned()));
        }
        step(&mut deed, &release, Stage::Withdrawn, (actor.name(), ""), reason, Vec::new()).await?;
        let detail =
            json!({"product": release.product, "version": release.version, "from": release.stage, "reason": reason});
        deed.commit("release.withdraw", &subject, &detail).await
    }

    /// Reads a release's files whole again. What is refused is on record.
    async fn check_files(&self, actor: &Actor, release: &Release) -> Result<()> {
        let checked = self.check_release(release).await;
        if let Err(error @ Error::Invalid { .. }) = &checked {
            let detail = json!({"refused": error.to_string()}).to_string();
            let subject = subject_of(release.id);
            self.audit_alone(actor, "release.check", &subject, Outcome::Denied, &detail).await?;
        }
        checked.map(drop)
    }

    /// The release, held until the deed ends, its files, whose signers still stand, and what the gates say.
    async fn hold(
        &self,
        deed: &mut Deed<'_>,
        id: ReleaseId,
        to: Stage,
    ) -> Result<(Release, Vec<Artifact>, Vec<GateResult>)> {
        let held = store::release::hold(&mut deed.tx, id).await?;
        let release = held.ok_or_else(|| Error::not_found("release", &id.to_string()))?;
        let files = store::artifact::of_release_within(&mut deed.tx, id).await?;
        for file in &files {
            signer::check_within(&mut deed.tx, &file.signers, self.now()).await?;
        }
        let facts = facts_within(deed, &release, to).await?;
        let gates = may_promote(&facts.borrowed(&release, self.now()), to);
        Ok((release, files, gates))
    }
}

/// Writes a step down, in the deed that holds the release.
async fn step(
    deed: &mut Deed<'_>,
    release: &Release,
    to: Stage,
    (by, approved_by): (&str, &str),
    reason: &str,
    gates: Vec<GateResult>,
) -> Result<()> {
    let now = deed.fleet().now();
    let step = ReleaseStep {
        id: ReleaseStepId(Uuid::now_v7()),
        at: now,
        before: Some(release.stage),
        stage: to,
        by: by.to_owned(),
        approved_by: approved_by.to_owned(),
        reason: reason.to_owned(),
        gates,
    };
    if !store::release::enter(&mut deed.tx, release.id, &step).await? {
        return Err(Error::Conflict("Somebody else has changed its stage at this moment.".to_owned()));
    }
    let kind = if to == Stage::Withdrawn { EventKind::ReleaseWithdrawn } else { EventKind::ReleasePromoted };
    webhook::tell(&mut deed.tx, now, kind, &release.id.to_string()).await?;
    ring(deed, release.id).await
}
