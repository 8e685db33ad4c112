//! What cargo checks.

use std::{env, thread};

use super::{Outcome, Scene, repeat};
use crate::error::Error;
use crate::workspace::CLIPPY;
use crate::{build, exec, files, wasm};

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
    let mut cargo = scene.linted.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    if env::var_os(repeat::THREADS).is_none() {
        // Many wait, for a database or another process: as many at once as there are cores leave these half idle.
        let cores = thread::available_parallelism().map_or(1, usize::from);
        cargo.env(repeat::THREADS, (2 * cores).to_string());
    }
    // To find that no page of the docs has an example, rustdoc reads every crate once more, which takes minutes.
    if !has_documented_examples(scene)? {
        cargo.arg("--tests");
    }
    Ok(repeat::outcome(repeat::tests(&mut cargo, &[])?))
}

fn has_documented_examples(scene: &Scene<'_>) -> Result<bool, Error> {
    for folder in ["app", "crates", "frontend", "server", "style"] {
        let sources = files::tree(&scene.workspace.source(folder))?;
        for path in sources.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
            if has_examples(&String::from_utf8_lossy(&files::read(path)?)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether rustdoc would find something to run: a block that is not marked as text, or one that is indented.
fn has_examples(source: &str) -> bool {
    // Docs of other kinds are not read here, so that rustdoc has to.
    if ["#[doc =", "#![doc =", "/**", "/*!"]
        .iter()
        .any(|other| source.lines().any(|l| l.trim_start().starts_with(other)))
    {
        return true;
    }
    let mut is_within = false;
    source.lines().any(|line| {
        let line = line.trim_start();
        let Some(doc) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            is_within = false;
            return false;
        };
        if let Some(kind) = doc.trim_start().strip_prefix("```") {
            is_within = !is_within;
            return is_within && kind.trim() != "text";
        }
        !is_within && (doc.starts_with("     ") || doc.trim_start().starts_with("~~~"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_what_rustdoc_runs() {
        for example in [
            "/// ```\n/// f();\n/// ```",
            "  //! ```no_run\n  //! f();\n  //! ```",
            "/// So:\n///\n///     f();",
            "/// ~~~\n/// f();\n/// ~~~",
            "/** ```\nf();\n``` */",
            "#[doc = include_str!(\"f.md\")]",
        ] {
            assert!(has_examples(example), "{example}");
        }
        for none in ["/// Says.\nfn f() {}", "//! ```text\n//!     f();\n//! ```\n//! More.", "// ```\n// f();"] {
            assert!(!has_examples(none), "{none}");
        }
    }
}
