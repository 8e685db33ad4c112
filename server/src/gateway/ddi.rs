//! hawkBit's Direct Device Integration, version 1: what SWUpdate, rauc-hawkbit-updater and Zephyr speak. Devices poll, report,
//! are told of updates, fetch their files and say how they went.
//!
//! Clients in the field can't be changed. What is read is read leniently; what is sent is exactly what they need: every
//! success is 200, times are `HH:MM:SS`, addresses are whole, and errors look as hawkBit's do.

mod answer;
mod body;
mod confirmation;
mod deployment;
mod download;
mod feedback;

pub use confirmation::{activate, confirmation, confirmations, deactivate, feedback as confirmation_feedback};
pub use deployment::{cancel, cancel_feedback, deployment, feedback as deployment_feedback, installed};
pub use download::{artifact, artifacts};

use super::caller::Caller;
use answer::{Problem, failed, ok_text, push_text};
use axum::{
    body::Bytes,
    extract::{FromRequestParts, RawPathParams, Request, State, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use body::ConfigData;
use fleet::{Actor, Fleet, check_in::PollAnswer, update::UpdateLink};
use http::{HeaderMap, StatusCode, Uri, header, request::Parts, uri::Authority};
use std::fmt::{Arguments, Write as _};

/// The tenant of hawkBit that clients are set up with where nobody chose another.
pub const DEFAULT_TENANT: &str = "DEFAULT";

/// The tenant under which devices come.
#[derive(Clone, Debug)]
pub struct Tenant(pub String);

/// A device at its own address: known before a byte of what it brings is read.
pub struct Controller {
    actor: Actor,
    /// Whether it is neither on hold nor quarantined.
    is_whole: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Controller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Taken out: whoever is answered at its own address is nobody else's affair.
        let (actor, is_whole) = match parts.extensions.remove::<Caller>() {
            Some(Caller::Device { actor, .. }) => (actor, true),
            Some(Caller::Held { actor, .. }) => (actor, false),
            None | Some(Caller::Nobody | Caller::Voucher { .. }) => return Err(Problem::Nobody),
            Some(Caller::Station { .. } | Caller::Awaited(_) | Caller::Stranger) => {
                return Err(Problem::NoDevice);
            }
        };
        let path = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Problem::OtherDevice)?;
        let part = |name: &str| path.iter().find(|(known, _)| *known == name).map(|(_, text)| text).unwrap_or_default();
        let (asked, controller) = (part("tenant"), part("controllerId"));
        let is_ours = parts.extensions.get::<Tenant>().is_some_and(|tenant| asked.eq_ignore_ascii_case(&tenant.0));
        if !is_ours {
            return Err(Problem::OtherTenant);
        }
        // Who it is, the certificate or the token says; the address only has to agree.
        if controller.eq_ignore_ascii_case(actor.name()) {
            Ok(Self { actor, is_whole })
        } else {
            Err(Problem::OtherDevice)
        }
    }
}

/// When to poll again, and what is wanted. When to poll and that it is asked to report is all that a device is told that is on
/// hold.
pub async fn poll(State(fleet): State<Fleet>, device: Controller, request: Request) -> Response {
    let answer = if device.is_whole { fleet.poll(&device.actor).await } else { fleet.poll_held(&device.actor).await };
    match answer {
        Ok(answer) => ok_text(told(&answer, &own_address(&request))),
        Err(error) => failed(&error),
    }
}

/// What a poll is answered, written in one go: this is said more often than all else. Where a device goes next is one update at
/// most, what it has installed, and where it is asked to report.
fn told(answer: &PollAnswer, own: &str) -> String {
    let mut out = String::with_capacity(192 + 3 * own.len());
    out.push_str("{\"config\":{\"polling\":{\"sleep\":\"");
    push_time_of_day(&mut out, answer.sleep_s);
    out.push_str("\"}}");
    let mut links = Links { out: &mut out, own, any: false };
    match answer.update {
        Some(UpdateLink::Confirmation { id, tag }) => {
            links.add("confirmationBase", format_args!("/confirmationBase/{id}?c={tag}"));
        }
        // What differs after the question mark makes clients look again.
        Some(UpdateLink::Deployment { id, tag }) => {
            links.add("deploymentBase", format_args!("/deploymentBase/{id}?c={tag}"));
        }
        // SWUpdate and Zephyr put /feedback after it as it stands.
        Some(UpdateLink::Cancel { id }) => links.add("cancelAction", format_args!("/cancelAction/{id}")),
        None => {}
    }
    if let Some(id) = answer.installed {
        links.add("installedBase", format_args!("/installedBase/{id}"));
    }
    if answer.wants_report {
        links.add("configData", format_args!("/configData"));
    }
    if links.any {
        out.push('}');
    }
    out.push('}');
    out
}

