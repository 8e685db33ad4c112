//! SWUpdate itself, as Debian ships it, with a device's kit: it polls, says what it is, and two of them are found out.
//! To be run by `cargo xtask test --only verifiers`, which installs it.

use crate::{
    ceremony::put,
    field::{A, Field, RULE, field, operator},
    pipeline::{Pipeline, plan, started},
    scene::life,
};
use domain::{
    authority::FindingKind as Kind,
    component::{ComponentClass, Part},
    history::{Entry, Event},
    id::HistoryId,
    identifier::normalise,
    rollout::{ActionState, Plan, RolloutState},
    time::{DAY, Timestamp},
};
use fleet::finding::FindingRow;
use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use uuid::Uuid;

const SERIAL: &str = "GW-SWU-1";
const LISTED: &str = "d8:80:39:00:00:01";
const OTHER: &str = "d8:80:39:00:00:99";

/// A running SWUpdate, ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A device whose manifest lists one WLAN module.
async fn made(field: &Field) {
    let at: Timestamp = field.fleet.now().plus(-DAY);
    let found = normalise(ComponentClass::Wlan, LISTED).unwrap();
    let part = Part {
        slot: "wlan0".into(),
        class: ComponentClass::Wlan,
        maker: "Acme".into(),
        model: "W1".into(),
        identifier: found.shown,
        identifier_key: found.key,
    };
    let hash = domain::manifest::hash(SERIAL, 1, "", std::slice::from_ref(&part));
    let mut life = life(SERIAL, A, at);
    let manifest = Event::ManifestRecorded {
        version: 1,
        hash,
        previous_hash: String::new(),
        fitted: vec![part],
        removed: Vec::new(),
        reason: String::new(),
    };
    let first = life.history[0].clone();
    life.history.push(Entry { id: HistoryId(Uuid::now_v7()), at: at.plus(1), event: manifest, ..first });
    field.fleet.seed_devices(&RULE, &[life]).await.unwrap();
    let mut models = store::batch::models(field.fleet.db()).await.unwrap();
    models[0].poll_interval_s = 4;
    let mut tx = field.fleet.db().begin().await.unwrap();
    store::batch::update_model(&mut tx, &models[0]).await.unwrap();
    tx.commit().await.unwrap();
}

