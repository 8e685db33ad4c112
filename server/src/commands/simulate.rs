//! `muster simulate`: virtual devices at the gateway of a console, to try a rollout with. They are enrolled as a factory's line
//! does it, and come as devices in the field do: by hawkBit's DDI over mutual TLS.

use super::{files, serve::say};
use crate::{
    cli::Simulate,
    failure::{Failure, Outcome},
};
use simulator::device::{Device, Did, Faults, Identity, LineError, Turn, Wire, enrol};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

/// When it is tried again after something went wrong.
const AGAIN: Duration = Duration::from_secs(5);

/// Enrols the devices that have no certificate yet, and lets all of them live until the program is told to stop.
///
/// # Errors
/// When the station's files or the folder can't be used, or the station is refused.
pub async fn run(simulate: Simulate) -> Outcome {
    pki::make_folder(&simulate.folder)?;
    let faults = Arc::new(Faults::new(simulate.seed, simulate.fault.clone()).measuring(simulate.metric.clone()));
    let mut all = JoinSet::new();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::because)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::because)?;
    for (place, serial) in simulate.serials.iter().enumerate() {
        let (device, wire) = begun(&simulate, serial, &faults).await?;
        let pause = Duration::from_millis(50 * u64::try_from(place).unwrap_or_default());
        all.spawn(live(device, wire, simulate.folder.clone(), pause));
    }
    say(&format!("{} devices come to {}. Ctrl-C stops them.", simulate.serials.len(), simulate.gateway))?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        // All of them fell silent.
        () = async { while all.join_next().await.is_some() {} } => {}
    }
    all.shutdown().await;
    Ok(())
}

/// A file of a device in the folder. A serial may hold what no file's name may.
fn file(folder: &Path, serial: &str, extension: &str) -> PathBuf {
    let name: String =
        serial.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' }).collect();
    folder.join(format!("{name}.{extension}"))
}

/// A device with its line: enrolled now, or as an earlier run left it.
async fn begun(simulate: &Simulate, serial: &str, faults: &Arc<Faults>) -> Result<(Device, Wire), Failure> {
    let roots = files::read_text(&simulate.station.join("ca.pem"))?;
    let path = |extension: &str| file(&simulate.folder, serial, extension);
    if !path("pem").exists() {
        let station = |name: &str| files::read_text(&simulate.station.join(name));
        let identity =
            Identity::new(&station("station.pem")?, &station("station.key")?, &roots).map_err(Failure::because)?;
        let wire = Wire::new(&simulate.gateway, &simulate.tenant, serial, identity).map_err(Failure::because)?;
        let (certificate, key) = enrol(&wire, &simulate.batch, serial)
            .await
            .map_err(|error| Failure::NotDone(format!("{serial} could not be enrolled: {error}")))?;
        pki::write_private(&path("key"), key.as_bytes())?;
        pki::write_public(&path("runs"), simulate.runs.as_bytes())?;
        pki::write_public(&path("pem"), certificate.as_bytes())?;
        say(&format!("{serial}: enrolled"))?;
    }
    let read = |extension: &str| files::read_text(&path(extension));
    let identity = Identity::new(&read("pem")?, &read("key")?, &roots).map_err(Failure::because)?;
    let wire = Wire::new(&simulate.gateway, &simulate.tenant, serial, identity).map_err(Failure::because)?;
    Ok((Device::new(serial, read("runs")?.trim(), Arc::clone(faults)), wire))
}

async fn live(mut device: Device, wire: Wire, folder: PathBuf, pause: Duration) {
    tokio::time::sleep(pause).await;
    loop {
        let sleep = match device.turn(&wire, true).await {
            Ok(Turn { did, sleep_s, .. }) => {
                told(&device, did.as_ref(), &folder);
                let Some(seconds) = sleep_s else { return };
                Duration::from_secs(seconds.into())
            }
            Err(error) => {
                told_of(&device, &error);
                AGAIN
            }
        };
        tokio::time::sleep(sleep).await;
    }
}

fn told(device: &Device, did: Option<&Did>, folder: &Path) {
    let words = match did {
        None => return,
        Some(Did::Wrote(version)) => format!("wrote {version}, starts"),
        Some(Did::Installed(version)) => format!("runs {version}"),
        Some(Did::Failed(version, why)) => format!("failed to install {version}: {why}"),
        Some(Did::WentBack(version)) => format!("went back from {version} to {}", device.runs()),
        Some(Did::FellSilent(version)) => format!("is not heard from any more, since {version}"),
        Some(Did::Stopped) => "stopped the update".to_owned(),
    };
    // Nobody may be listening; the devices go on.
    let _ = say(&format!("{}: {words}", device.serial()));
    let kept = file(folder, device.serial(), "runs");
    if let Err(error) = pki::write_public(&kept, device.runs().as_bytes()) {
        tracing::warn!(%error, file = %kept.display(), "what runs on a device was not kept");
    }
}

fn told_of(device: &Device, error: &LineError) {
    tracing::warn!(%error, device = device.serial(), "it is tried again");
}
