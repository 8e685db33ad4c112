//! What models ask of releases before they may enter a stage.

use super::{
    extract::{Answer, Document, Key, Program},
    shapes::List,
};
use crate::{Console, problem::Problem};
use axum::{Json, extract::State};
use domain::release::{Stage, StageRule};
use fleet::release::StageForm;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a model asks for before a stage.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StageRuleShape {
    /// `staging` or `production`.
    #[schema(value_type = String)]
    pub stage: Stage,
    /// The names of the checks that must have passed.
    pub checks: Vec<String>,
    /// How long a release must have been in the stage before, in hours.
    pub soak_hours: i64,
    /// How many devices of the model a rollout must have verified with it.
    pub verified: i64,
    /// Whether somebody else approves it.
    pub second_person: bool,
}

impl StageRuleShape {
    fn of(stage: Stage, rule: StageRule) -> Self {
        let StageRule { checks, soak_hours, verified, second_person } = rule;
        Self { stage, checks, soak_hours, verified, second_person }
    }
}

/// List what a model asks of releases before each stage.
#[utoipa::path(get, path = "/api/v1/models/{name}/stages", operation_id = "listStageRules", tag = "Releases",
    params(("name" = String, Path, description = "The model's name.")), responses(
    (status = 200, description = "The rules, in the order of stages.", body = List<StageRuleShape>),
    (status = 404, description = "There is no such model.", body = Problem),
))]
pub async fn list(
    State(console): State<Console>,
    Program(actor): Program,
    Key(name): Key,
) -> Answer<Json<List<StageRuleShape>>> {
    let stages = console.fleet.stage_rules(&actor, &name).await?;
    let items = stages.rules.into_iter().map(|own| StageRuleShape::of(own.stage, own.rule)).collect();
    Ok(Json(List { items }))
}

/// Change what a model asks for before a stage. It holds from the next promotion on.
#[utoipa::path(post, path = "/api/v1/models/{name}/stages", operation_id = "changeStageRule", tag = "Releases",
    params(("name" = String, Path, description = "The model's name.")), request_body = StageRuleShape, responses(
    (status = 200, description = "All rules of the model.", body = List<StageRuleShape>),
    (status = 404, description = "There is no such model.", body = Problem),
    (status = 422, description = "A field is wrong.", body = Problem),
))]
pub async fn change(
    State(console): State<Console>,
    Program(actor): Program,
    Key(name): Key,
    Document(rule): Document<StageRuleShape>,
) -> Answer<Json<List<StageRuleShape>>> {
    let StageRuleShape { stage, checks, soak_hours, verified, second_person } = rule;
    let form = StageForm { stage, rule: StageRule { checks, soak_hours, verified, second_person } };
    console.fleet.change_stage_rule(&actor, &name, &form).await?;
    list(State(console), Program(actor), Key(name)).await
}
