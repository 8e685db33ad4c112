//! Settling findings.

use super::{Access, ActionRoute, Posted, allowed, refused, renamed, see_other};
use crate::{
    components::text::plural,
    context::{Ctx, Flash, FormState, href},
    pages::{
        errors::{Problem, respond_problem},
        findings::finding_href,
    },
};
use axum::{Extension, extract::Path, response::Response, routing::post};
use domain::{id::FindingId, person::Permission};

const MAY: Permission = Permission::CertificateRevoke;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/findings/{id}/resolve", access: Access::May(MAY), handler: || post(resolve) },
    ActionRoute { method: "POST", path: "/findings/resolve", access: Access::May(MAY), handler: || post(resolve_many) },
];

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
        // The form stands on the finding's own page.
        Err(error) => refused(ctx, &finding_href(id), form, &error).await,
    }
}

/// Those that are ticked.
async fn resolve_many(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let here = list(&form);
    let ticked: Vec<&str> = form.all("ticked").collect();
    let settled = async {
        allowed(&ctx, MAY, &format!("findings:{}", ticked.len())).await?;
        let id = |text: &&str| text.parse::<FindingId>().map_err(|_| fleet::Error::not_found("finding", text));
        let ids = ticked.iter().map(id).collect::<Result<Vec<_>, _>>()?;
        ctx.fleet.resolve_findings(&ctx.actor, &ids, form.value("many-reason")).await
    };
    match settled.await {
        Ok(n) => {
            let n = plural(i64::try_from(n).unwrap_or(i64::MAX), "finding", "findings");
            see_other(&here, Some(&Flash::done(format!("Settled {n}. What is seen again comes back."))))
        }
        Err(error) => {
            refused(ctx, &here, form, &renamed(renamed(error, "reason", "many-reason"), "finding", "all-findings"))
                .await
        }
    }
}
