//! One revocation: what was cut off, by whom, approved by whom, and how it spreads through the field.

use super::{
    curve::{self, name_of, seconds, share, until_words},
    reason_words,
    start::top,
    words::{self, act_icon},
};
use crate::{
    charts::spread::after_words,
    components::{
        icons::{self, Icon, icon},
        panel::{Panel, facts, head, note},
        status::{Status, Tone},
        table::{frame, none_yet},
        text::{ago, copy, count, day, fours, minute, plural},
    },
    context::{Ctx, devices_href, href, segment},
    islands::Follow,
    page::Page,
};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    id::RevocationId,
    person::Permission,
    query::quoted,
    revocation::{RevocationAct, RevocationScope, RevocationState, SpreadChannel},
    time::Timestamp,
};
use fleet::revocation::{ChannelRow, RevocationDetail, RevocationRow};
use leptos::prelude::*;

/// `/revocations/{id}`.
///
/// # Errors
/// When the actor may not see revocations, there is none of this id, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let id: RevocationId =
        ctx.param("id").parse().map_err(|_| fleet::Error::not_found("revocation", ctx.param("id")))?;
    let detail = ctx.fleet.revocation(&ctx.actor, id).await?;
    let row = &detail.row;
    let others = others(&ctx, &detail).await?;
    let title = words::title(row);
    let counts = row.effective_at.is_some();
    let field = counts.then(|| {
        let (from, topic) = (format!("/revocations/{id}/spread"), format!("revocation:{id}"));
        view! {
            <div class="page-part" data-follow=from data-topic=topic>{field(&detail, ctx.now)}</div>
            <Follow />
        }
    });
    let body = view! {
        {head(view! { {title.clone()} {words::state(row.state).badge()} }, sub(row), acts(&ctx, &detail))}
        {waiting(row)}
        {field}
        <div class="cols lead">
            <div class="stack loose">
                {(counts && row.act != RevocationAct::Release).then(|| affected(&detail, ctx.now))}
                {(!counts).then(|| preview(&detail))}
                {counts.then(|| still_works(row, others))}
            </div>
            <div class="stack loose">
                {approval(row)}
                {what(&detail)}
            </div>
        </div>
    };
    Ok(Page::new(title, body).crumb("Revocations", "/revocations").live(format!("revocation:{id},spread:{id}")))
}

/// How it spreads: what grows while the page is looked at, and is taken anew whenever something was reported.
#[must_use]
pub fn field(detail: &RevocationDetail, now: Timestamp) -> impl IntoView + use<> {
    view! { {answers(detail)} {curve::panel(detail, now)} {channels(detail, now)} }
}

fn sub(row: &RevocationRow) -> impl IntoView + use<> {
    let reason =
        (row.act == RevocationAct::Revoke).then(|| view! { "Reason: " <b>{reason_words(&row.reason)}</b> ". " });
    view! { <p>{reason} {row.note.clone()}</p> }
}

/// What can follow an act.
fn acts(ctx: &Ctx, detail: &RevocationDetail) -> AnyView {
    let row = &detail.row;
    let counts = matches!(row.state, RevocationState::Effective | RevocationState::Spread);
    if !counts || row.act != RevocationAct::Hold || !ctx.may(Permission::CertificateRevoke) {
        return ().into_any();
    }
    let subject = match row.scope {
        RevocationScope::Selection => those(detail).unwrap_or_else(|| row.query.clone()),
        _ => row.subject.clone(),
    };
    let again = |act: &str| super::path_of(row.scope.as_str(), &subject, act);
    view! {
        <a class="btn" href=again("release")>{icon(icons::SHIELD_CHECK)}"Release"</a>
        <a class="btn danger" href=again("revoke")>{icon(icons::BAN)}"Revoke for good"</a>
    }
    .into_any()
}

fn waiting(row: &RevocationRow) -> AnyView {
    match (row.state, row.approval_id) {
        (RevocationState::Waiting, Some(id)) => {
            let to = format!("/approvals/{id}");
            note(Tone::Go, icons::HOURGLASS, view! { <b>"Nothing has happened yet."</b>" A manager other than the requester has to approve it. "<a href=to>"To the approval"</a> })
                .into_any()
        }
        (RevocationState::Void, _) => note(
            Tone::Mute,
            icons::REVERT,
            "What it was about changed before it was decided. Nothing happened; ask again if it is needed.",
        )
        .into_any(),
        (RevocationState::Rejected, _) => {
            note(Tone::Mute, icons::CROSS, "It was rejected. Nothing happened.").into_any()
        }
        _ => ().into_any(),
    }
}

