//! Opening a case, giving it to somebody, cancelling it, and closing it by hand.

use super::{RepairCase, end, held, ring, standing_in_the_way, subject_of, text_of};
use crate::{Actor, Deed, Error, Fleet, Result, custody::append};
use domain::{
    device::{Device, Lifecycle},
    history::Event,
    id::{FindingId, RepairId},
    person::Permission,
    repair::{RepairState, TEXT_MAX, case_code, case_year},
};
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What is said when a case is opened.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize)]
pub struct OpenForm {
    /// What is wrong with the device.
    #[serde(default)]
    pub symptom: String,
    /// Who works on it: the address of an account; empty for whoever opens it.
    #[serde(default)]
    pub technician: String,
}

impl Fleet {
    /// Opens a repair of a device, which is in repair from then on. The case's name.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, it is retired or in repair already, or a field is wrong.
    pub async fn open_repair(&self, actor: &Actor, serial: &str, form: &OpenForm) -> Result<String> {
        let subject = format!("device:{}", serial.chars().take(80).collect::<String>());
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let symptom = text_of("symptom", &form.symptom, TEXT_MAX, "Say what is wrong with the device.")?;
        let technician = self.technician_of(actor, &form.technician).await?;
        let device = self.device(actor, serial).await?;
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let case = open_within(&mut deed, &device, symptom, &technician, None).await?;
        let detail = json!({"repair": case.code, "symptom": symptom, "technician": technician});
        deed.commit("repair.open", &subject, &detail).await?;
        Ok(case.code)
    }

    /// Who is to work on a case: an account that may.
    pub(super) async fn technician_of(&self, actor: &Actor, typed: &str) -> Result<String> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Ok(if matches!(actor, Actor::User { .. }) { actor.name().to_owned() } else { String::new() });
        }
        let known = store::user::by_email(self.db(), &typed.to_lowercase()).await?;
        let able =
            known.filter(|known| known.user.disabled_at.is_none() && known.user.role.may(Permission::RepairManage));
        able.map(|known| known.user.email).ok_or_else(|| {
            Error::field("technician", "Give the address of an account that may record repairs, or nothing.")
        })
    }

    /// Gives an open repair to somebody: to the account of this address, or to whoever asks.
    ///
    /// # Errors
    /// When the actor may not, there is no such repair or account, or the repair is over.
    pub async fn assign_repair(&self, actor: &Actor, code: &str, technician: &str) -> Result<String> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let case = self.kept_repair(code).await?;
        let technician = self.technician_of(actor, technician).await?;
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let mut case = held(&mut deed, &case).await?;
        if !case.state.is_open() {
            return Err(standing_in_the_way(&case));
        }
        case.technician.clone_from(&technician);
        case.updated_at = self.now();
        store::repair::update(&mut deed.tx, &case).await?;
        ring(&mut deed, &case).await?;
        deed.commit("repair.assign", &subject, &json!({"technician": technician})).await?;
        Ok(technician)
    }

    /// Cancels a repair that was not authorised: nothing of the device has changed.
    ///
    /// # Errors
    /// When the actor may not, there is no such repair, it was authorised or is over, or no reason is given.
    pub async fn cancel_repair(&self, actor: &Actor, code: &str, reason: &str) -> Result<()> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let reason = text_of("reason", reason, TEXT_MAX, "Say why it is cancelled.")?;
        let case = self.kept_repair(code).await?;
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        store::device::lock(&mut deed.tx, case.device_id).await?;
        let mut case = held(&mut deed, &case).await?;
        let waiting = case.approval_id.filter(|_| case.state == RepairState::Authorising);
        end(&mut deed, &mut case, RepairState::Cancelled, actor.name(), &format!("Cancelled: {reason}")).await?;
        if let Some(approval) = waiting {
            store::approval::void(&mut deed.tx, approval, "The repair was cancelled.").await?;
            deed.ring("approval", &approval.to_string()).await?;
        }
        deed.commit("repair.cancel", &subject, &json!({"device": case.serial, "reason": reason})).await
    }

    /// Closes a repair without the device's own report: it can't report, or not yet.
    ///
    /// # Errors
    /// When the actor may not, there is no such repair, it was not authorised or is over, or it is not said how it is
    /// known that the device is what its manifest says.
    pub async fn close_repair(&self, actor: &Actor, code: &str, outcome: &str) -> Result<()> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RepairClose, &subject).await?;
        let known = "Say how you know that the device is what its manifest says.";
        let outcome = text_of("outcome", outcome, TEXT_MAX, known)?;
        let case = self.kept_repair(code).await?;
        let mut deed = self.allow(actor, Permission::RepairClose, &subject).await?;
        store::device::lock(&mut deed.tx, case.device_id).await?;
        let mut case = held(&mut deed, &case).await?;
        if !case.state.is_written() {
            return Err(Error::Conflict(format!(
                "{} was not authorised. Authorise it first, or cancel it.",
                case.code
            )));
        }
        let never_enrolled = matches!(case.state, RepairState::Authorised | RepairState::ReEnrolling);
        if case.key_changes && never_enrolled {
            retire_old_key(&mut deed, &case).await?;
        }
        let words = format!("Closed by hand, without the device’s report: {outcome}");
        end(&mut deed, &mut case, RepairState::Closed, actor.name(), &words).await?;
        let retired = case.key_changes && never_enrolled;
        let detail = json!({"device": case.serial, "outcome": outcome, "old_key_retired": retired});
        deed.commit("repair.close", &subject, &detail).await?;
        if let Err(error) = self.refresh_trust().await {
            tracing::warn!(%error, "the trust of this process has not followed yet");
        }
        Ok(())
    }
}

