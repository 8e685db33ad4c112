//! What is to be expected of a rollout before it is approved.
//!
//! [`forecast`] is the straight way on which nothing goes wrong: it finds gates that can't be passed. [`foresee`] is the course
//! with its ranges and the worst case: a rollout is run some hundred times by chance, with the intervals in which its devices
//! poll, with how rollouts before came out, and with its own gates as [`super::decide`] decides them. What is known of the past
//! is drawn anew for each run, so that a share that was seen on few devices makes a wide range.
//!
//! Chance comes from a seed: the same question has the same answer on every day. Nothing is done for a single device: of
//! those who come in one step of time so many are drawn (binomial), so that a million devices cost what a thousand do.

mod chance;
mod course;
mod crowd;
mod field;
mod harm;
mod hours;
mod judge;
mod past;
mod range;
mod run;
mod send;
mod straight;
mod times;
mod wave;
mod worst;

pub use course::{Bytes, Course as ExpectedCourse, Point, WaveCourse};
pub use crowd::Crowd;
pub use past::{Past, PastRollout};
pub use range::Range;
pub use straight::{Outlook, Told, WaveForecast, due_at, forecast};
pub use worst::{BRICKED, Loss, Stop};

use super::Plan;
use crate::{
    approval::canonical_json,
    time::{MINUTE, Timestamp},
};
use field::Field;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

/// How long a device is taken to need from its offer until it starts with the new version where nothing is known of it, in
/// microseconds.
pub const INSTALLS: i64 = 10 * MINUTE;
/// How far ahead is looked, in minutes.
const HORIZON: usize = 90 * 24 * 60;

/// What a rollout is foreseen by.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Basis<'a> {
    /// What it is to do.
    pub plan: &'a Plan,
    /// Whom to expect in each of its waves.
    pub crowds: &'a [Crowd],
    /// What rollouts of the same product have shown.
    pub past: &'a Past,
    /// How many bytes a device fetches.
    pub size: u64,
    /// When its first wave is opened. Counts for nothing where there are no windows.
    pub start: Timestamp,
}

impl Basis<'_> {
    /// The hash of all that a forecast follows from.
    #[must_use]
    pub fn hash(&self) -> String {
        let start = if self.plan.windows.open.is_empty() { Timestamp(0) } else { self.start };
        // What it is called changes nothing.
        let plan = Plan { name: String::new(), ..self.plan.clone() };
        let text = canonical_json(&json!({
            "plan": plan, "crowds": self.crowds, "past": self.past, "size": self.size, "start": start,
        }));
        hex::encode(Sha256::digest(text.as_bytes()))
    }

    /// What chance begins with: what is sent and to whom. Plans that differ in waves and gates meet the same luck, so that they
    /// can be compared.
    fn seed(&self) -> u64 {
        let text = format!("{}\n{}", self.plan.release, self.plan.target);
        let digest = Sha256::digest(text.as_bytes());
        digest.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
    }
}

/// What is to be expected of a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    /// How many devices polls are expected of.
    pub polling: u64,
    /// How many get anything at all.
    pub devices: u64,
    /// How many rollouts before were looked at, and how many devices they had told of an outcome.
    pub before: (u64, u64),
    /// The course if the release is as good as those before it.
    pub course: ExpectedCourse,
    /// How many devices are lost before a gate stops it if the release bricks some, from the smallest share on.
    pub worst: Vec<Loss>,
}

/// What is to be expected, by chance that begins the same each time.
#[must_use]
pub fn foresee(basis: &Basis<'_>) -> Foreseen {
    let mut field = Field::new(basis);
    let course = course::expect(&mut field, basis.size);
    let worst = BRICKED.iter().map(|parts| worst::lose(&mut field, *parts)).collect();
    let polling = basis.crowds.iter().flat_map(|crowd| &crowd.polling).map(|(_, n)| n).sum();
    Foreseen {
        polling,
        devices: basis.crowds.iter().map(|crowd| crowd.total).sum(),
        before: basis.past.seen(),
        course,
        worst,
    }
}

/// The course alone.
#[must_use]
pub fn expect(basis: &Basis<'_>) -> ExpectedCourse {
    course::expect(&mut Field::new(basis), basis.size)
}

/// How many devices are lost of a release that bricks `parts` of 100 000, before a gate stops it.
#[must_use]
pub fn lose(basis: &Basis<'_>, parts: u32) -> Loss {
    worst::lose(&mut Field::new(basis), parts)
}
