//! One authority: its certificate, what it signed, its CRL, and what can be done with it.

use super::{
    code_signing, crl_age_of, delivered, ends, folded, key_words, none, pem_field, signed as issued, signed_href, steps,
};
use crate::{
    components::{
        form::{Field, error_summary},
        icons::{self, icon},
        panel::{Panel, disabled_button, facts, head, link_button},
        status::{Status, authority_icon},
        text::{copy, count, day, minute, mono, plural},
    },
    context::{Ctx, href, segment},
    page::Page,
    pages::{certificates::decoded, errors::who_may},
};
use domain::{
    authority::{Authority, AuthorityKind, AuthorityState},
    id::AuthorityId,
    person::Permission,
    time::Timestamp,
};
use fleet::{
    authority::{AuthorityDetail, AuthorityRow},
    catalogue::Catalogue,
};
use leptos::prelude::*;

/// `/authorities/{slug}`.
///
/// # Errors
/// When the actor may not see authorities, there is none of this name, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let detail = ctx.fleet.authority(&ctx.actor, &slug_of(&ctx).await?).await?;
    let settings = ctx.fleet.settings(&ctx.actor).await?;
    let catalogue = ctx.fleet.catalogue(&ctx.actor).await?;
    let authority = &detail.row.authority;
    let title = view! { {authority.name.clone()} {Status::from(authority.state).badge()} };
    let body = view! {
        {head(title, sub(&detail, &catalogue), acts(&ctx, &detail))}
        {delivered::panel(&ctx)}
        {steps::next(&ctx, &detail, &settings)}
        <div class="cols lead">
            <div class="stack loose">
                {signed(&detail)}
                {below(&detail)}
                {certificate(&detail)}
            </div>
            <div class="stack loose">
                {about(&ctx, &detail)}
                {published(&ctx, &detail, &settings.pki_url)}
                {chain(&detail)}
                {steps::delegation(&ctx, &detail)}
                {code_signing::panel(&ctx, &detail)}
                {links(&ctx, &detail)}
            </div>
        </div>
    };
    let topics = format!("authority:{},trust,approval,crl:{}", authority.id, authority.slug);
    Ok(Page::new(authority.name.clone(), body).crumb("Authorities", "/authorities").live(topics))
}

/// The name in the address. The audit log knows authorities by their ids, so an id will do, too.
pub(super) async fn slug_of(ctx: &Ctx) -> Result<String, fleet::Error> {
    let given = ctx.param("slug");
    let Ok(id) = given.parse::<AuthorityId>() else { return Ok(given.to_owned()) };
    let all = ctx.fleet.authorities(&ctx.actor).await?;
    let found = all.into_iter().find(|row| row.authority.id == id).map(|row| row.authority.slug);
    found.ok_or_else(|| fleet::Error::not_found("authority", given))
}

/// The address of an authority's page.
pub(super) fn path(slug: &str) -> String {
    format!("/authorities/{}", segment(slug))
}

fn sub(detail: &AuthorityDetail, catalogue: &Catalogue) -> impl IntoView + use<> {
    let row = &detail.row;
    let named = |code: &str| {
        let known = catalogue.custodians.iter().find(|custodian| custodian.code == code);
        known.map_or_else(|| code.to_owned(), |custodian| custodian.name.clone())
    };
    let of = match (row.authority.kind, &row.batch, &row.factory) {
        (AuthorityKind::Batch, Some(batch), _) => {
            view! { " of batch " <a href=format!("/batches/{}", segment(batch))>{batch.clone()}</a> }.into_any()
        }
        (AuthorityKind::Factory, _, Some(factory)) => {
            view! { " of " <a href=format!("/custodians/{}", segment(factory))>{named(factory)}</a> }.into_any()
        }
        _ => ().into_any(),
    };
    let delegated = row.authority.delegated.then_some(", delegated to the factory");
    view! { <p>{row.authority.kind.label()}{of}{delegated}</p> }
}

/// Cutting off what it signed goes by batch and by factory.
fn acts(ctx: &Ctx, detail: &AuthorityDetail) -> impl IntoView + use<> {
    let row = &detail.row;
    let scope = match (row.authority.kind, &row.batch, &row.factory) {
        (AuthorityKind::Batch, Some(batch), _) => Some(("batch", batch.clone())),
        (AuthorityKind::Factory, _, Some(factory)) => Some(("factory", factory.clone())),
        _ => None,
    };
    let list = link_button(signed_href(&row.authority.slug, None), icons::CERT, "What it signed");
    let retire = retire(ctx, detail);
    let Some((scope, subject)) = scope else { return (list, retire).into_any() };
    let start = |act: &str| href("/revocations/new", &[("scope", scope), ("subject", &subject), ("act", act)]);
    let may = ctx.may(Permission::CertificateRevoke);
    let why = || who_may(Permission::CertificateRevoke);
    let cut = match row.authority.state {
        AuthorityState::Active | AuthorityState::Retired if may => view! {
            {link_button(start("hold"), icons::PAUSE, "Hold")}
            <a class="btn danger" href=start("revoke")>{icon(icons::BAN)}"Revoke"</a>
        }
        .into_any(),
        AuthorityState::Held if may => view! {
            {link_button(start("release"), icons::SHIELD_CHECK, "Release")}
            <a class="btn danger" href=start("revoke")>{icon(icons::BAN)}"Revoke"</a>
        }
        .into_any(),
        AuthorityState::Active | AuthorityState::Retired | AuthorityState::Held => {
            disabled_button(icons::BAN, "Revoke", why()).into_any()
        }
        _ => ().into_any(),
    };
    (list, retire, cut).into_any()
}

