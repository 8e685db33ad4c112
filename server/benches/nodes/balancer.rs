//! The balancer: haproxy, which knows nothing of what it carries, and asks each node whether it is ready.

use crate::{node::Node, scenes};
use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Where devices come to.
pub const GATEWAY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8444);

/// What it calls all nodes together.
const GATEWAYS: &str = "gateways";

/// A running haproxy.
pub struct Balancer {
    haproxy: Child,
    /// By which people tell it what to do.
    socket: PathBuf,
}

impl Balancer {
    /// Starts one before these nodes.
    pub fn start(folder: &Path, nodes: &[Node]) -> Self {
        let socket = folder.join("haproxy.sock");
        let mut rules = format!("global\n  maxconn 4000\n  stats socket {} level admin\n", socket.display());
        rules.push_str(
            "defaults\n  mode tcp\n  timeout connect 1s\n  timeout client 60s\n  timeout server 60s\n  \
             retries 2\n  option redispatch\n",
        );
        writeln!(rules, "frontend devices\n  bind {GATEWAY}\n  default_backend {GATEWAYS}\nbackend {GATEWAYS}")
            .unwrap();
        rules.push_str("  balance roundrobin\n  option httpchk GET /readyz\n  timeout check 1s\n");
        for node in nodes {
            let (name, gateway) = (node.name(), node.gateway());
            let check =
                "check port 8443 check-ssl verify none inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions";
            writeln!(rules, "  server {name} {gateway} {check}").unwrap();
        }
        let file = folder.join("haproxy.cfg");
        fs::write(&file, rules).unwrap();
        let log = fs::File::create(folder.join("haproxy.log")).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(&file).stdin(Stdio::null());
        let haproxy = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let running = Self { haproxy, socket };
        scenes::until(|| TcpStream::connect(GATEWAY).is_ok());
        running
    }
}

impl Balancer {
    /// The process.
    pub fn pid(&self) -> u32 {
        self.haproxy.id()
    }

    /// Sends nobody to a node any more, and waits until all that are there have gone. How long that took.
    pub fn drain(&self, node: &Node) -> Duration {
        let begun = Instant::now();
        self.tell(&format!("set server {GATEWAYS}/{} state drain", node.name()));
        scenes::until(|| self.sees(node, "scur") == "0");
        begun.elapsed()
    }

    /// Sends devices to a node again, and waits until it is seen to be up. How long that took.
    pub fn put_back(&self, node: &Node) -> Duration {
        let begun = Instant::now();
        self.tell(&format!("set server {GATEWAYS}/{} state ready", node.name()));
        scenes::until(|| self.sees(node, "status") == "UP");
        begun.elapsed()
    }

    /// What it says of a node in this column.
    fn sees(&self, node: &Node, column: &str) -> String {
        let table = self.tell("show stat");
        let mut lines = table.lines().map(|line| line.trim_start_matches("# ").split(',').collect::<Vec<_>>());
        let head = lines.next().unwrap();
        let at = |name: &str| head.iter().position(|column| *column == name).unwrap();
        let (of, called, column) = (at("pxname"), at("svname"), at(column));
        let mut rows = lines.filter(|row| row.len() == head.len());
        rows.find(|row| row[of] == GATEWAYS && row[called] == node.name()).unwrap()[column].to_owned()
    }

    /// Tells it something: its answer.
    fn tell(&self, words: &str) -> String {
        let mut socket = UnixStream::connect(&self.socket).unwrap();
        writeln!(socket, "{words}").unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.haproxy.kill();
        let _ = self.haproxy.wait();
    }
}
