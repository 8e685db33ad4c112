//! The fleet at one glance.

use crate::{
    components::{
        icons,
        panel::{head, link_button},
        text::plural,
    },
    context::Ctx,
    page::Page,
};
use leptos::prelude::*;

/// `/`.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let catalogue = ctx.fleet.catalogue(&ctx.actor).await?;
    let models = plural(catalogue.models.len().try_into().unwrap_or(i64::MAX), "model", "models");
    let body = view! {
        {head("Fleet", view! { <p>{models}</p> }, link_button("/devices", icons::DEVICE, "Devices"))}
    };
    Ok(Page::new("Overview", body).live("device,import"))
}
