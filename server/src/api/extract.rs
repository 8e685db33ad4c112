//! Reading requests, and answering with problem details where they can't be read.

use crate::{
    misplaced,
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
use serde_json::Value;
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
            Err(rejection) => Err(unreadable_parameter(&rejection.body_text())),
        }
    }
}

fn unreadable_parameter(told: &str) -> Refusal {
    let told = told.strip_prefix("Failed to deserialize query string: ").unwrap_or(told);
    let missing = told.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    match (missing, told.split_once(": ")) {
        (Some(name), _) => wrong(name, format!("The parameter “{name}” is missing.")),
        (None, Some((name, why))) => wrong(name, value_words(why)),
        (None, None) => Problem::new(StatusCode::BAD_REQUEST, misplaced::words(told)).into(),
    }
}

/// What a reader of numbers and such says of a parameter, in words for whoever sent it.
fn value_words(told: &str) -> String {
    match told {
        "invalid digit found in string" | "cannot parse integer from empty string" => "Give a whole number.".to_owned(),
        "number too large to fit in target type" => "This number is too large.".to_owned(),
        "number too small to fit in target type" => "This number is too small.".to_owned(),
        "provided string was not `true` or `false`" => "Give true or false.".to_owned(),
        told if told.starts_with("UUID parsing failed") => "This is not an id.".to_owned(),
        told => misplaced::words(told),
    }
}

/// How many at once, if it may be so many.
///
/// # Errors
/// When it is less than 1 or more than 500.
pub fn limited<T: TryFrom<i64>>(limit: i64) -> Answer<T> {
    let allowed = (1..=500).contains(&limit).then(|| T::try_from(limit).ok()).flatten();
    allowed.ok_or_else(|| wrong("limit", "Give a limit of 1 to 500; “next” leads on to more.".to_owned()))
}

/// The same where 0 stands for as many as usual.
///
/// # Errors
/// When it is less than 0 or more than 500.
pub fn limited_or_usual<T: TryFrom<i64> + Default>(limit: i64) -> Answer<T> {
    if limit == 0 { Ok(T::default()) } else { limited(limit) }
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
    match rejection {
        JsonRejection::MissingJsonContentType(_) => {
            Problem::new(rejection.status(), "Send JSON, with Content-Type: application/json.")
        }
        JsonRejection::JsonDataError(error) => match misplaced::found(error) {
            Some(found) => misplaced::problem("", found),
            None => Problem::new(rejection.status(), rejection.body_text()),
        },
        other => Problem::new(other.status(), other.body_text()),
    }
}

