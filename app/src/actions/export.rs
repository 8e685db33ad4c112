//! Files to take away: devices, supply chains and experiments as CSV, one device's life as EPCIS, a manifest as a bill of materials.

use super::{Access, ActionRoute, Posted, refused};
use crate::{
    context::{Ctx, FormState, devices_href, href, segment},
    pages::devices::{Request, bulk::selection_of},
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
use fleet::{
    devices::{Selection, Sort},
    export::{Period, SupplyOf},
};
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
    ActionRoute {
        method: "GET",
        path: "/devices/{serial}/manifests/{version}/bom.cdx.json",
        access: READ,
        handler: || get(bill_of_materials),
    },
    ActionRoute {
        method: "GET",
        path: "/devices/{serial}/supply-chain.csv",
        access: READ,
        handler: || get(supply_of_device),
    },
    ActionRoute {
        method: "GET",
        path: "/batches/{code}/supply-chain.csv",
        access: READ,
        handler: || get(supply_of_batch),
    },
    ActionRoute {
        method: "GET",
        path: "/custodians/{code}/supply-chain.csv",
        access: READ,
        handler: || get(supply_of_custodian),
    },
    ActionRoute { method: "GET", path: "/rollouts/{code}/experiment.csv", access: READ, handler: || get(experiment) },
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
            let name = format!("{}.epcis.jsonld", file_name(&serial));
            download(Body::from(text), "application/ld+json; charset=utf-8", &name)
        }
        Err(error) => refused(ctx, &format!("/devices/{}", segment(&serial)), FormState::default(), &error).await,
    }
}

/// A serial or a code as a part of a file's name: a colon or plus would not survive every file system.
fn file_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

async fn bill_of_materials(
    Extension(ctx): Extension<Ctx>,
    Path((serial, version)): Path<(String, String)>,
) -> Response {
    // What is no number is no version of anything.
    let number = version.parse().unwrap_or(0);
    match ctx.fleet.hbom(&ctx.actor, &serial, number).await {
        Ok(document) => {
            let name = format!("{}-v{number}.cdx.json", file_name(&serial));
            download(Body::from(format!("{document:#}\n")), domain::hbom::MEDIA_TYPE, &name)
        }
        Err(error) => refused(ctx, &format!("/devices/{}", segment(&serial)), FormState::default(), &error).await,
    }
}

/// What is counted of an experiment.
async fn experiment(Extension(ctx): Extension<Ctx>, Path(code): Path<String>) -> Response {
    match ctx.fleet.experiment_csv(&ctx.actor, &code).await {
        Ok(text) => {
            let name = format!("experiment-{}-{}.csv", file_name(&code), ctx.now.date());
            download(Body::from(text), "text/csv; charset=utf-8", &name)
        }
        Err(error) => {
            let page = format!("/rollouts/{}/experiment", segment(&code));
            refused(ctx, &page, FormState::default(), &error).await
        }
    }
}

async fn supply_of_device(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>) -> Response {
    let page = format!("/devices/{}/supply-chain", segment(&serial));
    supply_chain(ctx, &page, &serial.clone(), SupplyOf::Device(serial)).await
}

async fn supply_of_batch(Extension(ctx): Extension<Ctx>, Path(code): Path<String>) -> Response {
    let page = format!("/batches/{}/supply-chain", segment(&code));
    supply_chain(ctx, &page, &code.clone(), SupplyOf::Batch(code)).await
}

async fn supply_of_custodian(Extension(ctx): Extension<Ctx>, Path(code): Path<String>) -> Response {
    let page = format!("/custodians/{}/supply-chain", segment(&code));
    supply_chain(ctx, &page, &code.clone(), SupplyOf::Custodian(code)).await
}

async fn supply_chain(ctx: Ctx, page: &str, name: &str, of: SupplyOf) -> Response {
    let value = |name: &str| ctx.query_value(name).unwrap_or_default();
    let (from, to) = (value("from"), value("to"));
    let written = async { ctx.fleet.supply_chain_csv(&ctx.actor, &of, Period::of_days(&from, &to)?).await };
    match written.await {
        Ok(pieces) => {
            let pieces = pieces.inspect_err(|error| tracing::warn!(%error, "a CSV table was cut off"));
            let name = format!("supply-chain-{}-{}.csv", file_name(name), ctx.now.date());
            download(Body::from_stream(pieces), "text/csv; charset=utf-8", &name)
        }
        // The page says what is wrong with the period, at its field.
        Err(error) => refused(ctx, &href(page, &[("from", from), ("to", to)]), FormState::default(), &error).await,
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
