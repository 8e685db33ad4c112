//! Making and revoking API tokens.

use super::{
    Access, ActionRoute, Posted,
    device::{Once, once, settle},
    refused, see_other,
    users::show_once,
};
use crate::{
    context::{Ctx, Flash, FormState},
    pages::errors::{Problem, respond_problem},
};
use axum::{Extension, extract::Path, http::StatusCode, response::Response, routing::post};
use domain::{id::TokenId, person::Permission};
use fleet::token::TokenForm;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/tokens", access: MANAGE, handler: || post(add) },
    ActionRoute { method: "POST", path: "/tokens/{id}/revoke", access: MANAGE, handler: || post(revoke) },
];

const MANAGE: Access = Access::May(Permission::TokenManage);

/// A page with a new token was loaded again, or its form was sent twice.
const MADE_ALREADY: &str = "This form has made its token already, and a token is shown only once. If you didn't keep it, \
                            revoke it and create another.";

async fn add(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let wanted = TokenForm {
        name: form.value("name").to_owned(),
        role: form.value("role").to_owned(),
        days: form.value("days").parse().unwrap_or(0),
    };
    let claim = match once(&ctx, &form).await {
        Ok(Once::Now(claim)) => claim,
        Ok(Once::Before | Once::Meanwhile) => return see_other("/tokens", Some(&Flash::warn(MADE_ALREADY))),
        Err(error) => return refused(ctx, "/tokens", form, &error).await,
    };
    let made = ctx.fleet.add_token(&ctx.actor, &wanted).await;
    settle(&ctx, claim, made.is_ok()).await;
    match made {
        Ok(new) => show_once(ctx, "/tokens", new.secret, StatusCode::CREATED).await,
        Err(error) => refused(ctx, "/tokens", form, &error).await,
    }
}

async fn revoke(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<TokenId>() else {
        return respond_problem(ctx, Problem::of(&fleet::Error::not_found("token", &id))).await;
    };
    match ctx.fleet.revoke_token(&ctx.actor, id).await {
        Ok(token) => {
            let flash = Flash::done(format!("“{}” is revoked: the next request that uses it is refused.", token.name));
            see_other("/tokens", Some(&flash))
        }
        Err(error) => refused(ctx, "/tokens", FormState::default(), &error).await,
    }
}
