//! Answers as hawkBit gives them.

use crate::gateway::answer::{CHALLENGE, wait_of};
use axum::response::{IntoResponse, Response};
use fleet::Error;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Why a client is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It shows neither a certificate nor a token.
    Nobody,
    /// It is known, but no device.
    NoDevice,
    /// It asks as another device.
    OtherDevice,
    /// There is no such tenant.
    OtherTenant,
    /// There is no such update for it.
    NoSuchUpdate,
    /// It is not asked to stop.
    NotCancelled,
    /// Nobody is asked about this update any more.
    Closed,
    /// Updates are agreed to without asking already.
    AgreesAlready,
    /// Its body is no JSON object.
    Unreadable,
    /// Its body is too large.
    TooLarge,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, class, code, message) = match self {
            Self::Nobody => (StatusCode::UNAUTHORIZED, INSUFFICIENT.0, INSUFFICIENT.1, super::super::caller::NOBODY),
            Self::NoDevice => (
                StatusCode::FORBIDDEN,
                INSUFFICIENT.0,
                INSUFFICIENT.1,
                "Only a device polls and reports. Its certificate has to be entered here, and its manifest delivered.",
            ),
            Self::OtherDevice => (
                StatusCode::FORBIDDEN,
                INSUFFICIENT.0,
                INSUFFICIENT.1,
                "The controller's id in the address is not the serial that this certificate or token is for.",
            ),
            Self::OtherTenant => {
                (StatusCode::NOT_FOUND, MISSING.0, MISSING.1, "There is no such tenant; the usual one is DEFAULT.")
            }
            Self::NoSuchUpdate => {
                (StatusCode::NOT_FOUND, MISSING.0, MISSING.1, "There is no such update for this device now.")
            }
            Self::NotCancelled => (
                StatusCode::METHOD_NOT_ALLOWED,
                "org.eclipse.hawkbit.repository.exception.CancelActionNotAllowedException",
                "hawkbit.server.error.action.notcancelable",
                "This update is not being cancelled.",
            ),
            Self::Closed => (
                StatusCode::GONE,
                "org.eclipse.hawkbit.repository.exception.InvalidConfirmationFeedbackException",
                "hawkbit.server.confirmation.feedback.invalid",
                "This update is over: there is nothing to agree to any more.",
            ),
            Self::AgreesAlready => (
                StatusCode::CONFLICT,
                "org.eclipse.hawkbit.repository.exception.AutoConfirmationAlreadyActiveException",
                "hawkbit.server.error.repo.autoConfAlreadyActive",
                "Updates are agreed to without asking at this device already.",
            ),
            Self::Unreadable => (
                StatusCode::BAD_REQUEST,
                "org.eclipse.hawkbit.rest.exception.MessageNotReadableException",
                "hawkbit.server.error.rest.body.notReadable",
                "The given request body is not well formed.",
            ),
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, QUOTA.0, QUOTA.1, "This is larger than what is taken here: 128 KiB.")
            }
        };
        let mut response = problem(status, class, code, message);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        response
    }
}

/// The exceptions of hawkBit, each with its code.
const INSUFFICIENT: (&str, &str) = (
    "org.eclipse.hawkbit.repository.exception.InsufficientPermissionException",
    "hawkbit.server.error.insufficientpermission",
);
const MISSING: (&str, &str) =
    ("org.eclipse.hawkbit.repository.exception.EntityNotFoundException", "hawkbit.server.error.repo.entitiyNotFound");
const QUOTA: (&str, &str) = (
    "org.eclipse.hawkbit.repository.exception.AssignmentQuotaExceededException",
    "hawkbit.server.error.quota.tooManyEntries",
);
const OTHER: (&str, &str) =
    ("org.eclipse.hawkbit.repository.exception.GenericSpServerException", "hawkbit.server.error.generic");

/// A success.
pub fn ok(told: &Value) -> Response {
    ok_text(told.to_string())
}

/// The same of JSON that is written already.
pub fn ok_text(told: String) -> Response {
    json_answer(StatusCode::OK, told)
}

/// Puts a text into JSON, without the quotes around it (RFC 8259, section 7).
pub fn push_text(out: &mut String, text: &str) {
    let must = |c: char| c < ' ' || c == '"' || c == '\\';
    let mut rest = text;
    while let Some(at) = rest.find(must) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let mut left = from.chars();
        if let Some(c) = left.next() {
            // Writing to a text can't fail.
            let _ = match c {
                '"' | '\\' => write!(out, "\\{c}"),
                _ => write!(out, "\\u{:04x}", u32::from(c)),
            };
        }
        rest = left.as_str();
    }
    out.push_str(rest);
}

/// What the fleet said.
pub fn failed(error: &Error) -> Response {
    let (status, wait) = wait_of(error);
    let (class, code) = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => INSUFFICIENT,
        StatusCode::NOT_FOUND => MISSING,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::PAYLOAD_TOO_LARGE => QUOTA,
        _ => OTHER,
    };
    let mut response = problem(status, class, code, &error.to_string());
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}

fn problem(status: StatusCode, class: &str, code: &str, message: &str) -> Response {
    json_answer(status, json!({"exceptionClass": class, "errorCode": code, "message": message}).to_string())
}

/// The whole body at once, so that its length is told: Zephyr compares it.
fn json_answer(status: StatusCode, told: String) -> Response {
    let mut response = (status, told).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
