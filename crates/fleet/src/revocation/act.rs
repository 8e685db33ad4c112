//! Doing it: one transaction with the act, what it cuts off, the bell and the audit entry.

use super::{
    Outcome, RevokeForm, Selection, permission,
    plan::{Hits, Plan},
    preview::Preview,
    state_of,
};
use crate::{Actor, Deed, Error, Fleet, Result, approval, trust::TOPIC};
use domain::{
    approval::ApprovalKind,
    certificate::{CertificateStatus, RevocationReason},
    id::{AuthorityId, DeviceId, RevocationId},
    person::Permission,
    revocation::{REASONS, RevocationAct, RevocationScope, RevocationState},
    time::Timestamp,
};
use serde_json::{Value, json};
use store::{
    StoreError,
    revocation::Revocation,
    revoked::{
        self, Revoked,
        cut::{self, Cut, Signer},
        record,
        target::{self, Target},
    },
};
use uuid::Uuid;

/// Up to how many certificates the records follow in the same transaction, so that the page that comes next shows it.
const AT_ONCE: usize = 100;

/// What came of an act, and what is audited of it.
pub(crate) struct Enacted {
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// The action.
    pub(crate) action: &'static str,
    /// Its detail.
    pub(crate) detail: Value,
}

/// A revocation that is part of another deed, with what it comes to.
pub(crate) struct Ending {
    plan: Plan,
    form: RevokeForm,
    preview: Preview,
}

impl Ending {
    /// What it is audited under.
    pub(crate) fn subject(&self) -> String {
        format!("{}:{}", self.plan.scope(), self.plan.selection.subject())
    }
}

/// What an act hits, if that is what was shown. What was read before the deed may have changed; from here on it can't.
async fn still_shown(deed: &mut Deed<'_>, plan: &Plan, shown: &str) -> Result<Hits> {
    let now = deed.fleet().now();
    let hits = plan.hits_within(&mut deed.tx, now).await?;
    if hits.is_empty() {
        return Err(nothing_to_do(plan));
    }
    if hits.hash(plan) != shown {
        return Err(changed());
    }
    Ok(hits)
}

impl Fleet {
    /// Holds, revokes or releases what a form selects. Of a batch, a factory or a large selection a second person has
    /// to approve it first.
    ///
    /// # Errors
    /// When the actor may not or has to show a second factor again, there is no such thing, a field is wrong, what would be hit is not what was shown, or
    /// there is nothing to do.
    pub async fn revoke(&self, actor: &Actor, form: &RevokeForm) -> Result<Outcome> {
        let subject = format!("{}:{}", form.selection.scope(), form.selection.subject());
        let permission = permission(form.selection.scope(), form.act);
        self.authorise(actor, permission, &subject).await?;
        // A hold is quick and can be let go of; what is revoked stays so.
        if form.act == RevocationAct::Revoke {
            self.require_fresh(actor).await?;
        }
        let plan = self.plan_revocation(&form.selection, form.act).await?;
        let (preview, _) = self.preview_of(&plan).await?;
        check(form, &preview)?;
        let mut deed = self.allow(actor, permission, &subject).await?;
        let hits = still_shown(&mut deed, &plan, &form.preview_hash).await?;
        let more = Permission::CertificateRevoke;
        if form.act == RevocationAct::Release && !actor.may(more) && !lifts_peoples_holds(&mut deed, &hits).await? {
            drop(deed);
            return Err(self.authorise(actor, more, &subject).await.err().unwrap_or_else(changed));
        }
        let enacted = self.enact(&mut deed, form, &plan, &preview, &hits).await?;
        deed.commit(enacted.action, &subject, &enacted.detail).await?;
        self.enacted(enacted.outcome).await;
        Ok(enacted.outcome)
    }

