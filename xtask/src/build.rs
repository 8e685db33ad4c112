//! Building: style sheet, browser's program, site folder, server, in this order.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use clap::ValueEnum;

use crate::assets::{self, Asset, Weight};
use crate::error::Error;
use crate::wasm::toolchain::Choice;
use crate::workspace::Workspace;
use crate::{clock, css, exec, wasm};

/// Cargo's profile for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Quick to build.
    Dev,
    /// Quick to run.
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }

    fn argument(self) -> &'static str {
        match self {
            Self::Dev => "--profile=dev",
            Self::Release => "--profile=release",
        }
    }
}

/// Builds what the browser loads into `target/site`.
pub fn site(workspace: &Workspace, choice: Choice, profile: wasm::Profile) -> Result<Vec<Weight>, Error> {
    let started = Instant::now();
    let css = css::build(workspace)?;
    println!("style sheet in {}", clock::spoken(started.elapsed()));
    let browser = wasm::build(workspace, choice, profile)?;
    let started = Instant::now();
    let weights = assets::write_site(
        &workspace.site(),
        &[
            Asset { name: "muster.css", bytes: css.into_bytes(), quality: 11 },
            Asset { name: "muster.js", bytes: browser.script, quality: 11 },
            Asset { name: "muster.wasm", bytes: browser.program, quality: profile.quality() },
        ],
    )?;
    println!("site folder in {}", clock::spoken(started.elapsed()));
    assets::report(&weights);
    Ok(weights)
}

/// Builds the server, which takes the site folder inside. Returns where the program is.
pub fn server(workspace: &Workspace, profile: Profile) -> Result<PathBuf, Error> {
    let started = Instant::now();
    exec::run(workspace.cargo().args(["build", "-p", "server", profile.argument()]))?;
    println!("server in {}", clock::spoken(started.elapsed()));
    Ok(program(workspace, profile))
}

/// Where the program is, once it is built.
pub fn program(workspace: &Workspace, profile: Profile) -> PathBuf {
    workspace.target().join(profile.folder()).join("muster")
}

/// Builds everything and becomes `muster demo`.
pub fn run(workspace: &Workspace, choice: Choice, profile: Profile, args: &[OsString]) -> Result<(), Error> {
    site(workspace, choice, wasm::Profile::Release)?;
    let program = server(workspace, profile)?;
    let mut muster = Command::new(program);
    muster.arg("demo").args(args);
    let source = muster.exec();
    Err(Error::Start { command: exec::describe(&muster), source })
}
