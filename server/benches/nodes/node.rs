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

/// One of the nodes.
pub struct Node {
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
        let shift = folder.join(format!("{}.shift", host.name()));
        fs::write(&shift, "+0").unwrap();
        Self { has_shifts: false, host, balancer: net.host(FIELD), data, shift, program: None }
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
        command.args(["--trust-max-age", &TRUST_MAX_AGE.to_string(), "--node-name", self.name()]);
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
        let mut command = self.host.command(env!("CARGO_BIN_EXE_muster"));
        command.args(arguments).env("MUSTER_DATA", &self.data).env("MUSTER_LOG", "warn");
        command.env("MUSTER_KEY_PASSPHRASE", PASSPHRASE).env("MUSTER_DATABASE_URL", Postgres::url());
        command
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
