//! Backup and restore, for the command line.

use crate::{Actor, Error, Fleet, Result, system_time};
use domain::{
    audit::{AuditRecord, Outcome},
    person::Permission,
    time::Timestamp,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use store::{StoreError, Tx};

/// A backup that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub file: PathBuf,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// What is wrong with a backup or its place is told as it is: whoever gave the command can do something about it.
fn told(error: StoreError) -> Error {
    match error {
        StoreError::Backup(why) => Error::Conflict(capitalised(&why)),
        StoreError::Migration(why) => {
            Error::Conflict(format!("The backup does not fit this version of Muster: {why}. Use a newer version."))
        }
        StoreError::Address(why) => Error::Conflict(format!("The database's address can't be used: {why}.")),
        other => other.into(),
    }
}

fn capitalised(why: &str) -> String {
    let mut letters = why.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// Only commands on the machine itself: a backup holds everything, password hashes too.
fn machine_only(actor: &Actor) -> Result<()> {
    match actor {
        Actor::Rule { .. } => Ok(()),
        Actor::Nobody { .. } => Err(Error::NotSignedIn),
        _ => Err(Error::Forbidden { permission: Permission::UserManage }),
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Writes everything that the database holds into one file, while it is in use. The file must not be there yet.
///
/// # Errors
/// [`Error::Conflict`] says what is wrong with the file; otherwise when the actor may not, or the database fails.
pub async fn backup(fleet: &Fleet, actor: &Actor, target: &Path) -> Result<Written> {
    fleet.rule_only(actor, "backup.write", &name_of(target)).await?;
    let bytes = store::backup::write(fleet.db(), target, fleet.now()).await.map_err(told)?;
    let deed = fleet.allow(actor, Permission::UserManage, "").await?;
    deed.commit("backup.write", &name_of(target), &json!({ "bytes": bytes })).await?;
    Ok(Written { file: target.to_owned(), bytes })
}

/// Fills the data folder of a stopped console from a backup of SQLite. What was there is kept as
/// `muster.db.before-restore`; when that is in use, it takes `force`.
///
/// Sessions and unused links don't come back: they may have been ended or used since. API tokens do: revoke again
/// what was revoked since.
///
/// # Errors
/// [`Error::Conflict`] says what is wrong with the backup or the folder; then nothing was changed.
pub async fn restore_sqlite(actor: &Actor, folder: &Path, file: &Path, force: bool) -> Result<()> {
    machine_only(actor)?;
    let staged = store::backup::stage(&folder.join("muster.db"), file, force).await.map_err(told)?;
    let mut tx = staged.db.begin().await?;
    conclude(&mut tx, actor, file).await?;
    tx.commit().await?;
    staged.put_in_place().await.map_err(told)
}

/// Fills a PostgreSQL database, whose consoles are stopped, from a backup of PostgreSQL. When it is in use, it takes
/// `force`, and what it held is gone. When the backup was made.
///
/// Sessions and unused links don't come back, as with [`restore_sqlite`].
///
/// # Errors
/// [`Error::Conflict`] says what is wrong with the backup or the database; then nothing was changed.
pub async fn restore_postgres(actor: &Actor, url: &str, file: &Path, force: bool) -> Result<Timestamp> {
    machine_only(actor)?;
    let mut loaded = store::backup::load(url, file, force).await.map_err(told)?;
    conclude(&mut loaded.tx, actor, file).await?;
    loaded.tx.commit().await?;
    Ok(loaded.created_at)
}

/// Ends what a restore leaves without its other half, and audits the restore.
async fn conclude(tx: &mut Tx, actor: &Actor, file: &Path) -> Result<()> {
    let message = "The console was restored from a backup, and backups don't hold the files of imports. Send the file \
                   again; what of it is here already stays as it is.";
    store::import::end_unfinished(tx, message, system_time()).await?;
    audit(tx, actor, file).await
}

/// There is no fleet on a database that is not in its place yet, so the entry is made by hand.
async fn audit(tx: &mut Tx, actor: &Actor, file: &Path) -> Result<()> {
    let record = AuditRecord {
        at: system_time(),
        actor_kind: actor.kind().to_owned(),
        actor_id: actor.id(),
        actor_name: actor.name().to_owned(),
        action: "backup.restore".to_owned(),
        subject: name_of(file).chars().take(200).collect(),
        outcome: Outcome::Done,
        detail: String::new(),
        address: actor.address().to_owned(),
    };
    store::audit::append(tx, &record).await?;
    Ok(())
}
