//! Backup and restore, for the command line.

use crate::{
    Actor, Error, Fleet, Result,
    release::{Artifacts, ShelfPlace, for_backups},
    repair::TakenFiles,
    system_time,
};
use domain::{
    audit::{AuditRecord, Outcome},
    person::Permission,
    time::Timestamp,
};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use store::{
    StoreError, Tx,
    backup::{Files, Shelf},
};

/// How many files are asked after at the same time.
const AT_ONCE: usize = 16;

/// A backup that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub file: PathBuf,
    /// Its size, in bytes.
    pub bytes: u64,
    /// How many files of the data folder it holds: sealed keys, revocation lists and their numbers.
    pub files: usize,
    /// How many files of releases it holds.
    pub artifacts: usize,
    /// What somebody has to do something about, in sentences.
    pub missing: Vec<String>,
}

/// What was restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// How many files of the data folder were put in their places; those that were there already don't count.
    pub files: usize,
    /// How many files of releases were put on the shelf; likewise.
    pub artifacts: usize,
    /// How many rollouts are paused, or have to be approved anew.
    pub held_back: usize,
    /// What somebody has to do something about, in sentences.
    pub missing: Vec<String>,
}

/// What is wrong with a backup or its place is told as it is: whoever gave the command can do something about it.
fn told(error: StoreError) -> Error {
    match error {
        StoreError::Backup(why) => Error::Conflict(capitalised(&why)),
        StoreError::TooNew { .. } => Error::Conflict(capitalised(&error.to_string())),
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

/// Writes everything that the database holds, the authorities' sealed keys, their last revocation lists, and the files of
/// releases into one file, while they are in use. The file must not be there yet. Keys stay sealed: they are of use with
/// their passphrase alone.
///
/// # Errors
/// [`Error::Conflict`] says what is wrong with the file; otherwise when the actor may not, or the database fails.
pub async fn backup(fleet: &Fleet, actor: &Actor, target: &Path) -> Result<Written> {
    let shelf = for_backups(&fleet.artifacts());
    write(fleet, actor, target, Some(shelf)).await
}

/// The same without the files of releases, which the backup then says.
///
/// # Errors
/// As [`backup`].
pub async fn backup_without_artifacts(fleet: &Fleet, actor: &Actor, target: &Path) -> Result<Written> {
    write(fleet, actor, target, None).await
}

async fn write(fleet: &Fleet, actor: &Actor, target: &Path, shelf: Option<Arc<dyn Shelf>>) -> Result<Written> {
    fleet.rule_only(actor, "backup.write", &name_of(target)).await?;
    // What an earlier version kept in files is in the database before it is written.
    let photos = fleet.take_in_photos(TakenFiles::Stay).await?;
    let written = store::backup::write(fleet.db(), fleet.folder(), shelf, target, fleet.now()).await.map_err(told)?;
    let mut deed = fleet.allow(actor, Permission::UserManage, "").await?;
    let mut missing =
        missing(&mut deed.tx, fleet.folder(), "copy them from the data folder of the node that made them").await?;
    if !photos.stayed.is_empty() {
        missing.push(format!(
            "{} files or folders of photos/ can’t be read or are damaged, and are not in this backup: {}.",
            photos.stayed.len(),
            some(&photos.stayed)
        ));
    }
    missing.extend(unsound(&written));
    let (bytes, files, artifacts) = (written.bytes, written.files, written.artifacts);
    let detail = json!({ "bytes": bytes, "files": files, "artifacts": artifacts });
    deed.commit("backup.write", &name_of(target), &detail).await?;
    Ok(Written { file: target.to_owned(), bytes, files, artifacts, missing })
}

/// What is wrong with the files of releases, in sentences.
fn unsound(written: &store::backup::Written) -> Vec<String> {
    let told = |releases: &[String], what: &str| {
        let (count, some) = (releases.len(), some(releases));
        (count > 0).then(|| format!("{count} files of releases {what}; push the same files again: {some}."))
    };
    let missing = told(&written.missing, "are not on the shelf, and not in this backup");
    let altered = told(&written.altered, "are damaged on the shelf, and a restore will not bring them back");
    missing.into_iter().chain(altered).collect()
}

/// Fills the data folder of a stopped console from a backup of SQLite. What was there is kept as
/// `muster.db.before-restore`; when that is in use, it takes `force`. The files of the data folder come back, too: a key
/// that is there and is another one is replaced only by `force`, and kept; a revocation list that is further stays.
///
/// Sessions and unused links don't come back: they may have been ended or used since. API tokens do: revoke again
/// what was revoked since. Files of releases are put on the shelf.
///
/// # Errors
/// [`Error::Conflict`] says what is wrong with the backup or the folder; then nothing was changed.
pub async fn restore_sqlite(
    actor: &Actor,
    folder: &Path,
    shelf: &ShelfPlace,
    file: &Path,
    force: bool,
) -> Result<Restored> {
    machine_only(actor)?;
    let artifacts = Arc::new(Artifacts::new(folder, shelf.clone()));
    let (database, shelf) = (folder.join("muster.db"), for_backups(&artifacts));
    let mut staged = store::backup::stage(&database, shelf, file, force).await.map_err(told)?;
    let files = staged.files.take();
    let mut tx = staged.db.begin().await?;
    let held_back = conclude(&mut tx, actor, file).await?;
    let restored = Restored { held_back, ..bring_files(&mut tx, folder, &artifacts, files).await? };
    tx.commit().await?;
    staged.put_in_place().await.map_err(told)?;
    Ok(restored)
}

/// Fills a PostgreSQL database, whose consoles are stopped, from a backup of PostgreSQL. When it is in use, it takes
/// `force`, and what it held is gone. The files of the data folder come back as with [`restore_sqlite`]. When the backup
/// was made, and what was restored.
///
/// Sessions and unused links don't come back, as with [`restore_sqlite`].
///
/// # Errors
/// [`Error::Conflict`] says what is wrong with the backup or the database; then nothing was changed.
pub async fn restore_postgres(
    actor: &Actor,
    url: &str,
    folder: &Path,
    shelf: &ShelfPlace,
    file: &Path,
    force: bool,
) -> Result<(Timestamp, Restored)> {
    machine_only(actor)?;
    let artifacts = Arc::new(Artifacts::new(folder, shelf.clone()));
    let mut loaded = store::backup::load(url, folder, for_backups(&artifacts), file, force).await.map_err(told)?;
    let held_back = conclude(&mut loaded.tx, actor, file).await?;
    let restored = bring_files(&mut loaded.tx, folder, &artifacts, loaded.files).await?;
    let restored = Restored { held_back, ..restored };
    loaded.tx.commit().await?;
    Ok((loaded.created_at, restored))
}

/// Does what a restore does beyond bringing data back, in a database that was taken to an earlier time by other means: by
/// PostgreSQL's own recovery, a snapshot, a copied file. Sessions and unused links end, webhooks and rollouts are paused.
/// The consoles have to be stopped.
///
/// # Errors
/// When the actor may not, or the database fails.
pub async fn restored_elsewhere(fleet: &Fleet, actor: &Actor) -> Result<Restored> {
    machine_only(actor)?;
    let mut tx = fleet.db().begin().await?;
    store::backup::end_what_restores_end(&mut tx).await?;
    let held_back = conclude(&mut tx, actor, Path::new("by other means")).await?;
    let mut restored = Restored { held_back, ..Restored::default() };
    restored.missing.extend(missing(&mut tx, fleet.folder(), "copy them into keys/ of the data folder").await?);
    let named = store::artifact::shelved_within(&mut tx).await?;
    tx.commit().await?;
    // A bucket takes its time, and the server ends a writer that says nothing for five seconds.
    restored.missing.extend(not_on_shelf(named, &fleet.artifacts()).await?);
    Ok(restored)
}

/// Puts the files in their places before the database is there that names them. Should it end between the two, there are
/// keys that nothing names; the same command again goes on.
async fn bring_files(tx: &mut Tx, folder: &Path, shelf: &Artifacts, files: Option<Files>) -> Result<Restored> {
    let mut restored = Restored::default();
    match files {
        Some(mut files) => {
            restored.artifacts = put_on_shelf(shelf, &mut files).await?;
            restored.files = store::backup::put_in_place(files).await.map_err(told)?;
        }
        None => restored.missing.push(
            "This backup was made by an earlier version and holds the database alone: keys/, crl/ and photos/ of the data \
             folder are not in it. Copy them into the data folder before the console is started."
                .to_owned(),
        ),
    }
    restored.missing.extend(missing(tx, folder, "copy them into keys/ of the data folder").await?);
    let named = store::artifact::shelved_within(tx).await?;
    restored.missing.extend(not_on_shelf(named, shelf).await?);
    let photos = store::repair::attached::without_picture(tx).await?;
    if photos > 0 {
        restored.missing.push(format!(
            "{photos} photos of repairs have no picture. If the folder photos/ of then is kept, copy it into the data folder: \
             the next start takes them in."
        ));
    }
    Ok(restored)
}

/// Puts the files of releases on the shelf that came out of a backup and are not there. How many.
async fn put_on_shelf(shelf: &Artifacts, files: &mut Files) -> Result<usize> {
    let Some(arriving) = files.take_arriving() else { return Ok(0) };
    let waiting = arriving.files();
    for (sha256, file) in &waiting {
        let content = tokio::fs::File::open(file).await.map_err(Error::internal)?;
        shelf.keep(content, sha256).await?;
        // It takes its room once: there may be many.
        tokio::fs::remove_file(file).await.map_err(Error::internal)?;
    }
    Ok(waiting.len())
}

/// The files that releases name and the shelf does not have, in a sentence that says what to do.
async fn not_on_shelf(named: Vec<store::artifact::Shelved>, shelf: &Artifacts) -> Result<Option<String>> {
    let asked = stream::iter(named).map(async |file| {
        let is_there = shelf.holds(&file.sha256, file.size).await?;
        Ok::<_, Error>((is_there, file.title))
    });
    let found: Vec<(bool, String)> = asked.buffered(AT_ONCE).try_collect().await?;
    let mut gone: Vec<String> = found.into_iter().filter(|(is_there, _)| !is_there).map(|(_, title)| title).collect();
    gone.sort_unstable();
    let (count, some) = (gone.len(), some(&gone));
    Ok((count > 0).then(|| {
        format!(
            "{count} files of releases are in neither this backup nor on the shelf, and no device gets them: {some}. Push the \
             same files again, or copy artifacts/ of then into the data folder."
        )
    }))
}

/// The keys that authorities name and neither the database nor the data folder has, in a sentence that says what to do.
async fn missing(tx: &mut Tx, folder: &Path, what_to_do: &str) -> Result<Vec<String>> {
    let named = store::authority::key_locations(tx).await?;
    let files = named.iter().filter_map(|location| crate::keys::file_name(location));
    let shared = store::sealed_key::names_within(tx).await?;
    let is_gone = |file: &&str| !folder.join("keys").join(file).is_file() && !shared.iter().any(|name| name == file);
    let gone: Vec<String> = files.filter(is_gone).map(|file| format!("keys/{file}")).collect();
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let (count, some) = (gone.len(), some(&gone));
    Ok(vec![format!("{count} keys of authorities are not in this data folder; {what_to_do}: {some}.")])
}

/// The first ten names: a sentence is read.
fn some(names: &[String]) -> String {
    names.iter().take(10).cloned().collect::<Vec<_>>().join(", ")
}

/// Ends what a restore leaves without its other half, holds rollouts back, and audits the restore. How many rollouts.
async fn conclude(tx: &mut Tx, actor: &Actor, file: &Path) -> Result<usize> {
    let message = "The console was restored from a backup, and backups don't hold the files of imports. Send the file \
                   again; what of it is here already stays as it is.";
    store::import::end_unfinished(tx, message, system_time()).await?;
    let held_back = crate::rollout::hold_back(tx, actor, system_time()).await?;
    audit(tx, actor, file).await?;
    Ok(held_back)
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
