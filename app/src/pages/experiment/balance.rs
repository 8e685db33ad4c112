//! Whether what devices are is spread alike over the cohorts: hardware revisions, batches, makers of parts.

use super::{exposure::chance, lookup::devices_of};
use crate::{
    components::{
        icons,
        panel::fold,
        status::{Status, Tone},
        table::{frame, none_yet},
    },
    pages::rollouts::number,
};
use domain::evidence::Level;
use fleet::rollout::{ExperimentDetail, FactorView};
use leptos::prelude::*;

/// So many levels of a factor are shown; the others are rare.
const LEVELS: usize = 6;

/// The comparison, folded away as long as nothing is odd.
pub(super) fn part(detail: &ExperimentDetail) -> impl IntoView + use<> {
    let shown: Vec<&FactorView> = detail.balance.iter().filter(|factor| !factor.levels.is_empty()).collect();
    let off: Vec<String> =
        shown.iter().filter(|factor| factor.is_off).map(|factor| factor.factor.label().to_lowercase()).collect();
    let gist = match (shown.is_empty(), off.is_empty()) {
        (true, _) => "Nobody is exposed yet.".to_owned(),
        (false, true) => "Cohorts are as even as chance makes them.".to_owned(),
        (false, false) => format!("Uneven by {}. {}", off.join(", "), compared_within(detail, &shown)),
    };
    let body = if shown.is_empty() {
        let words = "Once devices are exposed, it is compared what they are.";
        none_yet("Nobody is exposed yet", view! { <p>{words}</p> }).into_any()
    } else {
        table(detail, &shown).into_any()
    };
    fold("Balance", gist, !off.is_empty(), body)
}

/// What of the imbalance counts: cohorts are compared within each level of one factor.
fn compared_within(detail: &ExperimentDetail, shown: &[&FactorView]) -> String {
    let within = detail.within.label().to_lowercase();
    let is_all_within = shown.iter().all(|factor| !factor.is_off || factor.factor == detail.within);
    match is_all_within {
        true => format!("Cohorts are compared within each {within}, so that what is uneven there does not count."),
        false => {
            format!("Cohorts are compared within each {within} only: what else is uneven may be part of a difference.")
        }
    }
}

fn table(detail: &ExperimentDetail, shown: &[&FactorView]) -> impl IntoView + use<> {
    let heads: Vec<_> =
        detail.cohorts.iter().map(|cohort| view! { <th scope="col" class="num">{cohort.name.clone()}</th> }).collect();
    let rows: Vec<_> = shown.iter().map(|factor| rows(detail, factor)).collect();
    frame(
        "Balance",
        view! {
            <table class="table evidence" data-density="compact">
                <caption class="sr">"Hardware revisions, batches and makers of parts by cohort: exposed devices"</caption>
                <thead><tr><th scope="col">"Kind"</th>{heads}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

/// A factor with its levels, most devices first.
fn rows(detail: &ExperimentDetail, factor: &FactorView) -> impl IntoView + use<> {
    let status = if factor.is_off {
        Status { word: "Uneven", icon: icons::WARN, tone: Tone::Warn }
    } else {
        Status { word: "Even", icon: icons::TICK, tone: Tone::Ok }
    };
    let mut levels: Vec<&(String, Vec<u64>)> = factor.levels.iter().collect();
    levels.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().sum::<u64>()));
    let others = levels.len().saturating_sub(LEVELS);
    let columns = detail.cohorts.len().to_string();
    let rows: Vec<_> =
        levels.into_iter().take(LEVELS).map(|(level, counts)| row(detail, factor, level, counts)).collect();
    let others = (others > 0).then(|| {
        view! { <tr><th scope="row" class="sub">{format!("{others} more")}</th><td colspan=columns.clone()></td></tr> }
    });
    view! {
        <tr>
            <th scope="row">{factor.factor.label()} " " <span class="quiet">"p " {chance(factor.p)}</span></th>
            <td class="num" colspan=columns>{status.cell()}</td>
        </tr>
        {rows}
        {others}
    }
}

fn row(detail: &ExperimentDetail, factor: &FactorView, level: &str, counts: &[u64]) -> impl IntoView + use<> {
    let cells: Vec<_> = counts.iter().map(|n| view! { <td class="num">{number(*n)}</td> }).collect();
    let words = level.split_once('=').map_or_else(|| level.to_owned(), |(class, maker)| format!("{class}: {maker}"));
    let words = match devices_of(&detail.target, &Level::of(factor.factor, level)) {
        Some(to) => view! { <a href=to>{words}</a> }.into_any(),
        None => words.into_any(),
    };
    view! { <tr><th scope="row" class="sub">{words}</th>{cells}</tr> }
}
