//! A PostgreSQL cluster of one's own, for tests: made in a temporary folder from the installed binaries, started
//! once a process, stopped and removed when the process ends.

mod beside;
mod relay;

pub use beside::Beside;
pub use relay::{Relay, Wire};

use crate::{Db, StoreError, StoreResult};
use sqlx::{Connection, PgConnection};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::OnceCell;

/// What takes a database, empty or not, back to how it was before photos were kept in it, on both kinds: a backup of that
/// version has to be restored by this one. Whoever adds a migration undoes it here, before the earlier ones.
pub const BEFORE_PHOTOS: &[&str] = &[
    // 38
    "DROP TABLE upload_piece",
    "ALTER TABLE upload DROP COLUMN shared",
    // 35 to 37: partitions go with their table.
    "DROP TABLE retention_pass",
    "DROP TABLE fleet_count_shard",
    // 34
    "DROP TABLE identity_request",
    "DROP TABLE linked_identity",
    // 33
    "DROP TABLE passkey_challenge",
    "DROP TABLE passkey",
    "DROP TABLE recovery_code",
    "DROP TABLE authenticator_app",
    // 32
    "DROP TABLE sealed_key",
    // 31
    "DROP TABLE node",
    "DROP TABLE lease",
    // 29
    "DROP TABLE auto_confirm",
    // 28
    "DROP TABLE level_count",
    // 27
    "DROP TABLE rollout_course",
    "DROP TABLE rollout_forecast",
    // 26
    "ALTER TABLE webhook DROP COLUMN signs_until",
    "ALTER TABLE webhook DROP COLUMN signs_from",
    // 25
    "ALTER TABLE rollout DROP COLUMN verdicts",
    "ALTER TABLE rollout DROP COLUMN held_back",
    "DROP TABLE evidence_point",
    "DROP TABLE evidence_tally",
    "DROP TABLE exposure",
    // 23
    "DROP INDEX update_action_verified",
    // 22
    "ALTER TABLE rollout DROP COLUMN resumed_at",
    "ALTER TABLE update_action DROP COLUMN reached",
    // 21
    "DROP TABLE webhook_delivery",
    "DROP TABLE webhook_event",
    "DROP TABLE webhook",
    // 20
    "DROP INDEX release_of_version",
    "DROP TABLE artifact_member",
    "DROP TABLE repository",
    // 19
    "DROP TABLE rollout_rate",
    "DROP TABLE rollout_failure",
    "DROP TABLE rollout_count",
    "DROP TABLE update_feedback",
    "DROP TABLE update_action",
    "DROP TABLE rollout_event",
    "DROP TABLE rollout_target",
    "DROP TABLE rollout",
    "DROP INDEX device_number",
    "ALTER TABLE device DROP COLUMN number",
    "ALTER TABLE device DROP COLUMN time_zone",
    // 18
    "DROP INDEX device_model_firmware",
    "DROP TABLE upload",
    "DROP TABLE stage_rule",
    "DROP TABLE sbom_component",
    "DROP TABLE sbom",
    "DROP TABLE artifact",
    "DROP TABLE release_check",
    "DROP TABLE release_stage",
    "DROP TABLE release",
    // 17
    "DROP INDEX repair_case_finding",
    "DROP TABLE finding_settled",
    // 16
    "DROP INDEX finding_change_at",
    "ALTER TABLE finding_change DROP COLUMN was",
    "CREATE INDEX finding_change_at ON finding_change (at, state)",
    "DROP INDEX finding_state",
    "CREATE INDEX finding_state ON finding (state, last_at)",
    "DROP INDEX finding_last",
    "DROP INDEX finding_kind",
    // 15
    "DROP INDEX revocation_recent",
    // 14
    "DROP TABLE repair_picture",
    "DROP INDEX repair_photo_sha256",
    "DELETE FROM _sqlx_migrations WHERE version >= 14",
];

/// What an SQLite database is called in its data folder.
const FILE: &str = "muster.db";

/// A running cluster. It listens on a socket in its folder alone, not on the network.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    binaries: PathBuf,
    _guard: tempfile::TempDir,
    databases: AtomicU32,
    template: OnceCell<String>,
}

