//! Checks a manifest from its first row to its last, without changing anything.

use super::{
    fleet::Known,
    plan::{Plan, PlannedBatch, Twice},
    settle,
};
use crate::{
    Error, Fleet, Result,
    import::{
        problems::Problems,
        progress::Told,
        rows::{self, Stop},
        spool,
        worker::Checked,
    },
};
use domain::{
    factory_manifest::{Row, RowResult},
    import::{ImportState, Severity},
    manifest,
};
use std::{
    collections::{HashMap, HashSet, btree_map},
    path::Path,
};
use store::import::{Counts, Import};

/// A check under way.
pub(super) struct Check {
    pub(super) plan: Plan,
    pub(super) problems: Problems,
    pub(super) twice: Twice,
    known: Known,
    /// Contradictions that are said once, not for each row.
    said: HashSet<String>,
}

/// A good row with its number from 0 and its line.
struct Good {
    number: u64,
    line: u64,
    row: Row,
}

/// Checks a manifest. None when the import was cancelled meanwhile.
pub(super) async fn check(fleet: &Fleet, import: &Import, path: &Path) -> Result<Option<(Plan, Checked)>> {
    let mut check = Check {
        plan: Plan { moves: store::repair::moves(fleet.db()).await?, ..Plan::default() },
        problems: Problems::default(),
        twice: Twice::new(),
        known: Known::load(fleet).await?,
        said: HashSet::new(),
    };
    // The time of arrival bounds what can be true, so that a check that is made again finds the same.
    let read = rows::read(path, import.format, import.created_at, |number, row| Some((number, row)));
    let mut rows = read.map_err(spool::trouble)?;
    let mut told = Told::never();
    let refusal = loop {
        match rows.next().await {
            Ok(Some(piece)) => check.piece(fleet, piece).await?,
            Ok(None) => break None,
            Err(stop) => break Some(stop),
        }
        if import.state != ImportState::Applying && told.is_due() {
            let bad = check.plan.bad.count();
            if !fleet.note_progress(import.id, check.plan.rows, rows.bytes(), bad).await? {
                return Ok(None);
            }
        }
    };
    if let Some(stop) = refusal {
        return check.refused(&stop).map(Some);
    }
    for column in rows.left().await {
        let message = "its name starts with x_, so it is left out";
        check.problems.add(Severity::Left, 1, &column, "foreign_column", message);
    }
    if check.plan.rows == 0 {
        let message = "the file has a header but no rows".to_owned();
        return check.refused(&Stop { line: 0, message, ours: false }).map(Some);
    }
    if !settle::settle(fleet, &mut check, import, path).await? {
        return Ok(None);
    }
    Ok(Some(check.finish()))
}

impl Check {
    fn refused(mut self, stop: &Stop) -> Result<(Plan, Checked)> {
        if stop.ours {
            return Err(Error::internal(std::io::Error::other(stop.message.clone())));
        }
        self.problems.add(Severity::Bad, stop.line, "", "file", stop.message.clone());
        let (plan, mut checked) = self.finish();
        checked.refusal = Some(stop.message.clone());
        Ok((plan, checked))
    }

    fn finish(mut self) -> (Plan, Checked) {
        let used: Vec<&PlannedBatch> = self.plan.batches.values().filter(|batch| batch.new > 0).collect();
        self.plan.factories.retain(|code, _| used.iter().any(|batch| batch.factory == *code));
        self.plan.models.retain(|name, _| used.iter().any(|batch| batch.model == *name));
        let is_new = |name: &&String| self.known.model_sgtin(name).is_none();
        self.plan.new_models = self.plan.models.keys().filter(is_new).cloned().collect();
        let (bad, unchanged) = (self.plan.bad.count(), self.plan.known.count_without(&self.plan.bad));
        let counts = Counts {
            rows_checked: self.plan.rows,
            added: self.plan.rows - bad - unchanged,
            unchanged,
            bad,
            left_out: self.problems.left(),
        };
        let problems = self.problems.into_sorted();
        (self.plan, Checked { counts, problems, refusal: None, summary: String::new() })
    }

