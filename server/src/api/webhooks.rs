//! Webhooks: where programs are told what happens, what they were told last, and sending it again.

use super::extract::{Answer, Document, Key, Params, Program, Refusal};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use domain::{id::WebhookId, person::Permission, time::Timestamp};
use fleet::webhook::{Delivery, NewWebhook, Webhook, WebhookDetail, WebhookForm, WebhookRow};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where they are.
pub const PATH: &str = "/api/v1/webhooks";
/// Where one is.
pub const ONE: &str = "/api/v1/webhooks/{id}";
/// Where its secret is changed.
pub const SECRET: &str = "/api/v1/webhooks/{id}/secret";

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookShape {
    /// Its id.
    id: String,
    /// Where its receiver is.
    #[schema(example = "https://hooks.example/muster")]
    url: String,
    /// What it is told of.
    #[schema(example = json!(["rollout.halted", "approval.waiting"]))]
    events: Vec<String>,
    /// `active` or `paused`.
    state: String,
    /// Why it stands so; may be empty.
    reason: String,
    /// Nothing is sent before that: its receiver did not work.
    #[schema(format = DateTime)]
    wait_until: Option<String>,
    /// How often its secret was changed: to be sent back when it is changed again.
    generation: i64,
    /// Until then the secrets before sign, too.
    #[schema(format = DateTime)]
    old_secrets_until: Option<String>,
    /// Who made it.
    created_by: String,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<&Webhook> for WebhookShape {
    fn from(hook: &Webhook) -> Self {
        Self {
            id: hook.id.to_string(),
            url: hook.url.clone(),
            events: hook.kinds.iter().map(ToString::to_string).collect(),
            state: hook.state.to_string(),
            reason: hook.note.clone(),
            wait_until: Some(hook.wait_until).filter(|until| until.0 > 0).map(Timestamp::rfc3339),
            generation: hook.secrets.generation,
            old_secrets_until: Some(hook.secrets.signs_until).filter(|until| until.0 > 0).map(Timestamp::rfc3339),
            created_by: hook.created_by.clone(),
            created_at: hook.created_at.rfc3339(),
        }
    }
}

/// A webhook in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookRowShape {
    /// The webhook.
    #[serde(flatten)]
    #[schema(inline)]
    hook: WebhookShape,
    /// How many messages wait for it.
    waiting: i64,
}

impl From<&WebhookRow> for WebhookRowShape {
    fn from(row: &WebhookRow) -> Self {
        Self { hook: (&row.hook).into(), waiting: row.waiting }
    }
}

/// All webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhooksShape {
    /// The webhooks, the oldest first.
    items: Vec<WebhookRowShape>,
}

/// The delivery of a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryShape {
    /// Its number, which grows.
    seq: i64,
    /// The message's id, as `webhook-id` says it.
    message: String,
    /// What happened.
    #[schema(example = "rollout.halted")]
    r#type: String,
    /// When.
    #[schema(format = DateTime)]
    timestamp: String,
    /// `owed`, `delivered` or `dead`.
    state: String,
    /// How often it was tried.
    attempts: i64,
    /// When it was tried last.
    #[schema(format = DateTime)]
    last_at: Option<String>,
    /// The status that it was answered with last.
    status: Option<i64>,
    /// What went wrong last; may be empty.
    note: String,
}

impl From<&Delivery> for DeliveryShape {
    fn from(delivery: &Delivery) -> Self {
        Self {
            seq: delivery.seq,
            message: delivery.event.to_string(),
            r#type: delivery.kind.clone(),
            timestamp: delivery.at.rfc3339(),
            state: delivery.state.to_string(),
            attempts: delivery.attempts,
            last_at: delivery.last_at.map(Timestamp::rfc3339),
            status: Some(delivery.status).filter(|status| *status > 0),
            note: delivery.note.clone(),
        }
    }
}

