//! What gates know: outcomes against the limits, and how many devices are how far.

use super::{number, path, said, words};
use crate::{
    charts::parts::whisker,
    components::{
        icons::{self, icon},
        panel::Panel,
        status::{Status, Tone},
        table::frame,
    },
    context::href,
};
use domain::{
    bucket::PARTS,
    evidence::Evidence,
    rollout::{ActionKind, ActionState, Evidence as Outcomes, RolloutState, Weighed, share_interval, tenths},
};
use fleet::rollout::RolloutDetail;
use leptos::prelude::*;

/// A part of a whole as a width.
fn width(n: u64, of: u64) -> String {
    crate::charts::percent(if of == 0 { 0.0 } else { n as f64 / of as f64 })
}

/// Outcomes as one bar: verified, harmed, under way, of all devices that get anything.
pub(super) fn bar(evidence: &Outcomes) -> impl IntoView + use<> {
    let total = evidence.total.max(1);
    let mut at = 0;
    let parts: Vec<_> =
        [(evidence.verified, "f-ok"), (evidence.failed + evidence.silent, "f-bad"), (evidence.under_way, "f-go")]
            .into_iter()
            .map(|(n, class)| {
                let x = width(at, total);
                at += n;
                view! { <rect x=x width=width(n, total) height="8" class=class></rect> }
            })
            .collect();
    view! {
        <svg class="bar chart" height="8" aria-hidden="true">
            <rect width="100%" height="8" class="track"></rect>
            {parts}
        </svg>
    }
}

/// The chance that an interval of evidence ever misses what is so, however often it is looked at.
const MISSES: f64 = 0.05;

/// One share of a wave against its limit.
#[derive(Clone, Copy)]
struct Measured {
    /// The wave, from 0.
    wave: usize,
    what: &'static str,
    harmed: u64,
    settled: u64,
    /// How many of both somebody let pass: by bare shares these count no more.
    let_pass: (u64, u64),
    /// How many devices of the wave get anything.
    total: u64,
    /// In parts of [`PARTS`].
    limit: u32,
    /// How many outcomes the gate wants before a share means anything.
    sample: u64,
    passed: bool,
    /// How strong the evidence is, where the gate goes by that.
    weighed: Option<Weighed>,
}

impl Measured {
    /// Whether it is above the limit with what counts.
    fn is_above(&self) -> bool {
        match &self.weighed {
            Some(weighed) => weighed.above.is_enough(),
            None => self.exceeds((self.harmed - self.let_pass.0, self.settled - self.let_pass.1)),
        }
    }

    /// Whether it would be with what somebody let pass.
    fn is_let_pass(&self) -> bool {
        self.weighed.is_none() && self.let_pass.0 > 0 && self.exceeds((self.harmed, self.settled))
    }

    /// Whether these are above the limit: of enough outcomes, or however well the rest goes.
    fn exceeds(&self, (harmed, settled): (u64, u64)) -> bool {
        let is_above = |of: u64| u128::from(harmed) * u128::from(PARTS) > u128::from(of) * u128::from(self.limit);
        (settled >= self.sample && is_above(settled)) || is_above(self.total.max(self.sample))
    }

    fn verdict(&self) -> Status {
        let status = |word, icon, tone| Status { word, icon, tone };
        match () {
            () if self.is_above() => status("Above", icons::HALT, Tone::Bad),
            () if self.is_let_pass() => status("Let pass", icons::PLAY, Tone::Hold),
            () if self.passed => status("Passed", icons::TICK, Tone::Ok),
            () if self.weighed.is_some_and(|weighed| weighed.below.is_enough()) => {
                status("Below", icons::TICK, Tone::Ok)
            }
            () if self.weighed.is_some() || self.settled < self.sample => {
                status("Gathering", icons::HOURGLASS, Tone::Go)
            }
            () => status("Below", icons::MINUS, Tone::Mute),
        }
    }
}

