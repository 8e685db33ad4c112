//! Works on imports, one after the other, in the order of arrival.

use super::{epcis, manifest, spool};
use crate::{Actor, Error, Fleet, Result, observe::Job};
use domain::{
    id::ImportId,
    import::{ImportFormat, ImportState},
    node::Lease,
    person::Permission,
};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    sync::{Mutex as PlainMutex, PoisonError},
    time::Duration,
};
use store::import::{Counts, Import, ImportProblem};
use tokio::sync::Mutex;

/// What a process keeps for its imports.
#[derive(Default)]
pub(crate) struct Importer {
    /// Held by the one who works.
    working: Mutex<()>,
    /// Imports that the database refuses to go on with, until they are tried again.
    aside: PlainMutex<HashSet<ImportId>>,
    /// The last one that this process works on, if it is here for that one alone.
    last: PlainMutex<Option<ImportId>>,
}

impl Importer {
    /// Leaves what arrives after this import to other processes.
    pub(super) fn end_with(&self, id: ImportId) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
    }

    fn is_ours(&self, id: ImportId) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_none_or(|last| id <= last) && !aside.contains(&id)
    }
}

/// How long to wait before trying again what the database or the disk refused.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// How many of these pauses are worth it when the database refuses what it is given: it will refuse it again.
const REFUSED: usize = 2;

/// How long to wait when the database can't even be told that an import must wait.
const WAIT: Duration = Duration::from_secs(60);

/// When an import that was set aside is tried again.
const AGAIN: Duration = Duration::from_secs(600);

/// In whose name the importer writes to the audit log. Who brought the file stands in the detail.
pub(super) const RULE: Actor = Actor::Rule { name: "import" };

/// What came of checking a file.
pub(super) struct Checked {
    pub(super) counts: Counts,
    pub(super) problems: Vec<ImportProblem>,
    /// Why the file as a whole can't be taken.
    pub(super) refusal: Option<String>,
    /// What would be said if this was all.
    pub(super) summary: String,
}

impl Fleet {
    /// Sees to it that unfinished imports are worked on.
    pub(super) fn wake_importer(&self) {
        let fleet = self.clone();
        tokio::spawn(async move {
            let _working = fleet.inner.importer.working.lock().await;
            while let Err(error) = fleet.work_on_imports().await {
                if fleet.is_ending() {
                    return;
                }
                tracing::error!(%error, "imports wait for the database or the disk");
                tokio::time::sleep(WAIT).await;
            }
        });
    }

    async fn work_on_imports(&self) -> Result<()> {
        let node = self.node().await?;
        while self.next_import(&node).await?.is_some() {
            // What a file was checked against must still be so when it is entered, whichever processes import.
            let turn = self.turn(Lease::Imports).await?;
            // Another process of this data folder may have dealt with it while we waited.
            if let Some(id) = self.next_import(&node).await? {
                match turn.run(self.work_on(id)).await {
                    // What is still ours then waits for the next turn, and not for a minute.
                    Err(error) if turn.is_over() && !self.is_ending() => {
                        tracing::warn!(%error, import = %id, "an import waits for its next turn");
                    }
                    done => done?,
                }
            }
        }
        Ok(())
    }

    async fn next_import(&self, node: &str) -> Result<Option<ImportId>> {
        let waiting = store::import::unfinished(self.db(), node).await?;
        Ok(waiting.into_iter().map(|import| import.id).find(|id| self.inner.importer.is_ours(*id)))
    }

    /// Works on one import to its end, in several tries if need be.
    async fn work_on(&self, id: ImportId) -> Result<()> {
        let mut tries = 0;
        loop {
            let Some(import) = store::import::by_id(self.db(), id).await? else { return Ok(()) };
            if import.state.is_final() {
                return Ok(());
            }
            let Err(error) = self.observe(Job::Import, self.try_import(&import)).await else { continue };
            tracing::warn!(%error, import = %id, "an import was interrupted");
            let worth = if error.is_lasting() { REFUSED } else { PAUSES.len() };
            match PAUSES.get(tries).filter(|_| tries < worth) {
                Some(pause) => tokio::time::sleep(*pause).await,
                None if import.state == ImportState::Applying => return self.set_aside(&import).await,
                None => self.end_import(&import, ImportState::Failed, &failure(&error)).await?,
            }
            tries += 1;
        }
    }

    /// Lets other imports go on before one that is half applied: it must be finished, but can't be for now.
    async fn set_aside(&self, import: &Import) -> Result<()> {
        let thing = if import.format == ImportFormat::Epcis { "event" } else { "row" };
        let message = format!(
            "Something on our side stops this import for now; the log says what. So far {} of {} came in. It is tried \
             again every ten minutes and at the next start, and other imports go on meanwhile.",
            number(import.rows_applied),
            counted(import.rows_checked, thing)
        );
        self.note_import(import.id, &message).await?;
        self.inner.importer.aside.lock().unwrap_or_else(PoisonError::into_inner).insert(import.id);
        tracing::error!(import = %import.id, "an import can't go on and was set aside");
        let (fleet, id) = (self.clone(), import.id);
        tokio::spawn(async move {
            tokio::time::sleep(AGAIN).await;
            fleet.inner.importer.aside.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            fleet.wake_importer();
        });
        Ok(())
    }

