//! Managing accounts.

use super::{Access, ActionRoute, Posted, refused, see_other};
use crate::{
    components::text::plural,
    context::{Ctx, Flash, FormState},
    pages::errors::{Problem, respond_problem},
    render,
};
use axum::{
    Extension,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
    routing::post,
};
use domain::{id::UserId, person::Permission};
use fleet::people::{Disabled, UserChange, UserForm};

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/users", access: MANAGE, handler: || post(add) },
    ActionRoute { method: "POST", path: "/users/{id}", access: MANAGE, handler: || post(change) },
    ActionRoute { method: "POST", path: "/users/{id}/disable", access: MANAGE, handler: || post(disable) },
    ActionRoute { method: "POST", path: "/users/{id}/enable", access: MANAGE, handler: || post(enable) },
    ActionRoute { method: "POST", path: "/users/{id}/link", access: MANAGE, handler: || post(link) },
];

const MANAGE: Access = Access::May(Permission::UserManage);

/// Answers with a page that shows a secret. The address bar keeps what was posted to, and no cache keeps the page.
pub(super) async fn show_once(ctx: Ctx, path: &str, secret: String, status: StatusCode) -> Response {
    let uri = path.parse::<Uri>().unwrap_or_else(|_| ctx.uri.clone());
    let mut response = render::document(Ctx { uri, secret: Some(secret), status, flash: None, ..ctx }).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An address on this console that somebody else can open.
fn absolute(ctx: &Ctx, headers: &HeaderMap, path: &str) -> String {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match named.or_else(|| ctx.uri.authority().map(axum::http::uri::Authority::as_str)) {
        Some(host) => format!("https://{host}{path}"),
        None => path.to_owned(),
    }
}

/// An error that has no form to go back to: the account's page with the sentence on it.
async fn refused_at(ctx: Ctx, page: &str, error: &fleet::Error) -> Response {
    refused(ctx, page, FormState::default(), error).await
}

/// The account's id in the address, or the page that says there is none.
async fn known(ctx: &Ctx, id: &str) -> Result<UserId, Response> {
    match id.parse() {
        Ok(id) => Ok(id),
        Err(_) => Err(respond_problem(ctx.clone(), Problem::of(&fleet::Error::not_found("user", id))).await),
    }
}

async fn add(Extension(ctx): Extension<Ctx>, headers: HeaderMap, Posted(form): Posted) -> Response {
    let value = |name| form.value(name).to_owned();
    let wanted = UserForm { email: value("email"), name: value("name"), role: value("role") };
    match ctx.fleet.add_user(&ctx.actor, &wanted).await {
        Ok(new) => {
            let link = absolute(&ctx, &headers, &format!("/link/{}", new.link));
            show_once(ctx, &format!("/users/{}", new.user.id), link, StatusCode::CREATED).await
        }
        Err(error) => refused(ctx, "/users", form, &error).await,
    }
}

async fn change(Extension(ctx): Extension<Ctx>, Path(id): Path<String>, Posted(form): Posted) -> Response {
    let id = match known(&ctx, &id).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let page = format!("/users/{id}");
    let wanted = UserChange {
        name: form.value("name").to_owned(),
        role: form.value("role").to_owned(),
        version: form.value("version").parse().unwrap_or(0),
    };
    match ctx.fleet.change_user(&ctx.actor, id, &wanted).await {
        Ok(user) => see_other(&page, Some(&Flash::done(format!("{} is saved.", user.name)))),
        Err(error) => refused(ctx, &page, form, &error).await,
    }
}

async fn disable(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let id = match known(&ctx, &id).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let page = format!("/users/{id}");
    match ctx.fleet.disable_user(&ctx.actor, id).await {
        Ok(disabled) => see_other(&page, Some(&disabled_words(&disabled))),
        Err(error) => refused_at(ctx, &page, &error).await,
    }
}

/// What disabling did, and what it did not.
fn disabled_words(disabled: &Disabled) -> Flash {
    let Disabled { user, sessions_ended, tokens_left } = disabled;
    let ended = match i64::try_from(*sessions_ended).unwrap_or(i64::MAX) {
        0 => String::new(),
        n => format!(" {} ended.", plural(n, "session", "sessions")),
    };
    match *tokens_left {
        0 => Flash::done(format!("{} can't sign in any more.{ended}", user.name)),
        n => Flash::warn(format!(
            "{} can't sign in any more.{ended} {} that they made {} working: look at API tokens.",
            user.name,
            plural(n, "token", "tokens"),
            if n == 1 { "goes on" } else { "go on" },
        )),
    }
}

async fn enable(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let id = match known(&ctx, &id).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let page = format!("/users/{id}");
    match ctx.fleet.enable_user(&ctx.actor, id).await {
        Ok(user) => see_other(&page, Some(&Flash::done(format!("{} can sign in again.", user.name)))),
        Err(error) => refused_at(ctx, &page, &error).await,
    }
}

async fn link(Extension(ctx): Extension<Ctx>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let id = match known(&ctx, &id).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let page = format!("/users/{id}");
    match ctx.fleet.reset_link(&ctx.actor, id).await {
        Ok(token) => {
            let link = absolute(&ctx, &headers, &format!("/link/{token}"));
            show_once(ctx, &page, link, StatusCode::OK).await
        }
        Err(error) => refused_at(ctx, &page, &error).await,
    }
}
