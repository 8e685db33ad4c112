//! Debian's packages: what is there, and installing what is not.

use std::process::Command;

use crate::error::Error;
use crate::exec;

/// Whether packages may be installed.
pub fn is_root() -> bool {
    exec::output(Command::new("id").arg("-u")).is_ok_and(|text| text.trim() == "0")
}

/// Whether dpkg has a package.
pub fn is_installed(package: &str) -> bool {
    exec::output(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]))
        .is_ok_and(|text| text.trim() == "installed")
}

/// Whether the system's archive has a package. A new machine's list of it is empty, and is fetched first.
pub fn is_known(package: &str) -> bool {
    let shows = || exec::output(Command::new("apt-cache").args(["show", package])).is_ok();
    exec::on_path("apt-cache") && (shows() || (is_root() && exec::run(apt().arg("update")).is_ok() && shows()))
}

/// The one line that installs packages.
pub fn advice(packages: &[String]) -> String {
    format!("sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends {}'", packages.join(" "))
}

/// Installs packages, or says which line does.
pub fn install(packages: &[String]) -> Result<(), Error> {
    if packages.is_empty() {
        return Ok(());
    }
    if !exec::on_path("apt-get") {
        return Err(Error::Advice(format!(
            "Please install {} with this system's package manager.",
            packages.join(", ")
        )));
    }
    if !is_root() {
        return Err(Error::Advice(format!("Some packages are missing. Type: {}", advice(packages))));
    }
    println!("installing {}", packages.join(", "));
    // A list that cannot be renewed may still be good enough to install from.
    if let Err(error) = exec::run(apt().arg("update")) {
        println!("{error}");
    }
    exec::run(apt().args(["install", "-y", "--no-install-recommends"]).args(packages))
        .map_err(|error| Error::Advice(format!("{error} Once its reason is gone, type: {}", advice(packages))))
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-o", "DPkg::Lock::Timeout=300"]);
    apt
}