    async fn try_import(&self, import: &Import) -> Result<()> {
        let path = spool::path(self.folder(), import.id);
        if !tokio::fs::try_exists(&path).await.map_err(spool::trouble)? {
            let message = if import.rows_applied > 0 {
                format!(
                    "The uploaded file is gone; {} rows of it had been dealt with. Send it again.",
                    import.rows_applied
                )
            } else {
                "The uploaded file is gone; nothing was changed. Send it again.".to_owned()
            };
            return self.end_import(import, ImportState::Failed, &message).await;
        }
        if import.state != ImportState::Applying {
            let mut tx = self.db().begin().await?;
            let begun = store::import::begin(&mut tx, import.id).await?;
            let change = self.ring_import(&mut tx, import.id).await?;
            tx.commit().await?;
            self.tell(change);
            if !begun {
                return Ok(());
            }
        }
        match import.format {
            ImportFormat::Csv | ImportFormat::Jsonl => manifest::run(self, import, &path).await,
            ImportFormat::Epcis => epcis::run(self, import, &path).await,
        }
    }

    /// Writes what checking found. The answer is whether the import is to be applied; `prepare` is given the
    /// transaction in which that is decided.
    pub(super) async fn end_check<P>(&self, import: &Import, checked: &Checked, prepare: P) -> Result<bool>
    where
        P: AsyncFnOnce(&mut store::Tx) -> Result<Value>,
    {
        let refused = checked.refusal.is_some() || (checked.counts.bad > 0 && !import.skip_bad_rows);
        let (state, message) = if refused {
            (ImportState::Refused, sound(&refusal(checked)))
        } else if import.dry_run {
            (ImportState::Done, format!("Checked only, nothing was changed. {}", checked.summary))
        } else {
            (ImportState::Applying, String::new())
        };
        let applies = state == ImportState::Applying;
        let subject = format!("import:{}", import.id);
        let mut deed = self.allow(&RULE, Permission::ImportRun, &subject).await?;
        let finished_at = (!applies).then(|| self.now());
        // Of what is to be applied, each piece counts its own.
        let counts =
            if applies { Counts { added: 0, unchanged: 0, ..checked.counts.clone() } } else { checked.counts.clone() };
        if !store::import::checked(&mut deed.tx, import.id, state, &counts, &message, finished_at).await? {
            return Ok(false);
        }
        store::import::add_problems(&mut deed.tx, import.id, &checked.problems).await?;
        let made = if applies { prepare(&mut deed.tx).await? } else { Value::Null };
        deed.ring("import", &import.id.to_string()).await?;
        let action = match state {
            ImportState::Refused => "import.refuse",
            ImportState::Done => "import.check",
            _ => "import.apply",
        };
        let detail = json!({
            "file": import.file_name, "sha256": import.sha256, "by": import.actor, "rows": counts.rows_checked,
            "to_add": checked.counts.added, "unchanged": checked.counts.unchanged, "bad": counts.bad,
            "left": counts.left_out, "created": made,
        });
        deed.commit(action, &subject, &detail).await?;
        if !applies {
            self.forget_import_file(import.id).await;
        }
        Ok(applies)
    }

    /// Ends an import and forgets its file.
    pub(super) async fn end_import(&self, import: &Import, state: ImportState, message: &str) -> Result<()> {
        let subject = format!("import:{}", import.id);
        let mut deed = self.allow(&RULE, Permission::ImportRun, &subject).await?;
        let message = &sound(message);
        if store::import::finish(&mut deed.tx, import.id, state, message, self.now()).await? {
            deed.ring("import", &import.id.to_string()).await?;
            if state == ImportState::Done {
                deed.ring("device", "").await?;
            }
            let action = if state == ImportState::Done { "import.done" } else { "import.fail" };
            deed.commit(action, &subject, &json!({"by": import.actor, "message": message})).await?;
        }
        self.forget_import_file(import.id).await;
        Ok(())
    }
}

/// A message may quote the file, which may hold what PostgreSQL can't keep.
fn sound(message: &str) -> String {
    message.replace('\0', "\u{fffd}")
}

fn refusal(checked: &Checked) -> String {
    match &checked.refusal {
        Some(why) => {
            let mut letters = why.chars();
            let first: String = letters.next().map(char::to_uppercase).into_iter().flatten().collect();
            format!("{first}{}. Nothing was changed.", letters.as_str().trim_end_matches('.'))
        }
        None => format!(
            "{} of {} rows are bad, so nothing was changed. Correct them and send the file again, or import it without \
             the bad rows.",
            number(checked.counts.bad),
            number(checked.counts.rows_checked)
        ),
    }
}

fn failure(error: &Error) -> String {
    match error {
        Error::Internal(_) => {
            "Something went wrong on our side; nothing was changed. The cause is in the log.".to_owned()
        }
        other => other.to_string(),
    }
}

/// `12,345`.
pub(super) fn number(n: i64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 device`, `12,345 devices`.
pub(crate) fn counted(n: i64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{} {what}s", number(n)) }
}
