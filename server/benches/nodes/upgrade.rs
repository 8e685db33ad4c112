//! An upgrade from the version before, under load: three of its nodes on PostgreSQL, one after the other taken out of the balancer,
//! stopped, and started again as this program; and the same on SQLite by one restart. Devices go on meanwhile, and with them the
//! rollout that was running. What was acknowledged by either version is held against the database afterwards.
//!
//! No poll may fail. That there is nothing to install may be said to a device which a node of the version before has just told of an
//! update from memory: it does not hear what other nodes, of whichever version, have taken of a device within the last minute.

use crate::{
    Sizes,
    balancer::{Balancer, GATEWAY},
    field::{self, Field, Habit, JOB, Kept, Stretch},
    left::{Left, Sql},
    net::{FIELD, Net},
    node::{Node, Run},
    postgres::{Postgres, ask},
    scenes::until,
    table,
    world::RULE,
};
use fleet::Fleet;
use server::gateway::DEFAULT_TENANT;
use simulator::device::{Identity, Line, LineError, Wire};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};
use store::Db;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The last step of migrating that the version before knows.
const LAST_STEP_BEFORE: u64 = 23;
/// As many updates a minute as the rollout allows.
const RATE: u64 = 20;
/// Within which time at least one more device installs what it is told of, as long as some have not: a minute's share may be used up.
const PATIENCE: Duration = Duration::from_secs(130);
/// What somebody is told who comes while nobody is there, or whose connection ends: that alone a restart may do.
const AT_A_RESTART: [&str; 4] = ["connection refused", "connection reset", "broken off", "unexpected end of file"];

/// How many devices have installed what they were told of.
const INSTALLED: &str = "SELECT count(*) FROM update_action WHERE state IN ('verifying', 'verified')";
const OFFERED_TWICE: &str = "SELECT CAST(count(*) AS TEXT) FROM \
    (SELECT device_id FROM update_action GROUP BY rollout_id, device_id HAVING count(*) > 1) x";
/// The most updates of a minute.
const MOST_A_MINUTE: &str = "SELECT CAST(max(n) AS TEXT) FROM \
    (SELECT count(*) AS n FROM update_action GROUP BY rollout_id, offered_at / 60000000) x";
const COUNTS: &str = "SELECT d.serial, r.attributes ->> 'count' FROM device_report r JOIN device d ON d.id = r.device_id \
    WHERE r.attributes ->> 'count' IS NOT NULL";
const UPDATES: &str = "SELECT d.serial, a.version, a.state FROM update_action a JOIN device d ON d.id = a.device_id \
    WHERE a.id = (SELECT max(b.id) FROM update_action b WHERE b.device_id = a.device_id)";

/// What came of one part of it.
struct Phase {
    what: String,
    stretch: Stretch,
    /// What else was measured.
    times: Vec<(&'static str, Duration)>,
}

/// Does both, and prints what came of them.
pub fn print(sizes: &Sizes, net: &Net, before: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let stage = Stage { sizes, net, runtime: &runtime, before };
    println!("{} to {}", version_of(before), version_of(&Run::this().program));
    stage.on_sqlite();
    stage.on_postgres();
}

fn version_of(program: &Path) -> String {
    let said = Command::new(program).arg("--version").output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

struct Stage<'a> {
    sizes: &'a Sizes,
    net: &'a Net,
    runtime: &'a Runtime,
    before: &'a Path,
}

impl Stage<'_> {
    /// Each comes about once a second.
    fn habit(&self) -> Habit {
        Habit { at_once: 16, pause: Duration::from_secs(1), reports: 2 }
    }

    /// Lets the devices of the data set come.
    fn field(&self, left: &Left) -> Field {
        let known = |known: &crate::left::Known| field::Known {
            serial: known.serial.clone(),
            runs: known.runs.clone(),
            key: known.key.clone(),
            certificate: known.certificate.clone(),
        };
        Field::of(self.runtime, &left.root, left.devices.iter().map(known), self.habit())
    }

    /// Whoever was revoked before is refused.
    fn refuses_the_revoked(&self, left: &Left) {
        let known = &left.revoked;
        let identity = Identity::new(&known.certificate, &known.key, &left.root).unwrap();
        let gateway = format!("https://localhost:{}", GATEWAY.port());
        let wire = Wire::new(&gateway, DEFAULT_TENANT, &known.serial, identity).unwrap();
        let said = self.runtime.block_on(wire.poll());
        assert!(matches!(said, Err(LineError::Broken(_))), "a device that was revoked before: {said:?}");
    }