/// Starts it with the kit's own configuration, moved to where the kit is, and what only this device knows.
fn start(field: &Field, name: &str, mac: &str, interface: Option<&str>) -> Running {
    let kit = field.file("kit");
    let config = fs::read_to_string(kit.join("swupdate.cfg")).unwrap();
    let interface = interface.map(|from| format!("    interface = \"{from}\";\n")).unwrap_or_default();
    let config = config.replace("polldelay = 300;", &format!("polldelay = 4;\n    retry = 1;\n{interface}"));
    let config = format!("{config}identify : ( {{ name = \"hw.wlan0.mac\"; value = \"{mac}\"; }} );\n");
    let folder = field.file(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("swupdate.cfg"), config).unwrap();
    // The build of Debian wants a certificate to check images with, also where none come.
    let log = fs::File::create(folder.join("log")).unwrap();
    let child = Command::new("swupdate")
        .args(["-v", "-f", "swupdate.cfg", "-H", "gw:1", "-k"])
        .arg(kit.join("ca.pem"))
        .args(["-u", ""])
        .current_dir(&folder)
        .env("TMPDIR", &folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    Running(child)
}

/// Waits until it is so, and says what SWUpdate said when it never is.
async fn until<F: AsyncFn() -> bool>(field: &Field, what: &str, name: &str, is_so: F) {
    let begun = Instant::now();
    while !is_so().await {
        let log = fs::read_to_string(field.file(name).join("log")).unwrap_or_default();
        assert!(begun.elapsed() < Duration::from_secs(120), "{what} never came; SWUpdate says:\n{log}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn open(field: &Field, kind: Kind) -> Option<FindingRow> {
    field.fleet.findings(&operator(), true).await.unwrap().into_iter().find(|row| row.kind == kind)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs swupdate: cargo xtask test --only verifiers"]
async fn swupdate_says_what_it_is_and_a_copy_of_it_is_found() {
    let field = field().await;
    made(&field).await;
    put(&field.file("kit"), &field.fleet.kit(&operator(), SERIAL).await.unwrap().files());
    let reported = async || field.fleet.device_report(&operator(), SERIAL).await.unwrap();
    let first = start(&field, "first", LISTED, None);
    until(&field, "the first report", "first", async || reported().await.comparison.matched == Some(1)).await;
    assert!(open(&field, Kind::HardwareMismatch).await.is_none());
    drop(first);
    // Another WLAN module: the model's usual policy notes it.
    field.fleet.want_report(&operator(), SERIAL).await.unwrap();
    let changed = start(&field, "changed", OTHER, None);
    until(&field, "the finding", "changed", async || open(&field, Kind::HardwareMismatch).await.is_some()).await;
    let found = open(&field, Kind::HardwareMismatch).await.unwrap();
    assert!(found.words.contains(OTHER) && found.words.contains(LISTED), "{}", found.words);
    // A second one with the same identity, from another address.
    let copy = start(&field, "copy", OTHER, Some("127.0.0.2"));
    until(&field, "the copy", "copy", async || open(&field, Kind::CloneSuspected).await.is_some()).await;
    let found = open(&field, Kind::CloneSuspected).await.unwrap();
    for address in ["127.0.0.1", "127.0.0.2"] {
        assert!(found.words.contains(address), "{}", found.words);
    }
    assert_eq!(found.device_serial.as_deref(), Some(SERIAL));
    drop((changed, copy));
}

/// Starts it as [`start`] does, running a version, with what installs signed images; told to confirm what it installed if asked.
fn start_for_updates(field: &Field, name: &str, version: &str, confirm: Option<&str>) -> Running {
    let kit = field.file("kit");
    let config = fs::read_to_string(kit.join("swupdate.cfg")).unwrap();
    let config = config.replace("polldelay = 300;", "polldelay = 2;\n    retry = 1;\n");
    let said = format!(
        "{config}identify : ( {{ name = \"hw.wlan0.mac\"; value = \"{LISTED}\"; }}, \
         {{ name = \"sw.version\"; value = \"{version}\"; }} );\n"
    );
    let folder = field.file(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("swupdate.cfg"), said).unwrap();
    // Whoever signs code stands below the operations CA, and that below the root.
    let trusted = ["ca.pem", "operations.pem"].map(|file| fs::read_to_string(field.file(file)).unwrap()).concat();
    fs::write(folder.join("trusted.pem"), trusted).unwrap();
    let log = fs::File::create(folder.join("log")).unwrap();
    let suricatta = confirm.map(|state| format!("-c {state}")).unwrap_or_default();
    let child = Command::new("swupdate")
        .args(["-v", "-f", "swupdate.cfg", "-H", "gw:1", "--cert-purpose", "codeSigning", "-k", "trusted.pem"])
        .args(["-u", &suricatta])
        .current_dir(&folder)
        .env("TMPDIR", &folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    Running(child)
}

/// How many devices of the one wave are in a state.
async fn are(field: &Field, code: &str, state: ActionState) -> u64 {
    let detail = field.fleet.rollout(&operator(), code).await.unwrap();
    detail.wave_views[0].counts.iter().filter(|count| count.state == state).map(|count| count.n).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs swupdate: cargo xtask test --only verifiers"]
async fn swupdate_installs_what_is_signed_and_is_verified_after_its_start() {
    let field = field().await;
    made(&field).await;
    put(&field.file("kit"), &field.fleet.kit(&operator(), SERIAL).await.unwrap().files());
    let steward = tokio::spawn(field.fleet.clone().run_rollouts());
    let pipeline = Pipeline::of(&field).await;
    let name = format!("muster-{}.img", Uuid::now_v7());
    let good = pipeline.release(&field, "2.0", &["1"], &[(name.as_str(), b"what runs next")]).await;
    let code = started(&field, plan(good)).await;
    let first = start_for_updates(&field, "old", "1.0", None);
    let installed = std::path::Path::new("/tmp").join(&name);
    until(&field, "the file", "old", async || installed.exists()).await;
    until(&field, "that it installs", "old", async || are(&field, &code, ActionState::Installing).await == 1).await;
    drop(first);
    fs::remove_file(&installed).unwrap();
    assert_eq!(are(&field, &code, ActionState::Verified).await, 0, "it has not started with it yet");
    let second = start_for_updates(&field, "new", "2.0", Some("2"));
    until(&field, "the confirmation", "new", async || are(&field, &code, ActionState::Verified).await == 1).await;
    let record = field.fleet.device_record(&operator(), SERIAL).await.unwrap();
    assert_eq!(record.device.firmware.as_deref(), Some("2.0"));
    let told: Vec<&str> = record.history.iter().map(|entry| entry.event.kind()).collect();
    for kind in ["update_offered", "update_installed", "update_verified"] {
        assert!(told.contains(&kind), "{kind}: {told:?}");
    }
    until(&field, "the end", "new", async || {
        field.fleet.rollout(&operator(), &code).await.unwrap().row.state == RolloutState::Completed
    })
    .await;
    // An image for other hardware: SWUpdate refuses it, and the gate halts the wave.
    let bad = pipeline.release(&field, "3.0", &["9"], &[("never", b"x")]).await;
    let code = started(&field, Plan { name: "Bad".into(), ..plan(bad) }).await;
    until(&field, "the failure", "new", async || are(&field, &code, ActionState::Failed).await == 1).await;
    until(&field, "the halt", "new", async || {
        field.fleet.rollout(&operator(), &code).await.unwrap().row.state == RolloutState::Halted
    })
    .await;
    let detail = field.fleet.rollout(&operator(), &code).await.unwrap();
    assert!(detail.row.reason.contains("1 of 1 devices with an outcome failed"), "{}", detail.row.reason);
    assert!(!detail.failures[0].reason.is_empty());
    drop(second);
    steward.abort();
}
