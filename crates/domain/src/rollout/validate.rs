//! What is wrong with a plan, by field.

use super::{Plan, Reaction, WaveSize, validate_experiment::check_experiment, zone};
use crate::{bucket::PARTS, query};

/// Up to how many characters a name has.
pub const NAME_MAX: usize = 80;
/// Up to how many waves a plan has.
pub const WAVES_MAX: usize = 50;
/// Up to how many cohorts a plan has.
pub const COHORTS_MAX: usize = 8;
/// Up to how many windows a plan has.
pub const WINDOWS_MAX: usize = 21;
/// Up to how often it is tried again.
pub const RETRIES_MAX: u32 = 10;
/// Up to how many devices a minute a limit may be.
pub const RATE_MAX: u32 = 1_000_000;
/// The longest timeout and soak, in minutes: 90 days.
pub const MINUTES_MAX: u32 = 90 * 24 * 60;
/// The shortest timeout, in minutes.
const TIMEOUT_MIN: u32 = 1;
const SALT_MAX: usize = 80;

/// What is wrong with one field of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// The field: `name`, `waves.0.size`, `cohorts.1.share`.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

pub(super) struct Wrong(Vec<PlanError>);

impl Wrong {
    pub(super) fn say(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(PlanError { field: field.into(), message: message.into() });
    }

    pub(super) fn unless(&mut self, is_right: bool, field: impl Into<String>, message: impl Into<String>) {
        if !is_right {
            self.say(field, message);
        }
    }
}

/// Everything that is wrong with a plan by itself; whether its releases exist is asked elsewhere.
///
/// # Errors
/// Says what is wrong, by field.
pub fn validate(plan: &Plan) -> Result<(), Vec<PlanError>> {
    let mut wrong = Wrong(Vec::new());
    check_name(&mut wrong, "name", &plan.name);
    check_query(&mut wrong, "target", &plan.target);
    check_waves(&mut wrong, plan);
    check_cohorts(&mut wrong, plan);
    check_windows(&mut wrong, plan);
    check_experiment(&mut wrong, plan);
    let minutes = |n: u32| format!("Keep it at or below {n} minutes.");
    let timeout = (TIMEOUT_MIN..=MINUTES_MAX).contains(&plan.timeout_minutes);
    wrong.unless(timeout, "timeout_minutes", format!("Choose from {TIMEOUT_MIN} to {MINUTES_MAX} minutes."));
    wrong.unless(plan.soak_minutes <= MINUTES_MAX, "soak_minutes", minutes(MINUTES_MAX));
    wrong.unless(plan.retries <= RETRIES_MAX, "retries", format!("Try again {RETRIES_MAX} times at most."));
    let rate = plan.rate_per_minute.is_none_or(|rate| (1..=RATE_MAX).contains(&rate));
    wrong.unless(rate, "rate_per_minute", format!("Choose from 1 to {RATE_MAX} devices a minute, or no limit."));
    wrong.unless(plan.salt.len() <= SALT_MAX, "salt", format!("Keep it at or below {SALT_MAX} bytes."));
    if plan.reaction == Reaction::AbortRevert {
        wrong.unless(plan.revert_to.is_some(), "revert_to", "Name the release that devices go back to.");
    }
    let sent = plan.revert_to.is_some_and(|revert| {
        revert == plan.release || plan.cohorts.iter().any(|c| c.variants.iter().any(|v| v.release == Some(revert)))
    });
    wrong.unless(!sent, "revert_to", "Devices can't go back to what this rollout sends them. Name an earlier release.");
    if wrong.0.is_empty() { Ok(()) } else { Err(wrong.0) }
}

fn check_name(wrong: &mut Wrong, field: &str, name: &str) {
    let is_right = !name.trim().is_empty() && name.chars().count() <= NAME_MAX && !name.contains(char::is_control);
    wrong.unless(is_right, field, format!("Give it a name of 1 to {NAME_MAX} characters."));
}

fn check_query(wrong: &mut Wrong, field: &str, text: &str) {
    if let Err(errors) = query::parse(text) {
        wrong.say(field, errors.to_string());
    }
}

