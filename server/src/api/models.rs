//! Device models.

use super::{
    extract::{Answer, Program},
    shapes::{List, ModelShape},
};
use crate::Console;
use axum::{Json, extract::State};

/// List all models, by name.
#[utoipa::path(get, path = "/api/v1/models", operation_id = "listModels", tag = "Models", responses(
    (status = 200, description = "Models.", body = List<ModelShape>),
))]
pub async fn list(State(console): State<Console>, Program(actor): Program) -> Answer<Json<List<ModelShape>>> {
    let catalogue = console.fleet.catalogue(&actor).await?;
    Ok(Json(List { items: catalogue.models.iter().map(Into::into).collect() }))
}
