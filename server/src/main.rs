//! The program `muster`.

// A page is one deep type; optimised builds look into it further than the default lets them.
#![recursion_limit = "512"]

use clap::Parser;
use server::{cli::Cli, commands};
use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If nobody can read it, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "muster: {failure}");
            failure.exit_code()
        }
    }
}
