//! `cargo xtask`: everything that building, trying and checking Muster needs, in one program.
//!
//! It builds the browser's half before the server, because the server carries it inside.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks through its standard streams"
)]

mod assets;
mod bench;
mod build;
mod checks;
mod clock;
mod css;
mod dev;
mod error;
mod exec;
mod files;
mod package;
mod packages;
mod wasm;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::error::Error;
use crate::wasm::toolchain::Choice;
use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Builds, runs and checks Muster")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the style sheet, the browser's program, the site folder and the server
    Build(BuildArgs),
    /// Builds everything and starts `muster demo`
    Run {
        /// Builds the server optimised, for large fleets: that takes more than twice as long
        #[arg(long)]
        release: bool,
        #[command(flatten)]
        wasm: WasmArgs,
        /// What is handed on to `muster demo`
        #[arg(last = true)]
        args: Vec<OsString>,
    },
    /// Runs every check, and installs what the checks need where it can
    Test(checks::TestArgs),
    /// Measures what pages and imports cost as the fleet grows
    Bench(bench::BenchArgs),
    /// Builds the Debian package
    Package(package::PackageArgs),
    /// Rebuilds and restarts the server whenever a source file changes
    Dev {
        #[command(flatten)]
        wasm: WasmArgs,
        /// What is handed on to `muster demo`
        #[arg(last = true)]
        args: Vec<OsString>,
    },
}

#[derive(Args)]
struct BuildArgs {
    /// Builds the server optimised (the same as `--profile release`)
    #[arg(long, conflicts_with = "profile")]
    release: bool,
    /// Cargo's profile for the server
    #[arg(long, value_enum, default_value = "dev")]
    profile: build::Profile,
    /// Stops after the site folder, without the server
    #[arg(long)]
    site_only: bool,
    #[command(flatten)]
    wasm: WasmArgs,
}

/// How the browser's program is compiled.
#[derive(Debug, Args, Clone, Copy)]
pub struct WasmArgs {
    /// Where the wasm32 standard library comes from
    #[arg(long, value_enum, default_value = "auto")]
    pub wasm_toolchain: Choice,
}

fn main() -> ExitCode {
    match dispatch(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> Result<(), Error> {
    let workspace = Workspace::find()?;
    match cli.task {
        Task::Build(args) => {
            let profile = if args.release { build::Profile::Release } else { args.profile };
            build::site(&workspace, args.wasm.wasm_toolchain, wasm::Profile::Release)?;
            if !args.site_only {
                build::server(&workspace, profile)?;
            }
            Ok(())
        }
        Task::Run { release, wasm, args } => {
            let profile = if release { build::Profile::Release } else { build::Profile::Dev };
            build::run(&workspace, wasm.wasm_toolchain, profile, &args)
        }
        Task::Test(args) => checks::run(&workspace, &args),
        Task::Bench(args) => bench::run(&workspace, &args),
        Task::Package(args) => package::run(&workspace, &args),
        Task::Dev { wasm, args } => dev::watch(&workspace, wasm.wasm_toolchain, &args),
    }
}
