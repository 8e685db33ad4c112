//! Signing in at a provider of identities (OpenID Connect): there and back, showing anew who one is, and which account is whose.

use super::{Access, ActionRoute, Posted, factors::led_on, refused, render_with_form, see_other};
use crate::{
    context::{Ctx, FieldError, Flash, FormState, local_path},
    cookies,
    pages::errors::{Problem, respond_problem},
    session::{Beginning, SessionChange, with_session},
};
use axum::{
    Extension,
    extract::Path,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use domain::{factor::SignInBy, id::UserId, person::Permission};
use fleet::{
    factor::Entered,
    oidc::{Arrived, CALLBACK, Departure, Returned},
};

/// Where somebody leaves to the provider to sign in.
pub const SIGN_IN: &str = "/sign-in/oidc";
/// Where somebody who has signed out leaves to the provider to sign out there, too.
pub const SIGN_OUT: &str = "/sign-out/oidc";
/// Where somebody who is signed in leaves to the provider to show anew who they are.
pub const AGAIN: &str = "/account/oidc";

const MANAGE: Access = Access::May(Permission::UserManage);

/// The routes. That one leaves is a GET, because a form may not lead to another site (`form-action`); it changes nothing here
/// but what this browser is waited for with.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "GET", path: SIGN_IN, access: Access::Anyone, handler: || get(leave) },
    ActionRoute { method: "GET", path: CALLBACK, access: Access::Anyone, handler: || get(come_back) },
    ActionRoute { method: "GET", path: SIGN_OUT, access: Access::Anyone, handler: || get(sign_out) },
    ActionRoute {
        method: "GET",
        path: AGAIN,
        access: Access::May(Permission::AccountManage),
        handler: || get(leave_again),
    },
    ActionRoute { method: "POST", path: "/users/{id}/provider", access: MANAGE, handler: || post(link) },
    ActionRoute { method: "POST", path: "/users/{id}/provider/remove", access: MANAGE, handler: || post(unlink) },
];

/// Leads to another site; nothing of it is kept.
fn away(to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn departed(departure: &Departure) -> Response {
    let mut response = away(&departure.to);
    response.headers_mut().append(header::SET_COOKIE, cookies::away(&departure.browser));
    response
}

/// The sign-in page, with what went wrong and where one wanted to go.
async fn failed(ctx: Ctx, next: &str, error: &fleet::Error) -> Response {
    let problem = Problem::of(error);
    let whole = || vec![FieldError { field: None, message: problem.text.clone() }];
    let errors = if problem.fields.is_empty() { whole() } else { problem.fields };
    let form = FormState { values: vec![("next".to_owned(), local_path(next).to_owned())], errors };
    render_with_form(ctx, "/sign-in", form, problem.status).await
}

async fn leave(Extension(ctx): Extension<Ctx>, headers: HeaderMap) -> Response {
    let next = local_path(&ctx.query_value("next").unwrap_or_default()).to_owned();
    let browser = cookies::read(&headers, cookies::AWAY);
    match ctx.fleet.leave_to_sign_in(&ctx.actor, &ctx.host, browser.as_deref(), &next).await {
        Ok(departure) => departed(&departure),
        Err(error) => failed(ctx, &next, &error).await,
    }
}

async fn leave_again(Extension(ctx): Extension<Ctx>, headers: HeaderMap) -> Response {
    let next = local_path(&ctx.query_value("next").unwrap_or_default()).to_owned();
    let browser = cookies::read(&headers, cookies::AWAY);
    match ctx.fleet.leave_to_prove(&ctx.actor, &ctx.host, browser.as_deref(), &next).await {
        Ok(departure) => departed(&departure),
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}

async fn come_back(Extension(ctx): Extension<Ctx>, headers: HeaderMap) -> Response {
    let value = |name| ctx.query_value(name).unwrap_or_default();
    let browser = cookies::read(&headers, cookies::AWAY);
    let awaited = match ctx.fleet.back_from_provider(browser.as_deref(), &value("state")).await {
        Ok(awaited) => awaited,
        Err(error) => return failed(ctx, "/", &error).await,
    };
    let returned = Returned { code: value("code"), iss: value("iss"), error: value("error") };
    let next = local_path(awaited.next()).to_owned();
    match ctx.fleet.arrive(&ctx.actor, &awaited, &returned).await {
        Ok(Arrived::In { entered: Entered::In(user), proved_at }) => {
            let beginning = Beginning { user: user.id, by: SignInBy::Provider, proved_at };
            with_session(see_other(&next, None), SessionChange::Begin(beginning))
        }
        Ok(Arrived::In { entered, .. }) => led_on(&entered, SignInBy::Provider, &next, None),
        Ok(Arrived::Again(at)) => {
            let flash = Flash::done("You showed who you are. Now do it once more: it counts for ten minutes.");
            with_session(see_other(&next, Some(&flash)), SessionChange::Proved(at))
        }
        Err(error) if awaited.is_again() => respond_problem(ctx, Problem::of(&error)).await,
        Err(error) => failed(ctx, &next, &error).await,
    }
}

/// Whoever has signed out here may do so at the provider. Where that has no place for it, or does not answer, there is nothing
/// more to do.
async fn sign_out(Extension(ctx): Extension<Ctx>) -> Response {
    match ctx.fleet.provider_sign_out().await {
        Ok(Some(to)) => away(&to),
        Ok(None) => see_other(
            "/sign-in",
            Some(&Flash::done("You are signed out here; the provider has no place to sign out at.")),
        ),
        Err(error) => failed(ctx, "/", &error).await,
    }
}

async fn link(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let linked = match id.parse::<UserId>() {
        Ok(id) => ctx.fleet.link_identity(&ctx.actor, id, form.value("subject")).await,
        Err(_) => Err(fleet::Error::not_found("user", &id)),
    };
    let page = format!("/users/{id}");
    match linked {
        Ok(user) => see_other(&page, Some(&Flash::done(format!("{} can sign in at the provider now.", user.name)))),
        Err(error) => refused(ctx, &page, form, &error).await,
    }
}

async fn unlink(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let unlinked = match id.parse::<UserId>() {
        Ok(id) => ctx.fleet.unlink_identity(&ctx.actor, id).await,
        Err(_) => Err(fleet::Error::not_found("user", &id)),
    };
    let page = format!("/users/{id}");
    match unlinked {
        Ok(user) => see_other(&page, Some(&Flash::done(format!("{} is unlinked; their sessions ended.", user.name)))),
        Err(error) => refused(ctx, &page, form, &error).await,
    }
}
