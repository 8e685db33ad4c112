//! What stands where a page could not: nothing here, not for this person, something broke.

use crate::{
    components::{
        icons::{self, Icon, icon},
        mark::mark,
        text::copy,
    },
    context::{Ctx, FieldError},
    page::Page,
    render,
};
use axum::http::StatusCode;
use axum::response::Response;
use domain::person::{Permission, Role};
use leptos::prelude::*;

/// What went wrong, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// In a few words.
    pub title: String,
    /// What happened and what to do.
    pub text: String,
    /// What is wrong with the form that was sent; empty when the form is not what is wrong.
    pub fields: Vec<FieldError>,
}

impl Problem {
    /// A problem that is not about a form.
    #[must_use]
    pub fn new(status: StatusCode, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { status, title: title.into(), text: text.into(), fields: Vec::new() }
    }

    fn of_form(status: StatusCode, text: String, fields: Vec<FieldError>) -> Self {
        Self { status, title: "That did not work".to_owned(), text, fields }
    }

    /// What an error of `fleet` means for whoever asked.
    #[must_use]
    pub fn of(error: &fleet::Error) -> Self {
        use fleet::Error as E;
        let text = error.to_string();
        let whole = |text: &str| vec![FieldError { field: None, message: text.to_owned() }];
        match error {
            E::NotSignedIn => Self::new(StatusCode::UNAUTHORIZED, "Sign in first", text),
            E::Forbidden { permission } => {
                Self::new(StatusCode::FORBIDDEN, "Your role doesn't allow this", who_may(*permission))
            }
            E::ProveAgain => Self::new(StatusCode::FORBIDDEN, "Show your second factor again", text),
            E::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "Not found", text),
            E::Invalid { fields } => {
                let fields = fields.iter().map(FieldError::from).collect();
                Self::of_form(StatusCode::UNPROCESSABLE_ENTITY, text, fields)
            }
            E::Query(_) => Self::of_form(StatusCode::UNPROCESSABLE_ENTITY, text.clone(), whole(&text)),
            E::Conflict(_) => Self::of_form(StatusCode::CONFLICT, text.clone(), whole(&text)),
            E::TooMany { .. } => Self::of_form(StatusCode::TOO_MANY_REQUESTS, text.clone(), whole(&text)),
            E::TooLarge(_) => Self::of_form(StatusCode::PAYLOAD_TOO_LARGE, text.clone(), whole(&text)),
            E::NoRoom(_) => Self::of_form(StatusCode::INSUFFICIENT_STORAGE, text.clone(), whole(&text)),
            E::Slow => Self::new(StatusCode::SERVICE_UNAVAILABLE, "That took too long", text),
            E::Busy | E::Contended | E::Unreachable | E::Unsure | E::Away(_) => {
                Self::of_form(StatusCode::SERVICE_UNAVAILABLE, text.clone(), whole(&text))
            }
            E::Internal(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something broke", text),
        }
    }
}

/// Nothing lives at this address.
#[must_use]
pub fn not_found(ctx: &Ctx) -> Page {
    let text = "Nothing lives at this address. It may have been mistyped, or what it led to was never here.";
    page_of(ctx, &Problem::new(StatusCode::NOT_FOUND, "Not found", text))
}

/// The page for an error that `fleet` answered with.
#[must_use]
pub fn page(ctx: &Ctx, error: &fleet::Error) -> Page {
    page_of(ctx, &Problem::of(error))
}

/// The page for a problem.
#[must_use]
pub fn page_of(ctx: &Ctx, problem: &Problem) -> Page {
    let (drawn, class): (Icon, _) = match problem.status.as_u16() {
        403 => (icons::LOCK, "i hold"),
        404 => (icons::SEARCH, "i"),
        500.. => (icons::HALT, "i bad"),
        _ => (icons::WARN, "i warn"),
    };
    let home = if ctx.signed_in() { ("/", "Overview") } else { ("/sign-in", "Sign in") };
    let body = view! {
        <section class="panel problem">
            <div class="body stack">
                <div class="row">{icons::sized(drawn, class)}<h1 class="title">{problem.title.clone()}</h1></div>
                <p>{problem.text.clone()}</p>
                <div class="row wrap">
                    <a class="btn" href=home.0>{icon(icons::OVERVIEW)}{home.1}</a>
                    {ctx.signed_in().then(|| view! { <a class="btn" href="/devices">{icon(icons::DEVICE)}"Devices"</a> })}
                </div>
                <p class="small quiet">
                    "If you ask for help, name this request: "
                    <span class="mono">{ctx.request_id.clone()}</span>
                    {copy("request id", &ctx.request_id)}
                </p>
            </div>
        </section>
    };
    let page = if ctx.signed_in() {
        Page::new(problem.title.clone(), body)
    } else {
        let alone = view! {
            <main class="alone" id="main">
                <a class="brand" href="/" aria-label="Muster">{mark()}<span class="word">"Muster"</span></a>
                {body}
            </main>
        };
        Page::new(problem.title.clone(), alone).bare()
    };
    page.status(problem.status)
}

/// Who may do something, in a sentence.
#[must_use]
pub fn who_may(permission: Permission) -> String {
    let roles: Vec<&str> = Role::ALL.iter().filter(|role| role.may(permission)).map(|role| role.label()).collect();
    let people = match roles.as_slice() {
        [] => "Nobody may".to_owned(),
        [one] => format!("{one} may"),
        [some @ .., last] => format!("{} and {last} may", some.join(", ")),
    };
    // Of what administrators may not do themselves they would know no better.
    let ask = if Role::Admin.may(permission) { "an administrator if you need it" } else { "one of them" };
    format!("{people} do this: {}. Ask {ask}.", permission.label().to_lowercase())
}

/// The answer to a request that can't have a page of its own.
pub async fn respond(ctx: Ctx, status: StatusCode, text: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("That did not work");
    respond_problem(ctx, Problem::new(status, title, text)).await
}

/// The answer that shows a problem.
pub async fn respond_problem(ctx: Ctx, problem: Problem) -> Response {
    render::document(Ctx { problem: Some(problem), ..ctx }).await
}
