//! `cargo xtask bench updates`: what five rollouts that run cost those who poll, and what a rollout costs, as the fleet grows.
//!
//! Everything runs in this process and over 127.0.0.1: the gateway's listener on one runtime, the devices that call on
//! another. Three things stand beside it, in the same run: a handler of axum that answers the same bytes behind the same
//! listener, gooseBit with as many devices over plain HTTP, and nginx with the same file by mutual TLS. The last two are
//! other programs; where one can't be had, its row says so. Without `--bench`, which cargo adds, a small fleet is gone
//! through as a test.

// A page is one deep type; optimised builds look into it further than the default lets them.
#![recursion_limit = "512"]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement stops by panicking and speaks by printing"
)]

#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../checkin/calls.rs"]
mod calls;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../pki/doors.rs"]
mod doors;
mod files;
mod filled;
mod goosebit;
#[path = "../checkin/growth.rs"]
mod growth;
#[path = "../pki/load.rs"]
mod load;
mod measured;
mod nginx;
mod plain;
mod releases;
mod rollouts;
mod rows;
#[path = "../pki/table.rs"]
mod table;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../pki/tls.rs"]
mod tls;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../pki/world.rs"]
mod world;

use clap::Parser;
use measured::Measured;

/// How much is measured.
#[derive(Clone, Debug, Parser)]
struct Sizes {
    /// Numbers of devices, the smallest first
    devices: Vec<usize>,
    /// Small sizes, to see in seconds that all of it works
    #[arg(long)]
    quick: bool,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

impl Sizes {
    const fn either(&self, quick: usize, full: usize) -> usize {
        if self.quick { quick } else { full }
    }

    fn devices(&self) -> Vec<usize> {
        match (self.devices.is_empty(), self.quick) {
            (false, _) => self.devices.clone(),
            (true, true) => vec![200, 1_000],
            (true, false) => vec![1_000, 100_000, 1_000_000],
        }
    }

    /// Devices that call. Each comes seldom enough in a run that nothing is found about how it polls.
    const fn callers(&self) -> usize {
        self.either(60, 300)
    }

    /// Polls, in each of two rounds.
    const fn requests(&self) -> usize {
        self.either(500, 30_000)
    }

    /// Polls of gooseBit, which take some seconds.
    const fn elsewhere(&self) -> usize {
        self.either(20, 600)
    }

    /// The size of what is downloaded, in bytes.
    const fn file(&self) -> usize {
        self.either(1 << 20, 64 << 20)
    }

    /// Whether other programs are looked for. A test does without what may have to be fetched.
    const fn beside_others(&self) -> bool {
        self.bench
    }
}

fn main() {
    // As a test it runs unless another one is asked for by name.
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let sizes = if is_measured {
        Sizes::parse()
    } else if std::env::args().skip(1).any(|name| !name.starts_with('-') && !"updates".contains(&name)) {
        return;
    } else {
        Sizes { devices: Vec::new(), quick: true, bench: false }
    };
    let all: Vec<Measured> = sizes.devices().into_iter().map(|devices| measured::measure(&sizes, devices)).collect();
    table::print(&rows::rows(&all));
}
