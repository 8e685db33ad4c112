//! Authorising: the transaction that writes the next manifest, at once or when a second person has approved it.

use super::{
    RepairCase, SlotLook, TaintedPart, held,
    look::{Known, plan, present, slots},
    note, ring, standing_in_the_way, step, subject_of, text_of,
};
use crate::{
    Actor, Deed, Error, FieldError, Fleet, Result,
    approval::{conclude, detail_of, open},
    check_in::makers_within,
    custody::{append, change_parts},
    revocation::cut_for_good_within,
};
use domain::{
    approval::{ApprovalKind, ApprovalState, canonical_json},
    component::Part,
    device::Device,
    history::Event,
    id::{ApprovalId, RevocationId, TaintId},
    person::Permission,
    repair::{Plan, RepairState, TEXT_MAX},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::{approval::Approval, taint};
use uuid::Uuid;

/// What came of authorising.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorised {
    /// The manifest is written, and the case stands so.
    Done(RepairState),
    /// A second person has to approve it.
    Waiting(ApprovalId),
}

/// A case with everything that is decided by, held by a deed.
struct Bench {
    case: RepairCase,
    /// The device that is repaired.
    device: Device,
    looks: Vec<SlotLook>,
    plan: Plan,
    /// The devices that parts come from.
    donors: Vec<Device>,
    /// What that does to each of them, in a sentence that names the manifest it goes on from.
    gives: Vec<String>,
    /// Whether the device has certificates, or nothing else by which it could come.
    is_certified: bool,
}

impl Bench {
    /// Takes a case and its devices, and looks at what was typed once more: what was shown may have changed.
    async fn take(deed: &mut Deed<'_>, case: &RepairCase, donors: &BTreeSet<String>) -> Result<Self> {
        store::repair::hold_manifests(&mut deed.tx).await?;
        let mut serials: Vec<&str> = donors.iter().map(String::as_str).collect();
        serials.push(&case.serial);
        let mut locked = store::device::lock_by_serials(&mut deed.tx, &serials).await?;
        let at = locked.iter().position(|device| device.id == case.device_id);
        let device = locked.remove(at.ok_or_else(|| Error::not_found("device", &case.serial))?);
        let case = held(deed, case).await?;
        let lines = store::repair::parts_within(&mut deed.tx, case.id).await?;
        let components = store::component::of_device_within(&mut deed.tx, device.id).await?;
        let parts = present(&components);
        let known = Known::within(&mut deed.tx, (&device.serial, &locked), &lines).await?;
        let makers = makers_within(&mut deed.tx, device.model_id).await?;
        let looks = slots(&device.serial, &parts, &lines, &known, &makers);
        if donors_of(&looks) != *donors {
            return Err(changed());
        }
        let mut plan = plan(&parts, &looks);
        let certificates = store::certificate::of_device_within(&mut deed.tx, &device.serial).await?;
        if cut_for_good_within(&mut deed.tx, &certificates).await?.is_some() {
            plan = plan.of_revoked();
        }
        let is_certified = !certificates.is_empty();
        let mut gives = Vec::with_capacity(locked.len());
        for donor in &locked {
            gives.push(Gift::of(deed, donor, &plan).await?.words(donor));
        }
        Ok(Self { case, device, looks, plan, donors: locked, gives, is_certified })
    }

    /// What is wrong with what was typed, by field.
    fn check(&self) -> Result<()> {
        let mut fields = Vec::new();
        for look in &self.looks {
            for (field, message) in look.errors() {
                let message = format!("{}: {message}", look.slot);
                fields.push(FieldError { field: field.to_owned(), message });
            }
        }
        if fields.is_empty() { Ok(()) } else { Err(Error::Invalid { fields }) }
    }

