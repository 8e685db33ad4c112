//! What a comparison says, in a word and in a sentence.

use super::Estimate;
use crate::{
    rollout::{Better, Criterion},
    words::words,
};

words! {
    /// What a comparison says of a variant against the control.
    Verdict {
        /// Both may still be so.
        Undecided => "undecided", "Undecided";
        /// It is better.
        Better => "better", "Better";
        /// It is worse.
        Worse => "worse", "Worse";
        /// If there is a difference, it is smaller than what matters.
        Same => "same", "No difference that matters";
        /// Cohorts are not as large as their shares say, so that nothing can be said.
        Blocked => "blocked", "Blocked: sizes of cohorts are off";
    }
}

/// What an interval says. `matters` is the smallest difference that matters, of values from 0 to 1; a difference that is surely smaller
/// is the same, also if it is surely there.
#[must_use]
pub fn verdict(estimate: Option<&Estimate>, matters: f64, better: Better, is_ratio_off: bool) -> Verdict {
    let Some(estimate) = estimate else { return if is_ratio_off { Verdict::Blocked } else { Verdict::Undecided } };
    let (is_above, is_below) = (estimate.low > 0.0, estimate.high < 0.0);
    if is_ratio_off {
        Verdict::Blocked
    } else if -matters < estimate.low && estimate.high < matters {
        Verdict::Same
    } else if is_above || is_below {
        if is_above == (better == Better::Higher) { Verdict::Better } else { Verdict::Worse }
    } else {
        Verdict::Undecided
    }
}

/// A number with as many decimals as its size asks for.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 || size == 0.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    let short = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// A verdict in a sentence, with the difference in the metric's own unit: `B is worse than A: boot_s is 4.2 higher (1.1 to 7.3), of
/// 1234 devices.`
#[must_use]
pub fn sentence(
    verdict: Verdict,
    estimate: Option<&Estimate>,
    criterion: &Criterion,
    variant: &str,
    control: &str,
) -> String {
    let metric = criterion.metric.words();
    let (Some(estimate), true) = (estimate, verdict != Verdict::Blocked) else {
        return match verdict {
            Verdict::Blocked => format!(
                "Nothing can be said of {variant} against {control}: the cohorts are not as large as they should be, so devices were \
                 lost on the way."
            ),
            _ => format!("Nothing is known yet of {variant} against {control}."),
        };
    };
    // A share is told in percent.
    let (factor, unit) = if criterion.metric.is_binary() { (100.0, " points") } else { (criterion.metric.span(), "") };
    let [difference, low, high, matters] =
        [estimate.difference * factor, estimate.low * factor, estimate.high * factor, matters_of(criterion) * factor];
    let way = if difference < 0.0 { "lower" } else { "higher" };
    let range = format!("{} to {}", number(low), number(high));
    let (by, of, matters) = (number(difference.abs()), estimate.n, number(matters));
    match verdict {
        Verdict::Better | Verdict::Worse => {
            let word = if verdict == Verdict::Better { "better" } else { "worse" };
            format!("{variant} is {word} than {control}: {metric} is {by}{unit} {way} ({range}), of {of} devices.")
        }
        Verdict::Same => format!(
            "{variant} and {control} don't differ by what matters: the difference of {metric} is {range}{unit}, less than {matters}, of \
             {of} devices."
        ),
        Verdict::Undecided | Verdict::Blocked => format!(
            "Undecided: the difference of {metric} between {variant} and {control} is anywhere from {range}{unit}, of {of} devices."
        ),
    }
}

/// The smallest difference that matters, of values from 0 to 1.
#[must_use]
pub fn matters_of(criterion: &Criterion) -> f64 {
    criterion.matters.value() / criterion.metric.span().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decimal::Decimal, rollout::Metric};

    fn estimate(low: f64, high: f64) -> Estimate {
        Estimate { difference: f64::midpoint(low, high), low, high, n: 1_234, is_stratified: false }
    }

    #[test]
    fn verdicts_follow_the_interval() {
        let of = |low, high, better| verdict(Some(&estimate(low, high)), 0.01, better, false);
        assert_eq!(of(0.001, 0.03, Better::Lower), Verdict::Worse);
        assert_eq!(of(0.001, 0.03, Better::Higher), Verdict::Better);
        assert_eq!(of(-0.03, -0.001, Better::Lower), Verdict::Better);
        assert_eq!(of(-0.009, 0.009, Better::Lower), Verdict::Same);
        assert_eq!(of(0.002, 0.009, Better::Lower), Verdict::Same);
        assert_eq!(of(-0.02, 0.02, Better::Lower), Verdict::Undecided);
        assert_eq!(verdict(Some(&estimate(0.1, 0.2)), 0.01, Better::Lower, true), Verdict::Blocked);
        assert_eq!(verdict(None, 0.01, Better::Lower, false), Verdict::Undecided);
    }

    #[test]
    fn sentences_say_it_in_the_metrics_own_unit() {
        let decimal = |text: &str| text.parse::<Decimal>().unwrap_or_default();
        let metric = Metric::Value { name: "boot_s".to_owned(), low: decimal("0"), high: decimal("100") };
        let boot = Criterion { metric, better: Better::Lower, matters: decimal("1") };
        assert_eq!(
            sentence(Verdict::Worse, Some(&estimate(0.011, 0.073)), &boot, "B", "A"),
            "B is worse than A: boot_s is 4.2 higher (1.1 to 7.3), of 1234 devices."
        );
        let failed = Criterion { metric: Metric::BootFailed, better: Better::Lower, matters: decimal("0.01") };
        assert_eq!(
            sentence(Verdict::Same, Some(&estimate(-0.009, 0.003)), &failed, "B", "A"),
            "B and A don't differ by what matters: the difference of failed to start is -0.9 to 0.3 points, less than 1, of 1234 devices."
        );
        assert_eq!(
            sentence(Verdict::Undecided, Some(&estimate(-0.02, 0.03)), &failed, "B", "A"),
            "Undecided: the difference of failed to start between B and A is anywhere from -2 to 3 points, of 1234 devices."
        );
        assert!(
            sentence(Verdict::Blocked, Some(&estimate(0.1, 0.2)), &boot, "B", "A").starts_with("Nothing can be said")
        );
        assert!(sentence(Verdict::Undecided, None, &boot, "B", "A").starts_with("Nothing is known yet"));
    }
}
