//! The authority of a batch or a factory, on its page: how it stands, and the way to cut off what it signed.

use crate::{
    components::{
        icons::{self, icon},
        panel::Panel,
        status::{Status, authority_icon},
        text::{day, plural},
    },
    context::{Ctx, href, segment},
    pages::{authorities, errors::who_may, revocations},
};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    person::Permission,
};
use fleet::authority::AuthorityRow;
use leptos::prelude::*;

/// The panel on a batch's page.
///
/// # Errors
/// When the database fails.
pub(super) async fn of_batch(ctx: &Ctx, code: &str) -> Result<AnyView, fleet::Error> {
    let of = |row: &AuthorityRow| row.authority.kind == AuthorityKind::Batch && row.batch.as_deref() == Some(code);
    panel(ctx, ("batch", code), of).await
}

/// The panel on a factory's page.
///
/// # Errors
/// When the database fails.
pub(super) async fn of_factory(ctx: &Ctx, code: &str) -> Result<AnyView, fleet::Error> {
    let of = |row: &AuthorityRow| row.authority.kind == AuthorityKind::Factory && row.factory.as_deref() == Some(code);
    panel(ctx, ("factory", code), of).await
}

async fn panel(
    ctx: &Ctx,
    (scope, code): (&'static str, &str),
    of: impl Fn(&AuthorityRow) -> bool,
) -> Result<AnyView, fleet::Error> {
    if !ctx.may(Permission::AuthorityRead) {
        return Ok(().into_any());
    }
    let all = ctx.fleet.authorities(&ctx.actor).await?;
    let own: Vec<&AuthorityRow> = all.iter().filter(|row| of(row)).collect();
    let rows: Vec<_> = own.iter().map(|row| line(row)).collect();
    let has = |states: &[AuthorityState]| own.iter().any(|row| states.contains(&row.authority.state));
    let none = own.is_empty().then(|| none(ctx, scope, code));
    let held = has(&[AuthorityState::Held]);
    let living = has(&[AuthorityState::Active, AuthorityState::Retired]);
    let acts = acts(ctx, (scope, code), living, held);
    let reconcile =
        (scope == "batch" && !own.is_empty() && ctx.may(Permission::CertificateEnrol)).then(|| reconcile(code));
    let panel = Panel::new(if scope == "batch" { "Issuing CA" } else { "Factory CA" }).id("authority");
    Ok(panel.flush(view! { {none} <ul class="lines">{rows}</ul> {reconcile} {acts} }).into_any())
}

/// Compares what was issued with what was delivered.
fn reconcile(code: &str) -> impl IntoView + use<> {
    view! {
        <form class="inset stack tight" method="post" action=format!("/batches/{}/reconcile", segment(code))>
            <p class="small soft">"Every certificate should have its device, and every device its certificate."</p>
            <div class="row wrap">
                <button class="btn small" type="submit">{icon(icons::SWAP)}"Reconcile"</button>
                <a class="small" href="/findings">"Findings"</a>
            </div>
        </form>
    }
}

fn line(row: &AuthorityRow) -> impl IntoView + use<> {
    let authority = &row.authority;
    let number = plural(authorities::signed(row), "certificate", "certificates");
    let ends = authority.not_after.map(|end| view! { ", to " {day(end)} });
    view! {
        <li>
            {icon(authority_icon(authority.kind))}
            <span class="two">
                <a href=format!("/authorities/{}", segment(&authority.slug))>{authority.name.clone()}</a>
                <small><a href=authorities::signed_href(&authority.slug, None)>{number}</a>{ends}</small>
            </span>
            <span class="push">{Status::from(authority.state).cell()}</span>
        </li>
    }
}

fn none(ctx: &Ctx, scope: &'static str, code: &str) -> impl IntoView + use<> {
    let words = match scope {
        "batch" => "No authority signs this batch, so its devices can't be enrolled.",
        _ => "No authority signs for this factory, so its batches can't have one.",
    };
    let ask = ctx.may(Permission::AuthorityRequest).then(|| {
        let to = href("/authorities/new", &[("kind", scope), (scope, code)]);
        view! { <a class="btn small" href=to>{icon(icons::PLUS)}"Request one"</a> }
    });
    view! { <div class="body stack tight"><p class="small soft">{words}</p><div>{ask}</div></div> }
}

fn acts(ctx: &Ctx, (scope, code): (&'static str, &str), living: bool, held: bool) -> AnyView {
    if !living && !held {
        return ().into_any();
    }
    if !ctx.may(Permission::CertificateRevoke) {
        return view! { <p class="inset small soft">{who_may(Permission::CertificateRevoke)}</p> }.into_any();
    }
    let to = |act: &str| revocations::path_of(scope, code, act);
    let hold = living.then(|| view! { <a class="btn small" href=to("hold")>{icon(icons::PAUSE)}"Hold"</a> });
    let release =
        held.then(|| view! { <a class="btn small" href=to("release")>{icon(icons::SHIELD_CHECK)}"Release"</a> });
    let label = if scope == "batch" { "Revoke the batch" } else { "Revoke the factory" };
    view! {
        <div class="inset row wrap">
            {hold}
            {release}
            <a class="btn small danger" href=to("revoke")>{icon(icons::BAN)}{label}</a>
        </div>
    }
    .into_any()
}
