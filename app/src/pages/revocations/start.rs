//! Before an act: what exactly will be hit, what that means, why, and the name typed out. A second person where it
//! takes one.

use super::words::act_icon;
use crate::{
    components::{
        form::{Field, error_summary, hidden, radio},
        icons::{self, icon},
        panel::{Panel, Tab, facts, head, note, tabs},
        status::Tone,
        table::none_yet,
        text::{copy, count, fours, mono, plural},
    },
    context::{Ctx, FormState, devices_href, href, segment},
    page::Page,
    pages::{
        approvals::{bound_to_scope, short_hash},
        errors::who_may,
    },
};
use domain::{
    certificate::RevocationReason,
    person::Permission,
    revocation::{REASONS, RevocationAct, RevocationScope},
};
use fleet::revocation::{Preview, Selection};
use leptos::prelude::*;

/// So many lines of a list of who or where are shown.
const TOP: usize = 6;

/// The page on which an act is prepared.
#[must_use]
pub fn path_of(scope: &str, subject: &str, act: &str) -> String {
    href("/revocations/new", &[("scope", scope), ("subject", subject), ("act", act)])
}

/// What the address asks for.
struct Wanted {
    scope: String,
    subject: String,
    act: RevocationAct,
}

impl Wanted {
    fn of(ctx: &Ctx) -> Self {
        let value = |name: &str| ctx.query_value(name).unwrap_or_default();
        Self {
            scope: value("scope"),
            subject: value("subject"),
            act: value("act").parse().unwrap_or(RevocationAct::Revoke),
        }
    }

    fn with(&self, act: RevocationAct) -> String {
        path_of(&self.scope, &self.subject, act.as_str())
    }
}

/// `/revocations/new?scope=batch&subject=2026-08-C&act=revoke`.
///
/// # Errors
/// When the actor may not hold or revoke, there is no such thing, a query can't be read, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let wanted = Wanted::of(&ctx);
    ctx.actor.require(needs(&wanted))?;
    if wanted.subject.is_empty() {
        return Ok(page("Cut something off", choose()));
    }
    let selection = Selection::from_words(&wanted.scope, &wanted.subject)?;
    let preview = ctx.fleet.preview(&ctx.actor, &selection, wanted.act).await?;
    let title = title(&wanted, &preview);
    let signers = signers(&ctx, &preview).await?;
    let body = view! {
        {head(title.clone(), view! { <p>{meaning(wanted.act)}</p> }, ())}
        {acts(&wanted)}
        <div class="cols lead">
            <div class="stack loose">
                {impact(&wanted, &preview)}
                {form(&ctx, &wanted, &preview)}
            </div>
            {hit(&preview, &signers)}
        </div>
    };
    Ok(page(&title, body))
}

/// What would be done, in a sentence; a long query is left out of it.
fn title(wanted: &Wanted, preview: &Preview) -> String {
    if !matches!(wanted.scope.parse(), Ok(RevocationScope::Selection)) || wanted.subject.chars().count() < 60 {
        return preview.title.clone();
    }
    let certificates = plural(preview.certificates, "certificate", "certificates");
    format!(
        "{} {certificates} of {}",
        wanted.act.label(),
        plural(preview.devices, "selected device", "selected devices")
    )
}

/// The authorities that are cut off: their names, and the names in their addresses.
async fn signers(ctx: &Ctx, preview: &Preview) -> Result<Vec<(String, String)>, fleet::Error> {
    if preview.authorities.is_empty() {
        return Ok(Vec::new());
    }
    let all = ctx.fleet.authorities(&ctx.actor).await?.into_iter().map(|row| row.authority);
    Ok(all
        .filter(|signer| preview.authorities.contains(&signer.name))
        .map(|signer| (signer.name, signer.slug))
        .collect())
}

/// Holding and releasing one device takes less than the rest.
fn needs(wanted: &Wanted) -> Permission {
    match (wanted.act, wanted.scope.parse()) {
        (RevocationAct::Hold | RevocationAct::Release, Ok(RevocationScope::Device | RevocationScope::Certificate)) => {
            Permission::CertificateHold
        }
        _ => Permission::CertificateRevoke,
    }
}

