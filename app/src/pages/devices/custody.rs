//! One custody event for many devices.

use super::{
    bulk::{self, Words},
    custody_form,
};
use crate::{
    components::{form::submit, icons},
    context::Ctx,
    page::Page,
};
use domain::person::Permission;
use leptos::prelude::*;

const WORDS: Words = Words {
    title: "Record custody",
    does: "One event for",
    asks: "What happened",
    action: "/devices/custody",
    field: "verb",
};

/// `/devices/custody`: what the form of the list, or `?q=` in the address, selects.
///
/// # Errors
/// When the actor may not record custody, too much is selected, or a query can't be read.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    bulk::load(
        ctx,
        Permission::CustodyRecord,
        &WORDS,
        |ctx, form, selected| custody_form::fields(ctx, form, &selected.catalogue, ""),
        || submit(icons::CHECK, "Record for all").into_any(),
    )
    .await
}
