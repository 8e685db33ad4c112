//! Vouchers: the way back to a certificate for a device whose key was changed. Shown once, used once, for some hours.

use super::{RepairCase, Voucher, another, held, ring, standing_in_the_way, step, subject_of};
use crate::{Actor, Deed, Error, Fleet, Result, secret};
use domain::{
    device::Device,
    id::VoucherId,
    person::Permission,
    repair::{RepairState, VOUCHER_TIME, VOUCHER_TIME_MAX, VOUCHER_TIME_MIN},
    time::{HOUR, Timestamp},
};
use serde_json::json;
use uuid::Uuid;

/// What every voucher begins with.
const PREFIX: &str = "musterv_";

/// Whether a secret can be a voucher at all.
pub(crate) fn can_be_voucher(secret: &str) -> bool {
    is_voucher(secret) && secret.len() == PREFIX.len() + secret::LENGTH
}

/// Whether a secret is meant to be a voucher.
#[must_use]
pub fn is_voucher(secret: &str) -> bool {
    secret.starts_with(PREFIX)
}

/// A voucher that was just made. It is kept nowhere: this is the only time that it is shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NewVoucher {
    /// The voucher.
    pub voucher: String,
    /// The device that it is for.
    pub serial: String,
    /// The code of the device's batch: EST's label.
    pub batch: String,
    /// Until when it counts.
    pub expires_at: Timestamp,
}

/// Whether a device can be sent for a certificate as its case stands.
const fn takes_voucher(case: &RepairCase) -> bool {
    let right = matches!(case.state, RepairState::Authorised | RepairState::ReEnrolling | RepairState::Verifying);
    right && case.key_changes
}

/// How long a voucher counts, in microseconds, for hours as they were typed.
pub(super) fn time_of(hours: i64) -> Result<i64> {
    let time = if hours == 0 { VOUCHER_TIME } else { hours.saturating_mul(HOUR) };
    if (VOUCHER_TIME_MIN..=VOUCHER_TIME_MAX).contains(&time) {
        return Ok(time);
    }
    Err(Error::field("hours", format!("Give 1 to {} hours.", VOUCHER_TIME_MAX / HOUR)))
}

/// A case whose device can be sent for a certificate, and the device: both held by the deed from here on, the device first,
/// as whoever uses a voucher does.
pub(super) async fn bench(deed: &mut Deed<'_>, case: &RepairCase) -> Result<(RepairCase, Device)> {
    let device = store::device::lock(&mut deed.tx, case.device_id).await?;
    let device = device.ok_or_else(|| Error::not_found("device", &case.serial))?;
    let case = held(deed, case).await?;
    if takes_voucher(&case) {
        return Ok((case, device));
    }
    Err(if case.state.is_written() && case.state.is_open() {
        Error::Conflict(format!("{} changes no key: the device comes with the certificate that it has.", case.code))
    } else {
        standing_in_the_way(&case)
    })
}

impl Fleet {
    /// Makes a voucher for the device of a repair that changed its key, for so many hours (0 for a day). One that was
    /// made before and not used counts no more. Once one of the repair was used, another one brings a certificate for a key
    /// that nobody has seen yet: it takes an approval (see [`Fleet::request_voucher`]), and counts for as many hours as that
    /// says.
    ///
    /// # Errors
    /// When the actor may not, there is no such repair, it changes no key or is not authorised or over, the hours are too
    /// many, or nobody has approved another voucher.
    pub async fn make_voucher(&self, actor: &Actor, code: &str, hours: i64) -> Result<NewVoucher> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RepairManage, &subject).await?;
        let asked = time_of(hours)?;
        let case = self.kept_repair(code).await?;
        let device = self.device(actor, &case.serial).await?;
        let batch = self.load_catalogue().await?.batch_code(device.batch_id).to_owned();
        let token = format!("{PREFIX}{}", secret::fresh()?);
        let mut deed = self.allow(actor, Permission::RepairManage, &subject).await?;
        let (mut case, device) = bench(&mut deed, &case).await?;
        let permit = match store::voucher::used_of_within(&mut deed.tx, case.id).await? {
            None => None,
            Some(used) => Some(another::permit(&mut deed, &case, &device, &used).await?),
        };
        let time = permit.as_ref().map_or(Ok(asked), |permit| time_of(permit.hours))?;
        let now = self.now();
        let voucher = Voucher {
            id: VoucherId(Uuid::now_v7()),
            device_id: case.device_id,
            serial: case.serial.clone(),
            case_id: case.id,
            made_by: actor.name().to_owned(),
            made_at: now,
            expires_at: now.plus(time),
            void_at: None,
            used_at: None,
            used_key: String::new(),
            certificate_id: None,
        };
        store::voucher::put(&mut deed.tx, &voucher, &secret::hash(&token)).await?;
        // Where the report is awaited already it stays awaited: the voucher may never be used.
        if case.state == RepairState::Authorised {
            step(&mut case, RepairState::ReEnrolling, now)?;
            store::repair::update(&mut deed.tx, &case).await?;
        }
        ring(&mut deed, &case).await?;
        let detail = json!({
            "device": case.serial, "voucher": voucher.id, "expires_at": voucher.expires_at,
            "approval": permit.map(|permit| permit.approval),
        });
        deed.commit("repair.voucher", &subject, &detail).await?;
        Ok(NewVoucher { voucher: token, serial: case.serial, batch, expires_at: voucher.expires_at })
    }
}

/// Moves the case of a voucher on once its device has a certificate, in the deed's transaction.
pub(crate) async fn enrolled(deed: &mut Deed<'_>, voucher: &Voucher) -> Result<()> {
    let case = store::repair::lock(&mut deed.tx, voucher.case_id).await?;
    let Some(mut case) = case.filter(|case| case.state == RepairState::ReEnrolling) else { return Ok(()) };
    step(&mut case, RepairState::Verifying, deed.fleet().now())?;
    store::repair::update(&mut deed.tx, &case).await?;
    // It may have reported the new parts before it came for its certificate.
    store::report::want(&mut deed.tx, case.device_id).await?;
    deed.ring("repair", &case.code).await
}
