//! Deciding what waits for a second person.

use super::{Access, ActionRoute, Posted, allowed, refused, see_other};
use crate::{
    context::{Ctx, Flash},
    pages::errors::{Problem, respond_problem},
};
use axum::{Extension, extract::Path, response::Response, routing::post};
use domain::{id::ApprovalId, person::Permission};

/// The routes.
pub const ROUTES: &[ActionRoute] = &[ActionRoute {
    method: "POST",
    path: "/approvals/{id}",
    access: Access::May(Permission::ApprovalDecide),
    handler: || post(decide),
}];

async fn decide(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("/approvals/{id}");
    if let Err(error) = allowed(&ctx, Permission::ApprovalDecide, &format!("approval:{id}")).await {
        return refused(ctx, &here, form, &error).await;
    }
    let Ok(id) = id.parse::<ApprovalId>() else {
        return respond_problem(ctx, Problem::of(&fleet::Error::not_found("approval", &id))).await;
    };
    let approve = match form.value("decision") {
        "approve" => true,
        "reject" => false,
        _ => return refused(ctx, &here, form, &fleet::Error::field("", "Choose: approve, or reject.")).await,
    };
    match ctx.fleet.decide(&ctx.actor, id, form.value("hash"), approve, form.value("reason").trim()).await {
        Ok(()) => {
            let words = if approve { "Approved, and done as it was shown." } else { "Rejected. Nothing happened." };
            see_other(&here, Some(&Flash::done(words)))
        }
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}
