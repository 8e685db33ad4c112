//! A node: the program itself, on a host of its own, with a data folder of its own.

use crate::{
    net::{FIELD, Host, Net},
    postgres::Postgres,
    world::PASSPHRASE,
};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// What shifts a program's clock, from Debian's package libfaketime.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
/// For how long at most a node goes on trusting what it read last, in seconds.
pub const TRUST_MAX_AGE: u64 = 5;

/// What a node runs, and on what.
#[derive(Clone, Debug)]
pub struct Run {
    pub program: PathBuf,
    /// Whether that is this version, which knows nodes by name.
    pub is_this: bool,
    /// The database's address; none where it is a file of the data folder.
    pub database: Option<String>,
    pub passphrase: String,
}

impl Run {
    /// This program, on the database that all share.
    pub fn this() -> Self {
        let (program, passphrase) = (PathBuf::from(env!("CARGO_BIN_EXE_muster")), PASSPHRASE.to_owned());
        Self { program, is_this: true, database: Some(Postgres::url()), passphrase }
    }
}

/// One of the nodes.
pub struct Node {
    run: Run,
    /// Whether its clock can be shifted, for which every look at it costs much more.
    has_shifts: bool,
    host: Host,
    balancer: Host,
    data: PathBuf,
    /// By how much its clock is off, as libfaketime reads it.
    shift: PathBuf,
    program: Option<Child>,
}

impl Node {
    /// A node that reads the files of this fleet's releases. Keys of its authorities it finds in the database.
    pub fn new(net: &Net, number: usize, folder: &Path, fleet: &Path) -> Self {
        let host = net.host(["n1", "n2", "n3"][number]);
        let data = folder.join(host.name());
        fs::create_dir_all(&data).unwrap();
        // As a file system that they share would be.
        fs::create_dir_all(fleet.join("artifacts")).unwrap();
        symlink(fleet.join("artifacts"), data.join("artifacts")).unwrap();
        Self::on(net, host, data, Run::this())
    }

    /// A node that goes on with a data folder.
    pub fn on(net: &Net, host: Host, data: PathBuf, run: Run) -> Self {
        let shift = data.with_extension("shift");
        fs::write(&shift, "+0").unwrap();
        Self { run, has_shifts: false, host, balancer: net.host(FIELD), data, shift, program: None }
    }

    /// Puts this program into the place of the one that it ran, for its next start.
    pub fn upgrade(&mut self) {
        self.run = Run { program: Run::this().program, is_this: true, ..self.run.clone() };
    }

    /// The same, with a clock that can be shifted where that can be done here.
    pub fn with_shifts(mut self) -> Self {
        self.has_shifts = Path::new(FAKETIME).exists();
        self
    }

    /// The process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.program.as_ref().map(Child::id)
    }

    /// What its host is called.
    pub fn name(&self) -> &'static str {
        self.host.name()
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn console(&self) -> SocketAddr {
        SocketAddr::from((self.host.in_field(), 8443))
    }

    pub fn gateway(&self) -> SocketAddr {
        SocketAddr::from((self.host.in_field(), 8444))
    }

    /// Starts it, and waits until it says that it runs. How long that took.
    pub fn start(&mut self) -> Duration {
        let begun = Instant::now();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.data.with_extension("log")).unwrap();
        let mut command = self.command(&["serve", "--console", "0.0.0.0:8443", "--gateway", "0.0.0.0:8444"]);
        command.args(["--pki", "0.0.0.0:8080", "--trusted-proxy", &self.balancer.in_field().to_string()]);
        if self.run.is_this {
            command.args(["--trust-max-age", &TRUST_MAX_AGE.to_string(), "--node-name", self.name()]);
        }
        if self.has_shifts {
            command.env("LD_PRELOAD", FAKETIME).env("FAKETIME_TIMESTAMP_FILE", &self.shift);
            command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let mut program = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
        let runs = lines.any(|line| line.starts_with("Devices and stations come to "));
        assert!(runs, "{} did not start; see {}.log", self.name(), self.data.display());
        std::thread::spawn(move || lines.for_each(drop));
        self.program = Some(program);
        begun.elapsed()
    }

    /// A command of the program, on this node's folder and the database.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.host.command(&self.run.program.to_string_lossy());
        command.args(arguments).env("MUSTER_DATA", &self.data).env("MUSTER_LOG", "warn");
        command.env("MUSTER_KEY_PASSPHRASE", &self.run.passphrase).env_remove("MUSTER_DATABASE_URL");
        command.envs(self.run.database.iter().map(|url| ("MUSTER_DATABASE_URL", url)));
        command
    }

    /// Whether it says that it can serve.
    pub fn is_ready(&self) -> bool {
        let asked = Command::new("curl")
            .args(["--silent", "--insecure", "--fail", "--max-time", "2", "--output", "/dev/null"])
            .arg(format!("https://{}/readyz", self.console()))
            .status();
        asked.is_ok_and(|status| status.success())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut program) = self.program.take() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }

    /// Asks it to stop, and waits until it has. How long that took.
    pub fn stop(&mut self) -> Duration {
        let begun = Instant::now();
        self.signal("-TERM");
        if let Some(mut program) = self.program.take() {
            assert!(program.wait().unwrap().success(), "{} did not stop in order", self.name());
        }
        begun.elapsed()
    }

    /// Lets it hang: its connections stay, and nothing moves.
    pub fn hang(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    /// Shifts its clock by so many seconds. Whether that can be done here.
    pub fn shift_clock(&self, seconds: i64) -> bool {
        fs::write(&self.shift, format!("{seconds:+}")).unwrap();
        self.has_shifts
    }

    fn signal(&self, signal: &str) {
        let Some(program) = &self.program else { return };
        let sent = Command::new("kill").args([signal, &program.id().to_string()]).status();
        assert!(sent.unwrap().success(), "{signal} to {}", self.name());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
