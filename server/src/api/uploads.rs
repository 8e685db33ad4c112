//! Files in pieces, by tus 1.0 (<https://tus.io/protocols/resumable-upload>): its core, creation, expiration and termination.
//! Whoever is cut off asks how much is here (HEAD) and goes on from there (PATCH).

use super::extract::{Answer, Key, Program, Refusal};
use crate::{Console, problem::Problem};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{id::UploadId, person::Permission, time::Timestamp};
use fleet::{
    Actor,
    release::{Upload, UploadForm},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::time::{Duration, UNIX_EPOCH};

/// Where uploads begin.
pub const PATH: &str = "/api/v1/uploads";
/// Where one goes on.
pub const ONE: &str = "/api/v1/uploads/{id}";

const VERSION: &str = "1.0.0";
/// What is spoken beyond the core.
const EXTENSIONS: &str = "creation,expiration,termination";
const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const PIECE: &str = "application/offset+octet-stream";
/// How much may be said about a file, in bytes.
const METADATA_MAX: usize = 4096;

/// Ask what of tus is spoken here, and how large a file may be.
#[utoipa::path(options, path = "/api/v1/uploads", operation_id = "describeUploads", tag = "Releases", responses(
    (status = 204, description = "The headers say it.",
        headers(("Tus-Version" = String, description = "`1.0.0`."),
                ("Tus-Extension" = String, description = "What is spoken beyond the core."),
                ("Tus-Max-Size" = i64, description = "How large a file may be, in bytes."))),
))]
pub async fn options(State(console): State<Console>, Program(actor): Program) -> Response {
    let told = async {
        let most = console.fleet.upload_limit(&actor).await?;
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert("tus-version", HeaderValue::from_static(VERSION));
        headers.insert("tus-extension", HeaderValue::from_static(EXTENSIONS));
        headers.insert("tus-max-size", HeaderValue::from(most));
        Ok(response)
    };
    answered(told.await)
}

/// Begin an upload. `Upload-Metadata` may say `filename` and `sha256` (hexadecimal), each in base64; with `sha256` an
/// unfinished upload of the same file by the same token is found again.
#[utoipa::path(post, path = "/api/v1/uploads", operation_id = "createUpload", tag = "Releases", params(
    ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
    ("Upload-Length" = i64, Header, description = "The file's size, in bytes."),
    ("Upload-Metadata" = Option<String>, Header, description = "`filename BASE64,sha256 BASE64`."),
), responses(
    (status = 201, description = "It may be sent now.",
        headers(("Location" = String, description = "Where to send the file to."),
                ("Upload-Expires" = String, description = "Until when an unfinished upload is kept."))),
    (status = 400, description = "A header is missing or can't be read.", body = Problem),
    (status = 412, description = "Another version of tus than 1.0.0 was asked for.", body = Problem),
    (status = 413, description = "The file is larger than is taken.", body = Problem),
    (status = 507, description = "Too much is on its way already, or the disk has no room for it.", body = Problem),
))]
pub async fn create(State(console): State<Console>, Program(actor): Program, headers: HeaderMap) -> Response {
    answered(begin(&console, &actor, &headers).await)
}

async fn begin(console: &Console, actor: &Actor, headers: &HeaderMap) -> Answer<Response> {
    let mut form = UploadForm::default();
    // Whoever may not do it at all is told that first.
    if actor.may(Permission::ReleasePush) {
        speaks_tus(headers)?;
        form.size = number(headers, &LENGTH)?;
        (form.file_name, form.sha256) = metadata(headers)?;
    }
    let upload = console.fleet.begin_upload(actor, &form).await?;
    let mut response = StatusCode::CREATED.into_response();
    let location = HeaderValue::try_from(format!("{PATH}/{}", upload.id));
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.headers_mut().insert(EXPIRES, expires(&upload));
    Ok(response)
}

/// Ask how much of a file is here.
#[utoipa::path(head, path = "/api/v1/uploads/{id}", operation_id = "headUpload", tag = "Releases", params(
    ("id" = String, Path, description = "The upload's id."),
    ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
), responses(
    (status = 200, description = "So much is here.",
        headers(("Upload-Offset" = i64, description = "How many bytes are here, and durable."),
                ("Upload-Length" = i64, description = "How many it is to have."),
                ("Upload-Expires" = String, description = "Until when an unfinished upload is kept."))),
    (status = 404, description = "There is no such upload of yours; it may have expired.", body = Problem),
    (status = 412, description = "Another version of tus than 1.0.0 was asked for.", body = Problem),
))]
pub async fn head(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    headers: HeaderMap,
) -> Response {
    let asked = async {
        if actor.may(Permission::ReleasePush) {
            speaks_tus(&headers)?;
        }
        let upload = console.fleet.upload(&actor, upload_id(&id)).await?;
        let mut response = StatusCode::OK.into_response();
        response.headers_mut().insert(OFFSET, HeaderValue::from(upload.received));
        response.headers_mut().insert(LENGTH, HeaderValue::from(upload.size));
        response.headers_mut().insert(EXPIRES, expires(&upload));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    };
    answered(asked.await)
}

