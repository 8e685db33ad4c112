//! The programs of others: a browser, a database server, a device's SWUpdate, node and its packages.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Outcome, Scene};
use crate::error::Error;
use crate::files::{self, Stamp};
use crate::workspace::Workspace;
use crate::{exec, packages};

/// A program, and Debian's package that has it.
const PROGRAMS: [(&str, &str); 3] = [("node", "nodejs"), ("npm", "npm"), ("swupdate", "swupdate")];

/// Debian's package of a Chromium without windows, which takes half the time for a page, and of the whole one.
const HEADLESS: &str = "chromium-headless-shell";
const WHOLE: &str = "chromium";

/// The oldest node that the browser's tests run on: Playwright fails in its middle on older ones.
const NODE: u32 = 20;

/// Where Debian keeps the server's programs, by version.
const POSTGRES: &str = "/usr/lib/postgresql";

/// Installs what is missing.
pub fn packages(_: &Scene<'_>) -> Result<Outcome, Error> {
    let mut missing: Vec<String> = PROGRAMS
        .iter()
        .filter(|(program, _)| !exec::on_path(program))
        .map(|(_, package)| (*package).to_owned())
        .collect();
    if !has_postgres() {
        missing.push("postgresql".into());
    }
    missing.extend(browser().map(String::from));
    packages::install(&missing)?;
    new_enough(&exec::output(Command::new("node").arg("--version"))?)?;
    Ok(Outcome::Passed)
}

/// Which Chromium is missing. Who may install gets the one without windows wherever the system has it.
fn browser() -> Option<&'static str> {
    let has_whole = exec::on_path(WHOLE);
    if exec::on_path(HEADLESS) || (has_whole && !packages::is_root()) {
        return None;
    }
    let wanted = if packages::is_known(HEADLESS) { HEADLESS } else { WHOLE };
    (wanted == HEADLESS || !has_whole).then_some(wanted)
}

/// Whether the tests run on this node, which calls itself `v22.4.1`.
fn new_enough(version: &str) -> Result<(), Error> {
    let version = version.trim();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= NODE) {
        return Ok(());
    }
    Err(Error::Advice(format!(
        "The browser's tests need Node.js {NODE} or newer, and the node on PATH is {version}. Debian 13 has a newer one: \
         apt-get install nodejs. Elsewhere take it from https://nodejs.org and put it first on PATH."
    )))
}

fn has_postgres() -> bool {
    let debian = fs::read_dir(POSTGRES)
        .is_ok_and(|versions| versions.flatten().any(|version| version.path().join("bin/initdb").is_file()));
    debian || exec::on_path("initdb")
}

/// `npm ci` in a folder, unless its packages are already those of the lock file.
pub fn install(workspace: &Workspace, folder: &str) -> Result<(), Error> {
    let path = workspace.source(folder);
    let print = files::fingerprint(&path, &["package.json", "package-lock.json"], &[])?;
    let stamp = Stamp::new(&workspace.memory(), &format!("npm-{}", folder.replace('/', "-")), print);
    if stamp.is_fresh() && path.join("node_modules").is_dir() {
        return Ok(());
    }
    exec::run(npm(&path).args(["ci", "--no-audit", "--no-fund"]))?;
    stamp.set()
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(folder).env("CI", "true").env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    npm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_told_before_anything_fails() {
        assert!(new_enough("v20.0.0\n").is_ok() && new_enough("v22.4.1").is_ok() && new_enough("v100.1").is_ok());
        for old in ["v18.20.4", "v19.9.0", "", "nonsense"] {
            assert!(new_enough(old).is_err_and(|error| error.to_string().contains("Node.js 20 or newer")), "{old}");
        }
    }
}
