//! `muster audit verify`: whether the audit log is as it was written.

use super::{COMMAND_LINE, place, serve::say};
use crate::{
    cli::Place,
    failure::{Failure, Outcome},
};

/// Checks the whole chain.
///
/// # Errors
/// When it is broken, or can't be read.
pub async fn verify(place: Place) -> Outcome {
    let fleet = place::existing(&place).await?;
    let found = fleet.audit_verify(&COMMAND_LINE).await?;
    fleet.db().close().await;
    match found.break_at {
        None => Ok(say(&format!("The audit log is unbroken: {} entries, ending in {}.", found.entries, found.head))?),
        Some(at) => Err(Failure::Found(format!(
            "the audit log is broken at entry {}: {}. The {} entries before it are as they were written.",
            at.seq, at.why, found.entries
        ))),
    }
}
