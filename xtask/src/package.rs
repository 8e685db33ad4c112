//! The Debian package: the program with the site inside, its service, its settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clap::Args;

use crate::build::{self, Profile};
use crate::error::Error;
use crate::workspace::Workspace;
use crate::{WasmArgs, clock, exec, wasm};

/// What puts a package together, at a version whose packages are known.
const CARGO_DEB: &str = "3.8.0";

/// What `cargo xtask package` understands.
#[derive(Debug, Args)]
pub struct PackageArgs {
    /// Cargo's profile for the program
    #[arg(long, value_enum, default_value = "release")]
    profile: Profile,
    #[command(flatten)]
    wasm: WasmArgs,
}

/// Builds the program and its package, and says where that is.
pub fn run(workspace: &Workspace, args: &PackageArgs) -> Result<(), Error> {
    build::site(workspace, args.wasm.wasm_toolchain, wasm::Profile::Release)?;
    build::server(workspace, args.profile)?;
    let package = pack(workspace, args.profile, None)?;
    println!("{}", package.display());
    Ok(())
}

/// Packs the program that was built last with this profile, as another version of the package if one is named.
pub fn pack(workspace: &Workspace, profile: Profile, version: Option<&str>) -> Result<PathBuf, Error> {
    let tool = tool(workspace)?;
    let started = Instant::now();
    let folder = workspace.target().join("debian");
    fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
    let package = folder.join(match version {
        None => "muster.deb".to_owned(),
        Some(version) => format!("muster-{version}.deb"),
    });
    exec::run(&mut packing(workspace, &tool, profile, version, &package))?;
    println!("package in {}", clock::spoken(started.elapsed()));
    Ok(package)
}

fn packing(workspace: &Workspace, tool: &Path, profile: Profile, version: Option<&str>, package: &Path) -> Command {
    let mut command = Command::new(tool);
    workspace.settle(&mut command);
    command.args(["-p", "server", "--no-build", "--offline", "--locked", "--output"]).arg(package);
    match profile {
        // Whoever only tries it out waits for nothing.
        Profile::Dev => command.args(["--profile", "dev", "--strip", "--fast", "--compress-type", "gz"]),
        // By the system's xz.
        Profile::Release => command.args(["--strip", "--compress-type", "xz"]),
    };
    if let Some(version) = version {
        command.args(["--deb-version", version]);
    }
    command
}

/// cargo-deb in a folder of its own, installed once for each version.
fn tool(workspace: &Workspace) -> Result<PathBuf, Error> {
    let folder = workspace.target().join("tools");
    let program = folder.join("bin/cargo-deb");
    let said = program.is_file().then(|| exec::output(Command::new(&program).arg("--version")).unwrap_or_default());
    if said.is_some_and(|said| said.split_whitespace().any(|word| word == CARGO_DEB)) {
        return Ok(program);
    }
    let mut cargo = workspace.cargo();
    let version = format!("={CARGO_DEB}");
    cargo.args(["install", "cargo-deb", "--locked", "--version", &version]);
    // Without C: what compresses is Rust, or a program.
    cargo.args(["--no-default-features", "--features", "gzip", "--root"]).arg(&folder);
    exec::run(cargo.arg("--target-dir").arg(folder.join("build")))?;
    Ok(program)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_was_built_before() {
        let workspace = Workspace::find().unwrap();
        let command = packing(&workspace, Path::new("/t"), Profile::Dev, Some("1.0-2"), Path::new("/o.deb"));
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        for pair in [["--profile", "dev"], ["--deb-version", "1.0-2"], ["--output", "/o.deb"]] {
            assert!(words.windows(2).any(|two| two == pair), "{words:?}");
        }
        assert!(words.iter().any(|word| word == "--no-build"));
    }
}
