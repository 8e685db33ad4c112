//! `/api/v1`: the fleet for programs. One file per resource; the table of routes is the router, the OpenAPI document
//! describes it, and a test compares the two with the authorisation cases.

pub mod enrolments;

pub(crate) mod told;

mod authorities;
mod batches;
mod certificates;
mod claims;
mod cursor;
mod custodians;
mod devices;
mod document;
mod exports;
mod extract;
mod history;
mod idempotency;
mod imports;
mod models;
mod nodes;
mod page;
mod parts;
mod releases;
mod repairs;
mod retirements;
mod revocations;
mod rollouts;
mod shapes;
mod stages;
mod uploads;
mod webhooks;

pub use document::document;

use crate::{Console, problem, router::OpenRoute};
use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{MethodRouter, any},
};
use domain::person::Permission;
use http::StatusCode;
use std::sync::Arc;

/// One route of the API.
pub struct Route {
    /// `GET`, `POST`, `PUT`, `HEAD`, `PATCH`, `DELETE` or `OPTIONS`.
    pub method: &'static str,
    /// Its path, as axum and OpenAPI write it.
    pub path: &'static str,
    /// What a token needs; none for what says nothing about the fleet. `fleet` decides, this says so.
    pub permission: Option<Permission>,
    handler: fn() -> MethodRouter<Console>,
}

const READ: Option<Permission> = Some(Permission::FleetRead);
const AUTHORITY: Option<Permission> = Some(Permission::AuthorityRead);
const APPROVAL: Option<Permission> = Some(Permission::ApprovalRead);
const ENROL: Option<Permission> = Some(Permission::CertificateEnrol);
const REVOKE: Option<Permission> = Some(Permission::CertificateRevoke);
const ROLLOUT: Option<Permission> = Some(Permission::RolloutRun);
const REPAIR: Option<Permission> = Some(Permission::RepairManage);
const HOOKS: Option<Permission> = Some(Permission::SettingManage);
const PUSH: Option<Permission> = Some(Permission::ReleasePush);

/// Shortens the table.
const fn route(
    method: &'static str,
    path: &'static str,
    permission: Option<Permission>,
    handler: fn() -> MethodRouter<Console>,
) -> Route {
    Route { method, path, permission, handler }
}

