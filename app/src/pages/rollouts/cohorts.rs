//! Cohorts side by side: whether they are alike, and what came of each.

use super::{number, path, typed::percent, who::share};
use crate::components::{panel::Panel, table::frame};
use domain::rollout::{ActionKind, ActionState, Cohorts, Variant, share_interval};
use fleet::rollout::{Makeup, Part, RolloutDetail};
use leptos::prelude::*;

/// So many values of a quality are compared; the rest is rare.
const VALUES: usize = 4;

/// The panel; nothing without cohorts, or before their devices are known. `makeups` are the cohorts' in their order, where they are known.
pub(super) fn panel(detail: &RolloutDetail, makeups: &[Makeup]) -> AnyView {
    let Some(cohorts) = detail.plan.cohorts.as_ref().filter(|_| detail.frozen.is_some()) else { return ().into_any() };
    let heads: Vec<_> = cohorts.variants.iter().map(head).collect();
    let aside = cohorts.wave.map_or_else(|| "of every wave".to_owned(), |wave| format!("of wave {}", wave + 1));
    let aside = match &detail.plan.experiment {
        Some(_) => {
            let to = format!("{}/experiment", path(&detail.row.code));
            view! { <span>{aside} ", " <a href=to>"what the experiment says"</a></span> }.into_any()
        }
        None => aside.into_any(),
    };
    let drawn = makeups.iter().any(|makeup| makeup.looked_at < makeup.devices);
    let footer = if drawn { "Composition by a sample drawn at random." } else { "Composition of all devices." };
    Panel::new("Cohorts")
        .id("cohorts")
        .aside(aside)
        .footer(view! { <span>{footer}</span> })
        .flush(frame(
            "Cohorts side by side",
            view! {
                <table class="table" data-density="compact">
                    <caption class="sr">"Cohorts side by side: outcomes and composition"</caption>
                    <thead><tr><th scope="col">"Cohort"</th>{heads}</tr></thead>
                    <tbody>{outcomes(detail, cohorts)}{compositions(makeups)}</tbody>
                </table>
            },
        ))
        .into_any()
}

fn head(variant: &Variant) -> impl IntoView + use<> {
    let gets = if variant.release.is_some() { "" } else { ", held out" };
    view! { <th scope="col" class="num">{variant.name.clone()} " " <span class="quiet">{format!("{} %{gets}", percent(variant.share))}</span></th> }
}

fn row(label: String, is_sub: bool, cells: Vec<String>) -> AnyView {
    let cells: Vec<_> = cells.into_iter().map(|cell| view! { <td class="num">{cell}</td> }).collect();
    let class = if is_sub { "sub" } else { "" };
    view! { <tr><th scope="row" class=class>{label}</th>{cells}</tr> }.into_any()
}

/// How many devices of a cohort, counted from 1, are in one of these states.
fn counted(detail: &RolloutDetail, cohort: usize, states: &[ActionState]) -> u64 {
    let counts = detail.wave_views.iter().flat_map(|wave| &wave.counts);
    let wanted = counts.filter(|count| count.kind == ActionKind::Update && count.cohort == cohort);
    wanted.filter(|count| states.contains(&count.state)).map(|count| count.n).sum()
}

fn outcomes(detail: &RolloutDetail, cohorts: &Cohorts) -> Vec<AnyView> {
    let n = cohorts.variants.len();
    let each = |cell: &dyn Fn(usize) -> String| (1..=n).map(cell).collect::<Vec<_>>();
    let members = |cohort: usize| detail.wave_views.iter().filter_map(|wave| wave.cohorts.get(cohort)).sum::<u64>();
    let state = |state: ActionState| move |cohort: usize| counted(detail, cohort, &[state]);
    let harmed =
        |cohort: usize| counted(detail, cohort, &[ActionState::Failed, ActionState::Silent, ActionState::Reverted]);
    let share_harmed = |cohort: usize| {
        let (bad, good) = (harmed(cohort), counted(detail, cohort, &[ActionState::Verified]));
        if bad + good == 0 {
            return "–".to_owned();
        }
        let (low, high) = share_interval(bad, bad + good);
        format!("{:.1} to {:.1} %", low * 100.0, high * 100.0)
    };
    let devices = row("Devices".to_owned(), false, each(&|n| number(members(n))));
    if detail.row.wave.is_none() {
        return vec![devices];
    }
    vec![
        devices,
        row("Verified".to_owned(), false, each(&|n| number(state(ActionState::Verified)(n)))),
        row("Failed".to_owned(), false, each(&|n| number(state(ActionState::Failed)(n)))),
        row("Silent after update".to_owned(), false, each(&|n| number(state(ActionState::Silent)(n)))),
        row("Reverted".to_owned(), false, each(&|n| number(state(ActionState::Reverted)(n)))),
        row("Share harmed, 95 %".to_owned(), false, each(&share_harmed)),
    ]
}

/// What it is called, and where it is found.
type Quality = (&'static str, fn(&Makeup) -> &Vec<Part>);

/// What the cohorts are made of, quality by quality: alike, if the split is fair.
fn compositions(makeups: &[Makeup]) -> Vec<AnyView> {
    let qualities: [Quality; 4] = [
        ("Model", |makeup| &makeup.models),
        ("Revision", |makeup| &makeup.revisions),
        ("Held by", |makeup| &makeup.holders),
        ("Made by", |makeup| &makeup.factories),
    ];
    let rows = qualities.into_iter().flat_map(|(quality, of)| {
        values(makeups, of).into_iter().map(move |(value, cells)| {
            let value = if value.is_empty() { "not known".to_owned() } else { value };
            row(format!("{quality}: {value}"), true, cells)
        })
    });
    rows.collect()
}

/// The commonest values of a quality, and which share of each cohort has them.
fn values(makeups: &[Makeup], of: impl Fn(&Makeup) -> &Vec<Part>) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, u64)> = Vec::new();
    for part in makeups.iter().flat_map(&of) {
        match all.iter_mut().find(|(name, _)| *name == part.name) {
            Some((_, n)) => *n += part.n,
            None => all.push((part.name.clone(), part.n)),
        }
    }
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let share_of = |makeup: &Makeup, name: &str| {
        let n = of(makeup).iter().find(|part| part.name == *name).map_or(0, |part| part.n);
        share(n, makeup.looked_at)
    };
    let rows = all.into_iter().take(VALUES).map(|(name, _)| {
        let cells = makeups.iter().map(|makeup| share_of(makeup, &name)).collect();
        (name, cells)
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities_of_cohorts_stand_side_by_side() {
        let makeup = |parts: &[(&str, u64)]| Makeup {
            looked_at: 100,
            models: parts.iter().map(|(name, n)| Part { name: (*name).to_owned(), n: *n }).collect(),
            ..Makeup::default()
        };
        let found = values(&[makeup(&[("A", 60), ("B", 40)]), makeup(&[("B", 100)])], |makeup| &makeup.models);
        let cells = |share: [&str; 2]| share.map(str::to_owned).to_vec();
        assert_eq!(found, [("B".to_owned(), cells(["40 %", "100 %"])), ("A".to_owned(), cells(["60 %", "0 %"]))]);
    }
}
