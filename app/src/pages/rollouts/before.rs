//! The rollout of the same product before this one: how it went, and what this one does otherwise.

use super::{
    number, path,
    said::{self, Difference},
    who::lasts,
    words,
};
use crate::{components::panel::Panel, context::Ctx};
use domain::rollout::{Frozen, Plan};
use fleet::rollout::RolloutBefore;
use leptos::prelude::*;

/// What the releases of plans are called, and whose order they repeat. The first plan is that of the rollout `code`; those after
/// it are of rollouts before.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails. What is gone has no title.
pub(in crate::pages) async fn titles(ctx: &Ctx, code: &str, plans: &[&Plan]) -> Result<said::Titles, fleet::Error> {
    let mut titles = said::Titles::default();
    for id in plans.iter().flat_map(|plan| plan.releases()) {
        match ctx.fleet.release_title(&ctx.actor, id).await {
            Ok(title) => {
                titles.releases.insert(id, title);
            }
            Err(fleet::Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let Some((plan, others)) = plans.split_first() else { return Ok(titles) };
    let other = match others.iter().find(|other| other.salt == plan.salt) {
        Some(other) => Some(other.name.clone()),
        None => ctx.fleet.rollout_of_order(&ctx.actor, &plan.salt, code).await?,
    };
    titles.orders.extend(other.map(|other| (plan.salt.clone(), other)));
    Ok(titles)
}

/// A share of outcomes in percent with one decimal.
fn share(n: u64, of: u64) -> String {
    let tenths = (u128::from(n) * 1_000).checked_div(u128::from(of)).unwrap_or_default();
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// How it went, in a few words with the way to it.
pub(in crate::pages) fn gist(before: &RolloutBefore) -> impl IntoView + use<> {
    let state = words::state(before.state).word.to_lowercase();
    let took = before.took().map(|took| format!(" after {}", lasts(took)));
    view! { {before.name.clone()} ": " {state} {took} }
}

/// How it went, in a panel.
pub(in crate::pages) fn panel(before: &RolloutBefore) -> impl IntoView + use<> {
    let took = before.took().map(|took| view! { ", after " {lasts(took)} });
    Panel::new("The last one of this product")
        .aside(words::state(before.state).cell())
        .footer(view! { <span><a href=path(&before.code)>{before.name.clone()}</a> {took}</span> })
        .flush(table(before))
}

/// How it went, wave by wave.
pub(in crate::pages) fn table(before: &RolloutBefore) -> impl IntoView + use<> {
    let rows: Vec<_> = before
        .plan
        .waves
        .iter()
        .enumerate()
        .map(|(n, wave)| {
            let evidence = before.evidence.get(n).copied().unwrap_or_default();
            let harmed = evidence.failed.saturating_add(evidence.silent);
            let harmed = match evidence.settled() {
                0 => "–".to_owned(),
                settled => share(harmed, settled),
            };
            let took = before.wave_took(n).map_or_else(|| "–".to_owned(), lasts);
            view! {
                <tr>
                    <th scope="row">{format!("{}. {}", n + 1, wave.name)}</th>
                    <td class="num">{number(evidence.total)}</td>
                    <td class="num">{harmed}</td>
                    <td class="num">{took}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <table class="table small">
            <caption class="sr">"Waves of the last rollout: devices, share that failed or went silent, time"</caption>
            <thead>
                <tr>
                    <th scope="col">"Wave"</th>
                    <th scope="col" class="num">"Devices"</th>
                    <th scope="col" class="num">"Harmed"</th>
                    <th scope="col" class="num">"Took"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

/// What a plan does otherwise.
pub(in crate::pages) fn differences(
    before: &RolloutBefore,
    (plan, frozen): (&Plan, Option<&Frozen>),
    titles: &said::Titles,
) -> Vec<Difference> {
    let earlier = said::all(&before.plan, before.frozen.as_ref(), titles);
    said::differences(&earlier, &said::all(plan, frozen, titles))
}

/// What is otherwise, line by line.
pub(in crate::pages) fn difference_list(found: Vec<Difference>) -> impl IntoView {
    let rows: Vec<_> = found.into_iter().map(difference).collect();
    view! { <ul class="list">{rows}</ul> }
}

fn difference(one: Difference) -> impl IntoView {
    let nothing = || "nothing was said".to_owned();
    let none = || "nothing is said any more".to_owned();
    view! {
        <li>
            <div>
                <h3>{one.term}</h3>
                <p>"Before: " {one.before.unwrap_or_else(nothing)}</p>
                <p>"Now: " <b>{one.now.unwrap_or_else(none)}</b></p>
            </div>
        </li>
    }
}
