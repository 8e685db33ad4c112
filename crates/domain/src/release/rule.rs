//! What a model asks of a release before it may enter a stage.

use super::{Stage, check_name};
use serde::{Deserialize, Serialize};

/// The longest that a release may have to wait in a stage, in hours: a quarter of a year.
const SOAK_MAX: i64 = 24 * 92;
/// The most devices that may be asked to run it.
const VERIFIED_MAX: i64 = 10_000;
/// Up to how many checks may be asked for.
const CHECKS_MAX: usize = 20;

/// What a model asks of a release before it may enter a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRule {
    /// The names of the checks that must have passed.
    pub checks: Vec<String>,
    /// How long it must have been in the stage before, in hours.
    pub soak_hours: i64,
    /// How many devices of the model a rollout must have verified with it.
    pub verified: i64,
    /// Whether somebody else has to approve it.
    pub second_person: bool,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A check's name can't be one.
    #[error("“{0}” can't be a check's name: {1}")]
    Check(String, super::NameError),
    /// There are more than 20 checks.
    #[error("at most {CHECKS_MAX} checks can be asked for")]
    Checks,
    /// The hours are out of range.
    #[error("give a number of hours from 0 to {SOAK_MAX}")]
    Soak,
    /// The devices are out of range.
    #[error("give a number of devices from 0 to {VERIFIED_MAX}")]
    Verified,
}

impl StageRule {
    /// What holds for a stage when a model says nothing: production takes a day in staging and a second person.
    #[must_use]
    pub const fn usual(stage: Stage) -> Self {
        let is_production = matches!(stage, Stage::Production);
        Self {
            checks: Vec::new(),
            soak_hours: if is_production { 24 } else { 0 },
            verified: 0,
            second_person: is_production,
        }
    }

    /// The rule with its checks trimmed and each once, if it can be one.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn checked(mut self) -> Result<Self, RuleError> {
        let mut checks: Vec<String> = Vec::new();
        for check in &self.checks {
            let cut = || check.trim().chars().take(80).collect();
            let name = check_name(check).map_err(|error| RuleError::Check(cut(), error))?;
            if !checks.iter().any(|known| known == name) {
                checks.push(name.to_owned());
            }
        }
        if checks.len() > CHECKS_MAX {
            return Err(RuleError::Checks);
        }
        if !(0..=SOAK_MAX).contains(&self.soak_hours) {
            return Err(RuleError::Soak);
        }
        if !(0..=VERIFIED_MAX).contains(&self.verified) {
            return Err(RuleError::Verified);
        }
        self.checks = checks;
        Ok(self)
    }
}
