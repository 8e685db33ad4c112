//! Files for others: bills of materials, and supply chains as tables.

use super::extract::{Answer, Key, Params, Program};
use crate::{Console, problem::Problem};
use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use domain::hbom::MEDIA_TYPE;
use fleet::export::{Period, SupplyOf};
use http::header;
use serde::Deserialize;

/// The content type of tables.
const CSV: &str = "text/csv; charset=utf-8";

/// Get a version of a device's manifest as a CycloneDX 1.6 hardware bill of materials.
#[utoipa::path(get, path = "/api/v1/devices/{serial}/manifests/{version}/hbom", operation_id = "getDeviceHbom", tag = "Devices",
    params(
        ("serial" = String, Path, description = "The device's serial."),
        ("version" = i64, Path, description = "The manifest's version, from 1."),
    ), responses(
    (status = 200, description = "A CycloneDX document.", body = Object, content_type = "application/vnd.cyclonedx+json"),
    (status = 404, description = "There is no such device or version.", body = Problem),
))]
pub async fn hbom(
    State(console): State<Console>,
    Program(actor): Program,
    Path((serial, version)): Path<(String, String)>,
) -> Answer<Response> {
    // What is no number is no version of anything.
    let document = console.fleet.hbom(&actor, &serial, version.parse().unwrap_or(0)).await?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], document.to_string()).into_response())
}

/// Which days.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Days {
    /// The first day, in UTC; without it, from the beginning.
    #[serde(default)]
    #[param(example = "2026-11-02")]
    from: String,
    /// The last day, in UTC; without it, until now.
    #[serde(default)]
    #[param(example = "2026-11-28")]
    to: String,
}

/// Get who supplied a device and its parts to whom, as a CSV table.
#[utoipa::path(get, path = "/api/v1/devices/{serial}/supply-chain", operation_id = "getDeviceSupplyChain", tag = "Devices",
    params(("serial" = String, Path, description = "The device's serial."), Days), responses(
    (status = 200, description = "A table, one row a supply.", body = String, content_type = "text/csv"),
    (status = 404, description = "There is no such device.", body = Problem),
    (status = 422, description = "A day can't be read.", body = Problem),
))]
pub async fn of_device(asked: Asked, Key(serial): Key) -> Answer<Response> {
    table(asked, SupplyOf::Device(serial)).await
}

/// Get who supplied the devices of a batch and their parts to whom, as a CSV table. It is sent as it is read.
#[utoipa::path(get, path = "/api/v1/batches/{code}/supply-chain", operation_id = "getBatchSupplyChain", tag = "Batches",
    params(("code" = String, Path, description = "The batch's code."), Days), responses(
    (status = 200, description = "A table, one row a supply.", body = String, content_type = "text/csv"),
    (status = 404, description = "There is no such batch.", body = Problem),
    (status = 422, description = "A day can't be read.", body = Problem),
))]
pub async fn of_batch(asked: Asked, Key(code): Key) -> Answer<Response> {
    table(asked, SupplyOf::Batch(code)).await
}

/// Get what a custodian supplied and was supplied with, as a CSV table. It is sent as it is read.
#[utoipa::path(get, path = "/api/v1/custodians/{code}/supply-chain", operation_id = "getCustodianSupplyChain", tag = "Custodians",
    params(("code" = String, Path, description = "The custodian's code."), Days), responses(
    (status = 200, description = "A table, one row a supply.", body = String, content_type = "text/csv"),
    (status = 404, description = "There is no such custodian.", body = Problem),
    (status = 422, description = "A day can't be read.", body = Problem),
))]
pub async fn of_custodian(asked: Asked, Key(code): Key) -> Answer<Response> {
    table(asked, SupplyOf::Custodian(code)).await
}

/// By whom a supply chain is asked for, and of which days.
type Asked = (State<Console>, Program, Params<Days>);

async fn table((State(console), Program(actor), Params(days)): Asked, of: SupplyOf) -> Answer<Response> {
    let period = Period::of_days(&days.from, &days.to)?;
    let pieces = console.fleet.supply_chain_csv(&actor, &of, period).await?;
    Ok(([(header::CONTENT_TYPE, CSV)], Body::from_stream(pieces)).into_response())
}
