//! Cargo, for the browser.

use std::path::PathBuf;
use std::process::Command;

use super::Profile;
use super::probe::DEBIAN_RUSTC;
use super::toolchain::{TARGET, Toolchain};
use crate::error::Error;
use crate::exec;
use crate::workspace::Workspace;

/// Debian's cargo, which a rustup on PATH must not hide.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// Compiles `frontend` and returns where the program is.
pub fn compile(workspace: &Workspace, toolchain: Toolchain, profile: Profile) -> Result<PathBuf, Error> {
    let folder = workspace.target().join("wasm");
    let mut cargo = match toolchain {
        Toolchain::Active => workspace.cargo(),
        Toolchain::Debian => debian(workspace),
    };
    cargo
        .args(["build", "-p", "frontend", "--target", TARGET, "--profile", profile.cargo_name(), "--target-dir"])
        .arg(&folder);
    if toolchain == Toolchain::Debian {
        cargo.args(["-Z", "build-std=std,panic_abort"]);
    }
    exec::run(&mut cargo)?;
    Ok(folder.join(TARGET).join(profile.folder()).join("frontend.wasm"))
}

/// Debian ships the library's source instead of the compiled library, so it is compiled along.
fn debian(workspace: &Workspace) -> Command {
    let mut cargo = Command::new(DEBIAN_CARGO);
    workspace.settle(&mut cargo);
    cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    cargo
}
