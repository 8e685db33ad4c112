//! From the version before to this one: on PostgreSQL while its nodes go on, on SQLite with one restart.

mod data;
mod load;

use crate::commands::says;
use fleet::{Actor, Fleet, backup::backup};
use load::Load;
use simulator::device::Line;
use sqlx::PgPool;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use store::{Db, testing};

/// How long is waited for what happens soon, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a transaction of the version before may take meanwhile: a step waits half a second for a lock, and others with it.
const LONGEST: Duration = Duration::from_secs(20);

const RULE: Actor = Actor::Rule { name: "test" };

/// This version's program on a folder, killed with the test.
struct Program {
    program: Child,
    gateway: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Program {
    /// Starts it, and waits until it answers.
    fn start(folder: &Path, url: Option<&str>) -> Self {
        assert!(server::assets::manifest().is_ok(), "the browser's files are missing: cargo xtask test --only site");
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.env("MUSTER_DATA", folder).env("MUSTER_LOG", "warn").env("MUSTER_CONFIG", "");
        command.args(["serve", "--console", "127.0.0.1:0", "--gateway", "127.0.0.1:0", "--pki", "127.0.0.1:0"]);
        command.arg("--key-passphrase-file").arg(data::passphrase(folder));
        match url {
            Some(url) => command.env("MUSTER_DATABASE_URL", url),
            None => command.env_remove("MUSTER_DATABASE_URL"),
        };
        let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
        let gateway = lines.find_map(|line| {
            let (at, _) = line.strip_prefix("Devices and stations come to ")?.split_once(';')?;
            Some(at.to_owned())
        });
        // Whoever speaks to nobody ends.
        std::thread::spawn(move || lines.for_each(drop));
        let mut started = Self { program, gateway: String::new() };
        started.gateway = gateway.unwrap();
        started
    }

    fn stop(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.program.id().to_string()]).status().unwrap();
        assert!(sent.success() && self.program.wait().unwrap().success());
    }
}

/// What is to be the same after an upgrade, each by its name. Text that both databases understand.
const FACTS: &[&str] = &[
    "SELECT 'device ' || serial, lifecycle || ' ' || trust || ' ' || firmware FROM device",
    "SELECT 'certificate ' || serial, status || ' ' || device_serial FROM certificate",
    "SELECT 'authority ' || slug, state FROM authority",
    "SELECT 'person ' || email, role FROM user_account",
    "SELECT 'release ' || version, product || ' ' || stage FROM release",
    "SELECT 'rollout ' || code, plan || ' ' || frozen || ' ' || hash || ' ' || approved_hash FROM rollout",
    "SELECT 'finding ' || id, state FROM (SELECT CAST(id AS TEXT) AS id, state FROM finding) AS f",
    "SELECT 'told ' || CAST(id AS TEXT), kind FROM update_action",
];
/// What there may be more of.
const COUNTED: &[&str] = &["history", "audit", "update_feedback", "rollout_event", "repair_case", "crl"];

async fn facts(db: &Db) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    for sql in FACTS {
        let rows: Vec<(String, String)> = match db {
            Db::Sqlite { read, .. } => sqlx::query_as(*sql).fetch_all(read).await,
            Db::Postgres(pool) => sqlx::query_as(*sql).fetch_all(pool).await,
        }
        .unwrap();
        assert!(!rows.is_empty(), "{sql}");
        facts.extend(rows);
    }
    facts
}

async fn counts(db: &Db) -> BTreeMap<&'static str, i64> {
    let mut counts = BTreeMap::new();
    for table in COUNTED {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let n: i64 = match db {
            Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await,
            Db::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await,
        }
        .unwrap();
        counts.insert(*table, n);
    }
    counts
}

