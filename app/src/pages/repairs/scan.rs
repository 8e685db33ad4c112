//! Scanning a label: by the camera where the browser can read codes, by typing everywhere.

use super::path;
use crate::{
    components::{
        form::Field,
        icons::{self, icon},
        panel::{Panel, head},
        table::no_match,
    },
    context::{Ctx, segment},
    page::Page,
};
use domain::person::Permission;
use fleet::repair::Scanned;
use leptos::prelude::*;

/// `/scan`; `?code=` shows what a text may mean when that is not one thing.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::FleetRead)?;
    let code = ctx.query_value("code").unwrap_or_default();
    let found = match code.as_str() {
        "" => None,
        code => Some(ctx.fleet.scanned(&ctx.actor, code).await?),
    };
    let sub = view! { <p>"A device's label, a part's number, or a repair's name."</p> };
    let body = view! {
        {head("Scan", sub, ())}
        <div class="narrow stack loose bench">
            {finder(&code)}
            {found.map(|found| results(&ctx, &found))}
        </div>
    };
    Ok(Page::new("Scan", body).crumb("Repairs", "/repairs"))
}

fn finder(code: &str) -> impl IntoView + use<> {
    Panel::new("Label").body(view! {
        <form class="stack" method="get" action="/scan/find">
            {camera("code")}
            {Field::new(None, "code", "Code, serial or identifier")
                .value(code)
                .required()
                .mono()
                .max_length(400)
                .autocomplete("off")
                .hint("Whatever the label says: its address, the serial, an IMEI, a MAC address.")
                .input()}
            <div class="row wrap">
                <button class="btn primary" type="submit">{icon(icons::SEARCH)}"Find"</button>
                <button class="btn" type="button" hidden data-scan="code" data-submit>{icon(icons::CAMERA)}"Use the camera"</button>
            </div>
        </form>
    })
}

/// Where the camera's picture appears, for the field of this name. Hidden until a script can show one.
pub(super) fn camera(field: &'static str) -> impl IntoView + use<> {
    view! {
        <div hidden data-camera=field>
            <video class="finder" playsinline="" muted="" aria-label="Camera picture: hold the code into it"></video>
        </div>
    }
}

fn results(ctx: &Ctx, found: &Scanned) -> AnyView {
    if found.devices.is_empty() && found.repair.is_none() {
        return Panel::new("Found").flush(no_match("No device, part or repair has this code", "/scan")).into_any();
    }
    let repair = found.repair.as_ref().map(|code| {
        view! { <li>{icon(icons::WRENCH)}<a href=path(code)>{code.clone()}</a></li> }
    });
    let may = ctx.may(Permission::RepairManage);
    let devices: Vec<_> = found
        .devices
        .iter()
        .map(|serial| {
            let to = format!("/devices/{}", segment(serial));
            let open = crate::context::href("/repairs/new", &[("serial", serial)]);
            view! {
                <li>
                    {icon(icons::DEVICE)}
                    <a href=to>{serial.clone()}</a>
                    {may.then(|| view! { <a class="btn small push" href=open>{icon(icons::WRENCH)}"Open a repair"</a> })}
                </li>
            }
        })
        .collect();
    Panel::new("Found").flush(view! { <ul class="lines">{repair}{devices}</ul> }).into_any()
}
