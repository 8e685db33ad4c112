//! Spreads a freshly imported fleet over the states that a fleet in the field has.
//!
//! A manifest leaves every device made, trusted, on one firmware and never seen; a filter that fits all or none costs
//! little and measures nothing. What a device becomes follows from its serial alone, so every run measures the same
//! fleet. The columns of a device are written here without the history that would explain them: lists and counts read
//! only the columns. One device is given a history of years, for the page that shows it.

use domain::{
    custody::{Custodian, CustodianKind, Holder},
    device::{Device, Lifecycle, Trust},
    history::{Entry, Event},
    id::{DeviceId, HistoryId},
    time::{DAY, SECOND, Timestamp},
};
use fleet::{Fleet, catalogue::Catalogue, catalogue::CustodianForm};
use server::commands::COMMAND_LINE;
use sha2::{Digest, Sha512};
use simulator::World;
use std::time::{Duration, Instant};
use store::{
    count::Delta,
    device_list::{self, Filter, Sort, SortKey},
};
use uuid::Uuid;

/// How many devices one transaction changes. Times of last contact are all over their index, so that every transaction
/// touches most of its pages: few large ones write far less than many small ones.
const CHUNK: usize = 50_000;
/// How many entries the long history has.
const LONG_LIFE: usize = 600;
/// One device in so many stands where hardly any other does.
const RARE: usize = 997;
/// That place.
const RARE_PLACE: &str = "Longyearbyen, depot";

/// Who holds the fleet, beside the factories.
struct Holders {
    distributors: Vec<Custodian>,
    clients: Vec<Custodian>,
    repairers: Vec<Custodian>,
}

