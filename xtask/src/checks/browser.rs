//! What the browser loads, and the console in a real one.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::{Outcome, Scene, node};
use crate::build::{self, Profile};
use crate::error::Error;
use crate::{assets, clock, exec, files};

/// What WASM and JavaScript may weigh together, as brotli.
const BUDGET: u64 = 80_000;

/// Playwright's folder.
const END_TO_END: &str = "end2end";

/// Program and script together stay within the budget.
pub fn budget(scene: &Scene<'_>) -> Result<Outcome, Error> {
    let site = scene.workspace.site();
    let path = site.join(assets::MANIFEST);
    if !path.is_file() {
        super::rust::site(scene)?;
    }
    let manifest: BTreeMap<String, String> = serde_json::from_slice(&files::read(&path)?)
        .map_err(|source| Error::Json { what: path.display().to_string(), source })?;
    let mut sum = 0;
    for name in ["muster.js", "muster.wasm"] {
        let hashed = manifest.get(name).ok_or_else(|| Error::Advice(format!("{name} is not in {}", path.display())))?;
        let twin = site.join(format!("{hashed}.br"));
        sum += fs::metadata(&twin).map_err(Error::file("read", &twin))?.len();
    }
    let spoken = |bytes| clock::size(usize::try_from(bytes).unwrap_or(usize::MAX));
    println!("the browser loads {} of {}", spoken(sum), spoken(BUDGET));
    if sum > BUDGET {
        return Err(Error::Advice("That is too much. Move code out of islands, or islands out of the page.".into()));
    }
    Ok(Outcome::Passed)
}

/// Playwright on SQLite.
pub fn on_sqlite(scene: &Scene<'_>) -> Result<Outcome, Error> {
    end_to_end(scene, "sqlite")
}

/// Playwright on PostgreSQL.
pub fn on_postgres(scene: &Scene<'_>) -> Result<Outcome, Error> {
    end_to_end(scene, "postgres")
}

fn end_to_end(scene: &Scene<'_>, database: &str) -> Result<Outcome, Error> {
    let workspace = scene.workspace;
    if !workspace.source(END_TO_END).join("package.json").is_file() {
        return Ok(Outcome::Skipped("end2end/ has no package.json"));
    }
    node::install(workspace, END_TO_END)?;
    super::rust::site(scene)?;
    // As it was built with the tests: alone, with fewer features, it and much that it depends on would be compiled once more.
    super::rust::lint(scene)?;
    let program = build::program(&scene.linted, Profile::Dev);
    let mut playwright = Command::new("node_modules/.bin/playwright");
    playwright.arg("test").current_dir(workspace.source(END_TO_END));
    playwright.env("CI", "true").env("MUSTER_BIN", program).env("MUSTER_E2E_DB", database);
    exec::run(&mut playwright)?;
    Ok(Outcome::Passed)
}
