//! The programs of others: a browser, a database server, node and its packages.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Outcome, Scene};
use crate::error::Error;
use crate::files::{self, Stamp};
use crate::workspace::Workspace;
use crate::{exec, packages};

/// A program, and Debian's package that has it.
const PROGRAMS: [(&str, &str); 3] = [("node", "nodejs"), ("npm", "npm"), ("chromium", "chromium")];

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
    packages::install(&missing)?;
    Ok(Outcome::Passed)
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
