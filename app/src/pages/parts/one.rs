//! One identifier: every device that it was ever in.

use super::{stays, warning};
use crate::{
    components::{
        icons,
        panel::{Panel, head, link_button, note},
        status::Tone,
        text::{copy, plural},
    },
    context::{Ctx, devices_href, href, segment},
    page::Page,
    pages::{device::events::part_name, findings},
};
use domain::{
    component::Part,
    query::{FleetQuery, Predicate, Term},
};
use fleet::parts::{FOUND_MAX, Found, REPORTED_MAX, ReportedNow};
use leptos::prelude::*;

/// `/parts/{identifier}`.
///
/// # Errors
/// When the actor may not see the fleet, no part ever had this identifier, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let text = ctx.param("identifier");
    let now = ctx.fleet.part_reported(&ctx.actor, text).await?;
    let found = match ctx.fleet.part(&ctx.actor, text).await {
        // On no manifest ever, but a device says that it has it.
        Err(fleet::Error::NotFound { .. }) if !now.serials.is_empty() => Found::default(),
        found => found?,
    };
    let first = found.stays.first().map(|stay| stay.fitting.component.part.clone());
    let shown = first.as_ref().map_or_else(|| text.to_owned(), |part| part.identifier.clone());
    let acts = (
        link_button(devices_href(&devices_of(&shown)), icons::DEVICE, "Devices that have it"),
        link_button(href("/parts", &[("q", shown.as_str())]), icons::SEARCH, "Others that begin like it"),
    );
    let title = view! { <span class="mono">{shown.clone()}</span> {copy("identifier", &shown)} };
    let n = i64::try_from(found.stays.len()).unwrap_or(i64::MAX);
    let panel = Panel::new("In devices").count(n);
    let panel = match found.more {
        true => panel.footer(view! { <span>{format!("The first {FOUND_MAX} are shown.")}</span> }),
        false => panel,
    };
    let body = view! {
        {head(title, view! { <p>{sentence(&found, first.as_ref())} " " {said(&now)}</p> }, acts)}
        {warning(&found)}
        {standing(&now)}
        {reported(&now)}
        {panel.flush(stays::table(&found.stays, false))}
    };
    Ok(Page::new(shown, body).crumb("Parts", "/parts").live("device,import,finding"))
}

/// How many devices report it by now.
fn said(now: &ReportedNow) -> String {
    match (now.serials.len(), now.more) {
        (0, _) => "No device reports it now.".to_owned(),
        (1, _) => "One device reports it now.".to_owned(),
        (n, false) => format!("{n} devices report it now."),
        (n, true) => format!("More than {n} devices report it now."),
    }
}

/// The findings that stand about it.
fn standing(now: &ReportedNow) -> Option<impl IntoView + use<>> {
    let links: Vec<_> = now
        .findings
        .iter()
        .map(|row| view! { <p><a href=findings::finding_href(row.id)>{row.words.clone()}</a></p> })
        .collect();
    (!links.is_empty()).then(|| note(Tone::Warn, icons::TWIN, links))
}

/// The devices that report it by now.
fn reported(now: &ReportedNow) -> Option<impl IntoView + use<>> {
    let lines: Vec<_> = now
        .serials
        .iter()
        .map(|serial| view! { <li><a href=format!("/devices/{}#reported", segment(serial))>{serial.clone()}</a></li> })
        .collect();
    let panel = Panel::new("Reported now by").id("reported").count(i64::try_from(lines.len()).unwrap_or(i64::MAX));
    let panel = match now.more {
        true => panel.footer(view! { <span>{format!("The first {REPORTED_MAX} are shown.")}</span> }),
        false => panel,
    };
    (!lines.is_empty()).then(|| panel.flush(view! { <ul class="lines">{lines}</ul> }))
}

/// The fleet query for devices in which it is now.
fn devices_of(identifier: &str) -> String {
    let predicate = Predicate::Component { classes: Vec::new(), texts: vec![identifier.to_owned()] };
    FleetQuery::default().with_term(Term::new(predicate)).to_string()
}

/// What it is and how many devices it was in.
fn sentence(found: &Found, first: Option<&Part>) -> String {
    let serials: std::collections::BTreeSet<&str> =
        found.stays.iter().map(|stay| stay.fitting.serial.as_str()).collect();
    let now = found.stays.iter().filter(|stay| stay.fitting.component.removed_at.is_none()).count();
    let what = first.map_or_else(String::new, |part| format!("{}, {}: ", part.class.label(), part_name(part)));
    let ever = plural(i64::try_from(serials.len()).unwrap_or(i64::MAX), "device", "devices");
    if found.stays.is_empty() {
        return "No manifest ever listed it.".to_owned();
    }
    match now {
        0 => format!("{what}it was in {ever} and is in none now."),
        1 => format!("{what}it was in {ever} and is in one now."),
        now => format!("{what}it was in {ever} and is in {now} now."),
    }
}
