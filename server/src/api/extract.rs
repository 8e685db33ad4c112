//! Reading requests, and answering with problem details where they can't be read.

use crate::problem::{self, FieldProblem, Problem};
use axum::{
    Extension, Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, State, rejection::JsonRejection},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::person::Permission;
use fleet::Actor;
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::Value;

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

/// Refuses parameters that the operation doesn't have: one that is misspelt would otherwise be as good as left out,
/// and what was meant as a trial would be done.
pub async fn known_parameters(State(known): State<Known>, request: Request, next: Next) -> Result<Response, Refusal> {
    // Whoever may not ask at all is told that first.
    let may = known.permission.is_none_or(|permission| {
        request.extensions().get::<Actor>().is_some_and(|actor: &Actor| actor.may(permission))
    });
    let asked = request.uri().query().unwrap_or_default();
    let asked: Vec<(String, String)> = serde_urlencoded::from_str(asked).unwrap_or_default();
    match asked.iter().find(|(name, _)| !known.parameters.contains(&name.as_str())) {
        Some((name, _)) if may => Err(wrong(name, unknown(name, known.parameters))),
        _ => Ok(next.run(request).await),
    }
}

/// What an operation takes behind the question mark, and from whom.
#[derive(Clone, Copy)]
pub struct Known {
    /// The names.
    pub parameters: &'static [&'static str],
    /// What a token needs.
    pub permission: Option<Permission>,
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
        let Json(value) = match Json::<Value>::from_request(request, state).await {
            Ok(value) => value,
            Err(rejection) => return Err(unreadable(&rejection).into()),
        };
        if holds_nul(&value) {
            let told = "A text in the document holds the character NUL, which can't be kept.";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, told).into());
        }
        let unfit = |error: serde_json::Error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
        Ok(serde_json::from_value(value).map(Self).map_err(unfit)?)
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

fn unreadable(rejection: &JsonRejection) -> Problem {
    let told = match rejection {
        JsonRejection::MissingJsonContentType(_) => "Send JSON, with Content-Type: application/json.".to_owned(),
        other => other.body_text(),
    };
    Problem::new(rejection.status(), told)
}
