//! `cargo xtask bench`: figures, never a test that depends on how busy the machine is.

use std::{path::PathBuf, process::Command};

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
    /// Evidence: wrong and right decisions of gates and comparisons by simulation, beside other rules on the same data
    Evidence,
    /// Upgrade: nodes of the version before are replaced one by one while devices come; builds that version first, and takes haproxy
    Upgrade,
}

/// What is measured, and how much of it.
#[derive(Args)]
pub struct BenchArgs {
    /// What is measured
    #[arg(value_enum)]
    subject: Subject,
    /// Of the console, checkin and updates: numbers of devices, the smallest first [default: 1000 100000 1000000]. Of pki:
    /// devices of the batch that is cut off, and entries of the long CRL [default: 100000 1000000]. Of nodes: devices
    /// [default: 100000]. Of evidence: experiments per cell [default: 10000]. Of upgrade: nodes [default: 3]
    sizes: Vec<u64>,
    /// Small sizes, to see in seconds that all of it works; for all but the console
    #[arg(long)]
    quick: bool,
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
        Subject::Nodes => ("server", "nodes"),
        Subject::Evidence => ("domain", "evidence"),
        Subject::Upgrade => {
            build::site(workspace, Choice::Auto, wasm::Profile::Dev)?;
            ("server", "upgrade")
        }
    };
    let mut command = Command::new("cargo");
    if matches!(args.subject, Subject::Upgrade) {
        command.env("MUSTER_BEFORE", before(workspace)?);
    }
    command.current_dir(workspace.root()).args(["bench", "--package", package, "--bench", name, "--"]);
    command.args(args.sizes.iter().map(u64::to_string));
    if args.quick {
        command.arg("--quick");
    }
    exec::run(&mut command)
}

/// The version before, 0.1.
const BEFORE: &str = "5c6b2c1";

/// Builds the version before, unless that was done, in a checkout of its own with a target folder of its own. Its program.
fn before(workspace: &Workspace) -> Result<PathBuf, Error> {
    let folder = workspace.target().join("before");
    if !folder.join("Cargo.toml").exists() {
        let mut checkout = Command::new("git");
        checkout
            .current_dir(workspace.root())
            .args(["worktree", "add", "--force", "--detach"])
            .arg(&folder)
            .arg(BEFORE);
        exec::run(&mut checkout)?;
    }
    let target = folder.join("target");
    let mut build = Command::new("cargo");
    build.current_dir(&folder).env("CARGO_TARGET_DIR", &target).args(["run", "--package", "xtask", "--", "build"]);
    exec::run(&mut build)?;
    Ok(target.join("debug/muster"))
}
