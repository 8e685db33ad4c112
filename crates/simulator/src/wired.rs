//! Devices of a made-up fleet that come by the gateway, as devices in the field do: a few dozen of one client, whose keys are kept
//! in a folder. All others live within the process.

use crate::{
    World,
    demo::ACTOR,
    device::{Device, Faults, File, Identity, Job, Line, LineError, Next, Polled, Turn, Wire},
    reports,
};
use domain::{
    custody::{Custodian, CustodianKind},
    history::Standing,
    id::CustodianId,
    report::UpdateMode,
    rollout::Feedback,
    time::{DAY, Timestamp},
};
use fleet::{Error, Fleet, Result, seed::Life};
use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

/// The folder of their keys, in the data folder.
pub const FOLDER: &str = "demo-devices";
/// How many there are at most.
const MOST: usize = 48;
/// Whose they are: one client that has a few dozen, by its place in the world.
const CLIENT: usize = 2;
/// After what went wrong it is tried again.
const AGAIN: Duration = Duration::from_secs(60);
/// Within so many seconds after the start each of them has polled.
const BEGIN_S: u64 = 60;

/// The client whose devices come by the gateway.
pub(crate) fn client(world: &World) -> Option<&Custodian> {
    world.of_kind(CustodianKind::Client).get(CLIENT).copied()
}

/// Which devices are to come by the gateway.
pub(crate) struct Wanted {
    holder: Option<CustodianId>,
    now: Timestamp,
    left: usize,
}

impl Wanted {
    pub(crate) fn of(world: &World) -> Self {
        Self { holder: client(world).map(|client| client.id), now: world.now, left: MOST }
    }

    /// Those among these, by serial: the client has them, and they were heard from lately.
    pub(crate) fn among(&mut self, lives: &[Life]) -> HashSet<String> {
        let is_wanted = |life: &&Life| {
            let holder = Standing::after(&life.history).holder;
            holder.is_some_and(|holder| Some(holder.id) == self.holder)
                && life.last_seen_at.is_some_and(|seen| seen > self.now.plus(-DAY))
        };
        let found: HashSet<String> = lives.iter().filter(is_wanted).take(self.left).map(|l| l.serial.clone()).collect();
        self.left -= found.len();
        found
    }
}

/// Keeps the keys of devices.
pub(crate) fn keep(folder: &Path, keys: &HashMap<String, Zeroizing<String>>) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let folder = folder.join(FOLDER);
    pki::make_folder(&folder).map_err(Error::internal)?;
    for (serial, key) in keys {
        pki::write_private(&folder.join(format!("{serial}.key")), key.as_bytes()).map_err(Error::internal)?;
    }
    Ok(())
}

/// The serials of those whose keys are kept.
pub(crate) fn serials(fleet: &Fleet) -> Vec<String> {
    // Where there is no folder, none come.
    let files = fs::read_dir(fleet.folder().join(FOLDER)).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let mut serials: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".key")?.to_owned())).collect();
    serials.sort();
    serials
}

/// A device of the demo at the gateway: its parts are known to the fleet that made it up.
struct Field {
    wire: Wire,
    fleet: Fleet,
    serial: String,
}

impl Line for Field {
    async fn poll(&self) -> std::result::Result<Polled, LineError> {
        self.wire.poll().await
    }

    async fn job(&self, next: &Next) -> std::result::Result<Job, LineError> {
        self.wire.job(next).await
    }

    async fn fetch(&self, file: &File, breaks: bool) -> std::result::Result<String, LineError> {
        self.wire.fetch(file, breaks).await
    }

    async fn say(&self, next: &Next, feedback: &Feedback) -> std::result::Result<(), LineError> {
        self.wire.say(next, feedback).await
    }

    async fn report(&self, runs: &str, measured: &[(String, String)]) -> std::result::Result<(), LineError> {
        let mut attributes = reports::attributes(&self.fleet, &self.serial, runs).await?;
        attributes.extend_from_slice(measured);
        self.wire.report_all(&attributes, UpdateMode::Replace).await
    }
}

/// Lets them come to the gateway until the future is dropped. Failures are logged.
pub(crate) async fn run(fleet: Fleet, (gateway, tenant): (&str, &str), faults: Arc<Faults>) {
    let mut all = JoinSet::new();
    let serials = serials(&fleet);
    let n = serials.len().max(1);
    for (place, serial) in serials.into_iter().enumerate() {
        match begun(&fleet, (gateway, tenant), &serial, &faults).await {
            Ok((device, field)) => {
                let pause = Duration::from_millis(BEGIN_S * 1_000 * place as u64 / n as u64);
                all.spawn(live(device, field, pause));
            }
            Err(error) => tracing::warn!(%error, device = serial, "a device of the demo can't come to the gateway"),
        }
    }
    while all.join_next().await.is_some() {}
}

async fn begun(
    fleet: &Fleet,
    (gateway, tenant): (&str, &str),
    serial: &str,
    faults: &Arc<Faults>,
) -> std::result::Result<(Device, Field), LineError> {
    let device = fleet.device(&ACTOR, serial).await?;
    let key = Zeroizing::new(fs::read_to_string(fleet.folder().join(FOLDER).join(format!("{serial}.key")))?);
    let rows = fleet.certificates_of_device(&ACTOR, serial).await?;
    let present = rows.into_iter().find(|row| Some(&row.serial) == device.certificate_serial.as_ref());
    let present = present.ok_or(LineError::Odd("certificate"))?;
    let certificate = fleet.certificate(&ACTOR, &present.authority_slug, &present.serial).await?.certificate;
    let roots = pki::chain_pem(&fleet.cacerts(None).await?);
    let identity = Identity::new(&certificate.pem(), &key, &roots)?;
    let wire = Wire::new(gateway, tenant, serial, identity)?;
    let runs = device.firmware.unwrap_or_default();
    let field = Field { wire, fleet: fleet.clone(), serial: serial.to_owned() };
    Ok((Device::new(serial, &runs, Arc::clone(faults)), field))
}

async fn live(mut device: Device, field: Field, pause: Duration) {
    tokio::time::sleep(pause).await;
    loop {
        let sleep = match device.turn(&field, true).await {
            Ok(Turn { sleep_s: None, .. }) => return,
            Ok(Turn { sleep_s: Some(seconds), did, .. }) => {
                if let Some(did) = did {
                    tracing::debug!(device = device.serial(), ?did, "a device of the demo goes on");
                }
                Duration::from_secs(seconds.into())
            }
            Err(error) => {
                // Cut off, most of the time: somebody tries that.
                tracing::debug!(%error, device = device.serial(), "a device of the demo was not let in");
                AGAIN
            }
        };
        tokio::time::sleep(sleep).await;
    }
}
