//! Claiming devices by the code on their labels, and labels for a label printer.

use super::extract::{Answer, Document, Program};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::claim::address;
use fleet::{
    Actor, Error,
    claim::{ClaimForm, LABELS_MAX, Label, LabelState, Labels},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Where labels with their codes are given out.
pub const LABELS: [&str; 2] = ["/api/v1/labels", "/api/v1/labels/csv"];
/// The serial after which the next labels come, in an answer that has no other place for it.
const NEXT_AFTER: HeaderName = HeaderName::from_static("x-next-after");

/// A claim by the code on a device's label.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The device's serial.
    serial: String,
    /// The code on its label, in either case, with or without the hyphen.
    #[schema(example = "7K3M9-QXR2J")]
    code: String,
    /// The code of the client that it is for; or else `new_client`.
    #[serde(default)]
    custodian: String,
    /// The name of a client that is not known yet. It takes a role that may manage custodians.
    #[serde(default)]
    new_client: String,
    /// Where exactly.
    #[serde(default)]
    place: String,
}

/// What came of a claim.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClaimedShape {
    /// The id of the new history entry.
    id: Uuid,
    /// The client's name.
    client: String,
    /// Whether the device has a token, which from now on counts for nothing but getting the next one.
    token_rotates: bool,
}

/// Claim a device for a client. The code counts once.
#[utoipa::path(post, path = "/api/v1/claims", operation_id = "claimDevice", tag = "Claims",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = Claim, responses(
    (status = 201, description = "It is the client's.", body = ClaimedShape),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such device.", body = Problem),
    (status = 409, description = "It was claimed before, is retired or cut off; `detail` says which.", body = Problem),
    (status = 422, description = "The code is another, or a field is wrong; `errors` says which.", body = Problem),
    (status = 429, description = "Too many wrong codes; `Retry-After` says how many seconds to wait.", body = Problem),
))]
pub async fn create(
    State(console): State<Console>,
    Program(actor): Program,
    Document(claim): Document<Claim>,
) -> Answer<Response> {
    let Claim { serial, code, custodian, new_client, place } = claim;
    let form = ClaimForm { serial, code, custodian, new_client, place };
    let claimed = console.fleet.claim(&actor, &form).await?;
    let shape = ClaimedShape { id: claimed.entry.0, client: claimed.client.name, token_rotates: claimed.token_rotates };
    Ok((StatusCode::CREATED, Json(shape)).into_response())
}

/// Which labels are wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelsWanted {
    /// A fleet query.
    #[schema(example = "batch:2026-11-A")]
    query: String,
    /// The address of the console as the QR codes are to carry it, without a path.
    #[schema(example = "https://muster.example")]
    origin: String,
    /// The `next` of the answer before; empty to begin.
    #[serde(default)]
    after: String,
    /// How many at once, 1 to 500.
    #[serde(default = "usual")]
    #[schema(minimum = 1, maximum = 500, default = 100)]
    limit: i64,
}

const fn usual() -> i64 {
    100
}

/// One label.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabelShape {
    /// The device's serial.
    serial: String,
    /// The model's name.
    model: String,
    /// The batch's code.
    batch: String,
    /// `open`, `claimed`, or `shut` when it is retired or cut off.
    state: &'static str,
    /// The claim code, while it counts.
    #[schema(example = "7K3M9-QXR2J")]
    code: Option<String>,
    /// What the QR code carries.
    address: String,
}

/// Labels, in the order of serials.
#[derive(Debug, Serialize, ToSchema)]
pub struct LabelsShape {
    /// The labels.
    items: Vec<LabelShape>,
    /// What to send as `after` for the next ones, if there are more.
    next: Option<String>,
}

const fn state(label: &Label) -> &'static str {
    match label.state {
        LabelState::Code(_) => "open",
        LabelState::Claimed => "claimed",
        LabelState::Shut => "shut",
    }
}

/// The labels that are wanted, and the address that they carry.
async fn found(console: &Console, actor: &Actor, wanted: &LabelsWanted) -> Answer<(Labels, String)> {
    let limit = usize::try_from(wanted.limit).ok().filter(|limit| (1..=LABELS_MAX).contains(limit));
    let origin = domain::claim::origin(&wanted.origin);
    // Whoever may not see codes is told that first.
    let labels = match (&origin, limit) {
        (Some(_), Some(limit)) => console.fleet.labels(actor, &wanted.query, wanted.after.trim(), limit).await?,
        _ => {
            let permission = domain::person::Permission::CertificateEnrol;
            drop(console.fleet.allow(actor, permission, "labels").await?);
            return Err(wrong(origin.is_none()).into());
        }
    };
    Ok((labels, origin.unwrap_or_default()))
}

fn wrong(is_origin: bool) -> Error {
    if is_origin {
        return Error::field("origin", "Give an address that begins with https://, without a path.");
    }
    Error::field("limit", format!("Give a limit of 1 to {LABELS_MAX}; “next” leads on to more."))
}

/// Get the labels of devices with the codes by which they are claimed. It is audited.
#[utoipa::path(post, path = "/api/v1/labels", operation_id = "getLabels", tag = "Claims", request_body = LabelsWanted, responses(
    (status = 200, description = "The labels.", body = LabelsShape),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 409, description = "Muster was started without the passphrase that the codes need.", body = Problem),
    (status = 422, description = "A field is wrong; `errors` says which.", body = Problem),
))]
pub async fn labels(
    State(console): State<Console>,
    Program(actor): Program,
    Document(wanted): Document<LabelsWanted>,
) -> Answer<Response> {
    let (labels, origin) = found(&console, &actor, &wanted).await?;
    let shape = |label: &Label| LabelShape {
        serial: label.serial.clone(),
        model: label.model.clone(),
        batch: label.batch.clone(),
        state: state(label),
        code: label.code().map(ToString::to_string),
        address: address(&origin, &label.serial, label.code()),
    };
    let shape = LabelsShape { items: labels.items.iter().map(shape).collect(), next: labels.next };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(shape)).into_response())
}

/// Get labels as a CSV table. `X-Next-After` of the answer is what to send as `after` for the next ones.
#[utoipa::path(post, path = "/api/v1/labels/csv", operation_id = "getLabelsCsv", tag = "Claims", request_body = LabelsWanted, responses(
    (status = 200, description = "The table: serial, model, batch, state, code, address.", body = String, content_type = "text/csv"),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 409, description = "Muster was started without the passphrase that the codes need.", body = Problem),
    (status = 422, description = "A field is wrong; `errors` says which.", body = Problem),
))]
pub async fn labels_csv(
    State(console): State<Console>,
    Program(actor): Program,
    Document(wanted): Document<LabelsWanted>,
) -> Answer<Response> {
    let (labels, origin) = found(&console, &actor, &wanted).await?;
    let rows = labels.items.iter().map(|label| {
        let code = label.code().map(ToString::to_string).unwrap_or_default();
        let address = address(&origin, &label.serial, label.code());
        [label.serial.clone(), label.model.clone(), label.batch.clone(), state(label).to_owned(), code, address]
    });
    let heading = ["serial", "model", "batch", "state", "code", "address"].map(str::to_owned);
    let text = fleet::export::csv(std::iter::once(heading).chain(rows));
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    let mut response = (headers, text).into_response();
    if let Some(next) = labels.next.and_then(|next| HeaderValue::try_from(next).ok()) {
        response.headers_mut().insert(NEXT_AFTER, next);
    }
    Ok(response)
}
