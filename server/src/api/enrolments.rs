//! Enrolling devices in numbers, and taking in what a factory signed itself.

use super::extract::{Answer, Document, InTurn, Key, Program, Refusal};
use crate::{Console, problem::Problem};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use fleet::{Actor, Fleet, authority::Delivery, enrol::EnrolItem};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Devices to enrol.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The devices, at most 10,000.
    #[schema(value_type = Vec<WantedDevice>)]
    devices: Vec<EnrolItem>,
}

/// One device to enrol.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `fleet` reads")]
pub struct WantedDevice {
    /// Its serial.
    serial: String,
    /// Its request: PKCS#10 as PEM or base64.
    csr: String,
    /// Its hardware revision; only with components.
    hardware_revision: Option<String>,
    /// The firmware that it leaves the line with; only with components.
    firmware: Option<String>,
    /// When it was made; now when nothing is said.
    #[schema(format = DateTime)]
    made_at: Option<String>,
    /// Its components, each as in a row of a JSON Lines manifest. With them a device that isn't known is made.
    #[serde(default)]
    components: Vec<Value>,
}

/// What became of many devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct Enrolments {
    /// How many have a certificate now.
    enrolled: usize,
    /// How many were refused.
    refused: usize,
    /// What stands above their certificates, without the root, as PEM.
    chain: String,
    /// Each device, in the order in which it was sent.
    devices: Vec<Enrolment>,
}

/// What became of one device.
#[derive(Debug, Serialize, ToSchema)]
pub struct Enrolment {
    /// Its serial, as it was sent.
    serial: String,
    /// Whether the device was made, too.
    made: bool,
    /// Its certificate as PEM.
    certificate: Option<String>,
    /// Why it got none.
    error: Option<String>,
}

/// Enrols them, each with an answer of its own.
///
/// # Errors
/// When the actor may not, or nothing signs for the batch.
pub async fn enrol_all(fleet: &Fleet, actor: &Actor, batch: &str, wanted: Wanted) -> fleet::Result<Enrolments> {
    let outcomes = fleet.enrol_many(actor, batch, wanted.devices).await?;
    let mut enrolments = Enrolments { enrolled: 0, refused: 0, chain: String::new(), devices: Vec::new() };
    for outcome in outcomes {
        let (certificate, error) = match outcome.outcome {
            Ok(enrolled) => {
                enrolments.enrolled += 1;
                if enrolments.chain.is_empty() {
                    enrolments.chain = pki::chain_pem(&enrolled.chain);
                }
                (Some(enrolled.certificate.pem()), None)
            }
            Err(why) => {
                enrolments.refused += 1;
                (None, Some(why))
            }
        };
        enrolments.devices.push(Enrolment { serial: outcome.serial, made: outcome.made, certificate, error });
    }
    Ok(enrolments)
}

/// Enrol many devices of a batch. What was answered is durable; who has a certificate for the same key gets it again.
#[utoipa::path(post, path = "/api/v1/batches/{code}/enrolments", operation_id = "enrolMany", tag = "Certificates",
    params(("code" = String, Path, description = "The batch's code.")), request_body = Wanted, responses(
    (status = 200, description = "What became of each device.", body = Enrolments),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such batch.", body = Problem),
    (status = 409, description = "Nothing signs for this batch.", body = Problem),
))]
pub async fn create(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    InTurn(turn): InTurn,
    Document(wanted): Document<Wanted>,
) -> Answer<Json<Enrolments>> {
    let enrolments = enrol_all(&console.fleet, &actor, &code, wanted).await;
    drop(turn);
    Ok(Json(enrolments?))
}

/// A device's request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// PKCS#10 as PEM or base64.
    csr: String,
}

/// A device's certificate.
#[derive(Debug, Serialize, ToSchema)]
pub struct Issued {
    /// The device's serial.
    serial: String,
    /// The certificate as PEM.
    certificate: String,
    /// What stands above it, without the root, as PEM.
    chain: String,
}

/// Enrol one device, by its own request. Of it only the key is used; asked again with the same key, the answer is the
/// same certificate.
#[utoipa::path(post, path = "/api/v1/devices/{serial}/certificates", operation_id = "enrolDevice", tag = "Certificates",
    params(("serial" = String, Path, description = "The device's serial.")), request_body = Request, responses(
    (status = 201, description = "Its certificate.", body = Issued),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such device.", body = Problem),
    (status = 409, description = "Nothing signs for its batch.", body = Problem),
    (status = 422, description = "The request is refused; `detail` says why.", body = Problem),
))]
pub async fn one(
    State(console): State<Console>,
    Program(actor): Program,
    Key(serial): Key,
    Document(request): Document<Request>,
) -> Answer<Response> {
    let device = console.fleet.device(&actor, &serial).await?;
    let catalogue = console.fleet.catalogue(&actor).await?;
    let batch = catalogue.batch_code(device.batch_id);
    let item = EnrolItem { serial: device.serial.clone(), csr: request.csr, ..EnrolItem::default() };
    let outcome = console.fleet.enrol_many(&actor, batch, vec![item]).await?.pop().map(|outcome| outcome.outcome);
    match outcome {
        Some(Ok(enrolled)) => {
            let (certificate, chain) = (enrolled.certificate.pem(), pki::chain_pem(&enrolled.chain));
            let issued = Issued { serial: device.serial, certificate, chain };
            Ok((StatusCode::CREATED, Json(issued)).into_response())
        }
        Some(Err(why)) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why).into()),
        None => Err(fleet::Error::not_found("device", &serial).into()),
    }
}

/// What a factory signed with a delegated authority.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The certificates as PEM, one after another.
    certificates: String,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryShape {
    /// How many were new and as agreed.
    entered: i64,
    /// How many were known already.
    known: i64,
    /// The serials of devices whose certificates are beyond what was agreed: entered, and on hold.
    withheld: Vec<String>,
    /// What is wrong with those that could not be entered.
    refused: Vec<String>,
}

impl From<Delivery> for DeliveryShape {
    fn from(delivery: Delivery) -> Self {
        let Delivery { entered, known, withheld, refused, .. } = delivery;
        Self { entered, known, withheld, refused }
    }
}

/// Deliver what a factory signed with its batch's delegated authority.
#[utoipa::path(post, path = "/api/v1/batches/{code}/deliveries", operation_id = "deliverCertificates", tag = "Certificates",
    params(("code" = String, Path, description = "The batch's code.")), request_body = Signed, responses(
    (status = 200, description = "What became of the certificates.", body = DeliveryShape),
    (status = 403, description = "The token's role doesn't allow it.", body = Problem),
    (status = 404, description = "There is no such batch.", body = Problem),
    (status = 422, description = "These are no certificates.", body = Problem),
))]
pub async fn deliver(
    State(console): State<Console>,
    Program(actor): Program,
    Key(code): Key,
    InTurn(turn): InTurn,
    Document(signed): Document<Signed>,
) -> Answer<Json<DeliveryShape>> {
    let text = signed.certificates.trim();
    let unread = |error: pki::Error| {
        Refusal::from(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("This can't be taken: {error}.")))
    };
    let certificates =
        if text.is_empty() { Vec::new() } else { pki::Certificate::chain_from_pem(text).map_err(unread)? };
    let delivery = console.fleet.deliver_manifest(&actor, &code, &certificates).await;
    drop(turn);
    Ok(Json(delivery?.into()))
}
