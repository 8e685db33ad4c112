//! Files to take away: devices as CSV, one device's life as EPCIS.

use super::{Access, ActionRoute, Posted, refused};
use crate::{
    context::{Ctx, FormState, devices_href, segment},
    pages::devices::{Request, custody::selection_of},
};
use axum::{
    Extension,
    body::Body,
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use domain::{person::Permission, query::quoted};
use fleet::devices::{Selection, Sort};
use futures::TryStreamExt;

const READ: Access = Access::May(Permission::FleetRead);

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "GET", path: "/devices/csv", access: READ, handler: || get(csv_of_query) },
    ActionRoute {
        method: "POST",
        path: "/devices/csv",
        access: READ,
        handler: || axum::routing::post(csv_of_selection),
    },
    ActionRoute { method: "GET", path: "/devices/{serial}/epcis.jsonld", access: READ, handler: || get(epcis) },
];

/// What the list shows, all pages of it.
async fn csv_of_query(Extension(ctx): Extension<Ctx>) -> Response {
    let request = Request::of(&ctx);
    csv(ctx, &request.text, request.sort).await
}

/// What is ticked in the list, or all that matches.
async fn csv_of_selection(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let query = match selection_of(&form) {
        Some(Selection::Query(text)) => text,
        Some(Selection::Serials(serials)) => {
            let serials: Vec<String> = serials.iter().map(|serial| quoted(serial)).collect();
            format!("serial:{}", serials.join(","))
        }
        None => form.value("q").to_owned(),
    };
    csv(ctx, &query, Sort::default()).await
}

async fn csv(ctx: Ctx, query: &str, sort: Sort) -> Response {
    match ctx.fleet.devices_csv(&ctx.actor, query, sort, &[]).await {
        Ok(pieces) => {
            let pieces = pieces.inspect_err(|error| tracing::warn!(%error, "a CSV table was cut off"));
            let name = format!("devices-{}.csv", ctx.now.date());
            download(Body::from_stream(pieces), "text/csv; charset=utf-8", &name)
        }
        Err(error) => refused(ctx, &devices_href(query), FormState::default(), &error).await,
    }
}

async fn epcis(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>) -> Response {
    match ctx.fleet.epcis_text_of_device(&ctx.actor, &serial).await {
        Ok(text) => {
            // A serial's colon or plus would not survive every file system.
            let name: String =
                serial.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
            download(Body::from(text), "application/ld+json; charset=utf-8", &format!("{name}.epcis.jsonld"))
        }
        Err(error) => refused(ctx, &format!("/devices/{}", segment(&serial)), FormState::default(), &error).await,
    }
}

fn download(body: Body, kind: &'static str, name: &str) -> Response {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let disposition = disposition.unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    (headers, body).into_response()
}
