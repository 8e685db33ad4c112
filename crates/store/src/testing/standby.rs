//! A streaming replica of a cluster, which can take the cluster's place.

use super::{Cluster, run};
use crate::StoreResult;
use std::path::PathBuf;

/// The port of its socket; the cluster's own is the usual one.
const PORT: u16 = 5433;

/// A running standby. It stops when it is dropped.
#[derive(Debug)]
pub struct Standby {
    folder: PathBuf,
    binaries: PathBuf,
}

impl Cluster {
    /// Makes and starts a standby of this cluster: one at most.
    ///
    /// # Errors
    /// When the binaries are missing or do not run.
    pub fn standby(&self) -> StoreResult<Standby> {
        let standby = Standby { folder: self.folder.clone(), binaries: self.binaries.clone() };
        let (socket, data) = (self.folder.display().to_string(), standby.data());
        let from = ["-h", &socket, "-U", "muster", "-D", &data, "-R", "-X", "stream", "-c", "fast"];
        run(&self.binaries.join("pg_basebackup"), &from)?;
        let options = format!(
            "-p {PORT} -c listen_addresses='' -c unix_socket_directories='{socket}' -c fsync=off -c max_connections=200"
        );
        let log = self.folder.join("standby-log").display().to_string();
        run(&self.binaries.join("pg_ctl"), &["-D", &data, "-l", &log, "-w", "-o", &options, "start"])?;
        Ok(standby)
    }
}

impl Standby {
    fn data(&self) -> String {
        self.folder.join("standby").display().to_string()
    }

    /// The address of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let host = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://muster@{host}:{PORT}/{database}")
    }

    /// Lets it take writes from now on.
    ///
    /// # Errors
    /// When it does not run any more.
    pub fn promote(&self) -> StoreResult<()> {
        run(&self.binaries.join("pg_ctl"), &["-D", &self.data(), "-w", "promote"])
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        // Nobody can act on a failure here.
        let _ = run(&self.binaries.join("pg_ctl"), &["-D", &self.data(), "-m", "immediate", "stop"]);
    }
}
