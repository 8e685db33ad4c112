//! Filling an empty fleet.

use crate::{World, lives};
use domain::time::{HOUR, Timestamp};
use fleet::{Actor, Fleet, Result};

/// Whoever fills the fleet, as audit and history name it.
pub const ACTOR: Actor = Actor::Rule { name: "demo" };

/// How many devices one transaction takes.
const CHUNK: i64 = 1_000;

/// Fills an empty fleet with `devices` devices and two years of life; the same each time for a seed and an hour.
/// `progress` hears how many devices are done.
///
/// # Errors
/// When the fleet is not empty, or the database fails.
pub async fn fill(fleet: &Fleet, seed: u64, devices: i64, mut progress: impl FnMut(i64) + Send) -> Result<()> {
    // Whole hours, so that a fleet made again within the hour is the same to the microsecond.
    let now = Timestamp(fleet.now().0 / HOUR * HOUR);
    let batches = 12;
    let mut world = World::new(seed, now, devices / batches + 1);
    let made: Vec<_> = world.batches.iter().map(|(batch, _)| batch.clone()).collect();
    fleet.seed_catalogue(&ACTOR, &world.custodians, &world.models, &made).await?;
    let mut done = 0;
    for index in 0..made.len() {
        let left = i64::try_from(made.len() - index).unwrap_or(1);
        let of_batch = (devices - done) / left;
        let mut number = 1;
        while number <= of_batch {
            let n = CHUNK.min(of_batch - number + 1);
            fleet.seed_devices(&ACTOR, &lives(&mut world, index, number, n)).await?;
            number += n;
            done += n;
            progress(done);
        }
    }
    Ok(())
}
