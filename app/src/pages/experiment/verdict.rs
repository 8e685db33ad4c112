//! What an experiment says: a sentence, and what follows from it.

use super::{lookup, parts};
use crate::{
    components::{
        icons::{self, Icon},
        panel::note,
        status::{Status, Tone},
        text::minute,
    },
    pages::rollouts::number,
};
use domain::{
    evidence::{Estimate, Factor, Level, Verdict, verdict},
    rollout::{Criterion, Found, RolloutState, Settled},
    time::Timestamp,
};
use fleet::rollout::{ComparisonView, ExperimentDetail, StratumView};
use leptos::prelude::*;
use std::collections::BTreeSet;

const fn status(word: &'static str, icon: Icon, tone: Tone) -> Status {
    Status { word, icon, tone }
}

/// A verdict: word, icon, colour.
pub(super) const fn of(verdict: Verdict) -> Status {
    match verdict {
        Verdict::Undecided => status("Undecided", icons::HOURGLASS, Tone::Go),
        Verdict::Better => status("Better", icons::TICK, Tone::Ok),
        Verdict::Worse => status("Worse", icons::HALT, Tone::Bad),
        Verdict::Same => status("No difference that matters", icons::MINUS, Tone::Mute),
        Verdict::Blocked => status("Blocked", icons::WARN, Tone::Warn),
    }
}

/// What was written once.
const fn found(found: Found) -> Status {
    match found {
        Found::Better => of(Verdict::Better),
        Found::Worse => of(Verdict::Worse),
        Found::Same => of(Verdict::Same),
        Found::Open => status("Not decided", icons::RING, Tone::Mute),
        Found::Ratio => of(Verdict::Blocked),
    }
}

/// What was written once of a comparison, of all its devices.
pub(super) fn written<'a>(detail: &'a ExperimentDetail, one: &ComparisonView) -> Option<&'a Settled> {
    let same = |kept: &&Settled| kept.cohort == one.cohort && kept.criterion == one.criterion && kept.level.is_none();
    detail.settled.iter().find(same)
}

/// How a comparison stands: as it was written, or as it is now.
pub(super) fn stands(detail: &ExperimentDetail, one: &ComparisonView) -> Status {
    written(detail, one).map_or_else(|| of(one.verdict), |kept| found(kept.found))
}

/// How devices of one revision stand: by what is corrected for all that is looked at where they are worse, else by their interval.
pub(super) fn at_level(detail: &ExperimentDetail, stratum: &StratumView) -> Status {
    let is_off = detail.ratio_off_since.is_some() || detail.ratio.is_some_and(|ratio| ratio.is_off);
    at(stratum, &detail.experiment.primary, is_off)
}

fn at(stratum: &StratumView, primary: &Criterion, is_off: bool) -> Status {
    match by_interval(stratum, primary, is_off) {
        _ if stratum.is_held && stratum.is_worse => status("Held back: worse", icons::LOCK, Tone::Hold),
        _ if stratum.is_held => status("Held back", icons::LOCK, Tone::Hold),
        _ if stratum.is_worse => of(Verdict::Worse),
        _ if stratum.interval.is_none() => status("Nothing known yet", icons::RING, Tone::Mute),
        // A verdict is given of all devices together, so it is said by what this one is.
        Verdict::Better => status("Better by its interval", icons::TICK, Tone::Ok),
        Verdict::Worse => status("Worse by its interval", icons::HALT, Tone::Bad),
        Verdict::Same => of(Verdict::Same),
        Verdict::Undecided | Verdict::Blocked => status("Not worse so far", icons::MINUS, Tone::Mute),
    }
}

/// What the interval of one revision shows by the primary metric.
fn by_interval(stratum: &StratumView, primary: &Criterion, is_off: bool) -> Verdict {
    // Both are in the metric's own unit here, so they need not be brought between 0 and 1.
    let known = stratum.interval.as_ref().map(|of| Estimate {
        difference: of.difference,
        low: of.low,
        high: of.high,
        n: of.n,
        is_stratified: false,
    });
    verdict(known.as_ref(), primary.matters.value(), primary.better, is_off)
}

/// Whether the only harm is at revisions at which a variant is held back.
fn is_worse_in_part(detail: &ExperimentDetail) -> bool {
    // By any criterion: a guard's harm to all is no part.
    let is_of_all = |kept: &Settled| {
        kept.found == Found::Worse && kept.level.as_ref().is_none_or(|level| level.factor == Factor::All)
    };
    let is_worse = |one: &ComparisonView| one.verdict == Verdict::Worse && written(detail, one).is_none();
    detail.verdict == Verdict::Worse
        && lookup::primary(detail).any(|one| !parts::left_out(detail, one).is_empty())
        && !detail.settled.iter().any(is_of_all)
        && !lookup::primary(detail).any(is_worse)
}

/// Whether the experiment has begun.
const fn has_begun(state: RolloutState) -> bool {
    !matches!(state, RolloutState::Draft | RolloutState::Submitted | RolloutState::Approved)
}

/// How it stands as a whole.
pub(super) fn overall(detail: &ExperimentDetail) -> Status {
    match detail.verdict {
        _ if !has_begun(detail.state) => status("Not begun", icons::RING, Tone::Mute),
        Verdict::Undecided if detail.is_settled => found(Found::Open),
        _ if is_worse_in_part(detail) => status("Worse in part", icons::HALT, Tone::Bad),
        verdict => of(verdict),
    }
}

