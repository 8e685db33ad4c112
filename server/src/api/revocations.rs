//! Revocation: what an act would hit, doing it, and how it spreads.

use super::extract::{Answer, Document, Key, Params, Program, Refusal};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    certificate::RevocationReason,
    id::RevocationId,
    revocation::{RevocationAct, SpreadChannel},
};
use fleet::revocation::{Outcome, Preview, RevocationDetail, RevocationRow, RevokeForm, Selection};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many acts a page has.
const PAGE: i64 = 100;

/// What an act is about.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct What {
    /// `certificate`, `device`, `selection`, `batch` or `factory`.
    scope: String,
    /// `AUTHORITY/SERIAL` of a certificate, a device's serial, a fleet query, a batch's or a factory's code.
    subject: String,
    /// `hold`, `revoke` or `release`.
    act: String,
}

/// How many of something, by what they have in common.
#[derive(Debug, Serialize, ToSchema)]
pub struct Share {
    /// What they have in common.
    label: String,
    /// How many.
    count: i64,
}

/// What an act would hit, exactly.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewShape {
    /// What would be done, in a sentence.
    title: String,
    /// How many devices.
    devices: i64,
    /// How many certificates that have not ended.
    certificates: i64,
    /// The names of the authorities that are cut off with all that they signed.
    authorities: Vec<String>,
    /// Who holds the devices.
    custodians: Vec<Share>,
    /// Where they are, by country.
    countries: Vec<Share>,
    /// Their models.
    models: Vec<Share>,
    /// Where they stand in their lives.
    lifecycles: Vec<Share>,
    /// When they were last heard from.
    seen: Vec<Share>,
    /// How many were never heard from.
    never: i64,
    /// The rollouts that they take part in.
    rollouts: Vec<String>,
    /// Some of their serials.
    examples: Vec<String>,
    /// Whether a second person has to approve it.
    needs_second_person: bool,
    /// What has to be sent as `confirmation`; empty where nothing has to.
    confirm_word: String,
    /// The hash of exactly this, to be sent as `preview_hash`.
    hash: String,
}

impl From<Preview> for PreviewShape {
    fn from(preview: Preview) -> Self {
        let shares = |all: Vec<(String, i64)>| all.into_iter().map(|(label, count)| Share { label, count }).collect();
        Self {
            title: preview.title,
            devices: preview.devices,
            certificates: preview.certificates,
            authorities: preview.authorities,
            custodians: shares(preview.custodians),
            countries: shares(preview.countries),
            models: shares(preview.models),
            lifecycles: shares(preview.lifecycles),
            seen: shares(preview.seen),
            never: preview.never,
            rollouts: preview.rollouts,
            examples: preview.examples,
            needs_second_person: preview.needs_second_person,
            confirm_word: preview.confirm_word,
            hash: preview.hash,
        }
    }
}

/// See what an act would hit, without doing it.
#[utoipa::path(get, path = "/api/v1/revocations/preview", operation_id = "previewRevocation", tag = "Certificates", params(What), responses(
    (status = 200, description = "What would be hit.", body = PreviewShape),
    (status = 400, description = "A parameter is wrong.", body = Problem),
    (status = 404, description = "There is no such thing.", body = Problem),
))]
pub async fn preview(
    State(console): State<Console>,
    Program(actor): Program,
    Params(what): Params<What>,
) -> Answer<Json<PreviewShape>> {
    let selection = Selection::from_words(&what.scope, &what.subject)?;
    let preview = console.fleet.preview(&actor, &selection, act(&what.act)?).await?;
    Ok(Json(preview.into()))
}

/// An act to be done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// `certificate`, `device`, `selection`, `batch` or `factory`.
    scope: String,
    /// `AUTHORITY/SERIAL` of a certificate, a device's serial, a fleet query, a batch's or a factory's code.
    subject: String,
    /// `hold`, `revoke` or `release`.
    act: String,
    /// Why it is revoked: `key_compromise`, `cessation_of_operation`, … Left out only for `hold` and `release`.
    #[serde(default)]
    reason: String,
    /// What is to be said about it.
    #[serde(default)]
    note: String,
    /// The preview's `confirm_word`.
    #[serde(default)]
    confirmation: String,
    /// The preview's `hash`.
    #[serde(default)]
    preview_hash: String,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Acted {
    /// The act's id.
    id: String,
    /// Whether it counts; if not, a second person has to approve it.
    effective: bool,
    /// The approval that it waits for.
    approval: Option<String>,
}

/// Hold, revoke or release, as a preview showed it.
#[utoipa::path(post, path = "/api/v1/revocations", operation_id = "createRevocation", tag = "Certificates",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = Act, responses(
    (status = 201, description = "It counts from now on.", body = Acted),
    (status = 202, description = "A second person has to approve it.", body = Acted),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such thing.", body = Problem),
    (status = 409, description = "It would hit something else than the preview showed.", body = Problem),
    (status = 422, description = "A field is wrong; `errors` says which.", body = Problem),
))]
pub async fn create(
    State(console): State<Console>,
    Program(actor): Program,
    Document(wanted): Document<Act>,
) -> Answer<Response> {
    let reason = match wanted.reason.as_str() {
        // No reason for a revocation: it is asked for once whoever asks is known to be allowed.
        "" => RevocationReason::CertificateHold,
        word => word.parse().map_err(|_| unknown("reason", word))?,
    };
    let form = RevokeForm {
        selection: Selection::from_words(&wanted.scope, &wanted.subject)?,
        act: act(&wanted.act)?,
        reason,
        note: wanted.note,
        confirmation: wanted.confirmation,
        preview_hash: wanted.preview_hash,
    };
    let (status, acted) = match console.fleet.revoke(&actor, &form).await? {
        Outcome::Done(id) => (StatusCode::CREATED, Acted { id: id.to_string(), effective: true, approval: None }),
        Outcome::Waiting(approval, id) => {
            let approval = Some(approval.to_string());
            (StatusCode::ACCEPTED, Acted { id: id.to_string(), effective: false, approval })
        }
    };
    Ok((status, Json(acted)).into_response())
}

