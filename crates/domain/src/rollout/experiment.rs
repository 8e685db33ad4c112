//! What a comparison of cohorts is to find out.

use crate::{bucket::PARTS, decimal::Decimal, time::Timestamp, words::words};
use serde::{Deserialize, Serialize};

words! {
    /// Which way is better.
    Better {
        /// Less is.
        Lower => "lower", "Lower is better";
        /// More is.
        Higher => "higher", "Higher is better";
    }
}

/// What is measured of a device, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Whether its update was verified, of the devices with an outcome.
    Verified,
    /// Whether it did not start with the release that it had installed: it went back by itself, failed after that, or was not heard
    /// from again. Of the devices with an outcome.
    BootFailed,
    /// Whether what it reports as `metric.NAME` is above a threshold.
    Above {
        /// The name, without `metric.`.
        name: String,
        /// The threshold, in the metric's own unit.
        threshold: Decimal,
    },
    /// What it reports as `metric.NAME`. A value beyond a bound counts as the bound, so that a few wild ones can't outweigh all others.
    Value {
        /// The name, without `metric.`.
        name: String,
        /// The lower bound, in the metric's own unit.
        low: Decimal,
        /// The upper bound.
        high: Decimal,
    },
}

impl Metric {
    /// The name of what devices report for it; none for what follows from the update's outcome.
    #[must_use]
    pub fn reported(&self) -> Option<&str> {
        match self {
            Self::Verified | Self::BootFailed => None,
            Self::Above { name, .. } | Self::Value { name, .. } => Some(name),
        }
    }

    /// Whether a device has it or has it not.
    #[must_use]
    pub const fn is_binary(&self) -> bool {
        !matches!(self, Self::Value { .. })
    }

    /// What a reported value counts as, in parts of [`PARTS`]; 0 for what is not reported, or is no number.
    #[must_use]
    pub fn scaled(&self, value: f64) -> u32 {
        match self {
            Self::Verified | Self::BootFailed => 0,
            Self::Above { threshold, .. } if value > threshold.value() => PARTS,
            Self::Above { .. } => 0,
            Self::Value { low, high, .. } => {
                let place = (value - low.value()) / (high.value() - low.value()).max(f64::MIN_POSITIVE);
                if place.is_nan() {
                    return 0;
                }
                // Within what fits, by the bounds.
                (place.clamp(0.0, 1.0) * f64::from(PARTS)).round() as u32
            }
        }
    }

    /// How much one is in the metric's own unit, of what is reckoned from 0 to 1; shares stay shares.
    #[must_use]
    pub fn span(&self) -> f64 {
        match self {
            Self::Value { low, high, .. } => high.value() - low.value(),
            _ => 1.0,
        }
    }

    /// Where 0 is in the metric's own unit.
    #[must_use]
    pub fn origin(&self) -> f64 {
        match self {
            Self::Value { low, .. } => low.value(),
            _ => 0.0,
        }
    }

    /// It in words: `verified`, `boot_s above 60`, `boot_s`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Verified => "verified".to_owned(),
            Self::BootFailed => "failed to start".to_owned(),
            Self::Above { name, threshold } => format!("{name} above {threshold}"),
            Self::Value { name, .. } => name.clone(),
        }
    }
}

/// By what cohorts are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criterion {
    /// What is measured.
    pub metric: Metric,
    /// Which way is better.
    pub better: Better,
    /// The smallest difference of means that matters, in the metric's own unit; of shares, a share (0.01 is a percent of the devices).
    pub matters: Decimal,
}

/// What a comparison of cohorts is to find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// What is expected, in a sentence.
    pub hypothesis: String,
    /// The cohort that the others are compared with, from 0.
    pub control: usize,
    /// What decides.
    pub primary: Criterion,
    /// What must not become worse.
    #[serde(default)]
    pub guards: Vec<Criterion>,
    /// The chance of any wrong verdict, over its whole life and however often it is looked at, in parts of 100 000.
    pub error: u32,
    /// At how many devices with a value of the primary metric, of all cohorts together, the verdict is planned.
    pub planned: u64,
    /// When it ends if it comes to that before; none for when the rollout does.
    #[serde(default)]
    pub ends_at: Option<Timestamp>,
}

impl Experiment {
    /// The primary criterion and the guards, in order.
    pub fn criteria(&self) -> impl Iterator<Item = &Criterion> {
        std::iter::once(&self.primary).chain(&self.guards)
    }
}
