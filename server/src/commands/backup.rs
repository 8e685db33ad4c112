//! `muster backup`: everything into one file, also while the console runs.

use super::{COMMAND_LINE, place, serve::say};
use crate::{cli::Backup, failure::Outcome};

/// Writes the file.
///
/// # Errors
/// When the file is there already or can't be written, or the database fails.
pub async fn run(backup: Backup) -> Outcome {
    let fleet = place::existing(&backup.place).await?;
    let written = fleet::backup::backup(&fleet, &COMMAND_LINE, &backup.file).await?;
    fleet.db().close().await;
    Ok(say(&format!("Wrote {} ({} bytes).", written.file.display(), written.bytes))?)
}
