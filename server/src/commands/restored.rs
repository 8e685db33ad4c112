//! `muster restored`: a database went back in time by other means than ours.

use super::{COMMAND_LINE, backup::found, place, restore, serve::say, shelf};
use crate::{cli::Restored, data, failure::Outcome};

/// Does what a restore does, beyond bringing data back.
///
/// # Errors
/// When a console works in the folder, the database can't be used, or something that it names is missing.
pub async fn run(restored: Restored) -> Outcome {
    let folder = place::folder(&restored.place)?;
    data::make(&folder)?;
    let _lock = data::Lock::take(&folder)?;
    let fleet = place::existing(&restored.place).await?.with_shelf(shelf::place(&restored.shelf)?);
    let done = fleet::backup::restored_elsewhere(&fleet, &COMMAND_LINE).await;
    fleet.db().close().await;
    let done = done?;
    say(
        "Sessions and links that nobody had used are over, imports that were under way have failed, webhooks are paused.",
    )?;
    restore::say_held_back(done.held_back)?;
    found(&done.missing, "The database can be used, but something that it names is missing.")
}
