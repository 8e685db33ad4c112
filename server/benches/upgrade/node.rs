//! A node: a data folder and ports of its own, and whichever version's program.

use crate::data;
use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// A port that nobody has at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A node, killed with this value.
pub struct Node {
    folder: TempDir,
    url: Option<String>,
    name: String,
    /// Console, gateway and PKI.
    ports: [u16; 3],
    program: Option<Child>,
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

impl Node {
    pub fn new(folder: TempDir, url: Option<&str>, number: usize) -> Self {
        let ports = [free_port(), free_port(), free_port()];
        Self { folder, url: url.map(ToOwned::to_owned), name: format!("n{}", number + 1), ports, program: None }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where its gateway is.
    pub fn at(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports[1]))
    }

    pub fn gateway(&self) -> String {
        format!("https://localhost:{}", self.ports[1])
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("MUSTER_DATA", self.folder()).env("MUSTER_LOG", "warn").env("MUSTER_CONFIG", "");
        command.env("MUSTER_NODE_NAME", &self.name).env("MUSTER_DRAIN", "0");
        command.env("MUSTER_KEY_PASSPHRASE_FILE", data::passphrase(self.folder()));
        match &self.url {
            Some(url) => command.env("MUSTER_DATABASE_URL", url),
            None => command.env_remove("MUSTER_DATABASE_URL"),
        };
        command
    }

    /// Starts this program there, and waits until it answers.
    pub fn start(&mut self, program: &Path) {
        let mut command = self.command(program);
        command.arg("serve");
        for (option, port) in ["--console", "--gateway", "--pki"].iter().zip(self.ports) {
            command.arg(option).arg(format!("127.0.0.1:{port}"));
        }
        command.arg("--key-passphrase-file").arg(data::passphrase(self.folder()));
        let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.starts_with("Devices and stations come to ")), "{} does not start", self.name);
        std::thread::spawn(move || lines.for_each(drop));
        self.program = Some(program);
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) {
        if let Some(mut program) = self.program.take() {
            let sent = Command::new("kill").args(["-TERM", &program.id().to_string()]).status().unwrap();
            assert!(sent.success() && program.wait().unwrap().success(), "{} did not stop in order", self.name);
        }
    }

    /// What a command says here.
    pub fn says(&self, program: &Path, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
