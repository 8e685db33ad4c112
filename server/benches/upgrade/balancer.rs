//! The balancer: haproxy, which passes on what it does not read, and is told which node is to get nobody new.

use crate::node::{Node, free_port};
use std::{
    fmt::Write as _,
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::sleep,
};

/// How long is waited for what should happen soon.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running haproxy.
pub struct Balancer {
    program: Child,
    port: u16,
    socket: PathBuf,
}

impl Balancer {
    /// Starts one before these nodes.
    pub fn start(folder: &Path, nodes: &[Node]) -> Self {
        let (port, socket) = (free_port(), folder.join("haproxy.sock"));
        let mut rules = format!(
            "global\n  maxconn 4000\n  stats socket {} mode 600 level admin\ndefaults\n  mode tcp\n  timeout connect 2s\n  \
             timeout client 60s\n  timeout server 60s\n  retries 3\n  option redispatch\nfrontend devices\n  bind 127.0.0.1:{port}\n  \
             default_backend gateways\nbackend gateways\n  balance roundrobin\n",
            socket.display()
        );
        for node in nodes {
            writeln!(rules, "  server {} {} check inter 500ms fall 2 rise 1", node.name(), node.at()).unwrap();
        }
        let file = folder.join("haproxy.cfg");
        fs::write(&file, rules).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = command.spawn().expect("haproxy is needed: apt-get install haproxy");
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "haproxy does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { program, port, socket }
    }

    /// Where devices come to.
    pub fn address(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    async fn told(&self, command: &str) -> String {
        let mut socket = UnixStream::connect(&self.socket).await.unwrap();
        socket.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Lets nobody new come to a node, and waits until those are gone who are there.
    pub async fn drain(&self, name: &str) {
        self.told(&format!("set server gateways/{name} state drain")).await;
        let begun = Instant::now();
        loop {
            let all = self.told("show stat").await;
            let line = all.lines().find(|line| line.starts_with(&format!("gateways,{name},"))).unwrap().to_owned();
            if line.split(',').nth(4) == Some("0") {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{name} is not drained: {line}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Lets them come again.
    pub async fn ready(&self, name: &str) {
        self.told(&format!("set server gateways/{name} state ready")).await;
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
