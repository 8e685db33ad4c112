//! Looking at the machine, and asking rustup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::toolchain::{Choice, DEBIAN_PACKAGES, Debian, Facts, Library, Rustup, TARGET};
use crate::error::Error;
use crate::workspace::Workspace;
use crate::{clock, exec, files, packages};

/// Debian's compiler, which a rustup on PATH must not hide.
pub const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// How long rustup may take when something else can be tried after it.
const PATIENCE: Duration = Duration::from_secs(45);

/// How long rustup may take when it was asked for by name.
const LONG_PATIENCE: Duration = Duration::from_secs(600);

/// Finds out what there is. Who wants Debian's packages is not kept waiting for the rest.
pub fn facts(workspace: &Workspace, choice: Choice) -> Result<Facts, Error> {
    let library = if choice == Choice::Debian { Library::Missing } else { library(workspace)? };
    Ok(Facts { library, rustup: rustup(workspace), debian: debian(workspace), root: packages::is_root() })
}

fn library(workspace: &Workspace) -> Result<Library, Error> {
    let mut rustc = Command::new("rustc");
    workspace.settle(&mut rustc);
    let Ok(folder) = exec::output(rustc.args(["--print", "target-libdir", "--target", TARGET])) else {
        return Ok(Library::Missing);
    };
    if !holds_std(Path::new(folder.trim())) {
        return Ok(Library::Missing);
    }
    try_compiling(workspace)
}

fn holds_std(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

/// Compiles and links a small library, which shows a foreign version, a half download or a missing linker.
fn try_compiling(workspace: &Workspace) -> Result<Library, Error> {
    let folder = workspace.memory().join("probe");
    let source = folder.join("probe.rs");
    files::write(
        &source,
        b"#[unsafe(no_mangle)] pub extern \"C\" fn probe() -> usize { String::from(\"x\").len() }\n",
    )?;
    let mut rustc = Command::new("rustc");
    workspace.settle(&mut rustc);
    rustc
        .args(["--edition=2024", "--crate-type=cdylib", "--target", TARGET, "-o"])
        .arg(folder.join("probe.wasm"))
        .arg(&source);
    Ok(match exec::output(&mut rustc) {
        Ok(_) => Library::Works,
        Err(Error::Failed { status, .. }) => Library::Broken(status),
        Err(other) => return Err(other),
    })
}

fn rustup(workspace: &Workspace) -> Rustup {
    if !exec::on_path("rustup") {
        return Rustup::Absent;
    }
    fs::read_to_string(failure_path(workspace))
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok())
        .map_or(Rustup::Ready, |then| Rustup::FailedAgo(Duration::from_secs(clock::now().saturating_sub(then))))
}

fn failure_path(workspace: &Workspace) -> PathBuf {
    workspace.memory().join("rustup-failed")
}

/// Asks rustup for the target, and remembers when it could not help.
pub fn add_target(workspace: &Workspace, choice: Choice, renew: bool) -> Result<(), Error> {
    let limit = if choice == Choice::Rustup { LONG_PATIENCE } else { PATIENCE };
    println!("browser's program: asking rustup for {TARGET}, for {} s at most", limit.as_secs());
    let mut attempt = Ok(());
    if renew {
        attempt = exec::run_within(
            Command::new("rustup").args(["target", "remove", TARGET]).current_dir(workspace.root()),
            limit,
        );
    }
    let attempt = attempt
        .and_then(|()| {
            exec::run_within(
                Command::new("rustup").args(["target", "add", TARGET]).current_dir(workspace.root()),
                limit,
            )
        })
        .and_then(|()| match library(workspace)? {
            Library::Works => Ok(()),
            Library::Missing => Err(Error::Advice("rustup says that it added the target, but it is not there.".into())),
            Library::Broken(why) => {
                Err(Error::Advice(format!("rustup added the target, but it does not compile: {why}.")))
            }
        });
    if attempt.is_err() {
        files::write(&failure_path(workspace), clock::now().to_string().as_bytes())?;
    }
    attempt
}

fn debian(workspace: &Workspace) -> Debian {
    if !exec::on_path("apt-get") || !exec::on_path("dpkg-query") {
        return Debian::Foreign;
    }
    let missing: Vec<String> =
        DEBIAN_PACKAGES.into_iter().filter(|package| !packages::is_installed(package)).map(String::from).collect();
    if !missing.is_empty() {
        return Debian::Missing(missing);
    }
    usable_compiler(workspace).map_or_else(Debian::Useless, |()| Debian::Ready)
}

/// Whether Debian's compiler is new enough and has its library's source.
fn usable_compiler(workspace: &Workspace) -> Result<(), String> {
    let version = exec::output(Command::new(DEBIAN_RUSTC).arg("--version")).map_err(|error| error.to_string())?;
    let manifest = fs::read_to_string(workspace.source("Cargo.toml")).map_err(|error| error.to_string())?;
    let needed =
        manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap_or_default().trim_matches('"');
    if minor(version.split_whitespace().nth(1).unwrap_or_default()) < minor(needed) {
        return Err(format!("{} is older than {needed}", version.trim()));
    }
    let sysroot =
        exec::output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"])).map_err(|error| error.to_string())?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std");
    if library.is_dir() { Ok(()) } else { Err(format!("{} has no source of the standard library", version.trim())) }
}

/// The 96 of "1.96.0".
fn minor(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|part| part.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_half_download_is_not_a_library() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!holds_std(folder.path()));
        fs::write(folder.path().join("libstd-0123.rmeta"), "").unwrap();
        assert!(!holds_std(folder.path()));
        fs::write(folder.path().join("libstd-0123.rlib"), "").unwrap();
        assert!(holds_std(folder.path()));
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(minor("1.100.0") > minor("1.95"));
        assert_eq!(minor("nonsense"), 0);
    }
}
