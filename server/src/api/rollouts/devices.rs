//! How the devices of a rollout came out, one by one and compared by cohort.

use super::shapes::{CohortsShape, DeviceOutcomesShape};
use crate::{
    Console,
    api::{
        authorities::word,
        extract::{Answer, Key, Params, Program, limited},
    },
    problem::Problem,
};
use axum::{Json, extract::State};
use serde::Deserialize;

/// How many a page has where nothing is said.
const USUAL: i64 = 50;

/// Which devices.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct WhichDevices {
    /// Those that are so far: a `state` of the answer.
    state: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many to give, at most 200.
    limit: i64,
}

/// List the devices that were told of a rollout, in that order.
#[utoipa::path(get, path = "/api/v1/rollouts/{code}/devices", operation_id = "listRolloutDevices", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses."), WhichDevices), responses(
    (status = 200, description = "A page of devices.", body = DeviceOutcomesShape),
    (status = 404, description = "There is no such rollout.", body = Problem),
))]
pub async fn list(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Params(which): Params<WhichDevices>,
) -> Answer<Json<DeviceOutcomesShape>> {
    let (state, after) = (word(which.state, "state")?, word(which.cursor, "cursor")?);
    let limit = if which.limit == 0 { USUAL } else { limited(which.limit)? };
    let page = console.fleet.rollout_devices(&actor, &code, state, after.unwrap_or(0), limit).await?;
    Ok(Json(DeviceOutcomesShape {
        items: page.rows.iter().map(Into::into).collect(),
        next: page.next.map(|id| id.to_string()),
    }))
}

/// Compare the cohorts of a rollout.
#[utoipa::path(get, path = "/api/v1/rollouts/{code}/cohorts", operation_id = "compareCohorts", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses.")), responses(
    (status = 200, description = "The cohorts, with how their devices came out.", body = CohortsShape),
    (status = 404, description = "There is no such rollout.", body = Problem),
))]
pub async fn cohorts(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
) -> Answer<Json<CohortsShape>> {
    Ok(Json((&console.fleet.rollout(&actor, &code).await?).into()))
}
