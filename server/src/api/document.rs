//! The OpenAPI document.

use super::{
    authorities, batches, certificates, claims, custodians, devices, enrolments, exports, history, imports, models,
    nodes, parts, releases, repairs, retirements, revocations, rollouts, stages, uploads, webhooks,
};
use axum::Json;
use std::sync::LazyLock;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, Ref, RefOr,
        content::ContentBuilder,
        path::ParameterIn,
        response::ResponseBuilder,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Muster",
        description = "The fleet for programs: devices, their history, certificates, batches, custodians and imports.\n\n\
            Send an API token with each request (`Authorization: Bearer TOKEN`); the console's page for API tokens makes \
            them. Errors are problem details (RFC 9457). Lists that can grow are read page by page: hand `next` of an \
            answer back as `cursor`. A POST with an `Idempotency-Key` can be repeated for 24 hours: it is done once, \
            and answered alike. Times are UTC in RFC 3339. New fields may be added to answers at any time.",
    ),
    tags(
        (name = "Devices", description = "What devices are, what is in them, and where they have been."),
        (name = "Claims", description = "The codes on devices' labels, and claiming devices by them."),
        (name = "Batches", description = "What was made together."),
        (name = "Custodians", description = "Who holds devices."),
        (name = "Parts", description = "What devices are made of."),
        (name = "Models", description = "What is made."),
        (name = "Imports", description = "Bringing in factory manifests and EPCIS documents."),
        (name = "Certificates", description = "Authorities, enrolment, and cutting off what must not be trusted."),
        (name = "Repairs", description = "What is taken out of devices and fitted, and who authorised it."),
        (name = "Rollouts", description = "Bringing a release to devices in waves; people approve each in the console."),
        (name = "Releases", description = "What devices can be updated to: files, gates, and the way to production."),
        (name = "Webhooks", description = "Programs elsewhere that are told what happens."),
        (name = "Nodes", description = "The processes that serve the fleet."),
        (name = "About", description = "This document."),
    ),
    paths(
        devices::list, devices::one, devices::components, devices::manifests,
        history::list, history::epcis, history::record_custody, history::add_note,
        claims::create, claims::labels, claims::labels_csv, retirements::create,
        batches::list, batches::one, batches::epcis,
        custodians::list, custodians::one,
        exports::hbom, exports::of_device, exports::of_batch, exports::of_custodian,
        parts::find,
        models::list,
        imports::list, imports::create, imports::one, imports::problems,
        authorities::list, authorities::one, authorities::approvals, authorities::approval, authorities::findings,
        certificates::list, certificates::one, certificates::of_device,
        enrolments::one, enrolments::create, enrolments::deliver,
        repairs::list, repairs::open, repairs::one, repairs::part, repairs::authorise, repairs::cancel,
        rollouts::list, rollouts::create, rollouts::one, rollouts::change, rollouts::preview,
        rollouts::devices::list, rollouts::devices::cohorts,
        rollouts::steps::submit, rollouts::steps::pause, rollouts::steps::resume, rollouts::steps::let_go, rollouts::steps::advance,
        rollouts::steps::abort,
        rollouts::experiment::one, rollouts::experiment::table, rollouts::experiment::winner,
        revocations::list, revocations::preview, revocations::create, revocations::one,
        releases::list, releases::create, releases::one,
        releases::steps::promote, releases::steps::withdraw, releases::steps::check,
        releases::bom::sbom, releases::bom::attach, releases::bom::components, stages::list, stages::change,
        uploads::options, uploads::create, uploads::head, uploads::patch, uploads::delete,
        nodes::list,
        webhooks::list, webhooks::create, webhooks::one, webhooks::remove, webhooks::pause, webhooks::resume,
        webhooks::change_secret,
        webhooks::test, webhooks::resend,
        serve,
    ),
    modifiers(&Tokens, &Refusals),
)]
struct Described;

/// Every operation wants a token, but for the one that describes them.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
        document.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    }
}

/// What every operation that wants a token may answer beside what is its own.
const REFUSALS: &[(&str, &str)] = &[
    ("400", "A parameter is not known here, can't be read or is out of range; `errors` says which."),
    ("401", "There is no token, or it is not known, ended or revoked."),
    ("403", "The token's role doesn't allow it."),
    ("429", "Too many requests at once; `Retry-After` says how many seconds to wait."),
    (
        "503",
        "The database is busy or away, or the question took too long; nothing was changed, unless the problem is `urn:muster:problem:unsure`: then look before you try again.",
    ),
];

struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut openapi::OpenApi) {
        // What is derived has an empty one.
        document.info.license = None;
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        for item in document.paths.paths.values_mut() {
            let all = [
                &mut item.get,
                &mut item.post,
                &mut item.head,
                &mut item.patch,
                &mut item.delete,
                &mut item.options,
                &mut item.put,
            ];
            for operation in all.into_iter().flatten() {
                if operation.security.is_some() {
                    continue;
                }
                for (status, description) in REFUSALS {
                    let refusal = ResponseBuilder::new()
                        .description(*description)
                        .content("application/problem+json", content.clone());
                    let known = operation.responses.responses.entry((*status).to_owned());
                    known.or_insert_with(|| refusal.build().into());
                }
            }
        }
    }
}

/// The names of the parameters that an operation takes behind the question mark.
pub fn query_parameters(method: &str, path: &str) -> Vec<&'static str> {
    let item = document().paths.paths.get(path);
    let operation = item.and_then(|item| match method {
        "POST" => item.post.as_ref(),
        "PATCH" => item.patch.as_ref(),
        "HEAD" => item.head.as_ref(),
        "DELETE" => item.delete.as_ref(),
        "OPTIONS" => item.options.as_ref(),
        "PUT" => item.put.as_ref(),
        _ => item.get.as_ref(),
    });
    let parameters = operation.and_then(|operation| operation.parameters.as_deref()).unwrap_or_default();
    let parameters = parameters.iter().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    let asked = parameters.filter(|parameter| parameter.parameter_in == ParameterIn::Query);
    asked.map(|parameter| parameter.name.as_str()).collect()
}

static DOCUMENT: LazyLock<openapi::OpenApi> = LazyLock::new(Described::openapi);

/// The OpenAPI document.
#[must_use]
pub fn document() -> &'static openapi::OpenApi {
    &DOCUMENT
}

/// Get this document.
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "getOpenApi", tag = "About", security(()), responses(
    (status = 200, description = "The OpenAPI document.", body = Object),
))]
pub async fn serve() -> Json<&'static openapi::OpenApi> {
    Json(document())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ROUTES;
    use std::collections::BTreeSet;

    fn described() -> BTreeSet<(String, String)> {
        let value = serde_json::to_value(document()).unwrap_or_default();
        let paths = value["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(|(method, _)| (method.to_uppercase(), path.clone()))
        });
        operations.collect()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let routes = ROUTES.iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
        assert_eq!(described(), routes);
    }

    fn operations() -> Vec<(String, serde_json::Value)> {
        let value = serde_json::to_value(document()).unwrap_or_default();
        let paths = value["paths"].as_object().cloned().unwrap_or_default();
        let methods = paths.into_iter().flat_map(|(path, item)| {
            let item = item.as_object().cloned().unwrap_or_default();
            item.into_iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
        });
        methods.collect()
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_how_it_refuses() {
        let mut names = BTreeSet::new();
        for (route, operation) in operations() {
            let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
            assert!(!name.is_empty() && names.insert(name.clone()), "{route}: “{name}” is empty or not the only one");
            for (status, _) in REFUSALS {
                let told = operation["responses"][status].is_object();
                assert_eq!(told, !route.ends_with("openapi.json"), "{route}: {status}");
            }
        }
    }

    #[test]
    fn parameters_are_known_by_their_names() {
        assert_eq!(query_parameters("GET", "/api/v1/devices"), ["query", "sort", "cursor", "limit"]);
        assert_eq!(query_parameters("POST", "/api/v1/imports"), ["dry_run", "on_error", "file_name"]);
        assert_eq!(query_parameters("GET", "/api/v1/devices/{serial}"), [""; 0]);
    }

    #[test]
    fn no_licence_is_claimed() {
        let value = serde_json::to_value(document()).unwrap_or_default();
        assert!(value["info"]["license"].is_null(), "{}", value["info"]);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = serde_json::to_string(document()).unwrap_or_default();
        let value = serde_json::to_value(document()).unwrap_or_default();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(value.pointer(reference).is_some(), "{reference} is missing");
        }
    }
}