/// Send a file on from where it is. What came before a connection broke is kept.
#[utoipa::path(patch, path = "/api/v1/uploads/{id}", operation_id = "patchUpload", tag = "Releases", params(
    ("id" = String, Path, description = "The upload's id."),
    ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
    ("Upload-Offset" = i64, Header, description = "From where on this is: as much as is here."),
), request_body(description = "The rest of the file, or as much as is sent at once.", content_type = "application/offset+octet-stream", content = String),
responses(
    (status = 204, description = "It is here, and durable.",
        headers(("Upload-Offset" = i64, description = "How many bytes are here now."),
                ("Upload-Expires" = String, description = "Until when an unfinished upload is kept."))),
    (status = 404, description = "There is no such upload of yours; it may have expired.", body = Problem),
    (status = 409, description = "It goes on elsewhere, or another request sends it right now. Nothing is lost: ask how much is here.", body = Problem),
    (status = 412, description = "Another version of tus than 1.0.0 was asked for.", body = Problem),
    (status = 413, description = "More came than was announced.", body = Problem),
    (status = 415, description = "The content type is not `application/offset+octet-stream`.", body = Problem),
    (status = 507, description = "The disk is full.", body = Problem),
))]
pub async fn patch(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let sent = async {
        let mut offset = 0;
        if actor.may(Permission::ReleasePush) {
            speaks_tus(&headers)?;
            is_piece(&headers)?;
            offset = number(&headers, &OFFSET)?;
        }
        let upload = console.fleet.append_upload(&actor, upload_id(&id), offset, body.into_data_stream()).await?;
        let mut response = StatusCode::NO_CONTENT.into_response();
        response.headers_mut().insert(OFFSET, HeaderValue::from(upload.received));
        response.headers_mut().insert(EXPIRES, expires(&upload));
        Ok(response)
    };
    answered(sent.await)
}

/// Forget a file that is on its way: nobody goes on with it.
#[utoipa::path(delete, path = "/api/v1/uploads/{id}", operation_id = "deleteUpload", tag = "Releases", params(
    ("id" = String, Path, description = "The upload's id."),
    ("Tus-Resumable" = String, Header, description = "`1.0.0`."),
), responses(
    (status = 204, description = "It is forgotten."),
    (status = 404, description = "There is no such upload of yours; it may have expired.", body = Problem),
    (status = 412, description = "Another version of tus than 1.0.0 was asked for.", body = Problem),
))]
pub async fn delete(
    State(console): State<Console>,
    Program(actor): Program,
    Key(id): Key,
    headers: HeaderMap,
) -> Response {
    let forgotten = async {
        if actor.may(Permission::ReleasePush) {
            speaks_tus(&headers)?;
        }
        console.fleet.discard_upload(&actor, upload_id(&id)).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    answered(forgotten.await)
}

/// Every answer says which protocol it is, those of errors too.
fn answered(answer: Answer<Response>) -> Response {
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(RESUMABLE, HeaderValue::from_static(VERSION));
    response
}

/// What can't be an id is not the id of anything; whoever may not is told that first.
fn upload_id(id: &str) -> UploadId {
    id.parse().unwrap_or(UploadId(uuid::Uuid::nil()))
}

fn speaks_tus(headers: &HeaderMap) -> Answer<()> {
    if headers.get(RESUMABLE).is_some_and(|value| value == VERSION) {
        return Ok(());
    }
    let problem =
        Problem::new(StatusCode::PRECONDITION_FAILED, "Files are sent by tus 1.0: send Tus-Resumable: 1.0.0.");
    let mut response = problem.into_response();
    response.headers_mut().insert("tus-version", HeaderValue::from_static(VERSION));
    Err(Refusal::from(response))
}

fn is_piece(headers: &HeaderMap) -> Answer<()> {
    if headers.get(header::CONTENT_TYPE).is_some_and(|value| value == PIECE) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("Send it with Content-Type: {PIECE}.")).into())
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Answer<i64> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    value
        .filter(|n| *n >= 0)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, format!("Send {name} as a number of bytes.")).into())
}

/// The file's name and its SHA-256.
fn metadata(headers: &HeaderMap) -> Answer<(String, String)> {
    let mut told = [String::new(), String::new()];
    let Some(value) = headers.get(METADATA) else { return Ok(told.into()) };
    let wrong = || {
        Problem::new(StatusCode::BAD_REQUEST, "Upload-Metadata can't be read; write `filename BASE64,sha256 BASE64`.")
    };
    let text = value.to_str().ok().filter(|text| text.len() <= METADATA_MAX).ok_or_else(wrong)?;
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let place = match key {
            "filename" => 0,
            "sha256" => 1,
            // What we don't ask for may be said all the same.
            _ => continue,
        };
        let value = STANDARD.decode(value.trim()).ok().and_then(|value| String::from_utf8(value).ok());
        told[place] = value.ok_or_else(wrong)?;
    }
    Ok(told.into())
}

fn expires(upload: &Upload) -> HeaderValue {
    let Timestamp(micros) = upload.expires_at;
    let at = UNIX_EPOCH + Duration::from_micros(micros.unsigned_abs());
    HeaderValue::try_from(httpdate::fmt_http_date(at)).unwrap_or(HeaderValue::from_static("0"))
}
