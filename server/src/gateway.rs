//! The gateway: where devices and factory stations come, by certificates of ours or, where a device is too small for
//! one, by its token. It answers who they are, enrols (EST, RFC 7030), renews, takes polls and reports (hawkBit DDI), and is each
//! device's apt and OSTree repository.

mod answer;
mod apt;
mod bulk;
mod caller;
mod ddi;
mod est;
mod known;
mod ostree;
mod part;
mod ranges;

pub use caller::Caller;
pub use ddi::DEFAULT_TENANT;

use crate::{
    listener::{Door, Shown},
    middleware,
};
use answer::{failed, told};
use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, State},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post, put},
};
use domain::certificate::CertificateStatus;
use fleet::{Fleet, enrol::Peer, trust::Verdict};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a request for one certificate may weigh: RSA of 8192 bits as PEM takes a tenth of it.
const ONE: usize = 128 * 1024;
/// What ten thousand of them may weigh, with their devices' components.
const MANY: usize = 64 * 1024 * 1024;

/// A route of the gateway.
pub struct Route {
    /// `GET`, `POST` or `PUT`.
    pub method: &'static str,
    /// Its path, as axum writes it.
    pub path: &'static str,
    /// Who may ask.
    pub who: Who,
    /// Whether of these a device may ask, too, that is on hold or quarantined: its repair needs this.
    pub for_repair: bool,
    handler: fn() -> MethodRouter<Fleet>,
}

/// Who may ask for something at the gateway. `fleet` decides, this says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody: it is needed in order to trust us, or to ask rightly.
    Anybody,
    /// Whoever has shown who they are.
    Known,
    /// A station of the batch's factory.
    Station,
    /// A device, by its present certificate.
    Device,
    /// A device, by its token.
    Token,
    /// A device, by its certificate or its token.
    AnyDevice,
}

const fn route(method: &'static str, path: &'static str, who: Who, handler: fn() -> MethodRouter<Fleet>) -> Route {
    Route { method, path, who, for_repair: false, handler }
}

/// The same, also for devices that are on hold or quarantined. A certificate on hold is never renewed: whoever has a copy
/// of its key would have one that nothing holds. A new key comes by a voucher of the repair desk.
const fn needed(method: &'static str, path: &'static str, who: Who, handler: fn() -> MethodRouter<Fleet>) -> Route {
    Route { for_repair: true, ..route(method, path, who, handler) }
}

/// Every route of the gateway.
pub const ROUTES: &[Route] = &[
    needed("GET", "/", Who::Known, || get(who_are_you)),
    needed("GET", "/.well-known/est/cacerts", Who::Anybody, || get(est::all_ca_certificates)),
    needed("GET", "/.well-known/est/csrattrs", Who::Anybody, || get(est::attributes)),
    route("POST", "/.well-known/est/simpleenroll", Who::Station, || post(est::enrol_without_label)),
    route("POST", "/.well-known/est/simplereenroll", Who::Device, || post(est::renew)),
    needed("GET", "/.well-known/est/{label}/cacerts", Who::Anybody, || get(est::ca_certificates)),
    needed("GET", "/.well-known/est/{label}/csrattrs", Who::Anybody, || get(est::attributes_of)),
    route("POST", "/.well-known/est/{label}/simpleenroll", Who::Station, || post(est::enrol)),
    route("POST", "/.well-known/est/{label}/simplereenroll", Who::Device, || post(est::renew_in)),
    route("POST", "/token", Who::Token, || post(rotate_token)),
    route("POST", "/enrolments/{batch}", Who::Station, || post(bulk::enrol).layer(DefaultBodyLimit::max(MANY))),
    needed("GET", "/{tenant}/controller/v1/{controllerId}", Who::AnyDevice, || get(ddi::poll)),
    needed("PUT", "/{tenant}/controller/v1/{controllerId}/configData", Who::AnyDevice, || put(ddi::config_data)),
    needed("PUT", "/{tenant}/controller/v1/{controllerId}/installedBase", Who::AnyDevice, || put(ddi::installed_base)),
    route("GET", "/{tenant}/controller/v1/{controllerId}/deploymentBase/{actionId}", Who::AnyDevice, || {
        get(ddi::deployment)
    }),
    route("POST", "/{tenant}/controller/v1/{controllerId}/deploymentBase/{actionId}/feedback", Who::AnyDevice, || {
        post(ddi::deployment_feedback)
    }),
    route("GET", "/{tenant}/controller/v1/{controllerId}/cancelAction/{actionId}", Who::AnyDevice, || get(ddi::cancel)),
    route("POST", "/{tenant}/controller/v1/{controllerId}/cancelAction/{actionId}/feedback", Who::AnyDevice, || {
        post(ddi::cancel_feedback)
    }),
    route("GET", "/{tenant}/controller/v1/{controllerId}/installedBase/{actionId}", Who::AnyDevice, || {
        get(ddi::installed)
    }),
    route("GET", "/{tenant}/controller/v1/{controllerId}/confirmationBase", Who::AnyDevice, || get(ddi::confirmations)),
    route("GET", "/{tenant}/controller/v1/{controllerId}/confirmationBase/{actionId}", Who::AnyDevice, || {
        get(ddi::confirmation)
    }),
    route(
        "POST",
        "/{tenant}/controller/v1/{controllerId}/confirmationBase/{actionId}/feedback",
        Who::AnyDevice,
        || post(ddi::confirmation_feedback),
    ),
    route(
        "POST",
        "/{tenant}/controller/v1/{controllerId}/confirmationBase/activateAutoConfirm",
        Who::AnyDevice,
        || post(ddi::activate),
    ),
    route(
        "POST",
        "/{tenant}/controller/v1/{controllerId}/confirmationBase/deactivateAutoConfirm",
        Who::AnyDevice,
        || post(ddi::deactivate),
    ),
    route("GET", "/{tenant}/controller/v1/{controllerId}/softwaremodules/{module}/artifacts", Who::AnyDevice, || {
        get(ddi::artifacts)
    }),
    route(
        "GET",
        "/{tenant}/controller/v1/{controllerId}/softwaremodules/{module}/artifacts/{file}",
        Who::AnyDevice,
        || get(ddi::artifact),
    ),
    route("GET", "/apt/{*path}", Who::AnyDevice, || get(apt::file)),
    route("GET", "/ostree/{*path}", Who::AnyDevice, || get(ostree::file)),
];