fn page(title: &str, body: impl IntoView + 'static) -> Page {
    Page::new(title, body).crumb("Revocations", "/revocations")
}

/// Where an act begins, when the address names nothing.
fn choose() -> impl IntoView {
    let how = view! {
        <p>"Begin where the thing is: on the page of a device, a certificate, a batch or a factory, or in the list of devices for a selection."</p>
        <div class="row wrap">
            <a class="btn" href="/devices">{icon(icons::DEVICE)}"Devices"</a>
            <a class="btn" href="/batches">{icon(icons::PACKAGE)}"Batches"</a>
            <a class="btn" href="/factories">{icon(icons::FACTORY)}"Factories"</a>
            <a class="btn" href="/certificates">{icon(icons::CERT)}"Certificates"</a>
        </div>
    };
    view! { {head("Cut something off", (), ())} <section class="panel">{none_yet("What is to be cut off?", how)}</section> }
}

const fn meaning(act: RevocationAct) -> &'static str {
    match act {
        RevocationAct::Hold => {
            "On hold, nobody else accepts these certificates, and the gateway lets their devices do what a repair needs and nothing more. A release brings them back as they were."
        }
        RevocationAct::Revoke => "This can't be undone: to come back, each device needs a new certificate.",
        RevocationAct::Release => {
            "What is on hold is accepted again, at once at the gateways and with the next CRL elsewhere."
        }
    }
}

fn acts(wanted: &Wanted) -> impl IntoView + use<> {
    let all = RevocationAct::ALL.iter().map(|act| Tab {
        label: act.label().to_owned(),
        href: wanted.with(*act),
        count: None,
        current: *act == wanted.act,
    });
    tabs("What is done", all.collect())
}

/// How many, and what stands out.
fn impact(wanted: &Wanted, preview: &Preview) -> impl IntoView + use<> {
    let devices = match &preview.query {
        Some(query) => view! { <a href=devices_href(query)>{count(preview.devices)}</a> }.into_any(),
        None => count(preview.devices).into_any(),
    };
    let seen_lately: i64 = preview.seen.first().map_or(0, |(_, n)| *n);
    let lately = preview.seen.first().map_or_else(String::new, |(label, _)| format!("seen {label}"));
    let holders = i64::try_from(preview.custodians.len()).unwrap_or(i64::MAX);
    let verb = match wanted.act {
        RevocationAct::Release => "come back",
        RevocationAct::Hold | RevocationAct::Revoke => "cut off",
    };
    let tokens = (preview.tokens > 0).then(|| {
        let word = if preview.tokens == 1 { "token" } else { "tokens" };
        let fate = match wanted.act {
            RevocationAct::Release => "accepted again",
            RevocationAct::Hold => "limited as well",
            RevocationAct::Revoke => "refused as well",
        };
        view! { <div><b>{count(preview.tokens)}</b><span>{format!("{word}, {fate}")}</span></div> }
    });
    Panel::new("What will be hit").body(view! {
        <div class="impact">
            <div class=(wanted.act != RevocationAct::Release).then_some("hot")><b>{devices}</b><span>{format!("{} {verb}", if preview.devices == 1 { "device" } else { "devices" })}</span></div>
            <div><b>{count(preview.certificates)}</b><span>{if preview.certificates == 1 { "certificate" } else { "certificates" }}</span></div>
            <div><b>{count(seen_lately)}</b><span>{lately}</span></div>
            <div><b>{count(holders)}</b><span>{if holders == 1 { "holder" } else { "holders" }}</span></div>
            {tokens}
        </div>
    })
}

