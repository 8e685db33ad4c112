//! Cargo, for the browser.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::Profile;
use super::probe::DEBIAN_RUSTC;
use super::toolchain::{TARGET, Toolchain};
use crate::error::Error;
use crate::exec;
use crate::workspace::Workspace;

/// Debian's cargo, which a rustup on PATH must not hide.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// What stands between two flags in the variable that allows spaces within them.
const FLAG_SEPARATOR: &str = "\u{1f}";

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
    cargo.env("CARGO_ENCODED_RUSTFLAGS", nameless_paths(workspace));
    exec::run(&mut cargo)?;
    Ok(folder.join(TARGET).join(profile.folder()).join("frontend.wasm"))
}

/// Panics name source files. Without this machine's folders in front, the program is smaller and the same everywhere.
fn nameless_paths(workspace: &Workspace) -> String {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))
        .unwrap_or_default();
    let mut folders = vec![workspace.root().to_path_buf()];
    if let Ok(registries) = fs::read_dir(home.join("registry/src")) {
        folders.extend(registries.flatten().map(|registry| registry.path()));
    }
    let flags: Vec<String> =
        folders.iter().map(|folder| format!("--remap-path-prefix={}=.", folder.display())).collect();
    flags.join(FLAG_SEPARATOR)
}

/// Debian ships the library's source instead of the compiled library, so it is compiled along.
fn debian(workspace: &Workspace) -> Command {
    let mut cargo = Command::new(DEBIAN_CARGO);
    workspace.settle(&mut cargo);
    cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    cargo
}
