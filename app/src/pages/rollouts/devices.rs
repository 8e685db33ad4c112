//! The devices that were told of a rollout, and what came of it on each.

use super::{path, words};
use crate::{
    components::{
        panel::Panel,
        table::{Pager, frame, none_yet, pager},
        text::{ago, count},
    },
    context::{Ctx, segment},
};
use domain::rollout::{ActionKind, ActionState};
use fleet::rollout::{DeviceOutcome, DeviceOutcomes, RolloutDetail};
use leptos::prelude::*;

/// So many devices are on a page.
pub(super) const ROWS: i64 = 25;

/// The panel.
pub(super) fn panel(
    ctx: &Ctx,
    detail: &RolloutDetail,
    outcomes: &DeviceOutcomes,
    state: Option<ActionState>,
    after: i64,
) -> impl IntoView + use<> {
    let at = path(&detail.row.code);
    let title = match state {
        Some(state) => format!("Devices: {}", words::outcome(state).word.to_lowercase()),
        None => "Devices that were told".to_owned(),
    };
    let all = state.map(|_| view! { <a href=at.clone()>"Show all"</a> });
    let shown = i64::try_from(outcomes.rows.len()).unwrap_or(i64::MAX);
    let footer = pager(Pager {
        summary: format!("{} on this page", count(shown)),
        previous: (after > 0).then(|| ctx.href_with(&[("after", None)])),
        next: outcomes.next.map(|id| ctx.href_with(&[("after", Some(&id.to_string()))])),
    });
    let panel = Panel::new(title).id("devices").aside(all);
    if outcomes.rows.is_empty() {
        let words = match state {
            Some(_) => "No device is so far at present.",
            None => "Each device is told at its next poll.",
        };
        return panel.flush(none_yet("Nobody here", view! { <p>{words}</p> })).into_any();
    }
    let rows: Vec<_> = outcomes.rows.iter().map(|row| line(detail, row, ctx)).collect();
    panel
        .footer(footer)
        .flush(frame(
            "Devices that were told",
            view! {
                <table class="table cards pairs">
                    <caption class="sr">"Devices in the order in which they were told"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Serial"</th>
                            <th scope="col">"Outcome"</th>
                            <th scope="col">"Wave"</th>
                            <th scope="col">"Last word"</th>
                            <th scope="col" class="num">"When"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            },
        ))
        .into_any()
}

fn line(detail: &RolloutDetail, row: &DeviceOutcome, ctx: &Ctx) -> impl IntoView + use<> {
    let from = if row.from.is_empty() { "an unknown version".to_owned() } else { row.from.clone() };
    let step = match row.kind {
        ActionKind::Update => format!("{from} to {}", row.version),
        ActionKind::Revert => format!("back from {from} to {}", row.version),
    };
    let tried = (row.attempt > 0).then(|| format!(", try {}", row.attempt + 1));
    let cohort = row.cohort.checked_sub(1).and_then(|n| detail.plan.cohorts.as_ref()?.variants.get(n));
    let cohort = cohort.map(|variant| format!(", cohort {}", variant.name));
    // Of most devices there is nothing but the step: one line.
    let said = if row.reason.is_empty() {
        view! { <td data-l="Last word">{step}{tried}</td> }.into_any()
    } else {
        let reason = row.reason.clone();
        view! { <td data-l="Last word" class="two"><b>{reason}</b><small>{step}{tried}</small></td> }.into_any()
    };
    view! {
        <tr>
            <th scope="row"><a href=format!("/devices/{}", segment(&row.serial))>{row.serial.clone()}</a></th>
            <td data-l="Outcome">{words::outcome_of(row.state, row.denied).cell()}</td>
            <td data-l="Wave">{(row.wave + 1).to_string()}{cohort}</td>
            {said}
            <td data-l="When" class="num nowrap">{ago(row.changed_at, ctx.now)}</td>
        </tr>
    }
}
