//! Rollouts: writing them, submitting, and what is done with them while they run. People approve them in the console; no token
//! can.

use super::{
    authorities::word,
    extract::{Answer, Document, Key, Params, Program},
};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::rollout::{Evidence, Plan};
use fleet::rollout::{Abort, RolloutDetail, RolloutRow, WaveView};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What is known of how devices came out.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomesShape {
    /// How many devices get anything.
    total: u64,
    /// How many were told of it and have no outcome yet.
    under_way: u64,
    /// How many of these failed and are to be tried again.
    retried: u64,
    /// How many reported the version themselves and lived with it.
    verified: u64,
    /// How many failed or went back by themselves.
    failed: u64,
    /// How many were not heard from in time.
    silent: u64,
}

impl From<Evidence> for OutcomesShape {
    fn from(evidence: Evidence) -> Self {
        let Evidence { total, under_way, retried, verified, failed, silent } = evidence;
        Self { total, under_way, retried, verified, failed, silent }
    }
}

/// A rollout.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolloutShape {
    /// Its word in addresses.
    #[schema(example = "gateways-to-2-4-1")]
    code: String,
    /// Its name.
    name: String,
    /// What it brings.
    #[schema(example = "gateway-os 2.4.1")]
    release: String,
    /// `draft`, `submitted`, `approved`, `running`, `paused`, `halted`, `completed` or `aborted`.
    state: String,
    /// The wave that was opened last, from 0.
    wave: Option<usize>,
    /// How many waves it has.
    waves: usize,
    /// How many devices its target has; none before it was submitted.
    devices: Option<u64>,
    /// What is known of all waves together.
    outcomes: OutcomesShape,
    /// Who made it.
    created_by: String,
    /// When anything of it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Why it stands as it does; may be empty.
    reason: String,
}

impl From<&RolloutRow> for RolloutShape {
    fn from(row: &RolloutRow) -> Self {
        Self {
            code: row.code.clone(),
            name: row.name.clone(),
            release: row.release.clone(),
            state: row.state.to_string(),
            wave: row.wave,
            waves: row.waves,
            devices: row.devices,
            outcomes: row.evidence.into(),
            created_by: row.created_by.clone(),
            updated_at: row.updated_at.rfc3339(),
            reason: row.reason.clone(),
        }
    }
}

/// A wave with what is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaveShape {
    /// How many devices are in it.
    devices: u64,
    /// Whether it was opened.
    open: bool,
    /// What its gate knows.
    outcomes: OutcomesShape,
    /// Whether the next one may be opened by hand now.
    ready: bool,
    /// What its gate waits for, in words.
    missing: Vec<String>,
    /// Why its gate stops it.
    halted: Option<String>,
}

impl From<&WaveView> for WaveShape {
    fn from(wave: &WaveView) -> Self {
        Self {
            devices: wave.devices,
            open: wave.is_open,
            outcomes: wave.evidence.into(),
            ready: wave.is_ready,
            missing: wave.missing.clone(),
            halted: wave.halted.clone(),
        }
    }
}

/// A rollout with its plan and its waves.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolloutDetailShape {
    #[serde(flatten)]
    #[schema(inline)]
    rollout: RolloutShape,
    /// What it is to do.
    #[schema(value_type = Object)]
    plan: Value,
    /// The hash that an approval is bound to; empty before it was submitted.
    hash: String,
    /// Its waves, in order.
    wave_views: Vec<WaveShape>,
    /// The approval that was asked for, by its id.
    approval: Option<String>,
    /// Who approved it; empty before.
    approved_by: String,
    /// Grows with every change: to be sent back with what is decided from it.
    version: i64,
}

impl From<RolloutDetail> for RolloutDetailShape {
    fn from(detail: RolloutDetail) -> Self {
        Self {
            rollout: (&detail.row).into(),
            // A plan is always JSON.
            plan: serde_json::to_value(&detail.plan).unwrap_or_default(),
            hash: detail.hash,
            wave_views: detail.wave_views.iter().map(Into::into).collect(),
            approval: detail.approval.map(|approval| approval.id.to_string()),
            approved_by: detail.approved_by,
            version: detail.version,
        }
    }
}

/// A page of rollouts.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolloutsShape {
    /// The rollouts, the newest first.
    items: Vec<RolloutShape>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
}

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
    let limit = if which.limit == 0 { USUAL } else { which.limit };
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
    drop(console.fleet.allow(&actor, domain::person::Permission::RolloutWrite, "rollout").await?);
    let plan: Plan = serde_json::from_value(plan)
        .map_err(|error| fleet::Error::field("plan", format!("This is no plan: {error}.")))?;
    let code = console.fleet.create_rollout(&actor, plan).await?;
    let made: RolloutDetailShape = console.fleet.rollout(&actor, &code).await?.into();
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// What was seen of a rollout by whoever decides.
#[derive(Debug, Deserialize, ToSchema)]
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
    console.fleet.submit_rollout(&actor, &code, seen.version).await?;
    Ok(Json(console.fleet.rollout(&actor, &code).await?.into()))
}

/// Why something is done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
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
    console.fleet.pause_rollout(&actor, &code, &because.reason).await?;
    Ok(Json(console.fleet.rollout(&actor, &code).await?.into()))
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
    _: Document<Because>,
) -> Answer<Json<RolloutDetailShape>> {
    console.fleet.resume_rollout(&actor, &code).await?;
    Ok(Json(console.fleet.rollout(&actor, &code).await?.into()))
}

/// The wave that whoever decides has seen to be open.
#[derive(Debug, Deserialize, ToSchema)]
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
    (status = 409, description = "It does not run, its gate speaks against it, or another wave is open by now.", body = Problem),
))]
pub async fn advance(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(seen): Document<SeenWave>,
) -> Answer<Json<RolloutDetailShape>> {
    console.fleet.advance_rollout(&actor, &code, seen.wave).await?;
    Ok(Json(console.fleet.rollout(&actor, &code).await?.into()))
}

/// How a rollout is ended.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
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
    console.fleet.abort_rollout(&actor, &code, how, &form.reason).await?;
    Ok(Json(console.fleet.rollout(&actor, &code).await?.into()))
}