/// Every route of the API.
pub const ROUTES: &[Route] = {
    use axum::routing::{delete, get, head, options, patch, post, put};
    &[
        route("GET", "/api/v1/devices", READ, || get(devices::list)),
        route("GET", "/api/v1/devices/{serial}", READ, || get(devices::one)),
        route("GET", "/api/v1/devices/{serial}/components", READ, || get(devices::components)),
        route("GET", "/api/v1/devices/{serial}/manifests", READ, || get(devices::manifests)),
        route("GET", "/api/v1/devices/{serial}/history", READ, || get(history::list)),
        route("GET", "/api/v1/devices/{serial}/epcis", READ, || get(history::epcis)),
        route("GET", "/api/v1/devices/{serial}/manifests/{version}/hbom", READ, || get(exports::hbom)),
        route("GET", "/api/v1/devices/{serial}/supply-chain", READ, || get(exports::of_device)),
        route("POST", "/api/v1/devices/{serial}/custody", Some(Permission::CustodyRecord), || {
            post(history::record_custody)
        }),
        route("POST", "/api/v1/devices/{serial}/notes", Some(Permission::NoteAdd), || post(history::add_note)),
        route("POST", "/api/v1/claims", Some(Permission::DeviceClaim), || post(claims::create)),
        route("POST", "/api/v1/labels", ENROL, || post(claims::labels)),
        route("POST", "/api/v1/labels/csv", ENROL, || post(claims::labels_csv)),
        route("POST", "/api/v1/retirements", Some(Permission::DeviceRetire), || post(retirements::create)),
        route("GET", "/api/v1/batches", READ, || get(batches::list)),
        route("GET", "/api/v1/batches/{code}", READ, || get(batches::one)),
        route("GET", "/api/v1/batches/{code}/epcis", READ, || get(batches::epcis)),
        route("GET", "/api/v1/batches/{code}/supply-chain", READ, || get(exports::of_batch)),
        route("GET", "/api/v1/custodians", READ, || get(custodians::list)),
        route("GET", "/api/v1/custodians/{code}", READ, || get(custodians::one)),
        route("GET", "/api/v1/custodians/{code}/supply-chain", READ, || get(exports::of_custodian)),
        route("GET", "/api/v1/parts", READ, || get(parts::find)),
        route("GET", "/api/v1/models", READ, || get(models::list)),
        route("GET", "/api/v1/imports", Some(Permission::ImportRead), || get(imports::list)),
        route("POST", "/api/v1/imports", Some(Permission::ImportRun), || post(imports::create)),
        route("GET", "/api/v1/imports/{id}", Some(Permission::ImportRead), || get(imports::one)),
        route("GET", "/api/v1/imports/{id}/problems", Some(Permission::ImportRead), || get(imports::problems)),
        route("GET", "/api/v1/authorities", AUTHORITY, || get(authorities::list)),
        route("GET", "/api/v1/authorities/{slug}", AUTHORITY, || get(authorities::one)),
        route("GET", "/api/v1/certificates", AUTHORITY, || get(certificates::list)),
        route("GET", "/api/v1/certificates/{authority}/{serial}", AUTHORITY, || get(certificates::one)),
        route("GET", "/api/v1/devices/{serial}/certificates", AUTHORITY, || get(certificates::of_device)),
        route("POST", "/api/v1/devices/{serial}/certificates", ENROL, || post(enrolments::one)),
        route("POST", "/api/v1/batches/{code}/enrolments", ENROL, || post(enrolments::create)),
        route("POST", "/api/v1/batches/{code}/deliveries", ENROL, || post(enrolments::deliver)),
        route("GET", "/api/v1/revocations", AUTHORITY, || get(revocations::list)),
        // Who may only hold and release single devices may do that here, too; `fleet` goes by what is asked for.
        route("POST", "/api/v1/revocations", REVOKE, || post(revocations::create)),
        route("GET", "/api/v1/revocations/preview", REVOKE, || get(revocations::preview)),
        route("GET", "/api/v1/revocations/{id}", AUTHORITY, || get(revocations::one)),
        route("GET", "/api/v1/repairs", READ, || get(repairs::list)),
        route("POST", "/api/v1/repairs", REPAIR, || post(repairs::open)),
        route("GET", "/api/v1/repairs/{code}", READ, || get(repairs::one)),
        route("POST", "/api/v1/repairs/{code}/parts", REPAIR, || post(repairs::part)),
        route("POST", "/api/v1/repairs/{code}/authorise", REPAIR, || post(repairs::authorise)),
        route("POST", "/api/v1/repairs/{code}/cancel", REPAIR, || post(repairs::cancel)),
        route("GET", "/api/v1/rollouts", READ, || get(rollouts::list)),
        route("POST", "/api/v1/rollouts", Some(Permission::RolloutWrite), || post(rollouts::create)),
        route("GET", "/api/v1/rollouts/{code}", READ, || get(rollouts::one)),
        route("PUT", "/api/v1/rollouts/{code}", Some(Permission::RolloutWrite), || put(rollouts::change)),
        route("GET", "/api/v1/rollouts/{code}/devices", READ, || get(rollouts::devices::list)),
        route("GET", "/api/v1/rollouts/{code}/cohorts", READ, || get(rollouts::devices::cohorts)),
        route("GET", "/api/v1/rollouts/{code}/experiment", READ, || get(rollouts::experiment::one)),
        route("GET", "/api/v1/rollouts/{code}/experiment.csv", READ, || get(rollouts::experiment::table)),
        route("POST", "/api/v1/rollouts/{code}/winner", Some(Permission::RolloutWrite), || {
            post(rollouts::experiment::winner)
        }),
        route("POST", "/api/v1/rollout-previews", READ, || post(rollouts::preview)),
        route("POST", "/api/v1/rollouts/{code}/submit", Some(Permission::RolloutWrite), || {
            post(rollouts::steps::submit)
        }),
        route("POST", "/api/v1/rollouts/{code}/pause", ROLLOUT, || post(rollouts::steps::pause)),
        route("POST", "/api/v1/rollouts/{code}/resume", ROLLOUT, || post(rollouts::steps::resume)),
        route("POST", "/api/v1/rollouts/{code}/advance", ROLLOUT, || post(rollouts::steps::advance)),
        route("POST", "/api/v1/rollouts/{code}/let-go", ROLLOUT, || post(rollouts::steps::let_go)),
        route("POST", "/api/v1/rollouts/{code}/abort", ROLLOUT, || post(rollouts::steps::abort)),
        route("GET", releases::PATH, READ, || get(releases::list)),
        route("POST", releases::PATH, PUSH, || post(releases::create)),
        route("GET", "/api/v1/releases/{id}", READ, || get(releases::one)),
        route("POST", "/api/v1/releases/{id}/promote", Some(Permission::ReleasePromote), || {
            post(releases::steps::promote)
        }),
        route("POST", "/api/v1/releases/{id}/withdraw", Some(Permission::ReleaseWithdraw), || {
            post(releases::steps::withdraw)
        }),
        route("POST", "/api/v1/releases/{id}/checks", PUSH, || post(releases::steps::check)),
        route("GET", releases::SBOM, READ, || get(releases::bom::sbom)),
        route("POST", releases::SBOM, PUSH, || post(releases::bom::attach)),
        route("GET", "/api/v1/releases/{id}/components", READ, || get(releases::bom::components)),
        route("GET", "/api/v1/models/{name}/stages", READ, || get(stages::list)),
        route("POST", "/api/v1/models/{name}/stages", Some(Permission::SettingManage), || post(stages::change)),
        route("OPTIONS", uploads::PATH, PUSH, || options(uploads::options)),
        route("POST", uploads::PATH, PUSH, || post(uploads::create)),
        route("HEAD", uploads::ONE, PUSH, || head(uploads::head)),
        route("PATCH", uploads::ONE, PUSH, || patch(uploads::patch)),
        route("DELETE", uploads::ONE, PUSH, || delete(uploads::delete)),
        route("GET", "/api/v1/approvals", APPROVAL, || get(authorities::approvals)),
        route("GET", "/api/v1/approvals/{id}", APPROVAL, || get(authorities::approval)),
        route("GET", "/api/v1/findings", AUTHORITY, || get(authorities::findings)),
        route("GET", "/api/v1/nodes", Some(Permission::PeopleRead), || get(nodes::list)),
        route("GET", webhooks::PATH, HOOKS, || get(webhooks::list)),
        route("POST", webhooks::PATH, HOOKS, || post(webhooks::create)),
        route("GET", webhooks::ONE, HOOKS, || get(webhooks::one)),
        route("DELETE", webhooks::ONE, HOOKS, || delete(webhooks::remove)),
        route("POST", "/api/v1/webhooks/{id}/pause", HOOKS, || post(webhooks::pause)),
        route("POST", "/api/v1/webhooks/{id}/resume", HOOKS, || post(webhooks::resume)),
        route("POST", webhooks::SECRET, HOOKS, || post(webhooks::change_secret)),
        route("POST", "/api/v1/webhooks/{id}/test", HOOKS, || post(webhooks::test)),
        route("POST", "/api/v1/webhooks/{id}/deliveries/{seq}/resend", HOOKS, || post(webhooks::resend)),
        route("GET", "/api/v1/openapi.json", None, || get(document::serve)),
    ]
};

