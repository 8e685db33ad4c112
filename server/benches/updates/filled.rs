//! A fleet of some size, in which those that call are spread over all the others.

use crate::world::{Device, LARGE, RULE, World, life, request};
use domain::{
    id::DeviceId,
    report::{Attributes, UpdateMode},
};
use fleet::{Actor, Origin, seed::Life};
use std::net::Ipv4Addr;
use uuid::Uuid;

/// How many devices are entered in one transaction.
const CHUNK: usize = 5_000;

/// Whoever calls: device `number` of the fleet.
pub struct Caller {
    pub number: usize,
    pub id: DeviceId,
    pub device: Device,
}

impl Caller {
    /// It, as it acts.
    pub fn actor(&self) -> Actor {
        actor(self.id, &self.device.serial)
    }
}

fn actor(id: DeviceId, serial: &str) -> Actor {
    let origin = Origin { address: Ipv4Addr::LOCALHOST.to_string() };
    Actor::Device { id, serial: serial.to_owned(), origin }
}

/// Fills a fleet with devices that run 1.0. Those that call, which have certificates and have reported what they run.
pub async fn fill(world: &World, devices: usize, callers: usize) -> Vec<Caller> {
    let mut calling = Vec::with_capacity(callers);
    for first in (0..devices).step_by(CHUNK) {
        let now = world.fleet.now();
        let numbers = first..(first + CHUNK).min(devices);
        let made = |n: usize| life(DeviceId(Uuid::now_v7()), &format!("GW-{n:07}"), LARGE, now);
        let lives: Vec<Life> = numbers.clone().map(made).collect();
        world.fleet.seed_devices(&RULE, &lives).await.unwrap();
        // As many of them as there should be up to here.
        let calls = |n: usize| n * callers / devices != (n + 1) * callers / devices;
        for (n, life) in numbers.zip(&lives).filter(|(n, _)| calls(*n)) {
            calling.push(enrolled(world, n, life).await);
        }
    }
    world.fleet.db().optimize().await.unwrap();
    calling
}

async fn enrolled(world: &World, number: usize, life: &Life) -> Caller {
    let (key, request) = request(&life.serial);
    let enrolled = world.fleet.enrol(&RULE, LARGE, &request, &life.serial).await.unwrap();
    let said = Attributes::collect([("sw.version", "1.0".to_owned())]);
    world.fleet.report(&actor(life.id, &life.serial), said, UpdateMode::Replace).await.unwrap();
    let device = Device { serial: life.serial.clone(), key, certificate: enrolled.certificate };
    Caller { number, id: life.id, device }
}
