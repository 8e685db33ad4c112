//! `/c/{serial}`: where a label's QR code leads. Made for a phone at a bench, and for people without JavaScript, who type
//! the code that stands beside it.

use crate::{
    components::{
        form::{Field, error_summary, submit},
        icons,
        panel::{Panel, facts, head, note},
        status::{Status, Tone},
        table::no_permission,
        text::minute,
    },
    context::{Ctx, FormState, segment},
    page::Page,
    pages::{devices::model_words, errors::who_may},
};
use domain::{
    claim::{EXAMPLE, LENGTH, Ownership},
    custody::{Custodian, CustodianKind},
    device::Lifecycle,
    history::Entry,
    person::Permission,
};
use fleet::{catalogue::Catalogue, claim::ClaimForm, devices::DeviceRecord};
use leptos::prelude::*;

/// The address on a device's label, without the code.
#[must_use]
pub fn path_of(serial: &str) -> String {
    format!("/c/{}", segment(serial))
}

/// What a form sent, as `fleet` takes it.
#[must_use]
pub fn claim_form_of(form: &FormState, serial: &str) -> ClaimForm {
    let value = |name: &str| form.value(name).to_owned();
    ClaimForm {
        serial: serial.to_owned(),
        code: value("code"),
        custodian: value("custodian"),
        new_client: value("new_client"),
        place: value("place"),
    }
}

/// `/c/{serial}`.
///
/// # Errors
/// When the actor may not see the fleet, or there is no such device.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let record = ctx.fleet.device_record(&ctx.actor, ctx.param("serial")).await?;
    let device = &record.device;
    let to = format!("/devices/{}", segment(&device.serial));
    let line = view! { <p>{model_words(device, &record.catalogue)}", "<a href=to.clone()>"its page"</a></p> };
    let content = match Ownership::after(&record.history).claim {
        Some(claim) => claimed(claim).into_any(),
        None if device.lifecycle == Lifecycle::Retired => {
            let text = "This device is retired: nobody can claim it any more. If that is wrong, correct the entry in its history.";
            note(Tone::Warn, icons::WARN, text).into_any()
        }
        None if !ctx.may(Permission::DeviceClaim) => {
            let why = who_may(Permission::DeviceClaim);
            view! { <section class="panel">{no_permission("You can't claim devices", why)}</section> }.into_any()
        }
        None => form(&ctx, &record).into_any(),
    };
    let body = view! {
        {head(view! { "Claim "{device.serial.clone()} {Status::from(device.lifecycle).badge()} }, line, ())}
        <div class="cols lead">
            {content}
            <div class="stack loose">{known(&record)}</div>
        </div>
    };
    Ok(Page::new("Claim", body).crumb("Devices", "/devices").crumb(device.serial.clone(), to))
}

fn claimed(claim: &Entry) -> impl IntoView + use<> {
    let client = claim.event.holder_after().map(|client| client.name.clone());
    let body = view! {
        <p>
            "It was claimed on "{minute(claim.at)}" UTC for "<b>{client}</b>", recorded by "{claim.actor.clone()}
            ". Its label counts no more: whoever has it now gets it by a transfer."
        </p>
    };
    note(Tone::Ok, icons::CHECK, body)
}

fn form(ctx: &Ctx, record: &DeviceRecord) -> impl IntoView + use<> {
    let form = ctx.form.as_ref();
    let action = path_of(&record.device.serial);
    let held = record.catalogue.custodian(record.device.custodian_id);
    let held = held.filter(|holder| holder.kind == CustodianKind::Client).map(|holder| holder.code.clone());
    let new = ctx
        .may(Permission::CustodianManage)
        .then(|| Field::new(form, "new_client", "Or a new client's name").max_length(120).input());
    view! {
        <section class="panel">
            <header><h2>"By the code on its label"</h2></header>
            <form class="body stack" method="post" action=action data-fragment="code" data-length=LENGTH.to_string()>
                {error_summary(form)}
                {Field::new(form, "code", "Claim code").required().mono().autocomplete("off").max_length(40)
                    .hint(format!("The ten characters beside the QR code, like {EXAMPLE}. Case and hyphen don't matter.")).input()}
                {Field::new(form, "custodian", "Client").value(held.unwrap_or_default()).select(clients(&record.catalogue))}
                {new}
                {Field::new(form, "place", "Place").max_length(200).hint("Where exactly, in the client's words. May be empty.").input()}
                <div>{submit(icons::CHECK, "Claim it for the client")}</div>
            </form>
        </section>
    }
}

fn clients(catalogue: &Catalogue) -> Vec<(String, String)> {
    let choice = |one: &Custodian| {
        let town = if one.city.is_empty() { String::new() } else { format!(", {}", one.city) };
        (one.code.clone(), format!("{}{town}", one.name))
    };
    let known = catalogue.custodians.iter().filter(|one| one.kind == CustodianKind::Client).map(choice);
    std::iter::once((String::new(), "Choose…".to_owned())).chain(known).collect()
}

fn known(record: &DeviceRecord) -> impl IntoView + use<> {
    let (device, catalogue) = (&record.device, &record.catalogue);
    let place = if device.place.is_empty() { "–".to_owned() } else { device.place.clone() };
    let rows = vec![
        ("Held by", catalogue.custodian_name(device.custodian_id).to_owned().into_any()),
        ("Place", place.into_any()),
        ("Trust", Status::from(device.trust).cell().into_any()),
        ("Batch", catalogue.batch_code(device.batch_id).to_owned().into_any()),
    ];
    let body = view! {
        <div class="stack tight">
            <div class="small">{facts(rows)}</div>
            <p class="small soft">"A claim counts once. If the device has a shared token, it has to ask for its next one before it is let in again."</p>
        </div>
    };
    Panel::new("What is known of it").body(body)
}
