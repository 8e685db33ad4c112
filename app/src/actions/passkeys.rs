//! Passkeys: what the browser is asked with, and what it answers.

use super::{
    Access, ActionRoute, Posted,
    factors::{SECOND_STEP, SET_UP, codes_once, known_half},
    refused, renamed, see_other,
};
use crate::{
    components::passkey::{CREDENTIAL, site},
    context::{Ctx, Flash, local_path},
    pages::errors::Problem,
    session::{Beginning, SessionChange, with_session},
};
use axum::{
    Extension,
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use domain::{factor::SignInBy, id::FactorId, person::Permission};

const OWN: Access = Access::May(Permission::AccountManage);

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute {
        method: "POST",
        path: "/sign-in/passkey/options",
        access: Access::Anyone,
        handler: || post(to_sign_in),
    },
    ActionRoute { method: "POST", path: "/sign-in/passkey", access: Access::Anyone, handler: || post(sign_in) },
    ActionRoute {
        method: "POST",
        path: "/sign-in/second/passkey/options",
        access: Access::Anyone,
        handler: || post(to_second),
    },
    ActionRoute { method: "POST", path: "/sign-in/second/passkey", access: Access::Anyone, handler: || post(second) },
    ActionRoute { method: "POST", path: "/account/passkeys/options", access: OWN, handler: || post(to_add) },
    ActionRoute { method: "POST", path: "/account/passkeys/prove", access: OWN, handler: || post(to_prove) },
    ActionRoute { method: "POST", path: "/account/passkeys", access: OWN, handler: || post(add) },
    ActionRoute { method: "POST", path: "/account/passkeys/{id}/rename", access: OWN, handler: || post(rename) },
];

/// Options for a browser's script, or a sentence for it to show.
fn options(made: Result<String, fleet::Error>) -> Response {
    let no_store = (header::CACHE_CONTROL, "no-store");
    match made {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json"), no_store], json).into_response(),
        Err(error) => {
            let problem = Problem::of(&error);
            let text = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), no_store];
            (problem.status, text, problem.text).into_response()
        }
    }
}

async fn to_sign_in(Extension(ctx): Extension<Ctx>) -> Response {
    options(ctx.fleet.passkey_to_sign_in(&ctx.actor, site(&ctx).as_ref()).await)
}

async fn to_second(Extension(ctx): Extension<Ctx>) -> Response {
    let made = async { ctx.fleet.passkey_half_way(&ctx.actor, &known_half(&ctx)?, site(&ctx).as_ref()).await };
    options(made.await)
}

async fn to_add(Extension(ctx): Extension<Ctx>) -> Response {
    options(ctx.fleet.passkey_to_add(&ctx.actor, site(&ctx).as_ref()).await)
}

async fn to_prove(Extension(ctx): Extension<Ctx>) -> Response {
    options(ctx.fleet.passkey_to_prove(&ctx.actor, site(&ctx).as_ref()).await)
}

async fn sign_in(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    match ctx.fleet.sign_in_by_passkey(&ctx.actor, site(&ctx).as_ref(), form.value(CREDENTIAL)).await {
        Ok(user) => {
            let beginning = Beginning { user: user.id, by: SignInBy::Passkey, proved_at: Some(ctx.now) };
            with_session(see_other(local_path(form.value("next")), None), SessionChange::Begin(beginning))
        }
        Err(error) => refused(ctx, "/sign-in", form, &error).await,
    }
}

async fn second(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let shown = async {
        let (half, site) = (known_half(&ctx)?, site(&ctx));
        let credential = form.value(CREDENTIAL);
        let user = ctx.fleet.second_step_by_passkey(&ctx.actor, &half, site.as_ref(), credential).await?;
        Ok::<_, fleet::Error>((half, user))
    };
    match shown.await {
        Ok((half, user)) => {
            let beginning = Beginning { user: user.id, by: half.by, proved_at: Some(ctx.now) };
            with_session(see_other(local_path(form.value("next")), None), SessionChange::Begin(beginning))
        }
        Err(error) => refused(ctx, SECOND_STEP, form, &error).await,
    }
}

async fn add(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let named = (form.value("passkey_name"), form.value("passkey_present"));
    match ctx.fleet.add_passkey(&ctx.actor, site(&ctx).as_ref(), named, form.value(CREDENTIAL)).await {
        Ok(added) => {
            let flash = Flash::done(format!("“{}” is added. It also signs you in without your password.", added.name));
            let proved = SessionChange::Proved(ctx.now);
            let response = match added.codes.as_slice() {
                [] => see_other("/account", Some(&flash)),
                codes => codes_once(ctx, SET_UP, codes).await,
            };
            with_session(response, proved)
        }
        Err(error) => {
            let error = renamed(renamed(error, "name", "passkey_name"), "present", "passkey_present");
            refused(ctx, SET_UP, form, &error).await
        }
    }
}

async fn rename(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let done = match id.parse::<FactorId>() {
        Ok(id) => ctx.fleet.rename_passkey(&ctx.actor, id, form.value("name")).await,
        Err(_) => Err(fleet::Error::not_found("passkey", &id)),
    };
    match done {
        Ok(()) => see_other("/account", Some(&Flash::done("The passkey is renamed."))),
        Err(error) => refused(ctx, "/account", form, &error).await,
    }
}
