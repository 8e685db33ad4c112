//! `cargo xtask bench`: figures, never a test that depends on how busy the machine is.

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
}

/// What is measured, and on how large a fleet.
#[derive(Args)]
pub struct BenchArgs {
    /// What is measured
    #[arg(value_enum)]
    subject: Subject,
    /// Numbers of devices, the smallest first [default: 1000 100000 1000000]
    sizes: Vec<u64>,
}

/// Measures. The site is built first, so that the size of what browsers load is printed as well.
pub fn run(workspace: &Workspace, args: &BenchArgs) -> Result<(), Error> {
    build::site(workspace, Choice::Auto, wasm::Profile::Release)?;
    let name = match args.subject {
        Subject::Console => "console",
    };
    let mut command = Command::new("cargo");
    command.current_dir(workspace.root()).args(["bench", "--package", "server", "--bench", name, "--"]);
    command.args(args.sizes.iter().map(u64::to_string));
    exec::run(&mut command)
}