fn measured(detail: &RolloutDetail) -> Vec<Measured> {
    let open = detail.wave_views.iter().zip(&detail.plan.waves).enumerate().filter(|(_, (view, _))| view.is_open);
    open.flat_map(|(n, (view, wave))| {
        let (evidence, gate) = (view.evidence, wave.gate);
        let is_last_open = detail.row.wave == Some(n);
        let passed = !is_last_open || detail.row.state == RolloutState::Completed;
        let weighed = gate.weigh(&evidence, &view.accepted);
        let let_pass = view.accepted;
        let one = move |at: usize, what, harmed: u64, passed_over: u64, limit| Measured {
            wave: n,
            let_pass: (passed_over.min(harmed), let_pass.settled().min(evidence.settled())),
            weighed: weighed.and_then(|weighed| weighed.get(at).copied()),
            what,
            harmed,
            settled: evidence.settled(),
            total: evidence.total,
            limit,
            sample: gate.min_sample.min(evidence.total).max(1),
            passed,
        };
        [
            one(0, "failed", evidence.failed, let_pass.failed, gate.failed_limit),
            one(1, "silent", evidence.silent, let_pass.silent, gate.silent_limit),
        ]
    })
    .collect()
}

/// Failed and silent shares of every open wave against its gate.
pub(super) fn panel(detail: &RolloutDetail) -> impl IntoView + use<> {
    let at = path(&detail.row.code);
    let measured = measured(detail);
    let by_evidence = measured.iter().any(|one| one.weighed.is_some());
    let said = sentences(detail, &measured);
    let rows: Vec<_> = measured.into_iter().map(|one| line(one, by_evidence, &at)).collect();
    let towards = by_evidence.then(|| {
        view! { <th scope="col" class="num">"To halt"</th><th scope="col" class="num">"To go on"</th> }
    });
    let of_what = match by_evidence {
        true => "Of the devices that were told; interval that holds however often it is looked at",
        false => "Of the devices with an outcome; interval of 95 %",
    };
    let open = detail.row.wave.and_then(|wave| detail.wave_views.get(wave));
    let is_last = detail.row.wave.is_some_and(|wave| wave + 1 >= detail.row.waves);
    let (can, before) = match is_last {
        true => ("it can be completed", "Before it is complete"),
        false => ("the next wave can open", "Before the next wave opens"),
    };
    let footer = match open {
        Some(wave) if detail.row.state.is_over() => format!(
            "Outcomes known in the last open wave: {} of {}.",
            number(wave.evidence.settled()),
            said::devices(wave.evidence.total)
        ),
        Some(wave) => match (&wave.halted, wave.missing.is_empty()) {
            (Some(why), _) => why.clone(),
            (None, true) if detail.row.state == RolloutState::Running => format!("Nothing is missing: {can}."),
            (None, true) => {
                format!("Nothing is missing of this wave; the rollout is {}.", detail.row.state.label().to_lowercase())
            }
            (None, false) => format!("{before}: {}.", wave.missing.join(", ")),
        },
        None => String::new(),
    };
    Panel::new("Evidence against the gate")
        .aside(view! { <span class="hide-phone">{of_what}</span> })
        .footer(view! { <span>{footer}</span> })
        .flush(view! {
            {said}
            {frame(
            "Evidence against the gate",
            view! {
                <table class="table evidence cards">
                    <caption class="sr">"Share of devices that failed or went silent, with its interval, against the limit of each wave’s gate"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Share"</th>
                            <th scope="col" class="num">"Outcomes"</th>
                            <th scope="col" class="num">"Harmed"</th>
                            <th scope="col" class="iv">
                                <svg class="chart" height="20" aria-hidden="true">
                                    <text x="0" y="14">"0"</text>
                                    <text class="bd b" x="50%" y="14" text-anchor="middle">"limit"</text>
                                    <text x="100%" y="14" text-anchor="end">"twice"</text>
                                </svg>
                                <span class="sr">"Interval against the limit"</span>
                            </th>
                            <th scope="col" class="num">"Interval"</th>
                            {towards}
                            <th scope="col">"Verdict"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            },
        )}
        })
}

