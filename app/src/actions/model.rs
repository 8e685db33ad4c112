//! Changing the rules of a model, and asking a device to report.

use super::{Access, ActionRoute, Posted, allowed, refused, see_other};
use crate::context::{Ctx, Flash, FormState, segment};
use axum::{Extension, extract::Path, response::Response, routing::post};
use domain::person::Permission;
use fleet::check_in::RulesForm;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute {
        method: "POST",
        path: "/models/{name}",
        access: Access::May(Permission::SettingManage),
        handler: || post(change),
    },
    ActionRoute {
        method: "POST",
        path: "/devices/{serial}/report",
        access: Access::May(Permission::NoteAdd),
        handler: || post(ask),
    },
];

fn rules(form: &FormState) -> RulesForm {
    let value = |name| form.value(name).to_owned();
    RulesForm {
        mapping: value("mapping"),
        makers: value("makers"),
        note: value("note"),
        ask: value("ask"),
        hold: value("hold"),
        quarantine: value("quarantine"),
        poll: value("poll"),
    }
}

async fn change(Extension(ctx): Extension<Ctx>, Path(name): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("/models/{}", segment(&name));
    let changed = async {
        allowed(&ctx, Permission::SettingManage, &format!("model:{name}")).await?;
        ctx.fleet.change_model_rules(&ctx.actor, &name, &rules(&form)).await
    };
    match changed.await {
        Ok(()) => see_other(&here, Some(&Flash::done("Saved. It holds for what devices report from now on."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

async fn ask(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("/devices/{}", segment(&serial));
    match ctx.fleet.want_report(&ctx.actor, &serial).await {
        Ok(()) => see_other(&here, Some(&Flash::done("It is asked to report at its next poll."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}