/// The addresses of an answer, as they are added one by one.
struct Links<'a> {
    out: &'a mut String,
    own: &'a str,
    any: bool,
}

impl Links<'_> {
    /// Adds one. What follows the device's own address holds nothing that JSON would have escaped.
    fn add(&mut self, name: &str, rest: Arguments<'_>) {
        self.out.push_str(if self.any { ",\"" } else { ",\"_links\":{\"" });
        self.any = true;
        self.out.push_str(name);
        self.out.push_str("\":{\"href\":\"");
        push_text(self.out, self.own);
        // Writing to a text can't fail.
        let _ = self.out.write_fmt(rest);
        self.out.push_str("\"}");
    }
}

/// What a device says of itself.
pub async fn config_data(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
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

/// What a device says that it has installed, without having been told of it: 201 where that is news.
pub async fn installed_base(
    State(fleet): State<Fleet>,
    Controller { actor, .. }: Controller,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(problem) if problem.status() == StatusCode::PAYLOAD_TOO_LARGE => return Problem::TooLarge.into_response(),
        Err(_) => return Problem::Unreadable.into_response(),
    };
    let Some(version) = body::installed_version(&body) else { return Problem::Unreadable.into_response() };
    match fleet.report_installed(&actor, &version).await {
        Ok(true) => StatusCode::CREATED.into_response(),
        Ok(false) => StatusCode::OK.into_response(),
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

/// The whole address of the device that was asked at, by the name under which the client knows us.
fn own_address(request: &Request) -> String {
    own_address_of(request.headers(), request.uri())
}

/// The same: `/TENANT/controller/v1/SERIAL`, whatever follows.
fn own_address_of(headers: &HeaderMap, uri: &Uri) -> String {
    let by_header = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let named = by_header.or_else(|| uri.authority().map(Authority::as_str));
    let host = named.filter(|host| host.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@')));
    let end = uri.path().match_indices('/').nth(4).map_or(uri.path().len(), |(end, _)| end);
    let path = uri.path().get(..end).unwrap_or_default();
    // Without a name the path has to do: the client has reached us by something.
    host.map_or_else(|| path.to_owned(), |host| format!("https://{host}{path}"))
}

/// `HH:MM:SS`.
fn push_time_of_day(out: &mut String, seconds: u32) {
    // Writing to a text can't fail.
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "the requests are the test's own")]

    use super::*;
    use axum::body::Body;
    use serde_json::{Value, json};

    #[test]
    fn times_have_eight_characters() {
        let time_of_day = |seconds| {
            let mut out = String::new();
            push_time_of_day(&mut out, seconds);
            out
        };
        let times = [1, 300, 3_600, 86_399].map(time_of_day);
        assert_eq!(times, ["00:00:01", "00:05:00", "01:00:00", "23:59:59"]);
    }

    #[test]
    fn an_answer_is_json_whatever_the_address_holds() {
        let own = "https://gw.example/DEFAULT/controller/v1/GW-\"\\\u{1}\u{7f}\u{e9}";
        for (update, name, rest) in [
            (Some(UpdateLink::Deployment { id: 10_001, tag: 2 }), "deploymentBase", "/deploymentBase/10001?c=2"),
            (Some(UpdateLink::Confirmation { id: 10_001, tag: 0 }), "confirmationBase", "/confirmationBase/10001?c=0"),
            (Some(UpdateLink::Cancel { id: 10_002 }), "cancelAction", "/cancelAction/10002"),
            (None, "", ""),
        ] {
            for (installed, wants_report) in [(None, false), (Some(10_003), false), (None, true), (Some(10_003), true)]
            {
                let answer = PollAnswer { sleep_s: 300, wants_report, update, installed };
                let mut wanted = json!({"config": {"polling": {"sleep": "00:05:00"}}});
                let mut link =
                    |name: &str, rest: &str| wanted["_links"][name] = json!({"href": format!("{own}{rest}")});
                if update.is_some() {
                    link(name, rest);
                }
                if installed.is_some() {
                    link("installedBase", "/installedBase/10003");
                }
                if wants_report {
                    link("configData", "/configData");
                }
                assert_eq!(serde_json::from_str::<Value>(&told(&answer, own)).unwrap(), wanted);
            }
        }
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
        assert_eq!(at(&format!("{path}/deploymentBase/10001?c=1"), None), path);
        assert_eq!(at(&format!("{path}/"), None), path);
    }
}