fn warning(wanted: &Wanted, preview: &Preview) -> impl IntoView + use<> {
    let rollouts = preview.rollouts.len();
    let one = preview.devices == 1;
    let in_rollouts = (rollouts > 0).then(|| {
        let they = if one { "It leaves" } else { "They leave" };
        format!(" {they} {}.", plural(i64::try_from(rollouts).unwrap_or(0), "rollout", "rollouts"))
    });
    let (keep, back) = if one {
        ("The device keeps working, but can't report or update until it", "is released.")
    } else {
        ("The devices keep working, but can't report or update until they", "are released.")
    };
    match wanted.act {
        RevocationAct::Release => ().into_any(),
        RevocationAct::Hold => note(
            Tone::Hold,
            icons::PAUSE,
            view! { {format!("{keep} {back}")} {in_rollouts} },
        )
        .into_any(),
        RevocationAct::Revoke => note(
            Tone::Warn,
            icons::WARN,
            view! { <b>"There is no way back for what is revoked."</b> {format!(" {keep} {}", if one { "has a new certificate." } else { "have new certificates." })} {in_rollouts} },
        )
        .into_any(),
    }
}

fn form(ctx: &Ctx, wanted: &Wanted, preview: &Preview) -> AnyView {
    let panel = Panel::new("Why");
    if preview.certificates == 0 && preview.authorities.is_empty() {
        let words = match wanted.act {
            RevocationAct::Release if matches!(wanted.scope.parse(), Ok(RevocationScope::Selection)) => {
                "Nothing of it is on hold, so there is nothing to release. What is on hold is not trusted: a query that asks for trust does not find it any more."
            }
            RevocationAct::Release => "Nothing of it is on hold, so there is nothing to release.",
            RevocationAct::Hold | RevocationAct::Revoke => {
                "No certificate of it counts any more, so there is nothing to cut off."
            }
        };
        return panel.body(note(Tone::Mute, icons::INFO, words)).into_any();
    }
    if !ctx.may(needs(wanted)) {
        return panel.body(note(Tone::Mute, icons::LOCK, who_may(needs(wanted)))).into_any();
    }
    let form = ctx.form.as_ref();
    let confirm = preview.confirm_word.clone();
    let label: &'static str = match preview.needs_second_person {
        true => "Ask for approval",
        false => wanted.act.label(),
    };
    let class = if wanted.act == RevocationAct::Revoke { "btn danger solid" } else { "btn primary" };
    panel
        .flush(view! {
            <form class="body stack" method="post" action="/revocations">
                {error_summary(form)}
                {warning(wanted, preview)}
                {hidden("scope", wanted.scope.clone())}
                {hidden("subject", wanted.subject.clone())}
                {hidden("act", wanted.act.as_str())}
                {hidden("preview_hash", preview.hash.clone())}
                {reasons(form, wanted.act)}
                {Field::new(form, "note", "What happened").required().max_length(400)
                    .hint(if preview.needs_second_person { "Kept in the audit log, and shown to the second person." } else { "Kept in the audit log." }).textarea(3)}
                {(!confirm.is_empty()).then(|| typed(form, &wanted.scope, &confirm))}
                {second_person(wanted, preview)}
                <div class="row">
                    <button class=class type="submit">
                        {icon(if preview.needs_second_person { icons::HOURGLASS } else { act_icon(wanted.act) })}{label}
                    </button>
                    <a class="btn" href=back(wanted)>"Cancel"</a>
                </div>
            </form>
        })
        .into_any()
}

/// The name, typed out.
fn typed(form: Option<&FormState>, scope: &str, confirm: &str) -> impl IntoView + use<> {
    let what = match scope.parse() {
        Ok(RevocationScope::Selection) => "Type the number of devices, ",
        Ok(RevocationScope::Device) => "Type the serial number, ",
        Ok(RevocationScope::Certificate) => "Type how its serial number begins, ",
        Ok(RevocationScope::Batch) => "Type the code of the batch, ",
        Ok(RevocationScope::Factory) => "Type the code of the factory, ",
        Err(_) => "Type ",
    };
    let error = form.and_then(|form| form.error("confirmation")).map(str::to_owned);
    let value = form.map(|form| form.value("confirmation").to_owned()).unwrap_or_default();
    let wrong = error.is_some();
    view! {
        <div class="field">
            <label for="confirmation">{what}<span class="mono">{confirm.to_owned()}</span></label>
            <input
                class="input mono"
                id="confirmation"
                name="confirmation"
                value=value
                required
                autocomplete="off"
                spellcheck="false"
                maxlength="200"
                aria-invalid=wrong.then_some("true")
                aria-describedby=wrong.then_some("confirmation-error")
            />
            {error.map(|error| view! { <p class="hint bad" id="confirmation-error">{icon(icons::WARN)}{error}</p> })}
        </div>
    }
}

