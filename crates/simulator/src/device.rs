//! Virtual devices: each polls, follows what it is told of updates, and says how that went, as SWUpdate does. What runs on one
//! is known by its own report alone, and a success is told only after its start with the new version.

mod fault;
mod identity;
mod inside;
mod line;
mod measure;
mod wire;

pub use fault::{Fault, FaultError, Faults, Harm};
pub use identity::{Identity, enrol};
pub use inside::Inside;
pub use line::{File, Job, Line, LineError, Next, Polled};
pub use measure::{Measure, MeasureError};
pub use wire::Wire;

use domain::rollout::{Execution, Feedback, Finished};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// How long a start takes, in seconds: then it polls again.
pub const RESTART_S: u32 = 3;
/// One download of so many breaks off in the middle, and is gone on with.
const BREAKS: u64 = 4;

/// What a turn brought that people may want to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Did {
    /// It has written a version, and starts with it.
    Wrote(String),
    /// It runs a version, and has said so.
    Installed(String),
    /// An update to a version failed, in its words.
    Failed(String, String),
    /// It went back by itself from a version.
    WentBack(String),
    /// It is not heard from any more, since an update to a version.
    FellSilent(String),
    /// It stopped an update that it was asked to stop.
    Stopped,
}

/// What a turn brought, and when the next one is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// In how many seconds it polls again; none when it never does.
    pub sleep_s: Option<u32>,
    /// Whether it reported what it is.
    pub reported: bool,
    /// What happened.
    pub did: Option<Did>,
}

/// How far it is with an update.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// With none.
    Idle,
    /// A version is written; it starts with it at its next turn.
    Written { id: i64, version: String, harm: Option<Harm> },
    /// It has started with it, and not said so yet.
    Started { id: i64, harm: Option<Harm> },
    /// It has said so, and will start with the version before at its next turn.
    Doomed,
    /// It has gone back from a version, and not said so yet.
    Gone(String),
    /// It is not heard from.
    Silent,
}

/// A virtual device.
#[derive(Debug)]
pub struct Device {
    serial: String,
    runs: String,
    /// What ran before, which it can start with again.
    before: String,
    state: State,
    /// How often it has started.
    starts: u32,
    faults: Arc<Faults>,
}

impl Device {
    /// A device with this serial that runs a version.
    #[must_use]
    pub fn new(serial: &str, runs: &str, faults: Arc<Faults>) -> Self {
        Self {
            serial: serial.to_owned(),
            runs: runs.to_owned(),
            before: runs.to_owned(),
            state: State::Idle,
            starts: 0,
            faults,
        }
    }

    /// Its serial.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The version that it runs.
    #[must_use]
    pub fn runs(&self) -> &str {
        &self.runs
    }

    /// One turn: it starts if it was to, polls, and does what it is told. `may_report` is whether it reports now where it is asked
    /// to.
    ///
    /// # Errors
    /// When the line breaks or something is refused. The next turn tries again.
    pub async fn turn(&mut self, line: &impl Line, may_report: bool) -> Result<Turn, LineError> {
        if let Some(version) = self.start() {
            return Ok(Turn { sleep_s: None, reported: false, did: Some(Did::FellSilent(version)) });
        }
        if self.state == State::Silent {
            return Ok(Turn { sleep_s: None, reported: false, did: None });
        }
        let polled = line.poll().await?;
        let mut turn = Turn { sleep_s: Some(polled.sleep_s), reported: false, did: None };
        if let State::Gone(left) = &self.state {
            // Nobody asked it, but something else runs than it said.
            turn.did = Some(Did::WentBack(left.clone()));
            turn.reported = true;
            self.report(line).await?;
            self.state = State::Idle;
        } else if polled.wants_report && may_report {
            turn.reported = true;
            self.report(line).await?;
        }
        match (polled.next, &self.state) {
            (Some(next), _) if next.is_stop => {
                turn.did = self.stop(line, &next).await?.then_some(Did::Stopped);
            }
            (Some(next), State::Started { id, harm }) if *id == next.id => {
                let harm = harm.clone();
                turn.did = Some(self.confirm(line, &next, harm).await?);
            }
            (Some(next), _) => {
                turn.did = Some(self.install(line, &next).await?);
                if matches!(turn.did, Some(Did::Wrote(_))) {
                    turn.sleep_s = Some(RESTART_S);
                }
            }
            // Nobody waits for its word any more.
            (None, State::Started { .. }) => self.state = State::Idle,
            (None, _) => {}
        }
        Ok(turn)
    }

