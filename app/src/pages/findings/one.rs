//! One finding: what was found, what can be done about it, and what became of it.

use super::{certificate, device, finding_href, state, table};
use crate::{
    components::{
        form::{Field, checkbox, error_summary, hidden},
        icons::{self, icon},
        panel::{Panel, facts, head, link_button, note},
        status::Tone,
        text::{ago, count, minute, plural},
    },
    context::{Ctx, devices_href, href, segment},
    page::Page,
    pages::errors::who_may,
};
use domain::{
    authority::{FindingKind, FindingState},
    id::FindingId,
    person::Permission,
    suspicion::Signal,
};
use fleet::finding::{FindingRow, FindingTold};
use leptos::prelude::*;

/// `/findings?finding=`.
pub(super) async fn load(ctx: Ctx, id: FindingId) -> Result<Page, fleet::Error> {
    let told = ctx.fleet.finding(&ctx.actor, id).await?;
    let row = &told.row;
    let body = view! {
        {head(
            view! { {row.kind.label()} " " {state(row.state).badge()} },
            view! { <p>{row.words.clone()}</p> },
            link_button("/findings".to_owned(), icons::FINDING, "All findings"),
        )}
        {error_summary(ctx.form.as_ref())}
        <div class="cols lead">
            <div class="stack loose">
                {part_of(row)}
                {found(&told)}
                {difference(&ctx, &told)}
                {settle(&ctx, row)}
                {parts(&ctx, &told)}
            </div>
            <div class="stack loose">
                {about(&ctx, &told)}
                {became(&told)}
            </div>
        </div>
    };
    Ok(Page::new("Finding", body).crumb("Findings", "/findings").live("finding,repair"))
}

fn part_of(row: &FindingRow) -> Option<impl IntoView + use<>> {
    let (id, words) = row.part_of.clone()?;
    let goes = (row.state == FindingState::Folded).then_some(" It is settled with that.");
    Some(note(Tone::Hold, icons::FINDING, view! { "Part of: " <a href=finding_href(id)>{words}</a> {goes} }))
}

/// All that was found, where the sentence above is not all of it.
fn found(told: &FindingTold) -> Option<impl IntoView + use<>> {
    let sentences: Vec<String> = told.signals.iter().map(Signal::sentence).collect();
    let is_said = sentences.iter().all(|sentence| *sentence == told.row.words);
    let lines: Vec<_> = sentences.into_iter().map(|sentence| view! { <li>{sentence}</li> }).collect();
    (!is_said).then(|| Panel::new("What was found").body(view! { <ul class="rules">{lines}</ul> }))
}

/// What somebody of ours can say to a device's difference: that it was a repair, or that it was none.
fn difference(ctx: &Ctx, told: &FindingTold) -> Option<AnyView> {
    let row = &told.row;
    let is_asked = row.kind == FindingKind::HardwareMismatch && row.state != FindingState::Resolved && row.is_device;
    let serial = row.device_serial.as_deref().filter(|_| is_asked && ctx.may(Permission::RepairManage))?;
    let slots: Vec<&Signal> = told.signals.iter().filter(|signal| signal.slot().is_some()).take(5).collect();
    let us: Vec<_> = slots.iter().map(|signal| this_was_us(serial, row, signal)).collect();
    // What is noted has 400 characters at most.
    let words: String = row.words.chars().take(400).collect();
    let hold = ctx.may(Permission::CertificateHold).then(|| {
        let hint = "It can do nothing with them until somebody releases them.";
        checkbox("hold", "1", "Put its certificates on hold", hint, false)
    });
    let slot = slots.first().and_then(|signal| signal.slot()).unwrap_or_default().to_owned();
    let body = view! {
        <div class="answer">
            {us}
            <details class="data">
                <summary>"This was not"</summary>
                <form class="stack tight slim" method="post" action=format!("/devices/{}/not-ours", segment(serial))>
                    {hidden("form", "not-ours")}
                    {hidden("slot", slot)}
                    {hidden("once", ctx.request_id.clone())}
                    {hidden("difference", words)}
                    <p class="small">"It is noted in the device's history; the finding stays open."</p>
                    {hold}
                    <div><button class="btn small" type="submit">{icon(icons::PENCIL_NOTE)}"Note it"</button></div>
                </form>
            </details>
        </div>
    };
    Some(Panel::new("Was it a repair of ours?").body(body).into_any())
}

fn this_was_us(serial: &str, row: &FindingRow, signal: &Signal) -> impl IntoView + use<> {
    let id = row.id.to_string();
    let slot = signal.slot().unwrap_or_default();
    let (class, part) = signal.unlisted().map_or(("", ""), |(class, part)| (class.as_str(), part));
    let query = [("serial", serial), ("slot", slot), ("part", part), ("class", class), ("finding", id.as_str())];
    view! { <a class="btn" href=href("/repairs/new", &query)>{icon(icons::WRENCH)}{format!("This was us: {slot}")}</a> }
}

