//! The plan as it was written: what was approved, in words.

use super::{
    said,
    typed::{percent, span_text},
};
use crate::components::{
    panel::Panel,
    text::{copy, fours, minute},
};
use domain::{
    approval::ApprovalState,
    rollout::{Advance, RolloutState},
};
use fleet::rollout::RolloutDetail;
use leptos::prelude::*;

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
    let known = if gate.evidence.is_some() { " and the evidence is enough" } else { "" };
    format!("Opens when {} % of wave {n} have an outcome{known}{open}{who}", percent(gate.done))
}

/// What was approved, in words.
pub(super) fn panel(detail: &RolloutDetail, titles: &said::Titles) -> impl IntoView + use<> {
    let rules: Vec<_> = said::cohorts(&detail.plan, detail.frozen.as_ref(), titles)
        .into_iter()
        .chain(said::experiment(&detail.plan))
        .chain(said::rules(&detail.plan, titles))
        .map(|line| view! { <dt>{line.term}</dt><dd>{line.words}</dd> })
        .collect();
    let times = [("Started", detail.started_at), ("Ended", detail.ended_at)];
    let times: Vec<_> = times
        .into_iter()
        .filter_map(|(term, at)| at.map(|at| view! { <dt>{term}</dt><dd>{minute(at)}</dd> }))
        .collect();
    let approved = detail.approval.as_ref().map(|approval| {
        let word = match approval.state {
            ApprovalState::Waiting => "Waiting for a manager".to_owned(),
            ApprovalState::Approved if !detail.approved_by.is_empty() => format!("Approved by {}", detail.approved_by),
            state => state.label().to_owned(),
        };
        view! { <a href=format!("/approvals/{}", approval.id)>{word}</a> }
    });
    let gates: Vec<_> = said::waves(&detail.plan, detail.frozen.as_ref())
        .into_iter()
        .map(|(wave, gate)| {
            let gate: Vec<_> = gate.into_iter().map(|words| view! { <p>{words}</p> }).collect();
            view! { <li><div><h3>{wave.term}": "{wave.words}</h3>{gate}</div></li> }
        })
        .collect();
    let hash = (!detail.hash.is_empty()).then(|| {
        view! {
            <div class="hashbox">
                <div><span class="small quiet">"SHA-256 of plan and target"</span><br />{fours(&detail.hash)}</div>
                {copy("hash", &detail.hash)}
            </div>
        }
    });
    Panel::new("Plan").id("plan").aside(approved).flush(view! {
        <ul class="list">{gates}</ul>
        <div class="body stack"><dl class="facts">{rules}{times}</dl>{hash}</div>
    })
}
