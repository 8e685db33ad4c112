//! One certificate: what it says, who signed it, how it stands, and everything that happened to it.

use super::{decoded, path, whose};
use crate::{
    components::{
        icons::{self, icon},
        panel::{Panel, disabled_button, facts, head, link_button},
        status::{Status, authority_icon},
        text::{ago, day, minute},
    },
    context::{Ctx, href, segment},
    page::Page,
    pages::errors::who_may,
};
use domain::{certificate::CertificateStanding, person::Permission};
use fleet::certificate::{CertificateDetail, CertificateRow};
use leptos::prelude::*;

/// `/certificates/{authority}/{serial}`.
///
/// # Errors
/// When the actor may not see certificates, there is none of this number, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let detail = ctx.fleet.certificate(&ctx.actor, ctx.param("authority"), ctx.param("serial")).await?;
    let row = &detail.row;
    let standing = Status::from(row.status);
    let title = match &row.device_serial {
        Some(serial) => format!("Certificate of {serial}"),
        None => format!("Certificate of {}", row.name),
    };
    let here = path(&row.authority_slug, &row.serial);
    let body = view! {
        {head(view! { {title.clone()} {standing.badge()} }, sub(row), acts(&ctx, row))}
        <div class="cols lead">
            <div class="stack loose">
                {decoded::panel(&detail.certificate, &format!("{here}/certificate.pem"))}
                {events(&detail)}
            </div>
            <div class="stack loose">
                {about(&ctx, row, &standing)}
                {chain(&detail, &standing)}
            </div>
        </div>
    };
    let mut topics = "revocation,certificate".to_owned();
    if let Some(serial) = &row.device_serial {
        topics.push_str(&format!(",device:{serial}"));
    }
    let authority = href("/certificates", &[("authority", row.authority_slug.as_str())]);
    Ok(Page::new(title, body)
        .crumb("Certificates", "/certificates")
        .crumb(row.authority_name.clone(), authority)
        .live(topics))
}

fn sub(row: &CertificateRow) -> impl IntoView + use<> {
    let authority = format!("/authorities/{}", segment(&row.authority_slug));
    view! {
        <p>{row.purpose.label()} ", signed by " <a href=authority>{row.authority_name.clone()}</a> " on " {day(row.issued_at)}</p>
    }
}

fn acts(ctx: &Ctx, row: &CertificateRow) -> impl IntoView + use<> {
    let subject = format!("{}/{}", row.authority_slug, row.serial);
    let start = |act: &str| href("/revocations/new", &[("scope", "certificate"), ("subject", &subject), ("act", act)]);
    let ended = row.not_after <= ctx.now;
    if row.status == CertificateStanding::Revoked || ended {
        let why = if ended { "It has ended by itself." } else { "It is revoked; that can't be lifted." };
        return disabled_button(icons::BAN, "Revoke", why).into_any();
    }
    let (act, drawn, label) = if row.status == CertificateStanding::Held {
        ("release", icons::SHIELD_CHECK, "Release")
    } else {
        ("hold", icons::PAUSE, "Hold")
    };
    let first = ctx.may(Permission::CertificateHold).then(|| link_button(start(act), drawn, label));
    let revoke = if ctx.may(Permission::CertificateRevoke) {
        view! { <a class="btn danger" href=start("revoke")>{icon(icons::BAN)}"Revoke"</a> }.into_any()
    } else {
        disabled_button(icons::BAN, "Revoke", who_may(Permission::CertificateRevoke)).into_any()
    };
    view! { {first} {revoke} }.into_any()
}

fn about(ctx: &Ctx, row: &CertificateRow, standing: &Status) -> impl IntoView + use<> {
    let since = (row.status_at > row.issued_at).then(|| view! { ", " {ago(row.status_at, ctx.now)} });
    let mut rows = vec![
        ("Standing", view! { {standing.cell()} {since} }.into_any()),
        ("For", whose(row)),
        ("Purpose", row.purpose.label().into_any()),
        ("Issued", view! { {minute(row.issued_at)} ", by " {row.issued_by.clone()} }.into_any()),
        (
            "First used",
            match row.first_used_at {
                Some(at) => minute(at).into_any(),
                None => view! { <span class="quiet">"not yet"</span> }.into_any(),
            },
        ),
    ];
    if let Some(reason) = row.reason.filter(|_| row.status == CertificateStanding::Revoked) {
        rows.push(("Reason", reason.label().into_any()));
    }
    if let Some(replaced) = &row.replaces {
        let to = path(&row.authority_slug, replaced);
        rows.push(("Replaces", view! { <a class="mono" href=to>{replaced.clone()}</a> }.into_any()));
    }
    Panel::new("How it stands").body(facts(rows))
}

/// The path to the root, the certificate itself last.
fn chain(detail: &CertificateDetail, standing: &Status) -> impl IntoView + use<> {
    let above: Vec<_> = detail
        .chain
        .iter()
        .rev()
        .map(|link| {
            let state = Status::from(link.state).cell();
            let ends = link.not_after.map(|end| view! { ", to " {day(end)} });
            view! {
                <li>
                    {icon(authority_icon(link.kind))}
                    <b><a href=format!("/authorities/{}", segment(&link.slug))>{link.name.clone()}</a></b>
                    {state}
                    <small>{link.kind.label()} {ends}</small>
                </li>
            }
        })
        .collect();
    let own = standing.cell();
    Panel::new("Chain").body(view! {
        <ol class="chain">
            {above}
            <li class="me-cert">
                {icon(icons::CERT)}
                <b>{detail.row.name.clone()}</b>
                {own}
                <small>{detail.row.purpose.label()} ", to " {day(detail.row.not_after)}</small>
            </li>
        </ol>
    })
}

fn events(detail: &CertificateDetail) -> impl IntoView + use<> {
    let number = i64::try_from(detail.events.len()).unwrap_or(i64::MAX);
    let rows: Vec<_> = detail
        .events
        .iter()
        .map(|event| {
            let note = (!event.note.is_empty()).then(|| view! { <small>{event.note.clone()}</small> });
            let act =
                event.revocation.map(|id| view! { <small><a href=format!("/revocations/{id}")>"The act"</a></small> });
            let other = event.certificate.as_ref().map(|(authority, serial)| {
                view! { <small><a class="mono" href=path(authority, serial)>{serial.clone()}</a></small> }
            });
            let by = (!event.by.is_empty()).then(|| view! { <small>"By: " {event.by.clone()}</small> });
            view! {
                <li class="done">
                    {icon(icons::CHECK)}
                    <b>{event.words.clone()}</b>
                    <span class="quiet small">{minute(event.at)}</span>
                    {by}
                    {note}
                    {act}
                    {other}
                </li>
            }
        })
        .collect();
    Panel::new("What happened to it").count(number).body(view! { <ol class="vsteps">{rows}</ol> })
}
