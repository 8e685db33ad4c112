//! What other programs think of our certificates, lists and answers: OpenSSL, GnuTLS, NSS, pkilint, SoftHSM. And what
//! devices' own programs make of the gateway and of files: SWUpdate, RAUC, apt, OSTree. The pipelines that are given away as
//! examples are run, too.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Outcome, Scene, repeat};
use crate::error::Error;
use crate::files::Stamp;
use crate::workspace::Workspace;
use crate::{exec, packages};

/// A program, and Debian's package that has it.
const PROGRAMS: [(&str, &str); 17] = [
    ("openssl", "openssl"),
    ("certtool", "gnutls-bin"),
    ("ocsptool", "gnutls-bin"),
    ("certutil", "libnss3-tools"),
    ("crlutil", "libnss3-tools"),
    ("vfychain", "libnss3-tools"),
    ("softhsm2-util", "softhsm2"),
    ("python3", "python3"),
    ("swupdate", "swupdate"),
    ("cpio", "cpio"),
    ("make", "make"),
    ("apt-ftparchive", "apt-utils"),
    ("gpg", "gnupg"),
    ("dpkg-deb", "dpkg"),
    ("rauc", "rauc"),
    ("mksquashfs", "squashfs-tools"),
    ("ostree", "ostree"),
];

/// The linter, at a version whose findings are known.
const PKILINT: &str = "pkilint==0.13.3";

/// What a Python needs to make a folder of its own for packages.
const VENV: &str = "python3-venv";

/// Installs what is missing and runs the tests that ask other programs.
pub fn check(scene: &Scene<'_>) -> Result<Outcome, Error> {
    programs()?;
    let pkilint = pkilint(scene.workspace)?;
    // Of the whole workspace, as it was built for the tests before: a package alone is built with features of its own.
    let asked: [(&str, &[&str]); 3] = [
        ("interop", &["--ignored"]),
        ("authority", &["--ignored", "token"]),
        ("server", &["--ignored", "swupdate", "apt_get", "ostree_pulls", "pipelines"]),
    ];
    let mut again = Vec::new();
    for (target, told) in asked {
        let mut cargo = scene.linted.cargo();
        cargo.args(["test", "--workspace", "--no-fail-fast", "--test", target]).env("MUSTER_PKILINT", &pkilint);
        again.extend(repeat::tests(&mut cargo, told)?);
    }
    Ok(repeat::outcome(again))
}

fn programs() -> Result<(), Error> {
    let mut missing: Vec<String> = PROGRAMS
        .iter()
        .filter(|(program, _)| !exec::on_path(program))
        .map(|(_, package)| (*package).to_owned())
        .collect();
    if !exec::on_path("python3") || !has_venv() {
        missing.push(VENV.into());
    }
    missing.dedup();
    packages::install(&missing)
}

fn has_venv() -> bool {
    exec::output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}

/// pkilint in a folder of its own, made once for each version; the folder of its programs.
fn pkilint(workspace: &Workspace) -> Result<PathBuf, Error> {
    let folder = workspace.target().join("verifiers/pkilint");
    let programs = folder.join("bin");
    let stamp = Stamp::new(&workspace.memory(), "pkilint", PKILINT.to_owned());
    if stamp.is_fresh() && programs.join("lint_pkix_cert").is_file() {
        return Ok(programs);
    }
    exec::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    exec::run(&mut pip(&programs))?;
    stamp.set()?;
    Ok(programs)
}

fn pip(programs: &Path) -> Command {
    let mut pip = Command::new(programs.join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", PKILINT]);
    pip
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_is_that_of_the_folder_and_asks_for_one_version() {
        let pip = pip(Path::new("/there/bin"));
        assert_eq!(pip.get_program(), "/there/bin/pip");
        assert!(pip.get_args().any(|word| word == "pkilint==0.13.3"));
    }
}
