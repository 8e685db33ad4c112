//! A process that is killed at any point loses no revocation that it acknowledged, and no number of a CRL comes again
//! with other content.

use crate::world::{World, device, open};
use domain::revocation::RevocationAct as Act;
use fleet::{Fleet, revocation::Outcome};
use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};
use store::testing::{self, Fixture};

const FOLDER: &str = "MUSTER_TEST_FOLDER";
const URL: &str = "MUSTER_TEST_URL";
const DEVICES: usize = 60;

/// Not a test: what the test below starts, and kills. It revokes one device after the other, and says what it has done.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "is started, and killed, by another test"]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let clock = Arc::new(AtomicI64::new(fleet::system_time().0));
    let fleet = open(&PathBuf::from(folder), std::env::var(URL).ok().as_deref(), clock).await;
    fleet.load_trust().await.unwrap();
    tokio::spawn(fleet.clone().publisher());
    let told = fleet.clone();
    tokio::spawn(async move {
        let mut last = 0;
        loop {
            if let Some(crl) = told.crl("batch-a").filter(|crl| crl.number != last) {
                last = crl.number;
                println!("\ncrl {} {}", crl.number, crl.etag);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let world = World { fleet, fixture: nowhere().await, clock: Arc::default() };
    for n in 0..DEVICES {
        let serial = format!("A-{n:05}");
        if world.fleet.device(&crate::world::RULE, &serial).await.unwrap().trust != domain::device::Trust::Revoked {
            let Outcome::Done(_) = world.act(Act::Revoke, device(&serial)).await else { continue };
            println!("\nrevoked {serial}");
        }
    }
    println!("\nall done");
    tokio::time::sleep(Duration::from_secs(60)).await;
}

async fn nowhere() -> Fixture {
    testing::sqlite().await.unwrap()
}

struct Said {
    revoked: Vec<String>,
    crls: Vec<(i64, String)>,
    all: bool,
}

/// Starts the child and kills it after a while.
fn killed_after(fixture: &Fixture, micros: u64) -> Said {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::child", "--ignored", "--nocapture"]).env(FOLDER, fixture.folder.path());
    if let Some(url) = &fixture.url {
        command.env(URL, url);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    let reader =
        std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
    let mut said = Said { revoked: Vec::new(), crls: Vec::new(), all: false };
    let mut hear = |line: String| match line.split(' ').collect::<Vec<_>>()[..] {
        ["revoked", serial] => said.revoked.push(serial.to_owned()),
        ["crl", number, etag] => said.crls.push((number.parse().unwrap(), etag.to_owned())),
        ["all", "done"] => said.all = true,
        _ => {}
    };
    // From the first word on: until then it only starts.
    for line in receiver.iter() {
        let begun = line.starts_with("crl") || line.starts_with("revoked");
        hear(line);
        if begun {
            break;
        }
    }
    std::thread::sleep(Duration::from_micros(micros));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    receiver.try_iter().for_each(&mut hear);
    said
}

async fn opened(fixture: &Fixture) -> Fleet {
    let clock = Arc::new(AtomicI64::new(fleet::system_time().0));
    let fleet = open(fixture.folder.path(), fixture.url.as_deref(), clock).await;
    fleet.load_trust().await.unwrap();
    fleet
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost() {
    for fixture in testing::both().await.unwrap() {
        let fixture = World::on(fixture, DEVICES).await;
        fixture.fleet.db().close().await;
        let fixture = fixture.fixture;
        let mut content: HashMap<i64, String> = HashMap::new();
        let (mut acknowledged, mut highest, mut rounds) = (Vec::new(), 0, 0);
        for round in 0_u64..30 {
            // A machine that has much else to do gets more time.
            let more = if acknowledged.len() > 5 { 0 } else { round / 8 * 1_000_000 };
            let said = killed_after(&fixture, 50_000 + round * 87_123 % 700_000 + more);
            rounds += 1;
            for (number, etag) in said.crls {
                let known = content.entry(number).or_insert_with(|| etag.clone());
                assert_eq!(*known, etag, "{}: number {number} with other content", fixture.name);
                assert!(number >= highest, "{}: {number} after {highest}", fixture.name);
                highest = highest.max(number);
            }
            acknowledged.extend(said.revoked);
            let fleet = opened(&fixture).await;
            for serial in &acknowledged {
                let row = store::certificate::of_device(fleet.db(), serial).await.unwrap().remove(0);
                let trust = fleet.trust();
                let key = trust.authority(row.authority_id).unwrap().certificate().subject_key_id();
                assert_eq!(trust.admits(&key, &row.serial), fleet::trust::Verdict::Revoked, "{serial} was lost");
            }
            fleet.publish_due().await.unwrap();
            let crl = fleet.crl("batch-a").unwrap();
            assert!(usize::try_from(crl.entries).unwrap() >= acknowledged.len(), "{}: not listed", fixture.name);
            assert!(crl.number >= highest, "{}: the number went back", fixture.name);
            let known = content.entry(crl.number).or_insert_with(|| crl.etag.clone());
            assert_eq!(*known, crl.etag, "{}: number {} with other content", fixture.name, crl.number);
            highest = highest.max(crl.number);
            let audit = fleet.audit_verify(&crate::world::RULE).await.unwrap();
            assert_eq!(audit.break_at, None);
            fleet.db().close().await;
            if said.all || (round >= 8 && acknowledged.len() > 10) {
                break;
            }
        }
        assert!(acknowledged.len() > 5, "{}: too little was done to tell anything", fixture.name);
        println!("{}: {rounds} kills, {} acknowledged, {} CRLs", fixture.name, acknowledged.len(), content.len());
    }
}

/// The same within one process: a deed that is dropped at any of its steps leaves nothing.
#[tokio::test]
async fn an_act_that_is_dropped_leaves_nothing_and_the_rest_is_resumed() {
    for world in crate::world::worlds(30).await {
        for micros in [0_u64, 200, 600, 1_500, 4_000, 9_000] {
            let doing = world.act_through(Act::Hold, crate::world::batch("A"));
            let ended = tokio::time::timeout(Duration::from_micros(micros), doing).await.is_ok();
            // What was dropped while it was committed may be committed still.
            testing::until_at_rest(world.fleet.db()).await.unwrap();
            world.fleet.load_trust().await.unwrap();
            let cut = world.fleet.trust().by_slug("batch-a").unwrap().cut();
            let state = store::authority::by_slug(world.fleet.db(), "batch-a").await.unwrap().unwrap().state;
            assert_eq!(cut.is_some(), !state.is_trusted(), "{}: half an act", world.name());
            if ended || cut.is_some() {
                world.act_through(Act::Release, crate::world::batch("A")).await;
            }
        }
        world.act_through(Act::Revoke, crate::world::batch("A")).await;
        let id = world.fleet.revocations(&crate::world::RULE, None, 1).await.unwrap().rows[0].id;
        world.fleet.follow_acts().await.unwrap();
        let row = world.fleet.revocation(&crate::world::RULE, id).await.unwrap().row;
        assert_eq!((row.total, row.applied), (30, 30));
        let n = world.fleet.count_devices(&crate::world::RULE, "trust:revoked").await.unwrap();
        assert_eq!(n, 30, "{}", world.name());
    }
}
