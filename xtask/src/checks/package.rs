//! The Debian package in a fresh Debian that is started for it: installed, running behind its unit's walls, upgraded,
//! removed and purged. systemd-nspawn starts the Debian; what happens in it stands in `package/show.sh`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Outcome, Scene};
use crate::build::Profile;
use crate::error::Error;
use crate::{exec, package, packages};

/// A program, and Debian's package that has it.
const PROGRAMS: [(&str, &str); 3] =
    [("debootstrap", "debootstrap"), ("systemd-nspawn", "systemd-container"), ("dpkg-deb", "dpkg")];

/// What a Debian needs to be one that starts.
const INSIDE: &str = "--include=adduser,dbus,systemd,systemd-sysv";

/// What is done inside.
const SHOW: &str = include_str!("package/show.sh");

/// How that is started inside.
const UNIT: &str = "[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/bin/sh /show/show.sh\n";

/// How long it may take, from its start to its end.
const PATIENCE: Duration = Duration::from_secs(300);

/// How exposed the service may be at most, in tenths (0 is not at all).
const EXPOSED: &str = "--threshold=30";

/// Builds two packages and shows them.
pub fn check(scene: &Scene<'_>) -> Result<Outcome, Error> {
    let unit = scene.workspace.source("deploy/systemd/muster.service");
    if exec::on_path("systemd-analyze") {
        let mut analyse = Command::new("systemd-analyze");
        exec::output(analyse.args(["security", "--no-pager", "--offline=true", EXPOSED]).arg(unit))?;
    }
    if !packages::is_root() {
        return Ok(Outcome::Skipped("only root can start a Debian"));
    }
    let missing = PROGRAMS.iter().filter(|(program, _)| !exec::on_path(program));
    packages::install(&missing.map(|(_, package)| (*package).to_owned()).collect::<Vec<_>>())?;
    super::rust::site(scene)?;
    // As it was built with the tests, for the reason that the browser's steps have.
    super::rust::lint(scene)?;
    let first = package::pack(scene.workspace, Profile::Dev, None)?;
    let second = package::pack(scene.workspace, Profile::Dev, Some("0.2.0-2"))?;
    if exec::on_path("lintian") {
        exec::run(Command::new("lintian").args(["--allow-root", "--fail-on", "error,warning"]).arg(&first))?;
    }
    let folder = scene.workspace.target().join("package");
    let Some(base) = debian(&folder)? else {
        return Ok(Outcome::Skipped("no mirror of Debian's packages can be reached"));
    };
    let root = folder.join("root");
    prepare(&base, &root, &[(&first, "first.deb"), (&second, "second.deb")])?;
    let started = exec::run_within(&mut start(&root), PATIENCE);
    let log = fs::read_to_string(root.join("show/log")).unwrap_or_default();
    println!("{log}");
    started?;
    if log.lines().last() == Some("all of it was shown") {
        return Ok(Outcome::Passed);
    }
    Err(Error::Advice("In the fresh Debian something went wrong; the last lines above say what.".into()))
}

/// A Debian of this machine's kind, made once. None when its packages can't be had.
fn debian(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let (base, begun) = (folder.join("base"), folder.join("base.begun"));
    if base.is_dir() {
        return Ok(Some(base));
    }
    remove(&begun)?;
    let (suite, mirror) = (suite()?, mirror());
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args(["--variant=minbase", INSIDE, &suite]).arg(&begun);
    if let Err(error) = exec::run(debootstrap.args(mirror)) {
        println!("{error}");
        return Ok(None);
    }
    fs::rename(&begun, &base).map_err(Error::file("rename", &begun))?;
    Ok(Some(base))
}

/// The name of this machine's release.
fn suite() -> Result<String, Error> {
    let path = Path::new("/etc/os-release");
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.map(|name| name.trim_matches('"').to_owned())
        .ok_or_else(|| Error::Advice("This is no Debian; the package is shown on one.".into()))
}

/// Where this machine has its packages from.
fn mirror() -> Option<String> {
    let files = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];
    let text: String = files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    first_mirror(&text)
}

fn first_mirror(sources: &str) -> Option<String> {
    let mut words = sources.lines().filter_map(|line| {
        let line = line.trim();
        let rest = line.strip_prefix("URIs:").or_else(|| line.strip_prefix("deb "))?;
        rest.split_whitespace().find(|word| word.starts_with("http"))
    });
    words.next().map(str::to_owned)
}

/// A copy of the Debian with what is shown in it.
fn prepare(base: &Path, root: &Path, files: &[(&PathBuf, &str)]) -> Result<(), Error> {
    remove(root)?;
    exec::run(Command::new("cp").arg("-a").arg(base).arg(root))?;
    let (show, units) = (root.join("show"), root.join("etc/systemd/system"));
    let wanted = units.join("multi-user.target.wants");
    for folder in [&show, &wanted] {
        fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
    }
    for (file, name) in files {
        fs::copy(file, show.join(name)).map_err(Error::file("copy", file))?;
    }
    for (path, content) in [(show.join("show.sh"), SHOW), (units.join("show.service"), UNIT)] {
        fs::write(&path, content).map_err(Error::file("write", &path))?;
    }
    let link = wanted.join("show.service");
    symlink("../show.service", &link).map_err(Error::file("make", &link))
}

/// Starts it, with a network of its own, and without asking this machine's systemd, which may not be there.
fn start(root: &Path) -> Command {
    let mut nspawn = Command::new("systemd-nspawn");
    nspawn.args(["--quiet", "--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe"]);
    nspawn.arg("--directory").arg(root);
    nspawn
}

fn remove(folder: &Path) -> Result<(), Error> {
    if folder.exists() { fs::remove_dir_all(folder).map_err(Error::file("remove", folder)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_this_machine_s_first() {
        let new = "Types: deb\n# http://old.example/\nURIs: http://mirror.example/debian\nSuites: bookworm\n";
        assert_eq!(first_mirror(new).as_deref(), Some("http://mirror.example/debian"));
        let old = "# deb http://no.example/ x main\ndeb [signed-by=/k] https://mirror.example/debian trixie main\n";
        assert_eq!(first_mirror(old).as_deref(), Some("https://mirror.example/debian"));
        assert_eq!(first_mirror("deb cdrom:[x]/ x main\n"), None);
    }
}
