//! Pushing, promoting and withdrawing releases, and what models ask of them.

use super::{Access, ActionRoute, Posted, allowed, refused, see_other};
use crate::{
    context::{Ctx, Flash, FormState, segment},
    pages::errors::{Problem, respond_problem},
};
use axum::{
    Extension,
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{
    id::ReleaseId,
    person::Permission,
    release::{Stage, StageRule},
};
use fleet::release::{Promoted, PromotionForm, StageForm};

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute {
        method: "POST",
        path: "/releases/new",
        access: Access::May(Permission::ReleasePush),
        handler: || post(super::push::send),
    },
    ActionRoute {
        method: "POST",
        path: "/releases/{id}/promote",
        access: Access::May(Permission::ReleasePromote),
        handler: || post(promote),
    },
    ActionRoute {
        method: "POST",
        path: "/releases/{id}/withdraw",
        access: Access::May(Permission::ReleaseWithdraw),
        handler: || post(withdraw),
    },
    ActionRoute {
        method: "GET",
        path: "/releases/{id}/sbom.json",
        access: Access::May(Permission::FleetRead),
        handler: || get(sbom),
    },
    ActionRoute {
        method: "POST",
        path: "/models/{name}/stages",
        access: Access::May(Permission::SettingManage),
        handler: || post(rule),
    },
];

fn id_of(text: &str) -> Result<ReleaseId, fleet::Error> {
    text.parse().map_err(|_| fleet::Error::not_found("release", text))
}

async fn promote(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("/releases/{}", segment(&id));
    let promoted = async {
        allowed(&ctx, Permission::ReleasePromote, &format!("release:{id}")).await?;
        let to: Stage =
            form.value("to").parse().map_err(|_| fleet::Error::field("to", "Choose the stage that it is to enter."))?;
        let wanted = PromotionForm { to, reason: form.value("reason").to_owned() };
        ctx.fleet.promote_release(&ctx.actor, id_of(&id)?, &wanted).await.map(|promoted| (to, promoted))
    };
    match promoted.await {
        Ok((to, Promoted::Done)) => {
            see_other(&here, Some(&Flash::done(format!("It is in {} now.", to.label().to_lowercase()))))
        }
        Ok((_, Promoted::Waits(_))) => {
            see_other(&here, Some(&Flash::done("A second person was asked. It goes on once they approve it.")))
        }
        // What is missing is shown on the page itself.
        Err(fleet::Error::Conflict(why)) => see_other(&here, Some(&Flash::warn(why))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

async fn withdraw(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("/releases/{}", segment(&id));
    let withdrawn = async {
        allowed(&ctx, Permission::ReleaseWithdraw, &format!("release:{id}")).await?;
        ctx.fleet.withdraw_release(&ctx.actor, id_of(&id)?, form.value("reason")).await
    };
    match withdrawn.await {
        Ok(()) => see_other(&here, Some(&Flash::done("It is withdrawn. No device gets it from now on."))),
        Err(fleet::Error::Conflict(why)) => see_other(&here, Some(&Flash::warn(why))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

/// The bill of materials as it was attached.
async fn sbom(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let found = match id_of(&id) {
        Ok(id) => ctx.fleet.sbom_document(&ctx.actor, id).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(attached) => {
            let name = format!("attachment; filename=\"sbom-{}.json\"", attached.sha256.get(..12).unwrap_or_default());
            let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, name)];
            (headers, attached.document).into_response()
        }
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}

fn rule_of(form: &FormState) -> Result<StageForm, fleet::Error> {
    let number = |name: &str| {
        let text = form.value(name).trim();
        let number = if text.is_empty() { Ok(0) } else { text.parse::<i64>() };
        number.map_err(|_| fleet::Error::field(name, "Give a whole number."))
    };
    let stage =
        form.value("stage").parse().map_err(|_| fleet::Error::field("stage", "Choose staging or production."))?;
    let checks = form.value("checks").split([',', '\n', ' ']).map(str::trim).filter(|name| !name.is_empty());
    let rule = StageRule {
        checks: checks.map(str::to_owned).collect(),
        soak_hours: number("soak_hours")?,
        verified: number("verified")?,
        second_person: form.has("second_person"),
    };
    Ok(StageForm { stage, rule })
}

async fn rule(Extension(ctx): Extension<Ctx>, Path(name): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("/models/{}", segment(&name));
    let changed = async {
        allowed(&ctx, Permission::SettingManage, &format!("model:{name}")).await?;
        ctx.fleet.change_stage_rule(&ctx.actor, &name, &rule_of(&form)?).await
    };
    match changed.await {
        Ok(()) => see_other(&here, Some(&Flash::done("Saved. It holds from the next promotion on."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}