fn failed(what: &str, why: impl std::fmt::Display) -> StoreError {
    StoreError::Address(format!("PostgreSQL for the tests: {what}: {why}"))
}

/// The newest installed server's folder of binaries.
fn binaries() -> StoreResult<PathBuf> {
    let debian = Path::new("/usr/lib/postgresql");
    let mut versions: Vec<u32> = std::fs::read_dir(debian)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|version: &u32| debian.join(version.to_string()).join("bin/initdb").exists())
        .collect();
    versions.sort_unstable();
    if let Some(newest) = versions.last() {
        return Ok(debian.join(newest.to_string()).join("bin"));
    }
    std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .find(|folder| folder.join("initdb").exists())
        .ok_or_else(|| failed("no initdb found", "install it with: apt-get install postgresql"))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.trim_ascii() == b"0")
}

/// PostgreSQL refuses to run as root; then it runs as the user that its package made.
fn run(program: &Path, arguments: &[&str]) -> StoreResult<()> {
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    let out = command
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|e| failed(&program.display().to_string(), e))?;
    if out.status.success() {
        Ok(())
    } else {
        Err(failed(&program.display().to_string(), String::from_utf8_lossy(&out.stderr)))
    }
}

impl Cluster {
    /// Makes and starts a cluster.
    ///
    /// # Errors
    /// When the binaries are missing or do not run.
    pub fn start() -> StoreResult<Self> {
        Self::start_with(|_| String::new())
    }

    /// The same with further options, which may name its folder.
    fn start_with(more: impl FnOnce(&Path) -> String) -> StoreResult<Self> {
        let binaries = binaries()?;
        let guard = tempfile::Builder::new().prefix("muster-pg").tempdir().map_err(|e| failed("folder", e))?;
        if is_root() {
            let done = Command::new("chown").arg("postgres").arg(guard.path()).status();
            done.map_err(|e| failed("chown", e))?;
        }
        let folder = guard.path().to_owned();
        let data = folder.join("data").display().to_string();
        run(
            &binaries.join("initdb"),
            &["-D", &data, "-U", "muster", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        )?;
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c max_connections=200 {}",
            folder.display(),
            more(&folder)
        );
        let log = folder.join("log").display().to_string();
        run(&binaries.join("pg_ctl"), &["-D", &data, "-l", &log, "-w", "-o", &options, "start"])?;
        Ok(Self { folder, binaries, _guard: guard, databases: AtomicU32::new(0), template: OnceCell::new() })
    }

    /// The address of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://muster@{host}/{database}")
    }

    /// Makes an empty database and gives its address.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn database(&self) -> StoreResult<String> {
        self.copy_of("template1").await.map(|name| self.url(&name))
    }

    /// Makes a database with this version's tables and gives its address. They are made once and then copied, which takes a
    /// tenth of the time.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn migrated(&self) -> StoreResult<String> {
        let make = async || {
            let name = self.copy_of("template1").await?;
            Db::postgres(&self.url(&name)).await?.close().await;
            Ok::<_, StoreError>(name)
        };
        let template = self.template.get_or_try_init(make).await?;
        self.copy_of(template).await.map(|name| self.url(&name))
    }

    async fn copy_of(&self, template: &str) -> StoreResult<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(name)
    }

    /// Stops the server at once.
    pub fn stop(&self) {
        let data = self.folder.join("data").display().to_string();
        // Nobody can act on a failure here: the process is ending.
        let _ = run(&self.binaries.join("pg_ctl"), &["-D", &data, "-m", "immediate", "stop"]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The process's cluster, started at the first call. A watcher outside the process stops it when the process is
/// gone, because statics are never dropped.
///
/// # Errors
/// When it can't be started.
pub fn cluster() -> StoreResult<&'static Cluster> {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().map_err(|e| failed("start", e))?;
    if let Some(cluster) = CLUSTER.get() {
        return Ok(cluster);
    }
    let cluster = Cluster::start()?;
    watch(&cluster)?;
    Ok(CLUSTER.get_or_init(|| cluster))
}

fn watch(cluster: &Cluster) -> StoreResult<()> {
    let script = format!(
        "while kill -0 {pid} 2>/dev/null; do sleep 1; done; \
         kill -QUIT $(head -1 {folder}/data/postmaster.pid) 2>/dev/null; sleep 1; rm -rf {folder}",
        pid = std::process::id(),
        folder = cluster.folder.display()
    );
    Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| failed("watcher", e))?;
    Ok(())
}