    /// Does it in the deed's transaction, or asks a second person there.
    async fn enact(
        &self,
        deed: &mut Deed<'_>,
        form: &RevokeForm,
        plan: &Plan,
        preview: &Preview,
        hits: &Hits,
    ) -> Result<Enacted> {
        let now = self.now();
        let mut record = self.record_of(deed.actor(), form, preview, now);
        if preview.needs_second_person {
            return request(deed, plan, record, preview, hits).await;
        }
        record.state = RevocationState::Effective;
        record.effective_at = Some(now);
        store::revocation::insert(&mut deed.tx, &record).await?;
        let total = take_effect(deed, plan, hits, &record, now).await?;
        let record = Revocation { total, ..record };
        if hits.authorities.is_empty() && hits.targets.len() <= AT_ONCE {
            self.follow_at_once(deed, &record).await?;
        }
        let detail = detail_of(&record, preview);
        Ok(Enacted { outcome: Outcome::Done(record.id), action: action(form.act), detail })
    }

    /// What is to be done once such a deed is committed.
    pub(crate) async fn enacted(&self, outcome: Outcome) {
        if let Outcome::Done(id) = outcome {
            self.revocation_committed(id).await;
        }
    }

    /// Reads, before a deed, what revoking the certificates of exactly these devices for good comes to, in the name of
    /// what somebody selected and decided already. None when they have none that could be revoked.
    pub(crate) async fn prepare_end(
        &self,
        selection: Selection,
        devices: &[DeviceId],
        note: &str,
    ) -> Result<Option<Ending>> {
        let act = RevocationAct::Revoke;
        let plan = Plan::of_devices(selection, act, devices);
        let (preview, _) = self.preview_of(&plan).await?;
        if preview.certificates == 0 {
            return Ok(None);
        }
        let form = RevokeForm {
            selection: plan.selection.clone(),
            act,
            reason: RevocationReason::CessationOfOperation,
            note: note.to_owned(),
            confirmation: preview.confirm_word.clone(),
            preview_hash: preview.hash.clone(),
        };
        check(&form, &preview)?;
        Ok(Some(Ending { plan, form, preview }))
    }

    /// Revokes what was prepared, or asks a second person, in a deed whose actor may.
    pub(crate) async fn end_within(&self, deed: &mut Deed<'_>, ending: &Ending) -> Result<Enacted> {
        let hits = still_shown(deed, &ending.plan, &ending.preview.hash).await?;
        self.enact(deed, &ending.form, &ending.plan, &ending.preview, &hits).await
    }

    fn record_of(&self, actor: &Actor, form: &RevokeForm, preview: &Preview, now: Timestamp) -> Revocation {
        let reason = if form.act == RevocationAct::Revoke { form.reason } else { RevocationReason::CertificateHold };
        let query = match &form.selection {
            Selection::Query(text) => text.clone(),
            _ => String::new(),
        };
        let subject = match &form.selection {
            Selection::Query(_) => crate::import::counted(preview.devices, "device"),
            other => other.subject(),
        };
        Revocation {
            id: RevocationId(Uuid::now_v7()),
            scope: form.selection.scope(),
            act: form.act,
            subject,
            query,
            reason: reason.as_str().to_owned(),
            note: form.note.trim().to_owned(),
            preview: json!(preview).to_string(),
            preview_hash: preview.hash.clone(),
            state: RevocationState::Waiting,
            requested_by: actor.name().to_owned(),
            requested_at: now,
            approved_by: None,
            approval_id: None,
            effective_at: None,
            total: preview.certificates,
            applied: 0,
            cursor: None,
        }
    }
}

