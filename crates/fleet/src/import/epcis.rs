//! EPCIS documents: what they say of devices that are known here becomes history.
//!
//! The events are read one at a time from the document's text, so that memory holds the text and one event, and each
//! can be kept word for word.

mod known;
mod parts;
mod source;

use super::{
    problems::{PROBLEMS_KEPT, Problems},
    progress::Told,
    worker::{Checked, RULE, counted},
};
use crate::{
    Deed, Error, Fleet, Result,
    custody::{append, change_parts},
};
use domain::{
    epcis::{EpcisEvent, Interpretation, Left, NewEntry, PartChange, interpret, main_event_id},
    history::{Entry, Event},
    id::{DeviceId, HistoryId},
    import::{ImportState, Severity},
    person::Permission,
    time::Timestamp,
};
use known::Known;
use parts::{Fitted, Settled};
use serde_json::Value;
use source::Source;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
    sync::Arc,
};
use store::import::{Counts, Import, Step};
use uuid::Uuid;

/// The largest EPCIS document that is read: all of its text is held in memory.
pub const EPCIS_MAX: u64 = 256 << 20;

/// How many events are entered in one transaction.
const PIECE: usize = 100;

/// Works on the import of a document, from where it is.
pub(super) async fn run(fleet: &Fleet, import: &Import, path: &Path) -> Result<()> {
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || Source::read(&owned)).await.map_err(Error::internal)?;
    let source = match read? {
        Ok(source) => Arc::new(source),
        Err((line, why)) => {
            let mut problems = Problems::default();
            problems.add(Severity::Bad, line, "", "file", why.clone());
            let (counts, problems) = (Counts::default(), problems.into_sorted());
            let checked = Checked { counts, problems, refusal: Some(why), summary: String::new() };
            fleet.end_check(import, &checked, async |_| Ok(Value::Null)).await?;
            return Ok(());
        }
    };
    let mut work = Work::new(fleet, import, Arc::clone(&source)).await?;
    if import.state != ImportState::Applying {
        let Some(checked) = work.check().await? else { return Ok(()) };
        if !fleet.end_check(import, &checked, async |_| Ok(Value::Null)).await? {
            return Ok(());
        }
        // What checking pretended to enter must be looked up afresh.
        work = Work::new(fleet, import, source).await?;
    }
    work.apply().await
}

struct Work<'a> {
    fleet: &'a Fleet,
    import: &'a Import,
    source: Arc<Source>,
    known: Known,
    fitted: Fitted,
    /// The events that were counted as bad when the document was checked; none when they are too many to know.
    counted: Option<HashSet<i64>>,
}

/// What one event, or two that are one change of parts, comes to.
#[derive(Default)]
struct Outcome {
    entries: Vec<NewEntry>,
    parts: Vec<(PartChange, Settled)>,
    unchanged: i64,
    left: Vec<Left>,
    bad: Vec<Left>,
}

/// Some events, read and not entered yet.
struct Piece {
    /// How it moves the import on.
    step: Step,
    taken: Vec<Taken>,
    /// What has become bad since the document was checked.
    late: Problems,
}

/// What is to be entered of one event, or of two that are one change of parts.
struct Taken {
    outcome: Outcome,
    /// Where the events stand in the document, and their identifiers.
    events: Vec<(usize, String)>,
    line: u64,
}

impl Outcome {
    fn devices(&self) -> impl Iterator<Item = DeviceId> {
        self.entries.iter().map(|entry| entry.device).chain(self.parts.iter().map(|(change, _)| change.device))
    }
}

impl<'a> Work<'a> {
    async fn new(fleet: &'a Fleet, import: &'a Import, source: Arc<Source>) -> Result<Self> {
        let known = Known::load(fleet, &source).await?;
        Ok(Self { fleet, import, source, known, fitted: Fitted::default(), counted: None })
    }

    /// Reads which events are bad, so that those are told apart that have become so.
    async fn recall(&mut self) -> Result<()> {
        let told = store::import::problems(self.fleet.db(), self.import.id, 0, i64::MAX).await?;
        if told.len() < PROBLEMS_KEPT {
            let bad = told.iter().filter(|problem| problem.severity == Severity::Bad);
            self.counted = Some(bad.map(|problem| problem.line).collect());
        }
        Ok(())
    }