    /// Everything that a second person must see; the approval's hash covers it, and the manifest that it goes on from.
    fn detail(&self, reason: &str) -> Value {
        let part = |part: &Part| {
            let words = [&part.slot, part.class.label(), &part.maker, &part.model, &part.identifier];
            words.into_iter().filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>().join(", ")
        };
        let out =
            |look: &SlotLook| look.out_check.part.as_ref().map(|out| format!("{}: {}", part(out), look.fate().label()));
        let doubts = |look: &SlotLook| look.doubts().map(|words| format!("{}: {words}", look.slot)).collect::<Vec<_>>();
        json!({
            "repair": self.case.code, "device": self.device.serial, "symptom": self.case.symptom, "reason": reason,
            "parts_out": self.looks.iter().filter_map(out).collect::<Vec<_>>(),
            "parts_in": self.plan.fitted.iter().map(part).collect::<Vec<_>>(),
            "takes_two_because": self.plan.reasons.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "donors": self.gives,
            "doubts": self.looks.iter().flat_map(doubts).collect::<Vec<_>>(),
            "new_key": self.plan.key_changes, "old_key_lost": self.plan.key_is_lost,
            "manifest_version": self.device.manifest_version + i64::from(!self.plan.is_empty()),
            "manifest_before": self.device.manifest_hash,
        })
    }
}

fn donors_of(looks: &[SlotLook]) -> BTreeSet<String> {
    let right = looks.iter().filter(|look| look.in_check.part.is_some());
    right.flat_map(|look| look.fitted_in.iter().cloned()).collect()
}

fn changed() -> Error {
    Error::Conflict(
        "Where the parts are has changed since this was shown. Look at it again, then authorise.".to_owned(),
    )
}

impl Fleet {
    /// Authorises a repair: writes the next manifest, or asks a second person where the part that holds the key is
    /// changed or a part comes from another device.
    ///
    /// # Errors
    /// When the actor may not, there is no such repair, it is not on the bench, or something that was typed is wrong.
    pub async fn authorise_repair(&self, actor: &Actor, code: &str, reason: &str) -> Result<Authorised> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let reason = text_of("reason", reason, TEXT_MAX, "Say what is done and why.")?;
        let case = self.kept_repair(code).await?;
        let donors = self.donors_for(&case).await?;
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let mut bench = Bench::take(&mut deed, &case, &donors).await?;
        if !bench.case.state.is_draft() {
            return Err(standing_in_the_way(&bench.case));
        }
        bench.check()?;
        reason.clone_into(&mut bench.case.reason);
        let detail = bench.detail(reason);
        if bench.plan.takes_two() {
            let title = format!("Repair {} of {}: {}", bench.case.code, bench.case.serial, in_short(&bench.plan));
            let subject = subject_of(&bench.case.code);
            let approval = open(&mut deed, ApprovalKind::Repair, &subject, &title, &detail).await?;
            step(&mut bench.case, RepairState::Authorising, self.now())?;
            bench.case.approval_id = Some(approval);
            store::repair::update(&mut deed.tx, &bench.case).await?;
            ring(&mut deed, &bench.case).await?;
            deed.commit("repair.request", &subject, &detail).await?;
            return Ok(Authorised::Waiting(approval));
        }
        let cut = take_effect(&mut deed, &mut bench, actor.name()).await?;
        let state = bench.case.state;
        deed.commit("repair.authorise", &subject, &detail).await?;
        self.after_cut(cut).await;
        Ok(Authorised::Done(state))
    }

    /// The devices in which the parts of a case are fitted, as far as is known before they are held.
    async fn donors_for(&self, case: &RepairCase) -> Result<BTreeSet<String>> {
        let components = store::component::of_device(self.db(), case.device_id).await?;
        let lines = store::repair::parts(self.db(), case.id).await?;
        Ok(donors_of(&self.look(&case.serial, &present(&components), &lines).await?))
    }

    /// Decides what somebody else asked for. What was shown is computed anew: should it be another, nothing is written
    /// and the case goes back to the bench.
    pub(crate) async fn decide_repair(
        &self,
        actor: &Actor,
        approval: &Approval,
        approve: bool,
        reason: &str,
    ) -> Result<()> {
        let code = approval.subject.strip_prefix("repair:").unwrap_or_default();
        let case = self.kept_repair(code).await?;
        let donors = self.donors_for(&case).await?;
        let subject = format!("approval:{}", approval.id);
        let mut deed = self.allow(actor, Permission::ApprovalDecide, &subject).await?;
        let mut bench = Bench::take(&mut deed, &case, &donors).await?;
        let awaited = bench.case.state == RepairState::Authorising && bench.case.approval_id == Some(approval.id);
        if !awaited {
            return Err(standing_in_the_way(&bench.case));
        }
        let why = bench.case.reason.clone();
        let as_shown = canonical_json(&bench.detail(&why)) == canonical_json(&approval.detail) && bench.check().is_ok();
        let (state, words) = match (approve, as_shown) {
            (true, true) => (ApprovalState::Approved, reason.to_owned()),
            (true, false) => (ApprovalState::Void, changed_meanwhile()),
            (false, _) => (ApprovalState::Rejected, reason.to_owned()),
        };
        conclude(&mut deed, approval, if approve { ApprovalState::Approved } else { ApprovalState::Rejected }, reason)
            .await?;
        let mut cut = None;
        if state == ApprovalState::Approved {
            let by = format!("{} and {}", approval.requested_by_name, actor.name());
            cut = take_effect(&mut deed, &mut bench, &by).await?;
        } else {
            if state == ApprovalState::Void {
                store::approval::void(&mut deed.tx, approval.id, &words).await?;
            }
            step(&mut bench.case, RepairState::Reported, self.now())?;
            store::repair::update(&mut deed.tx, &bench.case).await?;
            note(&mut deed, bench.case.id, &format!("Back to the bench: {words}")).await?;
            ring(&mut deed, &bench.case).await?;
        }
        deed.commit("approval.decide", &subject, &detail_of(approval, state, &words)).await?;
        self.after_cut(cut).await;
        if state == ApprovalState::Void { Err(Error::Conflict(words)) } else { Ok(()) }
    }

    /// What is to be done once certificates that were cut off are committed to be so.
    async fn after_cut(&self, cut: Option<RevocationId>) {
        if let Some(id) = cut {
            self.revocation_committed(id).await;
        }
    }
}