/// An empty database of each kind: what a contract test runs on.
#[derive(Debug)]
pub struct Fixture {
    /// What it is called in a failure's message.
    pub name: &'static str,
    /// The database.
    pub db: Db,
    /// Its address; none for SQLite.
    pub url: Option<String>,
    /// A data folder of its own.
    pub folder: tempfile::TempDir,
}

/// An empty SQLite database and an empty PostgreSQL database, migrated.
///
/// # Errors
/// When either can't be made.
pub async fn both() -> StoreResult<Vec<Fixture>> {
    Ok(vec![sqlite().await?, postgres().await?])
}

/// An empty SQLite database, migrated.
///
/// # Errors
/// When it can't be made.
pub async fn sqlite() -> StoreResult<Fixture> {
    static MIGRATED: OnceCell<Vec<u8>> = OnceCell::const_new();
    let file = MIGRATED.get_or_try_init(migrated_file).await?;
    let folder = tempfile::tempdir().map_err(|e| failed("folder", e))?;
    std::fs::write(folder.path().join(FILE), file).map_err(|e| failed("copy", e))?;
    Ok(Fixture { name: "SQLite", db: Db::open(folder.path(), None).await?, url: None, folder })
}

/// What migrating makes of no file: made once, and copied for each test.
async fn migrated_file() -> StoreResult<Vec<u8>> {
    let folder = tempfile::tempdir().map_err(|e| failed("folder", e))?;
    Db::open(folder.path(), None).await?.close().await;
    std::fs::read(folder.path().join(FILE)).map_err(|e| failed("copy", e))
}

/// An empty PostgreSQL database, migrated.
///
/// # Errors
/// When it can't be made.
pub async fn postgres() -> StoreResult<Fixture> {
    let folder = tempfile::tempdir().map_err(|e| failed("folder", e))?;
    let url = cluster()?.migrated().await?;
    Ok(Fixture { name: "PostgreSQL", db: Db::postgres(&url).await?, url: Some(url), folder })
}

/// Whether a connection to this PostgreSQL database waits for a lock.
///
/// # Errors
/// When it is another one, or can't be asked.
pub async fn is_lock_awaited(db: &Db) -> StoreResult<bool> {
    is_any_connection(db, "wait_event_type = 'Lock'").await
}

/// Waits until no other connection is in the middle of something: what was dropped while it was done may be on its way still, and
/// then its end takes place, or is undone, between two looks at the database.
///
/// # Errors
/// When it can't be asked, or that takes a minute.
pub async fn until_at_rest(db: &Db) -> StoreResult<()> {
    let begun = Instant::now();
    let Db::Postgres(_) = db else {
        // There is one writer, and what it writes may be long under way to the disk.
        loop {
            match db.begin().await {
                Err(StoreError::Busy) if begun.elapsed() < Duration::from_secs(60) => {}
                done => return done.map(drop),
            }
        }
    };
    while is_any_connection(db, "state IN ('active', 'idle in transaction')").await? {
        if begun.elapsed() > Duration::from_secs(60) {
            return Err(failed("connections", "never at rest"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn is_any_connection(db: &Db, so: &'static str) -> StoreResult<bool> {
    let Db::Postgres(pool) = db else { return Err(failed("connections", "only told of by PostgreSQL")) };
    // The server's own, which tidy up, are nobody's.
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
         AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND {so})"
    );
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await?)
}

/// Takes the bell's table away from an SQLite database, or gives it back: meanwhile nothing that is followed can be read.
///
/// # Errors
/// When it is so already, or the database is another one.
pub async fn hide_changes(db: &Db, hidden: bool) -> StoreResult<()> {
    let Db::Sqlite { write, .. } = db else { return Err(failed("hiding", "only done on SQLite")) };
    let sql = if hidden { "ALTER TABLE change RENAME TO taken" } else { "ALTER TABLE taken RENAME TO change" };
    sqlx::query(sql).execute(write).await?;
    Ok(())
}