fn answer(question: &'static str, class: &'static str, figure: AnyView, line: AnyView) -> impl IntoView {
    view! {
        <div class=class>
            <h2>{question}</h2>
            <p class="a fig">{figure}</p>
            <ul><li>{line}</li></ul>
        </div>
    }
}

/// The state of the act in four figures.
fn answers(detail: &RevocationDetail) -> impl IntoView + use<> {
    let row = &detail.row;
    let since = row.effective_at.unwrap_or(row.requested_at);
    let (title, class) = match row.act {
        RevocationAct::Hold => ("Put on hold", "hold"),
        RevocationAct::Revoke => ("Cut off", "bad"),
        RevocationAct::Release => ("Released", ""),
    };
    let by = means(detail);
    let (figure, line) = at_gateways(detail, since);
    let last = if row.act == RevocationAct::Release { "Everybody accepts after" } else { "Nobody accepts after" };
    let (end, end_line) = match detail.complete_at {
        Some(at) => (
            until_words(seconds(since, at)),
            view! { {minute(at)} ", the last old CRL or OCSP answer ends" }.into_any(),
        ),
        None => ("at once".to_owned(), "nothing was about that says otherwise".into_any()),
    };
    view! {
        <section class="answers" aria-label="State of the revocation">
            {answer(title, class, certificates_link(detail), by.into_any())}
            {answer("At the gateways", "", figure.into_any(), line.into_any())}
            {in_the_field(detail)}
            {answer(last, "", end.into_any(), end_line)}
        </section>
    }
}

/// How long the last gateway took that has reported.
fn at_gateways(detail: &RevocationDetail, since: Timestamp) -> (String, String) {
    let gateways: Vec<Timestamp> = of(detail, SpreadChannel::GatewayRefuses).map(|row| row.first_at).collect();
    let Some(last) = gateways.iter().max() else {
        return ("–".to_owned(), "no gateway has reported yet".to_owned());
    };
    let number = plural(i64::try_from(gateways.len()).unwrap_or(0), "gateway", "gateways");
    let verb = match (detail.row.act, gateways.len()) {
        (RevocationAct::Release, 1) => "accepts",
        (RevocationAct::Release, _) => "accept",
        _ => "refused",
    };
    (after_words(seconds(since, *last)), format!("until {number} {verb}"))
}

/// What is known of the field: who was refused, or the CRLs that name a released one no more.
fn in_the_field(detail: &RevocationDetail) -> AnyView {
    if detail.row.act == RevocationAct::Release {
        let crls = i64::try_from(of(detail, SpreadChannel::CrlPublished).count()).unwrap_or(i64::MAX);
        let line = if crls == 1 { "CRL without it is out" } else { "CRLs without them are out" };
        return answer("Published", "", count(crls).into_any(), line.into_any()).into_any();
    }
    let refused = detail.curve.last().map_or(0.0, |point| point.refused_share);
    let line = format!("of the devices came back and were refused: {}", count(detail.came_back_total));
    answer("In the field now", "", share(refused).into_any(), line.into_any()).into_any()
}

/// What was done: to certificates, or to the authorities that signed them.
fn means(detail: &RevocationDetail) -> String {
    match (detail.row.scope.cuts_authorities(), detail.authorities.len()) {
        (false, _) if detail.row.total == 1 => "certificate".to_owned(),
        (false, _) => "certificates, one by one".to_owned(),
        (true, 1) => "certificates, by their one issuing CA".to_owned(),
        (true, n) => format!("certificates, by {n} issuing CAs"),
    }
}

fn of(detail: &RevocationDetail, channel: SpreadChannel) -> impl Iterator<Item = &ChannelRow> {
    detail.channels.iter().filter(move |row| row.channel == channel)
}

