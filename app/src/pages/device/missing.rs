//! No device has this serial: what to do, and which serials begin alike.

use crate::{
    components::{
        icons::{self, icon},
        panel::{Panel, head},
    },
    context::{Ctx, segment},
    page::Page,
};
use axum::http::StatusCode;
use domain::query::quoted;
use leptos::prelude::*;

/// The shortest beginning of a serial that is worth a look, in characters.
const SHORTEST: usize = 4;

/// The page for a serial that nobody knows.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn page(ctx: &Ctx, serial: &str) -> Result<Page, fleet::Error> {
    let alike = alike(ctx, serial).await?;
    let shown: String = serial.chars().take(80).collect();
    let near: Vec<_> = alike
        .into_iter()
        .map(|found| {
            let href = format!("/devices/{}", segment(&found));
            view! { <li><a href=href>{found}</a></li> }
        })
        .collect();
    let near = (!near.is_empty()).then(|| {
        view! {
            <p class="strong">"Serials that begin alike"</p>
            <ul class="serials">{near}</ul>
        }
    });
    let body = view! {
        {head("No such device", view! { <p>"There is no device " <span class="mono">{shown.clone()}</span> "."</p> }, ())}
        {Panel::new("Look for it")
            .body(
                view! {
                    <div class="stack">
                        <form class="query" action="/devices" role="search" aria-label="Devices">
                            {icon(icons::SEARCH)}
                            <div class="expr">
                                <input
                                    name="q"
                                    value=quoted(&shown)
                                    aria-label="Serial, its beginning, or a component's identifier"
                                    autocomplete="off"
                                    spellcheck="false"
                                    data-search
                                />
                            </div>
                            <button class="btn" type="submit">"Search"</button>
                        </form>
                        <p class="small quiet">
                            "The beginning of a serial is enough, and a MAC address or an IMEI finds the device that it is fitted in. A device that was never imported is not here: its factory's manifest may still be missing."
                        </p>
                        {near}
                    </div>
                },
            )}
    };
    Ok(Page::new("No such device", body).crumb("Devices", "/devices").status(StatusCode::NOT_FOUND))
}

/// Serials with the longest beginning that any device shares with this one.
async fn alike(ctx: &Ctx, serial: &str) -> Result<Vec<String>, fleet::Error> {
    let letters: Vec<char> = serial.chars().take(domain::device::SERIAL_MAX).collect();
    for keep in [letters.len().saturating_sub(1), letters.len().saturating_sub(3), letters.len() / 2] {
        if keep < SHORTEST {
            break;
        }
        let beginning: String = letters.iter().take(keep).collect();
        let query = format!("serial:{}*", quoted(&beginning));
        let list = match ctx.fleet.devices(&ctx.actor, &query, Default::default(), None, 8).await {
            Err(fleet::Error::Query(_)) => break,
            list => list?,
        };
        if !list.page.devices.is_empty() {
            return Ok(list.page.devices.into_iter().map(|device| device.serial).collect());
        }
    }
    Ok(Vec::new())
}
