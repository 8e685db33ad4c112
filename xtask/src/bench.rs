//! `cargo xtask bench`: figures, never a test that depends on how busy the machine is.

mod before;

use std::path::PathBuf;
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::error::Error;
use crate::wasm::{self, toolchain::Choice};
use crate::workspace::Workspace;
use crate::{build, exec};

/// What can be measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Subject {
    /// The console's pages on the server, and imports
    Console,
    /// The certification authority: issuing, OCSP, handshakes, and how soon a revocation is felt
    Pki,
    /// Check-in: polls and reports per second over mutual TLS, as the fleet grows
    Checkin,
    /// Updates: polls while rollouts run, starting one, and downloads, beside gooseBit and nginx where they can be had
    Updates,
    /// Nodes: three of them on hosts of their own, what goes wrong, and what nobody loses by it; takes root and haproxy
    Nodes,
    /// An upgrade from the version before under load, node by node on PostgreSQL and by a restart on SQLite; takes what nodes take
    Upgrade,
    /// Evidence: wrong and right decisions of gates and comparisons by simulation, beside other rules on the same data
    Evidence,
}

/// What is measured, and how much of it.
#[derive(Args)]
pub struct BenchArgs {
    /// What is measured
    #[arg(value_enum)]
    subject: Subject,
    /// Of the console, checkin and updates: numbers of devices, the smallest first [default: 1000 100000 1000000]. Of pki:
    /// devices of the batch that is cut off, and entries of the long CRL [default: 100000 1000000]. Of nodes: devices
    /// [default: 100000]. Of evidence: experiments per cell [default: 10000]
    sizes: Vec<u64>,
    /// Small sizes, to see in seconds that all of it works; for all but the console
    #[arg(long)]
    quick: bool,
    /// Of nodes: what one, two and three of them carry and what limits them, instead of what goes wrong
    #[arg(long)]
    throughput: bool,
    /// Of upgrade: the program of the version before. Without it that is built, in target/before
    #[arg(long, value_name = "PROGRAM")]
    before: Option<PathBuf>,
}

/// Measures. For the console the site is built first, so that the size of what browsers load is printed as well.
pub fn run(workspace: &Workspace, args: &BenchArgs) -> Result<(), Error> {
    let (package, name) = match args.subject {
        Subject::Console => {
            build::site(workspace, Choice::Auto, wasm::Profile::Release)?;
            ("server", "console")
        }
        Subject::Pki => ("server", "pki"),
        Subject::Checkin => ("server", "checkin"),
        Subject::Updates => ("server", "updates"),
        Subject::Nodes | Subject::Upgrade => ("server", "nodes"),
        Subject::Evidence => ("domain", "evidence"),
    };
    let mut command = Command::new("cargo");
    command.current_dir(workspace.root()).args(["bench", "--package", package, "--bench", name, "--"]);
    command.args(args.sizes.iter().map(u64::to_string));
    if args.quick {
        command.arg("--quick");
    }
    if args.throughput {
        command.arg("--throughput");
    }
    if matches!(args.subject, Subject::Upgrade) {
        let program = args.before.clone().map_or_else(|| before::build(workspace), Ok)?;
        // A measurement runs in its package's folder.
        command.arg("--before").arg(std::path::absolute(&program).map_err(Error::file("find", &program))?);
    }
    exec::run(&mut command)
}