/// A webhook with what it was told last.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookDetailShape {
    /// The webhook.
    #[serde(flatten)]
    #[schema(inline)]
    hook: WebhookShape,
    /// The deliveries, the newest first, fifty at most.
    deliveries: Vec<DeliveryShape>,
}

impl From<WebhookDetail> for WebhookDetailShape {
    fn from(detail: WebhookDetail) -> Self {
        Self { hook: (&detail.hook).into(), deliveries: detail.deliveries.iter().map(Into::into).collect() }
    }
}

/// A webhook to be added.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewWebhookShape {
    /// Where its receiver is: https://…
    url: String,
    /// What it is told of.
    events: Vec<String>,
}

/// The secret that whoever changes it has seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenSecretShape {
    /// `generation` of the webhook as it was read.
    generation: i64,
}

/// A webhook that was added or whose secret was changed, and its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddedWebhookShape {
    /// The webhook.
    #[serde(flatten)]
    #[schema(inline)]
    hook: WebhookShape,
    /// What its receiver checks signatures with, as Standard Webhooks writes it. It is said only now.
    secret: String,
}

/// Which deliveries.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct WhichDeliveries {
    /// Those before the one with this `seq`.
    before: Option<i64>,
}

/// The id of a webhook, for those who may manage it: others are not told which there are.
async fn hook_of(console: &Console, actor: &fleet::Actor, id: &str) -> Answer<WebhookId> {
    drop(console.fleet.allow(actor, Permission::SettingManage, &format!("webhook:{id}")).await?);
    id.parse().map_err(|_| fleet::Error::not_found("webhook", id).into())
}

/// List webhooks, the oldest first.
#[utoipa::path(get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "Webhooks",
    responses((status = 200, description = "All webhooks.", body = WebhooksShape)))]
pub async fn list(State(console): State<Console>, Program(actor): Program) -> Answer<Json<WebhooksShape>> {
    let rows = console.fleet.webhooks(&actor).await?;
    Ok(Json(WebhooksShape { items: rows.iter().map(Into::into).collect() }))
}

/// Add a webhook. It is told what happens from now on, signed as Standard Webhooks says.
#[utoipa::path(post, path = "/api/v1/webhooks", operation_id = "addWebhook", tag = "Webhooks",
    request_body = NewWebhookShape, responses(
    (status = 201, description = "It is added; here is its secret.", body = AddedWebhookShape),
    (status = 409, description = "There are too many, or nothing can be signed here.", body = Problem),
    (status = 422, description = "A field is wrong; `errors` says which.", body = Problem),
))]
pub async fn create(
    State(console): State<Console>,
    Program(actor): Program,
    Document(new): Document<NewWebhookShape>,
) -> Answer<Response> {
    let form = WebhookForm { url: new.url, kinds: new.events };
    let added = console.fleet.add_webhook(&actor, &form).await.map_err(in_words_of_the_api)?;
    Ok(with_its_secret(StatusCode::CREATED, added))
}

/// Says a secret, which nothing on the way may keep.
fn with_its_secret(status: StatusCode, new: NewWebhook) -> Response {
    let shape = AddedWebhookShape { hook: (&new.hook).into(), secret: new.secret };
    let mut answer = (status, Json(shape)).into_response();
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Errors name the fields as the API does.
fn in_words_of_the_api(error: fleet::Error) -> Refusal {
    let fleet::Error::Invalid { mut fields } = error else { return error.into() };
    for field in fields.iter_mut().filter(|field| field.field == "kinds") {
        "events".clone_into(&mut field.field);
    }
    fleet::Error::Invalid { fields }.into()
}

/// Get one webhook, with what it was told last.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", operation_id = "getWebhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id."), WhichDeliveries), responses(
    (status = 200, description = "The webhook.", body = WebhookDetailShape),
    (status = 404, description = "There is no such webhook.", body = Problem),
))]
pub async fn one(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    Params(which): Params<WhichDeliveries>,
) -> Answer<Json<WebhookDetailShape>> {
    actor.require(Permission::SettingManage)?;
    let id = id.parse().map_err(|_| fleet::Error::not_found("webhook", &id))?;
    Ok(Json(console.fleet.webhook(&actor, id, which.before).await?.into()))
}

