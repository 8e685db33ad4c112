//! Where a repair stands: the steps that it takes, those that are behind it, and the one that is next.

use crate::components::{
    icons::{self, icon},
    panel::Panel,
    text::minute,
};
use domain::{repair::RepairState, time::Timestamp};
use fleet::repair::RepairDetail;
use leptos::prelude::*;

/// One step.
struct Step {
    words: String,
    hint: Option<String>,
    at: Option<Timestamp>,
}

/// The steps of a repair, and at which of them it is; all are behind it when it is closed.
fn steps(detail: &RepairDetail) -> (Vec<Step>, usize) {
    let case = &detail.case;
    let plain = |words: &str| Step { words: words.to_owned(), hint: None, at: None };
    if case.state == RepairState::Cancelled {
        let over = vec![
            Step { at: Some(case.opened_at), ..plain("Opened") },
            Step { at: case.closed_at, ..plain("Cancelled: nothing of the device was changed") },
        ];
        let all = over.len();
        return (over, all);
    }
    let takes_two = detail.plan.takes_two() || case.approval_id.is_some();
    let new_key = case.key_changes || detail.plan.key_changes;
    let mut steps = vec![
        Step { at: Some(case.opened_at), ..plain("Opened") },
        Step { hint: Some("Parts out and in, notes, photos".to_owned()), ..plain("On the bench") },
    ];
    if takes_two {
        steps.push(Step { hint: Some("A manager who did not ask".to_owned()), ..plain("Second person") });
    }
    let version = match case.expected_version {
        0 => detail.device.manifest_version + i64::from(!detail.plan.is_empty()),
        version => version,
    };
    steps.push(Step { at: case.authorised_at, ..plain("Authorised") });
    if new_key {
        steps.push(Step { hint: Some("By a voucher that works once".to_owned()), ..plain("New certificate") });
    }
    steps.push(plain(&format!("Device reports exactly v{version}")));
    let closed = steps.len();
    steps.push(Step { at: case.closed_at, ..plain("Closed, back in use") });
    let find = |words: &str| steps.iter().position(|step| step.words == words).unwrap_or(1);
    let at = match case.state {
        RepairState::Reported | RepairState::Cancelled => 1,
        RepairState::Authorising => find("Second person"),
        RepairState::Authorised | RepairState::ReEnrolling => find("New certificate"),
        RepairState::Verifying => closed - 1,
        RepairState::Closed => steps.len(),
    };
    (steps, at)
}

/// The panel beside the case.
pub(super) fn panel(detail: &RepairDetail) -> impl IntoView + use<> {
    let (steps, at) = steps(detail);
    let items: Vec<_> = steps
        .into_iter()
        .enumerate()
        .map(|(i, step)| {
            let drawn = match i.cmp(&at) {
                std::cmp::Ordering::Less => icons::CHECK,
                std::cmp::Ordering::Equal => icons::PENCIL,
                std::cmp::Ordering::Greater => icons::RING,
            };
            let when = step.at.map(|at| view! { <span class="quiet small">{minute(at)}</span> });
            let hint = step.hint.map(|hint| view! { <small>{hint}</small> });
            let here = (i == at).then_some("step");
            view! { <li class=(i < at).then_some("done") aria-current=here>{icon(drawn)}<b>{step.words}</b>{when}{hint}</li> }
        })
        .collect();
    Panel::new("Where it stands").body(view! { <ol class="vsteps">{items}</ol> })
}

/// The same in a line, for a phone.
pub(super) fn line(detail: &RepairDetail) -> impl IntoView + use<> {
    let (steps, at) = steps(detail);
    let all = steps.len();
    let width = 100.0 / f64::from(u32::try_from(all).unwrap_or(1));
    let bars: String = (0..all)
        .map(|i| {
            let class = match i.cmp(&at) {
                std::cmp::Ordering::Less => "f-ok",
                std::cmp::Ordering::Equal => "f-go",
                std::cmp::Ordering::Greater => "f-line",
            };
            let x = width * f64::from(u32::try_from(i).unwrap_or(0));
            format!(r#"<rect class="{class}" x="{x:.1}%" width="{:.1}%" height="6" rx="1"/>"#, width - 0.9)
        })
        .collect();
    let number = (at + 1).min(all);
    let here = steps.get(at.min(all - 1)).map(|step| step.words.to_lowercase()).unwrap_or_default();
    let next = steps.get(at + 1).map(|step| format!(". Next: {}", step.words.to_lowercase())).unwrap_or_default();
    view! {
        <div class="only-phone">
            <div class="progress">
                <svg class="chart" height="6" role="img" aria-label=format!("Step {number} of {all}") inner_html=bars></svg>
            </div>
            <p class="small soft">{format!("Step {number} of {all}: ")}<b>{here}</b>{next}</p>
        </div>
    }
}
