//! One key or identifier in several devices: an accident of a factory's image, or copies.

use super::{Copied, Signal};
use crate::identifier::normalise;

/// From how many devices of one batch on it was their factory: a copied key or identifier must have been in their image,
/// and parts from elsewhere were fitted there.
pub const GOLDEN_IMAGE_DEVICES: u64 = 5;

/// How many serials a signal names.
const NAMED: usize = 5;

/// What it means that this is in `count` devices, of which `devices` names some; `batch` is the batch's code where all
/// are of one. Nothing when it is in one device only.
#[must_use]
pub fn copies(copied: Copied, batch: Option<&str>, devices: &[&str], count: u64) -> Option<Signal> {
    if count < 2 {
        return None;
    }
    Some(match batch {
        Some(batch) if count >= GOLDEN_IMAGE_DEVICES => Signal::GoldenImage { copied, batch: batch.to_owned(), count },
        _ => {
            let devices = devices.iter().take(NAMED).map(|&serial| serial.to_owned()).collect();
            Signal::Copied { copied, batch: batch.map(str::to_owned), devices, count }
        }
    })
}

impl Copied {
    /// Whether both are one key or one identifier, however the devices write it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key { spki_sha256: one }, Self::Key { spki_sha256: other }) => one == other,
            (Self::Part { identifier_key: one, .. }, Self::Part { identifier_key: other, .. }) => one == other,
            _ => false,
        }
    }

    /// Whether an observation says no more than that this is in another device as well: that it is reported where the
    /// manifest lists something else.
    #[must_use]
    pub fn explains(&self, signal: &Signal) -> bool {
        if let Some(copied) = signal.copied() {
            return self.is_same(copied);
        }
        let Self::Part { identifier_key, .. } = self else { return false };
        let is_this = |(class, text)| normalise(class, text).is_ok_and(|found| found.key == *identifier_key);
        signal.unlisted().is_some_and(is_this)
    }
}