    /// Goes through all events without changing anything. None when the import was cancelled.
    async fn check(&mut self) -> Result<Option<Checked>> {
        let mut problems = Problems::default();
        let mut counts = Counts::default();
        let mut told = Told::never();
        let source = Arc::clone(&self.source);
        for group in source.groups() {
            let mut events = Vec::with_capacity(group.len());
            for index in group {
                counts.rows_checked += 1;
                match source.event(*index) {
                    Ok(event) => events.push(event),
                    Err(left) => problems.add(Severity::Left, line(*index), &left.what, "unreadable", left.why),
                }
            }
            let outcome = self.outcome(&events).await?;
            let at = first_line(group);
            for left in &outcome.left {
                problems.add(Severity::Left, at, &left.what, "left", left.why.clone());
            }
            for bad in &outcome.bad {
                problems.add(Severity::Bad, at, &bad.what, "component_taken", bad.why.clone());
            }
            if outcome.bad.is_empty() {
                counts.added += i64::try_from(outcome.entries.len() + outcome.parts.len()).unwrap_or(i64::MAX);
                counts.unchanged += outcome.unchanged;
                self.pretend(&outcome);
            } else {
                counts.bad += 1;
            }
            if told.is_due()
                && !self.fleet.note_progress(self.import.id, counts.rows_checked, source.bytes(), counts.bad).await?
            {
                return Ok(None);
            }
            // One event takes microseconds to milliseconds of this thread.
            tokio::task::yield_now().await;
        }
        counts.left_out = problems.left();
        let summary = said(counts.rows_checked, counts.added, counts.unchanged, counts.bad, counts.left_out);
        Ok(Some(Checked { counts, problems: problems.into_sorted(), refusal: None, summary }))
    }

