//! How releases go on: promoting, withdrawing, and how their checks ended.

use super::{
    by_its_id, release_id,
    shapes::{CheckShape, ReleaseDetailShape},
};
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
use domain::release::{CheckState, Stage};
use fleet::release::{CheckForm, Promoted, PromotionForm};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A promotion to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPromotion {
    /// `staging` or `production`.
    #[schema(value_type = String)]
    to: Stage,
    /// Why; may be empty.
    #[serde(default)]
    reason: String,
}

/// What came of a promotion.
#[derive(Debug, Serialize, ToSchema)]
pub struct PromotionShape {
    /// `done` or `waiting`.
    pub state: String,
    /// The approval that a second person decides, while it waits.
    pub approval: Option<Uuid>,
}

/// Let a release enter the next stage. Its files are read whole and their signatures checked again.
#[utoipa::path(post, path = "/api/v1/releases/{id}/promote", operation_id = "promoteRelease", tag = "Releases",
    params(("id" = Uuid, Path, description = "The release's id.")), request_body = NewPromotion, responses(
    (status = 200, description = "It entered the stage.", body = PromotionShape),
    (status = 202, description = "A second person has to approve it.", body = PromotionShape),
    (status = 404, description = "There is no such release.", body = Problem),
    (status = 409, description = "A gate is not met; `detail` says what is missing.", body = Problem),
    (status = 422, description = "A file is refused (field `file`).", body = Problem),
))]
pub async fn promote(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    Document(new): Document<NewPromotion>,
) -> Answer<Response> {
    let form = PromotionForm { to: new.to, reason: new.reason };
    Ok(match console.fleet.promote_release(&actor, release_id(&id), &form).await.map_err(by_its_id(&id))? {
        Promoted::Done => Json(PromotionShape { state: "done".to_owned(), approval: None }).into_response(),
        Promoted::Waits(approval) => {
            let waiting = PromotionShape { state: "waiting".to_owned(), approval: Some(approval.0) };
            (StatusCode::ACCEPTED, Json(waiting)).into_response()
        }
    })
}

/// Why something is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// Why.
    reason: String,
}

/// Withdraw a release, for good: no device gets it from then on.
#[utoipa::path(post, path = "/api/v1/releases/{id}/withdraw", operation_id = "withdrawRelease", tag = "Releases",
    params(("id" = Uuid, Path, description = "The release's id.")), request_body = Why, responses(
    (status = 200, description = "It was withdrawn.", body = ReleaseDetailShape),
    (status = 404, description = "There is no such release.", body = Problem),
    (status = 409, description = "It was withdrawn already.", body = Problem),
))]
pub async fn withdraw(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    Document(why): Document<Why>,
) -> Answer<Json<ReleaseDetailShape>> {
    let release = release_id(&id);
    console.fleet.withdraw_release(&actor, release, &why.reason).await.map_err(by_its_id(&id))?;
    Ok(Json((&console.fleet.release(&actor, release).await?).into()))
}

/// How a check of a release ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCheck {
    /// Its name, as models' rules name it.
    #[schema(example = "hil")]
    name: String,
    /// `pending`, `passed` or `failed`.
    #[schema(value_type = String, example = "passed")]
    state: CheckState,
    /// Where more is said about it; may be empty.
    #[serde(default)]
    url: String,
}

/// Report how a check ended. The last report of a name counts; those before stay on record.
#[utoipa::path(post, path = "/api/v1/releases/{id}/checks", operation_id = "reportCheck", tag = "Releases",
    params(("id" = Uuid, Path, description = "The release's id.")), request_body = NewCheck, responses(
    (status = 201, description = "It was entered.", body = CheckShape),
    (status = 404, description = "There is no such release.", body = Problem),
    (status = 409, description = "It is withdrawn, or was reported on too often.", body = Problem),
))]
pub async fn check(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    Document(new): Document<NewCheck>,
) -> Answer<Response> {
    let form = CheckForm { name: new.name, state: new.state, url: new.url };
    let check = console.fleet.report_check(&actor, release_id(&id), &form).await.map_err(by_its_id(&id))?;
    Ok((StatusCode::CREATED, Json(CheckShape::from(&check))).into_response())
}
