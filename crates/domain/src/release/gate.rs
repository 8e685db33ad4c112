//! The gates before a stage: each says whether it is met, and if not, what is missing.

use super::{CheckState, Stage, StageRule};
use crate::{
    time::{HOUR, Timestamp, span_words},
    words::words,
};
use serde::{Deserialize, Serialize};

words! {
    /// What has to be met before a release enters a stage.
    Gate {
        /// It comes from the stage before.
        Order => "order", "Order";
        /// A check passed.
        Check => "check", "Check";
        /// It was long enough in the stage before.
        Soak => "soak", "Time";
        /// Devices that a rollout verified with it run it.
        Verified => "verified", "Devices";
        /// Somebody else approves.
        Person => "person", "Second person";
    }
}

/// What became of one gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateResult {
    /// Which one.
    pub gate: Gate,
    /// The check or the model; empty for the others.
    pub about: String,
    /// Whether it is met. That of a second person never is before they decide.
    pub met: bool,
    /// What is missing; once it is met, by what. That sentence stays the same from then on: an approval is bound to it.
    pub told: String,
}

impl GateResult {
    /// Whether the release can't go on because of it. A second person is asked when nothing else is missing.
    #[must_use]
    pub const fn blocks(&self) -> bool {
        !self.met && !matches!(self.gate, Gate::Person)
    }
}

/// The last that was told of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub state: CheckState,
    /// Where more is said about it; may be empty.
    pub url: String,
    /// When it was told.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// A model that the release fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFacts {
    /// Its name.
    pub model: String,
    /// What it asks for.
    pub rule: StageRule,
    /// How many of its devices a rollout verified with the release, and run it still; need not be counted further than the rule
    /// asks.
    pub verified: i64,
}

/// What gates are decided by.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The release's stage.
    pub stage: Stage,
    /// Since when.
    pub since: Timestamp,
    /// The models that it fits.
    pub models: &'a [ModelFacts],
    /// The last of each check.
    pub checks: &'a [Check],
    /// The time.
    pub now: Timestamp,
}

/// The gates before `to`, each with what is missing. Where models differ, what the strictest asks for holds.
#[must_use]
pub fn may_promote(facts: &Facts<'_>, to: Stage) -> Vec<GateResult> {
    if facts.stage.next() != Some(to) {
        return vec![out_of_order(facts.stage, to)];
    }
    let mut results: Vec<GateResult> = asked_checks(facts).map(|name| of_check(facts, name)).collect();
    let hours = facts.models.iter().map(|model| model.rule.soak_hours).max().unwrap_or_default();
    if hours > 0 {
        results.push(of_soak(facts, hours));
    }
    results.extend(facts.models.iter().filter(|model| model.rule.verified > 0).map(of_devices));
    if facts.models.iter().any(|model| model.rule.second_person) {
        let told = "Somebody else has to approve it.".to_owned();
        results.push(GateResult { gate: Gate::Person, about: String::new(), met: false, told });
    }
    results
}

fn out_of_order(from: Stage, to: Stage) -> GateResult {
    let told = match from.next() {
        _ if from == to => format!("It is in {} already.", words_of(to)),
        _ if from == Stage::Withdrawn => "It was withdrawn, and that is for good.".to_owned(),
        Some(next) => format!("It is in {}; the stage after that is {}.", words_of(from), words_of(next)),
        None => "It is in production; there is no stage after that.".to_owned(),
    };
    GateResult { gate: Gate::Order, about: String::new(), met: false, told }
}

/// A stage in the middle of a sentence.
fn words_of(stage: Stage) -> String {
    stage.label().to_lowercase()
}

fn asked_checks<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a str> {
    let mut names: Vec<&str> = facts.models.iter().flat_map(|m| &m.rule.checks).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}

fn of_check(facts: &Facts<'_>, name: &str) -> GateResult {
    let told = facts.checks.iter().find(|check| check.name == name).map(|check| check.state);
    let (met, told) = match told {
        Some(CheckState::Passed) => (true, format!("“{name}” passed.")),
        Some(CheckState::Failed) => (false, format!("“{name}” failed.")),
        Some(CheckState::Pending) => (false, format!("“{name}” is still running.")),
        None => (false, format!("“{name}” was not reported yet.")),
    };
    GateResult { gate: Gate::Check, about: name.to_owned(), met, told }
}

fn of_soak(facts: &Facts<'_>, hours: i64) -> GateResult {
    let (due, stage) = (facts.since.plus(hours.saturating_mul(HOUR)), words_of(facts.stage));
    let (met, told) = if due <= facts.now {
        (true, format!("{hours} h in {stage} are over."))
    } else {
        let left = span_words(due.0 - facts.now.0);
        (false, format!("{left} more in {stage}, until {} UTC.", due.minute_words()))
    };
    GateResult { gate: Gate::Soak, about: String::new(), met, told }
}

fn of_devices(model: &ModelFacts) -> GateResult {
    let (name, asked) = (&model.model, model.rule.verified);
    let devices = if asked == 1 { "device" } else { "devices" };
    let (met, told) = if model.verified >= asked {
        (true, format!("{asked} {name} {devices} or more verified by a rollout."))
    } else {
        let missing = asked - model.verified;
        (false, format!("{} of {asked} {name} {devices} verified by a rollout: {missing} more.", model.verified))
    };
    GateResult { gate: Gate::Verified, about: name.clone(), met, told }
}
