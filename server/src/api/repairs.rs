//! Repairs: opening them, the parts that go out and in, authorising, cancelling.

use super::extract::{Answer, Document, Key, Params, Program, Refusal, limited_or_usual};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    component::Part,
    id::RepairId,
    repair::{PartDirection, Remark, RepairState, Tone},
    time::Timestamp,
};
use fleet::repair::{Authorised, OpenForm, PartForm, RepairCase, RepairDetail, RepairFilter, SlotLook};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A repair.
#[derive(Debug, Serialize, ToSchema)]
pub struct RepairShape {
    /// Its name.
    #[schema(example = "R-2611-0042")]
    code: String,
    /// The device's serial.
    device: String,
    /// `reported`, `authorising`, `authorised`, `re_enrolling`, `verifying`, `closed` or `cancelled`.
    state: String,
    /// What is wrong with the device.
    symptom: String,
    /// Who works on it; may be empty.
    technician: String,
    /// Who opened it.
    opened_by: String,
    /// When.
    #[schema(format = DateTime)]
    opened_at: String,
    /// Why parts are changed; empty before it is authorised.
    reason: String,
    /// The manifest version that the device has to report; none before it is authorised.
    expected_version: Option<i64>,
    /// Whether the device needs a certificate for a new key.
    needs_certificate: bool,
    /// Who authorised it.
    authorised_by: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    authorised_at: Option<String>,
    /// When it was closed or cancelled.
    #[schema(format = DateTime)]
    closed_at: Option<String>,
    /// What came of it; empty while it is open.
    outcome: String,
}

impl From<&RepairCase> for RepairShape {
    fn from(case: &RepairCase) -> Self {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Self {
            code: case.code.clone(),
            device: case.serial.clone(),
            state: case.state.to_string(),
            symptom: case.symptom.clone(),
            technician: case.technician.clone(),
            opened_by: case.opened_by.clone(),
            opened_at: case.opened_at.rfc3339(),
            reason: case.reason.clone(),
            expected_version: Some(case.expected_version).filter(|version| *version > 0),
            needs_certificate: case.key_changes,
            authorised_by: text(&case.authorised_by),
            authorised_at: case.authorised_at.map(Timestamp::rfc3339),
            closed_at: case.closed_at.map(Timestamp::rfc3339),
            outcome: case.outcome.clone(),
        }
    }
}

/// A page of repairs.
#[derive(Debug, Serialize, ToSchema)]
pub struct RepairsShape {
    /// The repairs, newest first.
    items: Vec<RepairShape>,
    /// The cursor of the next page, if there is one.
    next: Option<String>,
}

/// Which repairs.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only those in this state; without it those that are open.
    state: String,
    /// Only those that this person works on, by address.
    technician: String,
    /// Only those of the device with this serial, or whose name begins so; then the others count for nothing.
    query: String,
    /// The `next` of the page before.
    cursor: String,
    /// How many at most, up to 500.
    limit: i64,
}

/// List repairs, newest first.
#[utoipa::path(get, path = "/api/v1/repairs", operation_id = "listRepairs", tag = "Repairs", params(Which), responses(
    (status = 200, description = "A page of repairs.", body = RepairsShape),
))]
pub async fn list(
    State(console): State<Console>,
    Program(actor): Program,
    Params(which): Params<Which>,
) -> Answer<Json<RepairsShape>> {
    let state = match which.state.as_str() {
        "" => None,
        word => Some(word.parse::<RepairState>().map_err(|_| unknown("state", word))?),
    };
    let after = match which.cursor.as_str() {
        "" => None,
        text => Some(text.parse::<RepairId>().map_err(|_| unknown("cursor", text))?),
    };
    let filter = RepairFilter {
        state,
        over: false,
        technician: Some(which.technician).filter(|name| !name.is_empty()),
        text: which.query,
        after,
        limit: limited_or_usual(which.limit)?,
    };
    let page = console.fleet.repairs(&actor, &filter).await?;
    let items = page.rows.iter().map(Into::into).collect();
    Ok(Json(RepairsShape { items, next: page.next.map(|id| id.to_string()) }))
}

fn unknown(field: &str, word: &str) -> Refusal {
    fleet::Error::field(field, format!("There is no {field} “{}”.", word.chars().take(40).collect::<String>())).into()
}

/// What is to be said of a part.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemarkShape {
    /// `fine`, `doubt` or `wrong`.
    tone: String,
    /// It in a sentence.
    words: String,
}