/// The note at the top: the verdict in a sentence, and how far it is.
pub(super) fn notes(detail: &ExperimentDetail) -> impl IntoView + use<> {
    let status = overall(detail);
    let warnings: Vec<_> = detail.warnings.iter().map(|words| note(Tone::Warn, icons::WARN, words.clone())).collect();
    if !has_begun(detail.state) {
        let words = " It begins with its rollout; each device counts from the moment at which it is offered something, or held out.";
        let nothing = note(status.tone, status.icon, view! { <b>"Nothing is known yet."</b> {words} });
        return view! { {warnings} {nothing} }.into_any();
    }
    let ratio =
        (detail.verdict == Verdict::Blocked).then(|| view! { " " <a href="#exposure">"See who was exposed"</a> "." });
    let said = note(
        status.tone,
        status.icon,
        view! {
            {said(detail)} {ratio} " " {progress(detail)}
        },
    );
    view! { {warnings} {said} {held(detail)} }.into_any()
}

/// What is known, part by part where there are parts, and what was written of it with the moment of which its numbers are.
fn said(detail: &ExperimentDetail) -> AnyView {
    let moment = |at: &Timestamp| format!("{} UTC", at.minute_words());
    let Some(parts) = parts::said(detail) else {
        let is_said = |kept: &&Settled| !detail.is_settled && detail.sentence.contains(&kept.sentence);
        let moments: BTreeSet<Timestamp> = detail.settled.iter().filter(is_said).map(|kept| kept.at).collect();
        let moments: Vec<String> = moments.iter().map(moment).collect();
        let of_then =
            (!moments.is_empty()).then(|| format!(" Known since {}, with the numbers of then.", moments.join(" and ")));
        return view! { <b>{detail.sentence.clone()}</b> {of_then} }.into_any();
    };
    let written = detail.settled.iter().map(|kept| format!(" As of {}: {}", moment(&kept.at), kept.sentence));
    view! { <b>{parts}</b> {written.collect::<String>()} }.into_any()
}

/// When it was decided, or of how many devices there is a value.
fn progress(detail: &ExperimentDetail) -> AnyView {
    let of_all = |kept: &&Settled| kept.criterion == 0 && kept.level.is_none();
    let last = detail.settled.iter().filter(of_all).map(|kept| kept.at).max();
    let is_open = detail.settled.iter().filter(of_all).all(|kept| kept.found == Found::Open);
    let word = if is_open { "It ended on " } else { "Decided on " };
    match last.filter(|_| detail.is_settled) {
        Some(at) => view! { <span class="quiet">{word} {minute(at)} " UTC."</span> }.into_any(),
        None => view! {
            <span class="quiet">{number(detail.measured)} " of " {number(detail.experiment.planned)} " planned devices have a value."</span>
        }
        .into_any(),
    }
}

/// Which cohorts are held back, and where.
fn held(detail: &ExperimentDetail) -> Option<impl IntoView + use<>> {
    let own = detail.held_back.iter().filter(|held| held.cohort.is_some());
    let words: Vec<String> = own
        .map(|held| {
            format!("{} is held back {}", lookup::name(detail, held.cohort.unwrap_or_default()), place(&held.level))
        })
        .collect();
    (!words.is_empty()).then(|| {
        note(
            Tone::Hold,
            icons::LOCK,
            view! {
                <b>{words.join("; ")} "."</b> " The rollout goes on for all others. " <a href="#held">"Why"</a>
            },
        )
    })
}

/// Where a cohort is held back.
fn place(level: &Level) -> String {
    match level.factor {
        Factor::All => "everywhere".to_owned(),
        _ => format!("on {}", level.words()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        decimal::Decimal,
        rollout::{Better, Metric},
    };
    use fleet::rollout::IntervalView;

    #[test]
    fn a_revision_says_what_its_interval_shows() {
        let number = |whole: i64| Decimal::of_millionths(whole * 1_000_000);
        let metric = Metric::Value { name: "boot_s".to_owned(), low: number(0), high: number(120) };
        let primary = Criterion { metric, better: Better::Lower, matters: number(5) };
        let of = |low: f64, high: f64, is_worse, is_held| StratumView {
            level: Level::of(Factor::Revision, "B"),
            control: (9, None),
            variant: (9, None),
            interval: Some(IntervalView { difference: f64::midpoint(low, high), low, high, n: 18 }),
            evidence: 1.0,
            is_worse,
            is_held,
        };
        let word = |stratum: &StratumView| at(stratum, &primary, false).word;
        assert_eq!(word(&of(-19.6, -4.11, false, false)), "Better by its interval");
        assert_eq!(word(&of(-19.6, 4.11, false, false)), "Not worse so far");
        assert_eq!(word(&of(-4.0, 4.11, false, false)), "No difference that matters");
        assert_eq!(word(&of(0.4, 58.0, true, false)), "Worse");
        assert_eq!(word(&of(4.68, 53.7, true, true)), "Held back: worse");
        assert_eq!(word(&of(-1.0, 53.7, false, true)), "Held back");
        assert_eq!(word(&StratumView { interval: None, ..of(0.0, 0.0, false, false) }), "Nothing known yet");
        // Where sizes are off, nothing is said to be better.
        assert_eq!(at(&of(-19.6, -4.11, false, false), &primary, true).word, "Not worse so far");
    }
}
