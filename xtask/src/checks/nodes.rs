//! Three nodes on one PostgreSQL, each on a host of its own, while things go wrong: the short form of `cargo xtask bench nodes`.

use std::process::Command;

use super::{Outcome, Scene};
use crate::error::Error;
use crate::{exec, packages};

/// A program, and Debian's package that has it.
const PROGRAMS: [(&str, &str); 4] =
    [("ip", "iproute2"), ("haproxy", "haproxy"), ("faketime", "faketime"), ("pkill", "procps")];

/// Installs what is missing and plays it, where hosts can be made.
pub fn check(scene: &Scene<'_>) -> Result<Outcome, Error> {
    let missing: Vec<String> = PROGRAMS
        .iter()
        .filter(|(program, _)| !exec::on_path(program))
        .map(|(_, package)| (*package).to_owned())
        .collect();
    packages::install(&missing)?;
    if !can_make_hosts() {
        return Ok(Outcome::Skipped(
            "network namespaces can't be made here: that takes root on a machine that allows it",
        ));
    }
    let mut cargo = scene.linted.cargo();
    exec::run(cargo.args(["test", "--workspace", "--bench", "nodes", "--", "--quick"]))?;
    Ok(Outcome::Passed)
}

fn can_make_hosts() -> bool {
    let name = format!("musterprobe{}", std::process::id());
    let runs = |deed: &str| exec::output(Command::new("ip").args(["netns", deed, &name])).is_ok();
    runs("add") && runs("delete")
}