fn act(word: &str) -> Answer<RevocationAct> {
    word.parse().map_err(|_| unknown("act", word))
}

fn unknown(field: &str, word: &str) -> Refusal {
    fleet::Error::field(field, format!("There is no {field} “{}”.", word.chars().take(40).collect::<String>())).into()
}

/// An act.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevocationShape {
    /// Its id.
    id: String,
    /// `certificate`, `device`, `selection`, `batch` or `factory`.
    scope: String,
    /// What it is about.
    subject: String,
    /// The fleet query of a selection, or empty.
    query: String,
    /// `hold`, `revoke` or `release`.
    act: String,
    /// Why.
    reason: String,
    /// What was said about it.
    note: String,
    /// `waiting`, `effective`, `spread`, `rejected` or `void`.
    state: String,
    /// Who asked.
    requested_by: String,
    /// When.
    #[schema(format = DateTime)]
    requested_at: String,
    /// The second person, where one was needed.
    approved_by: Option<String>,
    /// Since when it counts.
    #[schema(format = DateTime)]
    effective_at: Option<String>,
    /// How many certificates' records follow it.
    total: i64,
    /// How many have followed.
    applied: i64,
}

impl From<&RevocationRow> for RevocationShape {
    fn from(row: &RevocationRow) -> Self {
        Self {
            id: row.id.to_string(),
            scope: row.scope.to_string(),
            subject: row.subject.clone(),
            query: row.query.clone(),
            act: row.act.to_string(),
            reason: row.reason.clone(),
            note: row.note.clone(),
            state: row.state.to_string(),
            requested_by: row.requested_by.clone(),
            requested_at: row.requested_at.rfc3339(),
            approved_by: row.approved_by.clone(),
            effective_at: row.effective_at.map(domain::time::Timestamp::rfc3339),
            total: row.total,
            applied: row.applied,
        }
    }
}

/// A page of acts.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevocationsShape {
    /// The acts, newest first.
    items: Vec<RevocationShape>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
}

/// Where a page begins.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Begin {
    /// The `next` of the page before.
    cursor: String,
}

/// List acts of revocation, newest first.
#[utoipa::path(get, path = "/api/v1/revocations", operation_id = "listRevocations", tag = "Certificates", params(Begin), responses(
    (status = 200, description = "A page of acts.", body = RevocationsShape),
))]
pub async fn list(
    State(console): State<Console>,
    Program(actor): Program,
    Params(from): Params<Begin>,
) -> Answer<Json<RevocationsShape>> {
    let after = match from.cursor.as_str() {
        "" => None,
        text => Some(text.parse::<RevocationId>().map_err(|_| unknown("cursor", text))?),
    };
    let page = console.fleet.revocations(&actor, after, PAGE).await?;
    let items = page.rows.iter().map(Into::into).collect();
    Ok(Json(RevocationsShape { items, next: page.next.map(|id| id.to_string()) }))
}

/// How an act reached the world on one way.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelShape {
    /// `gateway_refuses`, `crl_published`, `crl_fetched`, `ocsp_revoked` or `device_refused`.
    channel: String,
    /// Where: a node, an authority, who fetched.
    node: String,
    /// How often.
    count: i64,
    /// The first time.
    #[schema(format = DateTime)]
    first_at: String,
    /// The last time.
    #[schema(format = DateTime)]
    last_at: String,
}

/// An act and how it spreads.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpreadShape {
    /// The act.
    #[serde(flatten)]
    act: RevocationShape,
    /// What was shown before.
    preview: PreviewShape,
    /// By which ways the world learned of it.
    channels: Vec<ChannelShape>,
    /// How many of its devices came back and were refused, or limited while on hold.
    came_back: i64,
    /// How many did not come back yet.
    not_seen: i64,
    /// When the last CRL ends that doesn't know of it.
    #[schema(format = DateTime)]
    complete_at: Option<String>,
}

impl From<RevocationDetail> for SpreadShape {
    fn from(detail: RevocationDetail) -> Self {
        let channel = |row: &fleet::revocation::ChannelRow| ChannelShape {
            channel: SpreadChannel::as_str(row.channel).to_owned(),
            node: row.node.clone(),
            count: row.n,
            first_at: row.first_at.rfc3339(),
            last_at: row.last_at.rfc3339(),
        };
        Self {
            act: (&detail.row).into(),
            channels: detail.channels.iter().map(channel).collect(),
            came_back: detail.came_back_total,
            not_seen: detail.not_seen_total,
            complete_at: detail.complete_at.map(domain::time::Timestamp::rfc3339),
            preview: detail.preview.into(),
        }
    }
}

/// Get an act, and how it spreads.
#[utoipa::path(get, path = "/api/v1/revocations/{id}", operation_id = "getRevocation", tag = "Certificates",
    params(("id" = String, Path, description = "The act's id.")), responses(
    (status = 200, description = "The act.", body = SpreadShape),
    (status = 404, description = "There is no such act.", body = Problem),
))]
pub async fn one(State(console): State<Console>, Program(actor): Program, Key(id): Key) -> Answer<Json<SpreadShape>> {
    actor.require(domain::person::Permission::AuthorityRead)?;
    let parsed = id.parse().map_err(|_| fleet::Error::not_found("revocation", &id))?;
    Ok(Json(console.fleet.revocation(&actor, parsed).await?.into()))
}
