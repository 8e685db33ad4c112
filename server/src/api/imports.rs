//! Imports: bringing in factory manifests and EPCIS documents.

use super::{
    extract::{Answer, Key, Params, Program, limited},
    shapes::List,
};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    id::ImportId,
    import::{ImportFormat, ImportState},
};
use fleet::{Error, import::ImportRequest};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use store::import::Import;
use utoipa::ToSchema;
use uuid::Uuid;

/// Where files are posted to.
pub const PATH: &str = "/api/v1/imports";

/// An import.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportShape {
    /// Its id; later imports have larger ones.
    pub id: Uuid,
    /// What the file was called.
    pub file_name: String,
    /// `csv`, `jsonl` or `epcis`.
    pub format: String,
    /// The file's SHA-256, in hexadecimal.
    pub sha256: String,
    /// The file's size, in bytes.
    pub size: i64,
    /// Whether it is checked only.
    pub dry_run: bool,
    /// Whether good rows are entered although others are bad.
    pub skip_bad_rows: bool,
    /// `received`, `checking`, `applying`, `done`, `refused`, `failed` or `cancelled`; the last four are final.
    pub state: String,
    /// Who brought it.
    pub actor: String,
    /// How many rows (EPCIS: events) were read.
    pub rows_checked: i64,
    /// How many of them were dealt with.
    pub rows_applied: i64,
    /// How many devices (EPCIS: history entries) were entered; of a dry run, would be.
    pub added: i64,
    /// How many were there already.
    pub unchanged: i64,
    /// How many rows are bad.
    pub bad: i64,
    /// How many things were left out.
    pub left_out: i64,
    /// What came of it, in a sentence or two.
    pub message: String,
    /// When it was begun.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it ended, if it did.
    #[schema(format = DateTime)]
    pub finished_at: Option<String>,
}

impl From<&Import> for ImportShape {
    fn from(import: &Import) -> Self {
        Self {
            id: import.id.0,
            file_name: import.file_name.clone(),
            format: import.format.to_string(),
            sha256: import.sha256.clone(),
            size: import.size,
            dry_run: import.dry_run,
            skip_bad_rows: import.skip_bad_rows,
            state: import.state.to_string(),
            actor: import.actor.clone(),
            rows_checked: import.rows_checked,
            rows_applied: import.rows_applied,
            added: import.added,
            unchanged: import.unchanged,
            bad: import.bad,
            left_out: import.left_out,
            message: import.message.clone(),
            created_at: import.created_at.rfc3339(),
            finished_at: import.finished_at.map(domain::time::Timestamp::rfc3339),
        }
    }
}

/// A page of imports.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Before {
    /// The id of the last import of the page before.
    #[param(value_type = Option<Uuid>)]
    before: Option<ImportId>,
    /// How many at once, 1 to 500.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: i64,
}

const fn usual() -> i64 {
    50
}

/// List imports, newest first.
#[utoipa::path(get, path = "/api/v1/imports", operation_id = "listImports", tag = "Imports", params(Before), responses(
    (status = 200, description = "Imports.", body = List<ImportShape>),
))]
pub async fn list(
    State(console): State<Console>,
    Program(actor): Program,
    Params(page): Params<Before>,
) -> Answer<Json<List<ImportShape>>> {
    let limit = limited(page.limit)?;
    let imports = console.fleet.imports(&actor, page.before, limit).await?;
    Ok(Json(List { items: imports.iter().map(Into::into).collect() }))
}

/// How a file is to be imported.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct How {
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
    /// `refuse` (whole or not at all) or `skip` (enter the good rows).
    #[serde(default)]
    #[param(inline, example = "skip")]
    on_error: OnError,
    /// What the file is called, for people.
    #[serde(default)]
    file_name: String,
}

/// What becomes of a file with bad rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Nothing is entered.
    #[default]
    Refuse,
    /// The good rows are entered.
    Skip,
}

/// Import a file. It is answered when the file is safe; follow `Location` for what comes of it.
#[utoipa::path(post, path = "/api/v1/imports", operation_id = "createImport", tag = "Imports", params(How),
    request_body(description = "The file, as it is.", content(
        (String = "text/csv"), (String = "application/x-ndjson"), (Object = "application/ld+json"),
    )), responses(
    (status = 202, description = "The file was taken in.", body = ImportShape,
        headers(("Location" = String, description = "Where the import is."))),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 413, description = "The file is larger than 1 GiB, or an EPCIS document than 256 MiB.", body = Problem),
    (status = 415, description = "The content type is none of the three.", body = Problem),
    (status = 507, description = "Too much waits to be imported already.", body = Problem),
))]
pub async fn create(
    State(console): State<Console>,
    Program(actor): Program,
    Params(how): Params<How>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    // Whoever may not do it at all is told that first.
    let format = format(&headers);
    if actor.may(domain::person::Permission::ImportRun) && format.is_none() {
        let told = "Send the file as text/csv, application/x-ndjson or application/ld+json.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, told).into());
    }
    let name = if how.file_name.is_empty() { "API" } else { how.file_name.as_str() };
    let request = ImportRequest {
        format,
        dry_run: how.dry_run,
        skip_bad_rows: how.on_error == OnError::Skip,
        ..ImportRequest::new(name)
    };
    let id = console.fleet.start_import(&actor, &request, body.into_data_stream()).await?;
    let import = console.fleet.import(&actor, id).await?;
    let location = [(header::LOCATION, format!("{PATH}/{id}"))];
    Ok((StatusCode::ACCEPTED, location, Json(ImportShape::from(&import))).into_response())
}

fn format(headers: &HeaderMap) -> Option<ImportFormat> {
    let given = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = given.split(';').next()?.trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/csv" => Some(ImportFormat::Csv),
        "application/x-ndjson" | "application/jsonl" => Some(ImportFormat::Jsonl),
        "application/ld+json" => Some(ImportFormat::Epcis),
        _ => None,
    }
}

/// Get one import.
#[utoipa::path(get, path = "/api/v1/imports/{id}", operation_id = "getImport", tag = "Imports",
    params(("id" = Uuid, Path, description = "The import's id.")), responses(
    (status = 200, description = "The import.", body = ImportShape),
    (status = 404, description = "There is no such import.", body = Problem),
))]
pub async fn one(State(console): State<Console>, Program(actor): Program, Key(id): Key) -> Answer<Response> {
    let import = console.fleet.import(&actor, known(&id)?).await?;
    let mut response = Json(ImportShape::from(&import)).into_response();
    if matches!(import.state, ImportState::Received | ImportState::Checking | ImportState::Applying) {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    Ok(response)
}

/// Get what was wrong with a file, as CSV.
#[utoipa::path(get, path = "/api/v1/imports/{id}/problems", operation_id = "getImportProblems", tag = "Imports",
    params(("id" = Uuid, Path, description = "The import's id.")), responses(
    (status = 200, description = "One row a problem.", body = String, content_type = "text/csv"),
    (status = 404, description = "There is no such import.", body = Problem),
))]
pub async fn problems(State(console): State<Console>, Program(actor): Program, Key(id): Key) -> Answer<Response> {
    let table = console.fleet.import_problems_csv(&actor, known(&id)?).await?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], table).into_response())
}

/// What can't be an id is not the id of anything.
fn known(id: &str) -> Result<ImportId, Error> {
    id.parse().map_err(|_| Error::not_found("import", id))
}