/// How many, as a link to the list if there is one.
fn certificates_link(detail: &RevocationDetail) -> AnyView {
    let number = count(detail.row.total);
    match detail.authorities.as_slice() {
        [(slug, _)] if detail.row.scope == RevocationScope::Batch => {
            view! { <a href=href("/certificates", &[("authority", slug.as_str())])>{number}</a> }.into_any()
        }
        _ if detail.row.scope == RevocationScope::Device => {
            view! { <a href=href("/certificates", &[("device", detail.row.subject.as_str())])>{number}</a> }.into_any()
        }
        _ => match query_of(detail) {
            Some(query) => view! { <a href=devices_href(&query)>{number}</a> }.into_any(),
            None => number.into_any(),
        },
    }
}

/// The devices of a selection by their serials, as far as all are known. The query that selected them may find others
/// now: what is on hold is not trusted any more.
fn those(detail: &RevocationDetail) -> Option<String> {
    let back = detail.came_back.iter().map(|device| device.serial.as_str());
    let silent = detail.not_seen.iter().map(|(serial, _)| serial.as_str());
    let serials: Vec<String> = back.chain(silent).map(quoted).collect();
    let all = i64::try_from(serials.len()).is_ok_and(|n| n == detail.preview.devices && n > 0);
    all.then(|| format!("serial:{}", serials.join(",")))
}

/// The fleet query of what was hit.
fn query_of(detail: &RevocationDetail) -> Option<String> {
    let row = &detail.row;
    match row.scope {
        RevocationScope::Device => Some(format!("serial:{}", quoted(&row.subject))),
        RevocationScope::Batch => Some(format!("batch:{}", quoted(&row.subject))),
        RevocationScope::Factory => Some(format!("factory:{}", quoted(&row.subject))),
        RevocationScope::Selection => those(detail),
        RevocationScope::Certificate => None,
    }
}

/// The devices: who came back and was refused, who was not seen since.
fn affected(detail: &RevocationDetail, now: Timestamp) -> impl IntoView + use<> {
    let (back, silent) = (detail.came_back_total, detail.not_seen_total);
    let devices = detail.devices.max(back + silent);
    let others = devices - back - silent;
    let list = query_of(detail).map(|query| view! { <a href=devices_href(&query)>"Open as a list"</a> });
    let panel = Panel::new("Affected devices").count(devices).aside(list);
    let share_of = |n: i64| n as f64 / devices.max(1) as f64;
    let (first, second) = (share_of(back), share_of(silent));
    let rect = |x: f64, width: f64, class: &'static str| {
        view! { <rect x=crate::charts::percent(x) width=crate::charts::percent(width) height="8" class=class></rect> }
    };
    let says = format!(
        "{} came back and were refused, {} were not seen since, {} others",
        count(back),
        count(silent),
        count(others)
    );
    let following = (detail.row.applied < detail.row.total).then(|| {
        view! { <p class="small soft mt1">{format!("The devices' own records follow: {} of {} are written. What counts is in effect for all of them.", count(detail.row.applied), count(detail.row.total))}</p> }
    });
    panel.flush(view! {
        <div class="body">
            <svg class="bar chart" height="8" role="img" aria-label=says>
                <rect x="0" width="100%" height="8" class="f-line"></rect>
                {rect(0.0, first, "f-ok")}
                {rect(first, second, "f-mute")}
            </svg>
            <ul class="legend mt">
                <li>{icons::sized(icons::BAN, "i ok")}"Came back, refused "<a href="#came-back">{count(back)}</a></li>
                <li>{icon(icons::SILENT)}"Not seen since "<a href="#not-seen">{count(silent)}</a></li>
            </ul>
            {following}
        </div>
        <div id="came-back">{came_back(detail, now)}</div>
        <div id="not-seen">{not_seen(detail, now)}</div>
    })
}

fn device_link(serial: &str) -> impl IntoView + use<> {
    view! { <a href=format!("/devices/{}", segment(serial))>{serial.to_owned()}</a> }
}