/// Whether all that holds these was placed by people on one device or one certificate each: only that may be released by
/// whoever may only hold. What a rule held was shown to nobody before, so it has no hash of that; nor does it become theirs
/// to release because a person's hold took its place.
async fn lifts_peoples_holds(deed: &mut Deed<'_>, hits: &Hits) -> Result<bool> {
    for (_, hold) in hits.held().into_keys() {
        let by_people = store::revocation::by_id_within(&mut deed.tx, hold).await?.is_some_and(|act| {
            let is_one = matches!(act.scope, RevocationScope::Certificate | RevocationScope::Device);
            is_one && act.approval_id.is_none() && !act.preview_hash.is_empty()
        });
        let none = (AuthorityId(Uuid::nil()), "");
        let took_over = record::of_act(&mut deed.tx, hold, RevocationAct::Release, none, 1).await?;
        if !by_people || !took_over.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn action(act: RevocationAct) -> &'static str {
    match act {
        RevocationAct::Hold => "certificate.hold",
        RevocationAct::Revoke => "certificate.revoke",
        RevocationAct::Release => "certificate.release",
    }
}

pub(super) fn changed() -> Error {
    Error::Conflict("What this would hit has changed since it was shown. Look at it again and decide then.".to_owned())
}

pub(super) fn nothing_to_do(plan: &Plan) -> Error {
    let why = match plan.act {
        RevocationAct::Hold => {
            "nothing that could be put on hold: no certificate that has not ended and still counts, or that a rule holds"
        }
        RevocationAct::Revoke => "nothing that could be revoked: no certificate that has not ended and is not revoked",
        RevocationAct::Release => "nothing on hold that could be released on its own",
    };
    Error::Conflict(format!("There is {why} in {}.", plan.name))
}

fn check(form: &RevokeForm, preview: &Preview) -> Result<()> {
    if form.act == RevocationAct::Revoke && !REASONS.contains(&form.reason) {
        let all: Vec<&str> = REASONS.iter().map(|reason| reason.as_str()).collect();
        return Err(Error::field("reason", format!("Say why it is revoked: {}.", all.join(", "))));
    }
    if form.preview_hash.trim().is_empty() {
        return Err(Error::field("preview_hash", "Look at the preview first, and give its hash."));
    }
    if form.note.chars().count() > 400 {
        return Err(Error::field("note", "Keep the note under 400 characters."));
    }
    if form.preview_hash != preview.hash {
        return Err(changed());
    }
    if form.confirmation.trim() != preview.confirm_word {
        return Err(Error::field("confirmation", format!("Type {} to confirm.", preview.confirm_word)));
    }
    Ok(())
}

/// Asks a second person. Nothing is cut off yet.
async fn request(
    deed: &mut Deed<'_>,
    plan: &Plan,
    mut record: Revocation,
    preview: &Preview,
    hits: &Hits,
) -> Result<Enacted> {
    let kind = if plan.act == RevocationAct::Release { ApprovalKind::Release } else { ApprovalKind::Revocation };
    let detail = detail_of(&record, preview);
    let approval = approval::open(deed, kind, &format!("revocation:{}", record.id), &preview.title, &detail).await?;
    record.approval_id = Some(approval);
    store::revocation::insert(&mut deed.tx, &record).await?;
    if plan.scope() == RevocationScope::Selection {
        store::revocation::bind_to(&mut deed.tx, record.id, &hits.device_ids()).await?;
    }
    deed.ring("revocation", &record.id.to_string()).await?;
    Ok(Enacted { outcome: Outcome::Waiting(approval, record.id), action: "revocation.request", detail })
}

fn detail_of(record: &Revocation, preview: &Preview) -> Value {
    json!({
        "revocation": record.id, "scope": record.scope, "act": record.act, "subject": record.subject,
        "query": record.query, "reason": record.reason, "note": record.note, "preview_hash": record.preview_hash,
        "preview": preview,
    })
}

/// Writes what cuts off, in the deed's transaction, and rings. How many certificates' records are to follow.
pub(super) async fn take_effect(
    deed: &mut Deed<'_>,
    plan: &Plan,
    hits: &Hits,
    record: &Revocation,
    now: Timestamp,
) -> Result<i64> {
    let effect = Effect {
        id: record.id,
        act: plan.act,
        reason: record.reason.parse().unwrap_or(RevocationReason::Unspecified),
        now,
    };
    let total = if plan.scope().cuts_authorities() {
        for signer in &hits.authorities {
            effect.on_authority(deed, signer, &hits.cuts).await?;
        }
        effect.on_certificates(deed, hits).await?;
        effect.on_statuses(deed, &hits.targets).await?;
        target::signed_by_within(&mut deed.tx, &hits.authority_ids(), now).await?
    } else {
        effect.on_certificates(deed, hits).await?;
        i64::try_from(hits.targets.len()).unwrap_or(i64::MAX)
    };
    deed.ring("revocation", &record.id.to_string()).await?;
    deed.ring(TOPIC, &format!("revocation:{}", record.id)).await?;
    Ok(total)
}

/// Cuts certificates off, unless something else did in the meantime.
async fn insert(deed: &mut Deed<'_>, rows: &[Revoked]) -> Result<()> {
    match revoked::insert_many(&mut deed.tx, rows).await {
        Err(StoreError::Exists) => Err(changed()),
        other => Ok(other?),
    }
}

/// What an act does to one thing.
struct Effect {
    id: RevocationId,
    act: RevocationAct,
    reason: RevocationReason,
    now: Timestamp,
}

impl Effect {
    async fn on_certificates(&self, deed: &mut Deed<'_>, hits: &Hits) -> Result<()> {
        // What is released ends its hold; what is revoked for good exchanges it.
        for ((authority, hold), serials) in hits.held() {
            self.lift(deed, authority, &serials, hold).await?;
        }
        if self.act != RevocationAct::Release {
            let rows: Vec<Revoked> = hits.targets.iter().map(|t| self.row(t.authority, &t.serial)).collect();
            insert(deed, &rows).await?;
        }
        Ok(())
    }

    /// Lets the certificates of stations stand as the act says. Those of devices follow in pieces.
    async fn on_statuses(&self, deed: &mut Deed<'_>, targets: &[Target]) -> Result<()> {
        let (status, reason) = match self.act {
            RevocationAct::Hold => (CertificateStatus::Held, Some(self.reason)),
            RevocationAct::Revoke => (CertificateStatus::Revoked, Some(self.reason)),
            RevocationAct::Release => (CertificateStatus::Valid, None),
        };
        for target in targets {
            let serial = [target.serial.as_str()];
            record::set_status(&mut deed.tx, target.authority, &serial, status, reason, self.now).await?;
        }
        Ok(())
    }

    async fn lift(
        &self,
        deed: &mut Deed<'_>,
        authority: AuthorityId,
        serials: &[&str],
        hold: RevocationId,
    ) -> Result<()> {
        let lifted = revoked::lift(&mut deed.tx, authority, (serials, hold), self.now, self.id).await?;
        if lifted { Ok(()) } else { Err(changed()) }
    }

    fn row(&self, authority: AuthorityId, serial: &str) -> Revoked {
        Revoked { authority, serial: serial.to_owned(), at: self.now, revocation: self.id, reason: self.reason }
    }

    async fn on_authority(&self, deed: &mut Deed<'_>, signer: &Signer, cuts: &[Cut]) -> Result<()> {
        let holds: Vec<&Cut> =
            cuts.iter().filter(|cut| cut.authority == signer.id && cut.act == RevocationAct::Hold).collect();
        let state_before = holds.first().map_or(signer.state, |cut| cut.state_before);
        let state = if self.act == RevocationAct::Release { state_before } else { state_of(self.act) };
        // First: it waits for what is being signed, and stops what would be signed next.
        cut::set_state(&mut deed.tx, signer.id, state, self.now).await?;
        for hold in holds {
            cut::lift(&mut deed.tx, hold, self.now, self.id).await?;
        }
        if self.act != RevocationAct::Release {
            let (authority, revocation, at) = (signer.id, self.id, self.now);
            let cut = Cut { authority, revocation, at, act: self.act, reason: self.reason, state_before };
            cut::insert(&mut deed.tx, &cut).await?;
        }
        self.on_its_own_certificate(deed, signer).await?;
        deed.ring("authority", &signer.slug).await
    }

    /// What signed an authority lists it.
    async fn on_its_own_certificate(&self, deed: &mut Deed<'_>, signer: &Signer) -> Result<()> {
        let Some(parent) = signer.parent else { return Ok(()) };
        let there = revoked::one_within(&mut deed.tx, parent, &signer.serial).await?;
        let is_held = there.as_ref().map(|row| crate::trust::is_hold(row.reason));
        if let Some(hold) = there.filter(|row| crate::trust::is_hold(row.reason) && self.act != RevocationAct::Hold) {
            self.lift(deed, parent, &[&signer.serial], hold.revocation).await?;
        }
        let lists = match self.act {
            RevocationAct::Hold => is_held.is_none(),
            RevocationAct::Revoke => is_held != Some(false),
            RevocationAct::Release => false,
        };
        if lists {
            insert(deed, &[self.row(parent, &signer.serial)]).await?;
        }
        Ok(())
    }
}
