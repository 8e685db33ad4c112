//! The balancer: haproxy, which knows nothing of what it carries, and asks each node whether it is ready.

use crate::{node::Node, scenes};
use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

/// Where devices come to.
pub const GATEWAY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8444);

/// A running haproxy.
pub struct Balancer(Child);

impl Balancer {
    /// Starts one before these nodes.
    pub fn start(folder: &Path, nodes: &[Node]) -> Self {
        let mut rules = String::from(
            "global\n  maxconn 4000\ndefaults\n  mode tcp\n  timeout connect 1s\n  timeout client 60s\n  timeout server 60s\n  \
             retries 2\n  option redispatch\n",
        );
        writeln!(rules, "frontend devices\n  bind {GATEWAY}\n  default_backend gateways\nbackend gateways").unwrap();
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
        let running = Self(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
        scenes::until(|| TcpStream::connect(GATEWAY).is_ok());
        running
    }
}

impl Balancer {
    /// The process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
