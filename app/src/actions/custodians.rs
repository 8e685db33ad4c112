//! Entering and changing custodians.

use super::{Access, ActionRoute, Posted, refused, see_other};
use crate::context::{Ctx, Flash, FormState, segment};
use axum::{Extension, extract::Path, response::Response, routing::post};
use domain::person::Permission;
use fleet::catalogue::CustodianForm;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/custodians", access: MANAGE, handler: || post(add) },
    ActionRoute { method: "POST", path: "/custodians/{code}", access: MANAGE, handler: || post(change) },
];

const MANAGE: Access = Access::May(Permission::CustodianManage);

fn custodian(form: &FormState) -> CustodianForm {
    let value = |name| form.value(name).to_owned();
    CustodianForm {
        name: value("name"),
        kind: value("kind"),
        country: value("country"),
        city: value("city"),
        sgln: value("sgln"),
    }
}

async fn add(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    match ctx.fleet.add_custodian(&ctx.actor, &custodian(&form)).await {
        Ok(added) => {
            let flash = Flash::done(format!("{} is entered.", added.name));
            see_other(&format!("/custodians/{}", segment(&added.code)), Some(&flash))
        }
        Err(error) => refused(ctx, "/custodians", form, &error).await,
    }
}

async fn change(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let page = format!("/custodians/{}", segment(&code));
    match ctx.fleet.change_custodian(&ctx.actor, &code, &custodian(&form)).await {
        Ok(changed) => see_other(&page, Some(&Flash::done(format!("{} is saved.", changed.name)))),
        Err(error) => refused(ctx, &page, form, &error).await,
    }
}
