//! Settling findings.

use super::{Access, ActionRoute, Posted, allowed, refused, see_other};
use crate::{
    context::{Ctx, Flash, FormState, href},
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

/// The list as it was looked at.
fn list(form: &FormState) -> String {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(form.value("back")).unwrap_or_default();
    href("/findings", &pairs)
}

async fn resolve(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let here = list(&form);
    if let Err(error) = allowed(&ctx, MAY, &format!("finding:{id}")).await {
        return refused(ctx, &here, form, &error).await;
    }
    let Ok(id) = id.parse::<FindingId>() else {
        return respond_problem(ctx, Problem::of(&fleet::Error::not_found("finding", &id))).await;
    };
    match ctx.fleet.resolve_finding(&ctx.actor, id, form.value("reason").trim()).await {
        Ok(()) => see_other(&here, Some(&Flash::done("Settled. It comes back if it is seen again."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}
