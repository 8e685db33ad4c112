//! Before an authority is retired: what can't be done any more afterwards, why, and its name typed out. There is no way
//! back.

use super::one::{path, slug_of};
use crate::{
    components::{
        form::{Field, error_summary},
        icons::{self, icon},
        panel::{Panel, head, note},
        status::{Status, Tone},
        text::{day, plural},
    },
    context::{Ctx, href},
    page::Page,
};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    person::Permission,
};
use fleet::authority::AuthorityRow;
use leptos::prelude::*;

/// `/authorities/{slug}/retire`.
///
/// # Errors
/// When the actor may not manage authorities, there is none of this name, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::AuthorityManage)?;
    let slug = slug_of(&ctx).await?;
    let all = ctx.fleet.authorities(&ctx.actor).await?;
    let found = all.iter().find(|row| row.authority.slug == slug);
    let row = found.ok_or_else(|| fleet::Error::not_found("authority", &slug))?;
    let authority = &row.authority;
    let title = view! { "Retire " {authority.name.clone()} {Status::from(authority.state).badge()} };
    let sub =
        view! { <p>"It signs no further certificate. What it signed stays trusted, and its CRL and OCSP go on."</p> };
    let can = authority.state == AuthorityState::Active && authority.kind != AuthorityKind::Root;
    let content = if can {
        view! {
            {consequence(&all, row)}
            {Panel::new("Why, and the name typed out").flush(form(&ctx, row))}
        }
        .into_any()
    } else {
        note(Tone::Mute, icons::INFO, "Only an active authority that signs here can be retired.").into_any()
    };
    let body = view! { {head(title, sub, ())} <div class="stack loose">{content}</div> };
    Ok(Page::new(format!("Retire {}", authority.name), body)
        .crumb("Authorities", "/authorities")
        .crumb(authority.name.clone(), path(&slug))
        .live(format!("authority:{},trust", authority.id)))
}

/// What signs in its place.
fn successor<'a>(all: &'a [AuthorityRow], row: &AuthorityRow) -> Option<&'a AuthorityRow> {
    let is_beside = |other: &&AuthorityRow| {
        other.authority.id != row.authority.id
            && other.authority.kind == row.authority.kind
            && other.authority.state == AuthorityState::Active
            && other.authority.batch_id == row.authority.batch_id
            && other.authority.factory_id == row.authority.factory_id
    };
    all.iter().find(is_beside)
}

/// What stops with it.
fn consequence(all: &[AuthorityRow], row: &AuthorityRow) -> impl IntoView + use<> {
    let authority = &row.authority;
    if let Some(other) = successor(all, row) {
        let to = path(&other.authority.slug);
        let words = view! { "From then on " <a href=to>{other.authority.name.clone()}</a> " signs what is enrolled and renewed." };
        return note(Tone::Ok, icons::INFO, words).into_any();
    }
    let stops = match authority.kind {
        AuthorityKind::Batch => {
            let end = authority.not_after.map(|end| view! { ", at the latest on " {day(end)} });
            view! {
                <b>{format!("{} can't be renewed any more.", plural(row.valid, "valid certificate", "valid certificates"))}</b>
                " No device of the batch can be enrolled or renew its certificate until the batch has another CA. Each is refused as its certificate ends" {end} ". "
            }
            .into_any()
        }
        AuthorityKind::Factory => view! {
            <b>"No batch CA can be made for the factory"</b>
            " until it has another CA. Batch CAs that are there go on. "
        }
        .into_any(),
        AuthorityKind::Operations | AuthorityKind::Root => view! {
            <b>"Servers, stations and pipelines get no certificate, and none is renewed,"</b>
            " until there is another operations CA: stations are refused as theirs end, and so is the gateway's own. "
        }
        .into_any(),
    };
    let mut pairs = vec![("kind", authority.kind.as_str())];
    pairs.extend(row.batch.as_deref().map(|batch| ("batch", batch)));
    pairs.extend(row.factory.as_deref().filter(|_| row.batch.is_none()).map(|factory| ("factory", factory)));
    let other = href("/authorities/new", &pairs);
    note(
        Tone::Warn,
        icons::WARN,
        view! { {stops} <a href=other>"Request another one first"</a> ": once it is active, this one is retired by itself." },
    )
    .into_any()
}

fn form(ctx: &Ctx, row: &AuthorityRow) -> impl IntoView + use<> {
    let form = ctx.form.as_ref();
    let (here, action) = (path(&row.authority.slug), format!("{}/retire", path(&row.authority.slug)));
    view! {
        <form class="body stack slim" method="post" action=action>
            {error_summary(form)}
            {Field::new(form, "reason", "Why").required().max_length(400).hint("Kept in the audit log.").textarea(2)}
            {Field::new(form, "confirmation", "Type its name").required().max_length(64).autocomplete("off")
                .hint(row.authority.name.clone()).input()}
            <div class="row">
                <button class="btn danger solid" type="submit">{icon(icons::ARCHIVE)}"Retire it for good"</button>
                <a class="btn" href=here>"Cancel"</a>
            </div>
        </form>
    }
}
