//! Devices.

use super::{
    cursor,
    extract::{Answer, Key, Params, Program, limited},
    shapes::{ComponentShape, CountShape, DeviceShape, Devices, List, ManifestShape},
};
use crate::{Console, problem::Problem};
use axum::{Json, extract::State};
use serde::Deserialize;
use store::device_list::Count;

/// Which devices are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// A fleet query; empty for all devices.
    #[serde(default)]
    #[param(example = "model:GW-200 state:active fw<1.4")]
    query: String,
    /// `serial`, `seen`, `made`, `fw` or `cert`; a minus before it turns the order around.
    #[serde(default)]
    #[param(example = "-seen")]
    sort: String,
    /// Where to go on: `next` or `previous` of an answer, with the same query and sort.
    #[serde(default)]
    cursor: String,
    /// How many at once, 1 to 500.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: i64,
}

const fn usual() -> i64 {
    100
}

/// List the devices that a fleet query means.
#[utoipa::path(get, path = "/api/v1/devices", operation_id = "listDevices", tag = "Devices", params(Wanted), responses(
    (status = 200, description = "One page of devices.", body = Devices),
    (status = 400, description = "The query, the sort or the cursor can't be read.", body = Problem),
))]
pub async fn list(
    State(console): State<Console>,
    Program(actor): Program,
    Params(wanted): Params<Wanted>,
) -> Answer<Json<Devices>> {
    let sort = cursor::sort(&wanted.sort)?;
    let limit = limited(wanted.limit)?;
    let from = if wanted.cursor.is_empty() { None } else { Some(cursor::read(&wanted.cursor, sort)?) };
    let found = console.fleet.devices(&actor, &wanted.query, sort, from.as_ref(), limit).await?;
    let now = console.fleet.now();
    let count = match found.count {
        Count::Exactly(number) => CountShape { number, exact: true },
        Count::AtLeast(number) => CountShape { number, exact: false },
    };
    Ok(Json(Devices {
        items: found.page.devices.iter().map(|device| DeviceShape::of(device, &found.catalogue, now)).collect(),
        next: found.page.next.as_ref().map(|next| cursor::write(next, sort)),
        previous: found.page.previous.as_ref().map(|previous| cursor::write(previous, sort)),
        count,
    }))
}

/// Get one device.
#[utoipa::path(get, path = "/api/v1/devices/{serial}", operation_id = "getDevice", tag = "Devices",
    params(("serial" = String, Path, description = "The device's serial.")), responses(
    (status = 200, description = "The device.", body = DeviceShape),
    (status = 404, description = "There is no such device.", body = Problem),
))]
pub async fn one(
    State(console): State<Console>,
    Program(actor): Program,
    Key(serial): Key,
) -> Answer<Json<DeviceShape>> {
    let device = console.fleet.device(&actor, &serial).await?;
    let catalogue = console.fleet.catalogue(&actor).await?;
    Ok(Json(DeviceShape::of(&device, &catalogue, console.fleet.now())))
}

/// List a device's components, now and before, oldest first.
#[utoipa::path(get, path = "/api/v1/devices/{serial}/components", operation_id = "listDeviceComponents", tag = "Devices",
    params(("serial" = String, Path, description = "The device's serial.")), responses(
    (status = 200, description = "Its components.", body = List<ComponentShape>),
    (status = 404, description = "There is no such device.", body = Problem),
))]
pub async fn components(
    State(console): State<Console>,
    Program(actor): Program,
    Key(serial): Key,
) -> Answer<Json<List<ComponentShape>>> {
    let record = console.fleet.device_record(&actor, &serial).await?;
    Ok(Json(List { items: record.components.iter().map(Into::into).collect() }))
}

/// List the versions of a device's manifest, oldest first. Each names the hash of the one before.
#[utoipa::path(get, path = "/api/v1/devices/{serial}/manifests", operation_id = "listDeviceManifests", tag = "Devices",
    params(("serial" = String, Path, description = "The device's serial.")), responses(
    (status = 200, description = "Its manifests.", body = List<ManifestShape>),
    (status = 404, description = "There is no such device.", body = Problem),
))]
pub async fn manifests(
    State(console): State<Console>,
    Program(actor): Program,
    Key(serial): Key,
) -> Answer<Json<List<ManifestShape>>> {
    let record = console.fleet.device_record(&actor, &serial).await?;
    Ok(Json(List { items: record.manifests.iter().map(Into::into).collect() }))
}
