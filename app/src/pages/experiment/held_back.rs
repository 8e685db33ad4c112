//! Who gets nothing more from the rollout, and why.

use super::lookup;
use crate::components::{
    icons::{self, sized},
    panel::Panel,
    text::minute,
};
use domain::rollout::HeldBack;
use fleet::rollout::ExperimentDetail;
use leptos::prelude::*;

/// The panel; nothing where nobody is held back.
pub(super) fn panel(detail: &ExperimentDetail) -> impl IntoView + use<> {
    if detail.held_back.is_empty() {
        return ().into_any();
    }
    let rows: Vec<_> = detail.held_back.iter().map(|held| row(detail, held)).collect();
    let n = i64::try_from(detail.held_back.len()).unwrap_or(i64::MAX);
    Panel::new("Held back")
        .id("held")
        .count(n)
        .footer(view! { <span>"Nobody of these is offered it any more. Who has it keeps it."</span> })
        .flush(view! { <ul class="list">{rows}</ul> })
        .into_any()
}

fn row(detail: &ExperimentDetail, held: &HeldBack) -> impl IntoView + use<> {
    let cohort = match held.cohort {
        Some(cohort) => format!("Cohort {}", lookup::name(detail, cohort)),
        None => "Every cohort".to_owned(),
    };
    let level = held.level.words();
    let level = match lookup::devices_of(&detail.target, &held.level) {
        Some(to) => view! { <a href=to>{level}</a> }.into_any(),
        None => level.into_any(),
    };
    view! {
        <li>
            {sized(icons::LOCK, "i hold")}
            <div>
                <h3>{cohort} ", " {level}</h3>
                <p>{held.why.clone()}</p>
                <p>"Since " {minute(held.at)} " UTC, with the numbers of then"</p>
            </div>
        </li>
    }
}
