//! Certification authorities: the whole hierarchy, what each has signed, where its key is, and how old its CRL is.

mod add;
mod code_signing;
mod delivered;
mod one;
mod retire;
mod steps;

pub use add::load as load_new;
pub use one::load as load_one;
pub use retire::load as load_retire;

use crate::{
    components::{
        form::{Field, error_summary},
        icons::{self, icon},
        panel::{Panel, disabled_button, head, link_button, note, primary_link},
        status::{Status, Tone, authority_icon},
        table::{frame, none_yet},
        text::{ago, count, day, plural},
    },
    context::{Ctx, href, segment},
    page::Page,
    pages::errors::who_may,
};
use domain::{
    authority::{AuthorityKind, AuthorityState},
    person::Permission,
    time::{DAY, Timestamp},
};
use fleet::authority::AuthorityRow;
use leptos::prelude::*;

/// A certificate of an authority that ends so soon is marked.
const SOON: i64 = 180 * DAY;

/// `/authorities`.
///
/// # Errors
/// When the actor may not see authorities, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let authorities = ctx.fleet.authorities(&ctx.actor).await?;
    let has_root = authorities.iter().any(|row| row.authority.kind == AuthorityKind::Root);
    let number = i64::try_from(authorities.len()).unwrap_or(i64::MAX);
    let list = if authorities.is_empty() {
        none_yet("No authority yet", begin()).into_any()
    } else {
        tree(&ctx, &authorities).into_any()
    };
    let sub = view! {
        <p>"The root is offline and signs factory and operations CAs. A factory CA signs batch CAs, and a batch CA signs the devices of its batch."</p>
    };
    let body = view! {
        {head("Certification authorities", sub, acts(&ctx))}
        {sealed(&ctx)}
        {waiting(&authorities)}
        {Panel::new(plural(number, "authority", "authorities")).flush(list)}
        {bring_root(&ctx, has_root)}
    };
    Ok(Page::new("Authorities", body).live("authority,trust,revocation,crl"))
}

fn acts(ctx: &Ctx) -> impl IntoView + use<> {
    let request = if ctx.may(Permission::AuthorityRequest) {
        primary_link("/authorities/new", icons::PLUS, "Request an authority").into_any()
    } else {
        disabled_button(icons::PLUS, "Request an authority", who_may(Permission::AuthorityRequest)).into_any()
    };
    (link_button("/certificates/expiry", icons::CLOCK, "What ends when"), request)
}

/// What belongs here before there is anything.
fn begin() -> impl IntoView {
    view! {
        <p>"On a machine without a network, make the root; then bring its certificate here. Its key never comes along."</p>
        <p class="mono small">"muster ceremony root \"Your root\" --folder FOLDER --key-passphrase-file FILE"</p>
    }
}

/// That the keys can't be opened, which nobody would notice before something has to be signed.
fn sealed(ctx: &Ctx) -> Option<impl IntoView + use<>> {
    let words = view! {
        <b>"The keys are sealed, and Muster was not given their passphrase."</b>
        " Nothing in a key file can sign: no device can be enrolled, no CRL published. Start Muster with "
        <code>"--key-passphrase-file FILE"</code> "."
    };
    let without = (!ctx.fleet.can_seal()).then(|| note(Tone::Warn, icons::KEY, words).into_any());
    let wrong = || {
        let why = ctx.fleet.key_trouble()?;
        let words = view! {
            <b>{why}</b>
            " It can sign nothing: devices that come to it can’t enrol. Start it with the passphrase that they were sealed with."
        };
        Some(note(Tone::Bad, icons::KEY, words).into_any())
    };
    without.or_else(wrong)
}

