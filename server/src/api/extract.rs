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
        match Json::<T>::from_request(request, state).await {
            Ok(Json(document)) => Ok(Self(document)),
            Err(rejection) => Err(unreadable(&rejection).into()),
        }
    }
}

fn unreadable(rejection: &JsonRejection) -> problem::Problem {
    let told = match rejection {
        JsonRejection::MissingJsonContentType(_) => "Send JSON, with Content-Type: application/json.".to_owned(),
        other => other.body_text(),
    };
    problem::Problem::new(rejection.status(), told)
}
