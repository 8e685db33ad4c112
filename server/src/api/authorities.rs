//! Certification authorities, and what their owners have to decide or look into.

use super::{
    extract::{Answer, Key, Program},
    shapes::List,
};
use crate::{Console, problem::Problem};
use axum::{Json, extract::State};
use fleet::{approval::ApprovalRow, authority::AuthorityRow, finding::FindingRow};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A certification authority.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorityShape {
    /// Its name in addresses.
    #[schema(example = "batch-2026-11-a")]
    slug: String,
    /// Its name.
    name: String,
    /// `root`, `factory`, `batch` or `operations`.
    kind: String,
    /// `requested`, `awaiting_certificate`, `active`, `retired`, `held`, `revoked` or `rejected`.
    state: String,
    /// How many authorities stand above it.
    depth: usize,
    /// The factory's code, for a factory's or a batch's.
    factory: Option<String>,
    /// The batch's code, for a batch's.
    batch: Option<String>,
    /// Its certificate's serial number, in hexadecimal; empty before it has one.
    serial: String,
    /// Its subject key identifier, in hexadecimal.
    key_id: String,
    /// When its certificate ends.
    #[schema(format = DateTime)]
    not_after: Option<String>,
    /// For how many devices it may sign; none means that nothing was agreed.
    quota: Option<i64>,
    /// How many certificates it has signed.
    issued: i64,
    /// How many of them count.
    valid: i64,
    /// How many are on hold.
    held: i64,
    /// How many are revoked.
    revoked: i64,
    /// Whether the factory has its key, to sign without a connection.
    delegated: bool,
    /// The number of its latest CRL.
    crl_number: Option<i64>,
    /// When that CRL was made.
    #[schema(format = DateTime)]
    crl_made_at: Option<String>,
    /// Its certificate as PEM; only when one authority is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

impl From<&AuthorityRow> for AuthorityShape {
    fn from(row: &AuthorityRow) -> Self {
        let authority = &row.authority;
        Self {
            slug: authority.slug.clone(),
            name: authority.name.clone(),
            kind: authority.kind.to_string(),
            state: authority.state.to_string(),
            depth: row.depth,
            factory: row.factory.clone(),
            batch: row.batch.clone(),
            serial: authority.serial.clone(),
            key_id: authority.key_id.clone(),
            not_after: authority.not_after.map(domain::time::Timestamp::rfc3339),
            quota: authority.quota,
            issued: authority.issued,
            valid: row.valid,
            held: row.held,
            revoked: row.revoked,
            delegated: authority.delegated,
            crl_number: row.crl.as_ref().map(|crl| crl.number),
            crl_made_at: row.crl.as_ref().map(|crl| crl.this_update.rfc3339()),
            certificate: None,
        }
    }
}

/// List all authorities: each is followed by those below it.
#[utoipa::path(get, path = "/api/v1/authorities", operation_id = "listAuthorities", tag = "Certificates", responses(
    (status = 200, description = "The authorities.", body = List<AuthorityShape>),
))]
pub async fn list(State(console): State<Console>, Program(actor): Program) -> Answer<Json<List<AuthorityShape>>> {
    let rows = console.fleet.authorities(&actor).await?;
    Ok(Json(List { items: rows.iter().map(Into::into).collect() }))
}

/// Get one authority, with its certificate.
#[utoipa::path(get, path = "/api/v1/authorities/{slug}", operation_id = "getAuthority", tag = "Certificates",
    params(("slug" = String, Path, description = "The authority's name in addresses.")), responses(
    (status = 200, description = "The authority.", body = AuthorityShape),
    (status = 404, description = "There is no such authority.", body = Problem),
))]
pub async fn one(
    State(console): State<Console>,
    Program(actor): Program,
    Key(slug): Key,
) -> Answer<Json<AuthorityShape>> {
    let detail = console.fleet.authority(&actor, &slug).await?;
    let certificate = detail.certificate.map(|certificate| certificate.pem());
    Ok(Json(AuthorityShape { certificate, ..AuthorityShape::from(&detail.row) }))
}