fn changed_meanwhile() -> String {
    "The device, or where its parts are, has changed since this was asked for. It went back to the bench.".to_owned()
}

fn in_short(plan: &Plan) -> String {
    let count = |n: usize, what: &str| format!("{n} {}{what}", if n == 1 { "part " } else { "parts " });
    let mut words = Vec::new();
    if !plan.removed.is_empty() {
        words.push(count(plan.removed.len(), "out"));
    }
    if !plan.fitted.is_empty() {
        words.push(count(plan.fitted.len(), "in"));
    }
    if plan.key_changes {
        words.push("a new key".to_owned());
    }
    words.join(", ")
}

/// Writes the manifest and everything that follows from it, in the deed's transaction. The last act that cut
/// certificates off, if one did.
async fn take_effect(deed: &mut Deed<'_>, bench: &mut Bench, by: &str) -> Result<Option<RevocationId>> {
    let (fleet, actor) = (deed.fleet(), deed.actor());
    let now = fleet.now();
    let Bench { case, device, looks, plan, donors, is_certified, .. } = bench;
    let mut entries = vec![fleet.entry(actor, now, "", Event::RepairAuthorised { case: case.code.clone() })];
    let reason = format!("{}: {}", case.code, case.reason);
    let mut cut = None;
    for donor in donors.iter() {
        cut = cut.or(give(deed, donor, case, plan).await?);
    }
    if !plan.is_empty() {
        let entry = fleet.entry(actor, now, "", Event::Note { text: String::new() });
        entries.push(change_parts(deed, device, entry, plan.fitted.clone(), &plan.removed, &reason).await?);
    }
    append(deed, device, entries).await?;
    // Its next report is what closes the case.
    store::report::want(&mut deed.tx, device.id).await?;
    for look in looks.iter() {
        store::repair::put_slot(&mut deed.tx, case.id, &look.slot, &look.resolved()).await?;
    }
    account(deed, case, looks, plan).await?;
    if plan.key_changes && plan.key_is_lost {
        let why = format!("{}: a part that holds the key is unaccounted for", case.code);
        cut = compromise(deed, device, &why).await?.or(cut);
    }
    let has_token = plan.key_changes && forget_token(deed, device, plan.key_is_lost).await?;
    case.key_changes = plan.key_changes && (*is_certified || !has_token);
    case.expected_version = device.manifest_version + i64::from(!plan.is_empty());
    by.clone_into(&mut case.authorised_by);
    case.authorised_at = Some(now);
    step(case, RepairState::once_authorised(case.key_changes), now)?;
    store::repair::update(&mut deed.tx, case).await?;
    ring(deed, case).await?;
    Ok(cut)
}

/// What a repair takes out of another device.
struct Gift {
    removed: Vec<Part>,
    /// Whether that device's key goes along.
    key_goes: bool,
}

