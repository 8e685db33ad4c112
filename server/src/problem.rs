//! What went wrong, where no page can say it: RFC 9457 problem details for programs, a plain page for people.

use crate::assets;
use axum::{
    Json,
    response::{Html, IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// The path under which programs talk to us.
pub const API: &str = "/api/v1";

/// Whether this path is answered with problem details rather than a page.
#[must_use]
pub fn wanted(path: &str) -> bool {
    path == API || path.strip_prefix(API).is_some_and(|rest| rest.starts_with('/'))
}

/// The kind of those of which nobody knows whether it was done.
const UNSURE: &str = "unsure";

/// Problem details (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A name for the kind of problem: `urn:muster:problem:not-found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The answer's status.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// The address that was asked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instance: String,
    /// The request's name, for whoever asks for help.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// What is wrong field by field, where fields are what is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// What is wrong with one field, parameter or place of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// Its name.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    /// A problem by its status.
    #[must_use]
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem").to_owned();
        let kind = format!("urn:muster:problem:{}", title.to_lowercase().replace(' ', "-"));
        let (instance, request_id) = (String::new(), String::new());
        Self { kind, title, status: status.as_u16(), detail: detail.into(), instance, request_id, errors: Vec::new() }
    }

    /// The same, of another kind than its status says.
    #[must_use]
    pub fn of_kind(mut self, kind: &str, title: &str) -> Self {
        self.kind = format!("urn:muster:problem:{kind}");
        title.clone_into(&mut self.title);
        self
    }

    /// Whether what was asked for may have been done all the same.
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        self.kind == format!("urn:muster:problem:{UNSURE}")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(self);
        response
    }
}

/// A problem as the answer to a program.
#[must_use]
pub fn respond(status: StatusCode, detail: &str) -> Response {
    Problem::new(status, detail).into_response()
}

/// An answer that needs nothing to work: for panics, and for what is refused before anybody knows who asks.
#[must_use]
pub fn plain(api: bool, status: StatusCode, text: &str, request_id: &str) -> Response {
    if api {
        let problem = Problem { request_id: request_id.to_owned(), ..Problem::new(status, text) };
        return problem.into_response();
    }
    let title = status.canonical_reason().unwrap_or("That did not work");
    let css = assets::manifest().map(|manifest| manifest.css).unwrap_or_default();
    let icon = app::components::mark::favicon();
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title} · Muster</title>\
         <link rel=\"icon\" href=\"{icon}\"><link rel=\"stylesheet\" href=\"/assets/{css}\"></head>\
         <body><main class=\"alone\" id=\"main\"><section class=\"panel problem\"><div class=\"body stack\">\
         <h1 class=\"title\">{title}</h1><p>{text}</p><p><a class=\"btn\" href=\"/\">Overview</a></p>\
         <p class=\"small quiet\">If you ask for help, name this request: <span class=\"mono\">{request_id}</span></p>\
         </div></section></main></body></html>"
    );
    let mut response = (status, Html(page)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer to a program that does not say who it is.
#[must_use]
pub fn unauthorized(detail: &str) -> Response {
    let mut response = respond(StatusCode::UNAUTHORIZED, detail);
    let challenge = HeaderValue::from_static("Bearer realm=\"Muster\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// The answer to a program for an error of `fleet`.
#[must_use]
pub fn of(error: &fleet::Error) -> Response {
    use fleet::Error as E;
    let told = error.to_string();
    match error {
        E::NotSignedIn => {
            unauthorized("Send an API token: Authorization: Bearer TOKEN. The console's page “API tokens” makes one.")
        }
        E::Forbidden { .. } => respond(StatusCode::FORBIDDEN, &told.replace("Your role", "This token's role")),
        E::ProveAgain => respond(StatusCode::FORBIDDEN, &told),
        E::NotFound { .. } => respond(StatusCode::NOT_FOUND, &told),
        E::Invalid { fields } => {
            let field = |f: &fleet::FieldError| FieldProblem { field: f.field.clone(), message: f.message.clone() };
            let errors = fields.iter().map(field).collect();
            let problem = Problem { errors, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, told) };
            problem.of_kind("invalid", "Something in the request is wrong").into_response()
        }
        E::Query(query) => {
            let errors = vec![FieldProblem { field: "query".to_owned(), message: query.to_string() }];
            let problem = Problem { errors, ..Problem::new(StatusCode::BAD_REQUEST, told) };
            problem.of_kind("query", "The fleet query can't be read").into_response()
        }
        E::Conflict(_) => respond(StatusCode::CONFLICT, &told),
        E::TooMany { wait_micros } => {
            let mut response = respond(StatusCode::TOO_MANY_REQUESTS, &told);
            let seconds = wait_micros / domain::time::SECOND + 1;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        E::TooLarge(_) => respond(StatusCode::PAYLOAD_TOO_LARGE, &told),
        E::Slow => respond(StatusCode::SERVICE_UNAVAILABLE, &told),
        E::NoRoom(_) => respond(StatusCode::INSUFFICIENT_STORAGE, &told),
        // Whether to try again is for whoever has looked.
        E::Unsure => {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, told);
            problem.of_kind(UNSURE, "It is not known whether this was done").into_response()
        }
        E::Busy | E::Contended | E::Unreachable | E::Away(_) => {
            let mut response = respond(StatusCode::SERVICE_UNAVAILABLE, &told);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
        E::Internal(_) => respond(StatusCode::INTERNAL_SERVER_ERROR, &told),
    }
}

/// The same answer with a fuller problem.
#[must_use]
pub fn rename(response: &Response, problem: Problem) -> Response {
    let mut fuller = problem.into_response();
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_LENGTH | header::CONTENT_TYPE) {
            fuller.headers_mut().insert(name, value.clone());
        }
    }
    fuller
}