fn remarks(remarks: &[Remark]) -> Vec<RemarkShape> {
    let shape = |remark: &Remark| RemarkShape {
        tone: match remark.tone {
            Tone::Fine => "fine",
            Tone::Doubt => "doubt",
            Tone::Wrong => "wrong",
        }
        .to_owned(),
        words: remark.words.clone(),
    };
    remarks.iter().map(shape).collect()
}

/// What goes out of a slot, or comes into it, as it was typed.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineShape {
    /// What was typed; empty for a part that was taken out without a look at its label.
    typed: String,
    /// The part that it stands for, unless something is wrong.
    identifier: Option<String>,
    /// What becomes of a part that goes out: `scrap`, `return`, `spare` or `missing`.
    fate: Option<String>,
    /// What is to be said of it.
    remarks: Vec<RemarkShape>,
}

/// What happens in one slot.
#[derive(Debug, Serialize, ToSchema)]
pub struct SlotShape {
    /// The slot.
    #[schema(example = "lte0")]
    slot: String,
    /// What kind of part.
    class: String,
    /// What goes out.
    out: Option<LineShape>,
    /// What comes in.
    #[serde(rename = "in")]
    part_in: Option<LineShape>,
}

impl From<&SlotLook> for SlotShape {
    fn from(look: &SlotLook) -> Self {
        let line = |direction: PartDirection| {
            let (typed, check) = match direction {
                PartDirection::Out => (look.out.as_ref()?, &look.out_check),
                PartDirection::In => (look.part_in.as_ref()?, &look.in_check),
            };
            Some(LineShape {
                typed: typed.identifier.clone(),
                identifier: check.part.as_ref().map(|part: &Part| part.identifier.clone()),
                fate: (direction == PartDirection::Out).then(|| look.fate().to_string()),
                remarks: remarks(&check.remarks),
            })
        };
        Self {
            slot: look.slot.clone(),
            class: look.class.to_string(),
            out: line(PartDirection::Out),
            part_in: line(PartDirection::In),
        }
    }
}

/// A note on a repair.
#[derive(Debug, Serialize, ToSchema)]
pub struct RepairNoteShape {
    /// When it was written.
    #[schema(format = DateTime)]
    at: String,
    /// By whom.
    by: String,
    /// What it says.
    text: String,
}

/// A repair with what belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RepairDetailShape {
    /// The repair.
    #[serde(flatten)]
    repair: RepairShape,
    /// What happens in each slot.
    slots: Vec<SlotShape>,
    /// Why a second person has to approve it, in sentences; empty when one is enough.
    takes_two_because: Vec<String>,
    /// Notes, oldest first.
    notes: Vec<RepairNoteShape>,
    /// How many photos there are.
    photos: usize,
    /// The last approval that was asked for.
    approval: Option<String>,
}

impl From<RepairDetail> for RepairDetailShape {
    fn from(detail: RepairDetail) -> Self {
        let note = |note: &fleet::repair::RepairNote| RepairNoteShape {
            at: note.at.rfc3339(),
            by: note.by.clone(),
            text: note.text.clone(),
        };
        Self {
            repair: (&detail.case).into(),
            slots: detail.slots.iter().map(Into::into).collect(),
            takes_two_because: detail.plan.reasons.iter().map(ToString::to_string).collect(),
            notes: detail.notes.iter().map(note).collect(),
            photos: detail.photos.len(),
            approval: detail.approval.map(|approval| approval.id.to_string()),
        }
    }
}

/// Get a repair.
#[utoipa::path(get, path = "/api/v1/repairs/{code}", operation_id = "getRepair", tag = "Repairs",
    params(("code" = String, Path, description = "The repair's name.")), responses(
    (status = 200, description = "The repair.", body = RepairDetailShape),
    (status = 404, description = "There is no such repair.", body = Problem),
))]
pub async fn one(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
) -> Answer<Json<RepairDetailShape>> {
    Ok(Json(console.fleet.repair(&actor, &code).await?.into()))
}

/// A repair to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The device's serial.
    device: String,
    /// What is wrong with it.
    symptom: String,
    /// Who works on it: the address of an account.
    #[serde(default)]
    technician: String,
}

/// Open a repair. The device is in repair from then on.
#[utoipa::path(post, path = "/api/v1/repairs", operation_id = "openRepair", tag = "Repairs",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = Opening, responses(
    (status = 201, description = "It is open.", body = RepairDetailShape),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such device.", body = Problem),
    (status = 409, description = "The device is in repair already, or retired.", body = Problem),
    (status = 422, description = "A field is wrong; `errors` says which.", body = Problem),
))]
pub async fn open(
    State(console): State<Console>,
    Program(actor): Program,
    Document(wanted): Document<Opening>,
) -> Answer<Response> {
    let form = OpenForm { symptom: wanted.symptom, technician: wanted.technician };
    let code = console.fleet.open_repair(&actor, wanted.device.trim(), &form).await?;
    // It is written; that it can't be read must not sound as if it was not.
    let detail = console.fleet.repair(&actor, &code).await.map_err(|_| fleet::Error::Unsure)?;
    let detail: RepairDetailShape = detail.into();
    Ok((StatusCode::CREATED, Json(detail)).into_response())
}

