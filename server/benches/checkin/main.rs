//! `cargo xtask bench checkin`: polls and reports per second over mutual TLS, as the fleet grows.
//!
//! Everything runs in this process and over 127.0.0.1: the gateway's listener on one runtime, the devices that call on
//! another, so that neither waits in the other's queue. The limit is a handler of axum that answers the same bytes
//! behind the same listener, asked by the same devices in the same run, in turn with what is measured. Each size is a
//! fleet of its own on SQLite, in which every device has parts, a certificate, a report and a poll, and those that call
//! are spread over it.

// A page is one deep type; optimised builds look into it further than the default lets them.
#![recursion_limit = "512"]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement stops by panicking and speaks by printing"
)]

#[expect(dead_code, reason = "the measurement of updates needs more of it")]
mod calls;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../pki/doors.rs"]
mod doors;
mod filled;
mod growth;
#[expect(dead_code, reason = "this measurement needs a part of what the other one does")]
#[path = "../pki/load.rs"]
mod load;
mod measured;
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
            (true, true) => vec![300, 3_000],
            (true, false) => vec![1_000, 100_000, 1_000_000],
        }
    }

    /// Devices that call. Each comes seldom enough in a run that nothing is found about how it polls.
    const fn callers(&self) -> usize {
        self.either(100, 500)
    }

    /// Requests over connections that stay open, in each of two rounds.
    const fn requests(&self) -> usize {
        self.either(1_000, 30_000)
    }

    /// Requests that each open a connection, in each of two rounds.
    const fn connections(&self) -> usize {
        self.either(200, 2_000)
    }
}

fn main() {
    let sizes = Sizes::parse();
    let all: Vec<Measured> = sizes.devices().into_iter().map(|devices| measured::measure(&sizes, devices)).collect();
    table::print(&measured::rows(&all));
}
