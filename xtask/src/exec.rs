//! Running other programs. None of them gets a standard input.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
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

/// What a program said, and whether it succeeded.
pub struct Heard {
    /// How it ended.
    pub status: std::process::ExitStatus,
    /// What it said on standard output.
    pub output: String,
    /// What it said on standard error.
    pub errors: String,
}

/// Runs a program to its end, with its messages going to ours line by line, and keeps them.
pub fn heard(command: &mut Command) -> Result<Heard, Error> {
    let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let output = child.stdout.take().map(|from| passed_on(from, io::stdout()));
    let errors = child.stderr.take().map(|from| passed_on(from, io::stderr()));
    let status = child.wait().map_err(|source| start_error(command, source))?;
    let [output, errors] = [output, errors].map(|lines| lines.as_ref().map(all_of).unwrap_or_default());
    Ok(Heard { status, output, errors })
}

/// For how long lines are waited for once a program has ended: what it started and left behind may hold them open for ever.
const LAST_LINES: Duration = Duration::from_secs(10);

/// Copies line by line what comes, which can be had afterwards.
fn passed_on(from: impl Read + Send + 'static, mut to: impl Write + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let (mut from, mut line) = (BufReader::new(from), Vec::new());
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            // That nobody reads it any more is no reason to stop.
            drop(to.write_all(&line).and_then(|()| to.flush()));
            drop(sender.send(String::from_utf8_lossy(&line).into_owned()));
            line.clear();
        }
    });
    lines
}

fn all_of(lines: &Receiver<String>) -> String {
    let (mut all, until) = (String::new(), Instant::now() + LAST_LINES);
    while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
        all.push_str(&line);
    }
    all
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

fn start_error(command: &Command, source: io::Error) -> Error {
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
    fn whoever_is_left_behind_is_not_waited_for() {
        let started = Instant::now();
        let said = heard(Command::new("sh").args(["-c", "echo first; sleep 60 & echo last"])).unwrap();
        assert_eq!(said.output, "first\nlast\n");
        assert!(started.elapsed() < Duration::from_secs(50));
    }

    #[test]
    fn what_is_passed_on_is_kept() {
        let said = heard(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap();
        assert_eq!((said.output.as_str(), said.errors.as_str()), ("out\n", "err\n"));
        assert_eq!(said.status.code(), Some(3));
    }

    #[test]
    fn a_failure_carries_what_was_said() {
        let error = output(Command::new("sh").args(["-c", "echo 'error: out of ink' >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("out of ink"), "{error}");
    }
}
