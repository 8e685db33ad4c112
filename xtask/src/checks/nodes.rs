//! Three nodes on one PostgreSQL, each on a host of its own, while things go wrong: the short form of `cargo xtask bench nodes`.

use std::process::{Command, ExitStatus};

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
    cargo.args(["test", "--workspace", "--bench", "nodes", "--", "--quick"]);
    let first = exec::heard(&mut cargo)?;
    if first.status.success() {
        return Ok(Outcome::Passed);
    }
    let missed = missed(&first.errors).ok_or_else(|| failed(&cargo, first.status))?;
    println!("\nOnce more: what is measured are moments, and a busy machine may miss one.");
    let second = exec::heard(&mut cargo)?;
    if second.status.success() {
        Ok(Outcome::PassedAtSecondTry(vec![missed]))
    } else {
        Err(failed(&cargo, second.status))
    }
}

fn failed(cargo: &Command, status: ExitStatus) -> Error {
    Error::Failed { command: exec::describe(cargo), status: status.to_string() }
}

/// What was not as it should be; none where it did not come to be played.
fn missed(errors: &str) -> Option<String> {
    let mut lines = errors.lines().skip_while(|line| !line.contains("panicked at "));
    lines.next()?;
    lines.next().map(str::to_owned)
}

fn can_make_hosts() -> bool {
    let name = format!("musterprobe{}", std::process::id());
    let runs = |deed: &str| exec::output(Command::new("ip").args(["netns", deed, &name])).is_ok();
    runs("add") && runs("delete")
}