    /// Reports what it runs, and what it measured at its last start.
    async fn report(&self, line: &impl Line) -> Result<(), LineError> {
        line.report(&self.runs, &self.faults.measured(&self.serial, &self.runs, self.starts)).await
    }

    /// Starts with what is written. The version by which it fell silent, if it did.
    fn start(&mut self) -> Option<String> {
        match &self.state {
            State::Written { version, harm: Some(Harm::Silence), .. } => {
                let version = version.clone();
                self.state = State::Silent;
                return Some(version);
            }
            State::Written { id, version, harm } => {
                self.starts += 1;
                self.before = std::mem::replace(&mut self.runs, version.clone());
                self.state = State::Started { id: *id, harm: harm.clone() };
            }
            State::Doomed => {
                self.starts += 1;
                let left = std::mem::replace(&mut self.runs, self.before.clone());
                self.state = State::Gone(left);
            }
            State::Idle | State::Started { .. } | State::Gone(_) | State::Silent => {}
        }
        None
    }

    /// Fetches what it is told of, checks and writes it.
    async fn install(&mut self, line: &impl Line, next: &Next) -> Result<Did, LineError> {
        let job = line.job(next).await?;
        for file in &job.files {
            let breaks = draw(self.faults.seed(), &[&self.serial, &job.version]).is_multiple_of(BREAKS);
            if line.fetch(file, breaks).await? != file.sha256 {
                let told = format!("Checksum of {} is wrong", file.name);
                line.say(next, &said(Execution::Closed, Finished::Failure, None, &told)).await?;
                return Ok(Did::Failed(job.version, told));
            }
        }
        line.say(next, &said(Execution::Proceeding, Finished::None, None, "Installing Update Chunk Artifacts."))
            .await?;
        let harm = self.faults.of(&self.serial, &job.version);
        if let Some(Harm::Code(code)) = harm {
            let told = format!("Installation failed with code {code}.");
            line.say(next, &said(Execution::Closed, Finished::Failure, Some(code), &told)).await?;
            return Ok(Did::Failed(job.version, told));
        }
        self.state = State::Written { id: next.id, version: job.version.clone(), harm };
        Ok(Did::Wrote(job.version))
    }

    /// Says after its start that it has it, and what it runs as soon as it is asked.
    async fn confirm(&mut self, line: &impl Line, next: &Next, harm: Option<Harm>) -> Result<Did, LineError> {
        line.say(next, &said(Execution::Closed, Finished::Success, None, "All Chunks Installed.")).await?;
        self.state = if harm == Some(Harm::Back) { State::Doomed } else { State::Idle };
        if line.poll().await?.wants_report {
            self.report(line).await?;
        }
        Ok(Did::Installed(self.runs.clone()))
    }

    /// Stops what it is asked to stop, and says whether it did: what it has started with already it keeps.
    async fn stop(&self, line: &impl Line, next: &Next) -> Result<bool, LineError> {
        let is_too_late = matches!(&self.state, State::Started { id, .. } if *id == next.id);
        let (execution, finished, told) = if is_too_late {
            (Execution::Rejected, Finished::None, "It is written already.")
        } else {
            (Execution::Closed, Finished::Success, "Stopped.")
        };
        line.say(next, &said(execution, finished, None, told)).await?;
        Ok(!is_too_late)
    }
}

fn said(execution: Execution, finished: Finished, code: Option<i64>, told: &str) -> Feedback {
    Feedback { execution, finished, code, details: vec![told.to_owned()] }
}

/// Chance that follows from a seed and words alone.
fn draw(seed: u64, of: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    for word in of {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    let mut first = [0; 8];
    first.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    u64::from_be_bytes(first)
}
