//! Another voucher for a repair of which one was used, or may have been before a restore: the key that has the certificate now is not the last word, so a
//! second person approves that one more is made, for exactly this repair, this manifest and this key that it replaces.

use super::{
    RepairCase, Voucher, note, ring, subject_of, text_of,
    voucher::{bench, time_of},
};
use crate::{
    Actor, Deed, Error, Fleet, Result,
    approval::{ApprovalRow, conclude, detail_of, open},
};
use domain::{
    approval::{ApprovalKind, ApprovalState, canonical_json},
    device::Device,
    id::ApprovalId,
    person::Permission,
    repair::{TEXT_MAX, VOUCHER_TIME_MAX},
    time::{HOUR, Timestamp},
};
use serde_json::{Value, json};
use store::approval::Approval;

/// Another voucher to be asked for, as a form gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoucherRequest {
    /// For how many hours it is to count, from when it is made; 0 for a day.
    pub hours: i64,
    /// Why one more is needed.
    pub reason: String,
}

/// How the last request for another voucher of a repair stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnotherVoucher {
    /// The approval that was asked for.
    pub approval: ApprovalRow,
    /// For how many hours the voucher is to count.
    pub hours: i64,
    /// Whether the voucher can be made now: it was approved, nothing it was approved for has changed, and it is not too long
    /// ago.
    pub permits: bool,
}

/// An approval by which another voucher can be made.
pub(super) struct Permit {
    pub(super) approval: ApprovalId,
    pub(super) hours: i64,
}

/// By what such approvals are named; those of the repair itself are others.
fn name_of(case: &RepairCase) -> String {
    format!("voucher:{}", case.code)
}

/// Everything that the second person must see. The hash covers the manifest that the device has to report and the voucher
/// that was used: of another one, or once this one was used too, the approval says nothing.
fn detail(case: &RepairCase, device: &Device, used: &Voucher, hours: i64, reason: &str) -> Value {
    let (before, key) = match used.used_at {
        Some(at) => (format!("{}, on {} UTC", used.id, at.minute_words()), used.used_key.as_str()),
        None => (format!("{}, ended by a restore of the console; it may have been used", used.id), "not known"),
    };
    json!({
        "repair": case.code, "device": case.serial, "reason": reason, "hours": hours,
        "manifest": format!("version {} ({})", device.manifest_version, device.manifest_hash),
        "voucher_before": before, "key_before": key,
    })
}

fn hours_of(approval: &Approval) -> i64 {
    approval.detail["hours"].as_i64().unwrap_or_default()
}

/// Whether an approval is of exactly what is there now.
fn is_of(approval: &Approval, case: &RepairCase, device: &Device, used: &Voucher) -> bool {
    let reason = approval.detail["reason"].as_str().unwrap_or_default();
    canonical_json(&detail(case, device, used, hours_of(approval), reason)) == canonical_json(&approval.detail)
}

fn permits(approval: &Approval, case: &RepairCase, device: &Device, used: &Voucher, now: Timestamp) -> bool {
    let is_recent = approval.decided_at.is_some_and(|at| at.plus(VOUCHER_TIME_MAX) > now);
    approval.state == ApprovalState::Approved && is_recent && is_of(approval, case, device, used)
}

/// The approval by which another voucher is made, in the deed's transaction. It is good for one certificate: once the voucher
/// was used, the next one takes another approval.
pub(super) async fn permit(deed: &mut Deed<'_>, case: &RepairCase, device: &Device, used: &Voucher) -> Result<Permit> {
    let now = deed.fleet().now();
    let last = store::approval::of_subject_within(&mut deed.tx, &name_of(case)).await?;
    match last {
        Some(approval) if permits(&approval, case, device, used, now) => {
            Ok(Permit { approval: approval.id, hours: hours_of(&approval) })
        }
        Some(approval) if approval.state == ApprovalState::Waiting && is_of(&approval, case, device, used) => {
            Err(waits())
        }
        _ => {
            let why = if used.may_have_been_used() {
                "A restore of the console ended a voucher of this repair, which may have been used."
            } else {
                "A voucher of this repair was used already."
            };
            Err(Error::Conflict(format!(
                "{why} Another one takes a second person: ask for it, and make it once it is approved."
            )))
        }
    }
}

fn waits() -> Error {
    Error::Conflict("Another voucher was asked for already, and waits for a second person.".to_owned())
}