/// What stands around the API's routes and answers everybody: its description for people, and what says that there is
/// nothing else.
pub const AROUND: &[OpenRoute] = &[
    OpenRoute { path: "/api", handler: || axum::routing::get(page::serve) },
    OpenRoute { path: "/api/v1", handler: || any(nothing) },
    OpenRoute { path: "/api/v1/{*rest}", handler: || any(nothing) },
];

/// Where thousands of requests or certificates are posted to.
const ENROLLING: [&str; 2] = ["/api/v1/batches/{code}/enrolments", "/api/v1/batches/{code}/deliveries"];
/// What is large or answers by its headers alone; done twice, it is done once by itself. The answer to a new webhook, or to
/// one with a new secret, holds that, and an answer that is kept would.
const BY_ITSELF: [&str; 5] = [imports::PATH, uploads::PATH, releases::SBOM, webhooks::PATH, webhooks::SECRET];

/// The API's router. Whoever posts the same request twice under one `Idempotency-Key` gets the first one's answer.
pub fn router(console: &Console) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let handler = (route.handler)();
        let handler = match (route.method, route.path) {
            // What is large is not held to be compared; importing or enrolling the same twice adds nothing by itself. Codes
            // are derived so that the database holds none, and an answer that is kept would.
            ("POST", path)
                if !BY_ITSELF.contains(&path) && !ENROLLING.contains(&path) && !claims::LABELS.contains(&path) =>
            {
                handler.layer(axum::middleware::from_fn_with_state(console.clone(), idempotency::once))
            }
            _ => handler,
        };
        let known = Arc::new(extract::Known {
            fleet: console.fleet.clone(),
            parameters: document::query_parameters(route.method, route.path),
            permission: route.permission,
            has_body: matches!(route.method, "POST" | "PATCH" | "PUT"),
            is_large: ENROLLING.contains(&route.path) || matches!(route.path, uploads::ONE | releases::SBOM),
        });
        let handler = handler.layer(axum::middleware::from_fn_with_state(known, extract::check));
        router = router.route(route.path, handler);
    }
    AROUND.iter().fold(router, |router, route| router.route(route.path, (route.handler)())).with_state(console.clone())
}

async fn nothing() -> Response {
    let told =
        "There is nothing at this address. The API is described at /api/v1/openapi.json and, for people, at /api.";
    problem::Problem::new(StatusCode::NOT_FOUND, told).into_response()
}
