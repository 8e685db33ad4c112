//! PostgreSQL on two hosts: a primary, and a standby that has every commit before it is acknowledged.

use crate::net::{DATABASE, Host, Net};
use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The port that it is reached at.
pub const PORT: u16 = 5432;
/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server's place.
struct Place {
    host: Host,
    data: PathBuf,
}

/// Both servers.
pub struct Postgres {
    binaries: PathBuf,
    first: Place,
    second: Place,
    running: Vec<Child>,
}

impl Postgres {
    /// Makes and starts the primary, which has the database's address, and its standby.
    pub fn start(net: &Net, folder: &Path) -> Self {
        run(Command::new("chown").arg("postgres").arg(folder));
        let place = |name: &str| Place { host: net.host(name), data: folder.join(name) };
        let binaries = binaries();
        let mut all = Self { binaries, first: place("pg1"), second: place("pg2"), running: Vec::new() };
        all.make_primary();
        all.first.host.take_database();
        all.running.push(all.serve(&all.first, &[]));
        answers();
        all.make_standby();
        all.running.push(all.serve(&all.second, &["-c", "synchronous_standby_names="]));
        ask("postgres", "CREATE DATABASE muster");
        all.is_followed();
        // From here on nothing is acknowledged that the standby does not have.
        ask("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        ask("postgres", "SELECT pg_reload_conf()");
        all
    }

    /// Waits until the standby follows.
    fn is_followed(&self) {
        let begun = Instant::now();
        while ask("postgres", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") != "1" {
            assert!(begun.elapsed() < PATIENCE, "the standby does not follow");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The address of the database.
    pub fn url() -> String {
        format!("postgres://muster@{DATABASE}:{PORT}/muster")
    }

    fn make_primary(&self) {
        let mut initdb = as_postgres(&self.binaries.join("initdb"));
        initdb.arg("-D").arg(&self.first.data);
        run(initdb.args(["-U", "muster", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]));
        let trusted = "host all all 10.77.2.0/24 trust\nhost replication all 10.77.2.0/24 trust\n";
        let rules = self.first.data.join("pg_hba.conf");
        fs::write(&rules, fs::read_to_string(&rules).unwrap() + trusted).unwrap();
    }

    fn make_standby(&self) {
        let mut copy = self.second.host.command("runuser");
        copy.args(["-u", "postgres", "--"]).arg(self.binaries.join("pg_basebackup")).arg("-D").arg(&self.second.data);
        let primary = format!("postgresql://muster@{DATABASE}:{PORT}/postgres");
        run(copy.args(["--write-recovery-conf", "--checkpoint=fast", "--dbname", &primary]).current_dir("/"));
    }

    fn serve(&self, place: &Place, more: &[&str]) -> Child {
        let log = fs::File::create(place.data.with_extension("log")).unwrap();
        let mut command = place.host.command("runuser");
        command.args(["-u", "postgres", "--"]).arg(self.binaries.join("postgres")).arg("-D").arg(&place.data);
        command.args(["-c", "listen_addresses=*", "-c", "unix_socket_directories="]);
        // What dies here are processes, not machines: what was written is there.
        command.args(["-c", "fsync=off", "-c", "max_connections=200"]).args(more);
        command.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }

    /// Ends the primary with all its connections, as after a crash, and starts it again.
    pub fn restart(&mut self) {
        self.stop_first("-QUIT");
        self.restart_first();
    }

    fn restart_first(&mut self) {
        let again = self.serve(&self.first, &[]);
        self.running.insert(0, again);
        answers();
        self.is_followed();
    }

    /// The primary is gone for good, and the standby takes its place and its address.
    pub fn fail_over(&mut self) {
        self.stop_first("-QUIT");
        self.first.host.leave_database();
        let mut promote = as_postgres(&self.binaries.join("pg_ctl"));
        run(promote.args(["promote", "--wait", "--pgdata"]).arg(&self.second.data));
        self.second.host.take_database();
        answers();
    }

    /// What was started for the primary and for its standby; the servers stand below.
    pub fn pids(&self) -> Vec<u32> {
        self.running.iter().map(Child::id).collect()
    }

    fn stop_first(&mut self, signal: &str) {
        let mut server = self.running.remove(0);
        // What was started is `runuser`, which waits for its only child.
        run(Command::new("pkill").args([signal, "-P", &server.id().to_string()]));
        server.wait().unwrap();
    }
}

/// Asks the database for one value.
pub fn ask(database: &str, query: &str) -> String {
    let url = format!("postgresql://muster@{DATABASE}:{PORT}/{database}");
    let said = Command::new("psql").args(["-X", "-t", "-A", "-q", "-c", query, &url]).output().unwrap();
    assert!(said.status.success(), "{query}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

fn binaries() -> PathBuf {
    let said = Command::new("pg_config").arg("--bindir").output();
    let named = said.ok().filter(|said| said.status.success());
    let named = named.map(|said| PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()));
    named.filter(|folder| folder.join("initdb").exists()).unwrap_or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").unwrap();
        let bins = versions.map(|version| version.unwrap().path().join("bin"));
        bins.filter(|bin| bin.join("initdb").exists()).max().unwrap()
    })
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program).current_dir("/");
    command
}

fn run(command: &mut Command) {
    let said = command.stdin(Stdio::null()).output().unwrap();
    assert!(said.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said.stderr));
}

/// Waits until the database answers under its address.
fn answers() {
    let (at, begun) = (SocketAddr::from((DATABASE, PORT)), Instant::now());
    let is_there = || {
        let is_open = TcpStream::connect_timeout(&at, Duration::from_millis(500)).is_ok();
        let url = format!("postgresql://muster@{DATABASE}:{PORT}/postgres");
        is_open
            && Command::new("psql")
                .args(["-X", "-q", "-c", "SELECT 1", &url])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    };
    while !is_there() {
        assert!(begun.elapsed() < PATIENCE, "PostgreSQL does not answer at {DATABASE}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