/// Lets the certificates for the key that was taken out count no more: the device never fetched one for its new key.
async fn retire_old_key(deed: &mut Deed<'_>, case: &RepairCase) -> Result<()> {
    let now = deed.fleet().now();
    let known = store::certificate::of_device_within(&mut deed.tx, &case.serial).await?;
    let mut new = BTreeSet::new();
    // In the order in which they were issued. What renews the old key's is the old key's, too.
    for certificate in &known {
        let is_later = case.authorised_at.is_some_and(|at| certificate.issued_at >= at);
        if is_later && certificate.replaces.is_none_or(|replaced| new.contains(&replaced)) {
            new.insert(certificate.id);
        }
    }
    for old in known.into_iter().filter(|old| !new.contains(&old.id)) {
        let cut = store::revoked::one_within(&mut deed.tx, old.authority_id, &old.serial).await?;
        // A hold can be released again, and with it the key that is gone.
        if cut.as_ref().is_some_and(|cut| crate::trust::is_hold(cut.reason)) && old.not_after > now {
            return Err(Error::Conflict(format!(
                "A certificate of {} is on hold. Revoke it, or release it, before this is closed.",
                case.serial
            )));
        }
        if cut.is_none() && store::certificate::supersede(&mut deed.tx, old.id, now).await? {
            crate::revocation::supersede(deed, old.authority_id, &old.serial).await?;
        }
    }
    Ok(())
}

/// Opens a case in the deed's transaction.
pub(super) async fn open_within(
    deed: &mut Deed<'_>,
    device: &Device,
    symptom: &str,
    technician: &str,
    finding: Option<FindingId>,
) -> Result<RepairCase> {
    let (fleet, actor) = (deed.fleet(), deed.actor());
    let now = fleet.now();
    let held = store::device::lock(&mut deed.tx, device.id).await?;
    let device = held.ok_or_else(|| Error::not_found("device", &device.serial))?;
    if device.lifecycle == Lifecycle::Retired {
        return Err(Error::Conflict(format!("{} is retired and is not repaired any more.", device.serial)));
    }
    if let Some(open) = store::repair::open_of_device(&mut deed.tx, device.id).await? {
        return Err(Error::Conflict(format!(
            "{} is in repair already: {}, opened by {}.",
            device.serial, open.code, open.opened_by
        )));
    }
    let number = store::repair::next_number(&mut deed.tx, case_year(now)).await?;
    let case = RepairCase {
        id: RepairId(Uuid::now_v7()),
        code: case_code(now, number),
        device_id: device.id,
        serial: device.serial.clone(),
        state: RepairState::Reported,
        symptom: symptom.to_owned(),
        technician: technician.to_owned(),
        opened_by: actor.name().to_owned(),
        opened_at: now,
        updated_at: now,
        finding_id: finding,
        reason: String::new(),
        expected_version: 0,
        key_changes: false,
        approval_id: None,
        authorised_by: String::new(),
        authorised_at: None,
        closed_by: String::new(),
        closed_at: None,
        outcome: String::new(),
    };
    store::repair::insert(&mut deed.tx, &case).await?;
    let event = Event::RepairOpened { case: case.code.clone(), symptom: symptom.to_owned() };
    let entry = fleet.entry(actor, now, "", event);
    append(deed, &device, vec![entry]).await?;
    ring(deed, &case).await?;
    Ok(case)
}