fn signed(detail: &AuthorityDetail) -> impl IntoView + use<> {
    let row = &detail.row;
    let slug = &row.authority.slug;
    let part = |n: i64, word: Option<&'static str>, label: &'static str, hot: bool| {
        view! {
            <div class=(hot && n > 0).then_some("hot")>
                <b><a href=signed_href(slug, word)>{count(n)}</a></b>
                <span>{label}</span>
            </div>
        }
    };
    let quota =
        row.authority.quota.map(|quota| view! { <p class="small soft">{quota_words(quota, row.authority.issued)}</p> });
    Panel::new("What it signed").body(view! {
        <div class="stack">
            <div class="impact">
                {part(issued(row), None, "issued", false)}
                {part(row.valid, Some("valid"), "valid", false)}
                {part(row.held, Some("held"), "on hold", false)}
                {part(row.revoked, Some("revoked"), "revoked", true)}
                {part(row.superseded, Some("superseded"), "superseded", false)}
            </div>
            {quota}
        </div>
    })
}

/// The quota counts devices; a renewal is a further certificate of the same one.
fn quota_words(quota: i64, devices: i64) -> String {
    let have = if devices == 1 { "has" } else { "have" };
    let left = (quota - devices).max(0);
    format!(
        "Its quota is {}. {} {have} a certificate, {} more may get one. A renewal does not count.",
        plural(quota, "device", "devices"),
        count(devices),
        count(left)
    )
}

fn below(detail: &AuthorityDetail) -> Option<impl IntoView + use<>> {
    if detail.children.is_empty() {
        return None;
    }
    let number = i64::try_from(detail.children.len()).unwrap_or(i64::MAX);
    let rows: Vec<_> = detail.children.iter().map(child).collect();
    Some(Panel::new("Authorities below it").count(number).flush(view! { <ul class="lines">{rows}</ul> }))
}

fn child(row: &AuthorityRow) -> impl IntoView + use<> {
    let authority = &row.authority;
    view! {
        <li>
            {icon(authority_icon(authority.kind))}
            <a href=path(&authority.slug)>{authority.name.clone()}</a>
            {Status::from(authority.state).cell()}
            <span class="push small"><a href=signed_href(&authority.slug, None)>{plural(issued(row), "certificate", "certificates")}</a></span>
        </li>
    }
}

fn certificate(detail: &AuthorityDetail) -> Option<impl IntoView + use<>> {
    let certificate = detail.certificate.as_ref()?;
    Some(decoded::panel(certificate, &format!("{}/certificate.pem", path(&detail.row.authority.slug))))
}

fn about(ctx: &Ctx, detail: &AuthorityDetail) -> impl IntoView + use<> {
    let authority = &detail.row.authority;
    let mut rows = vec![
        ("Kind", authority.kind.label().into_any()),
        ("Key", key_words(&authority.key_location)),
        ("Ends", ends(authority.not_after, ctx.now)),
        ("Requested by", authority.requested_by.clone().into_any()),
        ("Requested", minute(authority.created_at).into_any()),
    ];
    if let Some(at) = authority.activated_at {
        rows.push(("Active since", day(at).into_any()));
    }
    if let Some(approval) = detail.approval {
        let asked =
            if authority.state == AuthorityState::Requested { "What is asked for" } else { "What was asked for" };
        rows.push(("Approval", view! { <a href=format!("/approvals/{approval}")>{asked}</a> }.into_any()));
    }
    let audit = href("/audit", &[("subject", format!("authority:{}", authority.id).as_str())]);
    if ctx.may(Permission::AuditRead) {
        rows.push(("Audit", view! { <a href=audit>"What was done to it"</a> }.into_any()));
    }
    Panel::new("About").body(facts(rows))
}

