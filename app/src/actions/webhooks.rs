//! Adding, pausing, testing and removing webhooks, and sending again what they were told.

use super::{
    Access, ActionRoute, Posted, allowed,
    device::{Once, once, settle},
    refused, see_other,
    users::show_once,
};
use crate::{
    context::{Ctx, Flash, FormState},
    pages::errors::{Problem, respond_problem},
};
use axum::{Extension, extract::Path, http::StatusCode, response::Response, routing::post};
use domain::{id::WebhookId, person::Permission};
use fleet::webhook::{Webhook, WebhookForm};

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/webhooks", access: MANAGE, handler: || post(add) },
    ActionRoute { method: "POST", path: "/webhooks/{id}/pause", access: MANAGE, handler: || post(pause) },
    ActionRoute { method: "POST", path: "/webhooks/{id}/resume", access: MANAGE, handler: || post(resume) },
    ActionRoute { method: "POST", path: "/webhooks/{id}/secret", access: MANAGE, handler: || post(secret) },
    ActionRoute { method: "POST", path: "/webhooks/{id}/test", access: MANAGE, handler: || post(test) },
    ActionRoute { method: "POST", path: "/webhooks/{id}/remove", access: MANAGE, handler: || post(remove) },
    ActionRoute {
        method: "POST",
        path: "/webhooks/{id}/deliveries/{seq}/resend",
        access: MANAGE,
        handler: || post(resend),
    },
];

const MANAGE: Access = Access::May(Permission::SettingManage);

/// A page with a new secret was loaded again, or its form was sent twice.
const ADDED_ALREADY: &str = "This form has added its webhook already, and a secret is shown only once. If you didn't keep \
                             it, remove the webhook and add it again.";

async fn add(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let wanted =
        WebhookForm { url: form.value("url").to_owned(), kinds: form.all("kinds").map(str::to_owned).collect() };
    let claim = match once(&ctx, &form).await {
        Ok(Once::Now(claim)) => claim,
        Ok(Once::Before | Once::Meanwhile) => return see_other("/webhooks", Some(&Flash::warn(ADDED_ALREADY))),
        Err(error) => return refused(ctx, "/webhooks", form, &error).await,
    };
    let added = ctx.fleet.add_webhook(&ctx.actor, &wanted).await;
    settle(&ctx, claim, added.is_ok()).await;
    match added {
        Ok(new) => show_once(ctx, &format!("/webhooks/{}", new.hook.id), new.secret, StatusCode::CREATED).await,
        Err(error) => refused(ctx, "/webhooks", form, &error).await,
    }
}

/// The id of a webhook, for those who may manage it.
async fn known(ctx: &Ctx, id: &str) -> Result<WebhookId, fleet::Error> {
    allowed(ctx, Permission::SettingManage, &format!("webhook:{id}")).await?;
    id.parse().map_err(|_| fleet::Error::not_found("webhook", id))
}

/// Leads back to the webhook with a sentence about what was done, or tells why it was not.
async fn back(ctx: Ctx, done: Result<Webhook, fleet::Error>, words: &'static str) -> Response {
    match done {
        Ok(hook) => see_other(&format!("/webhooks/{}", hook.id), Some(&Flash::done(words))),
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}

async fn pause(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let done = async { ctx.fleet.pause_webhook(&ctx.actor, known(&ctx, &id).await?, true).await }.await;
    back(ctx, done, "It is paused: what happens is kept for it.").await
}

async fn resume(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let done = async { ctx.fleet.pause_webhook(&ctx.actor, known(&ctx, &id).await?, false).await }.await;
    back(ctx, done, "It goes on: what happened meanwhile is sent.").await
}

/// The same form sent twice has seen another secret the second time, so it changes it once.
async fn secret(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let done = async {
        let id = known(&ctx, &id).await?;
        let seen = form.value("generation").parse().map_err(|_| wrong_generation())?;
        ctx.fleet.change_webhook_secret(&ctx.actor, id, seen).await
    };
    match done.await {
        Ok(new) => show_once(ctx, &format!("/webhooks/{}", new.hook.id), new.secret, StatusCode::OK).await,
        Err(fleet::Error::Conflict(why)) => see_other(&format!("/webhooks/{id}"), Some(&Flash::warn(why))),
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}

fn wrong_generation() -> fleet::Error {
    fleet::Error::field("generation", "The page was not sent whole. Load it again.")
}

async fn test(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let done = async { ctx.fleet.test_webhook(&ctx.actor, known(&ctx, &id).await?).await }.await;
    back(ctx, done, "A test is on its way. What came of it stands below in a moment.").await
}

async fn resend(Extension(ctx): Extension<Ctx>, Path((id, seq)): Path<(String, String)>) -> Response {
    let done = async {
        let id = known(&ctx, &id).await?;
        let seq = seq.parse().map_err(|_| fleet::Error::not_found("delivery", &seq))?;
        ctx.fleet.resend_webhook(&ctx.actor, id, seq).await
    };
    let done = done.await;
    back(ctx, done, "It is sent again in a moment.").await
}

async fn remove(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let done = async { ctx.fleet.remove_webhook(&ctx.actor, known(&ctx, &id).await?).await }.await;
    match done {
        Ok(_) => see_other("/webhooks", Some(&Flash::done("The webhook is removed."))),
        Err(error) => refused(ctx, "/webhooks", FormState::default(), &error).await,
    }
}
