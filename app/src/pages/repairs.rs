//! The repair desk: what is on the bench, who works on it, and what was taken out and is not accounted for.

pub mod new;
pub mod one;
pub mod scan;

pub(crate) mod parts;
mod person;
mod steps;
mod voucher;

use crate::{
    components::{
        icons::{self, icon},
        panel::{Panel, Tab, head, link_button, primary_link, tabs},
        status::{Status, Tone},
        table::{Pager, frame, no_match, none_yet, pager},
        text::{ago, count, plural},
    },
    context::{Ctx, FormState, href, segment},
    page::Page,
};
use domain::{id::RepairId, person::Permission, repair::RepairState};
use fleet::repair::{RepairCase, RepairFilter, RepairPage};
use leptos::prelude::*;

/// The form that was sent and is shown again, if it is this one.
fn again<'a>(ctx: &'a Ctx, name: &str) -> Option<&'a FormState> {
    ctx.form.as_ref().filter(|form| form.value("form") == name)
}

/// The address of a repair.
#[must_use]
pub fn path(code: &str) -> String {
    format!("/repairs/{}", segment(code))
}

/// How a repair stands.
#[must_use]
pub const fn status(state: RepairState) -> Status {
    let (icon, tone) = match state {
        RepairState::Reported => (icons::WRENCH, Tone::Plain),
        RepairState::Authorising => (icons::HOURGLASS, Tone::Go),
        RepairState::Authorised => (icons::KEY, Tone::Warn),
        RepairState::ReEnrolling => (icons::CERT, Tone::Go),
        RepairState::Verifying => (icons::ONLINE, Tone::Go),
        RepairState::Closed => (icons::CHECK, Tone::Ok),
        RepairState::Cancelled => (icons::CROSS, Tone::Mute),
    };
    Status { word: state.label(), icon, tone }
}

/// `/repairs`; `?state=` shows one state, `?over=1` those that are over, `?who=` those of one technician, `?q=` searches.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let after = ctx.query_value("from");
    let filter = RepairFilter {
        state: ctx.query_value("state").and_then(|word| word.parse().ok()),
        over: ctx.query_value("over").is_some(),
        technician: ctx.query_value("who"),
        text: ctx.query_value("q").unwrap_or_default(),
        after: after.as_deref().and_then(|id| id.parse::<RepairId>().ok()),
        limit: 0,
    };
    let page = ctx.fleet.repairs(&ctx.actor, &filter).await?;
    let tainted = ctx.fleet.tainted_parts(&ctx.actor).await?;
    let open: i64 = page.states.iter().map(|(_, n)| n).sum();
    let sub = view! { <p>{plural(open, "open repair", "open repairs")} ". A repair ends when the device itself reports what it is made of."</p> };
    let acts = view! {
        {link_button("/scan", icons::SCAN, "Scan")}
        {ctx.may(Permission::RepairManage).then(|| primary_link("/repairs/new", icons::WRENCH, "Open a repair"))}
    };
    let shown = i64::try_from(page.rows.len()).unwrap_or(i64::MAX);
    let pages = Pager {
        summary: plural(shown, "repair on this page", "repairs on this page"),
        previous: after.is_some().then(|| ctx.href_with(&[("from", None)])),
        next: page.next.map(|next| ctx.href_with(&[("from", Some(&next.to_string()))])),
    };
    let is_filtered = filter.state.is_some() || filter.technician.is_some() || !filter.text.is_empty() || filter.over;
    let list = match (page.rows.is_empty(), is_filtered) {
        (true, true) => no_match("No repair is like that", "/repairs").into_any(),
        (true, false) => none_yet(
            "Nothing is on the bench",
            view! { <p>"Scan a device's label, or open a repair on the device's page."</p> },
        )
        .into_any(),
        (false, _) => table(&ctx, &page.rows).into_any(),
    };
    let body = view! {
        {head("Repairs", sub, acts)}
        {search(&filter)}
        {views(&page, &filter, open)}
        {Panel::new("Repairs").footer(pager(pages)).flush(list)}
        {parts::unaccounted(&ctx, &tainted, None)}
    };
    Ok(Page::new("Repairs", body).live("repair"))
}

