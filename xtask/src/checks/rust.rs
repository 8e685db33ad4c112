//! What cargo checks.

use super::{Outcome, Scene};
use crate::error::Error;
use crate::workspace::CLIPPY;
use crate::{build, exec, wasm};

/// `cargo fmt --check`.
pub fn format(scene: &Scene<'_>) -> Result<Outcome, Error> {
    exec::run(scene.workspace.cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Outcome::Passed)
}

/// The site folder, which the server's build takes inside.
pub fn site(scene: &Scene<'_>) -> Result<Outcome, Error> {
    build::site(scene.workspace, scene.wasm, wasm::Profile::Release)?;
    Ok(Outcome::Passed)
}

/// Clippy over every target, where a warning is an error. What it compiles is what the later steps run.
pub fn lint(scene: &Scene<'_>) -> Result<Outcome, Error> {
    if !exec::on_path(CLIPPY) {
        return Err(Error::Advice("Clippy is missing. Type: rustup component add clippy".into()));
    }
    exec::run(scene.linted.cargo().args(["build", "--workspace", "--all-targets"]))?;
    Ok(Outcome::Passed)
}

/// `cargo test`, to the last of them: who mends one failure wants to know the others.
pub fn test(scene: &Scene<'_>) -> Result<Outcome, Error> {
    exec::run(scene.linted.cargo().args(["test", "--workspace", "--no-fail-fast"]))?;
    Ok(Outcome::Passed)
}
