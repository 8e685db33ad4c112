//! A process that is killed while it issues: whoever got a certificate finds it known.

use crate::world::{NOW, RULE, fleet_on, keys, request, worlds};
use domain::time::Timestamp;
use fleet::Fleet;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::{Arc, atomic::AtomicI64, mpsc},
    time::Duration,
};
use store::Db;

const FOLDER: &str = "MUSTER_TEST_ISSUES_IN";
const URL: &str = "MUSTER_TEST_ISSUES_ON";
const ROUND: &str = "MUSTER_TEST_ISSUES_ROUND";

/// The process that is killed: it issues on and on and tells of each certificate once it was answered. Without its
/// folder this is no test at all, so it is one only by the name of the other.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_issues() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = std::path::PathBuf::from(folder);
    let db = Db::open(&folder, std::env::var(URL).ok().as_deref()).await.unwrap();
    let fleet = Fleet::with_clock(db, folder.clone(), Arc::new(|| NOW)).with_keys(keys(&folder));
    let round = std::env::var(ROUND).unwrap();
    for n in 0.. {
        let serial = format!("K{round}-{n}");
        let enrolled = fleet.enrol(&RULE, "B", &request(&serial).1, &serial).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "ISSUED {serial} {}", enrolled.certificate.serial_hex()).unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_certificate_that_was_given_away_is_unknown() {
    for world in worlds().await {
        let mut told = Vec::new();
        for round in 0..3_u64 {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "kill::child_that_issues", "--nocapture"]);
            command.env(FOLDER, world.fixture.folder.path()).env(ROUND, round.to_string());
            if let Some(url) = &world.fixture.url {
                command.env(URL, url);
            }
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let (tells, told_of_one) = mpsc::channel();
            let reader = std::thread::spawn(move || {
                let mut issued = Vec::new();
                for line in lines.map_while(Result::ok) {
                    let words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
                    if let Some(at) = words.iter().position(|word| word.ends_with("ISSUED"))
                        && let (Some(serial), Some(number)) = (words.get(at + 1), words.get(at + 2))
                    {
                        issued.push((serial.clone(), number.clone()));
                        let _ = tells.send(());
                    }
                }
                issued
            });
            // How long it takes to begin says nothing; it is killed at any moment after it has issued some.
            for _ in 0..2 {
                told_of_one.recv_timeout(Duration::from_secs(120)).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(500 + round * 37)).await;
            child.kill().unwrap();
            child.wait().unwrap();
            told.extend(reader.join().unwrap());
        }
        assert!(told.len() > 3, "{}: {} were issued", world.name(), told.len());
        let fleet = fleet_on(&world.fixture, &Arc::new(AtomicI64::new(NOW.0)));
        for (serial, number) in &told {
            let kept = store::certificate::of_device(fleet.db(), serial).await.unwrap();
            assert_eq!(kept.len(), 1, "{serial}");
            assert_eq!(kept[0].serial, *number);
        }
        // The count and the certificates are of one transaction, so at most what was on its way differs from what was told.
        let row = fleet.authority(&RULE, "batch-ca-b").await.unwrap().row;
        assert_eq!(row.authority.issued, row.valid, "{}", world.name());
        let ahead = row.valid - i64::try_from(told.len()).unwrap();
        assert!((0..=3).contains(&ahead), "{ahead} more are known than were told of");
        assert_eq!(fleet.audit_verify(&RULE).await.unwrap().break_at, None);
        assert_eq!(Timestamp(NOW.0), fleet.now());
    }
}
