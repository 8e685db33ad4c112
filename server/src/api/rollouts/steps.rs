//! What is done with rollouts: each is one deed, answered with the rollout as it stands then.

use super::shapes::RolloutDetailShape;
use crate::{
    Console,
    api::extract::{Answer, Document, Key, Program},
    problem::Problem,
};
use axum::{Json, extract::State};
use domain::evidence::{Factor, Level};
use fleet::{
    Actor,
    rollout::{Abort, Resume},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// The rollout as it stands after a deed, or why nothing was done.
async fn shown_after(
    console: &Console,
    actor: &Actor,
    code: &str,
    done: fleet::Result<()>,
) -> Answer<Json<RolloutDetailShape>> {
    done?;
    Ok(Json(console.fleet.rollout(actor, code).await?.into()))
}

/// What was seen of a rollout by whoever decides.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenVersion {
    /// `version` of the rollout as it was read.
    version: i64,
}

/// Submit a rollout: its target is frozen, and a manager is asked to approve exactly that.
#[utoipa::path(post, path = "/api/v1/rollouts/{code}/submit", operation_id = "submitRollout", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = SeenVersion, responses(
    (status = 200, description = "It waits for a manager.", body = RolloutDetailShape),
    (status = 404, description = "There is no such rollout.", body = Problem),
    (status = 409, description = "It is no draft, or was changed since.", body = Problem),
    (status = 422, description = "The plan is wrong; `errors` says where.", body = Problem),
))]
pub async fn submit(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(seen): Document<SeenVersion>,
) -> Answer<Json<RolloutDetailShape>> {
    let done = console.fleet.submit_rollout(&actor, &code, seen.version).await.map(drop);
    shown_after(&console, &actor, &code, done).await
}

/// Why something is done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Because {
    /// Why; may be empty.
    reason: String,
}

/// Pause a rollout: no device is offered it, who is under way goes on.
#[utoipa::path(post, path = "/api/v1/rollouts/{code}/pause", operation_id = "pauseRollout", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = Because, responses(
    (status = 200, description = "It is paused.", body = RolloutDetailShape),
    (status = 404, description = "There is no such rollout.", body = Problem),
    (status = 409, description = "It does not run.", body = Problem),
))]
pub async fn pause(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(because): Document<Because>,
) -> Answer<Json<RolloutDetailShape>> {
    let done = console.fleet.pause_rollout(&actor, &code, &because.reason).await;
    shown_after(&console, &actor, &code, done).await
}

/// Let a paused rollout go on. One that its gate halted takes a manager.
#[utoipa::path(post, path = "/api/v1/rollouts/{code}/resume", operation_id = "resumeRollout", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = Because, responses(
    (status = 200, description = "It goes on.", body = RolloutDetailShape),
    (status = 404, description = "There is no such rollout.", body = Problem),
    (status = 409, description = "It is not stopped.", body = Problem),
))]
pub async fn resume(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(because): Document<Because>,
) -> Answer<Json<RolloutDetailShape>> {
    let done = console.fleet.resume_rollout(&actor, &code, Resume::because(&because.reason)).await;
    shown_after(&console, &actor, &code, done).await
}

/// Devices that are held back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeldLevel {
    /// What they have in common: `revision`, `batch`, or `all`.
    #[schema(value_type = String)]
    factor: Factor,
    /// What it is with them: `B`, `2026-11-A`; empty for all.
    #[serde(default)]
    level: String,
}

/// Let devices go on that a rollout holds back. It goes beyond what evidence says: people decide that, no token can.
#[utoipa::path(post, path = "/api/v1/rollouts/{code}/let-go", operation_id = "letHeldBackGo", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = HeldLevel, responses(
    (status = 200, description = "They go on.", body = RolloutDetailShape),
    (status = 404, description = "There is no such rollout.", body = Problem),
    (status = 409, description = "They are not held back, the rollout is over, or a manager has to do it in person.", body = Problem),
))]
pub async fn let_go(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(held): Document<HeldLevel>,
) -> Answer<Json<RolloutDetailShape>> {
    let level = Level::of(held.factor, held.level);
    let done = console.fleet.let_held_back_go(&actor, &code, &level).await;
    shown_after(&console, &actor, &code, done).await
}

/// The wave that whoever decides has seen to be open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenWave {
    /// `wave` of the rollout as it was read, from 0.
    wave: usize,
}

/// Open the next wave by hand, or complete a rollout whose last wave is open.
#[utoipa::path(post, path = "/api/v1/rollouts/{code}/advance", operation_id = "advanceRollout", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = SeenWave, responses(
    (status = 200, description = "It is open.", body = RolloutDetailShape),
    (status = 404, description = "There is no such rollout.", body = Problem),
    (status = 409, description = "It does not run, its gate speaks against it or still waits for something, or another wave is open by now.", body = Problem),
))]
pub async fn advance(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(seen): Document<SeenWave>,
) -> Answer<Json<RolloutDetailShape>> {
    let done = console.fleet.advance_rollout(&actor, &code, seen.wave).await;
    shown_after(&console, &actor, &code, done).await
}

/// How a rollout is ended.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AbortForm {
    /// Whether devices that have it are taken back to the release that the plan names for that.
    revert: bool,
    /// Why; may be empty.
    reason: String,
}

/// End a rollout early, for good.
#[utoipa::path(post, path = "/api/v1/rollouts/{code}/abort", operation_id = "abortRollout", tag = "Rollouts",
    params(("code" = String, Path, description = "The rollout's word in addresses."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = AbortForm, responses(
    (status = 200, description = "It is ended.", body = RolloutDetailShape),
    (status = 404, description = "There is no such rollout.", body = Problem),
    (status = 409, description = "It is completed.", body = Problem),
    (status = 422, description = "Its plan names nothing to go back to.", body = Problem),
))]
pub async fn abort(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(form): Document<AbortForm>,
) -> Answer<Json<RolloutDetailShape>> {
    let how = if form.revert { Abort::Revert } else { Abort::Keep };
    let done = console.fleet.abort_rollout(&actor, &code, how, &form.reason).await;
    shown_after(&console, &actor, &code, done).await
}
