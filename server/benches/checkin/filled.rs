//! A fleet of some size, in which those that call are spread over all the others.

use crate::world::{Device, FACTORY, LARGE, MODEL, RULE, World, batch_id, entered, life, request, slug};
use domain::{
    cadence::{Cadence, Poll},
    component::{ComponentClass, Part},
    history::{Entry, Event},
    id::{AuthorityId, DeviceId, HistoryId},
    identifier::normalise,
    report::{Attributes, UpdateMode},
    time::{DAY, HOUR, Timestamp},
};
use fleet::{Actor, Origin, seed::Life};
use pki::SerialNumber;
use std::net::{IpAddr, Ipv4Addr};
use store::{
    poll::Polled,
    report::{Report, ReportedPart},
};
use uuid::Uuid;

/// How many devices are entered in one transaction.
const CHUNK: usize = 5_000;
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What device `n` is made of.
fn parts(n: usize) -> [Part; 2] {
    let cpu = part("cpu", ComponentClass::Cpu, &format!("4E1D{n:08X}"));
    [cpu, part("wlan0", ComponentClass::Wlan, &mac(0xD8_80_39, n))]
}

/// An address of a maker.
pub fn mac(maker: usize, n: usize) -> String {
    let all = format!("{maker:06x}{:06x}", n % 0x0100_0000);
    let pairs: Vec<&str> = (0..6).map(|at| &all[2 * at..2 * at + 2]).collect();
    pairs.join(":")
}

fn part(slot: &str, class: ComponentClass, identifier: &str) -> Part {
    let found = normalise(class, identifier).unwrap();
    Part {
        slot: slot.to_owned(),
        class,
        maker: "Acme".to_owned(),
        model: "M1".to_owned(),
        identifier: found.shown,
        identifier_key: found.key,
    }
}

/// What device `n` reports, with this address of its WLAN module.
pub fn said(n: usize, wlan: &str) -> Attributes {
    let attributes = [("hw.cpu", format!("4E1D{n:08X}")), ("hw.wlan0.mac", wlan.to_owned())];
    Attributes::collect(attributes.into_iter().chain([("sw.version", "1.0".to_owned())]))
}

/// Whoever calls: device `number` of the fleet.
pub struct Caller {
    pub number: usize,
    pub device: Device,
}

/// Fills a fleet. Those that call, who have reported before.
pub async fn fill(world: &World, devices: usize, callers: usize) -> Vec<Caller> {
    let authority = world.fleet.authority(&RULE, &slug(LARGE)).await.unwrap().row.authority.id;
    let like = world.devices(LARGE, "LIKE", 1).await.remove(0);
    let mut calling = Vec::with_capacity(callers);
    for first in (0..devices).step_by(CHUNK) {
        let numbers = first..(first + CHUNK).min(devices);
        let now = world.fleet.now();
        let lives: Vec<Life> = numbers.clone().map(|n| made(n, now)).collect();
        world.fleet.seed_devices(&RULE, &lives).await.unwrap();
        // As many of them as there should be up to here.
        let calls = |n: usize| n * callers / devices != (n + 1) * callers / devices;
        for (n, life) in numbers.clone().zip(&lives).filter(|(n, _)| calls(*n)) {
            calling.push(enrolled(world, n, life).await);
        }
        let others: Vec<(usize, &Life)> = numbers.zip(&lives).filter(|(n, _)| !calls(*n)).collect();
        live(world, authority, &like, &others).await;
    }
    world.fleet.db().optimize().await.unwrap();
    calling
}

fn serial(n: usize) -> String {
    format!("GW-{n:07}")
}

fn made(n: usize, now: Timestamp) -> Life {
    let (serial, parts) = (serial(n), parts(n).to_vec());
    let mut life = life(DeviceId(Uuid::now_v7()), &serial, LARGE, now);
    let first = life.history[0].clone();
    let manifest = Event::ManifestRecorded {
        version: 1,
        hash: domain::manifest::hash(&serial, 1, "", &parts),
        previous_hash: String::new(),
        fitted: parts,
        removed: Vec::new(),
        reason: String::new(),
    };
    life.history.push(Entry { id: HistoryId(Uuid::now_v7()), at: first.at.plus(1), event: manifest, ..first });
    assert_eq!((life.model_id, life.factory_id), (MODEL, FACTORY));
    life
}

/// A device with a certificate of its own, which reports for the first time.
async fn enrolled(world: &World, number: usize, life: &Life) -> Caller {
    let (key, request) = request(&life.serial);
    let enrolled = world.fleet.enrol(&RULE, LARGE, &request, &life.serial).await.unwrap();
    let origin = Origin { address: HOME.to_string() };
    let actor = Actor::Device { id: life.id, serial: life.serial.clone(), origin };
    let said = said(number, &mac(0xD8_80_39, number));
    world.fleet.report(&actor, said, UpdateMode::Replace).await.unwrap();
    Caller { number, device: Device { serial: life.serial.clone(), key, certificate: enrolled.certificate } }
}

/// What the others have: certificates with the bytes of one, for nobody shows them, and a report and a poll each.
async fn live(world: &World, authority: AuthorityId, like: &Device, others: &[(usize, &Life)]) {
    let now = world.fleet.now();
    let at = now.plus(-HOUR);
    let mut certificates = Vec::with_capacity(others.len());
    let mut polls = Vec::with_capacity(others.len());
    let mut tx = world.fleet.db().begin().await.unwrap();
    for (n, life) in others {
        let of = (life.id, life.serial.as_str());
        let row = entered(authority, &like.certificate, SerialNumber::random().unwrap(), of, now);
        certificates.push((row, like.certificate.der().to_vec()));
        let poll = Poll { at, address: HOME, interval_s: 300 };
        polls.push(Polled { device: life.id, cadence: Cadence::begin(&poll), address: HOME.to_string(), at });
        let attributes = said(*n, &mac(0xD8_80_39, *n));
        let report = Report {
            confirmed: Some(attributes.clone()),
            attributes,
            picture: "as it is listed".to_owned(),
            matched: Some(1),
            reasons: "[]".to_owned(),
            first_at: Some(now.plus(-DAY)),
            reported_at: Some(at),
            changed_at: Some(now.plus(-DAY)),
            n: 1,
            ..Report::default()
        };
        store::report::put(&mut tx, life.id, &report).await.unwrap();
        for part in parts(*n) {
            let part = ReportedPart { identifier_key: part.identifier_key, slot: part.slot };
            store::report::add_part(&mut tx, (life.id, batch_id(LARGE)), &part).await.unwrap();
        }
    }
    store::certificate::insert_many(&mut tx, &certificates).await.unwrap();
    store::poll::put_polls(&mut tx, &polls).await.unwrap();
    tx.commit().await.unwrap();
}