    /// What the version before runs on.
    fn run(&self, left: &Left, database: Option<String>) -> Run {
        Run { program: self.before.to_owned(), is_this: false, database, passphrase: left.passphrase.clone() }
    }

    /// Looks at the field while something is done, and for a while after.
    fn phase(&self, field: &Field, what: &str, deed: impl FnOnce() -> Vec<(&'static str, Duration)>) -> Phase {
        eprintln!("{what} …");
        let mut times = Vec::new();
        let stretch = field.during(|| {
            times = deed();
            sleep(self.sizes.calm());
        });
        eprintln!("    {stretch:?} {times:?}");
        Phase { what: what.to_owned(), stretch, times }
    }

    fn on_postgres(&self) {
        let (folder, cluster) = (temporary("muster-upgrade"), temporary("muster-upgrade-pg"));
        let _postgres = Postgres::start(self.net, cluster.path());
        let left = self.runtime.block_on(Left::on_postgres(folder.path(), &Postgres::url()));
        ask("muster", &polls_each_second());
        let run = self.run(&left, Some(Postgres::url()));
        let node = |name| Node::on(self.net, self.net.host(name), data_of(&left, folder.path(), name), run.clone());
        let mut nodes = ["n1", "n2", "n3"].map(node);
        for node in &mut nodes {
            node.start();
            until(|| node.is_ready());
        }
        let balancer = Balancer::start(folder.path(), &nodes);
        let mut field = self.field(&left);
        let mut told = vec![self.phase(&field, "three nodes of the version before", Vec::new)];
        for (n, node) in nodes.iter_mut().enumerate() {
            let what = format!("node {} is replaced", n + 1);
            told.push(self.phase(&field, &what, || replace(node, &balancer)));
        }
        told.push(self.phase(&field, "the rollout's last wave, on three nodes of this one", || {
            self.runtime.block_on(opens_last_wave(&left, &Postgres::url()));
            vec![("until all had installed it", all_install(&left))]
        }));
        field.stop(self.runtime);
        self.refuses_the_revoked(&left);
        field.check(&Kept::in_postgres());
        print_phases("PostgreSQL, three nodes", &told);
        print_migration();
        let (after, before) = told.split_last().unwrap();
        assert_eq!(after.stretch.failed, 0, "failed turns with nodes of this version alone");
        let stale = format!("× 404 to {JOB}");
        let others = before.iter().flat_map(|phase| &phase.stretch.kinds).filter(|kind| !kind.ends_with(&stale));
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new(), "failed turns");
        self.runtime.block_on(async { holds(&left.open(Some(&Postgres::url())).await).await });
        let version = env!("CARGO_PKG_VERSION");
        let wanted = format!("n1 {version}, n2 {version}, n3 {version}");
        assert_eq!(ask("muster", "SELECT string_agg(name || ' ' || version, ', ' ORDER BY name) FROM node"), wanted);
        is_verified(&nodes[0]);
    }

    fn on_sqlite(&self) {
        let folder = temporary("muster-upgrade");
        let left = self.runtime.block_on(Left::on_sqlite(folder.path()));
        self.runtime.block_on(async { left.open(None).await.run(&polls_each_second()).await });
        let mut node = Node::on(self.net, self.net.host(FIELD), left.data(), self.run(&left, None));
        node.start();
        until(|| node.is_ready());
        let mut field = self.field(&left);
        let mut told = vec![self.phase(&field, "the version before", Vec::new)];
        told.push(self.phase(&field, "one restart", || {
            let begun = Instant::now();
            let stopped = node.stop();
            node.upgrade();
            let started = node.start();
            until(|| node.is_ready());
            vec![("until it had stopped", stopped), ("until the new one ran", started), ("both", begun.elapsed())]
        }));
        told.push(self.phase(&field, "this one", Vec::new));
        field.stop(self.runtime);
        self.refuses_the_revoked(&left);
        node.stop();
        print_phases("SQLite, one restart", &told);
        let failed = |at: usize| told[at].stretch.failed;
        assert_eq!((failed(0), failed(2)), (0, 0), "failed turns beside the restart");
        let is_none = |kind: &String| !AT_A_RESTART.iter().any(|allowed| kind.contains(allowed));
        assert!(!told[1].stretch.kinds.iter().any(is_none), "{:?}", told[1].stretch.kinds);
        self.runtime.block_on(async {
            let sql = left.open(None).await;
            field.check(&kept(&sql).await);
            holds(&sql).await;
            sql.close().await;
        });
        is_verified(&node);
    }
}

