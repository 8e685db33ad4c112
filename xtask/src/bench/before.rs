//! The program of the version before, from the commit that made the data set of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::exec;
use crate::workspace::Workspace;

/// Which commit that is.
const COMMIT: &str = "server/tests/data/upgrade/0.1.0/COMMIT";
/// What it takes for the browser's files. Devices don't ask for any, and it does not start without.
const SITE: [(&str, &str); 4] = [
    ("manifest.json", r#"{"muster.css": "muster.css", "muster.js": "muster.js", "muster.wasm": "muster.wasm"}"#),
    ("muster.css", ""),
    ("muster.js", ""),
    ("muster.wasm", ""),
];

/// Builds it in a folder of its own, with what is compiled beside it, and says where it is.
pub fn build(workspace: &Workspace) -> Result<PathBuf, Error> {
    let file = workspace.source(COMMIT);
    let commit = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
    let folder = workspace.target().join("before");
    check_out(workspace, commit.trim(), &folder)?;
    let (site, target) = (folder.join("target/no-site"), folder.join("target"));
    fs::create_dir_all(&site).map_err(Error::file("make", &site))?;
    for (name, content) in SITE {
        let file = site.join(name);
        fs::write(&file, content).map_err(Error::file("write", &file))?;
    }
    let mut cargo = workspace.cargo();
    cargo.current_dir(&folder).env("CARGO_TARGET_DIR", &target).env("MUSTER_SITE", &site);
    exec::run(cargo.args(["build", "--release", "--package", "server", "--bin", "muster"]))?;
    Ok(target.join("release/muster"))
}

/// Has that commit in the folder.
fn check_out(workspace: &Workspace, commit: &str, folder: &Path) -> Result<(), Error> {
    let git = |folder: &Path, words: &[&str]| exec::output(Command::new("git").arg("-C").arg(folder).args(words));
    if git(workspace.root(), &["cat-file", "-e", &format!("{commit}^{{commit}}")]).is_err() {
        return Err(Error::Advice(format!(
            "The version before is commit {commit}, which this clone does not have. Fetch it (`git fetch --unshallow`), or name a \
             program of that version: `cargo xtask bench upgrade --before PROGRAM`."
        )));
    }
    if folder.join(".git").exists() {
        return git(folder, &["checkout", "--quiet", "--detach", commit]).map(drop);
    }
    // One whose folder was deleted is still noted.
    git(workspace.root(), &["worktree", "prune"])?;
    let folder = folder.to_string_lossy();
    git(workspace.root(), &["worktree", "add", "--quiet", "--detach", &folder, commit]).map(drop)
}
