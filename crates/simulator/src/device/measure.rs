//! What devices measure of themselves at each start, seeded: how long it took, how much memory is left. It follows from a number, the
//! serial, what runs and how often it has started, alone.

use super::{draw, fault::matches};
use std::{f64::consts::TAU, str::FromStr};

/// By how much a value of the tail is larger than most.
const TAIL: f64 = 8.0;

/// A metric of devices: what they report as `metric.NAME`, on which devices, with which versions. Values are log-normal: most are near
/// the median, and a few far above it.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Its name, without `metric.`.
    pub name: String,
    /// The value that half of the starts stay below.
    pub median: f64,
    /// How far values lie apart, in percent: two starts of three are within about this from the median.
    pub spread: u8,
    /// At which share of the starts, in percent, the value is some times as large.
    pub tail: u8,
    /// Serials that it is of; a star at the end stands for whatever follows. Serials begin with what a factory prints there: the model,
    /// the hardware revision, the batch.
    pub serials: String,
    /// Versions that it is of, alike.
    pub versions: String,
}

/// Why a metric can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write it like boot_s=30,spread=15,tail=2,serial=GW-2*,version=2.0")]
pub struct MeasureError(String);

impl FromStr for Measure {
    type Err = MeasureError;

    /// `NAME=MEDIAN` and after commas `spread=PERCENT`, `tail=PERCENT`, `serial=SERIAL*`, `version=VERSION*`.
    fn from_str(text: &str) -> Result<Self, MeasureError> {
        let mut words = text.split(',').map(str::trim);
        let first = words.next().unwrap_or_default();
        let (name, median) = first.split_once('=').unwrap_or((first, ""));
        let median = median.parse().ok().filter(|median: &f64| median.is_finite());
        let median = median.ok_or_else(|| MeasureError(format!("“{first}” names no metric with its median")))?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(MeasureError(format!("“{name}” is no name of a metric")));
        }
        let mut measure = Self {
            name: name.to_owned(),
            median,
            spread: 10,
            tail: 0,
            serials: "*".to_owned(),
            versions: "*".to_owned(),
        };
        let share = |percent: &str| {
            let percent = percent.parse().ok().filter(|percent| *percent <= 100);
            percent.ok_or_else(|| MeasureError("A spread and a tail are 0 to 100".to_owned()))
        };
        for word in words {
            match word.split_once('=') {
                Some(("spread", percent)) => measure.spread = share(percent)?,
                Some(("tail", percent)) => measure.tail = share(percent)?,
                Some(("serial", serials)) => serials.clone_into(&mut measure.serials),
                Some(("version", versions)) => versions.clone_into(&mut measure.versions),
                _ => return Err(MeasureError(format!("“{word}” says nothing of a metric"))),
            }
        }
        Ok(measure)
    }
}

impl Measure {
    pub(super) fn is_of(&self, serial: &str, version: &str) -> bool {
        matches(&self.serials, serial) && matches(&self.versions, version)
    }

    /// The value at a start: `of` is whatever tells this start from others.
    pub(super) fn value(&self, seed: u64, of: &[&str]) -> f64 {
        let drawn = |what: &str| {
            let words: Vec<&str> = of.iter().copied().chain([self.name.as_str(), what]).collect();
            // 53 bits are what a float holds; never 0, whose logarithm there is none of.
            ((draw(seed, &words) >> 11) + 1) as f64 / ((1_u64 << 53) + 1) as f64
        };
        // Box and Muller, 1958.
        let normal = (-2.0 * drawn("radius").ln()).sqrt() * (TAU * drawn("angle")).cos();
        let usual = self.median * (f64::from(self.spread) / 100.0 * normal).exp();
        if drawn("tail") * 100.0 < f64::from(self.tail) { usual * TAIL } else { usual }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn metrics_are_read_as_they_are_written() {
        let measure: Measure = "boot_s=30.5,spread=15,tail=2,serial=GW2C-*,version=2.*".parse().unwrap();
        assert_eq!((measure.name.as_str(), measure.median, measure.spread, measure.tail), ("boot_s", 30.5, 15, 2));
        assert_eq!((measure.serials.as_str(), measure.versions.as_str()), ("GW2C-*", "2.*"));
        for wrong in
            ["", "boot_s", "boot_s=x", "=3", "a b=3", "boot_s=inf", "boot_s=3,spread=101", "boot_s=3,colour=red"]
        {
            assert!(wrong.parse::<Measure>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_repeat_lie_about_the_median_and_have_their_tail() {
        let measure: Measure = "boot_s=30,spread=20,tail=5".parse().unwrap();
        let serials: Vec<String> = (0..4_000).map(|n| format!("GW-{n}")).collect();
        let values: Vec<f64> = serials.iter().map(|serial| measure.value(7, &[serial, "1"])).collect();
        let again: Vec<f64> = serials.iter().map(|serial| measure.value(7, &[serial, "1"])).collect();
        assert_eq!(values, again);
        let share = |is: &dyn Fn(f64) -> bool| values.iter().filter(|value| is(**value)).count() as f64 / 4_000.0;
        assert!((0.46..0.54).contains(&share(&|value| value > 30.0)), "{}", share(&|value| value > 30.0));
        let near = share(&|value| (value / 30.0).ln().abs() < 0.2);
        assert!((0.60..0.70).contains(&near), "{near}");
        let tail = share(&|value| value > 100.0);
        assert!((0.035..0.065).contains(&tail), "{tail}");
    }
}
