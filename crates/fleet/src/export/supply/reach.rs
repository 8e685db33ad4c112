//! Which devices a supply chain is about, some at a time.

use super::is_party;
use crate::{Error, Fleet, Result};
use domain::{
    device::Device,
    id::{BatchId, CustodianId, DeviceId},
    supply::Supply,
};
use std::fmt;
use uuid::Uuid;

/// The devices of a supply chain.
pub(super) enum Reach {
    Device(Box<Device>),
    Batch(BatchId),
    Custodian(CustodianId),
}

/// From where the devices go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Devices of a batch after a serial.
    Made { batch: BatchId, after: String },
    /// Devices after an id that somebody had.
    Had { after: DeviceId },
}

/// As a cursor: `BATCH/SERIAL`, or `DEVICE`.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made { batch, after } => write!(f, "{batch}/{after}"),
            Self::Had { after } => write!(f, "{after}"),
        }
    }
}

impl At {
    /// Reads a cursor.
    pub(super) fn read(text: &str) -> Result<Self> {
        let wrong = || Error::field("cursor", "This cursor can't be read; begin at the first page.");
        match text.split_once('/') {
            Some((batch, after)) if after.len() <= 200 && !after.contains('\0') => {
                Ok(Self::Made { batch: batch.parse().map_err(|_| wrong())?, after: after.to_owned() })
            }
            Some(_) => Err(wrong()),
            None => Ok(Self::Had { after: text.parse().map_err(|_| wrong())? }),
        }
    }
}

impl Reach {
    /// Before the first device.
    pub(super) fn start(&self) -> At {
        let batch = if let Self::Batch(batch) = self { *batch } else { BatchId(Uuid::nil()) };
        At::Made { batch, after: String::new() }
    }

    /// Whether a supply belongs to the report.
    pub(super) fn concerns(&self, supply: &Supply) -> bool {
        match self {
            Self::Device(_) | Self::Batch(_) => true,
            Self::Custodian(custodian) => is_party(supply, *custodian),
        }
    }

    /// The next devices, at most so many, and where to go on, if there may be more.
    pub(super) async fn page(&self, fleet: &Fleet, at: At, limit: usize) -> Result<(Vec<Device>, Option<At>)> {
        match self {
            Self::Device(device) => Ok((vec![(**device).clone()], None)),
            Self::Batch(batch) => {
                let after = if let At::Made { after, .. } = at { after } else { String::new() };
                let devices = of_batch(fleet, *batch, &after, limit).await?;
                let next = devices.last().filter(|_| devices.len() == limit);
                let next = next.map(|last| At::Made { batch: *batch, after: last.serial.clone() });
                Ok((devices, next))
            }
            Self::Custodian(custodian) => of_custodian(fleet, *custodian, at, limit).await,
        }
    }
}

async fn of_batch(fleet: &Fleet, batch: BatchId, after: &str, limit: usize) -> Result<Vec<Device>> {
    Ok(store::export::of_batch(fleet.db(), batch, after, i64::try_from(limit).unwrap_or(i64::MAX)).await?)
}

/// What a custodian made, batch by batch; then what else it had. A page may hold fewer devices than it could and still
/// have a next one, so that no page costs more than another.
async fn of_custodian(
    fleet: &Fleet,
    custodian: CustodianId,
    mut at: At,
    limit: usize,
) -> Result<(Vec<Device>, Option<At>)> {
    let db = fleet.db();
    let mut devices: Vec<Device> = Vec::new();
    while let At::Made { batch, after } = at {
        let room = limit - devices.len();
        let found = of_batch(fleet, batch, &after, room).await?;
        let last = found.last().map(|last| last.serial.clone()).filter(|_| found.len() == room);
        devices.extend(found);
        if let Some(after) = last {
            return Ok((devices, Some(At::Made { batch, after })));
        }
        at = match store::supply::batch_after(db, custodian, batch).await? {
            Some(batch) => At::Made { batch, after: String::new() },
            None => At::Had { after: DeviceId(Uuid::nil()) },
        };
    }
    let At::Had { after } = at else { return Ok((devices, None)) };
    let room = limit - devices.len();
    let found = store::supply::had_by(db, custodian, after, i64::try_from(room).unwrap_or(i64::MAX)).await?;
    let last = found.last().map(|last| last.id).filter(|_| found.len() == room);
    // What it made itself was told of with its batch.
    devices.extend(found.into_iter().filter(|device| device.factory_id != custodian));
    Ok((devices, last.map(|after| At::Had { after })))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn cursors_are_read_as_they_are_written() {
        let id = Uuid::from_u128(7);
        for at in [
            At::Made { batch: BatchId(id), after: String::new() },
            At::Made { batch: BatchId(id), after: "GW/1 ü".into() },
            At::Had { after: DeviceId(id) },
        ] {
            assert_eq!(At::read(&at.to_string()).unwrap(), at);
        }
        for odd in ["", "x", "x/y", "00000000-0000-0000-0000-000000000007/\0"] {
            assert!(At::read(odd).is_err(), "{odd:?}");
        }
    }
}