/// The gateway's router, for the usual tenant of hawkBit.
pub fn router(fleet: &Fleet) -> Router {
    router_of(fleet, DEFAULT_TENANT)
}

/// The same for another tenant: the first word of the addresses that hawkBit's clients ask at.
pub fn router_of(fleet: &Fleet, tenant: &str) -> Router {
    let add = |router: Router<Fleet>, route: &Route| {
        // The limit of a route of its own is within this one, and so the one that counts.
        let handler = (route.handler)().layer(DefaultBodyLimit::max(ONE));
        let whole = || from_fn_with_state(fleet.clone(), caller::whole);
        router.route(route.path, if route.for_repair { handler } else { handler.route_layer(whole()) })
    };
    let routes = ROUTES.iter().fold(Router::new(), add);
    let routes = routes
        .fallback(async || told(StatusCode::NOT_FOUND, "There is nothing at this address of the gateway."))
        .method_not_allowed_fallback(async || {
            told(StatusCode::METHOD_NOT_ALLOWED, "This address doesn't take this method.")
        })
        .layer(from_fn_with_state(fleet.clone(), caller::identify))
        .layer(Extension(ddi::Tenant(tenant.to_owned())))
        .with_state(fleet.clone());
    middleware::machines(Door::Gateway, routes)
}

/// Tells whoever asks how it is known here: the first thing to try on a device.
async fn who_are_you(
    State(fleet): State<Fleet>,
    Extension(caller): Extension<Caller>,
    shown: Option<Extension<Arc<Shown>>>,
) -> Response {
    let stands = shown.map_or(Verdict::Good, |Extension(shown)| shown.verdict(&fleet));
    let (status, told) = match &caller {
        Caller::Device { actor, peer } => match fleet.is_quarantined(actor).await {
            Ok(is_held) => (StatusCode::OK, device(actor.name(), peer.as_deref(), (stands, is_held))),
            Err(error) => return failed(&error),
        },
        Caller::Held { actor, peer } => (StatusCode::OK, device(actor.name(), peer.as_deref(), (stands, true))),
        Caller::Station { actor, peer } => {
            let certificate = certificate(peer, stands);
            (
                StatusCode::OK,
                json!({"kind": "station", "name": actor.name(), "trust": "certificate", "certificate": certificate}),
            )
        }
        Caller::Awaited(peer) => {
            let serial = peer.certificate.device_serial.as_deref();
            let told = json!({"kind": "device", "serial": serial, "trust": "certificate", "certificate": certificate(peer, stands),
                              "note": "The device's manifest was not delivered yet."});
            (StatusCode::OK, told)
        }
        Caller::Stranger => (StatusCode::FORBIDDEN, json!({"error": caller::STRANGER})),
        Caller::Voucher { .. } => (StatusCode::UNAUTHORIZED, json!({"error": caller::VOUCHER})),
        Caller::Nobody => (StatusCode::UNAUTHORIZED, json!({"error": caller::NOBODY})),
    };
    let mut response = (status, Json(told)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, answer::CHALLENGE);
    }
    response
}

/// What a device is told of itself; if it is on hold, that too, but not what speaks against it: whoever has a copy of its
/// key would learn how it was found.
fn device(serial: &str, peer: Option<&Peer>, (stands, is_held): (Verdict, bool)) -> Value {
    let trust = if peer.is_some() { "certificate" } else { "token" };
    let certificate = peer.map(|peer| certificate(peer, stands));
    let mut told = json!({
        "kind": "device", "serial": serial, "trust": trust, "certificate": certificate, "held": is_held,
    });
    if is_held && let Some(object) = told.as_object_mut() {
        object.insert("note".to_owned(), json!(caller::HELD));
    }
    told
}

/// The next token of a device that came with its present one, which counts until the next is first used.
async fn rotate_token(State(fleet): State<Fleet>, Extension(caller): Extension<Caller>) -> Response {
    let actor = match &caller {
        Caller::Device { actor, peer: None } => actor,
        Caller::Nobody => return told(StatusCode::UNAUTHORIZED, caller::NOBODY),
        Caller::Voucher { .. } => return told(StatusCode::UNAUTHORIZED, caller::VOUCHER),
        _ => return told(StatusCode::FORBIDDEN, "Only a device that came with its token gets the next one."),
    };
    match fleet.rotate_device_token(actor).await {
        Ok(token) => {
            let mut response = Json(json!({ "token": token })).into_response();
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => failed(&error),
    }
}

/// A certificate as it stands by what decides at the gateway. Its record follows an act later, and a connection that is
/// kept has read it once.
fn certificate(peer: &Peer, stands: Verdict) -> Value {
    let certificate = &peer.certificate;
    let status = match stands {
        Verdict::Good => CertificateStatus::Valid,
        Verdict::Held => CertificateStatus::Held,
        // Such a one is answered nothing here but that its connection ends.
        Verdict::Revoked | Verdict::UnknownAuthority => CertificateStatus::Revoked,
    };
    json!({
        "serial": certificate.serial, "name": certificate.name, "purpose": certificate.purpose,
        "status": status, "not_after": certificate.not_after.rfc3339(),
    })
}