fn search(filter: &RepairFilter) -> impl IntoView + use<> {
    view! {
        <form class="find wide" method="get" action="/repairs" role="search">
            <label class="sr" for="q">"A repair's name or a device's serial"</label>
            <input
                class="input"
                id="q"
                name="q"
                type="search"
                maxlength="80"
                placeholder="R-2611-0042, or a serial"
                value=filter.text.clone()
            />
            <button class="btn" type="submit">{icon(icons::SEARCH)}"Search"</button>
        </form>
    }
}

fn views(page: &RepairPage, filter: &RepairFilter, open: i64) -> impl IntoView + use<> {
    let who = filter.technician.as_deref().map(|who| ("who", who));
    let address = |state: Option<RepairState>, over: bool| {
        let state = state.map(|state| ("state", state.as_str()));
        let over = over.then_some(("over", "1"));
        href("/repairs", &state.into_iter().chain(over).chain(who).collect::<Vec<_>>())
    };
    let count_of = |state: RepairState| page.states.iter().find(|(known, _)| *known == state).map_or(0, |(_, n)| *n);
    let mut views = vec![Tab {
        label: "Open".to_owned(),
        href: address(None, false),
        count: Some(open),
        current: filter.state.is_none() && !filter.over && filter.text.is_empty(),
    }];
    let is_shown = |state: &&RepairState| state.is_open() && (count_of(**state) > 0 || filter.state == Some(**state));
    views.extend(RepairState::ALL.iter().filter(is_shown).map(|state| Tab {
        label: state.label().to_owned(),
        href: address(Some(*state), false),
        count: Some(count_of(*state)),
        current: filter.state == Some(*state),
    }));
    let over = [RepairState::Closed, RepairState::Cancelled].contains(&filter.state.unwrap_or(RepairState::Reported));
    views.push(Tab { label: "Over".to_owned(), href: address(None, true), count: None, current: filter.over || over });
    view! {
        <div class="viewbar">
            {tabs("Repairs by state", views)}
            {technicians(page, filter)}
        </div>
    }
}

/// Whose repairs are shown; a menu that works without a script.
fn technicians(page: &RepairPage, filter: &RepairFilter) -> Option<impl IntoView + use<>> {
    if page.technicians.is_empty() {
        return None;
    }
    let state = filter.state.map(|state| ("state", state.as_str()));
    let over = filter.over.then_some(("over", "1"));
    let to = |who: Option<&str>| {
        href("/repairs", &state.into_iter().chain(over).chain(who.map(|who| ("who", who))).collect::<Vec<_>>())
    };
    let names: Vec<_> = page
        .technicians
        .iter()
        .map(|(name, n)| {
            let current = (filter.technician.as_deref() == Some(name)).then_some("true");
            view! { <a href=to(Some(name)) aria-current=current>{icon(icons::USER)}{name.clone()}" "<span class="n">{count(*n)}</span></a> }
        })
        .collect();
    let shown = filter.technician.clone().unwrap_or_else(|| "Everybody".to_owned());
    Some(view! {
        <details class="menu">
            <summary class="btn">{icon(icons::PEOPLE)}{shown}</summary>
            <div class="pop"><a href=to(None)>{icon(icons::PEOPLE)}"Everybody"</a>{names}</div>
        </details>
    })
}

/// Repairs in a table; on a phone each is a card.
pub(crate) fn table(ctx: &Ctx, rows: &[RepairCase]) -> impl IntoView + use<> {
    let rows: Vec<_> = rows.iter().map(|row| line(ctx, row)).collect();
    frame(
        "Repairs",
        view! {
            <table class="table cards">
                <caption class="sr">"Repairs, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Repair"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Device"</th>
                        <th scope="col">"Technician"</th>
                        <th scope="col">"Opened"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn line(ctx: &Ctx, row: &RepairCase) -> impl IntoView + use<> {
    let device = format!("/devices/{}", segment(&row.serial));
    let technician = if row.technician.is_empty() { "nobody yet".to_owned() } else { row.technician.clone() };
    view! {
        <tr>
            <th scope="row">
                <span class="tree">
                    {icon(icons::WRENCH)}
                    <span><a href=path(&row.code)><b>{row.code.clone()}</b></a><small>{row.symptom.clone()}</small></span>
                </span>
            </th>
            <td data-l="State">{status(row.state).cell()}</td>
            <td data-l="Device"><a href=device>{row.serial.clone()}</a></td>
            <td data-l="Technician">{technician}</td>
            <td data-l="Opened" class="nowrap">{ago(row.opened_at, ctx.now)}</td>
        </tr>
    }
}