fn came_back(detail: &RevocationDetail, now: Timestamp) -> AnyView {
    if detail.came_back.is_empty() {
        return none_yet(
            "None has come back yet",
            view! { <p>"A device that connects is refused, and is listed here from then on."</p> },
        )
        .into_any();
    }
    let rows: Vec<_> = detail
        .came_back
        .iter()
        .map(|device| {
            view! {
                <tr>
                    <th scope="row">{device_link(&device.serial)}</th>
                    <td data-l="State">{refused().cell()}</td>
                    <td data-l="First refused" class="nowrap">{minute(Timestamp(device.first_at))}</td>
                    <td data-l="Last" class="two"><b>{ago(Timestamp(device.last_at), now)}</b><small>{plural(device.n, "time", "times")}</small></td>
                </tr>
            }
        })
        .collect();
    let table = view! {
        <table class="table cards">
            <caption class="sr">"Devices that came back and were refused, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Serial"</th>
                    <th scope="col">"State"</th>
                    <th scope="col">"First refused"</th>
                    <th scope="col">"Last"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    view! { {frame("Devices that came back and were refused", table)} {more(detail.came_back.len(), detail.came_back_total)} }.into_any()
}

const fn refused() -> Status {
    Status { word: "Refused", icon: icons::BAN, tone: Tone::Ok }
}

fn more(shown: usize, total: i64) -> Option<impl IntoView> {
    let rest = total - i64::try_from(shown).unwrap_or(0);
    (rest > 0).then(|| view! { <p class="body small quiet">{format!("and {} more", count(rest))}</p> })
}

fn not_seen(detail: &RevocationDetail, now: Timestamp) -> AnyView {
    if detail.not_seen.is_empty() {
        return ().into_any();
    }
    let rows: Vec<_> = detail
        .not_seen
        .iter()
        .map(|(serial, last_seen_at)| {
            let seen = match *last_seen_at {
                Some(at) => view! { "last seen " {ago(at, now)} }.into_any(),
                None => "never heard from".into_any(),
            };
            view! {
                <li>
                    {icon(icons::SILENT)}
                    {device_link(serial)}
                    <span class="push quiet">{seen}</span>
                </li>
            }
        })
        .collect();
    view! { <h3 class="inset small">"Not seen since"</h3> <ul class="lines">{rows}</ul> {more(detail.not_seen.len(), detail.not_seen_total)} }.into_any()
}

/// Who has it, by whom it is known.
fn channels(detail: &RevocationDetail, now: Timestamp) -> impl IntoView + use<> {
    let panel = Panel::new("Who has it").count(i64::try_from(detail.channels.len()).unwrap_or(0));
    if detail.channels.is_empty() {
        return panel
            .flush(none_yet(
                "Nobody has reported yet",
                view! { <p>"Gateways, publishers and whoever fetches appear here."</p> },
            ))
            .into_any();
    }
    let since = detail.row.effective_at.unwrap_or(detail.row.requested_at);
    let rows: Vec<_> = detail
        .channels
        .iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">
                        <span class="st">{icon(channel_icon(row.channel))}{channel_words(detail.row.act, row.channel)}</span>
                    </th>
                    <td data-l="Who">{who(detail, row)}</td>
                    <td data-l="After" class="num">{after_words(seconds(since, row.first_at))}</td>
                    <td data-l="Times" class="num">{count(row.n)}</td>
                    <td data-l="Last" class="nowrap">{ago(row.last_at, now)}</td>
                </tr>
            }
        })
        .collect();
    let table = view! {
        <table class="table cards">
            <caption class="sr">"Who has it, in the order of time"</caption>
            <thead>
                <tr>
                    <th scope="col">"How"</th>
                    <th scope="col">"Who"</th>
                    <th scope="col" class="num">"After"</th>
                    <th scope="col" class="num">"Times"</th>
                    <th scope="col">"Last"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    panel.flush(frame("Who has it", table)).into_any()
}

/// Who reported; what devices met is told by the list of them.
fn who(detail: &RevocationDetail, row: &ChannelRow) -> AnyView {
    match (row.node.as_str(), name_of(detail, &row.node)) {
        ("", _) => view! { <a href="#came-back">"the devices"</a> }.into_any(),
        (node, name) if node == name => name.to_owned().into_any(),
        (slug, name) => view! { <a href=format!("/authorities/{}", segment(slug))>{name.to_owned()}</a> }.into_any(),
    }
}