/// Spreads the fleet and says how long that took, and which device has the long history.
pub async fn spread(fleet: &Fleet) -> (Duration, String) {
    let start = Instant::now();
    let holders = enter_holders(fleet).await;
    let catalogue = fleet.catalogue(&COMMAND_LINE).await.unwrap();
    let now = fleet.now();
    let filter = Filter::new(fleet.db(), &domain::query::parse("").unwrap(), &catalogue.names(now)).await.unwrap();
    let sort = Sort { key: SortKey::Serial, descending: false };
    let (mut cursor, mut n, mut oldest) = (None, 0, None);
    loop {
        let page = device_list::page(fleet.db(), &filter, sort, cursor.as_ref(), CHUNK).await.unwrap();
        let mut tx = fleet.db().begin().await.unwrap();
        let (mut counts, mut findings) = (Delta::default(), Vec::new());
        for device in &page.devices {
            let after = settled(device, n, &holders, &catalogue, now);
            store::device::update(&mut tx, device, &after, &mut counts).await.unwrap();
            findings.extend(finding(&after, now));
            if oldest.is_none() && after.lifecycle == Lifecycle::Active {
                oldest = Some(after);
            }
            n += 1;
        }
        store::history::insert_many(&mut tx, &findings).await.unwrap();
        store::count::add(&mut tx, &counts).await.unwrap();
        tx.commit().await.unwrap();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let oldest = oldest.unwrap();
    live_long(fleet, &oldest, &holders).await;
    // As after an import: the planner must know that there is no longer one state for all.
    fleet.db().optimize().await.unwrap();
    (start.elapsed(), oldest.serial)
}

async fn enter_holders(fleet: &Fleet) -> Holders {
    let world = World::new(1, fleet.now(), 1);
    let mut holders = Holders { distributors: Vec::new(), clients: Vec::new(), repairers: Vec::new() };
    for custodian in &world.custodians {
        let list = match custodian.kind {
            CustodianKind::Factory => continue,
            CustodianKind::Distributor => &mut holders.distributors,
            CustodianKind::Client => &mut holders.clients,
            CustodianKind::RepairCentre => &mut holders.repairers,
        };
        let form = CustodianForm {
            name: custodian.name.clone(),
            kind: custodian.kind.to_string(),
            country: custodian.country.clone(),
            city: custodian.city.clone(),
            ..CustodianForm::default()
        };
        list.push(fleet.add_custodian(&COMMAND_LINE, &form).await.unwrap());
    }
    holders
}

/// Numbers that follow from a serial. Each place gives one that has nothing to do with the others.
struct Draw([u8; 64]);

impl Draw {
    fn of(serial: &str) -> Self {
        Self(Sha512::digest(serial).into())
    }

    /// From 0 up to but without `n`.
    fn below(&self, place: usize, n: usize) -> usize {
        let bytes = &self.0[place * 4..place * 4 + 4];
        let number = bytes.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        usize::try_from((number * u64::try_from(n).unwrap()) >> 32).unwrap()
    }

    /// The same, in the unit of times.
    fn span(&self, place: usize, from: i64, until: i64) -> i64 {
        let parts = 1_000_000;
        let part = i64::try_from(self.below(place, parts)).unwrap();
        from + (until - from) / i64::try_from(parts).unwrap() * part
    }
}

/// The device as it stands in the field.
fn settled(device: &Device, n: usize, holders: &Holders, catalogue: &Catalogue, now: Timestamp) -> Device {
    let draw = Draw::of(&device.serial);
    let lifecycle = match draw.below(0, 1_000) {
        0..40 => Lifecycle::Made,
        40..70 => Lifecycle::InTransit,
        70..190 => Lifecycle::Stocked,
        190..950 => Lifecycle::Active,
        950..970 => Lifecycle::InRepair,
        _ => Lifecycle::Retired,
    };
    let mut after = Device { lifecycle, trust: trust(&draw), ..device.clone() };
    let holder = match lifecycle {
        Lifecycle::Made => None,
        Lifecycle::InTransit | Lifecycle::Stocked => Some(&holders.distributors),
        Lifecycle::Active | Lifecycle::Retired => Some(&holders.clients),
        Lifecycle::InRepair => Some(&holders.repairers),
    };
    if let Some(among) = holder {
        // The smaller of two draws: the first client has many more devices than the last.
        let holder = &among[draw.below(1, among.len()).min(draw.below(2, among.len()))];
        after.custodian_id = holder.id;
        after.place = format!("{}, hall {}", holder.city, draw.below(3, 40) + 1);
    }
    if n.is_multiple_of(RARE) {
        after.place = RARE_PLACE.to_owned();
    }
    if matches!(lifecycle, Lifecycle::Active | Lifecycle::InRepair | Lifecycle::Retired) {
        after.firmware = Some(firmware(&draw));
    }
    let poll = catalogue.model(device.model_id).unwrap().poll_interval_s * SECOND;
    after.last_seen_at = silence(&draw, lifecycle, poll).map(|ago| now.plus(-ago));
    after
}

fn trust(draw: &Draw) -> Trust {
    match draw.below(4, 1_000) {
        0..3 => Trust::Revoked,
        3..9 => Trust::Quarantined,
        9..25 => Trust::Suspect,
        _ => Trust::Trusted,
    }
}

/// One of fifty-four versions, the newer the commoner, and a few that never left a laboratory.
fn firmware(draw: &Draw) -> String {
    let step = draw.below(5, 54).max(draw.below(6, 54));
    let suffix = if draw.below(7, 200) == 199 { "-rc1" } else { "" };
    format!("1.{}.{}{suffix}", step / 6, step % 6)
}

/// How long ago a device was heard from, unless it never was.
fn silence(draw: &Draw, lifecycle: Lifecycle, poll: i64) -> Option<i64> {
    match lifecycle {
        Lifecycle::Made | Lifecycle::InTransit | Lifecycle::Stocked => None,
        Lifecycle::InRepair => Some(draw.span(9, DAY, 30 * DAY)),
        Lifecycle::Retired => Some(draw.span(9, 30 * DAY, 700 * DAY)),
        Lifecycle::Active => match draw.below(8, 1_000) {
            0..860 => Some(draw.span(9, 0, poll)),
            860..930 => Some(draw.span(9, 2 * poll, 12 * poll)),
            930..990 => Some(draw.span(9, DAY, 400 * DAY)),
            _ => None,
        },
    }
}

fn entry(at: Timestamp, place: &str, event: Event) -> Entry {
    Entry {
        id: HistoryId(Uuid::now_v7()),
        at,
        recorded_at: at,
        actor: "bench".to_owned(),
        place: place.to_owned(),
        event,
        epcis_event_id: None,
    }
}

/// Why a suspect device is one.
fn finding(device: &Device, now: Timestamp) -> Option<(DeviceId, Entry)> {
    let event = Event::HardwareMismatch { finding: "The modem is not the one of the manifest.".to_owned(), score: 40 };
    let at = now.plus(-Draw::of(&device.serial).span(9, 0, 300 * DAY));
    (device.trust == Trust::Suspect).then(|| (device.id, entry(at, "", event)))
}

/// Years of being lent, updated and looked at.
async fn live_long(fleet: &Fleet, device: &Device, holders: &Holders) {
    let now = fleet.now();
    let entries: Vec<(DeviceId, Entry)> = (0..LONG_LIFE)
        .map(|n| {
            let at = now.plus(-DAY * i64::try_from(LONG_LIFE - n).unwrap());
            let client = &holders.clients[n / 6 % holders.clients.len()];
            (device.id, entry(at, &client.city, episode(n, client.holder())))
        })
        .collect();
    let mut tx = fleet.db().begin().await.unwrap();
    store::history::insert_many(&mut tx, &entries).await.unwrap();
    tx.commit().await.unwrap();
}

fn episode(n: usize, client: Holder) -> Event {
    let version = format!("1.{}.{}", n / 60, n / 6 % 10);
    let reference = format!("CN-{n:05}");
    match n % 6 {
        0 => Event::Shipped { to: client, carrier: None, reference },
        1 => Event::Received { by: client, reference },
        2 => Event::UpdateOffered { version },
        3 => Event::UpdateInstalled { version },
        4 => Event::UpdateVerified { from: None, version },
        _ => Event::Note { text: "Looked at during the yearly inspection; nothing to report.".to_owned() },
    }
}
