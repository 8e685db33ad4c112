//! The end of many devices' use: what will be hit, then the form.

use super::{
    custody::{carried, href_of, nothing_selected, preview, selection_of},
    request::PATH,
    retire_form,
};
use crate::{
    components::{
        form::{error_summary, hidden},
        icons::{self, icon},
        panel::head,
        text::plural,
    },
    context::Ctx,
    page::Page,
};
use domain::person::Permission;
use fleet::{custody::BULK_MAX, devices::Selection};
use leptos::prelude::*;

/// `/devices/retire`: what the form of the list, or `?q=` in the address, selects.
///
/// # Errors
/// When the actor may not retire devices, too much is selected, or a query can't be read.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::DeviceRetire)?;
    let selection = match &ctx.form {
        Some(form) => selection_of(form),
        None => ctx.query_value("q").map(Selection::Query),
    };
    let Some(selection) = selection else { return Ok(page(nothing_selected("Retire or destroy"))) };
    let selected = ctx.fleet.selected(&ctx.actor, &selection, BULK_MAX).await?;
    if selected.devices.is_empty() {
        return Ok(page(nothing_selected("Retire or destroy")));
    }
    let number = plural(i64::try_from(selected.devices.len()).unwrap_or(0), "device", "devices");
    let form = ctx.form.as_ref().filter(|form| form.has("end"));
    let list = match (&selection, &ctx.form) {
        (Selection::Query(text), _) => text.clone(),
        (Selection::Serials(_), form) => form.as_ref().map(|form| form.value("q").to_owned()).unwrap_or_default(),
    };
    let cancel = href_of(&list);
    let body = view! {
        {head("Retire or destroy", view! { <p>"Ends the use of "<b>{number}</b>", written into the history of each"</p> }, ())}
        <div class="cols lead">
            <section class="panel">
                <header><h2>"How their use ended"</h2></header>
                <form class="body stack" method="post" action="/devices/retire">
                    {error_summary(form)}
                    {carried(&selection, &list)}
                    {hidden("devices", super::custody::fingerprint(&selected.devices))}
                    {retire_form::fields(&ctx, form, selected.devices.len())}
                    <div class="row">
                        <button class="btn danger" type="submit">{icon(icons::ARCHIVE)}"End their use"</button>
                        <a class="btn" href=cancel>"Cancel"</a>
                    </div>
                </form>
            </section>
            {preview(&selected)}
        </div>
    };
    Ok(page(body))
}

fn page(body: impl IntoView + 'static) -> Page {
    Page::new("Retire or destroy", body).crumb("Devices", PATH)
}