/// What was reported; of a release the opposite of what a channel is called by.
const fn channel_words(act: RevocationAct, channel: SpreadChannel) -> &'static str {
    match (act, channel) {
        (RevocationAct::Release, SpreadChannel::GatewayRefuses) => "Gateway accepts",
        (RevocationAct::Release, SpreadChannel::OcspRevoked) => "OCSP answered",
        _ => channel.label(),
    }
}

const fn channel_icon(channel: SpreadChannel) -> Icon {
    match channel {
        SpreadChannel::GatewayRefuses => icons::SHIELD,
        SpreadChannel::CrlPublished => icons::DOC,
        SpreadChannel::CrlFetched => icons::DOWNLOAD,
        SpreadChannel::OcspRevoked => icons::CERT,
        SpreadChannel::DeviceRefused => icons::BAN,
    }
}

/// What was shown to whoever asked, before it counts.
fn preview(detail: &RevocationDetail) -> impl IntoView + use<> {
    let preview = &detail.preview;
    let waits = detail.row.state == RevocationState::Waiting;
    let title = if waits { "What would be hit" } else { "What would have been hit" };
    let holders = i64::try_from(preview.custodians.len()).unwrap_or(0);
    let figure = |n: i64, one: &'static str, many: &'static str| {
        view! { <b>{count(n)}</b><span>{if n == 1 { one } else { many }}</span> }
    };
    view! {
        {Panel::new(title).body(view! {
            <div class="impact">
                <div class=waits.then_some("hot")>{figure(preview.devices, "device", "devices")}</div>
                <div>{figure(preview.certificates, "certificate", "certificates")}</div>
                <div>{figure(preview.never, "never heard from", "never heard from")}</div>
                <div>{figure(holders, "holder", "holders")}</div>
            </div>
        })}
        {top("Held by", &preview.custodians)}
        {top("Countries", &preview.countries)}
    }
    .into_any()
}

/// How many batch authorities go on, that the act did not touch.
async fn others(ctx: &Ctx, detail: &RevocationDetail) -> Result<i64, fleet::Error> {
    let all = ctx.fleet.authorities(&ctx.actor).await?;
    let active = all.iter().filter(|row| {
        let authority = &row.authority;
        let hit =
            detail.row.scope.cuts_authorities() && detail.authorities.iter().any(|(slug, _)| *slug == authority.slug);
        authority.kind == AuthorityKind::Batch && authority.state == AuthorityState::Active && !hit
    });
    Ok(i64::try_from(active.count()).unwrap_or(i64::MAX))
}

fn still_works(row: &RevocationRow, others: i64) -> impl IntoView + use<> {
    let (title, way) = match row.act {
        RevocationAct::Hold => ("The way back", "A release brings all of it back as it was"),
        RevocationAct::Release => {
            ("What was released", "It counts as it did before the hold, with the same certificates")
        }
        RevocationAct::Revoke => (
            "A new certificate",
            "A device whose batch may still sign comes back with a kit, or is enrolled anew at a station",
        ),
    };
    let (whose, untouched) = if row.scope.cuts_authorities() {
        (plural(others, "other batch CA", "other batch CAs"), "Untouched: their devices are let in as before")
    } else {
        (
            format!("All {}", plural(others, "batch CA", "batch CAs")),
            "Untouched: every other device is let in as before",
        )
    };
    Panel::new("What still works").flush(view! {
        <ul class="list">
            <li>
                {icon(icons::PACKAGE)}
                <div>
                    <h3><a href="/authorities">{whose}</a></h3>
                    <p>{untouched}</p>
                </div>
            </li>
            <li>{icon(icons::KEY)}<div><h3>{title}</h3><p>{way}</p></div></li>
        </ul>
    })
}

