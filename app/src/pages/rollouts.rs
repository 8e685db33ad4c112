//! Rollouts: which release goes to whom, how far it is, and who stopped it.

pub(super) mod before;
mod cohorts;
mod devices;
mod evidence;
mod experiment;
mod failures;
pub(super) mod forecast;
mod forecast_reality;
pub(super) mod forecast_worst;
mod form;
mod go_on;
mod held;
mod new;
mod one;
mod plan;
pub(super) mod said;
pub(super) mod typed;
pub(super) mod who;
pub(super) mod words;

pub use new::{load as load_new, load_edit};
pub use one::load as load_one;
pub use typed::{another_row, other_experiment, plan_of, without_row};

use crate::{
    components::{
        icons,
        panel::{Panel, Tab, head, primary_link, tabs},
        table::{Pager, frame, no_match, none_yet, pager},
        text::{ago, count},
    },
    context::{Ctx, href, segment},
    page::Page,
};
use domain::{person::Permission, rollout::RolloutState, time::Timestamp};
use fleet::rollout::RolloutRow;
use leptos::prelude::*;

/// So many rollouts are on a page.
const ROWS: i64 = 50;

/// `/rollouts`.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let state: Option<RolloutState> = ctx.query_value("state").and_then(|word| word.parse().ok());
    let before = ctx.query_value("before").and_then(|id| id.parse().ok());
    let page = ctx.fleet.rollouts(&ctx.actor, state, before, ROWS).await?;
    let list = if page.rows.is_empty() { nothing(&ctx, state) } else { table(&page.rows, ctx.now).into_any() };
    let panel = Panel::new("Rollouts, newest first");
    let panel = if page.rows.is_empty() && before.is_none() {
        panel
    } else {
        let shown = i64::try_from(page.rows.len()).unwrap_or(i64::MAX);
        panel.footer(pager(Pager {
            summary: format!("{} on this page", count(shown)),
            previous: before.is_some().then(|| ctx.href_with(&[("before", None)])),
            next: page.next.map(|id| ctx.href_with(&[("before", Some(&id.to_string()))])),
        }))
    };
    let start = ctx.may(Permission::RolloutWrite).then(|| primary_link("/rollouts/new", icons::PLUS, "Plan a rollout"));
    let sub = view! { <p>"A release goes out in waves. A manager approves exactly what was frozen, and each wave’s gate stops it by itself."</p> };
    let body = view! {
        {head("Rollouts", sub, start)}
        {filters(state)}
        {panel.flush(list)}
    };
    Ok(Page::new("Rollouts", body).live("rollout,rollout.progress"))
}

fn nothing(ctx: &Ctx, state: Option<RolloutState>) -> AnyView {
    let Some(state) = state else {
        let how = match ctx.may(Permission::RolloutWrite) {
            true => view! { "Push a " <a href="/releases">"release"</a> ", promote it, and plan who gets it first." }
                .into_any(),
            false => "Operators plan rollouts, managers approve them.".into_any(),
        };
        return none_yet("Nothing is rolled out", view! { <p>{how}</p> }).into_any();
    };
    let state = words::state(state).word.to_lowercase();
    no_match(format!("No rollout is “{state}” at present"), "/rollouts").into_any()
}

fn filters(current: Option<RolloutState>) -> impl IntoView {
    let all = std::iter::once(None).chain(RolloutState::ALL.iter().copied().map(Some));
    let tab = |state: Option<RolloutState>| Tab {
        label: state.map_or("All", |state| words::state(state).word).to_owned(),
        href: state.map_or_else(|| "/rollouts".to_owned(), |state| href("/rollouts", &[("state", state.as_str())])),
        count: None,
        current: state == current,
    };
    tabs("Rollouts by state", all.map(tab).collect())
}

fn table(rows: &[RolloutRow], now: Timestamp) -> impl IntoView + use<> {
    let rows: Vec<_> = rows.iter().map(|row| line(row, now)).collect();
    frame(
        "Rollouts",
        view! {
            <table class="table cards">
                <caption class="sr">"Rollouts, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Rollout"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Wave"</th>
                        <th scope="col" class="bar-cell"><span class="sr">"Outcomes"</span></th>
                        <th scope="col" class="num">"Devices"</th>
                        <th scope="col" class="num">"Verified"</th>
                        <th scope="col" class="num">"Failed"</th>
                        <th scope="col" class="num">"Silent"</th>
                        <th scope="col">"Changed"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

/// The page of a rollout.
pub(super) fn path(code: &str) -> String {
    format!("/rollouts/{}", segment(code))
}

/// A count that can't be negative.
pub(super) fn number(n: u64) -> String {
    count(i64::try_from(n).unwrap_or(i64::MAX))
}

fn line(row: &RolloutRow, now: Timestamp) -> impl IntoView + use<> {
    let at = path(&row.code);
    let outcome = |n: u64, state: &str| {
        let to = href(&at, &[("state", state)]);
        if n == 0 { "0".into_any() } else { view! { <a href=to>{number(n)}</a> }.into_any() }
    };
    let held =
        (row.devices_held_back > 0).then(|| view! { <small>{number(row.devices_held_back)} " held back"</small> });
    let of_devices = if held.is_some() { "num two" } else { "num" };
    let devices = match (row.devices, held) {
        (None, _) => view! { <span class="quiet">"not frozen"</span> }.into_any(),
        (Some(n), Some(held)) => view! { <b>{number(n)}</b> {held} }.into_any(),
        (Some(n), None) => number(n).into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="two"><b><a href=at.clone()>{row.name.clone()}</a></b><small>{row.release.clone()}</small></th>
            <td data-l="State">{words::state(row.state).cell()}</td>
            <td data-l="Wave" class="nowrap">{words::wave_of(row.wave, row.waves)}</td>
            <td class="bar-cell full">{row.devices.map(|_| evidence::bar(&row.evidence))}</td>
            <td data-l="Devices" class=of_devices>{devices}</td>
            <td data-l="Verified" class="num">{outcome(row.evidence.verified, "verified")}</td>
            <td data-l="Failed" class="num">{outcome(row.evidence.failed, "failed")}</td>
            <td data-l="Silent" class="num">{outcome(row.evidence.silent, "silent")}</td>
            <td data-l="Changed" class="nowrap">{ago(row.updated_at, now)}</td>
        </tr>
    }
}
