//! What forms post to. Each action calls one function of `fleet`; on success it leads on with a sentence about what
//! was done (303), on an error it shows the page again with what was typed (422).

pub mod account;
pub mod approvals;
mod archive;
pub mod audit;
pub mod authorities;
pub mod batches;
pub mod certificates;
pub mod claims;
pub mod custodians;
pub mod device;
pub mod export;
pub mod factors;
pub mod findings;
pub mod imports;
mod manifest;
pub mod model;
pub mod oidc;
pub mod passkeys;
pub mod prove;
mod push;
pub mod releases;
pub mod repairs;
pub mod retire;
pub mod revocations;
pub mod rollouts;
pub mod session;
pub mod settings;
pub mod theme;
pub mod tokens;
pub mod ui;
mod ui_words;
mod upload;
pub mod users;
pub mod views;
pub mod webhooks;

use crate::{
    context::{Ctx, Flash, FormState},
    cookies,
    pages::errors,
    render::{document_with_form, to_sign_in},
};
use axum::{
    Extension, Form, Router,
    extract::{FromRequest, Request, rejection::FormRejection},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::MethodRouter,
};
use domain::person::Permission;

/// Who may reach an action at all. `fleet` decides again, knowing what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody: signing in, choosing a theme.
    Anyone,
    /// Somebody with this permission.
    May(Permission),
}

/// One route of the console that is not a page.
pub struct ActionRoute {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its path, as axum writes it.
    pub path: &'static str,
    /// Who may reach it.
    pub access: Access,
    /// What answers.
    pub handler: fn() -> MethodRouter,
}

/// Every route that is not a page, in lists by subject. The router is made from them, and so is the test that asks
/// for an authorisation case for each.
pub const ROUTES: &[&[ActionRoute]] = &[
    account::ROUTES,
    approvals::ROUTES,
    audit::ROUTES,
    authorities::ROUTES,
    batches::ROUTES,
    certificates::ROUTES,
    claims::ROUTES,
    custodians::ROUTES,
    imports::ROUTES,
    device::ROUTES,
    export::ROUTES,
    factors::ROUTES,
    findings::ROUTES,
    model::ROUTES,
    oidc::ROUTES,
    passkeys::ROUTES,
    releases::ROUTES,
    retire::ROUTES,
    repairs::ROUTES,
    revocations::ROUTES,
    rollouts::ROUTES,
    session::ROUTES,
    settings::ROUTES,
    theme::ROUTES,
    tokens::ROUTES,
    ui::ROUTES,
    users::ROUTES,
    views::ROUTES,
    webhooks::ROUTES,
];

/// The router of all actions. `pages` are the paths that show something.
pub fn router(pages: &[String]) -> Router {
    let is_shown = |path: &str| {
        let shown = pages.iter().any(|page| page == path);
        shown || ROUTES.iter().flat_map(|routes| *routes).any(|route| route.method == "GET" && route.path == path)
    };
    ROUTES.iter().flat_map(|routes| *routes).fold(Router::new(), |router, route| {
        let mut handler = (route.handler)();
        // A form that is shown again stands at its own address; who loads that address anew wants the form's page.
        if !is_shown(route.path) {
            let depth = depth_of_page(route.path, pages);
            handler = handler.get(async move |uri: Uri| Redirect::to(&first_segments(uri.path(), depth)));
        }
        let handler = match route.access {
            Access::Anyone => handler,
            Access::May(_) => {
                handler.layer(middleware::from_fn(prove::prove_first)).layer(middleware::from_fn(signed_in_only))
            }
        };
        router.route(route.path, handler)
    })
}

/// How many segments of an action's path lead to the page that it belongs to: the nearest one above it.
fn depth_of_page(path: &str, pages: &[String]) -> usize {
    let segments = path.split('/').skip(1).count();
    let is_page = |depth: &usize| pages.contains(&first_segments(path, *depth));
    (1..segments).rev().find(is_page).unwrap_or(0)
}

fn first_segments(path: &str, depth: usize) -> String {
    let segments: Vec<&str> = path.split('/').skip(1).take(depth).collect();
    format!("/{}", segments.join("/"))
}

