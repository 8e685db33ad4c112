//! Chance that repeats: the same seed gives the same draws.

use domain::time::Timestamp;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;

/// A source of chance.
#[derive(Debug)]
pub struct Chance(StdRng);

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// True with this probability.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.0.random_bool(probability.clamp(0.0, 1.0))
    }

    /// From `low` up to and including `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        if low >= high { low } else { self.0.random_range(low..=high) }
    }

    /// One of the items; early ones are likelier, as a few clients hold most of a fleet.
    pub fn skewed<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let spread: f64 = self.0.random_range(0.0_f64..1.0).powi(2);
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

    /// Decimal digits, each 0 to 9.
    pub fn digits<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.0.random_range(0..=9))
    }

    /// Hexadecimal digits.
    pub fn hex(&mut self, bytes: usize) -> String {
        (0..bytes).map(|_| format!("{:02x}", self.0.random::<u8>())).collect()
    }

    /// A UUIDv7 of this time.
    pub fn id(&mut self, at: Timestamp) -> Uuid {
        let millis = u64::try_from(at.0 / 1_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.0.random()).into_uuid()
    }
}
