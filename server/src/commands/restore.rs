//! `muster restore`: what a backup holds, into a data folder or database that nobody works on.

use super::{COMMAND_LINE, place, serve::say};
use crate::{cli::Restore, data, failure::Outcome};

/// Fills the data folder, or the database that is named.
///
/// # Errors
/// When a console works there, the backup is damaged or of another kind, or there is something already and it was not
/// forced.
pub async fn run(restore: Restore) -> Outcome {
    let folder = place::folder(&restore.place)?;
    let file = restore.file.display();
    if let Some(url) = &restore.place.database_url {
        let made = fleet::backup::restore_postgres(&COMMAND_LINE, url, &restore.file, restore.force).await?;
        return Ok(say(&format!("The database is as it was at {} in {file}.", made.minute_words()))?);
    }
    data::make(&folder)?;
    let _lock = data::Lock::take(&folder)?;
    fleet::backup::restore_sqlite(&COMMAND_LINE, &folder, &restore.file, restore.force).await?;
    Ok(say(&format!("{} holds what {file} does.", folder.display()))?)
}
