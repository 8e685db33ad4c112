//! What is known of each part of the devices, once a variant is held back at some hardware revisions: its comparison goes on without
//! these, so whatever stands beside it says of whom it is.

use super::{lookup, verdict};
use domain::{
    evidence::{Level, Verdict},
    rollout::{Found, HeldBack, Settled},
};
use fleet::rollout::{ComparisonView, ExperimentDetail};

/// By what a variant was found to be worse where it is held back.
#[derive(Clone, Debug)]
enum By {
    Primary,
    /// What its metric is called.
    Guard(String),
    /// By nothing that was written.
    Unknown,
}

/// What a comparison leaves out, and since when: revisions at which one of both cohorts is held back.
pub(super) fn left_out<'a>(detail: &'a ExperimentDetail, one: &ComparisonView) -> Vec<&'a HeldBack> {
    let is_of = |held: &&HeldBack| [Some(one.cohort), Some(detail.control)].contains(&held.cohort);
    detail.held_back.iter().filter(is_of).filter(|held| held.level.factor == detail.within).collect()
}

/// Of whom a row is that leaves somebody out; nothing where it is of all.
pub(super) fn without(left_out: &[&HeldBack]) -> Option<String> {
    let levels: Vec<String> = left_out.iter().map(|held| held.level.words()).collect();
    let are = if levels.len() > 1 { "are" } else { "is" };
    (!levels.is_empty()).then(|| format!("without {}, which {are} held back", levels.join(" and ")))
}

/// The same, and that its verdict was written while they were not left out yet.
pub(super) fn of_row(detail: &ExperimentDetail, one: &ComparisonView) -> Option<String> {
    let left_out = left_out(detail, one);
    let without = without(&left_out)?;
    Some(match verdict::written(detail, one).filter(|kept| is_of_all(kept, &left_out)) {
        Some(kept) => format!("{without}; its verdict is of {} UTC, before that", kept.at.minute_words()),
        None => without,
    })
}

/// Whether a verdict was written before somebody was left out, or by the look that found it.
fn is_of_all(kept: &Settled, left_out: &[&HeldBack]) -> bool {
    left_out.iter().any(|held| kept.at <= held.at)
}

/// Each variant in a sentence that tells its parts from each other; none where nothing is left out of any of them.
pub(super) fn said(detail: &ExperimentDetail) -> Option<String> {
    let control = lookup::name(detail, detail.control);
    let all: Vec<_> = lookup::primary(detail).map(|one| (one, left_out(detail, one))).collect();
    if all.iter().all(|(_, left_out)| left_out.is_empty()) {
        return None;
    }
    let sentence = |(one, left_out): (&ComparisonView, Vec<&HeldBack>)| {
        let written = verdict::written(detail, one);
        if left_out.is_empty() {
            return written.map_or_else(|| one.sentence.clone(), |kept| kept.sentence.clone());
        }
        let held: Vec<(String, By)> =
            left_out.iter().map(|held| (held.level.words(), by(detail, one, &held.level))).collect();
        // What was written of all says nothing of the others alone: that is what is known now.
        let others = written.filter(|kept| !is_of_all(kept, &left_out)).map_or_else(|| now(one.verdict), then);
        part(lookup::name(detail, one.cohort), control, &held, others)
    };
    Some(all.into_iter().map(sentence).collect::<Vec<String>>().join(" "))
}

fn by(detail: &ExperimentDetail, one: &ComparisonView, level: &Level) -> By {
    let found = detail.settled.iter().filter(|kept| kept.cohort == one.cohort && kept.found == Found::Worse);
    let found = found.filter(|kept| kept.level.as_ref() == Some(level)).map(|kept| kept.criterion).min();
    match found {
        None => By::Unknown,
        Some(0) => By::Primary,
        Some(n) => lookup::criterion(detail, n).map_or(By::Unknown, |guard| By::Guard(guard.metric.words())),
    }
}

/// A variant in a sentence: where it is held back, by which guard if it is for one, and how it stands elsewhere.
fn part(variant: &str, control: &str, held: &[(String, By)], others: &str) -> String {
    let worse: Option<Vec<String>> = held
        .iter()
        .map(|(level, by)| match by {
            By::Primary => Some(format!("on {level}")),
            By::Guard(guard) => Some(format!("on {level} by the guard “{guard}”")),
            By::Unknown => None,
        })
        .collect();
    let at = match worse {
        Some(places) => format!("is worse than {control} {}, and held back there", places.join(" and ")),
        None => {
            let places: Vec<&str> = held.iter().map(|(level, _)| level.as_str()).collect();
            format!("is held back on {}", places.join(" and "))
        }
    };
    format!("{variant} {at}; on the others {others}.")
}

const fn now(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "it is better",
        Verdict::Worse => "it is worse",
        Verdict::Same => "it makes no difference that matters",
        Verdict::Undecided => "it is not decided",
        Verdict::Blocked => "no verdict is given",
    }
}

/// The same as it was written.
const fn then(kept: &Settled) -> &'static str {
    match kept.found {
        Found::Better => now(Verdict::Better),
        Found::Worse => now(Verdict::Worse),
        Found::Same => now(Verdict::Same),
        Found::Open => "it was not decided by the end",
        Found::Ratio => now(Verdict::Blocked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{evidence::Factor, time::Timestamp};

    fn held(level: &str) -> HeldBack {
        let level = Level::of(Factor::Revision, level);
        HeldBack { cohort: Some(2), level, why: String::new(), at: Timestamp(0), devices: Vec::new() }
    }

    #[test]
    fn a_variant_is_told_part_by_part() {
        let c = ("hardware revision C".to_owned(), By::Primary);
        assert_eq!(
            part("1.5.1", "1.5.0", std::slice::from_ref(&c), now(Verdict::Better)),
            "1.5.1 is worse than 1.5.0 on hardware revision C, and held back there; on the others it is better."
        );
        let d = ("hardware revision D".to_owned(), By::Guard("failed to start".to_owned()));
        assert_eq!(
            part("B", "A", &[c.clone(), d], now(Verdict::Undecided)),
            "B is worse than A on hardware revision C and on hardware revision D by the guard “failed to start”, and held back there; \
             on the others it is not decided."
        );
        // Who is held back for another reason is not said to be worse.
        let e = ("hardware revision E".to_owned(), By::Unknown);
        assert_eq!(
            part("B", "A", &[c, e], now(Verdict::Same)),
            "B is held back on hardware revision C and hardware revision E; on the others it makes no difference that matters."
        );
    }

    #[test]
    fn rows_say_whom_they_leave_out() {
        let (c, d) = (held("C"), held("D"));
        assert_eq!(without(&[]), None);
        assert_eq!(without(&[&c]).as_deref(), Some("without hardware revision C, which is held back"));
        assert_eq!(
            without(&[&c, &d]).as_deref(),
            Some("without hardware revision C and hardware revision D, which are held back")
        );
    }
}
