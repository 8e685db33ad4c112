//! Certification authorities, and what their owners have to decide or look into.

use super::{
    extract::{Answer, Key, Params, Program, limited_or_usual, wrong},
    shapes::List,
};
use crate::{Console, problem::Problem};
use axum::{Json, extract::State};
use fleet::{
    approval::ApprovalRow,
    authority::AuthorityRow,
    finding::{FindingFilter, FindingRow},
};
use serde::{Deserialize, Serialize};
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

/// A page of approvals.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalsShape {
    /// The approvals, in order.
    items: Vec<ApprovalShape>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
    /// How many there are on all pages.
    total: i64,
}

/// Which approvals.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct WhichApprovals {
    /// Those that stand so: `waiting`, `approved`, `rejected` or `void`.
    state: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many to give, at most 500.
    limit: i64,
}

/// List what needed a second person, the newest first.
#[utoipa::path(get, path = "/api/v1/approvals", operation_id = "listApprovals", tag = "Certificates",
    params(WhichApprovals), responses(
    (status = 200, description = "A page of approvals.", body = ApprovalsShape),
    (status = 400, description = "A parameter is wrong.", body = Problem),
))]
pub async fn approvals(
    State(console): State<Console>,
    Program(actor): Program,
    Params(which): Params<WhichApprovals>,
) -> Answer<Json<ApprovalsShape>> {
    let (state, after) = (word(which.state, "state")?, word(which.cursor, "cursor")?);
    let page = console.fleet.approval_page(&actor, state, after, limited_or_usual(which.limit)?).await?;
    let items = page.rows.iter().map(Into::into).collect();
    Ok(Json(ApprovalsShape { items, next: page.next.map(|id| id.to_string()), total: page.total }))
}

/// A parameter that is one of several words.
pub(super) fn word<T: std::str::FromStr>(text: Option<String>, name: &str) -> Answer<Option<T>> {
    let unknown =
        |text: &str| wrong(name, format!("There is no {name} “{}”.", text.chars().take(60).collect::<String>()));
    text.filter(|text| !text.is_empty()).map(|text| text.parse().map_err(|_| unknown(&text))).transpose()
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
    /// `open` or what became of it: `folded` is part of another, `resolved` is settled.
    state: String,
    /// How many findings are part of it, counted up to a thousand.
    parts: i64,
    /// The id of the finding that it is part of, or was when that was settled.
    part_of: Option<String>,
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
            parts: row.parts,
            part_of: row.part_of.as_ref().map(|(id, _)| id.to_string()),
        }
    }
}

/// A page of findings.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingsShape {
    /// The findings, in order.
    items: Vec<FindingShape>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
}

/// Which findings.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct WhichFindings {
    /// Those of one kind.
    kind: Option<String>,
    /// Whether those are meant that are settled, too.
    all: bool,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many to give, at most 500.
    limit: i64,
}

/// List the findings that nobody has looked into yet, the last first.
#[utoipa::path(get, path = "/api/v1/findings", operation_id = "listFindings", tag = "Certificates",
    params(WhichFindings), responses(
    (status = 200, description = "A page of findings.", body = FindingsShape),
    (status = 400, description = "A parameter is wrong.", body = Problem),
))]
pub async fn findings(
    State(console): State<Console>,
    Program(actor): Program,
    Params(which): Params<WhichFindings>,
) -> Answer<Json<FindingsShape>> {
    let WhichFindings { kind, all, cursor, limit } = which;
    let filter = FindingFilter { all, kind: word(kind, "kind")?, cursor, limit: limited_or_usual(limit)? };
    let page = console.fleet.finding_page(&actor, &filter).await?;
    Ok(Json(FindingsShape { items: page.rows.iter().map(Into::into).collect(), next: page.next }))
}
