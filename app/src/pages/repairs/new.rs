//! Opening a repair: which device, and what is wrong with it.

use super::path;
use crate::{
    components::{
        form::{Field, error_summary, hidden, submit},
        icons::{self, icon},
        panel::{Panel, head, link_button, note},
        status::Tone,
    },
    context::{Ctx, FormState, segment},
    page::Page,
};
use domain::{device::Device, person::Permission};
use fleet::repair::RepairCase;
use leptos::prelude::*;

/// `/repairs/new`; `?serial=` names the device, `?slot=`, `?part=`, `?class=` and `?finding=` a difference that was us.
///
/// # Errors
/// When the actor may not record repairs, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::RepairManage)?;
    let asked = |name: &str| match &ctx.form {
        Some(form) => form.value(name).trim().to_owned(),
        None => ctx.query_value(name).unwrap_or_default(),
    };
    let serial = asked("serial");
    let device = match serial.as_str() {
        "" => None,
        serial => match ctx.fleet.device(&ctx.actor, serial).await {
            Ok(device) => Some(device),
            Err(fleet::Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        },
    };
    let open = match &device {
        Some(device) => {
            let repairs = ctx.fleet.repairs_of(&ctx.actor, &device.serial).await?;
            repairs.into_iter().find(|case| case.state.is_open())
        }
        None => None,
    };
    let reported =
        Reported { slot: asked("slot"), part: asked("part"), class: asked("class"), finding: asked("finding") };
    let sub = view! { <p>"From now on the device is in repair, until its own report shows that it is done."</p> };
    let body = view! {
        {head("Open a repair", sub, link_button("/scan", icons::SCAN, "Scan a label"))}
        <div class="narrow stack loose">
            {open.as_ref().map(already)}
            {(!reported.slot.is_empty()).then(|| difference(&reported.slot, &reported.part))}
            {form(&ctx, device.as_ref(), (&serial, &reported), open.is_some())}
        </div>
    };
    Ok(Page::new("Open a repair", body).crumb("Repairs", "/repairs"))
}

/// What a device reports otherwise than its manifest says, as the address or the form names it.
struct Reported {
    slot: String,
    part: String,
    class: String,
    finding: String,
}

fn already(case: &RepairCase) -> impl IntoView + use<> {
    let words = view! {
        "This device is in repair already: " <a href=path(&case.code)>{case.code.clone()}</a> ", " {case.symptom.clone()}
    };
    note(Tone::Warn, icons::WRENCH, words)
}

fn difference(slot: &str, part: &str) -> impl IntoView + use<> {
    let says = if part.is_empty() { "no part any more".to_owned() } else { part.to_owned() };
    let words = view! {
        "The device reports " <span class="mono">{says}</span> " in " <b>{slot.to_owned()}</b>
        ". If that was one of our repairs, record it here: the part is entered for you."
    };
    note(Tone::Go, icons::FINDING, words)
}

fn form(ctx: &Ctx, device: Option<&Device>, (serial, reported): (&str, &Reported), is_open: bool) -> AnyView {
    let form = ctx.form.as_ref();
    let which = match device {
        Some(device) => {
            let to = format!("/devices/{}", segment(&device.serial));
            view! {
                {hidden("serial", device.serial.clone())}
                {note(Tone::Ok, icons::TICK, view! { <a href=to>{device.serial.clone()}</a> })}
            }
            .into_any()
        }
        None => {
            // A serial that nobody knows is an error at its field, also when it came by the address.
            let missing = form.is_none() && !serial.is_empty();
            let unknown = FormState { values: vec![("serial".to_owned(), serial.to_owned())], errors: Vec::new() }
                .wrong("serial", format!("There is no device “{serial}”."));
            let form = if missing { Some(&unknown) } else { form };
            Field::new(form, "serial", "Device's serial")
                .value(serial)
                .required()
                .mono()
                .max_length(64)
                .autocomplete("off")
                .input()
                .into_any()
        }
    };
    let symptom = match reported.slot.as_str() {
        "" => Field::new(form, "symptom", "What is wrong with it?").required().max_length(400).textarea(3).into_any(),
        slot => view! {
            {hidden("slot", slot)}
            {hidden("part", reported.part.clone())}
            {hidden("class", reported.class.clone())}
            {hidden("finding", reported.finding.clone())}
        }
        .into_any(),
    };
    let technician = reported.slot.is_empty().then(|| {
        Field::new(form, "technician", "Technician")
            .kind("email")
            .autocomplete("off")
            .max_length(254)
            .hint("The address of whoever works on it; empty for you.")
            .input()
    });
    Panel::new("Which device, and what is wrong")
        .flush(view! {
            <form class="body stack" method="post" action="/repairs">
                {error_summary(form)}
                {hidden("once", ctx.request_id.clone())}
                {which}
                {symptom}
                {technician}
                <div class="row wrap">
                    {(!is_open).then(|| submit(icons::WRENCH, "Open the repair"))}
                    <a class="btn" href="/repairs">{icon(icons::LEFT)}"Back"</a>
                </div>
            </form>
        })
        .into_any()
}