/// The form that settles it, for those who may. It comes back with what was typed.
fn settle(ctx: &Ctx, row: &FindingRow) -> Option<AnyView> {
    if row.state != FindingState::Open {
        return None;
    }
    if !ctx.may(Permission::CertificateRevoke) {
        let who = who_may(Permission::CertificateRevoke);
        let body = view! { <p class="small quiet">{who}</p> };
        return Some(Panel::new("Settle it").body(body).into_any());
    }
    let id = row.id.to_string();
    let form = ctx.form.as_ref().filter(|form| form.value("finding") == id);
    let body = view! {
        <form class="stack" method="post" action=format!("/findings/{id}/resolve")>
            {hidden("finding", id.clone())}
            {hidden("back", ctx.uri.query().unwrap_or_default())}
            {Field::new(form, "reason", "What came of it?")
                .required()
                .max_length(400)
                .hint("It stands with your name beside the finding. What is seen again comes back.")
                .textarea(2)}
            <div><button class="btn primary" type="submit">{icon(icons::TICK)}"Settle it"</button></div>
        </form>
    };
    Some(Panel::new("Settle it").id("settle").body(body).into_any())
}

/// What is part of it.
fn parts(ctx: &Ctx, told: &FindingTold) -> Option<impl IntoView + use<>> {
    if told.parts.is_empty() {
        return None;
    }
    let n = i64::try_from(told.parts.len()).unwrap_or(i64::MAX);
    let footer = match told.row.state {
        FindingState::Resolved => "Each was settled with this one or before it.",
        FindingState::Open | FindingState::Folded => {
            "Each that is part of it cuts off as before, and is settled with it. What it does not explain to the last \
             observation stays a finding of its own."
        }
    };
    Some(Panel::new("Part of it").id("parts").count(n).footer(footer).flush(table(ctx, &told.parts)))
}

/// How often, since when, and what it is about.
fn about(ctx: &Ctx, told: &FindingTold) -> impl IntoView + use<> {
    let row = &told.row;
    let mut rows = vec![
        ("Seen", plural(row.n, "time", "times").into_any()),
        ("First", minute(row.first_at).into_any()),
        ("Last", view! { {minute(row.last_at)} ", " {ago(row.last_at, ctx.now)} }.into_any()),
    ];
    rows.extend(device(row).map(|device| ("Device", device)));
    rows.extend(certificate(row).map(|link| ("Certificate", link)));
    if let Some(code) = &row.batch {
        let link = view! { <a href=format!("/batches/{}", segment(code))>{code.clone()}</a> };
        rows.push(("Batch", link.into_any()));
    }
    if let Some(slug) = &row.authority_slug {
        let link = view! { <a href=format!("/authorities/{}", segment(slug))>{slug.clone()}</a> };
        rows.push(("Authority", link.into_any()));
    }
    if !told.devices.is_empty() {
        rows.push(("Devices", devices(&told.devices).into_any()));
    }
    Panel::new("About it").body(facts(rows))
}

/// The devices that a finding about several concerns.
fn devices(serials: &[String]) -> impl IntoView + use<> {
    const SHOWN: usize = 8;
    let link =
        |serial: &String| view! { <li><a href=format!("/devices/{}", segment(serial))>{serial.clone()}</a></li> };
    let links: Vec<_> = serials.iter().take(SHOWN).map(link).collect();
    let rest = serials.len().checked_sub(SHOWN).filter(|rest| *rest > 0).map(|rest| {
        let words = format!("and {} more", count(i64::try_from(rest).unwrap_or(i64::MAX)));
        view! { <li><a href=devices_href(&format!("serial:{}", serials.join(",")))>{words}</a></li> }
    });
    view! { <ul class="stack tight">{links}{rest}</ul> }
}

/// When it came into which state, who settled it and why, and the repairs that explain it.
fn became(told: &FindingTold) -> impl IntoView + use<> {
    let line = |i: usize, at: domain::time::Timestamp, state: FindingState| {
        let settled = told.settled.iter().find(|settled| state == FindingState::Resolved && settled.at == at);
        let (drawn, words) = match state {
            FindingState::Open if i == 0 => (icons::FINDING, "Found".to_owned()),
            FindingState::Open => (icons::FINDING, "Open by itself again".to_owned()),
            FindingState::Folded => (icons::FINDING, "Became part of another".to_owned()),
            FindingState::Resolved => match settled {
                Some(settled) => (icons::TICK, format!("Settled by {}", settled.by)),
                None => (icons::TICK, "Settled, and no reason was noted".to_owned()),
            },
        };
        let reason = settled.map(|settled| view! { <p>{format!("“{}”", settled.reason)}</p> });
        view! { <li>{icon(drawn)}<div><h3>{words}</h3><p>{minute(at)}</p>{reason}</div></li> }
    };
    let changes: Vec<_> = told.changes.iter().enumerate().map(|(i, (at, state))| line(i, *at, *state)).collect();
    let repair = |(code, state): &(String, domain::repair::RepairState)| {
        let to = format!("/repairs/{}", segment(code));
        view! { <li>{icon(icons::WRENCH)}<div><h3><a href=to>{format!("Repair {code}")}</a></h3><p>{state.label()}</p></div></li> }
    };
    let repairs: Vec<_> = told.repairs.iter().map(repair).collect();
    Panel::new("What became of it").flush(view! { <ul class="list">{changes}{repairs}</ul> })
}
