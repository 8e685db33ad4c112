//! The OpenAPI document.

use super::{
    authorities, batches, certificates, custodians, devices, enrolments, history, imports, models, revocations,
};
use axum::Json;
use std::sync::LazyLock;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
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
        license(name = "Proprietary"),
    ),
    tags(
        (name = "Devices", description = "What devices are, what is in them, and where they have been."),
        (name = "Batches", description = "What was made together."),
        (name = "Custodians", description = "Who holds devices."),
        (name = "Models", description = "What is made."),
        (name = "Imports", description = "Bringing in factory manifests and EPCIS documents."),
        (name = "Certificates", description = "Authorities, enrolment, and cutting off what must not be trusted."),
        (name = "About", description = "This document."),
    ),
    paths(
        devices::list, devices::one, devices::components, devices::manifests,
        history::list, history::epcis, history::record_custody, history::add_note,
        batches::list, batches::one, batches::epcis,
        custodians::list, custodians::one,
        models::list,
        imports::list, imports::create, imports::one, imports::problems,
        authorities::list, authorities::one, authorities::approvals, authorities::approval, authorities::findings,
        certificates::list, certificates::one, certificates::of_device,
        enrolments::one, enrolments::create, enrolments::deliver,
        revocations::list, revocations::preview, revocations::create, revocations::one,
        serve,
    ),
    modifiers(&Tokens),
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

static DOCUMENT: LazyLock<openapi::OpenApi> = LazyLock::new(Described::openapi);

/// The OpenAPI document.
#[must_use]
pub fn document() -> &'static openapi::OpenApi {
    &DOCUMENT
}

/// Get this document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "About", security(()), responses(
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

    #[test]
    fn every_reference_leads_somewhere() {
        let text = serde_json::to_string(document()).unwrap_or_default();
        let value = serde_json::to_value(document()).unwrap_or_default();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(value.pointer(reference).is_some(), "{reference} is missing");
        }
    }
}
