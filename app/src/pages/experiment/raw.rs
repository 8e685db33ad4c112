//! What was counted: everything on the page is reckoned from it.

use super::scale::Scale;
use crate::{
    components::{panel::fold, table::frame},
    context::href,
    pages::rollouts::{number, path},
};
use fleet::rollout::{CohortView, ExperimentDetail};
use leptos::prelude::*;

/// An outcome: in words, as an address has it, and how many devices of a cohort have it.
type Outcome = (&'static str, &'static str, fn(&CohortView) -> u64);

const OUTCOMES: [Outcome; 3] = [
    ("Verified", "verified", |cohort| cohort.verified),
    ("Failed", "failed", |cohort| cohort.failed),
    ("Silent after update", "silent", |cohort| cohort.silent),
];

/// The counts, folded away: a column a cohort.
pub(super) fn part(detail: &ExperimentDetail) -> impl IntoView + use<> {
    let at = path(&detail.code);
    let heads: Vec<_> =
        detail.cohorts.iter().map(|cohort| view! { <th scope="col" class="num">{cohort.name.clone()}</th> }).collect();
    let cohorts = &detail.cohorts;
    let exposed = row("Exposed", cohorts.iter().map(|cohort| number(cohort.exposed).into_any()).collect());
    let outcomes: Vec<_> = OUTCOMES
        .into_iter()
        .map(|(words, state, of)| {
            row(words, cohorts.iter().map(|cohort| outcome(&at, state, of(cohort), cohort)).collect())
        })
        .collect();
    let metrics: Vec<_> = detail
        .experiment
        .criteria()
        .enumerate()
        .map(|(n, criterion)| {
            let cells = cohorts.iter().map(|cohort| metric(n, Scale(criterion), cohort)).collect();
            row(&criterion.metric.words(), cells)
        })
        .collect();
    let table = view! {
        <table class="table" data-density="compact">
            <caption class="sr">"Outcomes and metrics by cohort: of how many devices it is so, or the mean of how many"</caption>
            <thead><tr><th scope="col">"Counted"</th>{heads}</tr></thead>
            <tbody>{exposed} {outcomes} {metrics}</tbody>
        </table>
    };
    let csv = super::csv(&detail.code);
    let body = view! {
        {frame("Raw counts", table)}
        <p class="inset small quiet">"Of all exposed devices, also of those that are held back since. " <a href=csv>"CSV, by level"</a></p>
    };
    fold("Raw counts", "outcomes and metrics, cohort by cohort", false, body)
}

fn row(words: &str, cells: Vec<AnyView>) -> AnyView {
    let cells: Vec<_> = cells.into_iter().map(|cell| view! { <td class="num">{cell}</td> }).collect();
    view! { <tr><th scope="row">{words.to_owned()}</th>{cells}</tr> }.into_any()
}

/// How many have an outcome, and which share of those that were exposed.
fn outcome(at: &str, state: &str, n: u64, cohort: &CohortView) -> AnyView {
    let so = match n {
        0 => "0".into_any(),
        n => view! { <a href=format!("{}#devices", href(at, &[("state", state)]))>{number(n)}</a> }.into_any(),
    };
    let share = (cohort.exposed > 0).then(|| format!(" {:.1} %", n as f64 / cohort.exposed as f64 * 100.0));
    view! { {so} <span class="quiet">{share}</span> }.into_any()
}

/// The mean of a metric, and of how many devices there is a value.
fn metric(n: usize, scale: Scale<'_>, cohort: &CohortView) -> AnyView {
    let values = cohort.values.get(n).copied().unwrap_or_default();
    let mean = scale.mean(cohort.means.get(n).copied().flatten());
    view! { {mean} <span class="quiet">" of " {number(values)}</span> }.into_any()
}
