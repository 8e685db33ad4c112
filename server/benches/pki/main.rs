//! `cargo xtask bench pki`: what the certification authority does in a second, and how soon a revocation is felt.
//!
//! Everything runs in this process and over 127.0.0.1: the real listeners on one runtime, whoever asks them on another,
//! so that neither waits in the other's queue. Each figure stands beside a peer that did the same in the same run, or
//! beside the limit of what is possible; each load is bounded in number.

// A page is one deep type; optimised builds look into it further than the default lets them.
#![recursion_limit = "512"]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement stops by panicking and speaks by printing"
)]

mod asked;
mod batch;
mod clicks;
#[expect(dead_code, reason = "the measurement of check-in puts something else behind the same listener")]
mod doors;
mod handshakes;
mod issuing;
mod list;
mod load;
mod ocsp;
mod openssl;
mod table;
mod tls;
mod world;

use clap::Parser;
use doors::Doors;
use std::time::Instant;
use tokio::runtime::Runtime;
use world::World;

/// How much is measured.
#[derive(Clone, Debug, Parser)]
struct Sizes {
    /// Devices of the batch that is cut off by one act
    devices: Option<usize>,
    /// Entries of the long CRL
    entries: Option<usize>,
    /// Small sizes, to see in seconds that all of it works
    #[arg(long)]
    quick: bool,
    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,
}

impl Sizes {
    fn either(&self, quick: usize, full: usize) -> usize {
        if self.quick { quick } else { full }
    }

    /// Devices of the batch that is cut off, and of the index that OCSP answers for.
    fn devices(&self) -> usize {
        self.devices.unwrap_or_else(|| self.either(2_000, 100_000))
    }

    /// Entries of the long CRL.
    fn entries(&self) -> usize {
        self.entries.unwrap_or_else(|| self.either(20_000, 1_000_000))
    }

    /// Certificates that are issued in each way.
    fn certificates(&self) -> usize {
        self.either(300, 5_000)
    }

    /// Requests over connections that stay open.
    fn requests(&self) -> usize {
        self.either(4_000, 200_000)
    }

    /// Requests that each open a connection: fewer than there are ports.
    fn connections(&self) -> usize {
        self.either(1_000, 20_000)
    }

    /// Certificates that OCSP is asked about in turn.
    fn asked(&self) -> usize {
        self.either(500, 10_000).min(self.devices())
    }

    /// Devices that are revoked one by one.
    fn clicks(&self) -> usize {
        self.either(100, 300)
    }

    /// TLS handshakes.
    fn handshakes(&self) -> usize {
        self.either(400, 6_000)
    }
}

/// What every measurement needs.
struct Bench {
    sizes: Sizes,
    /// Where listeners and background jobs run.
    server: Runtime,
    /// Where those who ask run.
    asking: Runtime,
    world: World,
    doors: Doors,
}

fn main() {
    let sizes = Sizes::parse();
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, asking) = (runtime(), runtime());
    let world = server.block_on(World::new());
    let doors = server.block_on(Doors::open(&world));
    let bench = Bench { sizes, server, asking, world, doors };
    let mut rows = Vec::new();
    rows.extend(step("issuing", || issuing::measure(&bench)));
    let large = step("filling the batch", || bench.server.block_on(bench.world.fill_large(bench.sizes.devices())));
    rows.extend(step("OCSP", || ocsp::measure(&bench, &large)));
    rows.extend(step("handshakes", || handshakes::measure(&bench)));
    rows.extend(step("one device at a time", || clicks::measure(&bench)));
    rows.extend(step("a batch by one act", || batch::measure(&bench, &large)));
    rows.extend(step("a long CRL", || list::measure(&bench)));
    table::print(&rows);
    bench.server.block_on(bench.world.fleet.db().close());
}

/// Says on the side what is going on, and how long it took.
fn step<T>(name: &str, work: impl FnOnce() -> T) -> T {
    eprintln!("{name} …");
    let begun = Instant::now();
    let done = work();
    eprintln!("{name}: done in {:.1} s", begun.elapsed().as_secs_f64());
    done
}
