//! Chance that repeats: the same seed gives the same draws.

use domain::time::Timestamp;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;

/// A source of chance.
#[derive(Debug)]
pub struct Chance {
    draws: StdRng,
    numbered: u64,
}

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self { draws: StdRng::seed_from_u64(seed), numbered: 0 }
    }

    /// True with this probability.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.draws.random_bool(probability.clamp(0.0, 1.0))
    }

    /// From `low` up to and including `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        if low >= high { low } else { self.draws.random_range(low..=high) }
    }

    /// One of the items; early ones are likelier, as a few clients hold most of a fleet.
    pub fn skewed<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let spread: f64 = self.draws.random_range(0.0_f64..1.0).powi(2);
        let last = items.len().checked_sub(1)?;
        // The product lies within the list's length, so that neither cast can lose anything.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "bounded"
        )]
        let index = (spread * items.len() as f64) as usize;
        items.get(index.min(last))
    }

    /// One of the items.
    pub fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(items.len()).ok()?.checked_sub(1)?;
        items.get(usize::try_from(self.between(0, last)).ok()?)
    }

    /// Hexadecimal digits.
    pub fn hex(&mut self, bytes: usize) -> String {
        (0..bytes).map(|_| format!("{:02x}", self.draws.random::<u8>())).collect()
    }

    /// A number below `space` that looks drawn but does not come again before all others came: what makers print on
    /// parts never repeats. Also how often the space was used up before.
    pub fn number_below(&mut self, space: u64) -> (u64, u64) {
        let n = self.numbered;
        self.numbered += 1;
        // A prime that divides no space in use permutes it.
        let shuffled = (u128::from(n % space) * 15_485_863) % u128::from(space);
        (u64::try_from(shuffled).unwrap_or(0), n / space)
    }

    /// Lets makers have numbered so many parts before.
    pub const fn numbered(mut self, parts: u64) -> Self {
        self.numbered = parts;
        self
    }

    /// A UUIDv7 of this time.
    pub fn id(&mut self, at: Timestamp) -> Uuid {
        let millis = u64::try_from(at.0 / 1_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.draws.random()).into_uuid()
    }
}