fn approval(row: &RevocationRow) -> impl IntoView + use<> {
    let second = match (&row.approved_by, row.state, row.approval_id) {
        (Some(by), RevocationState::Rejected, Some(id)) => {
            step(icons::CROSS, false, format!("Rejected by {by}"), None, link(id)).into_any()
        }
        (Some(by), RevocationState::Void, Some(id)) => {
            step(icons::REVERT, false, format!("Void, decided by {by}"), None, link(id)).into_any()
        }
        (Some(by), _, Some(id)) => {
            step(icons::CHECK, true, format!("Approved by {by}"), row.effective_at, link(id)).into_any()
        }
        (None, RevocationState::Waiting, Some(id)) => view! {
            <li aria-current="step">{icon(icons::HOURGLASS)}<b>"Second person"</b><small>{link(id)}</small></li>
        }
        .into_any(),
        _ => step(
            icons::CHECK,
            true,
            "No second person was needed".to_owned(),
            None,
            view! { "Within what one person may do, see " <a href="/settings">"Settings"</a> }.into_any(),
        )
        .into_any(),
    };
    let done = row.effective_at.map(|at| {
        step(act_icon(row.act), true, "In effect".to_owned(), Some(at), "Exactly what the hash below names".into_any())
    });
    let note = if row.note.is_empty() { ().into_any() } else { format!("“{}”", row.note).into_any() };
    Panel::new("Who decided").body(view! {
        <div class="stack">
            <ol class="vsteps">
                {step(icons::CHECK, true, format!("Requested by {}", row.requested_by), Some(row.requested_at), note)}
                {second}
                {done}
            </ol>
            <div class="hashbox">
                <div>
                    <span class="small quiet">"SHA-256 of what was shown"</span><br />
                    {fours(&row.preview_hash)}
                </div>
                {copy("hash", &row.preview_hash)}
            </div>
        </div>
    })
}

fn link(id: domain::id::ApprovalId) -> AnyView {
    view! { <a href=format!("/approvals/{id}")>"What was shown"</a> }.into_any()
}

fn step(drawn: Icon, done: bool, what: String, at: Option<Timestamp>, note: AnyView) -> impl IntoView {
    view! {
        <li class=done.then_some("done")>
            {icon(drawn)}
            <b>{what}</b>
            <span class="quiet small">{at.map(minute)}</span>
            <small>{note}</small>
        </li>
    }
}

fn what(detail: &RevocationDetail) -> impl IntoView + use<> {
    let row = &detail.row;
    let authorities: Vec<_> = detail
        .authorities
        .iter()
        .map(|(slug, name)| view! { <li><a href=format!("/authorities/{}", segment(slug))>{name.clone()}</a></li> })
        .collect();
    let mut rows = vec![
        ("Act", row.act.label().into_any()),
        ("Scope", row.scope.label().into_any()),
        ("Subject", subject(row)),
        ("Certificates", certificates_link(detail)),
    ];
    if !authorities.is_empty() {
        rows.push(("Issuing CAs", view! { <ul>{authorities}</ul> }.into_any()));
    }
    if row.act == RevocationAct::Revoke {
        rows.push(("Reason", reason_words(&row.reason).into_any()));
    }
    if let Some(at) = row.effective_at {
        rows.push(("Since", day(at).into_any()));
    }
    let holders: Vec<_> = detail
        .preview
        .custodians
        .iter()
        .take(4)
        .map(|(name, n)| view! { <li>{name.clone()}" "<span class="quiet">{count(*n)}</span></li> })
        .collect();
    rows.push(("Held by", view! { <ul>{holders}</ul> }.into_any()));
    Panel::new(if row.effective_at.is_some() { "What was hit" } else { "What it is about" }).body(facts(rows))
}

fn subject(row: &RevocationRow) -> AnyView {
    let subject = row.subject.clone();
    match row.scope {
        RevocationScope::Device => device_link(&subject).into_any(),
        RevocationScope::Batch => {
            view! { <a href=format!("/batches/{}", segment(&subject))>{subject.clone()}</a> }.into_any()
        }
        RevocationScope::Factory => {
            view! { <a href=format!("/custodians/{}", segment(&subject))>{subject.clone()}</a> }.into_any()
        }
        RevocationScope::Certificate => match subject.split_once('/') {
            Some((authority, serial)) => {
                let to = format!("/certificates/{}/{}", segment(authority), segment(serial));
                view! { <a class="mono" href=to>{serial.to_owned()}</a> }.into_any()
            }
            None => subject.into_any(),
        },
        RevocationScope::Selection => {
            view! { <a class="mono" href=devices_href(&row.query)>{row.query.clone()}</a> }.into_any()
        }
    }
}
