//! Imports: bringing in factory manifests and EPCIS documents.
//!
//! A file is first taken in whole and made durable, then checked whole, then applied in pieces, each one transaction
//! that also says how far it came. A process that dies in the middle goes on where it was when it starts again.
//! One import runs at a time, in the order of arrival.

mod elsewhere;
mod epcis;
mod manifest;
mod problems;
mod progress;
mod rows;
mod spool;
mod text;
mod worker;

pub use domain::import::{ImportFormat, ImportState, Severity};
pub use epcis::EPCIS_MAX;
pub use problems::PROBLEMS_KEPT;
pub use store::import::{Import, ImportProblem};
pub(crate) use worker::{Importer, counted};

use crate::{Actor, Error, Fleet, Result};
use domain::{id::ImportId, node::NodeState, person::Permission, time::DAY};
use futures::{Stream, stream};
use serde_json::json;
use std::{collections::HashMap, fmt::Display, io, path::Path, time::Duration};
use tokio::{fs::File, io::AsyncReadExt};
use uuid::Uuid;

/// The largest file that is taken unless something else is asked for.
pub const IMPORT_LIMIT: u64 = 1 << 30;

/// How much all files together may take that wait to be imported, unless something else is asked for.
pub const IMPORTS_ROOM: u64 = 8 << 30;

/// What to import, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRequest {
    /// What the file is called; shown to people, and a hint at its kind.
    pub file_name: String,
    /// What kind of file it is; found out from name and contents when it isn't said.
    pub format: Option<ImportFormat>,
    /// Whether to check only.
    pub dry_run: bool,
    /// Whether to enter the good rows although others are bad.
    pub skip_bad_rows: bool,
    /// The most bytes that are taken.
    pub limit: u64,
    /// The most bytes that this file and all others that wait may take.
    pub room: u64,
}

impl ImportRequest {
    /// Imports a file whole or not at all.
    #[must_use]
    pub fn new(file_name: &str) -> Self {
        Self {
            file_name: file_name.to_owned(),
            format: None,
            dry_run: false,
            skip_bad_rows: false,
            limit: IMPORT_LIMIT,
            room: IMPORTS_ROOM,
        }
    }

    /// The file's name without folders, cut to what is kept.
    fn shown_name(&self) -> String {
        let name = self.file_name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        if name.trim().is_empty() { "unnamed".to_owned() } else { name }
    }
}

impl Fleet {
    /// The name of the data folder, among those that may work on one database.
    ///
    /// # Errors
    /// When the folder can't be read or written.
    pub async fn node(&self) -> Result<String> {
        spool::node(self.folder()).await
    }

    /// Takes in a file. When this returns, the file is durable and its import will be worked on, whatever happens.
    ///
    /// # Errors
    /// When the actor may not, the file is too large, the upload stops early, or the disk is full.
    pub async fn start_import<S, B, E>(&self, actor: &Actor, request: &ImportRequest, arriving: S) -> Result<ImportId>
    where
        S: Stream<Item = std::result::Result<B, E>>,
        B: AsRef<[u8]>,
        E: Display,
    {
        let id = ImportId(Uuid::now_v7());
        let subject = format!("import:{id}");
        // Only asks: the writer must not be held while the file arrives.
        drop(self.allow(actor, Permission::ImportRun, &subject).await?);
        let node = self.node().await?;
        // Its lock is held until the import is entered.
        let limit = match request.format {
            // Known to be too large for what it is, it need not arrive whole to be told so.
            Some(ImportFormat::Epcis) => request.limit.min(EPCIS_MAX),
            _ => request.limit,
        };
        let file = spool::receive(self.folder(), id, limit, request.room, arriving).await?;
        let format = match request.format {
            Some(format) => format,
            None => text::guess(&file.path, &request.file_name).map_err(spool::trouble)?,
        };
        let import = Import {
            id,
            file_name: request.shown_name(),
            format,
            sha256: file.sha256.clone(),
            size: i64::try_from(file.size).unwrap_or(i64::MAX),
            dry_run: request.dry_run,
            skip_bad_rows: request.skip_bad_rows,
            state: ImportState::Received,
            actor: actor.name().to_owned(),
            node,
            rows_checked: 0,
            rows_applied: 0,
            bytes_done: 0,
            added: 0,
            unchanged: 0,
            bad: 0,
            left_out: 0,
            message: String::new(),
            created_at: self.now(),
            finished_at: None,
        };
        if let Err(error) = self.share_import(id, &file.path, &file.sha256).await {
            spool::remove(self.folder(), id).await;
            return Err(error);
        }
        if let Err(error) = self.enter_import(actor, &import, &subject).await {
            self.forget_import_file(id).await;
            return Err(error);
        }
        drop(file);
        self.wake_importer();
        Ok(id)
    }

    async fn enter_import(&self, actor: &Actor, import: &Import, subject: &str) -> Result<()> {
        let mut deed = self.allow(actor, Permission::ImportRun, subject).await?;
        store::import::insert(&mut deed.tx, import).await?;
        deed.ring("import", &import.id.to_string()).await?;
        let detail = json!({
            "file": import.file_name, "format": import.format, "size": import.size, "sha256": import.sha256,
            "dry_run": import.dry_run, "skip_bad_rows": import.skip_bad_rows,
        });
        deed.commit("import.start", subject, &detail).await
    }

