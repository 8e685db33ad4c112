//! Asking for a new authority; a second person approves it.

use crate::{
    components::{
        form::{Field, checkbox, error_summary, submit},
        icons,
        panel::{Panel, head, note},
        status::Tone,
    },
    context::{Ctx, FormState},
    page::Page,
};
use domain::{authority::AuthorityKind, custody::CustodianKind, person::Permission};
use fleet::{Actor, catalogue::Catalogue};
use leptos::prelude::*;

/// `/authorities/new`; `?kind=batch&batch=2026-11-A` fills the form in.
///
/// # Errors
/// When the actor may not request authorities, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::AuthorityRequest)?;
    let catalogue = ctx.fleet.catalogue(&ctx.actor).await?;
    let body = view! {
        {head("Request an authority", view! { <p>"Nothing is made until a manager other than you has approved it."</p> }, ())}
        <div class="cols lead">
            {Panel::new("What is asked for").body(form(&ctx, &catalogue))}
            {Panel::new("What happens then").body(steps(&ctx.actor))}
        </div>
    };
    Ok(Page::new("Request an authority", body).crumb("Authorities", "/authorities"))
}

/// What the address proposes.
fn proposed(ctx: &Ctx, name: &str) -> String {
    ctx.query_value(name).unwrap_or_default()
}

fn form(ctx: &Ctx, catalogue: &Catalogue) -> impl IntoView + use<> {
    let form = ctx.form.as_ref();
    let kinds = [AuthorityKind::Batch, AuthorityKind::Factory, AuthorityKind::Operations]
        .map(|kind| (kind.as_str().to_owned(), kind_words(kind).to_owned()));
    let mut factories = vec![(String::new(), "None".to_owned())];
    let of_kind = catalogue.custodians.iter().filter(|custodian| custodian.kind == CustodianKind::Factory);
    factories.extend(of_kind.map(|custodian| (custodian.code.clone(), custodian.name.clone())));
    let mut batches = vec![(String::new(), "None".to_owned())];
    batches.extend(catalogue.batches.iter().map(|batch| (batch.code.clone(), batch.code.clone())));
    let field = |name, label| Field::new(form, name, label);
    view! {
        <form class="stack slim" method="post" action="/authorities">
            {error_summary(form)}
            {field("kind", "Kind").value(proposed(ctx, "kind")).select(kinds.to_vec())}
            {field("name", "Name").value(proposed(ctx, "name")).required().max_length(64)
                .hint("It stands in every certificate that it signs.").input()}
            {field("batch", "Batch").value(proposed(ctx, "batch")).hint("For a batch CA. Its factory's CA signs it.").select(batches)}
            {field("factory", "Factory").value(proposed(ctx, "factory")).hint("For a factory CA. A batch CA has that of its batch.").select(factories)}
            {field("quota", "Quota").max_length(9)
                .hint("For a batch CA: so many devices may have a certificate. Empty takes the batch's own quota.").input()}
            {field("days", "Valid for days").max_length(5).hint("Empty takes what is usual for its kind.").input()}
            {delegated(form)}
            {field("key_location", "Where the key is").mono().max_length(400)
                .hint("Empty makes a sealed file in the data folder. For a security module: its RFC 7512 address, pkcs11:token=…;object=…").input()}
            <div>{submit(icons::HOURGLASS, "Ask for approval")}</div>
        </form>
    }
}

fn delegated(form: Option<&FormState>) -> impl IntoView + use<> {
    checkbox(
        "delegated",
        "1",
        "Delegate to the factory",
        "For a factory that works offline: it gets the sealed key, bound to the quota, and delivers what it signed afterwards. The CA is valid for 30 days unless you say otherwise, at most 365. Its devices' certificates end with it: each device must have connected and renewed by then, or it is refused. Count in how long they are under way.",
        form.is_some_and(|form| form.has("delegated")),
    )
}

const fn kind_words(kind: AuthorityKind) -> &'static str {
    match kind {
        AuthorityKind::Root => "Root",
        AuthorityKind::Factory => "Factory CA, signs batch CAs",
        AuthorityKind::Batch => "Batch CA, signs devices",
        AuthorityKind::Operations => "Operations CA, signs stations",
    }
}

fn steps(actor: &Actor) -> impl IntoView + use<> {
    let manager = actor
        .may(Permission::ApprovalDecide)
        .then(|| note(Tone::Warn, icons::USER, "You may approve, but not what you asked for yourself."));
    view! {
        <div class="stack">
            <ol class="vsteps">
                <li>{icons::icon(icons::PENCIL)}<b>"You ask"</b><small>"The request has a hash of exactly what it says"</small></li>
                <li>{icons::icon(icons::USER)}<b>"A manager approves"</b><small>"The key is made then, not before"</small></li>
                <li>{icons::icon(icons::CERT)}<b>"It is signed"</b><small>"A batch CA at once, by its factory CA. Factory and operations CAs by the root, in a ceremony: download the request, sign it offline, deliver the certificate"</small></li>
            </ol>
            {manager}
        </div>
    }
}
