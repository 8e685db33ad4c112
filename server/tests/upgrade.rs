//! What the version before left, and this program goes on with: databases are migrated as they lie there, nothing of them is lost,
//! devices come as before, and what was under way ends. `cargo xtask bench upgrade` does it under load, with the program of that
//! version beside.

use crate::{
    field::operator,
    left::{Known, Left},
    metrics::free_port,
    served::{Served, command_in},
};
use domain::rollout::RolloutState;
use fleet::{Fleet, rollout::WaveView};
use futures::{StreamExt as _, stream};
use http::StatusCode;
use server::gateway::DEFAULT_TENANT;
use simulator::device::{Device, Faults, Identity, Line as _, LineError, Wire};
use std::{collections::BTreeSet, process::Command, sync::Arc, time::Duration};
use store::{Db, testing::cluster};
use tempfile::TempDir;

/// What may only become more.
const FOR_GOOD: [&str; 4] = [
    "SELECT d.serial, CAST(h.at AS TEXT), h.kind, h.actor, h.place, CAST(h.event AS TEXT) FROM history h JOIN device d ON d.id = h.device_id",
    "SELECT CAST(seq AS TEXT), action, subject, previous_hash, hash FROM audit",
    "SELECT device_serial, serial, purpose, status, reason FROM certificate",
    "SELECT d.serial, m.hash, m.previous_hash FROM manifest m JOIN device d ON d.id = m.device_id",
];
const REPAIRS: &str = "SELECT code, state FROM repair_case ORDER BY code";
/// The second waits for a report with the part that was fitted, which these devices don't send.
const REPAIRS_AFTER: [[&str; 2]; 4] =
    [["R-2611-0001", "closed"], ["R-2611-0002", "verifying"], ["R-2611-0003", "reported"], ["R-2611-0004", "reported"]];
/// What became of each device that was told of an update.
const UPDATES: &str = "SELECT d.serial, CAST(a.id AS TEXT), a.version, a.state FROM update_action a \
    JOIN device d ON d.id = a.device_id ORDER BY a.id";
/// How many devices the rollout tells a minute, at most.
const RATE: u64 = 20;
const MOST_A_MINUTE: &str = "SELECT CAST(max(n) AS TEXT) FROM \
    (SELECT count(*) AS n FROM update_action GROUP BY offered_at / 60000000) minutes";
/// How often each device has its turn: what is told to it at the first it has written at the second, started with at the third, and
/// said so.
const TURNS: usize = 4;
/// How many devices come at the same time.
const AT_ONCE: usize = 12;

struct Upgrade {
    name: &'static str,
    url: Option<String>,
    left: Left,
    _folder: TempDir,
}

