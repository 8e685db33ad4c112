//! The present of a demo fleet: devices keep calling in and report what they are when they are asked to, and now and then
//! one is updated. What is cut off is refused, as the gateway would.

use crate::{chance::Chance, demo::ACTOR, reports};
use domain::{
    device::Device,
    history::Event,
    id::{AuthorityId, DeviceId},
    time::{SECOND, Timestamp},
    version,
};
use fleet::{Actor, Fleet, Origin, Result, trust::Trust};
use pki::SerialNumber;
use std::{collections::HashMap, time::Duration};
use store::device_list::{Sort, SortKey};

/// How often the devices that are due call in, as one group.
const TICK: Duration = Duration::from_secs(5);
/// How many devices report at one tick at most: of a new demo all devices are asked at once.
const REPORTS: usize = 12;
/// Every so many ticks one device is updated.
const UPDATE_EVERY: u64 = 6;

/// Lets the fleet live until the future is dropped. Failures are logged: a demo that stutters is better than none.
pub async fn run(fleet: Fleet, seed: u64) {
    let mut chance = Chance::new(seed ^ 0x11fe);
    let mut callers = loop {
        match Callers::of(&fleet).await {
            Ok(callers) => break callers,
            Err(error) => tracing::warn!(%error, "the demo's devices could not be read"),
        }
        tokio::time::sleep(TICK).await;
    };
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for tick in 0_u64.. {
        ticks.tick().await;
        if let Err(error) = callers.call_in(&fleet).await {
            tracing::warn!(%error, "the demo's devices could not call in");
        }
        if tick % UPDATE_EVERY == UPDATE_EVERY - 1
            && let Err(error) = update_one(&fleet, &mut chance, &mut callers.0).await
        {
            tracing::warn!(%error, "a device of the demo could not be updated");
        }
    }
}

/// The devices that call in.
pub struct Callers(Vec<Caller>);

impl Callers {
    /// Those of a fleet, by serial.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(fleet: &Fleet) -> Result<Self> {
        callers(fleet).await.map(Self)
    }

    /// Their serials.
    pub fn serials(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|caller| caller.serial.as_str())
    }

    /// Lets those call in that are due. How many were let in.
    ///
    /// # Errors
    /// When the database fails; that of one device is logged.
    pub async fn call_in(&mut self, fleet: &Fleet) -> Result<usize> {
        call_in(fleet, &mut self.0).await
    }
}

impl std::fmt::Debug for Callers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.serials()).finish()
    }
}

/// A device that calls in.
struct Caller {
    id: DeviceId,
    serial: String,
    poll: i64,
    due: Timestamp,
    newest: &'static str,
    firmware: Option<String>,
    /// What it shows: who signed it, and its serial number.
    certificate: Option<(AuthorityId, String)>,
}

impl Caller {
    /// The certificate by which it is refused, if it is.
    fn cut_off(&self, trust: &Trust) -> Option<&(AuthorityId, String)> {
        let shown = self.certificate.as_ref()?;
        let serial = SerialNumber::from_hex(&shown.1).ok()?;
        trust.authority(shown.0)?.mark(serial).map(|_| shown)
    }

    /// Where it calls from, in a network that is nobody's.
    fn address(&self) -> String {
        format!("198.51.100.{}", self.id.0.as_bytes()[14])
    }

    fn actor(&self) -> Actor {
        let origin = Origin { address: self.address() };
        Actor::Device { id: self.id, serial: self.serial.clone(), origin }
    }

    /// When its last call up to `now` was: each device has a phase of its own, so that they never call all at once.
    fn last_call(&self, now: Timestamp) -> Timestamp {
        let bytes = self.id.0.as_bytes();
        let phase = i64::from(u16::from_be_bytes([bytes[13], bytes[14]])) * self.poll / 65_536;
        Timestamp(now.0 - (now.0 - phase).rem_euclid(self.poll))
    }
}