    /// What events come to, given all that is known.
    async fn outcome(&mut self, events: &[EpcisEvent]) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut changes: Vec<PartChange> = Vec::new();
        for event in events {
            let Interpretation { taken, parts, left } = interpret(event, &self.known, self.import.created_at);
            outcome.left.extend(left);
            for entry in taken {
                if self.known.has(entry.device, &event.id) {
                    outcome.unchanged += 1;
                } else if let Some(left) = self.too_early(&entry) {
                    outcome.left.push(left);
                } else {
                    outcome.entries.push(entry);
                }
            }
            for change in parts {
                match changes.iter_mut().find(|earlier| earlier.device == change.device) {
                    Some(earlier) => join(earlier, change),
                    None => changes.push(change),
                }
            }
        }
        for change in changes {
            if self.known.has(change.device, &change.epcis_event_id) {
                outcome.unchanged += 1;
                continue;
            }
            let settled = self.fitted.settle(self.fleet, &change).await?;
            outcome.left.extend(settled.left.iter().cloned());
            outcome.bad.extend(settled.bad.iter().cloned());
            if !(settled.fitted.is_empty() && settled.removed.is_empty()) {
                outcome.parts.push((change, settled));
            }
        }
        Ok(outcome)
    }

    fn too_early(&self, entry: &NewEntry) -> Option<Left> {
        let made_at = self.known.device(&entry.serial)?.made_at;
        let early = entry.at < made_at && !matches!(entry.event, Event::Observed { .. });
        early.then(|| Left {
            what: entry.serial.clone(),
            why: format!("it happened on {}, before the device was made on {}", entry.at.date(), made_at.date()),
        })
    }

    /// From here on the events count as entered.
    fn pretend(&mut self, outcome: &Outcome) {
        for entry in &outcome.entries {
            self.known.add(entry.device, &entry.epcis_event_id);
        }
        for (change, settled) in &outcome.parts {
            self.known.add(change.device, &change.epcis_event_id);
            self.fitted.change(change, settled);
        }
    }

    async fn apply(mut self) -> Result<()> {
        self.recall().await?;
        let source = Arc::clone(&self.source);
        let mut at = 0;
        let mut groups = source.groups().iter().peekable();
        // Groups are entered whole, so that the import stands at the beginning of one.
        while at < self.import.rows_applied
            && let Some(group) = groups.next()
        {
            at += i64::try_from(group.len()).unwrap_or(i64::MAX);
        }
        while groups.peek().is_some() {
            let piece: Vec<&[usize]> = groups.by_ref().take(PIECE).map(Vec::as_slice).collect();
            at = self.piece(&source, &piece, at).await?;
            tokio::task::yield_now().await;
        }
        let Some(now) = store::import::by_id(self.fleet.db(), self.import.id).await? else { return Ok(()) };
        let message = said(now.rows_checked, now.added, now.unchanged, now.bad, now.left_out);
        self.fleet.end_import(&now, ImportState::Done, &message).await
    }

    /// Enters some events in one transaction, which also moves the import on.
    async fn piece(&mut self, source: &Source, piece: &[&[usize]], from: i64) -> Result<i64> {
        let piece = self.read_piece(source, piece, from).await?;
        self.enter_piece(source, piece).await
    }

    /// What some events come to. All reading comes first: a deed holds one connection and must not wait for another.
    async fn read_piece(&mut self, source: &Source, piece: &[&[usize]], from: i64) -> Result<Piece> {
        // Repairs move parts meanwhile, and what was entered before can be read by now.
        self.fitted = Fitted::default();
        let step = Step { from, to: from, added: 0, unchanged: 0, bad: 0 };
        let mut read = Piece { step, taken: Vec::with_capacity(piece.len()), late: Problems::default() };
        for group in piece {
            read.step.to += i64::try_from(group.len()).unwrap_or(i64::MAX);
            let (indexes, events): (Vec<usize>, Vec<EpcisEvent>) =
                group.iter().filter_map(|index| Some((*index, source.event(*index).ok()?))).unzip();
            let outcome = self.outcome(&events).await?;
            if !outcome.bad.is_empty() {
                read.step.bad += self.late(first_line(group), &outcome.bad, &mut read.late);
                continue;
            }
            read.step.unchanged += outcome.unchanged;
            if !(outcome.entries.is_empty() && outcome.parts.is_empty()) {
                self.pretend(&outcome);
                let events = indexes.into_iter().zip(events.into_iter().map(|event| event.id)).collect();
                read.taken.push(Taken { outcome, events, line: first_line(group) });
            }
        }
        Ok(read)
    }

    async fn enter_piece(&self, source: &Source, piece: Piece) -> Result<i64> {
        let Piece { mut step, taken, mut late } = piece;
        let subject = format!("import:{}", self.import.id);
        let mut deed = self.fleet.allow(&RULE, Permission::ImportRun, &subject).await?;
        if taken.iter().any(|taken| !taken.outcome.parts.is_empty()) {
            // From here on no repair moves a part, and it is looked once more at where they are.
            store::repair::hold_manifests(&mut deed.tx).await?;
        }
        let devices = taken.iter().flat_map(|taken| taken.outcome.devices()).collect::<BTreeSet<_>>();
        for device in devices {
            // In the order in which every deed locks devices.
            store::device::lock(&mut deed.tx, device).await?;
        }
        let mut entries = BTreeMap::new();
        for Taken { outcome, events, line } in &taken {
            let moved = parts::moved_since(&mut deed.tx, &outcome.parts).await?;
            if !moved.is_empty() {
                step.bad += self.late(*line, &moved, &mut late);
                continue;
            }
            step.added += self.enter(&mut deed, outcome, &mut entries).await?;
            for (index, id) in events {
                let (raw, context, now) = (source.raw(*index), source.context(), self.fleet.now());
                store::import::keep_epcis(&mut deed.tx, id, raw, context, self.import.id, now).await?;
            }
        }
        // A device's history is read once for all that is new in it: a life may have many thousand events.
        let changed: Vec<String> = entries.keys().cloned().collect();
        for (serial, entries) in entries {
            if let Some(device) = self.known.device(&serial) {
                append(&mut deed, device, entries).await?;
            }
        }
        if !store::import::advance(&mut deed.tx, self.import.id, step).await? {
            return Err(Error::Conflict("This import is worked on elsewhere.".to_owned()));
        }
        store::import::add_problems(&mut deed.tx, self.import.id, &late.into_sorted()).await?;
        deed.ring("import", &self.import.id.to_string()).await?;
        for serial in &changed {
            deed.ring("device", serial).await?;
        }
        // That the document is entered was audited when it began to be; what it says is history.
        deed.commit_as_history().await?;
        Ok(step.to)
    }

    /// Reports events that have become bad since the document was checked; how many they are.
    fn late(&self, at: u64, bad: &[Left], problems: &mut Problems) -> i64 {
        let known = |counted: &HashSet<i64>| i64::try_from(at).is_ok_and(|at| counted.contains(&at));
        if self.counted.as_ref().is_none_or(known) {
            return 0;
        }
        for bad in bad {
            problems.add(Severity::Bad, at, &bad.what, "component_taken", bad.why.clone());
        }
        1
    }

    /// Enters what changes a device's parts, and gathers all entries for its history.
    async fn enter(
        &self,
        deed: &mut Deed<'_>,
        outcome: &Outcome,
        entries: &mut BTreeMap<String, Vec<Entry>>,
    ) -> Result<i64> {
        for new in &outcome.entries {
            let entry = self.entry(new.at, &new.place, new.event.clone(), &new.epcis_event_id);
            entries.entry(new.serial.clone()).or_default().push(entry);
        }
        for (change, settled) in &outcome.parts {
            let Some(device) = self.known.device(&change.serial) else { continue };
            // `change_parts` writes the event itself.
            let blank = Event::Note { text: String::new() };
            let entry = self.entry(change.at, &change.place, blank, &change.epcis_event_id);
            let (fitted, removed) = (settled.fitted.clone(), &settled.removed);
            let entry = change_parts(deed, device, entry, fitted, removed, &change.reason).await?;
            entries.entry(change.serial.clone()).or_default().push(entry);
        }
        Ok(i64::try_from(outcome.entries.len() + outcome.parts.len()).unwrap_or(i64::MAX))
    }

    fn entry(&self, at: Timestamp, place: &str, event: Event, epcis_event_id: &str) -> Entry {
        Entry {
            id: HistoryId(Uuid::now_v7()),
            at,
            recorded_at: self.fleet.now(),
            actor: self.import.actor.clone(),
            place: place.to_owned(),
            event,
            epcis_event_id: Some(main_event_id(epcis_event_id)),
        }
    }
}