impl Gift {
    async fn of(deed: &mut Deed<'_>, donor: &Device, plan: &Plan) -> Result<Self> {
        let before = present(&store::component::of_device_within(&mut deed.tx, donor.id).await?);
        let goes = |part: &Part| plan.fitted.iter().any(|fitted| fitted.identifier_key == part.identifier_key);
        let (removed, after): (Vec<Part>, Vec<Part>) = before.iter().cloned().partition(goes);
        let key_goes = domain::repair::key_changes(&before, &after);
        Ok(Self { removed, key_goes })
    }

    fn words(&self, donor: &Device) -> String {
        let key = if self.key_goes {
            "its key goes along, so all its certificates are revoked as compromised and its token is taken away"
        } else {
            "it keeps its key"
        };
        let (serial, version, hash) = (&donor.serial, donor.manifest_version, &donor.manifest_hash);
        format!("{serial}, manifest version {version} ({hash}): {key}.")
    }
}

/// Records in a device that parts of it were taken out for another one. Where they hold its key, its certificates count
/// no more: whoever has the parts could otherwise come as the device.
async fn give(deed: &mut Deed<'_>, donor: &Device, case: &RepairCase, plan: &Plan) -> Result<Option<RevocationId>> {
    let (fleet, actor) = (deed.fleet(), deed.actor());
    let Gift { removed, key_goes } = Gift::of(deed, donor, plan).await?;
    let entry = fleet.entry(actor, fleet.now(), "", Event::Note { text: String::new() });
    let reason = format!("{}: moved to {}", case.code, case.serial);
    let entry = change_parts(deed, donor, entry, Vec::new(), &removed, &reason).await?;
    append(deed, donor, vec![entry]).await?;
    deed.ring("device", &donor.serial).await?;
    if key_goes {
        forget_token(deed, donor, true).await?;
        return compromise(deed, donor, &format!("{reason}, with the part that holds the key")).await;
    }
    Ok(None)
}

/// Marks what was taken out, and accounts for what came in.
async fn account(deed: &mut Deed<'_>, case: &RepairCase, looks: &[SlotLook], plan: &Plan) -> Result<()> {
    let (now, by) = (deed.fleet().now(), deed.actor().name());
    let how = format!("Fitted in {} by {}", case.serial, case.code);
    let stays = |part: &Part| plan.after.iter().any(|after| after.identifier_key == part.identifier_key);
    for look in looks {
        if let Some(marked) = look.taint.as_ref().filter(|_| look.in_check.part.is_some()) {
            taint::end(&mut deed.tx, marked.id, now, by, &how).await?;
        }
        let Some(out) = look.out_check.part.as_ref().filter(|out| !stays(out)) else { continue };
        let marked = TaintedPart {
            id: TaintId(Uuid::now_v7()),
            identifier: out.identifier.clone(),
            identifier_key: out.identifier_key.clone(),
            class: out.class,
            maker: out.maker.clone(),
            model: out.model.clone(),
            device_id: case.device_id,
            serial: case.serial.clone(),
            case_id: case.id,
            code: case.code.clone(),
            fate: look.fate(),
            since: now,
            ended_at: None,
            ended_by: String::new(),
            ended_how: String::new(),
        };
        taint::insert(&mut deed.tx, &marked).await?;
    }
    Ok(())
}

/// Revokes all certificates of a device whose key is out of our hands. The last act, if there was one to revoke.
async fn compromise(deed: &mut Deed<'_>, device: &Device, why: &str) -> Result<Option<RevocationId>> {
    let (mut last, now) = (None, deed.fleet().now());
    let known = store::certificate::of_device_within(&mut deed.tx, &device.serial).await?;
    for certificate in known.iter().filter(|certificate| certificate.not_after > now) {
        let (authority, serial) = (certificate.authority_id, &certificate.serial);
        last = crate::revocation::compromise(deed, authority, serial, why).await?.or(last);
    }
    Ok(last)
}

/// A shared token is where the key was: it is to be replaced, or is taken away when nobody knows where that is. Whether
/// the device had one.
async fn forget_token(deed: &mut Deed<'_>, device: &Device, is_lost: bool) -> Result<bool> {
    if is_lost {
        return Ok(store::device_token::remove(&mut deed.tx, device.id).await?);
    }
    let now = deed.fleet().now();
    Ok(store::device_token::due(&mut deed.tx, device.id, now).await?)
}
