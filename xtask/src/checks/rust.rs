//! What cargo checks.

use super::{Outcome, Scene};
use crate::error::Error;
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

/// `cargo clippy`, where a warning is an error.
pub fn lint(scene: &Scene<'_>) -> Result<Outcome, Error> {
    exec::run(scene.workspace.cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    Ok(Outcome::Passed)
}

/// `cargo test`.
pub fn test(scene: &Scene<'_>) -> Result<Outcome, Error> {
    exec::run(scene.workspace.cargo().args(["test", "--workspace"]))?;
    Ok(Outcome::Passed)
}
