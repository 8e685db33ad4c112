//! `muster restore`: what a backup holds, into a data folder or database that nobody works on.

use super::{COMMAND_LINE, backup::found, files, place, serve::say, shelf};
use crate::{
    cli::Restore,
    data,
    failure::{Failure, Outcome},
};
use std::{fs, path::Path};

/// Fills the data folder, or the database that is named.
///
/// # Errors
/// When a console works there, the backup is damaged or of another kind, there is something already and it was not
/// forced, or the backup does not hold everything.
pub async fn run(restore: Restore) -> Outcome {
    let folder = place::folder(&restore.place)?;
    let made = files::to_be_made(&folder);
    let ended = into_folder(&restore, &folder).await;
    if matches!(ended, Err(Failure::NotDone(_))) && !made.was_there() {
        // What was made for nothing goes again; a folder that holds anything stays.
        let _ = fs::remove_file(folder.join("lock"));
        for empty in ["keys", "crl", "artifacts"] {
            let _ = fs::remove_dir(folder.join(empty));
        }
    }
    ended
}

async fn into_folder(restore: &Restore, folder: &Path) -> Outcome {
    let (file, shelf) = (restore.file.display(), shelf::place(&restore.shelf)?);
    data::make(folder)?;
    let _lock = data::Lock::take(folder)?;
    let restored = if let Some(url) = &place::database_url(&restore.place)? {
        let restored =
            fleet::backup::restore_postgres(&COMMAND_LINE, url, folder, &shelf, &restore.file, restore.force).await?;
        say(&format!("The database is as it was at {} in {file}.", restored.0.minute_words()))?;
        restored.1
    } else {
        let restored =
            fleet::backup::restore_sqlite(&COMMAND_LINE, folder, &shelf, &restore.file, restore.force).await?;
        say(&format!("{} holds what {file} does.", folder.display()))?;
        restored
    };
    say(&match restored.files {
        0 => format!("Nothing of keys/ and crl/ had to be brought back into {}.", folder.display()),
        n => format!("{n} files of keys/ and crl/ were put into {}.", folder.display()),
    })?;
    say_held_back(restored.held_back)?;
    if restored.artifacts > 0 {
        say(&format!("{} files of releases were put back.", restored.artifacts))?;
    }
    found(&restored.missing, "The database is restored, but something that it names is missing.")
}

/// Says how many rollouts do not go on by themselves, if there are any.
///
/// # Errors
/// When nobody listens.
pub fn say_held_back(rollouts: usize) -> std::io::Result<()> {
    let that_were = match rollouts {
        0 => return Ok(()),
        1 => "1 rollout that was running or scheduled is".to_owned(),
        n => format!("{n} rollouts that were running or scheduled are"),
    };
    say(&format!("{that_were} held back: what was decided since the backup is not known here."))
}
