//! Parts: where one is and ever was.

use super::{
    extract::{Answer, Params, Program, limited, wrong},
    shapes::ComponentShape,
};
use crate::{Console, problem::Problem};
use axum::{Json, extract::State};
use fleet::parts::Stay;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which parts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// A MAC address, an IMEI or a serial number in any notation, or its beginning.
    #[param(example = "86 194105 033718 0")]
    #[serde(default)]
    identifier: String,
    /// How many stays at most, 1 to 500.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: i64,
}

const fn usual() -> i64 {
    100
}

/// A part's stay in a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct StayShape {
    /// The device's serial.
    device: String,
    /// The identifier as it is compared; the same for all notations.
    #[schema(example = "imei:861941050337180")]
    identifier_key: String,
    /// What it is, from when until when, and in which manifests.
    #[serde(flatten)]
    component: ComponentShape,
    /// The serial of another device that had it at the same time; none if there is none.
    conflict: Option<String>,
}

/// Where parts are and were.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaysShape {
    /// The stays, by identifier, and by time.
    items: Vec<StayShape>,
    /// Whether there are more; type more of the identifier to see them.
    more: bool,
}

impl From<&Stay> for StayShape {
    fn from(stay: &Stay) -> Self {
        let component = &stay.fitting.component;
        Self {
            device: stay.fitting.serial.clone(),
            identifier_key: component.part.identifier_key.clone(),
            component: component.into(),
            conflict: stay.conflict.clone(),
        }
    }
}

/// Find every device that a part is in or ever was in.
#[utoipa::path(get, path = "/api/v1/parts", operation_id = "findParts", tag = "Parts", params(Wanted), responses(
    (status = 200, description = "Its stays in devices; none for a part that was never known.", body = StaysShape),
    (status = 400, description = "There is no identifier, or the limit is out of range.", body = Problem),
))]
pub async fn find(
    State(console): State<Console>,
    Program(actor): Program,
    Params(wanted): Params<Wanted>,
) -> Answer<Json<StaysShape>> {
    let limit: usize = limited(wanted.limit)?;
    let found = console.fleet.parts(&actor, &wanted.identifier, limit).await?;
    if wanted.identifier.trim().is_empty() {
        return Err(wrong("identifier", "Give the identifier of a part, or its beginning.".to_owned()));
    }
    Ok(Json(StaysShape { items: found.stays.iter().map(Into::into).collect(), more: found.more }))
}
