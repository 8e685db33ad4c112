//! `muster backup`: everything into one file, also while the console runs.

use super::{COMMAND_LINE, place, serve::say, shelf};
use crate::{
    cli::Backup,
    failure::{Failure, Outcome},
};

/// Writes the file.
///
/// # Errors
/// When the file is there already or can't be written, the database fails, or keys are not on this machine.
pub async fn run(backup: Backup) -> Outcome {
    let fleet = place::existing(&backup.place).await?.with_shelf(shelf::place(&backup.shelf)?);
    let written = if backup.without_artifacts {
        fleet::backup::backup_without_artifacts(&fleet, &COMMAND_LINE, &backup.file).await?
    } else {
        fleet::backup::backup(&fleet, &COMMAND_LINE, &backup.file).await?
    };
    fleet.db().close().await;
    let (file, bytes, files) = (written.file.display(), written.bytes, written.files);
    say(&format!("Wrote {file} ({bytes} bytes): the database, and {files} files of keys/ and crl/."))?;
    say(&if backup.without_artifacts {
        "The files of releases are not in it, as you said; keep a copy of them in another way.".to_owned()
    } else {
        format!("{} files of releases are in it.", written.artifacts)
    })?;
    say("The keys in it are sealed. Keep their passphrase, too, but not beside the backup.")?;
    found(&written.missing, "The backup is written, but it is not enough to come back from.")
}

/// Prints what is to be done something about; where there is something, the command ends as one that found it.
///
/// # Errors
/// When there is something, or nobody listens.
pub fn found(missing: &[String], summary: &str) -> Outcome {
    for sentence in missing {
        say(sentence)?;
    }
    if missing.is_empty() { Ok(()) } else { Err(Failure::Found(summary.to_owned())) }
}
