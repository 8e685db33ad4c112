//! The browser's program: `frontend`, compiled to WASM and given its JavaScript.

mod bindgen;
mod compile;
mod probe;
pub mod toolchain;

use std::path::PathBuf;
use std::time::Instant;

use crate::error::Error;
use crate::files::{self, Stamp};
use crate::workspace::Workspace;
use crate::{clock, exec};

use self::toolchain::Choice;

/// Everything that the browser's program is made of. A test holds this list against Cargo's.
const INPUTS: [&str; 6] = ["frontend", "app", "crates/domain", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"];

/// How the browser's program is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Small, for everyone.
    Release,
    /// Quick to build, for `cargo xtask dev`.
    Dev,
}

impl Profile {
    fn cargo_name(self) -> &'static str {
        match self {
            Self::Release => "wasm-release",
            Self::Dev => "dev",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Release => "wasm-release",
            Self::Dev => "debug",
        }
    }

    /// Brotli's quality for the program.
    pub fn quality(self) -> u32 {
        match self {
            Self::Release => 11,
            Self::Dev => 2,
        }
    }
}

/// What the browser loads besides the style sheet.
#[derive(Debug)]
pub struct Browser {
    /// The JavaScript module.
    pub script: Vec<u8>,
    /// The WASM program.
    pub program: Vec<u8>,
}

/// What is appended to the module: waking islands, and what is shorter as script.
const APPENDED: [&str; 2] = ["frontend/boot.js", "frontend/bench.js"];

/// Builds the browser's program, or takes the last one when nothing changed since.
pub fn build(workspace: &Workspace, choice: Choice, profile: Profile) -> Result<Browser, Error> {
    let started = Instant::now();
    let folder = workspace.memory().join("browser").join(profile.folder());
    let stamp =
        Stamp::new(&workspace.memory(), &format!("browser-{}", profile.folder()), fingerprint(workspace, choice)?);
    if stamp.is_fresh()
        && let (Ok(script), Ok(program)) = (files::read(&script_path(&folder)), files::read(&program_path(&folder)))
    {
        println!("browser's program unchanged, looked at in {}", clock::spoken(started.elapsed()));
        return Ok(Browser { script, program });
    }
    let toolchain = toolchain::find(workspace, choice)?;
    println!("browser's program: compiling with {toolchain}");
    let compiled = compile::compile(workspace, toolchain, profile)?;
    let mut appended = Vec::new();
    for name in APPENDED {
        appended.extend(files::read(&workspace.source(name))?);
    }
    let browser = bindgen::prepare(&compiled, &appended, profile)?;
    files::write(&script_path(&folder), &browser.script)?;
    files::write(&program_path(&folder), &browser.program)?;
    stamp.set()?;
    println!("browser's program in {}", clock::spoken(started.elapsed()));
    Ok(browser)
}

fn script_path(folder: &std::path::Path) -> PathBuf {
    folder.join("muster.js")
}

fn program_path(folder: &std::path::Path) -> PathBuf {
    folder.join("muster.wasm")
}

fn fingerprint(workspace: &Workspace, choice: Choice) -> Result<String, Error> {
    let compiler =
        exec::output(std::process::Command::new("rustc").arg("-vV").current_dir(workspace.root())).unwrap_or_default();
    files::fingerprint(workspace.root(), &INPUTS, &[&compiler, choice.word(), bindgen::VERSION])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    /// Cargo's tree of the browser's program, one package a line.
    fn tree() -> String {
        let workspace = Workspace::find().unwrap();
        exec::output(workspace.cargo().args([
            "tree",
            "--offline",
            "-p",
            "frontend",
            "--target",
            "wasm32-unknown-unknown",
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "-f",
            "{p} {f}",
        ]))
        .unwrap()
    }

    #[test]
    fn nothing_of_the_server_is_in_the_browser() {
        let tree = tree();
        for package in ["fleet", "store", "pki", "axum", "sqlx", "leptos_axum", "plotters", "rustls", "argon2"] {
            assert!(!tree.lines().any(|line| line.starts_with(&format!("{package} v"))), "{package} is in:\n{tree}");
        }
        let features =
            |line: &str| line.rsplit(' ').next().is_some_and(|last| last.split(',').any(|name| name == "ssr"));
        assert!(!tree.lines().any(features), "the server's features are in:\n{tree}");
        assert!(tree.contains("app v") && tree.contains("leptos v"), "{tree}");
    }

    #[test]
    fn the_list_of_inputs_is_complete() {
        let root = Workspace::find().unwrap().root().to_string_lossy().into_owned();
        for line in tree().lines() {
            let Some((_, place)) = line.split_once(&format!("({root}/")) else { continue };
            let folder = place.split(')').next().unwrap();
            assert!(INPUTS.contains(&folder), "{folder} is compiled for the browser, but INPUTS does not name it");
        }
    }
}
