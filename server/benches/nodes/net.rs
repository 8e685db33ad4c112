//! Hosts of a network of its own: each a network namespace, with an address on the side of the field and, where it needs one,
//! one on the side of the database. What connects them is a pair of bridges in a namespace that nothing runs in.

use std::{
    net::Ipv4Addr,
    process::{Command, ExitCode, Stdio},
};

/// The hosts: what they are called, and the last part of their addresses.
const HOSTS: [(&str, u8); 6] = [(FIELD, 2), ("n1", 11), ("n2", 12), ("n3", 13), ("pg1", 21), ("pg2", 22)];
/// Where devices, people and the balancer are; whoever measures, too.
pub const FIELD: &str = "field";
const BRIDGES: &str = "hub";
/// The two sides, as the interfaces are called, and their networks.
const SIDES: [(&str, u8); 2] = [("field", 1), ("base", 2)];

/// The address under which the database is reached, whichever host has it.
pub const DATABASE: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 20);

/// All hosts, by what their namespaces begin with.
#[derive(Clone, Debug)]
pub struct Net {
    prefix: String,
}

/// A host.
#[derive(Clone, Debug)]
pub struct Host {
    name: &'static str,
    number: u8,
    prefix: String,
}

/// Makes the network, runs this program within it, and removes it however that ends. What it said.
pub fn within(arguments: &[String]) -> ExitCode {
    let net = Net { prefix: format!("muster{}", std::process::id()) };
    net.remove();
    net.make();
    let program = std::env::current_exe().unwrap();
    let mut command = net.host(FIELD).command("unshare");
    // Whatever was started ends with it: nobody is left in a network that is gone.
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
    let done = command.arg(program).args(["--inside", &net.prefix]).args(arguments).status();
    net.remove();
    if done.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Why there can be no such network here, if there can't.
pub fn obstacle() -> Option<&'static str> {
    let runs = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let probe = format!("musterprobe{}", std::process::id());
    if !runs("ip", &["netns", "add", &probe]) {
        return Some("network namespaces can't be made here: it takes root, and the program ip (iproute2)");
    }
    runs("ip", &["netns", "delete", &probe]);
    if !runs("haproxy", &["-v"]) {
        return Some("haproxy is missing: apt-get install haproxy");
    }
    None
}

impl Net {
    /// The one that this program was started in.
    pub fn of(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// A host of it.
    pub fn host(&self, name: &str) -> Host {
        let (name, number) = HOSTS.into_iter().find(|(host, _)| *host == name).unwrap();
        Host { name, number, prefix: self.prefix.clone() }
    }

    fn make(&self) {
        let hub = format!("{}{BRIDGES}", self.prefix);
        ip(&["netns", "add", &hub]);
        for (side, _) in SIDES {
            ip(&["-n", &hub, "link", "add", side, "type", "bridge"]);
            ip(&["-n", &hub, "link", "set", side, "up"]);
        }
        for (name, number) in HOSTS {
            let host = self.host(name);
            let space = host.space();
            ip(&["netns", "add", &space]);
            ip(&["-n", &space, "link", "set", "lo", "up"]);
            for (side, network) in SIDES {
                let (end, address) = (format!("{name}-{side}"), format!("10.77.{network}.{number}/24"));
                ip(&["-n", &hub, "link", "add", &end, "type", "veth", "peer", "name", side, "netns", &space]);
                ip(&["-n", &hub, "link", "set", &end, "master", side, "up"]);
                ip(&["-n", &space, "addr", "add", &address, "dev", side]);
                ip(&["-n", &space, "link", "set", side, "up"]);
            }
        }
    }

    fn remove(&self) {
        for name in HOSTS.iter().map(|(name, _)| *name).chain([BRIDGES]) {
            let mut command = Command::new("ip");
            command.args(["netns", "delete", &format!("{}{name}", self.prefix)]);
            // What was never made can't be removed.
            let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

impl Host {
    fn space(&self) -> String {
        format!("{}{}", self.prefix, self.name)
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its address on the side of the field.
    pub fn in_field(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 1, self.number)
    }

    /// A command that runs on it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(), program]);
        command
    }

    /// Cuts it off from the database: what is sent is lost, and nobody is told.
    pub fn cut(&self) {
        self.link("down");
    }

    /// Ends that.
    pub fn mend(&self) {
        self.link("up");
    }

    fn link(&self, way: &str) {
        let (hub, end) = (format!("{}{BRIDGES}", self.prefix), format!("{}-base", self.name));
        ip(&["-n", &hub, "link", "set", &end, way]);
    }

    /// Gives it the database's address, and tells its neighbours.
    pub fn take_database(&self) {
        let space = self.space();
        ip(&["-n", &space, "addr", "add", &format!("{DATABASE}/24"), "dev", "base"]);
        // What a gratuitous ARP tells a real network's hosts.
        for (name, _) in HOSTS {
            ip(&["-n", &format!("{}{name}", self.prefix), "neigh", "flush", "dev", "base"]);
        }
    }

    /// Takes the database's address from it.
    pub fn leave_database(&self) {
        ip(&["-n", &self.space(), "addr", "del", &format!("{DATABASE}/24"), "dev", "base"]);
    }
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().unwrap();
    assert!(status.success(), "ip {}", arguments.join(" "));
}