    /// Takes in a file of this machine and waits until its import ends; for a process that is here for it alone. `progress` hears now and then how far it is.
    ///
    /// # Errors
    /// As [`Fleet::start_import`]; also when the file can't be read.
    pub async fn import_and_wait(
        &self,
        actor: &Actor,
        request: &ImportRequest,
        file: &Path,
        mut progress: impl FnMut(&Import),
    ) -> Result<Import> {
        let unreadable = |error: io::Error| Error::field("file", format!("{} can't be read: {error}.", file.display()));
        let file = File::open(file).await.map_err(unreadable)?;
        let id = self.start_import(actor, request, chunks(file)).await?;
        // Whoever waits for this one goes away after it, and should not be in the middle of another then.
        self.inner.importer.end_with(id);
        loop {
            let import = self.import(actor, id).await?;
            progress(&import);
            if import.state.is_final() {
                return Ok(import);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Goes on with the imports that an earlier process left unfinished, and removes what it left behind otherwise.
    /// For the start of a server, and for every now and then.
    ///
    /// # Errors
    /// When the database or the data folder can't be read.
    pub async fn resume_imports(&self) -> Result<()> {
        let node = self.node().await?;
        self.settle_elsewhere(&node).await?;
        let waiting: Vec<ImportId> =
            store::import::unfinished(self.db(), &node).await?.into_iter().map(|import| import.id).collect();
        for stray in spool::strays(self.folder(), &waiting).await.map_err(spool::trouble)? {
            let Some(_lock) = stray.lock().await.map_err(spool::trouble)? else { continue };
            // It may have been entered since the imports were asked for.
            let import = store::import::by_id(self.db(), stray.id).await?;
            if !(stray.waits && import.is_some_and(|import| !import.state.is_final())) {
                stray.remove().await.map_err(spool::trouble)?;
            }
        }
        if !waiting.is_empty() {
            tracing::info!(imports = waiting.len(), "going on with unfinished imports");
            self.wake_importer();
        }
        Ok(())
    }

    /// Deals with unfinished imports whose file another data folder holds. A database in a folder is that folder's:
    /// it came here without the files. On PostgreSQL somebody may still serve the other folder.
    async fn settle_elsewhere(&self, node: &str) -> Result<()> {
        let elsewhere = store::import::unfinished_elsewhere(self.db(), node).await?;
        let states = if elsewhere.is_empty() { HashMap::new() } else { self.node_states().await? };
        for import in elsewhere {
            if states.get(&import.node) == Some(&NodeState::Running) {
                continue;
            }
            let shared = matches!(self.db(), store::Db::Postgres(_));
            if shared && import.created_at.plus(DAY) > self.now() {
                if import.message.is_empty() {
                    let message = "Its file lies in another data folder of Muster. It goes on when that one is served; \
                                   if nobody does so within a day, send the file again.";
                    self.note_import(import.id, message).await?;
                }
                continue;
            }
            let message = "The uploaded file is not in this data folder. Send it again; what of it is here already \
                           stays as it is.";
            self.end_import(&import, ImportState::Failed, message).await?;
        }
        Ok(())
    }

    /// Imports, newest first, after the one named.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn imports(&self, actor: &Actor, before: Option<ImportId>, limit: i64) -> Result<Vec<Import>> {
        actor.require(Permission::ImportRead)?;
        Ok(store::import::list(self.db(), before, limit.clamp(1, 500)).await?)
    }

    /// An import.
    ///
    /// # Errors
    /// When the actor may not see it, or there is none.
    pub async fn import(&self, actor: &Actor, id: ImportId) -> Result<Import> {
        actor.require(Permission::ImportRead)?;
        let found = store::import::by_id(self.db(), id).await?;
        found.ok_or_else(|| Error::not_found("import", &id.to_string()))
    }

    /// What is wrong with a file, in the order of lines, after a problem's number. The first [`PROBLEMS_KEPT`] are kept.
    ///
    /// # Errors
    /// When the actor may not see it, or there is no such import.
    pub async fn import_problems(
        &self,
        actor: &Actor,
        id: ImportId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<ImportProblem>> {
        self.import(actor, id).await?;
        Ok(store::import::problems(self.db(), id, after, limit.clamp(1, 500)).await?)
    }

    /// What is wrong with a file, as a CSV table that is safe to open in a spreadsheet.
    ///
    /// # Errors
    /// When the actor may not see it, or there is no such import.
    pub async fn import_problems_csv(&self, actor: &Actor, id: ImportId) -> Result<String> {
        self.import(actor, id).await?;
        Ok(problems::table(&store::import::problems(self.db(), id, 0, i64::MAX).await?))
    }

    /// Stops an import that is still being checked.
    ///
    /// # Errors
    /// When the actor may not, there is none, or it has come further.
    pub async fn cancel_import(&self, actor: &Actor, id: ImportId) -> Result<()> {
        let subject = format!("import:{id}");
        let mut deed = self.allow(actor, Permission::ImportRun, &subject).await?;
        let message = format!("Cancelled by {}. Nothing was changed.", actor.name());
        if !store::import::cancel(&mut deed.tx, id, &message, self.now()).await? {
            drop(deed);
            let import = self.import(actor, id).await?;
            return Err(Error::Conflict(match import.state {
                ImportState::Applying => "This import is being entered and can't be stopped any more.".to_owned(),
                state => format!("This import has ended already: {}.", state.label().to_lowercase()),
            }));
        }
        deed.ring("import", &id.to_string()).await?;
        deed.commit("import.cancel", &subject, &serde_json::Value::Null).await?;
        self.forget_import_file(id).await;
        Ok(())
    }
}

/// A file in pieces.
fn chunks(file: File) -> impl Stream<Item = io::Result<Vec<u8>>> {
    stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; 256 * 1024];
        let n = file.read(&mut chunk).await?;
        chunk.truncate(n);
        Ok((n > 0).then_some((chunk, file)))
    })
}
