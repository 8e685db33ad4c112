//! A difference between what a device reports and its manifest: “this was us” makes it a repair, “this was not” leaves the
//! finding, says so, and may put the device on hold.

use super::{PartForm, draft, look::present, open::open_within, text_of};
use crate::{
    Actor, Error, Fleet, Result,
    custody::append,
    revocation::{RevokeForm, Selection},
};
use domain::{
    certificate::RevocationReason,
    device::Device,
    history::Event,
    id::FindingId,
    person::Permission,
    repair::{PartFate, TEXT_MAX},
    revocation::RevocationAct,
};
use serde_json::json;

/// What a device reports otherwise than its manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The slot.
    pub slot: String,
    /// The identifier that the device reports there; empty when it reports nothing any more.
    pub reported: String,
    /// The part's class, for a slot that the manifest doesn't list.
    pub class: String,
    /// The finding that says so.
    pub finding: Option<FindingId>,
}

impl Fleet {
    /// “This was us”: opens a repair in which the reported part is entered already. Its name. The finding is the
    /// repair's from then on; it is settled by whoever looks at it once the case is closed.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, it is in repair already, or the difference names no slot.
    pub async fn repair_of_difference(&self, actor: &Actor, serial: &str, difference: &Difference) -> Result<String> {
        let subject = format!("device:{}", serial.chars().take(80).collect::<String>());
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let technician = self.technician_of(actor, "").await?;
        let device = self.device(actor, serial).await?;
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let slot = text_of("slot", &difference.slot, 40, "Say which slot it is about.")?;
        let symptom = format!("The device reports another part in {slot} than its manifest lists.");
        let mut case = open_within(&mut deed, &device, &symptom, &technician, difference.finding).await?;
        let parts = present(&store::component::of_device_within(&mut deed.tx, device.id).await?);
        let form = PartForm {
            slot: slot.to_owned(),
            fate: PartFate::Missing.as_str().to_owned(),
            part_in: difference.reported.clone(),
            class: difference.class.clone(),
            ..PartForm::default()
        };
        let (slot, lines) = draft::lines_of(&form, &parts)?;
        draft::put(&mut deed, &mut case, &slot, &lines).await?;
        let detail =
            json!({"repair": case.code, "slot": slot, "reported": difference.reported, "finding": difference.finding});
        deed.commit("repair.open", &subject, &detail).await?;
        Ok(case.code)
    }

    /// “This was not us”: notes it in the device's history and leaves the finding as it is; with `hold` the device's
    /// certificates go on hold after that, so that the note is there whatever becomes of the hold.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, nothing is said, or there is nothing to put on hold.
    pub async fn deny_difference(&self, actor: &Actor, serial: &str, text: &str, hold: bool) -> Result<()> {
        let subject = format!("device:{}", serial.chars().take(80).collect::<String>());
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let text = text_of("text", text, TEXT_MAX, "Say what does not fit.")?;
        let device = self.device(actor, serial).await?;
        let hold = if hold { Some(self.hold_of(actor, &device, text).await?) } else { None };
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let words = format!("Not one of our repairs: {text}");
        let entry = self.entry(actor, self.now(), "", Event::Note { text: words });
        append(&mut deed, &device, vec![entry]).await?;
        deed.ring("device", &device.serial).await?;
        deed.commit("repair.deny", &subject, &json!({"text": text, "hold": hold.is_some()})).await?;
        if let Some(form) = hold {
            self.revoke(actor, &form).await?;
        }
        Ok(())
    }

    /// What puts a device's certificates on hold; an error when there is none, before anything is noted.
    async fn hold_of(&self, actor: &Actor, device: &Device, text: &str) -> Result<RevokeForm> {
        let subject = format!("device:{}", device.serial);
        self.authorise(actor, Permission::CertificateHold, &subject).await?;
        let selection = Selection::Device(device.serial.clone());
        let preview = self.preview(actor, &selection, RevocationAct::Hold).await?;
        if preview.certificates == 0 {
            let words = format!("{} has no certificate that could be put on hold.", device.serial);
            return Err(Error::field("hold", words));
        }
        let note: String = format!("Not our repair: {text}").chars().take(TEXT_MAX).collect();
        Ok(RevokeForm {
            selection,
            act: RevocationAct::Hold,
            reason: RevocationReason::CertificateHold,
            note,
            confirmation: preview.confirm_word,
            preview_hash: preview.hash,
        })
    }
}