/// Reads a part of a document that was kept as it came; `at` is its place in it.
///
/// # Errors
/// With the place of what is not as it was asked for, and of what nothing here knows: a limit that is misspelt is none.
pub fn part<T: DeserializeOwned>(at: &str, value: Value) -> Answer<T> {
    let (mut track, mut unknown) = (serde_path_to_error::Track::new(), Vec::new());
    let reader = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = serde_ignored::deserialize(reader, |path| unknown.push(path.to_string()));
    let read = read.map_err(|error| {
        let error = serde_path_to_error::Error::new(track.path(), error);
        misplaced::problem_beside(at, &error, &unknown)
    })?;
    if unknown.is_empty() { Ok(read) } else { Err(misplaced::unknown(at, &unknown).into()) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::{JsonRejection, Params, holds_nul, part, unreadable};
    use crate::problem::Problem;
    use axum::{
        Json,
        body::Body,
        extract::{FromRequest, FromRequestParts},
        http::Request,
    };
    use serde::Deserialize;
    use uuid::Uuid;

    #[test]
    fn nul_is_found_where_it_is_one() {
        for with in [r#"{"a":"\u0000"}"#, r#"["\\\u0000"]"#, r#"{"\n\u0000":1}"#] {
            assert!(holds_nul(with.as_bytes()), "{with}");
        }
        for without in [r#"{"a":"\\u0000"}"#, r#"["u0000"]"#, r#""\u0001""#, "\\", ""] {
            assert!(!holds_nul(without.as_bytes()), "{without}");
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct Release {
        version: String,
        files: Vec<File>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct File {
        size: u64,
    }

    async fn refused(json: &'static str) -> JsonRejection {
        let request = Request::post("/").header("content-type", "application/json").body(Body::from(json)).unwrap();
        Json::<Release>::from_request(request, &()).await.unwrap_err()
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct Asked {
        limit: i64,
        after: Option<Uuid>,
        trial: Option<bool>,
    }

    #[tokio::test]
    async fn a_parameter_that_can_not_be_read_is_named() {
        for (query, field, message) in [
            ("", "limit", "The parameter “limit” is missing."),
            ("limit=many", "limit", "Give a whole number."),
            ("limit=", "limit", "Give a whole number."),
            ("limit=99999999999999999999", "limit", "This number is too large."),
            ("limit=5&trial=perhaps", "trial", "Give true or false."),
            ("limit=5&after=x", "after", "This is not an id."),
        ] {
            let (mut parts, ()) = Request::get(format!("/?{query}")).body(()).unwrap().into_parts();
            let refused = Params::<Asked>::from_request_parts(&mut parts, &()).await.err().unwrap().0;
            let problem = refused.extensions().get::<Problem>().unwrap();
            let told: Vec<_> = problem.errors.iter().map(|e| (e.field.as_str(), e.message.as_str())).collect();
            assert_eq!((problem.status, told), (400, vec![(field, message)]), "{query}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_in_a_document_is_named_by_its_place() {
        for (json, field, message) in [
            (r#"{"files":[]}"#, "version", "This is missing."),
            (r#"{"version":"1","files":[{}]}"#, "files[0].size", "This is missing."),
            (
                r#"{"version":"1","files":[{"size":"large"}]}"#,
                "files[0].size",
                "Invalid type: string \"large\", expected a whole number from 0 on.",
            ),
            (r#"{"version":1}"#, "version", "Invalid type: integer 1, expected a string."),
            (r#"{"verson":"1"}"#, "verson", "Unknown field verson, expected version or files."),
            (r#"{"version":"1","files":[7]}"#, "files[0]", "Invalid type: integer 7, expected an object."),
            (r#"{"version":"1","files":{}}"#, "files", "Invalid type: object, expected an array."),
            (
                r#"{"version":"1","files":[{"size":-1}]}"#,
                "files[0].size",
                "Invalid value: integer -1, expected a whole number from 0 on.",
            ),
            (
                r#"{"version":"1","files":"so, expected struct x"}"#,
                "files",
                "Invalid type: string \"so, expected struct x\", expected an array.",
            ),
            ("[]", "document", "Invalid type: array, expected an object."),
            ("7", "document", "Invalid type: integer 7, expected an object."),
        ] {
            let problem = unreadable(&refused(json).await);
            let told: Vec<_> = problem.errors.iter().map(|e| (e.field.as_str(), e.message.as_str())).collect();
            assert_eq!((problem.status, told), (422, vec![(field, message)]), "{json}");
        }
        let of_part = part::<Release>("plan", serde_json::json!({"version": "1", "files": [{}]})).unwrap_err().0;
        let problem = of_part.extensions().get::<Problem>().unwrap();
        assert_eq!((problem.status, problem.errors[0].field.as_str()), (422, "plan.files[0].size"));
        let misspelt = serde_json::json!({"size": 1, "colour": "red", "sise": 2});
        let of_part = part::<File>("plan.files[0]", misspelt).unwrap_err().0;
        let problem = of_part.extensions().get::<Problem>().unwrap();
        let fields: Vec<_> = problem.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!((problem.status, fields), (422, vec!["plan.files[0].colour", "plan.files[0].sise"]));
        let many: serde_json::Map<_, _> = (0..500).map(|n| (format!("x{n}"), n.into())).collect();
        let of_part = part::<File>("", many.into()).unwrap_err().0;
        let problem = of_part.extensions().get::<Problem>().unwrap();
        assert_eq!(problem.errors.len(), 21, "what is missing, and some of what nothing knows");
        let problem = unreadable(&refused("{").await);
        assert!(problem.status == 400 && problem.errors.is_empty(), "{problem:?}");
    }
}
