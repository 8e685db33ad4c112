//! Settles which rows are bad when something stands twice in a file or a batch exceeds its quota: by reading the file
//! once more, which costs nothing when neither is so.

use super::check::Check;
use crate::{
    Error, Fleet, Result,
    import::{progress::Told, rows, spool},
};
use domain::{
    factory_manifest::{Row, RowResult},
    import::ImportState,
};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};
use store::import::Import;

/// Marks the rows that repeat what an earlier row says, and those beyond a quota. False when the import was cancelled.
pub(super) async fn settle(fleet: &Fleet, check: &mut Check, import: &Import, path: &Path) -> Result<bool> {
    let mut twice = std::mem::take(&mut check.twice);
    let found = tokio::task::spawn_blocking(move || {
        let found = twice.found();
        (twice, found)
    });
    let (twice, suspects) = found.await.map_err(Error::internal)?;
    check.twice = twice;
    let over = check.over_quota();
    if suspects.is_empty() && over.is_empty() {
        return Ok(true);
    }
    let bad = check.plan.bad.clone();
    let read = rows::read(path, import.format, import.created_at, move |number, RowResult { line, row }| {
        row.ok().filter(|_| !bad.has(number)).map(|row| (number, line, row))
    });
    let mut rows = read.map_err(spool::trouble)?;
    let mut settling = Settling { suspects, over, seen: HashMap::new(), made: HashMap::new() };
    let mut told = Told::never();
    loop {
        let piece = match rows.next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(true),
            Err(stop) => return Err(Error::internal(std::io::Error::other(stop.message))),
        };
        for (number, line, row) in piece {
            settling.row(check, number, line, &row);
        }
        let bad = check.plan.bad.count();
        if import.state != ImportState::Applying
            && told.is_due()
            && !fleet.note_progress(import.id, check.plan.rows, rows.bytes(), bad).await?
        {
            return Ok(false);
        }
    }
}

struct Settling {
    /// Keys of what seems to stand twice.
    suspects: HashSet<u64>,
    /// Batches of which there are too many.
    over: HashSet<String>,
    /// Which serial or identifier stands where: its kind and text, the line and the serial there.
    seen: HashMap<(char, String), (u64, String)>,
    /// New devices by batch so far.
    made: HashMap<String, i64>,
}

impl Settling {
    fn row(&mut self, check: &mut Check, number: u64, line: u64, row: &Row) {
        let suspects: Vec<(char, &str, &str, &str)> =
            std::iter::once(('s', row.serial.as_str(), "serial", row.serial.as_str()))
                .chain(
                    row.parts.iter().map(|p| ('i', p.identifier_key.as_str(), p.slot.as_str(), p.identifier.as_str())),
                )
                .filter(|(kind, text, ..)| self.suspects.contains(&check.twice.key(*kind, text)))
                .collect();
        let mut good = true;
        for (kind, text, column, shown) in &suspects {
            let Some((first, serial)) = self.seen.get(&(*kind, (*text).to_owned())) else { continue };
            good = false;
            if *kind == 's' {
                let why = format!("the serial {shown} stands on line {first} already");
                check.bad(number, line, column, "duplicate_serial", why);
            } else {
                let why =
                    format!("{shown} stands on line {first} already, in {serial}; a part is in one device at a time");
                check.bad(number, line, column, "duplicate_component", why);
            }
        }
        let is_new = !check.plan.known.has(number);
        if good && is_new {
            good = self.within_quota(check, number, line, row);
        }
        if good {
            for (kind, text, ..) in suspects {
                self.seen.insert((kind, text.to_owned()), (line, row.serial.clone()));
            }
        } else if is_new {
            check.one_less(&row.batch);
        }
    }

    fn within_quota(&mut self, check: &mut Check, number: u64, line: u64, row: &Row) -> bool {
        if !self.over.contains(&row.batch) {
            return true;
        }
        let Some((quota, made)) = check.plan.batches.get(&row.batch).and_then(|b| Some((b.quota?, b.made))) else {
            return true;
        };
        let so_far = self.made.entry(row.batch.clone()).or_default();
        if made + *so_far < quota {
            *so_far += 1;
            return true;
        }
        let there = if made > 0 { format!(", and {made} are in the fleet") } else { String::new() };
        let why = format!("beyond the quota: {quota} devices of batch {} may be made{there}", row.batch);
        check.bad(number, line, "batch", "quota_exceeded", why);
        check.one_over(&row.batch);
        false
    }
}
