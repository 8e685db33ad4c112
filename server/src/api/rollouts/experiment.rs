//! What the experiment of a rollout has found out, and how its winner comes to all.

use super::shapes::RolloutDetailShape;
use crate::{
    Console,
    api::extract::{Answer, Document, Key, Program},
    problem::Problem,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::person::Permission;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Get what the experiment of a rollout has found out so far: the verdict in a sentence, each variant by each criterion with its
/// interval and e-values, how devices are spread over the cohorts, how estimates went. Differences and means are in the metric's own
/// unit; of shares they are shares. `ratio_off_since` says since when it is known that cohorts are not as large as their shares say;
/// no verdict is given from then on.
#[utoipa::path(get, path = "/api/v1/rollouts/{code}/experiment", operation_id = "getExperiment", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses.")), responses(
    (status = 200, description = "The experiment.", body = Object),
    (status = 404, description = "There is no such rollout, or it is no experiment.", body = Problem),
))]
pub async fn one(State(console): State<Console>, Program(actor): Program, Key(code): Key) -> Answer<Json<Value>> {
    let found = console.fleet.experiment(&actor, &code).await?;
    Ok(Json(serde_json::to_value(found).map_err(fleet::Error::internal)?))
}

/// Get everything that is counted of an experiment, as a CSV table.
#[utoipa::path(get, path = "/api/v1/rollouts/{code}/experiment.csv", operation_id = "getExperimentCsv", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses.")), responses(
    (status = 200, description = "The table: cohort, measure, metric, factor, level, devices, sum, sum_of_squares; of values from 0 to 1. A last row \
        sample_ratio_off where cohorts were found not to be as large as their shares say.",
        body = String, content_type = "text/csv"),
    (status = 404, description = "There is no such rollout, or it is no experiment.", body = Problem),
))]
pub async fn table(State(console): State<Console>, Program(actor): Program, Key(code): Key) -> Answer<Response> {
    let text = console.fleet.experiment_csv(&actor, &code).await?;
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, text).into_response())
}

/// Whose release is to come to all.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Winner {
    /// The number of a cohort, from 1; without it, of the one that won.
    cohort: Option<usize>,
    /// `version` of the experiment as it was read: 409 if it was changed since. Without it, of what stands now.
    version: Option<i64>,
}

/// Bring what won an experiment to all of its target: a rollout of that release, which a manager has to approve as any other. Asking
/// for it again leads to the rollout that was made.
#[utoipa::path(post, path = "/api/v1/rollouts/{code}/winner", operation_id = "rollOutWinner", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = Winner, responses(
    (status = 200, description = "The rollout that was made before.", body = RolloutDetailShape),
    (status = 201, description = "The new rollout, which waits for a manager.", body = RolloutDetailShape),
    (status = 404, description = "There is no such rollout, or it is no experiment.", body = Problem),
    (status = 409, description = "Nothing has won yet, it was changed since, or another cohort's release was rolled out.", body = Problem),
    (status = 422, description = "The cohort gets nothing, or the new rollout would not be in order.", body = Problem),
))]
pub async fn winner(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(winner): Document<Winner>,
) -> Answer<Response> {
    drop(console.fleet.allow(&actor, Permission::RolloutWrite, &format!("rollout:{code}")).await?);
    let made = console.fleet.roll_out_winner(&actor, &code, winner.cohort, winner.version).await?;
    let status = if made.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let made: RolloutDetailShape = console.fleet.rollout(&actor, &made.code).await?.into();
    Ok((status, Json(made)).into_response())
}
