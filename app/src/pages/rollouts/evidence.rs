//! What gates know: outcomes against the limits, kinds of failure, and how many devices are how far.

use super::{number, path, words};
use crate::{
    components::{icons::icon, panel::Panel, table::frame, text::ago},
    context::href,
};
use domain::{
    bucket::PARTS,
    rollout::{ActionKind, ActionState},
    time::Timestamp,
};
use fleet::rollout::{RolloutDetail, WaveView};
use leptos::prelude::*;

/// A share in percent with one decimal.
fn share(n: u64, of: u64) -> String {
    let tenths = (u128::from(n) * 1_000).checked_div(u128::from(of)).unwrap_or_default();
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A part of a whole as a width.
fn width(n: u64, of: u64) -> String {
    crate::charts::percent(if of == 0 { 0.0 } else { n as f64 / of as f64 })
}

/// A wave's outcomes as one bar: verified, harmed, under way, of all its devices.
pub(super) fn bar(wave: &WaveView) -> impl IntoView + use<> {
    let (total, evidence) = (wave.evidence.total.max(1), wave.evidence);
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

/// Failed and silent shares of every open wave against its gate.
pub(super) fn panel(detail: &RolloutDetail) -> impl IntoView + use<> {
    let rows: Vec<_> = detail
        .wave_views
        .iter()
        .enumerate()
        .filter(|(_, wave)| wave.is_open)
        .flat_map(|(n, wave)| {
            let gate = detail.plan.waves.get(n).map(|wave| wave.gate);
            gate.into_iter().flat_map(move |gate| {
                let evidence = wave.evidence;
                [
                    (n, "failed", evidence.failed, evidence.settled(), gate.failed_limit),
                    (n, "silent", evidence.silent, evidence.settled(), gate.silent_limit),
                ]
            })
        })
        .map(|(n, what, harmed, settled, limit)| line(n, what, harmed, settled, limit))
        .collect();
    let open = detail.row.wave.and_then(|wave| detail.wave_views.get(wave));
    let footer = match open {
        Some(wave) if detail.row.state.is_over() => format!(
            "{} of {} devices of the last open wave have an outcome.",
            number(wave.evidence.settled()),
            number(wave.evidence.total)
        ),
        Some(wave) => match (&wave.halted, wave.missing.is_empty()) {
            (Some(why), _) => why.clone(),
            (None, true) => "Nothing is missing: the next wave can open.".to_owned(),
            (None, false) => format!("Before the next wave opens: {}.", wave.missing.join(", ")),
        },
        None => String::new(),
    };
    Panel::new("Evidence against the gate")
        .aside("Of the devices whose outcome is known")
        .footer(view! { <span>{footer}</span> })
        .flush(frame(
            "Evidence against the gate",
            view! {
                <table class="table evidence cards">
                    <caption class="sr">"Share of devices that failed or went silent, against the limit of each wave’s gate"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Wave"</th>
                            <th scope="col" class="num">"Outcomes"</th>
                            <th scope="col" class="num">"Harmed"</th>
                            <th scope="col" class="iv hide-phone">"Against the limit"</th>
                            <th scope="col" class="num">"Share"</th>
                            <th scope="col" class="num">"Limit"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            },
        ))
}

fn line(n: usize, what: &'static str, harmed: u64, settled: u64, limit: u32) -> impl IntoView {
    // The limit stands in the middle, so that one sees at a glance on which side of it the share is.
    let scale = f64::from(limit.max(1)) * 2.0 / f64::from(PARTS);
    let part = if settled == 0 { 0.0 } else { harmed as f64 / settled as f64 };
    let is_over = u128::from(harmed) * u128::from(PARTS) > u128::from(settled) * u128::from(limit);
    let to = crate::charts::percent((part / scale).min(1.0));
    let class = if is_over { "f-bad" } else { "f-go" };
    view! {
        <tr>
            <th scope="row">{format!("Wave {}, {what}", n + 1)}</th>
            <td class="num" data-l="Outcomes">{number(settled)}</td>
            <td class="num" data-l="Harmed">{number(harmed)}</td>
            <td class="iv hide-phone">
                <svg class="chart" height="28" width="100%" aria-hidden="true">
                    <rect class="t-bad" x="50%" width="50%" height="28"></rect>
                    <rect class=class y="10" width=to height="8"></rect>
                    <line class="s-bad" x1="50%" x2="50%" y1="0" y2="28" stroke-width="1.5"></line>
                </svg>
            </td>
            <td class="num" data-l="Share">{share(harmed, settled)}</td>
            <td class="num quiet" data-l="Limit">{format!("{} %", super::typed::percent(limit))}</td>
        </tr>
    }
}

/// Failures that are alike.
pub(super) fn failures(detail: &RolloutDetail, now: Timestamp) -> impl IntoView + use<> {
    let all: u64 = detail.failures.iter().map(|cluster| cluster.n).sum();
    let failed = href(&path(&detail.row.code), &[("state", "failed")]);
    let rows: Vec<_> = detail
        .failures
        .iter()
        .map(|cluster| {
            let revision = if cluster.revision.is_empty() { "of no known revision".to_owned() } else { format!("hardware revision {}", cluster.revision) };
            view! {
                <li>
                    <div>
                        <h3>{cluster.reason.clone()} " " <span class="mono quiet">{cluster.code.clone()}</span></h3>
                        <p>{revision} ", the last one " {ago(cluster.last_at, now)}</p>
                    </div>
                    <div class="end"><a href=failed.clone()>{number(cluster.n)} {if cluster.n == 1 { " time" } else { " times" }}</a></div>
                </li>
            }
        })
        .collect();
    Panel::new("What went wrong")
        .count(i64::try_from(all).unwrap_or(i64::MAX))
        .flush(view! { <ul class="list">{rows}</ul> })
}

/// How many devices are how far.
pub(super) fn outcomes(detail: &RolloutDetail) -> impl IntoView + use<> {
    let at = path(&detail.row.code);
    let sum = |kind: ActionKind, state: ActionState| -> u64 {
        let counts = detail.wave_views.iter().flat_map(|wave| &wave.counts);
        counts.filter(|count| count.kind == kind && count.state == state).map(|count| count.n).sum()
    };
    let row = |status: AnyView, n: u64, to: Option<String>| {
        let number = number(n);
        let n = match to {
            Some(to) => view! { <a href=to>{number}</a> }.into_any(),
            None => number.into_any(),
        };
        view! { <tr><th scope="row">{status}</th><td class="num">{n}</td></tr> }
    };
    let told: Vec<_> = ActionState::ALL
        .iter()
        .map(|state| (*state, sum(ActionKind::Update, *state)))
        .filter(|(_, n)| *n > 0)
        .map(|(state, n)| {
            row(words::outcome(state).cell().into_any(), n, Some(href(&at, &[("state", state.as_str())])))
        })
        .collect();
    let back: u64 = ActionState::ALL.iter().map(|state| sum(ActionKind::Revert, *state)).sum();
    let done = sum(ActionKind::Revert, ActionState::Verified);
    let reverting = (back > 0).then(|| {
        let words = view! { <span class="st">{icon(crate::components::icons::REVERT)}"Taken back, done of told"</span> };
        view! { <tr><th scope="row">{words}</th><td class="num">{format!("{} of {}", number(done), number(back))}</td></tr> }
    });
    let untold = detail.wave_views.iter().map(|wave| {
        let told: u64 = wave.counts.iter().filter(|count| count.kind == ActionKind::Update).map(|count| count.n).sum();
        wave.devices.saturating_sub(told)
    });
    let untold: u64 = untold.sum();
    let waiting = row(
        view! { <span class="st st-mute">{icon(crate::components::icons::RING)}"Not told yet"</span> }.into_any(),
        untold,
        None,
    );
    let of = detail.row.devices.map(|n| format!("of {}", number(n)));
    Panel::new("Outcomes").aside(of).flush(view! {
        <table class="table" data-density="compact">
            <caption class="sr">"Devices by outcome"</caption>
            <tbody>{told}{reverting}{waiting}</tbody>
        </table>
    })
}
