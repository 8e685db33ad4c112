//! What made-up devices say they are: what their manifests list, but for parts that somebody exchanged, a board number
//! that a factory's image gave to several, and one identity that is used from two addresses. All that is suspect is told
//! by the product's own rules, so that each has its finding.

use crate::{
    Travel,
    chance::Chance,
    demo::{ACTOR, Plan},
    parts::replacement,
};
use domain::{
    authority::FindingKind,
    component::{ComponentClass, Part},
    device::Device,
    id::BatchId,
    report::{Attributes, USUAL_MAPPING, UpdateMode},
    suspicion::Response,
    time::{HOUR, MINUTE, SECOND, Timestamp},
};
use fleet::{Actor, Fleet, Origin, Result, check_in::RulesForm};
use std::collections::{BTreeMap, BTreeSet};
use store::device_list::{Sort, SortKey};

/// How many devices have reported when the demo opens; the others do as they call in.
const REPORTED: usize = 160;
/// How many devices of one batch have the same board number.
const GOLDEN: usize = 6;
/// Parts that somebody exchanged, each in another device, and how many hours ago: readily replaced ones, and two that are
/// not.
const SWAPPED: &[(ComponentClass, i64)] = &[
    (ComponentClass::Wlan, 26),
    (ComponentClass::Ethernet, 49),
    (ComponentClass::Storage, 31),
    (ComponentClass::Ethernet, 20),
    (ComponentClass::Wlan, 75),
    (ComponentClass::Board, 44),
    (ComponentClass::Ethernet, 14),
    (ComponentClass::Cpu, 5),
    (ComponentClass::Storage, 63),
    (ComponentClass::Lte, 9),
];
/// How long ago a batch was noticed, and an identity was used twice.
const GOLDEN_AGO: i64 = 9 * HOUR;
const COPIED_AGO: i64 = 2 * HOUR;
/// From where an identity that was copied polls, and how often by turns.
const TWO_PLACES: [&str; 2] = ["198.51.100.24", "203.0.113.77"];
const TURNS: i64 = 14;

/// How many numbered parts a device has at most, with those that were put in since.
const NUMBERED: u64 = 8;

/// What storage is called by these models.
const STORAGE: &str = "hw.emmc         = emmc:storage identifier\n";
/// The addresses and type codes that the makers of the demo's parts have.
const MAKERS: &str = "\
oui d8:80:39 00:1e:c0 = Microchip
oui 44:91:60 00:9d:6b = Murata
tac 86194105 = EG25-G
tac 35333809 = LE910C4-EU
";

/// A device and what it is made of.
struct Made {
    device: Device,
    parts: Vec<Part>,
}

impl Made {
    fn actor(&self, address: &str) -> Actor {
        device(&self.device, address)
    }

    fn has(&self, class: ComponentClass) -> Option<&Part> {
        self.parts.iter().find(|part| part.class == class)
    }
}

/// A device as the gateway knows it.
fn device(device: &Device, address: &str) -> Actor {
    let origin = Origin { address: address.to_owned() };
    Actor::Device { id: device.id, serial: device.serial.clone(), origin }
}

