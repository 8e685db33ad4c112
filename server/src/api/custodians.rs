//! Custodians: who holds devices.

use super::{
    extract::{Answer, Key, Program},
    shapes::{CustodianShape, List},
};
use crate::{Console, problem::Problem};
use axum::{Json, extract::State};

/// List all custodians, by name.
#[utoipa::path(get, path = "/api/v1/custodians", operation_id = "listCustodians", tag = "Custodians", responses(
    (status = 200, description = "Custodians, and how many devices each holds.", body = List<CustodianShape>),
))]
pub async fn list(State(console): State<Console>, Program(actor): Program) -> Answer<Json<List<CustodianShape>>> {
    let found = console.fleet.custodians(&actor).await?;
    Ok(Json(List { items: found.custodians.iter().map(|(one, devices)| CustodianShape::of(one, *devices)).collect() }))
}

/// Get one custodian.
#[utoipa::path(get, path = "/api/v1/custodians/{code}", operation_id = "getCustodian", tag = "Custodians",
    params(("code" = String, Path, description = "The custodian's code.")), responses(
    (status = 200, description = "The custodian, and how many devices it holds.", body = CustodianShape),
    (status = 404, description = "There is no such custodian.", body = Problem),
))]
pub async fn one(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
) -> Answer<Json<CustodianShape>> {
    let (custodian, devices, _) = console.fleet.custodian(&actor, &code).await?;
    Ok(Json(CustodianShape::of(&custodian, devices)))
}