/// Whoever is not signed in can't be told more than that. Whether somebody who is may do it, `fleet` decides and
/// audits.
async fn signed_in_only(Extension(ctx): Extension<Ctx>, request: Request, next: Next) -> Response {
    if ctx.signed_in() {
        next.run(request).await
    } else if request.uri().path().starts_with("/ui/") {
        // A script asks, for a page whose session has ended; a page is no answer to it.
        StatusCode::UNAUTHORIZED.into_response()
    } else if request.method() == Method::GET {
        to_sign_in(&ctx)
    } else {
        Redirect::to("/sign-in").into_response()
    }
}

/// What a form sent: names and values in order, names repeated for each ticked box.
pub struct Posted(pub FormState);

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let ctx = request.extensions().get::<Ctx>().cloned();
        match Form::<Vec<(String, String)>>::from_request(request, state).await {
            Ok(Form(values)) => {
                // Nobody can type NUL, and PostgreSQL can't keep it.
                let values = values.into_iter().map(|(name, value)| (name, value.replace('\0', ""))).collect();
                Ok(Self(FormState { values, errors: Vec::new() }))
            }
            Err(rejection) => Err(unreadable(ctx, &rejection).await),
        }
    }
}

async fn unreadable(ctx: Option<Ctx>, rejection: &FormRejection) -> Response {
    let status = rejection.status();
    match ctx {
        Some(ctx) => errors::respond(ctx, status, "This form could not be read. Go back and send it again.").await,
        None => status.into_response(),
    }
}

/// Leads on to a path of this console, with a sentence for the page there.
#[must_use]
pub fn see_other(path: &str, flash: Option<&Flash>) -> Response {
    let mut response = Redirect::to(path).into_response();
    if let Some(flash) = flash {
        response.headers_mut().append(header::SET_COOKIE, cookies::set_flash(flash));
    }
    response
}

/// Leads on, and sets a cookie.
#[must_use]
pub fn see_other_with_cookie(path: &str, cookie: HeaderValue) -> Response {
    let mut response = Redirect::to(path).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// Shows the page at `path` again with what was typed and what is wrong with it.
pub async fn render_with_form(ctx: Ctx, path: &str, form: FormState, status: StatusCode) -> Response {
    document_with_form(ctx, path, form, status).await
}

/// Refuses, and audits that, before anything that a form or an address lacks is looked at.
async fn allowed(ctx: &Ctx, permission: Permission, subject: &str) -> Result<(), fleet::Error> {
    ctx.fleet.allow(&ctx.actor, permission, subject).await.map(drop)
}

/// The answer to a form that `fleet` refused: the page at `path` with the errors at their fields, a designed error page
/// when the form is not what is wrong, or one that asks for the second factor and then goes on.
pub async fn refused(ctx: Ctx, path: &str, mut form: FormState, error: &fleet::Error) -> Response {
    if matches!(error, fleet::Error::ProveAgain) {
        return prove::ask(ctx, form, StatusCode::FORBIDDEN).await;
    }
    let problem = errors::Problem::of(error);
    if problem.fields.is_empty() {
        return errors::respond_problem(ctx, problem).await;
    }
    form.errors.extend(problem.fields);
    render_with_form(ctx, path, form, problem.status).await
}

/// The same error at the field that a form has under another name.
fn renamed(error: fleet::Error, from: &str, to: &str) -> fleet::Error {
    let fleet::Error::Invalid { mut fields } = error else { return error };
    for field in fields.iter_mut().filter(|field| field.field == from) {
        to.clone_into(&mut field.field);
    }
    fleet::Error::Invalid { fields }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_an_action_is_the_nearest_above() {
        let pages = ["/", "/users", "/users/{id}", "/tokens"].map(str::to_owned);
        let page = |route: &str, asked: &str| first_segments(asked, depth_of_page(route, &pages));
        assert_eq!(page("/users/{id}/disable", "/users/7/disable"), "/users/7");
        assert_eq!(page("/tokens/{id}/revoke", "/tokens/7/revoke"), "/tokens");
        assert_eq!(page("/sign-out", "/sign-out"), "/");
    }
}