impl Upgrade {
    async fn of(url: Option<String>) -> Self {
        let folder = TempDir::new().unwrap();
        let (name, left) = match &url {
            None => ("SQLite", Left::on_sqlite(folder.path()).await),
            Some(url) => ("PostgreSQL", Left::on_postgres(folder.path(), url).await),
        };
        Self { name, url, left, _folder: folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        command_in(&self.left.data(), self.url.as_deref(), &self.left.passphrase, arguments)
    }

    async fn rows(&self, query: &str) -> Vec<Vec<String>> {
        let sql = self.left.open(self.url.as_deref()).await;
        let rows = sql.rows(query).await;
        sql.close().await;
        rows
    }

    async fn kept(&self) -> Vec<BTreeSet<Vec<String>>> {
        let mut kept = Vec::new();
        for query in FOR_GOOD {
            kept.push(self.rows(query).await.into_iter().collect());
        }
        kept
    }

    fn wire(&self, gateway: &str, known: &Known) -> Wire {
        let identity = Identity::new(&known.certificate, &known.key, &self.left.root).unwrap();
        Wire::new(&format!("https://{gateway}"), DEFAULT_TENANT, &known.serial, identity).unwrap()
    }

    /// How many devices were told, as the rollout's page has it. It still runs.
    async fn told_by_the_rollout(&self) -> u64 {
        let data = self.left.data();
        let fleet = Fleet::new(Db::open(&data, self.url.as_deref()).await.unwrap(), data);
        let detail = fleet.rollout(&operator(), &self.left.rollout).await.unwrap();
        assert_eq!(detail.row.state, RolloutState::Running, "{}", self.name);
        fleet.db().close().await;
        detail.wave_views.iter().map(WaveView::told).sum()
    }

    /// Lets all devices come, each as often as an update takes.
    async fn everybody_comes(&self, gateway: &str) {
        let comes = async |known: &Known| {
            let (wire, none) = (self.wire(gateway, known), Arc::new(Faults::default()));
            let mut device = Device::new(&known.serial, &known.runs, none);
            for _ in 0..TURNS {
                let mut turn = device.turn(&wire, true).await;
                for _ in 0..2 {
                    // On a busy machine it is asked to come again.
                    if matches!(turn, Err(LineError::Refused(StatusCode::SERVICE_UNAVAILABLE))) {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        turn = device.turn(&wire, true).await;
                    }
                }
                assert!(turn.is_ok(), "{}: {}: {turn:?}", self.name, known.serial);
            }
        };
        stream::iter(&self.left.devices).for_each_concurrent(AT_ONCE, comes).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_version_before_left_goes_on() {
    for url in [None, Some(cluster().unwrap().database().await.unwrap())] {
        let upgrade = Upgrade::of(url).await;
        let name = upgrade.name;
        let (kept, told) = (upgrade.kept().await, upgrade.rows(UPDATES).await);
        let gateway = format!("localhost:{}", free_port().rsplit_once(':').unwrap().1);
        let at = gateway.replace("localhost", "127.0.0.1");
        let (any, pki) = ("127.0.0.1:0", free_port());
        let mut program =
            Served::starting(&mut upgrade.command(&["serve", "--console", any, "--gateway", &at, "--pki", &pki]));

        upgrade.everybody_comes(&gateway).await;
        let said = upgrade.wire(&gateway, &upgrade.left.revoked).poll().await;
        assert!(matches!(said, Err(LineError::Broken(_))), "{name}: who was revoked before is so still: {said:?}");
        program.signal("TERM");
        assert!(program.ended(), "{name}");

        for (before, after) in kept.iter().zip(upgrade.kept().await) {
            assert!(before.is_subset(&after), "{name}: lost {:?}", before.difference(&after).collect::<Vec<_>>());
        }
        let now = upgrade.rows(UPDATES).await;
        // The certificate that signed these releases ends on 2029-11-29; nobody is told of them after it.
        assert!(now.len() > told.len(), "{name}: nobody else was told");
        for (before, after) in told.iter().zip(&now) {
            assert_eq!(before[..3], after[..3], "{name}: each goes on with what it was told of");
            assert!(["verifying", "verified"].contains(&after[3].as_str()), "{name}: {after:?}");
        }
        let serials: BTreeSet<&String> = now.iter().map(|row| &row[0]).collect();
        assert_eq!(serials.len(), now.len(), "{name}: told twice");
        let meant = upgrade.left.devices.iter().filter(|known| known.is_updated).map(|known| &known.serial).collect();
        assert!(serials.is_subset(&meant), "{name}: told something that is for others");
        assert_eq!(upgrade.told_by_the_rollout().await, now.len() as u64, "{name}");
        let most: u64 = upgrade.rows(MOST_A_MINUTE).await[0][0].parse().unwrap();
        assert!(most <= RATE, "{name}: {most} were told within one minute");
        assert_eq!(upgrade.rows(REPAIRS).await, REPAIRS_AFTER, "{name}");
        let verified = upgrade.command(&["audit", "verify"]).output().unwrap();
        assert!(verified.status.success(), "{name}: {}", String::from_utf8_lossy(&verified.stdout));
    }
}
