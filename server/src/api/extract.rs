//! Reading requests, and answering with problem details where they can't be read.

use crate::{
    problem::{self, FieldProblem, Problem},
    turn::Turn,
};
use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Path, Query, Request, State, rejection::JsonRejection},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::person::Permission;
use fleet::{Actor, Fleet, Origin};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What a handler answers when it can't do what was asked.
pub struct Refusal(Box<Response>);

impl From<fleet::Error> for Refusal {
    fn from(error: fleet::Error) -> Self {
        Self(Box::new(problem::of(&error)))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem.into_response()))
    }
}

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// What a handler gives.
pub type Answer<T> = Result<T, Refusal>;

/// Which program asks.
pub struct Program(pub Actor);

impl<S: Send + Sync> FromRequestParts<S> for Program {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        match Extension::<Actor>::from_request_parts(parts, state).await {
            Ok(Extension(actor)) => Ok(Self(actor)),
            Err(_) => Err(fleet::Error::NotSignedIn.into()),
        }
    }
}

/// What stands behind the question mark.
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(Problem::new(StatusCode::BAD_REQUEST, rejection.body_text()).into()),
        }
    }
}

/// How many at once, if it may be so many.
///
/// # Errors
/// When it is less than 1 or more than 500.
pub fn limited<T: TryFrom<i64>>(limit: i64) -> Answer<T> {
    let allowed = (1..=500).contains(&limit).then(|| T::try_from(limit).ok()).flatten();
    allowed.ok_or_else(|| wrong("limit", "Give a limit of 1 to 500; “next” or “before” leads on to more.".to_owned()))
}

/// That a parameter is wrong, and how.
pub fn wrong(parameter: &str, message: String) -> Refusal {
    let errors = vec![FieldProblem { field: parameter.to_owned(), message: message.clone() }];
    Problem { errors, ..Problem::new(StatusCode::BAD_REQUEST, message) }.into()
}

/// Who may send a request, and what it may ask for, before anything of its body is read. A parameter that is misspelt
/// would be as good as left out, and what was meant as a trial would be done.
pub async fn check(State(known): State<Arc<Known>>, request: Request, next: Next) -> Result<Response, Refusal> {
    let actor = request.extensions().get::<Actor>().cloned();
    let actor = actor.unwrap_or_else(|| Actor::Nobody { origin: Origin::default() });
    let may = known.permission.is_none_or(|permission| actor.may(permission));
    if let Some(permission) = known.permission.filter(|_| !may && known.is_decided_at_once(&actor)) {
        let path: String = request.uri().path().chars().take(200).collect();
        // It refuses, and audits that.
        drop(known.fleet.allow(&actor, permission, &path).await?);
    }
    let asked = request.uri().query().unwrap_or_default();
    let asked: Vec<(String, String)> = serde_urlencoded::from_str(asked).unwrap_or_default();
    match asked.iter().find(|(name, _)| !known.parameters.contains(&name.as_str())) {
        // Whoever may not ask at all is told that first.
        Some((name, _)) if may => Err(wrong(name, unknown(name, &known.parameters))),
        _ => Ok(next.run(request).await),
    }
}

/// What is known of an operation before it is done.
pub struct Known {
    /// What decides who may.
    pub fleet: Fleet,
    /// What it takes behind the question mark.
    pub parameters: Vec<&'static str>,
    /// What a token needs.
    pub permission: Option<Permission>,
    /// Whether it takes a body.
    pub has_body: bool,
    /// Whether its body is held in memory although it is large.
    pub is_large: bool,
}

impl Known {
    /// Strangers bring no body at all, and large ones only who may. Of other operations it depends on what is asked for.
    const fn is_decided_at_once(&self, actor: &Actor) -> bool {
        self.has_body && (self.is_large || matches!(actor, Actor::Nobody { .. }))
    }
}

fn unknown(name: &str, known: &[&str]) -> String {
    let name: String = name.chars().take(80).collect();
    match known {
        [] => format!("There is no parameter “{name}” here: this operation takes none."),
        [one] => format!("There is no parameter “{name}” here; there is only {one}."),
        [some @ .., last] => {
            format!("There is no parameter “{name}” here; there are {} and {last}.", some.join(", "))
        }
    }
}

/// The turn to bring a large document.
pub struct InTurn(pub Turn);

impl<S: Send + Sync> FromRequestParts<S> for InTurn {
    type Rejection = Refusal;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Answer<Self> {
        Ok(Self(Turn::take().await?))
    }
}

/// The part of the path that a route names.
pub struct Key(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(key)) => Ok(Self(key)),
            Err(rejection) => Err(Problem::new(StatusCode::BAD_REQUEST, rejection.body_text()).into()),
        }
    }
}

/// A JSON document.
pub struct Document<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Document<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        let (parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let bytes = Bytes::from_request(whole, state)
            .await
            .map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        if holds_nul(&bytes) {
            let told = "A text in the document holds the character NUL, which can't be kept.";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, told).into());
        }
        // It is read as what it is to be: as any JSON it would take thirty times as much memory.
        let whole = Request::from_parts(parts, Body::from(bytes));
        match Json::<T>::from_request(whole, state).await {
            Ok(Json(document)) => Ok(Self(document)),
            Err(rejection) => Err(unreadable(&rejection).into()),
        }
    }
}

/// Whether a text in a JSON document holds the character NUL, which can be written as an escape only.
fn holds_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        rest = &rest[at + 1..];
        if rest.starts_with(b"u0000") {
            return true;
        }
        // What is escaped may be a backslash itself.
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

fn unreadable(rejection: &JsonRejection) -> Problem {
    let told = match rejection {
        JsonRejection::MissingJsonContentType(_) => "Send JSON, with Content-Type: application/json.".to_owned(),
        other => other.body_text(),
    };
    Problem::new(rejection.status(), told)
}

#[cfg(test)]
mod tests {
    use super::holds_nul;

    #[test]
    fn nul_is_found_where_it_is_one() {
        for with in [r#"{"a":"\u0000"}"#, r#"["\\\u0000"]"#, r#"{"\n\u0000":1}"#] {
            assert!(holds_nul(with.as_bytes()), "{with}");
        }
        for without in [r#"{"a":"\\u0000"}"#, r#"["u0000"]"#, r#""\u0001""#, "\\", ""] {
            assert!(!holds_nul(without.as_bytes()), "{without}");
        }
    }
}
