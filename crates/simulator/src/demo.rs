//! Filling an empty fleet.

use crate::{
    World,
    certify::{PastAct, certify, signed_for, take_revocations},
    lives,
    wired::Wanted,
};
use domain::time::{HOUR, Timestamp};
use fleet::{Actor, Error, Fleet, Result, seed::Life};
use serde::{Deserialize, Serialize};

/// Whoever fills the fleet, as audit and history name it.
pub const ACTOR: Actor = Actor::Rule { name: "demo" };

/// How many devices one transaction takes.
const CHUNK: i64 = 1_000;
/// How many batches there are.
const BATCHES: i64 = 12;

/// Which fleet is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The same number makes the same fleet.
    pub seed: u64,
    /// How many devices it has.
    pub devices: i64,
    /// The fleet's present.
    pub now: Timestamp,
}

impl Plan {
    /// A fleet whose present is this hour: made again within the hour it is the same to the microsecond.
    #[must_use]
    pub const fn new(now: Timestamp, seed: u64, devices: i64) -> Self {
        Self { seed, devices, now: Timestamp(now.0 / HOUR * HOUR) }
    }
}

/// Enters who there is and what is made. What an earlier call left there stays.
///
/// # Errors
/// When something else is in the fleet, or the database fails.
pub async fn found(fleet: &Fleet, plan: Plan) -> Result<World> {
    let world = World::new(plan.seed, plan.now, plan.devices / BATCHES + 1);
    let made: Vec<_> = world.batches.iter().map(|(batch, _)| batch.clone()).collect();
    if fleet.catalogue(&ACTOR).await?.custodians.is_empty() {
        fleet.seed_catalogue(&ACTOR, &world.custodians, &world.models, &made).await?;
    }
    Ok(world)
}

/// Fills a fleet with devices and two years of life. What an earlier call with the same plan left there stays, so that
/// one that was ended in the middle can be carried on. `progress` hears how many devices are done.
///
/// Devices of batches that an authority signs for get certificates that are really issued; whose were revoked is given
/// back, to be done by [`crate::events::revoke`].
///
/// # Errors
/// When something else is in the fleet, or the database fails.
pub async fn fill(fleet: &Fleet, plan: Plan, mut progress: impl FnMut(i64) + Send) -> Result<Vec<PastAct>> {
    let mut world = found(fleet, plan).await?;
    let signed_for = signed_for(fleet).await?;
    let codes: Vec<String> = world.batches.iter().map(|(batch, _)| batch.code.clone()).collect();
    let mut wired = Wanted::of(&world);
    let (mut done, mut acts) = (0, Vec::new());
    for (index, code) in codes.iter().enumerate() {
        let left = i64::try_from(codes.len() - index).unwrap_or(1);
        let of_batch = (plan.devices - done) / left;
        let mut number = 1;
        while number <= of_batch {
            let n = CHUNK.min(of_batch - number + 1);
            let mut lives = lives(&mut world, index, number, n);
            let authority = signed_for.get(code);
            if authority.is_some() {
                acts.extend(take_revocations(&mut lives));
            }
            let serials = wired.among(&lives);
            if !is_there(fleet, &lives).await? {
                if let Some(authority) = authority {
                    certify(fleet, code, authority, &mut lives, &serials).await?;
                }
                fleet.seed_devices(&ACTOR, &lives).await?;
            }
            number += n;
            done += n;
            progress(done);
        }
    }
    Ok(acts)
}

/// Whether these devices are there from an earlier call; all of them came in one transaction.
async fn is_there(fleet: &Fleet, lives: &[Life]) -> Result<bool> {
    let Some(first) = lives.first() else { return Ok(true) };
    match fleet.device(&ACTOR, &first.serial).await {
        Ok(_) => Ok(true),
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