/// The active devices that were heard from lately; the others stay silent, as some do in every fleet. What was revoked
/// has nothing by which the gateway would let it in.
async fn callers(fleet: &Fleet) -> Result<Vec<Caller>> {
    let mut callers = Vec::new();
    let mut cursor = None;
    let signers = signers(fleet).await?;
    let sort = Sort { key: SortKey::Serial, descending: false };
    loop {
        let list = fleet.devices(&ACTOR, "state:active seen<1d -trust:revoked", sort, cursor.as_ref(), 500).await?;
        let polls: HashMap<_, _> = list.catalogue.models.iter().map(|m| (m.id, m.poll_interval_s * SECOND)).collect();
        let gateways: Vec<_> = list.catalogue.models.iter().filter(|m| m.name == "GW-200").map(|m| m.id).collect();
        let caller = |device: Device| {
            let poll = polls.get(&device.model_id).copied().unwrap_or(300 * SECOND);
            // One in thirty has a bad line and is late most of the time.
            let poll = if device.id.0.as_bytes()[15].is_multiple_of(30) { poll * 9 } else { poll };
            Caller {
                id: device.id,
                due: device.last_seen_at.unwrap_or(device.made_at).plus(poll),
                newest: if gateways.contains(&device.model_id) { "1.5.0" } else { "3.1.4" },
                serial: device.serial,
                poll,
                firmware: device.firmware,
                certificate: signers
                    .get(list.catalogue.batch_code(device.batch_id))
                    .copied()
                    .zip(device.certificate_serial),
            }
        };
        callers.extend(list.page.devices.into_iter().map(caller));
        cursor = list.page.next;
        if cursor.is_none() {
            return Ok(callers);
        }
    }
}

/// What signed the devices of each batch, by the batch's code.
async fn signers(fleet: &Fleet) -> Result<HashMap<String, AuthorityId>> {
    let rows = fleet.authorities(&ACTOR).await?.into_iter().filter(|row| !row.authority.delegated);
    Ok(rows.filter_map(|row| row.batch.map(|batch| (batch, row.authority.id))).collect())
}

async fn call_in(fleet: &Fleet, callers: &mut [Caller]) -> Result<usize> {
    let (now, trust) = (fleet.now(), fleet.trust());
    let mut heard: Vec<(DeviceId, Timestamp)> = Vec::new();
    let mut reported = 0;
    for caller in callers.iter().filter(|c| c.due <= now) {
        if let Some((authority, serial)) = caller.cut_off(&trust) {
            fleet.refused(&ACTOR, *authority, serial, &caller.address());
            continue;
        }
        heard.push((caller.id, caller.last_call(now)));
        match reports::call(fleet, &caller.actor(), reported < REPORTS).await {
            Ok(did_report) => reported += usize::from(did_report),
            // The others call all the same.
            Err(error) => tracing::warn!(%error, device = caller.serial, "a device of the demo could not call in"),
        }
    }
    if !heard.is_empty() {
        fleet.heard(&ACTOR, &heard).await?;
    }
    for caller in callers.iter_mut().filter(|c| c.due <= now) {
        caller.due = caller.last_call(now).plus(caller.poll);
    }
    Ok(heard.len())
}

async fn update_one(fleet: &Fleet, chance: &mut Chance, callers: &mut [Caller]) -> Result<()> {
    let is_behind = |c: &Caller| c.firmware.as_deref().is_some_and(|runs| version::compare(runs, c.newest).is_lt());
    let behind: Vec<usize> = callers.iter().enumerate().filter(|(_, c)| is_behind(c)).map(|(i, _)| i).collect();
    let Some(caller) = chance.one_of(&behind).and_then(|i| callers.get_mut(*i)) else { return Ok(()) };
    let event = Event::UpdateVerified { from: caller.firmware.clone(), version: caller.newest.to_owned() };
    fleet.device_did(&ACTOR, &caller.serial, event).await?;
    caller.firmware = Some(caller.newest.to_owned());
    Ok(())
}
