//! The device's own report, which closes a case.

use super::{RepairCase, end, held, look::present};
use crate::{Actor, Deed, Error, Fleet, Result};
use domain::{
    component::Part,
    device::Device,
    person::Permission,
    repair::{PartDirection, RepairState},
};

fn is_awaited(case: &RepairCase, device: &Device) -> bool {
    case.state == RepairState::Verifying && case.expected_version == device.manifest_version
}

/// Hears what a device reports of itself, in the deed of that report, by which the device is held. `confirms` is asked
/// whether the report shows that it is made of exactly this manifest version, into which these parts came (see
/// [`domain::report::Comparison::confirms`]); only where a repair waits for that. Then the repair is closed; whether one
/// was. One read where none is open.
///
/// # Errors
/// When the database fails.
pub(crate) async fn on_report(
    deed: &mut Deed<'_>,
    device: &Device,
    confirms: impl FnOnce(i64, &[Part]) -> bool + Send,
) -> Result<bool> {
    let open = store::repair::open_of_device(&mut deed.tx, device.id).await?;
    let Some(case) = open.filter(|case| is_awaited(case, device)) else { return Ok(false) };
    let mut case = held(deed, &case).await?;
    let lines = store::repair::parts_within(&mut deed.tx, case.id).await?;
    let came_in = |part: &Part| {
        let same = |line: &super::RepairPart| line.identifier_key == part.identifier_key;
        lines.iter().any(|line| line.direction == PartDirection::In && same(line))
    };
    let components = store::component::of_device_within(&mut deed.tx, device.id).await?;
    let fitted: Vec<Part> = present(&components).into_iter().filter(came_in).collect();
    if !is_awaited(&case, device) || !confirms(case.expected_version, &fitted) {
        return Ok(false);
    }
    let outcome = format!("The device reports exactly manifest version {}.", case.expected_version);
    end(deed, &mut case, RepairState::Closed, &device.serial, &outcome).await?;
    Ok(true)
}

impl Fleet {
    /// A device says what it is made of: closes its repair, if one waits for that and `confirms` says that it is exactly the
    /// given manifest version, with these parts that came in. Whether it closed one.
    ///
    /// # Errors
    /// When the actor is no device, there is no such device, or the database fails.
    pub async fn hear_repaired(
        &self,
        actor: &Actor,
        confirms: impl FnOnce(i64, &[Part]) -> bool + Send,
    ) -> Result<bool> {
        let id = match actor {
            Actor::Device { id, .. } => *id,
            Actor::Nobody { .. } => return Err(Error::NotSignedIn),
            // Nobody but the device itself can say it.
            _ => return Err(Error::Forbidden { permission: Permission::RepairClose }),
        };
        let mut deed = self.deed_of_device(actor).await?;
        let device = store::device::lock(&mut deed.tx, id).await?;
        let device = device.ok_or_else(|| Error::not_found("device", actor.name()))?;
        let closed = on_report(&mut deed, &device, confirms).await?;
        deed.commit_as_history().await?;
        Ok(closed)
    }
}
