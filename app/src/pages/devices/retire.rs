//! The end of many devices' use.

use super::{
    bulk::{self, Words},
    retire_form,
};
use crate::{
    components::icons::{self, icon},
    context::Ctx,
    page::Page,
};
use domain::person::Permission;
use leptos::prelude::*;

const WORDS: Words = Words {
    title: "Retire or destroy",
    does: "Ends the use of",
    asks: "How their use ended",
    action: "/devices/retire",
    field: "end",
};

/// `/devices/retire`: what the form of the list, or `?q=` in the address, selects.
///
/// # Errors
/// When the actor may not retire devices, too much is selected, or a query can't be read.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    bulk::load(
        ctx,
        Permission::DeviceRetire,
        &WORDS,
        |ctx, form, selected| retire_form::fields(ctx, form, selected.devices.len()),
        || view! { <button class="btn danger" type="submit">{icon(icons::ARCHIVE)}"End their use"</button> }.into_any(),
    )
    .await
}