fn check_waves(wrong: &mut Wrong, plan: &Plan) {
    wrong.unless(!plan.waves.is_empty(), "waves", "Plan at least one wave.");
    wrong.unless(plan.waves.len() <= WAVES_MAX, "waves", format!("Plan {WAVES_MAX} waves at most."));
    for (n, wave) in plan.waves.iter().enumerate() {
        let field = |name: &str| format!("waves.{n}.{name}");
        check_name(wrong, &field("name"), &wave.name);
        match &wave.size {
            WaveSize::Share(parts) => {
                wrong.unless(
                    (1..=PARTS).contains(parts),
                    field("size"),
                    "Choose a share above 0 and up to 100 percent.",
                );
            }
            WaveSize::Devices(n) => wrong.unless(*n > 0, field("size"), "Choose at least one device."),
            WaveSize::Query(text) => {
                wrong.unless(!text.trim().is_empty(), field("size"), "Write a fleet query, or take the rest.");
                check_query(wrong, &field("size"), text);
            }
            WaveSize::Rest => {
                wrong.unless(n + 1 == plan.waves.len(), field("size"), "Only the last wave can take the rest.");
            }
        }
        let gate = &wave.gate;
        wrong.unless(gate.open_minutes <= MINUTES_MAX, field("gate.open_minutes"), "That is too long.");
        for (name, share) in
            [("failed_limit", gate.failed_limit), ("silent_limit", gate.silent_limit), ("done", gate.done)]
        {
            wrong.unless(share <= PARTS, field(&format!("gate.{name}")), "A share is at most 100 percent.");
        }
        if let Some(rates) = gate.evidence {
            for (name, rate) in [("false_halt", rates.false_halt), ("false_advance", rates.false_advance)] {
                let is_right = (1..=PARTS / 2).contains(&rate);
                wrong.unless(
                    is_right,
                    field(&format!("gate.evidence.{name}")),
                    "Choose a chance above 0 and up to 50 percent.",
                );
            }
            for (name, share) in [("failed_limit", gate.failed_limit), ("silent_limit", gate.silent_limit)] {
                let message = "Evidence is for or against a share: choose one above 0.";
                wrong.unless(share > 0, field(&format!("gate.{name}")), message);
            }
        }
        wrong.unless(
            gate.min_sample > 0,
            field("gate.min_sample"),
            "The outcome of at least one device has to be known.",
        );
    }
}

fn check_cohorts(wrong: &mut Wrong, plan: &Plan) {
    let Some(cohorts) = &plan.cohorts else { return };
    let n = cohorts.variants.len();
    wrong.unless((2..=COHORTS_MAX).contains(&n), "cohorts", format!("Compare 2 to {COHORTS_MAX} cohorts."));
    if let Some(wave) = cohorts.wave {
        wrong.unless(wave < plan.waves.len(), "cohorts.wave", "There is no such wave.");
    }
    for (n, variant) in cohorts.variants.iter().enumerate() {
        check_name(wrong, &format!("cohorts.{n}.name"), &variant.name);
        let is_right = (1..=PARTS).contains(&variant.share);
        wrong.unless(is_right, format!("cohorts.{n}.share"), "Choose a share above 0 percent.");
    }
    let sum: u64 = cohorts.variants.iter().map(|variant| u64::from(variant.share)).sum();
    wrong.unless(sum == u64::from(PARTS), "cohorts", "The shares have to be 100 percent together.");
    let has_release = cohorts.variants.iter().any(|variant| variant.release == Some(plan.release));
    wrong.unless(has_release, "cohorts", "One of the cohorts has to get the rollout’s release.");
}

fn check_windows(wrong: &mut Wrong, plan: &Plan) {
    let windows = &plan.windows;
    let known = zone(&windows.zone).is_some();
    wrong.unless(known, "windows.zone", "This is no time zone; write one like Europe/Prague.");
    wrong.unless(windows.open.len() <= WINDOWS_MAX, "windows", format!("Plan {WINDOWS_MAX} windows at most."));
    for (n, window) in windows.open.iter().enumerate() {
        let is_right = window.from < 24 * 60 && window.until <= 24 * 60;
        wrong.unless(is_right, format!("windows.{n}"), "A window is from 00:00 to 24:00.");
    }
}
