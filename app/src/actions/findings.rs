//! Settling findings.

use super::{Access, ActionRoute, Posted, allowed, refused, see_other};
use crate::{
    context::{Ctx, Flash},
    pages::errors::{Problem, respond_problem},
};
use axum::{Extension, extract::Path, response::Response, routing::post};
use domain::{id::FindingId, person::Permission};

const MAY: Permission = Permission::CertificateRevoke;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[ActionRoute {
    method: "POST",
    path: "/findings/{id}/resolve",
    access: Access::May(MAY),
    handler: || post(resolve),
}];

async fn resolve(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    if let Err(error) = allowed(&ctx, MAY, &format!("finding:{id}")).await {
        return refused(ctx, "/findings", form, &error).await;
    }
    let Ok(id) = id.parse::<FindingId>() else {
        return respond_problem(ctx, Problem::of(&fleet::Error::not_found("finding", &id))).await;
    };
    match ctx.fleet.resolve_finding(&ctx.actor, id, form.value("reason").trim()).await {
        Ok(()) => see_other("/findings", Some(&Flash::done("Settled. It comes back if it is seen again."))),
        Err(error) => refused(ctx, "/findings", form, &error).await,
    }
}
