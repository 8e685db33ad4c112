//! Another server that is made of a cluster's data: a streaming replica, which can take the cluster's place, or what the cluster was at a
//! point in time.

use super::{Cluster, failed, run};
use crate::StoreResult;
use sqlx::{Connection, PgConnection};
use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The port of its socket; the cluster's own is the usual one.
const PORT: u16 = 5433;
/// How long the archive and a recovery may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server beside a cluster. It stops when it is dropped.
#[derive(Debug)]
pub struct Beside {
    folder: PathBuf,
    binaries: PathBuf,
    name: &'static str,
}

impl Cluster {
    /// Makes and starts a standby of this cluster. There is one server beside it at most.
    ///
    /// # Errors
    /// When the binaries are missing or do not run.
    pub fn standby(&self) -> StoreResult<Beside> {
        let standby = self.beside("standby");
        self.copy_data(&standby, &["-R", "-X", "stream"])?;
        standby.start()?;
        Ok(standby)
    }

    /// Makes and starts a cluster that archives its WAL, as docs/OPERATIONS.md says it.
    ///
    /// # Errors
    /// When the binaries are missing or do not run.
    pub fn archiving() -> StoreResult<Self> {
        Self::start_with(|folder| {
            let archive = archive(folder);
            format!(
                "-c archive_mode=on -c archive_command='mkdir -p {archive} && test ! -f {archive}/%f && cp %p {archive}/%f'"
            )
        })
    }

    /// Copies a cluster that archives, as each week.
    ///
    /// # Errors
    /// When it can't be copied.
    pub fn base_backup(&self) -> StoreResult<()> {
        self.copy_data(&self.beside("base"), &["-X", "none"])
    }

    /// What the cluster's clock says, as `recovery_target_time` takes it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn moment(&self) -> StoreResult<String> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        Ok(sqlx::query_scalar("SELECT clock_timestamp()::text").fetch_one(&mut connection).await?)
    }

    /// Ends this cluster without warning, and starts its base backup as it was at that moment. Something must have been committed since,
    /// or PostgreSQL does not find the moment.
    ///
    /// # Errors
    /// When its WAL does not come to the archive, or there is no such moment in it.
    pub async fn recovered_to(&self, moment: &str) -> StoreResult<Beside> {
        self.archive_all().await?;
        self.stop();
        let (recovered, archive) = (self.beside("base"), archive(&self.folder));
        let data = recovered.data();
        let settings = OpenOptions::new().append(true).open(Path::new(&data).join("postgresql.auto.conf"));
        let written = settings.and_then(|mut file| {
            writeln!(file, "restore_command = 'cp {archive}/%f %p'")?;
            writeln!(file, "recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'")
        });
        written.map_err(|error| failed("postgresql.auto.conf", error))?;
        run(Path::new("touch"), &[&format!("{data}/recovery.signal")])?;
        recovered.start()?;
        until("the recovery", async || {
            let mut connection = PgConnection::connect(&recovered.url("postgres")).await?;
            Ok(!sqlx::query_scalar::<_, bool>("SELECT pg_is_in_recovery()").fetch_one(&mut connection).await?)
        })
        .await?;
        Ok(recovered)
    }

    /// Waits until all that was committed is in the archive.
    async fn archive_all(&self) -> StoreResult<()> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        let switched = "SELECT pg_walfile_name(pg_switch_wal())";
        let last: String = sqlx::query_scalar(switched).fetch_one(&mut connection).await?;
        // A file that is being copied there is there, too.
        let archived = "SELECT COALESCE(last_archived_wal, '') FROM pg_stat_archiver";
        until("the archive", async || {
            let mut connection = PgConnection::connect(&self.url("postgres")).await?;
            Ok(sqlx::query_scalar::<_, String>(archived).fetch_one(&mut connection).await? >= last)
        })
        .await
    }

    fn beside(&self, name: &'static str) -> Beside {
        Beside { folder: self.folder.clone(), binaries: self.binaries.clone(), name }
    }

    fn copy_data(&self, to: &Beside, how: &[&str]) -> StoreResult<()> {
        let (socket, data) = (self.folder.display().to_string(), to.data());
        let from = [&["-h", &socket, "-U", "muster", "-D", &data, "-c", "fast", "--no-sync"], how].concat();
        run(&self.binaries.join("pg_basebackup"), &from)
    }
}

impl Beside {
    fn data(&self) -> String {
        self.folder.join(self.name).display().to_string()
    }

    fn start(&self) -> StoreResult<()> {
        let options = format!(
            "-p {PORT} -c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c max_connections=200",
            self.folder.display()
        );
        let log = self.folder.join(format!("{}-log", self.name)).display().to_string();
        run(&self.binaries.join("pg_ctl"), &["-D", &self.data(), "-l", &log, "-w", "-o", &options, "start"])
    }

    /// The address of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://muster@{host}:{PORT}/{database}")
    }

    /// Lets a standby take writes from now on.
    ///
    /// # Errors
    /// When it does not run any more.
    pub fn promote(&self) -> StoreResult<()> {
        run(&self.binaries.join("pg_ctl"), &["-D", &self.data(), "-w", "promote"])
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Nobody can act on a failure here.
        let _ = run(&self.binaries.join("pg_ctl"), &["-D", &self.data(), "-m", "immediate", "stop"]);
    }
}

fn archive(folder: &Path) -> String {
    folder.join("archive").display().to_string()
}

async fn until(what: &str, is_so: impl AsyncFn() -> StoreResult<bool>) -> StoreResult<()> {
    let begun = Instant::now();
    while !is_so().await? {
        if begun.elapsed() > PATIENCE {
            return Err(failed(what, "not done within a minute"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
