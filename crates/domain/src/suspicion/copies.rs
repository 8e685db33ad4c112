//! One key or identifier in several devices: an accident of a factory's image, or copies.

use super::{Copied, Signal};

/// From how many devices of one batch on a copied key or identifier must have been in their image.
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
