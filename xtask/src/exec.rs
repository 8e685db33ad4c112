//! Running other programs. None of them gets a standard input.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;

/// How often a program with a time limit is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The command line as a person would type it.
pub fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    if let Some(last) = words[0].rsplit('/').next() {
        words[0] = last.to_owned();
    }
    words.join(" ")
}

/// Runs a program to its end, with its messages going to ours.
pub fn run(command: &mut Command) -> Result<(), Error> {
    let status = spawn(command)?.wait().map_err(|source| start_error(command, source))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: describe(command), status: status.to_string() })
}

/// Starts a program, with its messages going to ours.
pub fn spawn(command: &mut Command) -> Result<Child, Error> {
    command.stdin(Stdio::null());
    command.spawn().map_err(|source| start_error(command, source))
}

/// Runs a program that has to end within a time, or is stopped.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<(), Error> {
    let mut child = spawn(command)?;
    let started = Instant::now();
    loop {
        match child.try_wait().map_err(|source| start_error(command, source))? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(Error::Failed { command: describe(command), status: status.to_string() }),
            None if started.elapsed() >= limit => break,
            None => thread::sleep(LOOK_EVERY),
        }
    }
    stop(&mut child);
    Err(Error::TimedOut { command: describe(command), seconds: limit.as_secs() })
}

/// Ends a child for good. One that ended by itself meanwhile is what was wanted.
pub fn stop(child: &mut Child) {
    if child.kill().is_ok() {
        drop(child.wait());
    }
}

/// Runs a program and returns what it printed.
pub fn output(command: &mut Command) -> Result<String, Error> {
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::piped()).output().map_err(|source| start_error(command, source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().find(|line| line.contains("error")).or_else(|| said.lines().last()).unwrap_or_default();
    Err(Error::Failed { command: describe(command), status: format!("{}: {}", output.status, said.trim()) })
}

/// Whether a program of this name is on PATH.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn start_error(command: &Command, source: std::io::Error) -> Error {
    Error::Start { command: describe(command), source }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_stopped() {
        let started = Instant::now();
        let error = run_within(Command::new("sleep").arg("30"), Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program-here")).unwrap_err().to_string();
        assert!(error.contains("no-such-program-here") && error.contains("PATH"), "{error}");
    }

    #[test]
    fn a_failure_carries_what_was_said() {
        let error = output(Command::new("sh").args(["-c", "echo 'error: out of ink' >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("out of ink"), "{error}");
    }
}
