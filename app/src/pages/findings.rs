//! Findings: what does not fit between what was ordered, issued, delivered, asked about and reported.

mod one;

use crate::{
    charts::columns::{Pair, pairs},
    components::{
        form::{Field, error_summary, hidden},
        icons::{self, icon},
        panel::{Panel, Tab, head, link_button, tabs},
        status::{Status, Tone},
        table::{Pager, frame, no_match, none_yet, pager},
        text::{ago, count, plural},
    },
    context::{Ctx, devices_href, href, segment},
    page::Page,
    pages::certificates,
};
use domain::{
    authority::{FindingKind, FindingState},
    id::FindingId,
    person::Permission,
    time::Timestamp,
};
use fleet::finding::{FindingFilter, FindingRow};
use leptos::prelude::*;

/// `/findings`; `?state=all` shows those that are settled or part of others, too, `?kind=` one kind, `?finding=` one finding
/// with what is part of it.
///
/// # Errors
/// When the actor may not see findings, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    if let Some(id) = ctx.query_value("finding") {
        let id = id.parse::<FindingId>().map_err(|_| fleet::Error::not_found("finding", &id))?;
        return one::load(ctx, id).await;
    }
    let all = ctx.query_value("state").as_deref() == Some("all");
    let kind = ctx.query_value("kind").and_then(|word| word.parse::<FindingKind>().ok());
    let cursor = ctx.query_value("from");
    let filter = FindingFilter { all, kind, cursor: cursor.clone(), limit: 0 };
    let page = ctx.fleet.finding_page(&ctx.actor, &filter).await?;
    let of_kind = page.kinds.iter().filter(|(known, _)| kind.is_none_or(|kind| *known == kind));
    let number: i64 = of_kind.map(|(_, n)| n).sum();
    let rows = &page.rows;
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let pages = Pager {
        summary: format!("{} of {}", count(shown), count(number)),
        previous: cursor.is_some().then(|| ctx.href_with(&[("from", None)])),
        next: page.next.as_deref().map(|next| ctx.href_with(&[("from", Some(next))])),
    };
    let list = match (rows.is_empty(), kind.is_some()) {
        (true, true) => no_match("No finding is like that", "/findings").into_any(),
        (true, false) => none_yet(
            "Nothing that doesn't fit",
            view! { <p>"Certificates and devices beyond the quota, and questions about certificates that were never issued, and devices that report other hardware than theirs, appear here."</p> },
        )
        .into_any(),
        _ => table(&ctx, rows).into_any(),
    };
    let trend = trend(&ctx.fleet.finding_trend(&ctx.actor, DAYS).await?);
    let sub = view! { <p>"What does not fit between what was ordered, issued, delivered, asked about and reported. One weak signal cuts nothing off."</p> };
    let suspect = link_button(devices_href("trust:suspect"), icons::WARN, "Suspect devices");
    let body = view! {
        {head("Findings", sub, suspect)}
        {error_summary(ctx.form.as_ref())}
        {trend}
        {views(&page.kinds, kind, all)}
        {settle_many(&ctx, rows)}
        {Panel::new(plural(number, "finding", "findings")).aside(others(kind, all)).footer(pager(pages)).flush(list)}
    };
    Ok(Page::new("Findings", body).live("finding"))
}

fn views(kinds: &[(FindingKind, i64)], kind: Option<FindingKind>, all: bool) -> impl IntoView + use<> {
    let of = |kind: FindingKind| kinds.iter().find(|(known, _)| *known == kind).map_or(0, |(_, n)| *n);
    let address = |kind: Option<FindingKind>| list_href(kind, all);
    let mut views = vec![Tab {
        label: "Any kind".to_owned(),
        href: address(None),
        count: Some(kinds.iter().map(|(_, n)| n).sum()),
        current: kind.is_none(),
    }];
    views.extend(FindingKind::ALL.iter().filter(|word| of(**word) > 0 || kind == Some(**word)).map(|word| Tab {
        label: word.label().to_owned(),
        href: address(Some(*word)),
        count: Some(of(*word)),
        current: kind == Some(*word),
    }));
    tabs("Kinds of findings", views)
}

fn list_href(kind: Option<FindingKind>, all: bool) -> String {
    let pairs = [kind.map(|kind| ("kind", kind.as_str())), all.then_some(("state", "all"))];
    href("/findings", &pairs.into_iter().flatten().collect::<Vec<_>>())
}

/// The same list with those that are settled or part of others, or without them.
fn others(kind: Option<FindingKind>, all: bool) -> impl IntoView + use<> {
    let words = if all { "Open ones only" } else { "Settled ones and parts, too" };
    view! { <a href=list_href(kind, !all)>{words}</a> }
}

/// How many days the trend goes back.
const DAYS: u8 = 30;

/// How many findings were opened and settled on which day; nothing before the first one.
fn trend(days: &[(Timestamp, i64, i64)]) -> Option<impl IntoView + use<>> {
    let opened: i64 = days.iter().map(|(_, opened, _)| opened).sum();
    let settled: i64 = days.iter().map(|(_, _, settled)| settled).sum();
    let (_, today, _) = days.last().filter(|_| opened + settled > 0)?;
    let sentence = format!(
        "{} opened and {} settled in {DAYS} days; {} opened today.",
        count(opened),
        count(settled),
        count(*today)
    );
    let last = days.len().saturating_sub(1);
    let shown = days.iter().enumerate().map(|(i, (day, opened, settled))| Pair {
        label: if (last - i).is_multiple_of(7) { day.to_utc().format("%-d %b").to_string() } else { String::new() },
        name: day.day_words(),
        values: (*opened, *settled),
    });
    let words = ("Findings opened and settled by day", "Day");
    let chart = pairs(words, ("Opened", "Settled"), sentence.clone(), shown.collect());
    Some(Panel::new("Opened and settled").aside(view! { <span>{format!("{DAYS} days")}</span> }).body(view! {
        <div class="stack"><p>{sentence}</p>{chart}</div>
    }))
}