/// What is known of the wave that was opened last, who is blamed, and what of any wave counts no more, in sentences.
fn sentences(detail: &RolloutDetail, measured: &[Measured]) -> Option<impl IntoView + use<>> {
    let is_open = |one: &&Measured| detail.row.wave == Some(one.wave) && !detail.row.state.is_over();
    let known = measured.iter().filter(is_open).filter_map(|one| one.weighed.map(|weighed| weighed.sentence()));
    let accepted = detail.wave_views.iter().enumerate().filter_map(|(n, view)| accepted(n, &view.accepted));
    let all: Vec<_> = known
        .chain(detail.blamed.iter().cloned())
        .chain(accepted)
        .map(|sentence| view! { <li>{sentence}</li> })
        .collect();
    (!all.is_empty()).then(|| view! { <div class="body"><ul class="rules">{all}</ul></div> })
}

/// What harm of a wave somebody let the rollout go on in spite of; nothing where there is none.
fn accepted(wave: usize, seen: &Outcomes) -> Option<String> {
    let harm = harm(seen)?;
    let wave = wave + 1;
    Some(format!("No longer counted against wave {wave}, since somebody let the rollout go on in spite of it: {harm}."))
}

/// Who came to harm, by how; nothing where nobody did.
pub(super) fn harm(seen: &Outcomes) -> Option<String> {
    let parts = [(seen.failed, "failed"), (seen.retried, "to be tried again"), (seen.silent, "silent")];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", number(*n))).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A share in percent with two decimals.
fn share(part: f64) -> String {
    format!("{:.2}", part * 100.0)
}

fn line(one: Measured, by_evidence: bool, at: &str) -> impl IntoView + use<> {
    let (low, high) = match &one.weighed {
        Some(weighed) => weighed.range(MISSES),
        None => share_interval(one.harmed, one.settled),
    };
    let towards = by_evidence.then(|| {
        let of = |value: Option<Evidence>| {
            value.map_or_else(|| "–".to_owned(), |e| format!("{} of {}", tenths(e.value), tenths(e.needed)))
        };
        view! {
            <td class="num" data-l="Towards a halt">{of(one.weighed.map(|weighed| weighed.above))}</td>
            <td class="num" data-l="Towards the next wave">{of(one.weighed.map(|weighed| weighed.below))}</td>
        }
    });
    let verdict = one.verdict();
    let limit = super::typed::percent(one.limit);
    let is_known = one.settled > 0;
    let picture = if is_known { interval(&one, (low, high), verdict.tone) } else { ().into_any() };
    let harmed = match one.harmed {
        0 => "0".into_any(),
        n => {
            let to = format!("{}#devices", href(at, &[("state", one.what)]));
            view! { <a href=to>{number(n)}</a> }.into_any()
        }
    };
    let between = if is_known { format!("{} to {} %", share(low), share(high)) } else { "–".to_owned() };
    let said = format!("{between}, limit {limit} percent");
    view! {
        <tr>
            <th scope="row">{format!("Wave {}, {}", one.wave + 1, one.what)}</th>
            <td class="num" data-l="Outcomes">{number(one.settled)}</td>
            <td class="num" data-l="Harmed">{harmed}</td>
            <td class="iv full">
                <svg class="chart" height="32" role="img" aria-label=said>
                    <rect class="t-bad" x="50%" width="50%" height="32"></rect>
                    <line class="s-bad" x1="50%" x2="50%" y1="0" y2="32" stroke-width="1.5"></line>
                    {picture}
                </svg>
            </td>
            <td class="num" data-l="Interval">{between} <span class="quiet">{format!(" / {limit} %")}</span></td>
            {towards}
            <td data-l="Verdict">{verdict.cell()}</td>
        </tr>
    }
}

/// Point and interval on a scale that has the limit in its middle.
fn interval(one: &Measured, (low, high): (f64, f64), tone: Tone) -> AnyView {
    let scale = f64::from(one.limit.max(1)) * 2.0 / f64::from(PARTS);
    let point = one.harmed as f64 / one.settled.max(1) as f64;
    let place = |part: f64| (part / scale).min(1.0);
    whisker([low, point, high].map(place), [low, high].map(|part| part > scale), tone).into_any()
}

/// How many devices are how far.
pub(super) fn outcomes(detail: &RolloutDetail) -> impl IntoView + use<> {
    let at = path(&detail.row.code);
    let all: u64 = detail.wave_views.iter().map(|wave| wave.devices).sum();
    let sum = |kind: ActionKind, state: ActionState| -> u64 {
        let counts = detail.wave_views.iter().flat_map(|wave| &wave.counts);
        counts.filter(|count| count.kind == kind && count.state == state).map(|count| count.n).sum()
    };
    let row = |status: Status, n: u64, to: Option<String>| {
        let number = number(n);
        let shown = match to {
            Some(to) => view! { <a href=to>{number}</a> }.into_any(),
            None => number.into_any(),
        };
        view! {
            <tr>
                <th scope="row">{status.cell()}</th>
                <td class="bar-cell">{crate::charts::bars::part(n, all, status.tone)}</td>
                <td class="num">{shown}</td>
                <td class="num quiet">{super::who::share(n, all)}</td>
            </tr>
        }
    };
    let told: Vec<_> = ActionState::ALL
        .iter()
        .map(|state| (*state, sum(ActionKind::Update, *state)))
        .filter(|(_, n)| *n > 0)
        .map(|(state, n)| {
            let to = format!("{}#devices", href(&at, &[("state", state.as_str())]));
            row(words::outcome(state), n, Some(to))
        })
        .collect();
    let back: u64 = ActionState::ALL.iter().map(|state| sum(ActionKind::Revert, *state)).sum();
    let done = sum(ActionKind::Revert, ActionState::Verified);
    let reverting = (back > 0).then(|| {
        let words = view! { <span class="st">{icon(icons::REVERT)}"Taken back, done of told"</span> };
        view! { <tr><th scope="row" colspan="2">{words}</th><td class="num" colspan="2">{format!("{} of {}", number(done), number(back))}</td></tr> }
    });
    let untold = detail.wave_views.iter().map(|wave| {
        let told: u64 = wave.counts.iter().filter(|count| count.kind == ActionKind::Update).map(|count| count.n).sum();
        wave.devices.saturating_sub(told)
    });
    let not_told = Status { word: "Not told yet", icon: icons::RING, tone: Tone::Mute };
    let waiting = row(not_told, untold.sum(), None);
    let of = detail.row.devices.map(|n| format!("of {}", number(n)));
    let held = (detail.row.devices_held_back > 0).then(|| {
        let held = number(detail.row.devices_held_back);
        let words = format!("With {held} that are held back: waves and gates count without them.");
        view! { <p class="body quiet">{words}</p> }
    });
    Panel::new("Outcomes").aside(of).flush(view! {
        <table class="table outcomes" data-density="compact">
            <caption class="sr">"Devices by outcome"</caption>
            <tbody>{told}{reverting}{waiting}</tbody>
        </table>
        {held}
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_let_pass_is_above_no_limit() {
        let halted = Measured {
            wave: 0,
            what: "failed",
            harmed: 3,
            settled: 6,
            let_pass: (0, 0),
            total: 12,
            limit: 30_000,
            sample: 6,
            passed: false,
            weighed: None,
        };
        assert_eq!(halted.verdict().word, "Above");
        let resumed = Measured { let_pass: (3, 6), ..halted };
        assert_eq!(resumed.verdict().word, "Let pass");
        // Four of six that came since are too many again.
        assert_eq!(Measured { harmed: 7, settled: 12, ..resumed }.verdict().word, "Above");
        assert_eq!(Measured { harmed: 0, let_pass: (0, 6), ..resumed }.verdict().word, "Below");
        // It was for the silent that somebody let it go on.
        let other = Measured { harmed: 1, settled: 10, let_pass: (0, 9), total: 100, limit: 3_000, ..halted };
        assert_eq!(other.verdict().word, "Below");
    }

    #[test]
    fn what_was_accepted_is_said_where_it_was_harm() {
        let seen = Outcomes { total: 50, verified: 40, ..Outcomes::default() };
        assert_eq!(accepted(0, &seen), None);
        let told = |seen: Outcomes| accepted(0, &seen).unwrap_or_default();
        assert_eq!(
            told(Outcomes { failed: 1_200, silent: 1, ..seen }),
            "No longer counted against wave 1, since somebody let the rollout go on in spite of it: 1,200 failed, 1 silent."
        );
        assert!(told(Outcomes { retried: 2, ..seen }).ends_with(": 2 to be tried again."));
    }
}
