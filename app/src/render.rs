//! From a request to a document: the router of pages and actions, and who is sent to the sign-in first.

use crate::{
    actions,
    context::{Ctx, FormState, href},
    cookies,
    pages::App,
};
use axum::{
    Extension, Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use leptos::prelude::provide_context;

/// The pages that somebody without a session may see.
pub const PUBLIC_PAGES: &[&str] = &["/sign-in", "/sign-in/second", "/link/{token}", "/set-up/{token}"];

/// Every page and every action of the console. The server adds a [`Ctx`] to each request's extensions.
pub fn router() -> Router {
    let mut router = Router::new();
    let pages: Vec<String> =
        leptos_axum::generate_route_list(App).iter().map(|route| route.path().to_owned()).collect();
    for path in &pages {
        router = match PUBLIC_PAGES.contains(&path.as_str()) {
            true => router.route(path, get(public_page)),
            false => router.route(path, get(page)),
        };
    }
    router.merge(actions::router(&pages)).fallback(public_page)
}

async fn public_page(Extension(ctx): Extension<Ctx>) -> Response {
    document(ctx).await
}

async fn page(Extension(ctx): Extension<Ctx>) -> Response {
    if ctx.signed_in() { document(ctx).await } else { to_sign_in(&ctx) }
}

/// Sends somebody to the sign-in, and back here afterwards.
#[must_use]
pub fn to_sign_in(ctx: &Ctx) -> Response {
    let here = ctx.here();
    let to = if here == "/" { "/sign-in".to_owned() } else { href("/sign-in", &[("next", here.as_str())]) };
    Redirect::to(&to).into_response()
}

/// Renders the page at the context's address.
pub async fn document(ctx: Ctx) -> Response {
    let flashed = ctx.flash.is_some();
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = ctx.uri.clone();
    let render = leptos_axum::render_app_async_with_context(
        move || {
            provide_context(ctx.nonce.clone());
            provide_context(ctx.clone());
        },
        App,
    );
    let mut response = render(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if flashed {
        headers.append(header::SET_COOKIE, cookies::drop_cookie(cookies::FLASH));
    }
    response
}

/// Renders a page again with what was typed into its form and what is wrong with it.
pub async fn document_with_form(ctx: Ctx, path: &str, form: FormState, status: StatusCode) -> Response {
    let uri = path.parse::<Uri>().unwrap_or_else(|_| ctx.uri.clone());
    document(Ctx { uri, form: Some(form), status, flash: None, ..ctx }).await
}