fn temporary(prefix: &str) -> TempDir {
    tempfile::Builder::new().prefix(prefix).tempdir().unwrap()
}

/// Who polls more often than told looks like two.
fn polls_each_second() -> String {
    "UPDATE model SET poll_interval_s = 1".to_owned()
}

/// A data folder for a node, with all that the one of the data set holds: with that version each node has keys of its own.
fn data_of(left: &Left, folder: &Path, name: &str) -> PathBuf {
    let data = folder.join(name);
    fs::create_dir(&data).unwrap();
    let copied = Command::new("cp").arg("-a").arg(left.data().join(".")).arg(&data).status();
    assert!(copied.unwrap().success());
    // By which nodes know each other: each has its own.
    fs::remove_file(data.join("imports/node")).unwrap();
    data
}

/// As it stands in docs/OPERATIONS.md.
fn replace(node: &mut Node, balancer: &Balancer) -> Vec<(&'static str, Duration)> {
    let drained = balancer.drain(node);
    let stopped = node.stop();
    node.upgrade();
    let started = node.start();
    let begun = Instant::now();
    until(|| node.is_ready());
    let ready = started + begun.elapsed();
    let back = balancer.put_back(node);
    vec![
        ("until its connections had ended", drained),
        ("until it had stopped", stopped),
        ("until the new one was ready", ready),
        ("until the balancer had it back", back),
    ]
}

/// What is done by hand in a rollout that the version before began.
async fn opens_last_wave(left: &Left, url: &str) {
    let fleet = Fleet::new(Db::open(&left.data(), Some(url)).await.unwrap(), left.data());
    fleet.refresh_rollouts().await.unwrap();
    fleet.advance_rollout(&RULE, &left.rollout, 0).await.unwrap();
    fleet.db().close().await;
}

/// Waits until all devices that the rollout is for have installed it. How long that took.
fn all_install(left: &Left) -> Duration {
    let all = left.devices.iter().filter(|known| known.is_updated).count();
    let begun = Instant::now();
    let (mut known, mut since) = (0, begun);
    while known < all {
        let now = ask("muster", INSTALLED).parse().unwrap();
        if now > known {
            (known, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "{known} of {all} have installed it");
        sleep(Duration::from_millis(500));
    }
    begun.elapsed()
}

/// What a database has of devices.
async fn kept(sql: &Sql) -> Kept {
    let counts = sql.rows(COUNTS).await.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap()));
    let updates = sql.rows(UPDATES).await.into_iter().map(|row| (row[0].clone(), (row[1].clone(), row[2].clone())));
    Kept { counts: counts.collect(), updates: updates.collect::<BTreeMap<_, _>>() }
}

/// What neither version may do, nor both together.
async fn holds(sql: &Sql) {
    assert_eq!(sql.rows(OFFERED_TWICE).await, [["0"]], "devices that were offered twice");
    let most: u64 = sql.rows(MOST_A_MINUTE).await[0][0].parse().unwrap();
    assert!(most <= RATE, "{most} updates in a minute, of {RATE}");
}

fn is_verified(node: &Node) {
    let verified = node.command(&["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

fn print_phases(what: &str, told: &[Phase]) {
    println!("\n| {what} | turns | failed | longest pause | how long |");
    println!("|---|---|---|---|---|");
    for phase in told {
        let Stretch { rate, failed, kinds, gap } = &phase.stretch;
        let failed = if kinds.is_empty() { failed.to_string() } else { format!("{failed}: {}", kinds.join(", ")) };
        println!("| {} | {} | {failed} | {} |  |", phase.what, table::per_second(*rate), table::time(*gap));
        for (what, took) in &phase.times {
            println!("| – {what} |  |  |  | {} |", table::time(*took));
        }
    }
}

/// What the first node of this version did with the tables, as it is noted there.
fn print_migration() {
    let steps = ask(
        "muster",
        &format!(
            "SELECT count(*) || ' steps in ' || round(sum(execution_time) / 1000000.0) || ' ms, the longest ' || \
             round(max(execution_time) / 1000000.0) || ' ms' FROM _sqlx_migrations WHERE version > {LAST_STEP_BEFORE}"
        ),
    );
    println!("\nmigration: {steps}");
}