    /// Notes that a row can't be taken.
    pub(super) fn bad(&mut self, number: u64, line: u64, column: &str, code: &str, message: impl Into<String>) {
        self.plan.bad.set(number);
        self.problems.add(Severity::Bad, line, column, code, message);
    }

    async fn piece(&mut self, fleet: &Fleet, piece: Vec<(u64, RowResult)>) -> Result<()> {
        let mut good = Vec::with_capacity(piece.len());
        for (number, RowResult { line, row }) in piece {
            self.plan.rows += 1;
            match row {
                Ok(row) => {
                    if self.names(number, line, &row) {
                        good.push(Good { number, line, row });
                    }
                }
                Err(problems) => {
                    self.plan.bad.set(number);
                    self.problems.add_row(line, &problems);
                }
            }
        }
        let good = if self.known.is_empty { good } else { self.against_fleet(fleet, good).await? };
        for Good { row, .. } in good {
            self.new_device(row);
        }
        Ok(())
    }

    /// A row that is not in the fleet and may be entered, unless it stands twice or exceeds a quota.
    fn new_device(&mut self, row: Row) {
        self.remember(&row);
        self.plan.parts.add(&row);
        if let Some(batch) = self.plan.batches.get_mut(&row.batch) {
            batch.new += 1;
            batch.started_at = batch.started_at.min(row.made_at);
        }
        if self.known.custodian(&row.factory).is_none() {
            let name = self.plan.factories.entry(row.factory).or_default();
            *name = name.take().or(row.factory_name);
        }
        let sgtin = self.known.model_sgtin(&row.model);
        if sgtin.is_none() || (sgtin == Some("") && row.sgtin.is_some()) {
            let planned = self.plan.models.entry(row.model).or_default();
            *planned = planned.take().or(row.sgtin);
        }
    }

    fn remember(&mut self, row: &Row) {
        let key = self.twice.key('s', &row.serial);
        self.twice.add(key);
        for part in &row.parts {
            let key = self.twice.key('i', &part.identifier_key);
            self.twice.add(key);
        }
    }

    /// Whether factory, model and batch agree with the fleet and with the rows before.
    fn names(&mut self, number: u64, line: u64, row: &Row) -> bool {
        if let Some(why) = self.known.not_a_factory(&row.factory) {
            self.bad(number, line, "factory", "factory_kind", why);
            return false;
        }
        if let Some(sgtin) = &row.sgtin
            && let Some(known) = self.known.model_sgtin(&row.model).filter(|known| !known.is_empty() && known != sgtin)
        {
            let why = format!("the model {} has the SGTIN {known} here; that is not changed by an import", row.model);
            self.say_once(line, "sgtin", "sgtin_kept", why);
        }
        if !self.plan.batches.contains_key(&row.batch) {
            let batch = self.planned(row);
            self.plan.batches.insert(row.batch.clone(), batch);
        }
        let Some(batch) = self.plan.batches.get_mut(&row.batch) else { return false };
        if batch.factory != row.factory || batch.model != row.model {
            let since = if batch.known { "is in the fleet" } else { "stands on an earlier line" };
            let why = format!(
                "the batch {} {since} with factory {} and model {}; this row says {} and {}",
                row.batch, batch.factory, batch.model, row.factory, row.model
            );
            let column = if batch.factory == row.factory { "model" } else { "factory" };
            self.bad(number, line, column, "batch_differs", why);
            return false;
        }
        match (row.quota, batch.quota) {
            (Some(said), None) => {
                batch.quota = Some(said);
                batch.agrees_quota = batch.known;
            }
            (Some(said), Some(agreed)) if said != agreed => {
                let why = format!("the batch {} has a quota of {agreed}; {said} is not taken", row.batch);
                self.say_once(line, "quota", "quota_kept", why);
            }
            _ => {}
        }
        true
    }