/// Lets devices report, and some of them report what can't be. What an earlier call did stays.
///
/// # Errors
/// When a report is refused, or the database fails.
pub async fn happen(fleet: &Fleet, travel: &Travel, plan: Plan) -> Result<()> {
    let findings = fleet.findings(&ACTOR, false).await?;
    let told = |kind: FindingKind| findings.iter().filter(|row| row.kind == kind).count();
    // The last of them: by it the next start knows that all was told.
    if told(FindingKind::CloneSuspected) > 0 {
        return Ok(());
    }
    rules(fleet).await?;
    travel.to(plan.now);
    let made = candidates(fleet).await;
    travel.home();
    let mut made = made?;
    // What somebody put in is in no other device.
    let before = u64::try_from(plan.devices).unwrap_or(0).saturating_mul(NUMBERED);
    let mut chance = Chance::new(plan.seed ^ 0x4e90_4775).numbered(before);
    let now = plan.now;
    let copied = made.pop();
    let golden = golden(&mut made);
    let mut swapped = Vec::new();
    for (class, hours) in SWAPPED.iter().skip(told(FindingKind::HardwareMismatch)) {
        let one = made.iter().position(|one| one.has(*class).is_some()).map(|at| made.remove(at));
        swapped.extend(one.map(|one| (one, *class, now.plus(-hours * HOUR))));
    }
    for (n, one) in made.iter().enumerate() {
        travel.to(now.plus(-COPIED_AGO).plus(i64::try_from(n).unwrap_or(0) * SECOND));
        report(fleet, one, &said(one.device.firmware.as_deref(), &one.parts)).await?;
    }
    if told(FindingKind::IdentifierCopied) == 0 {
        one_board_for_all(fleet, travel, &golden, now.plus(-GOLDEN_AGO)).await?;
    }
    for (one, class, at) in &swapped {
        part_exchanged(fleet, travel, (one, *class), *at, &mut chance).await?;
    }
    if let Some(one) = copied {
        used_twice(fleet, travel, &one, now.plus(-COPIED_AGO)).await?;
    }
    travel.home();
    Ok(())
}

/// What is known of the demo's models: what their attributes mean, and what their makers' numbers look like.
async fn rules(fleet: &Fleet) -> Result<()> {
    for model in fleet.catalogue(&ACTOR).await?.models.iter() {
        let rules = fleet.model_rules(&ACTOR, &model.name).await?;
        if rules.changed.is_some() {
            continue;
        }
        let score = |response| rules.policy.threshold(response).map(|score| score.to_string()).unwrap_or_default();
        let form = RulesForm {
            mapping: format!("{USUAL_MAPPING}{STORAGE}"),
            makers: MAKERS.to_owned(),
            note: score(Response::Note),
            ask: score(Response::Ask),
            hold: score(Response::Hold),
            quarantine: score(Response::Quarantine),
            poll: String::new(),
        };
        fleet.change_model_rules(&ACTOR, &model.name, &form).await?;
    }
    Ok(())
}

/// Trusted devices that are in use and call in, by serial from the last on: those that made their way to the first pages
/// of the console stay as they are.
async fn candidates(fleet: &Fleet) -> Result<Vec<Made>> {
    let sort = Sort { key: SortKey::Serial, descending: true };
    let list = fleet.devices(&ACTOR, "state:active trust:trusted seen<1d", sort, None, REPORTED).await?;
    let mut found = Vec::new();
    for device in list.page.devices {
        let parts = present_parts(fleet, &device.serial).await?;
        found.push(Made { device, parts });
    }
    Ok(found)
}

async fn present_parts(fleet: &Fleet, serial: &str) -> Result<Vec<Part>> {
    let components = fleet.device_record(&ACTOR, serial).await?.components;
    Ok(components.into_iter().filter(|one| one.removed_at.is_none()).map(|one| one.part).collect())
}

/// Some devices of the batch that has most of these.
fn golden(made: &mut Vec<Made>) -> Vec<Made> {
    let mut of_batch: BTreeMap<BatchId, usize> = BTreeMap::new();
    for one in made.iter() {
        *of_batch.entry(one.device.batch_id).or_default() += 1;
    }
    let Some((batch, _)) = of_batch.into_iter().filter(|(_, n)| *n > GOLDEN).max_by_key(|(_, n)| *n) else {
        return Vec::new();
    };
    let mut wanted = GOLDEN;
    made.extract_if(.., |one| {
        let is_taken = wanted > 0 && one.device.batch_id == batch;
        wanted -= usize::from(is_taken);
        is_taken
    })
    .collect()
}

/// The attribute that tells a part's identifier. A power supply has nothing that could be asked.
fn key(part: &Part) -> Option<String> {
    match part.class {
        ComponentClass::Ethernet | ComponentClass::Wlan => Some(format!("hw.{}.mac", part.slot)),
        ComponentClass::Lte => Some(format!("hw.{}.imei", part.slot)),
        ComponentClass::Power => None,
        _ => Some(format!("hw.{}", part.slot)),
    }
}

