//! Rollouts: writing them, and what is known of them. People approve them in the console; no token can.

pub mod devices;
pub mod experiment;
pub mod forecast;
pub mod shapes;
pub mod steps;

use super::{
    authorities::word,
    extract::{Answer, Document, Key, Params, Program, limited, part},
};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{person::Permission, rollout::Plan};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use shapes::{PlanPreviewShape, RolloutDetailShape, RolloutsShape};
use utoipa::ToSchema;

/// Which rollouts.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct WhichRollouts {
    /// Those in a state.
    state: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many to give, at most 200.
    limit: i64,
}

/// How many a page has where nothing is said.
const USUAL: i64 = 50;

/// List rollouts, the newest first.
#[utoipa::path(get, path = "/api/v1/rollouts", operation_id = "listRollouts", tag = "Rollouts", params(WhichRollouts),
    responses((status = 200, description = "A page of rollouts.", body = RolloutsShape)))]
pub async fn list(
    State(console): State<Console>,
    Program(actor): Program,
    Params(which): Params<WhichRollouts>,
) -> Answer<Json<RolloutsShape>> {
    let (state, before) = (word(which.state, "state")?, word(which.cursor, "cursor")?);
    let limit = if which.limit == 0 { USUAL } else { limited(which.limit)? };
    let page = console.fleet.rollouts(&actor, state, before, limit).await?;
    Ok(Json(RolloutsShape {
        items: page.rows.iter().map(Into::into).collect(),
        next: page.next.map(|id| id.to_string()),
    }))
}

/// Get one rollout, with its plan and its waves.
#[utoipa::path(get, path = "/api/v1/rollouts/{code}", operation_id = "getRollout", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses.")), responses(
    (status = 200, description = "The rollout.", body = RolloutDetailShape),
    (status = 404, description = "There is no such rollout.", body = Problem),
))]
pub async fn one(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
) -> Answer<Json<RolloutDetailShape>> {
    Ok(Json(console.fleet.rollout(&actor, &code).await?.into()))
}

/// Write a rollout. It is a draft: nothing happens before it was submitted and a manager has approved it.
#[utoipa::path(post, path = "/api/v1/rollouts", operation_id = "createRollout", tag = "Rollouts",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body(content = Object, description = "The plan, as `getRollout` gives it."), responses(
    (status = 201, description = "It is written.", body = RolloutDetailShape),
    (status = 422, description = "The plan is wrong; `errors` says where.", body = Problem),
))]
pub async fn create(
    State(console): State<Console>,
    Program(actor): Program,
    Document(plan): Document<Value>,
) -> Answer<Response> {
    // Whoever may not is told that before what they sent is looked at, and that they tried is on record.
    drop(console.fleet.allow(&actor, Permission::RolloutWrite, "rollout").await?);
    let code = console.fleet.create_rollout(&actor, part("", plan)?).await?;
    // It is written; that it can't be read must not sound as if it was not.
    let made = console.fleet.rollout(&actor, &code).await.map_err(|_| fleet::Error::Unsure)?;
    let made: RolloutDetailShape = made.into();
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// A plan that takes the place of another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedPlan {
    /// `version` of the rollout as it was read.
    version: i64,
    /// The plan, as `getRollout` gives it.
    #[schema(value_type = Object)]
    plan: Value,
}

/// Change the plan of a rollout that was not started. An approval that was asked for or given is void.
#[utoipa::path(put, path = "/api/v1/rollouts/{code}", operation_id = "changeRollout", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses.")),
    request_body = ChangedPlan, responses(
    (status = 200, description = "It is a draft again.", body = RolloutDetailShape),
    (status = 404, description = "There is no such rollout.", body = Problem),
    (status = 409, description = "It was started, or changed since.", body = Problem),
    (status = 422, description = "The plan is wrong; `errors` says where.", body = Problem),
))]
pub async fn change(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(changed): Document<ChangedPlan>,
) -> Answer<Json<RolloutDetailShape>> {
    drop(console.fleet.allow(&actor, Permission::RolloutWrite, &format!("rollout:{code}")).await?);
    console.fleet.edit_rollout(&actor, &code, changed.version, part("plan", changed.plan)?).await?;
    Ok(Json(console.fleet.rollout(&actor, &code).await?.into()))
}

/// See who a plan is for at this moment, wave by wave, and what is to be expected of it. Nothing of it is kept.
#[utoipa::path(post, path = "/api/v1/rollout-previews", operation_id = "previewRollout", tag = "Rollouts",
    request_body(content = Object, description = "The plan, as `getRollout` gives it."), responses(
    (status = 200, description = "Its devices.", body = PlanPreviewShape),
    (status = 503, description = "Many plans are looked at at the moment; try again in a few seconds.", body = Problem),
    (status = 422, description = "The plan is wrong; `errors` says where.", body = Problem),
))]
pub async fn preview(
    State(console): State<Console>,
    Program(actor): Program,
    Document(plan): Document<Value>,
) -> Answer<Json<PlanPreviewShape>> {
    actor.require(Permission::FleetRead)?;
    let plan: Plan = part("", plan)?;
    let design = console.fleet.design_rollout(&actor, &plan).await?;
    Ok(Json(PlanPreviewShape::of(&plan, &design)))
}