const fn reason_hint(reason: RevocationReason) -> &'static str {
    match reason {
        RevocationReason::KeyCompromise => "The key may be in other hands. Nothing signed with it counts any more",
        RevocationReason::CaCompromise => "The key of the authority may be in other hands",
        RevocationReason::AffiliationChanged => "The names in the certificate no longer fit",
        RevocationReason::CessationOfOperation => "Scrapped, lost, or out of use for good",
        RevocationReason::PrivilegeWithdrawn => "Overproduced, stolen, or no longer allowed to be here",
        RevocationReason::Unspecified => "None of these; say below what it is",
        RevocationReason::Superseded | RevocationReason::CertificateHold => "",
    }
}

fn reasons(form: Option<&FormState>, act: RevocationAct) -> AnyView {
    if act != RevocationAct::Revoke {
        return ().into_any();
    }
    let chosen = form.map(|form| form.value("reason").to_owned()).unwrap_or_default();
    let error = form.and_then(|form| form.error("reason")).map(str::to_owned);
    let choices: Vec<_> = REASONS
        .iter()
        .map(|reason| radio("reason", reason.as_str(), reason.label(), reason_hint(*reason), chosen == reason.as_str()))
        .collect();
    view! {
        <fieldset class="field" id="reason">
            <legend class="label">"Reason, as it stands in the CRL"</legend>
            {error.map(|error| view! { <p class="hint bad">{icon(icons::WARN)}{error}</p> })}
            <div class="stack tight">{choices}</div>
        </fieldset>
    }
    .into_any()
}

fn second_person(wanted: &Wanted, preview: &Preview) -> impl IntoView + use<> {
    let hash = mono(short_hash(&preview.hash));
    if preview.needs_second_person {
        let bound = wanted.scope.parse().map(bound_to_scope).unwrap_or_default();
        let words = view! {
            <b>"Nothing happens yet."</b>
            <span class="soft">" A manager other than you must approve it, "{hash}". "{bound}</span>
        };
        return note(Tone::Go, icons::USER, words).into_any();
    }
    note(Tone::Mute, icons::BOLT, view! { "It takes effect at once. You do exactly what is shown here, "{hash}"." })
        .into_any()
}

/// Where the act was begun.
fn back(wanted: &Wanted) -> String {
    match wanted.scope.parse::<RevocationScope>() {
        Ok(RevocationScope::Device) => format!("/devices/{}", segment(&wanted.subject)),
        Ok(RevocationScope::Batch) => format!("/batches/{}", segment(&wanted.subject)),
        Ok(RevocationScope::Factory) => format!("/custodians/{}", segment(&wanted.subject)),
        Ok(RevocationScope::Selection) => devices_href(&wanted.subject),
        Ok(RevocationScope::Certificate) => match wanted.subject.split_once('/') {
            Some((authority, serial)) => format!("/certificates/{}/{}", segment(authority), segment(serial)),
            None => "/certificates".to_owned(),
        },
        Err(_) => "/revocations".to_owned(),
    }
}

/// Who and where, as far as it fits beside.
fn hit(preview: &Preview, signers: &[(String, String)]) -> impl IntoView + use<> {
    let who = match preview.devices {
        0 => ().into_any(),
        1 => one_device(preview).into_any(),
        _ => devices(preview).into_any(),
    };
    view! {
        <div class="stack loose">
            {who}
            {names_panel("In rollouts", &preview.rollouts)}
            {authorities(signers)}
            {names_panel("Certificates that go with it", &preview.kin)}
            {Panel::new("Hash of this preview").body(view! { <div class="hashbox">{fours(&preview.hash)}{copy("hash", &preview.hash)}</div> })}
        </div>
    }
}

