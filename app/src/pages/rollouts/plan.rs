//! The plan as it was written: what was approved, in words.

use super::{
    number,
    typed::{percent, span_text},
};
use crate::components::{
    panel::{Panel, facts},
    table::frame,
    text::{copy, fours, minute},
};
use domain::{
    approval::ApprovalState,
    rollout::{ActionKind, ActionState, Advance, RolloutState, WaveSize},
};
use fleet::rollout::RolloutDetail;
use leptos::prelude::*;

/// A wave's size in words, before it is frozen.
pub(super) fn size_words(detail: &RolloutDetail, n: usize) -> String {
    match detail.plan.waves.get(n).map(|wave| &wave.size) {
        Some(WaveSize::Share(parts)) => format!("{} % of the target", percent(*parts)),
        Some(WaveSize::Devices(n)) => format!("{} devices", number(*n)),
        Some(WaveSize::Query(text)) => format!("Those of {text}"),
        Some(WaveSize::Rest) | None => "All that are left".to_owned(),
    }
}

/// What has to be so before a wave opens.
pub(super) fn opens(detail: &RolloutDetail, n: usize) -> String {
    let Some(before) = n.checked_sub(1).and_then(|before| detail.plan.waves.get(before)) else {
        return match (detail.row.state, detail.plan.start_at) {
            (RolloutState::Approved | RolloutState::Submitted, Some(at)) => {
                format!("Starts on {} UTC", at.minute_words())
            }
            _ => "Starts once it is approved".to_owned(),
        };
    };
    let gate = before.gate;
    let who = if gate.advance == Advance::Manual { ", by hand" } else { "" };
    let open = if gate.open_minutes > 0 {
        format!(", {} after wave {n}", span_text(gate.open_minutes))
    } else {
        String::new()
    };
    format!("Opens when {} % of wave {n} have an outcome{open}{who}", percent(gate.done))
}

/// What was approved, in words.
pub(super) fn panel(detail: &RolloutDetail) -> impl IntoView + use<> {
    let plan = &detail.plan;
    let windows = if plan.windows.open.is_empty() {
        "at any time".to_owned()
    } else {
        let zone = if plan.windows.zone.is_empty() { "UTC" } else { &plan.windows.zone };
        format!("{}, local time of the device, or else {zone}", plan.windows.lines().replace('\n', "; "))
    };
    let rate = plan
        .rate_per_minute
        .map_or_else(|| "no limit".to_owned(), |rate| format!("at most {} a minute", number(rate.into())));
    let later = if plan.joins { "join" } else { "do not join" };
    let mut rows = vec![
        ("Window", windows.into_any()),
        ("Rate", rate.into_any()),
        ("Silent after", format!("{} without progress", span_text(plan.timeout_minutes)).into_any()),
        ("Verified", format!("by its own report, and {} of life after it", span_text(plan.soak_minutes)).into_any()),
        (
            "Tries again",
            match plan.retries {
                0 => "never".into_any(),
                1 => "once".into_any(),
                n => format!("up to {n} times").into_any(),
            },
        ),
        ("At a limit", plan.reaction.label().into_any()),
    ];
    if let Some(release) = plan.revert_to {
        rows.push((
            "Goes back to",
            view! { <a href=format!("/releases/{release}")>"the release for that"</a> }.into_any(),
        ));
    }
    rows.push(("New devices", later.into_any()));
    if plan.downgrades {
        rows.push(("Downgrades", "yes".into_any()));
    }
    rows.extend(detail.started_at.map(|at| ("Started", minute(at).into_any())));
    rows.extend(detail.ended_at.map(|at| ("Ended", minute(at).into_any())));
    let approved = detail.approval.as_ref().map(|approval| {
        let word = match approval.state {
            ApprovalState::Waiting => "Waiting for a manager".to_owned(),
            ApprovalState::Approved if !detail.approved_by.is_empty() => format!("Approved by {}", detail.approved_by),
            state => state.label().to_owned(),
        };
        view! { <a href=format!("/approvals/{}", approval.id)>{word}</a> }
    });
    let hash = (!detail.hash.is_empty()).then(|| {
        view! {
            <div class="hashbox">
                <div><span class="small quiet">"SHA-256 of plan and target"</span><br />{fours(&detail.hash)}</div>
                {copy("hash", &detail.hash)}
            </div>
        }
    });
    Panel::new("Plan").aside(approved).body(view! { <div class="stack">{facts(rows)}{hash}</div> })
}

/// The cohorts side by side: who they are, and what came of it.
pub(super) fn cohorts(detail: &RolloutDetail) -> AnyView {
    let Some(cohorts) = &detail.plan.cohorts else { return ().into_any() };
    let counted = |cohort: usize, state: ActionState| -> u64 {
        let counts = detail.wave_views.iter().flat_map(|wave| &wave.counts);
        counts
            .filter(|count| count.kind == ActionKind::Update && count.cohort == cohort && count.state == state)
            .map(|count| count.n)
            .sum()
    };
    let rows: Vec<_> = cohorts
        .variants
        .iter()
        .enumerate()
        .map(|(n, variant)| {
            let members: u64 = detail.wave_views.iter().filter_map(|wave| wave.cohorts.get(n + 1)).sum();
            let harmed = counted(n + 1, ActionState::Failed)
                + counted(n + 1, ActionState::Silent)
                + counted(n + 1, ActionState::Reverted);
            let gets = if variant.release.is_some() {
                format!("{} %", percent(variant.share))
            } else {
                format!("{} %, held out", percent(variant.share))
            };
            view! {
                <tr>
                    <th scope="row" class="two"><b>{variant.name.clone()}</b><small>{gets}</small></th>
                    <td class="num" data-l="Devices">{number(members)}</td>
                    <td class="num" data-l="Verified">{number(counted(n + 1, ActionState::Verified))}</td>
                    <td class="num" data-l="Harmed">{number(harmed)}</td>
                </tr>
            }
        })
        .collect();
    let aside = cohorts.wave.map(|wave| format!("in wave {}", wave + 1));
    Panel::new("Cohorts")
        .aside(aside)
        .flush(frame(
            "Cohorts",
            view! {
                <table class="table cards">
                    <caption class="sr">"Cohorts and their outcomes"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Cohort"</th>
                            <th scope="col" class="num">"Devices"</th>
                            <th scope="col" class="num">"Verified"</th>
                            <th scope="col" class="num">"Harmed"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            },
        ))
        .into_any()
}
