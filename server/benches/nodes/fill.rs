//! A fleet of some size: in bulk, as factories enter it. Those that call are spread over all the others, and have certificates.

use crate::world::{Device, LARGE, RULE, World, life, request_der};
use domain::id::DeviceId;
use fleet::{enrol::EnrolItem, seed::Life};
use pki::SoftwareKey;
use uuid::Uuid;

/// How many devices are entered and enrolled at once.
const CHUNK: usize = 5_000;
/// The hardware revision of those that a rollout is for.
pub const UPDATED: &str = "B";

/// Whoever calls: device `number` of the fleet.
pub struct Caller {
    pub number: usize,
    pub device: Device,
    /// Whether it is of the revision [`UPDATED`].
    pub is_updated: bool,
}

/// Fills a fleet with devices that run 1.0, one of so many of which is of the revision [`UPDATED`]. Those that call.
pub async fn fill(world: &World, devices: usize, callers: usize, one_of: usize) -> Vec<Caller> {
    let mut calling = Vec::with_capacity(callers);
    for first in (0..devices).step_by(CHUNK) {
        let (now, numbers) = (world.fleet.now(), first..(first + CHUNK).min(devices));
        let lives: Vec<Life> = numbers
            .clone()
            .map(|n| {
                let revision = if n.is_multiple_of(one_of) { UPDATED } else { "C" };
                let life = life(DeviceId(Uuid::now_v7()), &format!("GW-{n:07}"), LARGE, now);
                Life { hardware_revision: revision.to_owned(), ..life }
            })
            .collect();
        world.fleet.seed_devices(&RULE, &lives).await.unwrap();
        // As many of them as there should be up to here.
        let calls = |n: usize| n * callers / devices != (n + 1) * callers / devices;
        let called: Vec<(usize, &Life)> = numbers.zip(&lives).filter(|(n, _)| calls(*n)).collect();
        calling.extend(enrolled(world, &called).await);
    }
    world.fleet.db().optimize().await.unwrap();
    calling
}

/// Gets these devices their certificates, in one call.
async fn enrolled(world: &World, called: &[(usize, &Life)]) -> Vec<Caller> {
    let asked: Vec<(SoftwareKey, Vec<u8>)> = called.iter().map(|(_, life)| request_der(&life.serial)).collect();
    let item = |((_, life), (_, der)): (&(usize, &Life), &(SoftwareKey, Vec<u8>))| EnrolItem {
        serial: life.serial.clone(),
        csr: pki::request_pem(der),
        ..EnrolItem::default()
    };
    let items = called.iter().zip(&asked).map(item).collect();
    let outcomes = world.fleet.enrol_many(&RULE, LARGE, items).await.unwrap();
    assert_eq!(outcomes.len(), called.len(), "each has an answer of its own");
    let all = called.iter().zip(asked).zip(outcomes);
    all.map(|(((number, life), (key, _)), outcome)| {
        assert_eq!(life.serial, outcome.serial);
        let certificate = outcome.outcome.unwrap().certificate;
        let device = Device { serial: life.serial.clone(), key, certificate };
        Caller { number: *number, device, is_updated: life.hardware_revision == UPDATED }
    })
    .collect()
}
