//! The device list: any set of devices, as a fleet query finds it.

pub mod bulk;
mod columns;
pub mod custody;
pub mod custody_form;
pub mod language;
mod query_bar;
mod request;
pub mod retire;
pub mod retire_form;
mod table;
pub mod views;

pub use columns::{Column, connection, model_words};
pub use request::Request;

use crate::{
    components::{
        icons,
        panel::{head, link_button},
        table::{no_match, none_yet},
    },
    context::{Ctx, href},
    page::Page,
    pages::errors::who_may,
};
use axum::http::StatusCode;
use domain::{person::Permission, query::QueryErrors};
use fleet::devices::{Count, DeviceList};
use leptos::prelude::*;
use std::time::{Duration, Instant};

/// `/devices`.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let request = Request::of(&ctx);
    let begun = Instant::now();
    let cursor = request.cursor.as_ref();
    let answer = ctx.fleet.devices(&ctx.actor, &request.text, request.sort, cursor, request::ROWS).await;
    let list = match answer {
        Err(fleet::Error::Query(errors)) => return unreadable(&ctx, &request, &errors).await,
        answer => answer?,
    };
    let total = match list.count {
        Count::AtLeast(_) if request.count_exactly => {
            Count::Exactly(ctx.fleet.count_devices(&ctx.actor, &request.text).await?)
        }
        total => total,
    };
    let took = begun.elapsed();
    let views = views::bar(&ctx, &request).await?;
    let body = view! {
        {head("Devices", (), actions(&ctx, &request))}
        {views}
        {query_bar::bar(&request, &list.query, &list.catalogue)}
        {content(&ctx, &request, &list, total, took)}
    };
    Ok(Page::new("Devices", body).live("device,import"))
}

fn content(ctx: &Ctx, request: &Request, list: &DeviceList, total: Count, took: Duration) -> AnyView {
    if !list.page.devices.is_empty() {
        return table::panel(ctx, request, list, total, took).into_any();
    }
    let empty = if request.cursor.is_some() {
        // The devices of this page were changed since its address was made.
        view! {
            <div class="empty">
                <p class="strong">"There is nothing on this page any more"</p>
                <a class="btn small" href=request.href_with(&[])>"To the first page"</a>
            </div>
        }
        .into_any()
    } else if list.query.terms.is_empty() {
        none_yet("No devices yet", how_they_come(ctx)).into_any()
    } else {
        no_match("No device matches", request::PATH).into_any()
    };
    view! { <section class="panel">{empty}</section> }.into_any()
}

fn how_they_come(ctx: &Ctx) -> impl IntoView + use<> {
    let may = ctx.may(Permission::ImportRun);
    let action = if may {
        view! { <a class="btn primary" href="/imports">{icons::icon(icons::UPLOAD)}"Import a factory manifest"</a> }
            .into_any()
    } else {
        view! { <p class="small">{who_may(Permission::ImportRun)}</p> }.into_any()
    };
    view! { <p>"They come in with a factory's manifest, or with GS1 EPCIS documents."</p> {action} }
}

fn actions(ctx: &Ctx, request: &Request) -> impl IntoView + use<> {
    let csv = href(
        "/devices/csv",
        &[
            ("q", request.text.as_str()),
            ("sort", request.sort.key.as_str()),
            ("dir", if request.sort.descending { "desc" } else { "asc" }),
        ],
    );
    view! {
        {link_button(csv, icons::DOWNLOAD, "CSV")}
        {ctx.may(Permission::ImportRun).then(|| link_button("/imports", icons::UPLOAD, "Import"))}
    }
}

/// The page for a query that can't be read: what is wrong with it, and nothing else.
async fn unreadable(ctx: &Ctx, request: &Request, errors: &QueryErrors) -> Result<Page, fleet::Error> {
    let views = views::bar(ctx, request).await?;
    let body = view! {
        {head("Devices", (), ())}
        {views}
        {query_bar::bar_with_errors(request, errors)}
    };
    Ok(Page::new("Devices", body).status(StatusCode::UNPROCESSABLE_ENTITY))
}
