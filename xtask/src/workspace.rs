//! Where things are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// Clippy's compiler: rustc that lints as well.
pub const CLIPPY: &str = "clippy-driver";

/// Arguments for [`CLIPPY`], the way `cargo clippy` passes those after `--`.
const WARNINGS_ARE_ERRORS: &str = "-Dwarnings__CLIPPY_HACKERY__";

/// The folders of one checkout.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
    moved_target: bool,
    linted: bool,
}

impl Workspace {
    /// Looks upwards from the current folder for the workspace's `Cargo.toml`.
    pub fn find() -> Result<Self, Error> {
        let here = env::current_dir().map_err(Error::file("find", Path::new(".")))?;
        let root = here
            .ancestors()
            .find(|folder| folder.join("xtask/Cargo.toml").is_file() && folder.join("Cargo.lock").is_file())
            .ok_or_else(|| {
                Error::Advice("This is not inside Muster's source folder. Change into it and try again.".into())
            })?
            .to_path_buf();
        let moved = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = moved.as_ref().map_or_else(|| root.join("target"), |folder| root.join(folder));
        Ok(Self { root, target, moved_target: moved.is_some(), linted: false })
    }

    /// The folder that holds `Cargo.lock`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file or folder of the sources.
    pub fn source(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Cargo's target folder.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// What the server carries inside: hashed, compressed assets and their manifest.
    pub fn site(&self) -> PathBuf {
        self.target.join("site")
    }

    /// Where tasks keep what they remember between runs.
    pub fn memory(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// The same checkout, whose own crates are compiled by Clippy's compiler with warnings as errors. What is linted is
    /// thus also what the tests run: `cargo clippy` would compile everything a second time.
    pub fn linted(&self) -> Self {
        Self { linted: true, ..self.clone() }
    }

    /// Cargo, without the variables that describe xtask itself.
    pub fn cargo(&self) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        self.settle(&mut cargo);
        if self.linted {
            cargo.env("RUSTC_WORKSPACE_WRAPPER", CLIPPY).env("CLIPPY_ARGS", WARNINGS_ARE_ERRORS);
        }
        if self.moved_target {
            cargo.env("MUSTER_SITE", self.site());
        }
        cargo
    }

    /// Puts a command into the workspace's folder with a clean environment.
    pub fn settle(&self, command: &mut Command) {
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_PRIMARY_PACKAGE"
            {
                command.env_remove(name.as_ref());
            }
        }
    }
}
