//! One's own account: password and sessions.

use super::{Access, ActionRoute, Posted, refused, see_other};
use crate::{
    components::text::plural,
    context::{Ctx, Flash, FormState},
    session::{SessionChange, with_session},
};
use axum::{Extension, response::Response, routing::post};
use domain::person::Permission;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/account/password", access: OWN, handler: || post(password) },
    ActionRoute { method: "POST", path: "/account/end-session", access: OWN, handler: || post(end_session) },
    ActionRoute { method: "POST", path: "/account/sign-out-everywhere", access: OWN, handler: || post(everywhere) },
];

const OWN: Access = Access::May(Permission::AccountManage);

async fn password(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let (present, new) = (form.value("present"), form.value("password"));
    match ctx.fleet.change_password(&ctx.actor, present, new, ctx.session.as_deref()).await {
        Ok(ended) => {
            let others = match i64::try_from(ended).unwrap_or(i64::MAX) {
                0 => String::new(),
                n => format!(" {} ended.", plural(n, "other session", "other sessions")),
            };
            see_other("/account", Some(&Flash::done(format!("Your password is changed.{others}"))))
        }
        // Neither password is worth keeping for another try.
        Err(error) => refused(ctx, "/account", FormState::default(), &error).await,
    }
}

async fn end_session(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    match ctx.fleet.end_session(&ctx.actor, form.value("session")).await {
        Ok(()) => see_other("/account", Some(&Flash::done("The session has ended."))),
        Err(error) => refused(ctx, "/account", FormState::default(), &error).await,
    }
}

async fn everywhere(Extension(ctx): Extension<Ctx>) -> Response {
    match ctx.fleet.sign_out_everywhere(&ctx.actor, None).await {
        Ok(ended) => {
            let words = plural(i64::try_from(ended).unwrap_or(i64::MAX), "session", "sessions");
            let flash = Flash::done(format!("You are signed out everywhere: {words} ended."));
            with_session(see_other("/sign-in", Some(&flash)), SessionChange::End)
        }
        Err(error) => refused(ctx, "/account", FormState::default(), &error).await,
    }
}
