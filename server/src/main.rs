//! The program `muster`.

// A page is one deep type; optimised builds look into it further than the default lets them.
#![recursion_limit = "512"]

use server::{
    commands,
    settings::{self, Unread},
};
use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    let cli = match settings::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(Unread::Typed(error)) => error.exit(),
        Err(Unread::File(problems)) => {
            for problem in problems {
                let _ = writeln!(std::io::stderr(), "muster: {problem}");
            }
            return ExitCode::from(2);
        }
    };
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If nobody can read it, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "muster: {failure}");
            failure.exit_code()
        }
    }
}
