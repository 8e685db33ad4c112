//! The present of a demo fleet: devices keep calling in, report what they are when they are asked to, and install what rollouts
//! tell them of; on some of them it goes wrong. What is cut off is refused, as the gateway would. A few dozen really come by the
//! gateway.

use crate::{
    demo::ACTOR,
    device::{Device, Did, Fault, Faults, Harm, Inside, Measure, RESTART_S},
    wired,
};
use domain::{
    id::{AuthorityId, DeviceId},
    time::{SECOND, Timestamp},
};
use fleet::{Actor, Fleet, Origin, Result, trust::Trust};
use pki::SerialNumber;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use store::device_list::{Sort, SortKey};

/// How often the devices that are due call in, as one group.
const TICK: Duration = Duration::from_secs(5);
/// How many devices report at one tick at most: of a new demo all devices are asked at once.
const REPORTS: usize = 12;

/// What goes wrong in the demo when devices are updated: little, and not everywhere the same. And what they measure at each start.
#[must_use]
pub fn faults(seed: u64) -> Arc<Faults> {
    let fault =
        |harm, share, serials: &str| Fault { harm, share, serials: serials.to_owned(), versions: "*".to_owned() };
    let all = vec![fault(Harm::Back, 1, "GW2A-*"), fault(Harm::Silence, 1, "*"), fault(Harm::Code(4), 3, "*")];
    Arc::new(Faults::new(seed, all).measuring(measures()))
}

/// What the demo's devices measure: how long they take to start, and how much memory is left then. With 1.5.1 gateways start sooner,
/// but for those of revision C.
fn measures() -> Vec<Measure> {
    let measure = |name: &str, median, (spread, tail), serials: &str, versions: &str| Measure {
        name: name.to_owned(),
        median,
        spread,
        tail,
        serials: serials.to_owned(),
        versions: versions.to_owned(),
    };
    vec![
        measure("boot_s", 61.0, (6, 0), "GW2C-*", "1.5.1"),
        measure("boot_s", 22.0, (6, 0), "GW2*", "1.5.1"),
        measure("boot_s", 34.0, (6, 0), "GW2*", "*"),
        measure("boot_s", 18.0, (10, 1), "CAM*", "*"),
        measure("mem_free_mb", 132.0, (45, 0), "GW2*", "1.5.1"),
        measure("mem_free_mb", 124.0, (45, 0), "GW2*", "*"),
        measure("mem_free_mb", 58.0, (35, 0), "CAM*", "*"),
    ]
}

/// Lets the fleet live until the future is dropped. Failures are logged: a demo that stutters is better than none. `gateway` is where
/// some of the devices come to, and the tenant that they come under.
pub async fn run(fleet: Fleet, seed: u64, gateway: (String, String)) {
    let faults = faults(seed);
    let at_the_gateway = wired::run(fleet.clone(), (&gateway.0, &gateway.1), Arc::clone(&faults));
    tokio::join!(at_the_gateway, within(&fleet, &faults));
}

/// Lets those devices live that don't come by the gateway.
async fn within(fleet: &Fleet, faults: &Arc<Faults>) {
    let mut callers = loop {
        match Callers::of(fleet, faults).await {
            Ok(callers) => break callers,
            Err(error) => tracing::warn!(%error, "the demo's devices could not be read"),
        }
        tokio::time::sleep(TICK).await;
    };
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = callers.call_in(fleet).await {
            tracing::warn!(%error, "the demo's devices could not call in");
        }
    }
}

/// The devices that call in.
pub struct Callers(Vec<Caller>);

impl Callers {
    /// Those of a fleet that don't come by the gateway, by serial.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(fleet: &Fleet, faults: &Arc<Faults>) -> Result<Self> {
        callers(fleet, faults).await.map(Self)
    }

    /// Their serials.
    pub fn serials(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|caller| caller.device.serial())
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
    device: Device,
    poll: i64,
    due: Timestamp,
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
        address(self.id)
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
async fn callers(fleet: &Fleet, faults: &Arc<Faults>) -> Result<Vec<Caller>> {
    let mut callers = Vec::new();
    let wired: HashSet<String> = wired::serials(fleet).into_iter().collect();
    let mut cursor = None;
    let signers = signers(fleet).await?;
    let sort = Sort { key: SortKey::Serial, descending: false };
    loop {
        let list = fleet.devices(&ACTOR, "state:active seen<1d -trust:revoked", sort, cursor.as_ref(), 500).await?;
        let polls: HashMap<_, _> = list.catalogue.models.iter().map(|m| (m.id, m.poll_interval_s * SECOND)).collect();
        let caller = |device: domain::device::Device| {
            let poll = polls.get(&device.model_id).copied().unwrap_or(300 * SECOND);
            // One in thirty has a bad line and is late most of the time.
            let poll = if device.id.0.as_bytes()[15].is_multiple_of(30) { poll * 9 } else { poll };
            Caller {
                id: device.id,
                due: device.last_seen_at.unwrap_or(device.made_at).plus(poll),
                device: Device::new(&device.serial, device.firmware.as_deref().unwrap_or_default(), Arc::clone(faults)),
                poll,
                certificate: signers
                    .get(list.catalogue.batch_code(device.batch_id))
                    .copied()
                    .zip(device.certificate_serial),
            }
        };
        let within = list.page.devices.into_iter().filter(|device| !wired.contains(&device.serial));
        callers.extend(within.map(caller));
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
    for caller in callers.iter_mut().filter(|c| c.due <= now) {
        let last = caller.last_call(now);
        caller.due = last.plus(caller.poll);
        if let Some((authority, serial)) = caller.cut_off(&trust) {
            fleet.refused(&ACTOR, *authority, serial, &caller.address());
            continue;
        }
        heard.push((caller.id, last));
        let line = inside(fleet, caller.id, caller.device.serial());
        match caller.device.turn(&line, reported < REPORTS).await {
            Ok(turn) => {
                reported += usize::from(turn.reported);
                match turn.did {
                    Some(Did::Wrote(_)) => caller.due = now.plus(i64::from(RESTART_S) * SECOND),
                    Some(Did::FellSilent(_)) => caller.due = Timestamp(i64::MAX),
                    _ => {}
                }
            }
            // The others call all the same.
            Err(error) => {
                tracing::warn!(%error, device = caller.device.serial(), "a device of the demo could not call in");
            }
        }
    }
    if !heard.is_empty() {
        fleet.heard(&ACTOR, &heard).await?;
    }
    Ok(heard.len())
}

/// Where a device calls from that lives within the process, in a network that is nobody's.
fn address(id: DeviceId) -> String {
    format!("198.51.100.{}", id.0.as_bytes()[14])
}

/// The line of a device that lives within the process.
pub(crate) fn inside(fleet: &Fleet, id: DeviceId, serial: &str) -> Inside {
    let origin = Origin { address: address(id) };
    Inside { fleet: fleet.clone(), actor: Actor::Device { id, serial: serial.to_owned(), origin } }
}