/// What happens in one slot, as it is typed or scanned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartDocument {
    /// The slot.
    #[schema(example = "lte0")]
    slot: String,
    /// The identifier of the part that was taken out; empty when it was not looked at.
    #[serde(default)]
    out: String,
    /// What becomes of it: `scrap`, `return`, `spare` or `missing`.
    #[serde(default)]
    fate: String,
    /// The identifier of the part that comes in; empty when the slot stays empty.
    #[serde(default, rename = "in")]
    part_in: String,
    /// What kind of part, for a slot that the manifest doesn't list.
    #[serde(default)]
    class: String,
    /// Who made the part that comes in; empty for the same as before.
    #[serde(default)]
    maker: String,
    /// Its type name; empty for the same as before.
    #[serde(default)]
    model: String,
}

/// Keep what happens in a slot, in the place of what was kept of it before. What is wrong is kept, too: the remarks say so,
/// and it can't be authorised until it is put right.
#[utoipa::path(post, path = "/api/v1/repairs/{code}/parts", operation_id = "keepRepairPart", tag = "Repairs",
    params(("code" = String, Path, description = "The repair's name."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = PartDocument, responses(
    (status = 200, description = "It is kept; this is what is to be said of it.", body = SlotShape),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such repair.", body = Problem),
    (status = 409, description = "The repair is not on the bench.", body = Problem),
    (status = 422, description = "It says too little to be kept; `errors` says what is missing.", body = Problem),
))]
pub async fn part(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(wanted): Document<PartDocument>,
) -> Answer<Json<SlotShape>> {
    let PartDocument { slot, out, fate, part_in, class, maker, model } = wanted;
    let form = PartForm { slot, out, fate, part_in, class, maker, model };
    Ok(Json((&console.fleet.draft_part(&actor, &code, &form).await?).into()))
}

/// A sentence about what is done and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// The sentence.
    reason: String,
}

/// What came of authorising.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorisedShape {
    /// Whether the manifest is written; if not, a second person has to approve it.
    written: bool,
    /// The approval that it waits for.
    approval: Option<String>,
    /// How the repair stands now.
    state: String,
}

/// Authorise a repair: write the next manifest, or ask a second person where one is needed.
#[utoipa::path(post, path = "/api/v1/repairs/{code}/authorise", operation_id = "authoriseRepair", tag = "Repairs",
    params(("code" = String, Path, description = "The repair's name."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = Why, responses(
    (status = 200, description = "The manifest is written.", body = AuthorisedShape),
    (status = 202, description = "A second person has to approve it.", body = AuthorisedShape),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such repair.", body = Problem),
    (status = 409, description = "The repair is not on the bench, or where its parts are has changed.", body = Problem),
    (status = 422, description = "A part is wrong; `errors` says which.", body = Problem),
))]
pub async fn authorise(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(why): Document<Why>,
) -> Answer<Response> {
    let (status, written, approval, state) = match console.fleet.authorise_repair(&actor, &code, &why.reason).await? {
        Authorised::Done(state) => (StatusCode::OK, true, None, state),
        Authorised::Waiting(id) => (StatusCode::ACCEPTED, false, Some(id.to_string()), RepairState::Authorising),
    };
    let told = AuthorisedShape { written, approval, state: state.to_string() };
    Ok((status, Json(told)).into_response())
}

/// Cancel a repair that was not authorised.
#[utoipa::path(post, path = "/api/v1/repairs/{code}/cancel", operation_id = "cancelRepair", tag = "Repairs",
    params(("code" = String, Path, description = "The repair's name."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be repeated.")),
    request_body = Why, responses(
    (status = 200, description = "It is cancelled.", body = RepairDetailShape),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such repair.", body = Problem),
    (status = 409, description = "It was authorised, or is over.", body = Problem),
    (status = 422, description = "No reason is given.", body = Problem),
))]
pub async fn cancel(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    Document(why): Document<Why>,
) -> Answer<Json<RepairDetailShape>> {
    console.fleet.cancel_repair(&actor, &code, &why.reason).await?;
    Ok(Json(console.fleet.repair(&actor, &code).await?.into()))
}