impl Fleet {
    /// Asks that another voucher may be made for a repair of which one was used. A second person approves exactly this; then
    /// [`Fleet::make_voucher`] makes it, within a week. A request that waits and is of what was there before is void by that.
    ///
    /// # Errors
    /// When the actor may not, there is no such repair, none of its vouchers was used, it changes no key or is not authorised
    /// or over, a request waits already, the hours are too many, or no reason is given.
    pub async fn request_voucher(&self, actor: &Actor, code: &str, request: &VoucherRequest) -> Result<ApprovalId> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let hours = time_of(request.hours)? / HOUR;
        let reason = text_of("reason", &request.reason, TEXT_MAX, "Say why another voucher is needed.")?;
        let case = self.kept_repair(code).await?;
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let (case, device) = bench(&mut deed, &case).await?;
        let used = store::voucher::used_of_within(&mut deed.tx, case.id).await?.ok_or_else(|| {
            Error::Conflict(format!("No voucher of {} was used yet: make one, nobody has to approve it.", case.code))
        })?;
        let name = name_of(&case);
        let last = store::approval::of_subject_within(&mut deed.tx, &name).await?;
        if let Some(last) = last.filter(|last| last.state == ApprovalState::Waiting) {
            if is_of(&last, &case, &device, &used) {
                return Err(waits());
            }
            // Nobody could approve that any more, and nobody need reject it.
            let words = changed_meanwhile();
            store::approval::void(&mut deed.tx, last.id, &words).await?;
            note(&mut deed, case.id, &format!("The request before this for another voucher is void: {words}")).await?;
            deed.ring("approval", &last.id.to_string()).await?;
        }
        let detail = detail(&case, &device, &used, hours, reason);
        let title = format!("Another voucher for {} in repair {}", case.serial, case.code);
        let id = open(&mut deed, ApprovalKind::Voucher, &name, &title, &detail).await?;
        ring(&mut deed, &case).await?;
        deed.commit("repair.voucher_request", &subject, &detail).await?;
        Ok(id)
    }

    /// Decides what somebody else asked for. It is looked once more at what the voucher would be for: should that be another,
    /// the request is void. The voucher itself is made by whoever gives it to the device, and shown to nobody else.
    pub(crate) async fn decide_voucher(
        &self,
        actor: &Actor,
        approval: &Approval,
        approve: bool,
        reason: &str,
    ) -> Result<()> {
        let code = approval.subject.strip_prefix("voucher:").unwrap_or_default();
        let case = self.kept_repair(code).await?;
        let subject = format!("approval:{}", approval.id);
        let mut deed = self.allow(actor, Permission::ApprovalDecide, &subject).await?;
        let as_shown = match bench(&mut deed, &case).await {
            Ok((case, device)) => {
                let used = store::voucher::used_of_within(&mut deed.tx, case.id).await?;
                used.is_some_and(|used| is_of(approval, &case, &device, &used))
            }
            Err(Error::Conflict(_)) => false,
            Err(error) => return Err(error),
        };
        conclude(&mut deed, approval, if approve { ApprovalState::Approved } else { ApprovalState::Rejected }, reason)
            .await?;
        let (state, words) = match (approve, as_shown) {
            (true, true) => (ApprovalState::Approved, reason.to_owned()),
            (true, false) => (ApprovalState::Void, changed_meanwhile()),
            (false, _) => (ApprovalState::Rejected, reason.to_owned()),
        };
        let told = match state {
            ApprovalState::Approved => format!("Another voucher was approved by {}.", actor.name()),
            ApprovalState::Void => {
                store::approval::void(&mut deed.tx, approval.id, &words).await?;
                format!("Another voucher was not approved: {words}")
            }
            _ => format!("Another voucher was rejected by {}: {words}", actor.name()),
        };
        note(&mut deed, case.id, &told).await?;
        ring(&mut deed, &case).await?;
        deed.commit("approval.decide", &subject, &detail_of(approval, state, &words)).await?;
        if state == ApprovalState::Void { Err(Error::Conflict(words)) } else { Ok(()) }
    }

    /// How the last request for another voucher stands; none when there was none since a voucher was used.
    pub(super) async fn another_voucher(
        &self,
        case: &RepairCase,
        device: &Device,
        used: Option<&Voucher>,
    ) -> Result<Option<AnotherVoucher>> {
        let Some(used) = used else { return Ok(None) };
        let last = store::approval::of_subject(self.db(), &name_of(case)).await?;
        Ok(last.filter(|approval| is_of(approval, case, device, used)).map(|approval| AnotherVoucher {
            approval: (&approval).into(),
            hours: hours_of(&approval),
            permits: permits(&approval, case, device, used, self.now()),
        }))
    }
}

fn changed_meanwhile() -> String {
    "The repair, the device’s manifest or the voucher that was used has changed since this was asked for.".to_owned()
}