/// The form that settles those that are ticked in the table, for those who may.
fn settle_many(ctx: &Ctx, rows: &[FindingRow]) -> Option<impl IntoView + use<>> {
    let is_open = |row: &&FindingRow| row.state == FindingState::Open;
    if !ctx.may(Permission::CertificateRevoke) || !rows.iter().any(|row| is_open(&row)) {
        return None;
    }
    let form = ctx.form.as_ref().filter(|form| form.has("many-reason"));
    Some(view! {
        <form class="stack tight" id="all-findings" method="post" action="/findings/resolve">
            {hidden("back", ctx.uri.query().unwrap_or_default())}
            <details class="data" open=form.is_some()>
                <summary>"Settle several"</summary>
                <div class="stack tight">
                    {Field::new(form, "many-reason", "What came of those that are ticked below?").max_length(400).required().input()}
                    <div><button class="btn small" type="submit">{icon(icons::TICK)}"Settle those that are ticked"</button></div>
                </div>
            </details>
        </form>
    })
}

/// The box that ticks a finding for [`settle_many`]'s form.
fn tick(ctx: &Ctx, row: &FindingRow) -> AnyView {
    let is_of_list = ctx.query_value("finding").is_none();
    if !is_of_list || row.state != FindingState::Open || !ctx.may(Permission::CertificateRevoke) {
        return ().into_any();
    }
    let id = row.id.to_string();
    let ticked = ctx.form.as_ref().is_some_and(|form| form.all("ticked").any(|one| one == id));
    let label = format!("Tick: {}", row.words);
    view! { <input type="checkbox" form="all-findings" name="ticked" value=id checked=ticked aria-label=label /> }
        .into_any()
}

/// How a finding stands.
pub(super) const fn state(state: FindingState) -> Status {
    match state {
        FindingState::Open => Status { word: "Open", icon: icons::FINDING, tone: Tone::Warn },
        FindingState::Folded => Status { word: "Part of another", icon: icons::FINDING, tone: Tone::Hold },
        FindingState::Resolved => Status { word: "Resolved", icon: icons::TICK, tone: Tone::Ok },
    }
}

/// Findings in a table.
fn table(ctx: &Ctx, rows: &[FindingRow]) -> impl IntoView + use<> {
    let rows: Vec<_> = rows.iter().map(|row| line(ctx, row)).collect();
    frame(
        "Findings",
        view! {
            <table class="table cards">
                <caption class="sr">"Findings, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Where"</th>
                        <th scope="col" class="num">"Times"</th>
                        <th scope="col">"Last"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

/// What is part of it, behind a link.
fn parts(row: &FindingRow) -> Option<impl IntoView + use<>> {
    let words = format!("With {} of single devices or parts", plural(row.parts, "finding", "findings"));
    (row.parts > 0).then(|| view! { <small><a href=finding_href(row.id)>{words}</a></small> })
}

/// What it is part of, behind a link.
fn part_of(row: &FindingRow) -> Option<impl IntoView + use<>> {
    let (id, words) = row.part_of.clone()?;
    Some(view! { <small>"Part of: " <a href=finding_href(id)>{words}</a></small> })
}

fn line(ctx: &Ctx, row: &FindingRow) -> impl IntoView + use<> {
    view! {
        <tr>
            <th scope="row">
                <span class="tree">{tick(ctx, row)}{icon(icons::FINDING)}<span><b><a href=finding_href(row.id)>{row.kind.label()}</a></b><small>{row.words.clone()}</small>{parts(row)}{part_of(row)}</span></span>
            </th>
            <td data-l="State">{state(row.state).cell()}</td>
            <td data-l="Where">{place(row)}</td>
            <td data-l="Times" class="num">{count(row.n)}</td>
            <td data-l="Last" class="nowrap">{ago(row.last_at, ctx.now)}</td>
        </tr>
    }
}

/// The finding's own page.
#[must_use]
pub fn finding_href(id: FindingId) -> String {
    href("/findings", &[("finding", &id.to_string())])
}

/// The device's page, or its serial where there is no such device.
fn device(row: &FindingRow) -> Option<AnyView> {
    let serial = row.device_serial.clone()?;
    Some(if row.is_device {
        view! { <a href=format!("/devices/{}", segment(&serial))>{serial.clone()}</a> }.into_any()
    } else {
        view! { <span>{serial}</span> }.into_any()
    })
}

/// The page of the certificate that it is about.
fn certificate(row: &FindingRow) -> Option<AnyView> {
    let (authority, serial) = (row.authority_slug.as_deref()?, row.certificate.as_deref()?);
    Some(view! { <a href=certificates::path(authority, serial)>"The certificate"</a> }.into_any())
}

fn place(row: &FindingRow) -> AnyView {
    let batch = row
        .batch
        .as_ref()
        .map(|code| view! { <li><a href=format!("/batches/{}", segment(code))>{code.clone()}</a></li> });
    let authority = row
        .authority_slug
        .as_ref()
        .filter(|_| row.batch.is_none())
        .map(|slug| view! { <li><a href=format!("/authorities/{}", segment(slug))>"The authority"</a></li> });
    let certificate = certificate(row).filter(|_| !row.is_device).map(|link| view! { <li>{link}</li> });
    let device = device(row).map(|device| view! { <li>{device}</li> });
    view! { <ul class="numbers">{batch}{authority}{certificate}{device}</ul> }.into_any()
}