/// What a device says of itself, by what runs on it and what it is made of.
fn said(runs: Option<&str>, parts: &[Part]) -> Vec<(String, String)> {
    let parts = parts.iter().filter_map(|part| Some((key(part)?, part.identifier.clone())));
    parts.chain(runs.map(|version| ("sw.version".to_owned(), version.to_owned()))).collect()
}

async fn report(fleet: &Fleet, one: &Made, said: &[(String, String)]) -> Result<()> {
    let sent = Attributes::collect(said.iter().map(|(key, value)| (key, value)));
    fleet.report(&one.actor(TWO_PLACES[0]), sent, UpdateMode::Replace).await
}

/// First all is as it was, then another part of a class answers.
async fn part_exchanged(
    fleet: &Fleet,
    travel: &Travel,
    (one, class): (&Made, ComponentClass),
    at: Timestamp,
    chance: &mut Chance,
) -> Result<()> {
    travel.to(at.plus(-HOUR));
    report(fleet, one, &said(one.device.firmware.as_deref(), &one.parts)).await?;
    let mut parts = one.parts.clone();
    for part in parts.iter_mut().filter(|part| part.class == class) {
        if let Some(other) = replacement(part, chance) {
            *part = Part { slot: part.slot.clone(), ..other };
        }
    }
    travel.to(at);
    report(fleet, one, &said(one.device.firmware.as_deref(), &parts)).await
}

/// A factory wrote one board number into the image of its devices.
async fn one_board_for_all(fleet: &Fleet, travel: &Travel, devices: &[Made], at: Timestamp) -> Result<()> {
    let board = |one: &Made| one.has(ComponentClass::Board).cloned();
    let Some(same) = devices.first().and_then(board) else { return Ok(()) };
    for (n, one) in devices.iter().enumerate() {
        let mut parts = one.parts.clone();
        for part in parts.iter_mut().filter(|part| part.class == ComponentClass::Board) {
            part.identifier.clone_from(&same.identifier);
        }
        travel.to(at.plus(i64::try_from(n).unwrap_or(0) * MINUTE));
        report(fleet, one, &said(one.device.firmware.as_deref(), &parts)).await?;
    }
    Ok(())
}

/// Two devices poll with the certificate of one.
async fn used_twice(fleet: &Fleet, travel: &Travel, one: &Made, at: Timestamp) -> Result<()> {
    travel.to(at.plus(-MINUTE));
    report(fleet, one, &said(one.device.firmware.as_deref(), &one.parts)).await?;
    for turn in 0..TURNS {
        let [home, elsewhere] = TWO_PLACES;
        let address = if turn % 2 == 0 { home } else { elsewhere };
        travel.to(at.plus(turn * 150 * SECOND));
        fleet.poll(&one.actor(address)).await?;
    }
    fleet.flush_polls().await
}

/// What a device reports that runs a version. A part that its manifests never listed it has still, unless it was exchanged
/// since.
///
/// # Errors
/// When the database fails.
pub(crate) async fn attributes(fleet: &Fleet, serial: &str, runs: &str) -> Result<Vec<(String, String)>> {
    let known = fleet.device_report(&ACTOR, serial).await?;
    let record = fleet.device_record(&ACTOR, serial).await?;
    let ever: BTreeSet<&str> = record.components.iter().map(|one| one.part.identifier.as_str()).collect();
    let mut parts = Vec::new();
    for one in record.components.iter().filter(|one| one.removed_at.is_none()) {
        let before = key(&one.part).and_then(|key| known.attributes.get(&key)).filter(|said| !ever.contains(said));
        let is_since = known.reported_at.is_none_or(|at| one.fitted_at > at);
        let identifier = before.filter(|_| !is_since).unwrap_or(one.part.identifier.as_str());
        parts.push(Part { identifier: identifier.to_owned(), ..one.part.clone() });
    }
    Ok(said(Some(runs).filter(|runs| !runs.is_empty()), &parts))
}
