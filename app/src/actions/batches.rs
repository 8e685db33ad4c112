//! A batch's whole history to take away, and what was issued for it against what was delivered.

use super::{Access, ActionRoute, allowed, refused, see_other};
use crate::{
    components::text::plural,
    context::{Ctx, Flash, FormState, segment},
    pages::errors::{Problem, respond_problem},
};
use axum::{
    Extension,
    body::Body,
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::person::Permission;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute {
        method: "GET",
        path: "/batches/{code}/epcis.jsonld",
        access: Access::May(Permission::FleetRead),
        handler: || get(epcis),
    },
    ActionRoute {
        method: "POST",
        path: "/batches/{code}/reconcile",
        access: Access::May(Permission::CertificateEnrol),
        handler: || post(reconcile),
    },
];

async fn reconcile(Extension(ctx): Extension<Ctx>, Path(code): Path<String>) -> Response {
    let here = format!("/batches/{}", segment(&code));
    let told = async {
        allowed(&ctx, Permission::CertificateEnrol, &format!("batch:{code}")).await?;
        ctx.fleet.reconcile(&ctx.actor, &code).await
    };
    match told.await {
        Ok(told) => {
            let without = i64::try_from(told.without_certificate.len()).unwrap_or(i64::MAX);
            let text = format!(
                "{} issued, {} delivered.",
                plural(told.issued, "certificate was", "certificates were"),
                plural(told.delivered, "device was", "devices were"),
            );
            if told.undelivered == 0 && without == 0 && told.findings == 0 {
                return see_other(&here, Some(&Flash::done(format!("{text} Each fits the other."))));
            }
            let odd = format!(
                "{text} {} without a device, {} without a certificate: look at Findings.",
                plural(told.undelivered, "certificate", "certificates"),
                plural(without, "device", "devices"),
            );
            see_other(&here, Some(&Flash::warn(odd)))
        }
        Err(error) => refused(ctx, &here, FormState::default(), &error).await,
    }
}

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