/// What somebody has to do before an authority can sign.
fn waiting(authorities: &[AuthorityRow]) -> impl IntoView + use<> {
    let of = |state| authorities.iter().filter(|row| row.authority.state == state).collect::<Vec<_>>();
    let ceremony = of(AuthorityState::AwaitingCertificate);
    if ceremony.is_empty() {
        return None;
    }
    let names: Vec<_> = ceremony
        .iter()
        .map(|row| {
            let to = format!("/authorities/{}", segment(&row.authority.slug));
            view! { <li><a href=to>{row.authority.name.clone()}</a></li> }
        })
        .collect();
    let body = view! {
        <b>"The ceremony has to sign:"</b>
        <ul class="serials">{names}</ul>
    };
    Some(note(Tone::Go, icons::HOURGLASS, body))
}

fn tree(ctx: &Ctx, authorities: &[AuthorityRow]) -> impl IntoView + use<> {
    let rows: Vec<_> = authorities.iter().map(|row| line(row, ctx.now)).collect();
    frame(
        "Authorities",
        view! {
            <table class="table cards brief">
                <caption class="sr">"Authorities, each below the one that signed it"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Authority"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="num">"Issued"</th>
                        <th scope="col">"Of these"</th>
                        <th scope="col" class="num">"Quota used"</th>
                        <th scope="col">"Ends"</th>
                        <th scope="col">"Key"</th>
                        <th scope="col">"CRL signed"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

/// How far a name is set in.
const fn depth_class(depth: usize) -> &'static str {
    match depth {
        0 => "tree",
        1 => "tree deep-1",
        2 => "tree deep-2",
        _ => "tree deep-3",
    }
}

fn line(row: &AuthorityRow, now: Timestamp) -> impl IntoView + use<> {
    let authority = &row.authority;
    let to = format!("/authorities/{}", segment(&authority.slug));
    let kind = match (authority.kind, authority.delegated) {
        (AuthorityKind::Batch, true) => "Batch CA, delegated to the factory",
        (kind, _) => kind.label(),
    };
    view! {
        <tr>
            <th scope="row">
                <span class=depth_class(row.depth)>
                    {icon(authority_icon(authority.kind))}
                    <span><a href=to><b>{authority.name.clone()}</b></a><small>{kind}</small></span>
                </span>
            </th>
            <td data-l="State">{Status::from(authority.state).cell()}</td>
            <td data-l="Issued" class="num"><a href=signed_href(&authority.slug, None)>{count(signed(row))}</a></td>
            <td data-l="Of these">{standing(row)}</td>
            <td data-l="Quota used" class="num">{quota_used(row)}</td>
            <td data-l="Ends" class="nowrap">{ends(authority.not_after, now)}</td>
            <td data-l="Key" class="nowrap">{key_place(&authority.key_location)}</td>
            <td data-l="CRL signed" class="nowrap">{crl_age_of(row, now)}</td>
        </tr>
    }
}

/// The list of what an authority has signed.
pub(super) fn signed_href(slug: &str, standing: Option<&str>) -> String {
    let mut pairs = vec![("authority", slug)];
    pairs.extend(standing.map(|word| ("standing", word)));
    href("/certificates", &pairs)
}

/// How many certificates it has signed, also for those that are no devices.
pub(super) fn signed(row: &AuthorityRow) -> i64 {
    row.authority.issued.max(row.valid + row.held + row.revoked + row.superseded)
}

/// How many devices have a certificate of it, and how many may: renewals do not count.
fn quota_used(row: &AuthorityRow) -> AnyView {
    let Some(quota) = row.authority.quota else { return none("–") };
    let words = format!("{} of {}", count(row.authority.issued), count(quota));
    let title =
        format!("{} have a certificate, {} may", plural(row.authority.issued, "device", "devices"), count(quota));
    view! { <span title=title>{words}</span> }.into_any()
}

fn standing(row: &AuthorityRow) -> impl IntoView + use<> {
    let slug = &row.authority.slug;
    let part = |n: i64, word: &'static str, label: &'static str| {
        (n > 0).then(|| view! { <li><a href=signed_href(slug, Some(word))>{count(n)}" "{label}</a></li> })
    };
    view! {
        <ul class="numbers">
            {part(row.valid, "valid", "valid")}
            {part(row.held, "held", "on hold")}
            {part(row.revoked, "revoked", "revoked")}
            {part(row.superseded, "superseded", "superseded")}
        </ul>
    }
}

/// When a certificate ends, marked when that is soon.
pub(super) fn ends(end: Option<Timestamp>, now: Timestamp) -> AnyView {
    let Some(end) = end else { return view! { <span class="quiet">"no certificate yet"</span> }.into_any() };
    let class = match end {
        _ if end <= now => Tone::Bad,
        _ if end <= now.plus(SOON) => Tone::Warn,
        _ => return day(end).into_any(),
    };
    let words = if end <= now { "ended " } else { "" };
    view! { <span class="st">{icons::sized(icons::CLOCK, class.icon_class())}{words}{day(end)}</span> }.into_any()
}

/// Where a key is, in as few words as fit into a table; all of it is the title.
fn key_place(location: &str) -> AnyView {
    let words = match location.split_once(':') {
        None if location.is_empty() => return none("none yet"),
        None if location == "offline" => "Offline",
        Some(("file", _)) => "Sealed file",
        Some(("pkcs11", _)) => "Security module",
        _ => location,
    };
    view! { <span title=location.to_owned()>{words.to_owned()}</span> }.into_any()
}

/// Where a key is, in full.
pub(super) fn key_words(location: &str) -> AnyView {
    match location.split_once(':') {
        Some(("file", name)) => {
            view! { "Sealed file"<br /><span class="mono quiet">{name.to_owned()}</span> }.into_any()
        }
        _ => key_place(location),
    }
}

pub(super) fn crl_age_of(row: &AuthorityRow, now: Timestamp) -> AnyView {
    match &row.crl {
        Some(crl) => {
            let old = crl.next_update <= now;
            let mark = old.then(|| icons::sized(icons::WARN, Tone::Bad.icon_class()));
            let number = format!("Number {}", crl.number);
            view! { <span class="st" title=number>{mark}{ago(crl.this_update, now)}</span> }.into_any()
        }
        None => view! { <span class="quiet">"none yet"</span> }.into_any(),
    }
}

/// The form that takes a root's certificate.
fn bring_root(ctx: &Ctx, has_root: bool) -> AnyView {
    if !ctx.may(Permission::AuthorityManage) {
        return ().into_any();
    }
    let form = ctx.form.as_ref();
    let (title, words) = if has_root {
        (
            "Bring in another root",
            "For a roll-over. Afterwards bring in the cross-certificate on the new root's page, so that devices which know the old root alone still verify.",
        )
    } else {
        ("Bring in the root", "Its certificate only. If the file holds a private key, it is refused.")
    };
    let fields = view! {
        <form class="body stack" method="post" action="/authorities/roots">
            {error_summary(form)}
            {pem_field(Field::new(form, "pem", "Certificate, as PEM").hint(words).required())}
            <div><button class="btn" type="submit">{icon(icons::UPLOAD)}{title}</button></div>
        </form>
    };
    if has_root {
        let fields = folded(form.is_some(), (icons::SHIELD, title), fields);
        return view! { <section class="panel" id="root">{fields}</section> }.into_any();
    }
    Panel::new(title).id("root").flush(fields).into_any()
}

/// A form that is seldom needed, behind its title; open when it comes back with an error.
pub(super) fn folded(
    open: bool,
    (drawn, title): (icons::Icon, &'static str),
    form: impl IntoView + 'static,
) -> impl IntoView {
    view! { <details class="folded" open=open><summary>{icon(drawn)}{title}</summary>{form}</details> }
}

/// A field for PEM.
pub(super) fn pem_field(field: Field) -> impl IntoView {
    field.mono().max_length(200_000).textarea(6)
}

/// Something that is not there, in grey.
pub(super) fn none(words: &'static str) -> AnyView {
    view! { <span class="quiet">{words}</span> }.into_any()
}
