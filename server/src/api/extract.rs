//! Reading requests, and answering with problem details where they can't be read.

use crate::problem;
use axum::{
    Extension, Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
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

impl From<problem::Problem> for Refusal {
    fn from(problem: problem::Problem) -> Self {
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
            Err(rejection) => Err(problem::Problem::new(StatusCode::BAD_REQUEST, rejection.body_text()).into()),
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
            Err(rejection) => Err(problem::Problem::new(StatusCode::BAD_REQUEST, rejection.body_text()).into()),
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
            return Err(problem::Problem::new(StatusCode::UNPROCESSABLE_ENTITY, told).into());
        }
        let unfit =
            |error: serde_json::Error| problem::Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
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

fn unreadable(rejection: &JsonRejection) -> problem::Problem {
    let told = match rejection {
        JsonRejection::MissingJsonContentType(_) => "Send JSON, with Content-Type: application/json.".to_owned(),
        other => other.body_text(),
    };
    problem::Problem::new(rejection.status(), told)
}
