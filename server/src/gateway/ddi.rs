//! hawkBit's Direct Device Integration, version 1, as far as devices poll and report by it: what SWUpdate,
//! rauc-hawkbit-updater and Zephyr speak.
//!
//! Clients in the field can't be changed. What is read is read leniently; what is sent is exactly what they need: every
//! success is 200, times are `HH:MM:SS`, addresses are whole, and errors look as hawkBit's do.

mod answer;
mod body;

use super::caller::Caller;
use answer::{Problem, failed, ok};
use axum::{
    body::Bytes,
    extract::{FromRequestParts, Path, Request, State, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use body::ConfigData;
use fleet::{Actor, Fleet};
use http::{StatusCode, header, request::Parts, uri::Authority};
use serde_json::json;

/// The tenant of hawkBit that clients are set up with where nobody chose another.
pub const DEFAULT_TENANT: &str = "DEFAULT";

/// The tenant under which devices come.
#[derive(Clone, Debug)]
pub struct Tenant(pub String);

/// A device at its own address: known before a byte of what it brings is read.
pub struct Controller(Actor);

impl<S: Send + Sync> FromRequestParts<S> for Controller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let actor = match parts.extensions.get::<Caller>() {
            Some(Caller::Device { actor, .. } | Caller::Held { actor, .. }) => actor.clone(),
            None | Some(Caller::Nobody | Caller::Voucher { .. }) => return Err(Problem::Nobody),
            Some(Caller::Station { .. } | Caller::Awaited(_) | Caller::Stranger) => {
                return Err(Problem::NoDevice);
            }
        };
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Ok(Path((asked, controller))) = path else { return Err(Problem::OtherDevice) };
        let is_ours = parts.extensions.get::<Tenant>().is_some_and(|tenant| asked.eq_ignore_ascii_case(&tenant.0));
        if !is_ours {
            return Err(Problem::OtherTenant);
        }
        // Who it is, the certificate or the token says; the address only has to agree.
        if controller.eq_ignore_ascii_case(actor.name()) { Ok(Self(actor)) } else { Err(Problem::OtherDevice) }
    }
}

/// When to poll again, and what is wanted. This is all that a device is told that is on hold: whatever else is answered
/// here is for those that are not.
pub async fn poll(State(fleet): State<Fleet>, Controller(actor): Controller, request: Request) -> Response {
    match fleet.poll(&actor).await {
        Ok(answer) => {
            let mut told = json!({"config": {"polling": {"sleep": time_of_day(answer.sleep_s)}}});
            if answer.wants_report
                && let Some(told) = told.as_object_mut()
            {
                let href = format!("{}/configData", own_address(&request));
                told.insert("_links".to_owned(), json!({"configData": {"href": href}}));
            }
            ok(&told)
        }
        Err(error) => failed(&error),
    }
}

/// What a device says of itself.
pub async fn config_data(
    State(fleet): State<Fleet>,
    Controller(actor): Controller,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(problem) if problem.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return unreadable(&fleet, &actor, Problem::TooLarge).await;
        }
        Err(_) => return unreadable(&fleet, &actor, Problem::Unreadable).await,
    };
    let Some(said) = ConfigData::read(&body) else {
        return unreadable(&fleet, &actor, Problem::Unreadable).await;
    };
    drop(body);
    match fleet.report(&actor, said.data, said.mode).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => failed(&error),
    }
}

/// Refuses what is no report, and asks for it no more: SWUpdate installs nothing for as long as it is asked.
async fn unreadable(fleet: &Fleet, actor: &Actor, problem: Problem) -> Response {
    match fleet.report_unreadable(actor).await {
        Ok(()) => problem.into_response(),
        Err(error) => failed(&error),
    }
}

/// The whole address that was asked for, by the name under which the client knows us.
fn own_address(request: &Request) -> String {
    let by_header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let named = by_header.or_else(|| request.uri().authority().map(Authority::as_str));
    let host = named.filter(|host| host.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@')));
    let path = request.uri().path().trim_end_matches('/');
    // Without a name the path has to do: the client has reached us by something.
    host.map_or_else(|| path.to_owned(), |host| format!("https://{host}{path}"))
}

/// `HH:MM:SS`.
fn time_of_day(seconds: u32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the requests are the test's own")]

    use super::*;
    use axum::body::Body;

    #[test]
    fn times_have_eight_characters() {
        let times = [1, 300, 3_600, 86_399].map(time_of_day);
        assert_eq!(times, ["00:00:01", "00:05:00", "01:00:00", "23:59:59"]);
    }

    #[test]
    fn addresses_are_whole_and_by_the_name_that_the_client_knows() {
        let at = |uri: &str, host: Option<&str>| {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header(header::HOST, host);
            }
            own_address(&request.body(Body::empty()).unwrap())
        };
        let path = "/DEFAULT/controller/v1/GW%2D1";
        assert_eq!(at(path, Some("gw.example:8444")), format!("https://gw.example:8444{path}"));
        assert_eq!(at(&format!("https://gw.example{path}"), None), format!("https://gw.example{path}"));
        assert_eq!(at(path, Some("a@b")), path);
        assert_eq!(at(path, Some("b c")), path);
        assert_eq!(at(path, None), path);
    }
}
