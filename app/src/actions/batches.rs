//! A batch's whole history to take away.

use super::{Access, ActionRoute};
use crate::{
    context::Ctx,
    pages::errors::{Problem, respond_problem},
};
use axum::{
    Extension,
    body::Body,
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use domain::person::Permission;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[ActionRoute {
    method: "GET",
    path: "/batches/{code}/epcis.jsonld",
    access: Access::May(Permission::FleetRead),
    handler: || get(epcis),
}];

async fn epcis(Extension(ctx): Extension<Ctx>, Path(code): Path<String>) -> Response {
    match ctx.fleet.epcis_of_batch(&ctx.actor, &code).await {
        Ok(pieces) => {
            let name: String = code.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            let headers = [
                (header::CONTENT_TYPE, "application/ld+json".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"batch-{name}.jsonld\"")),
                (header::CACHE_CONTROL, "private, no-cache".to_owned()),
            ];
            (headers, Body::from_stream(pieces)).into_response()
        }
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}
