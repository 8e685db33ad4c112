//! Asking for the second factor again: a form that needs it is answered with a page that asks for a code and carries what
//! was posted; sent again with the code, it goes on as if nothing had been in between.

use super::Posted;
use crate::{
    components::passkey::site,
    context::{Ctx, FormState},
    pages::errors::{Problem, respond_problem},
    render,
    session::SessionChange,
};
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Behind the question mark of a form that comes with a code.
pub const MARK: &str = "prove";
/// The field of the code, which no other form has.
pub const CODE: &str = "second_factor_code";
/// The field of what a passkey answered.
pub const PASSKEY: &str = "second_factor_passkey";

/// The page that asks, with what was posted.
pub(super) async fn ask(ctx: Ctx, form: FormState, status: StatusCode) -> Response {
    let mut response = render::document(Ctx { prove: Some(form), status, flash: None, form: None, ..ctx }).await;
    // What was posted may be a secret.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The page again, with what is wrong with the code.
async fn wrong(ctx: Ctx, mut form: FormState, error: &fleet::Error) -> Response {
    let mut problem = Problem::of(error);
    if problem.fields.is_empty() {
        return respond_problem(ctx, problem).await;
    }
    for field in &mut problem.fields {
        let is_code = field.field.take().is_some_and(|name| name == "code");
        field.field = is_code.then(|| CODE.to_owned());
    }
    form.errors = problem.fields;
    ask(ctx, form, problem.status).await
}

/// Takes the code off a form that comes with one, and lets the form on if it is right. Whether the form may be done,
/// `fleet` decides as ever.
pub(super) async fn prove_first(request: Request, next: Next) -> Response {
    let is_marked = request.method() == Method::POST && request.uri().query() == Some(MARK);
    let Some(mut ctx) = request.extensions().get::<Ctx>().cloned().filter(|_| is_marked) else {
        return next.run(request).await;
    };
    let (mut parts, body) = request.into_parts();
    let uri = parts.uri.path().parse::<Uri>().unwrap_or_else(|_| parts.uri.clone());
    (ctx.uri, parts.uri) = (uri.clone(), uri);
    let Posted(mut form) = match Posted::from_request(Request::from_parts(parts.clone(), body), &()).await {
        Ok(posted) => posted,
        Err(refusal) => return refusal,
    };
    let (code, passkey) = (form.value(CODE).to_owned(), form.value(PASSKEY).to_owned());
    form.values.retain(|(name, _)| name != CODE && name != PASSKEY);
    let shown = match passkey.as_str() {
        "" => ctx.fleet.prove_again(&ctx.actor, ctx.session.as_deref(), &code).await,
        passkey => ctx.fleet.prove_by_passkey(&ctx.actor, site(&ctx).as_ref(), passkey).await,
    };
    let at = match shown {
        Ok(at) => at,
        Err(error) => return wrong(ctx, form, &error).await,
    };
    ctx.actor = ctx.actor.proved(Some(at));
    let Ok(body) = serde_urlencoded::to_string(&form.values) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.extensions.insert(ctx);
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if response.extensions().get::<SessionChange>().is_none() {
        response.extensions_mut().insert(SessionChange::Proved(at));
    }
    response
}