/// Remove a webhook, with all that it is owed.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", operation_id = "removeWebhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id.")), responses(
    (status = 204, description = "It is removed."),
    (status = 404, description = "There is no such webhook.", body = Problem),
))]
pub async fn remove(State(console): State<Console>, Program(actor): Program, Key(id): Key) -> Answer<StatusCode> {
    let id = hook_of(&console, &actor, &id).await?;
    console.fleet.remove_webhook(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pause a webhook: what happens is kept for it.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/pause", operation_id = "pauseWebhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id.")), responses(
    (status = 200, description = "It is paused.", body = WebhookShape),
    (status = 404, description = "There is no such webhook.", body = Problem),
))]
pub async fn pause(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
) -> Answer<Json<WebhookShape>> {
    let id = hook_of(&console, &actor, &id).await?;
    Ok(Json((&console.fleet.pause_webhook(&actor, id, true).await?).into()))
}

/// Let a paused webhook go on: what happened meanwhile is sent.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/resume", operation_id = "resumeWebhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id.")), responses(
    (status = 200, description = "It goes on.", body = WebhookShape),
    (status = 404, description = "There is no such webhook.", body = Problem),
))]
pub async fn resume(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
) -> Answer<Json<WebhookShape>> {
    let id = hook_of(&console, &actor, &id).await?;
    Ok(Json((&console.fleet.pause_webhook(&actor, id, false).await?).into()))
}

/// Change a webhook's secret. For a day messages carry signatures of the secrets before, too.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/secret", operation_id = "changeWebhookSecret", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id.")), request_body = SeenSecretShape, responses(
    (status = 200, description = "It is changed; here is the new one.", body = AddedWebhookShape),
    (status = 404, description = "There is no such webhook.", body = Problem),
    (status = 409, description = "It was changed since it was read, too often within a day, or nothing can be signed here.",
        body = Problem),
))]
pub async fn change_secret(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    Document(seen): Document<SeenSecretShape>,
) -> Answer<Response> {
    let id = hook_of(&console, &actor, &id).await?;
    let changed = console.fleet.change_webhook_secret(&actor, id, seen.generation).await?;
    Ok(with_its_secret(StatusCode::OK, changed))
}

/// Send a webhook a message of the type `webhook.test`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", operation_id = "testWebhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id.")), responses(
    (status = 202, description = "It is sent soon; what came of it is among the deliveries.", body = WebhookShape),
    (status = 404, description = "There is no such webhook.", body = Problem),
))]
pub async fn test(State(console): State<Console>, Program(actor): Program, Key(id): Key) -> Answer<Response> {
    let id = hook_of(&console, &actor, &id).await?;
    let hook = console.fleet.test_webhook(&actor, id).await?;
    Ok((StatusCode::ACCEPTED, Json(WebhookShape::from(&hook))).into_response())
}

/// Send something once more, with the same id.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/deliveries/{seq}/resend", operation_id = "resendWebhook",
    tag = "Webhooks", params(("id" = String, Path, description = "The webhook's id."),
        ("seq" = i64, Path, description = "`seq` of the delivery.")), responses(
    (status = 202, description = "It is sent soon.", body = WebhookShape),
    (status = 404, description = "There is no such webhook or delivery.", body = Problem),
))]
pub async fn resend(
    State(console): State<Console>,
    Program(actor): Program,
    Path((id, seq)): Path<(String, String)>,
) -> Answer<Response> {
    let id = hook_of(&console, &actor, &id).await?;
    let seq = seq.parse().map_err(|_| fleet::Error::not_found("delivery", &seq))?;
    let hook = console.fleet.resend_webhook(&actor, id, seq).await?;
    Ok((StatusCode::ACCEPTED, Json(WebhookShape::from(&hook))).into_response())
}
