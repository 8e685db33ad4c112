//! The repair desk: from what is wrong with a device to the report by which the device itself closes the case.
//!
//! A repair writes the next manifest, chained to the one before, and nothing else does once a device has left its
//! factory. What is typed is kept as it is typed; whether it is right is looked at each time it is shown, and once more
//! in the transaction that writes the manifest.

mod another;
mod attach;
mod authorise;
mod carry;
mod difference;
mod draft;
mod look;
mod open;
mod read;
mod scan;
mod taint;
mod verify;
mod voucher;

pub use another::{AnotherVoucher, VoucherRequest};
pub use authorise::Authorised;
pub use carry::{TakenFiles, TakenIn};
pub use difference::Difference;
pub use draft::PartForm;
pub use look::SlotLook;
pub use open::OpenForm;
pub use read::{RepairDetail, RepairFilter, RepairPage};
pub use scan::{SCAN_MAX, Scanned, without_claim_code};
pub use store::{
    repair::{
        RepairCase, RepairPart,
        attached::{RepairNote, RepairPhoto},
    },
    taint::TaintedPart,
    voucher::Voucher,
};
pub(crate) use verify::on_report;
pub use voucher::{NewVoucher, is_voucher};
pub(crate) use voucher::{can_be_voucher, enrolled};

use crate::{Deed, Error, Fleet, Result};
use domain::{
    history::Event,
    id::{RepairId, RepairNoteId},
    repair::{RepairState, read_code},
    time::Timestamp,
};
use store::repair::attached;
use uuid::Uuid;

/// By what a repair is named in the audit log, in approvals and by the bell.
fn subject_of(code: &str) -> String {
    format!("repair:{}", code.chars().take(40).collect::<String>())
}

/// A text of so many characters at most, without the spaces around it; what is wrong with it says `field`.
fn text_of<'a>(field: &str, text: &'a str, most: usize, empty: &str) -> Result<&'a str> {
    let text = text.trim();
    if text.is_empty() && !empty.is_empty() {
        return Err(Error::field(field, empty));
    }
    if text.chars().count() > most {
        return Err(Error::field(field, format!("Keep it under {most} characters.")));
    }
    Ok(text)
}

/// Moves a case on, if it may go there.
fn step(case: &mut RepairCase, next: RepairState, at: Timestamp) -> Result<()> {
    if !case.state.leads_to(next) {
        return Err(standing_in_the_way(case));
    }
    case.state = next;
    case.updated_at = at;
    Ok(())
}

/// That something can't be done by how a case stands.
fn standing_in_the_way(case: &RepairCase) -> Error {
    let how = match case.state {
        RepairState::Reported => "is still on the bench",
        RepairState::Authorising => "waits for a second person; cancel it, or wait for the decision",
        RepairState::Authorised | RepairState::ReEnrolling | RepairState::Verifying => "was authorised already",
        RepairState::Closed => "is closed",
        RepairState::Cancelled => "was cancelled",
    };
    Error::Conflict(format!("{} {how}.", case.code))
}

/// Writes a note in the deed's transaction.
async fn note(deed: &mut Deed<'_>, case: RepairId, text: &str) -> Result<()> {
    let (at, by) = (deed.fleet().now(), deed.actor().name().to_owned());
    let note = RepairNote { id: RepairNoteId(Uuid::now_v7()), at, by, text: text.to_owned() };
    Ok(attached::add_note(&mut deed.tx, case, &note).await?)
}

/// Tells of a case: its page, and that of its device.
async fn ring(deed: &mut Deed<'_>, case: &RepairCase) -> Result<()> {
    deed.ring("repair", &case.code).await?;
    deed.ring("device", &case.serial).await
}

/// Ends a case in the deed's transaction, by which its device is held.
async fn end(deed: &mut Deed<'_>, case: &mut RepairCase, state: RepairState, by: &str, outcome: &str) -> Result<()> {
    let (fleet, actor) = (deed.fleet(), deed.actor());
    let now = fleet.now();
    step(case, state, now)?;
    by.clone_into(&mut case.closed_by);
    case.closed_at = Some(now);
    outcome.clone_into(&mut case.outcome);
    store::repair::update(&mut deed.tx, case).await?;
    store::voucher::void(&mut deed.tx, case.id, now).await?;
    let event = Event::RepairClosed { case: case.code.clone(), outcome: outcome.to_owned() };
    let entry = fleet.entry(actor, now, "", event);
    let device = store::device::lock(&mut deed.tx, case.device_id).await?;
    let device = device.ok_or_else(|| Error::not_found("device", &case.serial))?;
    crate::custody::append(deed, &device, vec![entry]).await?;
    ring(deed, case).await
}

impl Fleet {
    /// A repair by its name, however it was typed.
    async fn kept_repair(&self, code: &str) -> Result<RepairCase> {
        let missing = || Error::not_found("repair", code);
        let code = read_code(code).ok_or_else(missing)?;
        store::repair::by_code(self.db(), &code).await?.ok_or_else(missing)
    }
}

/// A case, held by the deed from here on.
async fn held(deed: &mut Deed<'_>, case: &RepairCase) -> Result<RepairCase> {
    let found = store::repair::lock(&mut deed.tx, case.id).await?;
    found.ok_or_else(|| Error::not_found("repair", &case.code))
}