/// Something that needs a second person. People decide it in the console; no token can.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalShape {
    /// Its id.
    id: String,
    /// `authority.create`, `revocation` or `release`.
    kind: String,
    /// It in a sentence.
    title: String,
    /// What it is about: `authority:ID`, `revocation:ID`.
    subject: String,
    /// The hash of exactly what is to be approved.
    hash: String,
    /// `waiting`, `approved`, `rejected` or `void`.
    state: String,
    /// Who requested it.
    requested_by: String,
    /// When it was requested.
    #[schema(format = DateTime)]
    requested_at: String,
    /// Who decided.
    decided_by: Option<String>,
    /// When it was decided.
    #[schema(format = DateTime)]
    decided_at: Option<String>,
    /// Why it was decided so; may be empty.
    reason: String,
    /// Everything that is to be approved; only when one approval is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Value>,
}

impl From<&ApprovalRow> for ApprovalShape {
    fn from(row: &ApprovalRow) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.kind.to_string(),
            title: row.title.clone(),
            subject: row.subject.clone(),
            hash: row.hash.clone(),
            state: row.state.to_string(),
            requested_by: row.requested_by.clone(),
            requested_at: row.requested_at.rfc3339(),
            decided_by: row.decided_by.clone(),
            decided_at: row.decided_at.map(domain::time::Timestamp::rfc3339),
            reason: row.reason.clone(),
            detail: None,
        }
    }
}

/// List what needed a second person, the newest first.
#[utoipa::path(get, path = "/api/v1/approvals", operation_id = "listApprovals", tag = "Certificates", responses(
    (status = 200, description = "The approvals.", body = List<ApprovalShape>),
))]
pub async fn approvals(State(console): State<Console>, Program(actor): Program) -> Answer<Json<List<ApprovalShape>>> {
    let rows = console.fleet.approvals(&actor, None).await?;
    Ok(Json(List { items: rows.iter().map(Into::into).collect() }))
}

/// Get one approval, with everything that is to be approved.
#[utoipa::path(get, path = "/api/v1/approvals/{id}", operation_id = "getApproval", tag = "Certificates",
    params(("id" = String, Path, description = "The approval's id.")), responses(
    (status = 200, description = "The approval.", body = ApprovalShape),
    (status = 404, description = "There is no such approval.", body = Problem),
))]
pub async fn approval(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
) -> Answer<Json<ApprovalShape>> {
    actor.require(domain::person::Permission::ApprovalRead)?;
    let parsed = id.parse().map_err(|_| fleet::Error::not_found("approval", &id))?;
    let found = console.fleet.approval(&actor, parsed).await?;
    Ok(Json(ApprovalShape { detail: Some(found.detail.clone()), ..ApprovalShape::from(&found.row) }))
}

/// Something that doesn't fit: an overproduced device, a serial that was never issued, a wrong proof of possession.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingShape {
    /// Its id.
    id: String,
    /// What kind.
    kind: String,
    /// It in a sentence.
    words: String,
    /// The batch's code, if one is concerned.
    batch: Option<String>,
    /// The authority's name in addresses, if one is concerned.
    authority: Option<String>,
    /// The device's serial, if one is concerned.
    device: Option<String>,
    /// How often it was found.
    count: i64,
    /// When first.
    #[schema(format = DateTime)]
    first_at: String,
    /// When last.
    #[schema(format = DateTime)]
    last_at: String,
    /// `open` or what became of it.
    state: String,
}

impl From<&FindingRow> for FindingShape {
    fn from(row: &FindingRow) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.kind.to_string(),
            words: row.words.clone(),
            batch: row.batch.clone(),
            authority: row.authority_slug.clone(),
            device: row.device_serial.clone(),
            count: row.n,
            first_at: row.first_at.rfc3339(),
            last_at: row.last_at.rfc3339(),
            state: row.state.to_string(),
        }
    }
}

/// List the findings that nobody has looked into yet.
#[utoipa::path(get, path = "/api/v1/findings", operation_id = "listFindings", tag = "Certificates", responses(
    (status = 200, description = "The findings.", body = List<FindingShape>),
))]
pub async fn findings(State(console): State<Console>, Program(actor): Program) -> Answer<Json<List<FindingShape>>> {
    let rows = console.fleet.findings(&actor, true).await?;
    Ok(Json(List { items: rows.iter().map(Into::into).collect() }))
}