    fn planned(&self, row: &Row) -> PlannedBatch {
        let known = self.known.batch(&row.batch);
        PlannedBatch {
            factory: known.as_ref().map_or(row.factory.as_str(), |known| known.factory).to_owned(),
            model: known.as_ref().map_or(row.model.as_str(), |known| known.model).to_owned(),
            quota: known.as_ref().and_then(|known| known.quota),
            started_at: row.made_at,
            known: known.is_some(),
            made: known.map_or(0, |known| known.made),
            new: 0,
            over: 0,
            agrees_quota: false,
        }
    }

    fn say_once(&mut self, line: u64, column: &str, code: &str, why: String) {
        if self.said.len() < 1_000 && self.said.insert(why.clone()) {
            self.problems.add(Severity::Left, line, column, code, why);
        }
    }

    /// The rows that are new to the fleet. The others are known, or bad.
    async fn against_fleet(&mut self, fleet: &Fleet, good: Vec<Good>) -> Result<Vec<Good>> {
        let serials: Vec<&str> = good.iter().map(|good| good.row.serial.as_str()).collect();
        let existing = store::import::existing(fleet.db(), &serials).await?;
        let mut new = Vec::with_capacity(good.len());
        for Good { number, line, row } in good {
            let Some(device) = existing.get(&row.serial) else {
                new.push(Good { number, line, row });
                continue;
            };
            let hash = manifest::hash(&row.serial, 1, "", &row.parts);
            match self.known.disagrees(&row, device, &hash) {
                Some((code, why)) => self.bad(number, line, "serial", code, why),
                None => {
                    self.remember(&row);
                    self.plan.known.set(number);
                }
            }
        }
        self.fitted_elsewhere(fleet, new).await
    }

    async fn fitted_elsewhere(&mut self, fleet: &Fleet, new: Vec<Good>) -> Result<Vec<Good>> {
        let keys: Vec<&str> =
            new.iter().flat_map(|good| good.row.parts.iter().map(|part| part.identifier_key.as_str())).collect();
        if keys.is_empty() {
            return Ok(new);
        }
        let fitted = store::component::fitted(fleet.db(), &keys).await?;
        if fitted.is_empty() {
            return Ok(new);
        }
        let fitted: HashMap<String, String> = fitted.into_iter().map(|f| (f.identifier_key, f.serial)).collect();
        let mut free = Vec::with_capacity(new.len());
        for good in new {
            let taken: Vec<_> =
                good.row.parts.iter().filter_map(|part| Some((part, fitted.get(&part.identifier_key)?))).collect();
            for (part, serial) in &taken {
                let why = format!("{} is fitted in {serial}; a part is in one device at a time", part.identifier);
                self.bad(good.number, good.line, &part.slot, "component_taken", why);
            }
            if taken.is_empty() {
                free.push(good);
            }
        }
        Ok(free)
    }

    /// Batches of which the file makes more than was agreed.
    pub(super) fn over_quota(&self) -> HashSet<String> {
        let over = |batch: &PlannedBatch| batch.quota.is_some_and(|quota| batch.made + batch.new > quota);
        self.plan.batches.iter().filter(|(_, batch)| over(batch)).map(|(code, _)| code.clone()).collect()
    }

    /// Counts a device that is listed beyond its batch's quota.
    pub(super) fn one_over(&mut self, batch: &str) {
        if let Some(batch) = self.plan.batches.get_mut(batch) {
            batch.over += 1;
        }
    }

    /// Takes a device that turned out to be bad out of its batch again.
    pub(super) fn one_less(&mut self, batch: &str) {
        if let btree_map::Entry::Occupied(mut batch) = self.plan.batches.entry(batch.to_owned()) {
            batch.get_mut().new -= 1;
        }
    }
}