/// Everything that was there is there as it was, or has gone on.
async fn is_all_there(db: &Db, before: &(BTreeMap<String, String>, BTreeMap<&'static str, i64>)) {
    let after = facts(db).await;
    for (name, was) in &before.0 {
        assert_eq!(after.get(name), Some(was), "{name}");
    }
    for (table, n) in counts(db).await {
        assert!(n >= before.1[table], "{table}: {n} of {}", before.1[table]);
    }
}

/// All devices whose keys we have poll over mutual TLS, and are answered. How many.
async fn all_poll(db: &Db, folder: &Path, gateway: &str) -> usize {
    let devices = data::devices(db, folder, &gateway.replace("127.0.0.1", "localhost")).await;
    let mut refused = Vec::new();
    for (serial, wire) in &devices {
        if let Err(why) = wire.poll().await {
            refused.push(format!("{serial}: {why}"));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    devices.len()
}

/// The files of releases are on the shelf, each what it was.
async fn shelf_is_whole(fleet: &Fleet) {
    let folder = tempfile::tempdir().unwrap();
    let written = backup(fleet, &RULE, &folder.path().join("backup")).await.unwrap();
    assert!(written.artifacts > 0);
    assert_eq!((written.missing, written.altered), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "how long the longest took is printed")]
async fn nodes_of_the_version_before_go_on_while_the_first_of_this_one_changes_their_tables() {
    let url = testing::cluster().unwrap().database().await.unwrap();
    data::load(&url).await;
    let folder = data::folder("postgres-folder.tar.gz");
    let looked = Db::look(folder.path(), Some(&url)).await.unwrap();
    let before = (facts(&looked).await, counts(&looked).await);
    looked.close().await;
    let load = Load::begin(&url).await;
    let rounds = async |n: usize| {
        let (from, begun) = (load.done(), Instant::now());
        while load.done() < from + n * load.round {
            assert!(begun.elapsed() < PATIENCE, "{} transactions of {} times {}", load.done() - from, n, load.round);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    rounds(1).await;
    let (at, begun) = (load.done(), Instant::now());
    let at_work = (folder.path().to_owned(), url.clone());
    let program = tokio::task::spawn_blocking(move || Program::start(&at_work.0, Some(&at_work.1))).await.unwrap();
    println!("{} transactions in the {:.1?} of the start", load.done() - at, begun.elapsed());
    rounds(2).await;
    let outcome = load.end().await;
    println!("{} transactions; the longest took {:.1?}: {}", outcome.done, outcome.longest.0, outcome.longest.1);
    assert!(
        outcome.failed.is_empty(),
        "{} failed:\n{}",
        outcome.failed.len(),
        outcome.failed[..10.min(outcome.failed.len())].join("\n")
    );
    assert!(outcome.longest.0 < LONGEST, "{:?}", outcome.longest);
    let db = Db::postgres(&url).await.unwrap();
    assert!(store::look::standing(&db).await.unwrap().missing.is_empty());
    assert!(all_poll(&db, folder.path(), &program.gateway).await > 4);
    program.stop();
    is_all_there(&db, &before).await;
    let fleet = Fleet::new(db, folder.path().to_owned());
    shelf_is_whole(&fleet).await;
    let verified = fleet.audit_verify(&RULE).await.unwrap();
    assert_eq!(verified.break_at, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_sqlite_file_of_the_version_before_takes_one_restart() {
    let folder = data::folder("sqlite-folder.tar.gz");
    let looked = Db::look(folder.path(), None).await.unwrap();
    let before = (facts(&looked).await, counts(&looked).await);
    looked.close().await;
    let at_work = folder.path().to_owned();
    let program = tokio::task::spawn_blocking(move || Program::start(&at_work, None)).await.unwrap();
    let looked = Db::look(folder.path(), None).await.unwrap();
    assert!(store::look::standing(&looked).await.unwrap().missing.is_empty());
    assert!(all_poll(&looked, folder.path(), &program.gateway).await > 4);
    looked.close().await;
    program.stop();
    let db = Db::open(folder.path(), None).await.unwrap();
    is_all_there(&db, &before).await;
    let fleet = Fleet::new(db, folder.path().to_owned());
    shelf_is_whole(&fleet).await;
    fleet.db().close().await;
    let verified = says(folder.path(), &["audit", "verify"], 0);
    assert!(!verified.is_empty());
}