/// The authorities that are cut off with all that they signed.
fn authorities(signers: &[(String, String)]) -> Option<impl IntoView + use<>> {
    let rows: Vec<_> = signers
        .iter()
        .map(|(name, slug)| view! { <li><a href=format!("/authorities/{}", segment(slug))>{name.clone()}</a></li> })
        .collect();
    (!rows.is_empty())
        .then(|| Panel::new("Authorities that are cut off").flush(view! { <ul class="lines">{rows}</ul> }))
}

/// A single device needs no lists of one.
fn one_device(preview: &Preview) -> impl IntoView + use<> {
    let first = |lines: &[(String, i64)]| {
        let found = lines.iter().find(|(_, n)| *n > 0).map_or_else(|| "not known".to_owned(), |(word, _)| word.clone());
        found.into_any()
    };
    let serials = serials(preview);
    Panel::new("The device").body(facts(vec![
        ("Serial", view! { <ul>{serials}</ul> }.into_any()),
        ("Model", first(&preview.models)),
        ("Held by", first(&preview.custodians)),
        ("Country", first(&preview.countries)),
        ("Lifecycle", first(&preview.lifecycles)),
        ("Last seen", first(&seen(preview))),
    ]))
}

/// Many devices, counted by what they have in common.
fn devices(preview: &Preview) -> impl IntoView + use<> {
    let serials = serials(preview);
    let others = preview.devices - i64::try_from(serials.len()).unwrap_or(0);
    let others = (others > 0).then(|| view! { <li class="quiet">{format!("and {} more", count(others))}</li> });
    let named =
        (!serials.is_empty()).then(|| Panel::new("Serials").body(view! { <ul class="serials">{serials}{others}</ul> }));
    view! {
        {top("Held by", &preview.custodians)}
        {top("Countries", &preview.countries)}
        {top("Last seen", &seen(preview))}
        {top("Lifecycle", &preview.lifecycles)}
        {top("Models", &preview.models)}
        {named}
    }
}

/// Some of the devices, each with its page.
fn serials(preview: &Preview) -> Vec<impl IntoView + use<>> {
    let link =
        |serial: &String| view! { <li><a href=format!("/devices/{}", segment(serial))>{serial.clone()}</a></li> };
    preview.examples.iter().map(link).collect()
}

/// Names under a heading; nothing without any.
fn names_panel(title: &'static str, names: &[String]) -> Option<impl IntoView + use<>> {
    let rows: Vec<_> = names.iter().map(|name| view! { <li>{name.clone()}</li> }).collect();
    (!rows.is_empty()).then(|| Panel::new(title).flush(view! { <ul class="lines">{rows}</ul> }))
}

fn seen(preview: &Preview) -> Vec<(String, i64)> {
    let mut seen = preview.seen.clone();
    if preview.never > 0 {
        seen.push(("never".to_owned(), preview.never));
    }
    seen
}

/// A list of words and numbers, the largest first.
pub(super) fn top(title: &'static str, lines: &[(String, i64)]) -> AnyView {
    if lines.is_empty() {
        return ().into_any();
    }
    let rows: Vec<_> = lines
        .iter()
        .take(TOP)
        .map(|(label, n)| view! { <li><span>{label.clone()}</span><span class="push num">{count(*n)}</span></li> })
        .collect();
    let rest: i64 = lines.iter().skip(TOP).map(|(_, n)| n).sum();
    let rest = (rest > 0)
        .then(|| view! { <li><span class="quiet">"Others"</span><span class="push num">{count(rest)}</span></li> });
    Panel::new(title).flush(view! { <ul class="lines">{rows}{rest}</ul> }).into_any()
}