/// Two events of one entry: what went out and what came in.
fn join(earlier: &mut PartChange, later: PartChange) {
    earlier.fitted.extend(later.fitted);
    earlier.removed.extend(later.removed);
    earlier.removed_all |= later.removed_all;
    earlier.epcis_event_id = later.epcis_event_id;
    if earlier.reason.is_empty() || !later.reason.is_empty() {
        earlier.reason = later.reason;
    }
}

fn first_line(group: &[usize]) -> u64 {
    group.first().map_or(0, |index| line(*index))
}

fn line(index: usize) -> u64 {
    index as u64 + 1
}

/// What became of a document, in sentences.
fn said(events: i64, added: i64, unchanged: i64, bad: i64, left: i64) -> String {
    if events == 0 {
        return "The document holds no events.".to_owned();
    }
    let read = format!("Read {}", counted(events, "event"));
    let left_out =
        if left > 0 { format!(" {} left out; the report says why.", counted(left, "thing")) } else { String::new() };
    if added == 0 && unchanged == 0 && bad == 0 {
        let none = if events == 1 { "it speaks of no device" } else { "none speaks of a device" };
        return format!("{read}; {none} that is known here.{left_out}");
    }
    let mut parts = vec![if added == 1 {
        "1 history entry".to_owned()
    } else {
        format!("{} history entries", super::worker::number(added))
    }];
    if unchanged > 0 {
        parts.push(format!("{} known already", super::worker::number(unchanged)));
    }
    if bad > 0 {
        parts.push(format!("{} bad", counted(bad, "event")));
    }
    format!("{read}: {}.{left_out}", parts.join(", "))
}

#[cfg(test)]
mod tests;
