//! Numbers of a criterion as people read them: shares in percent, values in their own unit.

use crate::charts::difference::signed;
use domain::rollout::{Better, Criterion};
use fleet::rollout::IntervalView;

/// How a criterion's numbers are told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale<'a>(pub(super) &'a Criterion);

impl Scale<'_> {
    /// A difference as it is told: of shares, in points of a percent.
    pub(super) fn told(self, difference: f64) -> f64 {
        if self.0.metric.is_binary() { difference * 100.0 } else { difference }
    }

    /// The smallest difference that matters, as it is told.
    pub(super) fn matters(self) -> f64 {
        self.told(self.0.matters.value())
    }

    /// It with its unit: `3`, `1 points`.
    pub(super) fn matters_words(self) -> String {
        format!("{}{}", plain(self.matters()), self.unit())
    }

    /// What stands behind a difference.
    pub(super) fn unit(self) -> &'static str {
        if self.0.metric.is_binary() { " points" } else { "" }
    }

    /// A mean: `12.3 %`, `31.4`; a dash where there is none.
    pub(super) fn mean(self, mean: Option<f64>) -> String {
        match mean {
            None => "–".to_owned(),
            Some(mean) if self.0.metric.is_binary() => format!("{:.1} %", mean * 100.0),
            Some(mean) => plain(mean),
        }
    }

    /// An interval: `+8.3 to +16`; a dash where there is none.
    pub(super) fn between(self, interval: Option<&IntervalView>) -> String {
        interval.map_or_else(
            || "–".to_owned(),
            |found| format!("{} to {}{}", signed(self.told(found.low)), signed(self.told(found.high)), self.unit()),
        )
    }

    /// On which side a difference is worse: 1 if more is, -1 if less is.
    pub(super) fn worse(self) -> f64 {
        if self.0.better == Better::Lower { 1.0 } else { -1.0 }
    }
}

/// A number with few digits, without a plus.
fn plain(number: f64) -> String {
    let text = signed(number);
    text.strip_prefix('+').unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{decimal::Decimal, rollout::Metric};

    #[test]
    fn numbers_are_told_in_their_own_unit() {
        let number = |whole: i64| Decimal::of_millionths(whole * 1_000_000);
        let between = |low, high| IntervalView { difference: 0.0, low, high, n: 9 };
        let name = "boot_s".to_owned();
        let value = Metric::Value { name, low: number(20), high: number(120) };
        let boot = Criterion { metric: value, better: Better::Lower, matters: number(2) };
        let scale = Scale(&boot);
        assert_eq!((scale.mean(Some(30.0)), scale.mean(None)), ("30".to_owned(), "–".to_owned()));
        assert_eq!(scale.between(Some(&between(-1.0, 2.1))), "−1 to +2.1");
        assert!((scale.matters() - 2.0).abs() < 1e-9 && scale.worse() > 0.0);
        let matters = Decimal::of_millionths(10_000);
        let verified = Criterion { metric: Metric::Verified, better: Better::Higher, matters };
        let scale = Scale(&verified);
        assert_eq!((scale.mean(Some(0.987)).as_str(), scale.matters_words().as_str()), ("98.7 %", "1 points"));
        assert_eq!(scale.between(Some(&between(-0.012, 0.0))), "−1.2 to 0 points");
        assert!((scale.matters() - 1.0).abs() < 1e-9 && scale.worse() < 0.0);
    }
}