/// Where verifiers find its certificate and its CRL.
fn published(ctx: &Ctx, detail: &AuthorityDetail, pki_url: &str) -> Option<impl IntoView + use<>> {
    let authority = &detail.row.authority;
    detail.certificate.as_ref()?;
    let at = |rest: String| format!("{}/{rest}", pki_url.trim_end_matches('/'));
    let address = |url: String| {
        if pki_url.is_empty() {
            return none("no address is set");
        }
        view! { <span class="mono small">{breakable(&url)}</span> {copy("address", &url)} }.into_any()
    };
    let mut rows = crl_facts(&detail.row, ctx.now);
    rows.push(("CRL at", address(at(format!("crl/{}.crl", authority.slug)))));
    rows.push(("OCSP at", address(at(format!("ocsp/{}", authority.slug)))));
    rows.push(("Certificate at", address(at(format!("ca/{}.cer", authority.slug)))));
    Some(Panel::new("Published").flush(view! { <div class="body">{facts(rows)}</div> {bring_crl(ctx, authority)} }))
}

/// Its latest CRL: when it was signed, what it holds, and until when it counts.
fn crl_facts(row: &AuthorityRow, now: Timestamp) -> Vec<(&'static str, AnyView)> {
    let Some(crl) = &row.crl else { return vec![("CRL", none("none yet"))] };
    vec![
        ("CRL signed", crl_age_of(row, now)),
        ("Counts until", minute(crl.next_update).into_any()),
        ("Entries", count(crl.entries).into_any()),
        ("CRL number", crl.number.to_string().into_any()),
    ]
}

/// An address that is broken after its slashes first.
fn breakable(url: &str) -> Vec<AnyView> {
    url.split_inclusive('/').map(|part| view! { {part.to_owned()}<wbr /> }.into_any()).collect()
}

/// The form for a CRL that a ceremony made: nobody here could.
fn bring_crl(ctx: &Ctx, authority: &Authority) -> Option<impl IntoView + use<>> {
    if authority.key_location != "offline" || !ctx.may(Permission::AuthorityManage) {
        return None;
    }
    let form = ctx.form.as_ref().filter(|form| form.has("crl"));
    let fields = view! {
        <form class="body stack tight" method="post" action=format!("{}/crl", path(&authority.slug))>
            {error_summary(form)}
            {pem_field(Field::new(form, "crl", "CRL from the ceremony, as PEM or base64").required())}
            <div><button class="btn" type="submit">{icon(icons::UPLOAD)}"Publish it"</button></div>
        </form>
    };
    Some(folded(form.is_some(), (icons::DOC, "Publish a CRL from the ceremony"), fields))
}

fn chain(detail: &AuthorityDetail) -> Option<impl IntoView + use<>> {
    if detail.parents.is_empty() {
        return None;
    }
    let rows: Vec<_> = detail
        .parents
        .iter()
        .map(|row| {
            let authority = &row.authority;
            view! {
                <li>
                    {icon(authority_icon(authority.kind))}
                    <b><a href=path(&authority.slug)>{authority.name.clone()}</a></b>
                    {Status::from(authority.state).cell()}
                    <small>{authority.kind.label()}</small>
                </li>
            }
        })
        .collect();
    Some(Panel::new("Signed by").body(view! { <ol class="chain">{rows}</ol> }))
}

/// Other certificates for the same key: what leads devices that know another root alone to this one.
fn links(ctx: &Ctx, detail: &AuthorityDetail) -> Option<impl IntoView + use<>> {
    let authority = &detail.row.authority;
    if authority.kind != AuthorityKind::Root {
        return None;
    }
    let rows: Vec<_> = detail
        .links
        .iter()
        .map(|link| view! { <li>{mono(link.issuer_name.clone())}<span class="push">"to "{day(link.not_after)}</span></li> })
        .collect();
    let none = rows.is_empty().then(|| {
        view! { <p class="body small soft">"None. When the root is rolled over, the old root signs the new one; devices that know the old root alone then still find a path."</p> }
    });
    let form = ctx.may(Permission::AuthorityManage).then(|| {
        let form = ctx.form.as_ref().filter(|form| form.has("link"));
        let fields = view! {
            <form class="body stack tight" method="post" action=format!("{}/links", path(&authority.slug))>
                {error_summary(form)}
                {pem_field(Field::new(form, "link", "Cross-certificate, as PEM").required())}
                <div><button class="btn" type="submit">{icon(icons::UPLOAD)}"Bring it in"</button></div>
            </form>
        };
        folded(form.is_some(), (icons::LINK, "Bring in a cross-certificate"), fields)
    });
    let list = (!rows.is_empty()).then(|| view! { <ul class="lines">{rows}</ul> });
    Some(Panel::new("Cross-certificates").flush(view! { {list} {none} {form} }))
}

/// The way to the page that retires an authority, for whoever may: it can't be undone, so that page asks.
fn retire(ctx: &Ctx, detail: &AuthorityDetail) -> Option<impl IntoView + use<>> {
    let authority = &detail.row.authority;
    let can = authority.state == AuthorityState::Active && authority.kind != AuthorityKind::Root;
    (can && ctx.may(Permission::AuthorityManage))
        .then(|| link_button(format!("{}/retire", path(&authority.slug)), icons::ARCHIVE, "Retire"))
}
