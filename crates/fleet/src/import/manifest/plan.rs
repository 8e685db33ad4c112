//! What checking a manifest found out, for applying it: small next to the file, whatever its size.

use crate::import::worker::counted;
use domain::{component::ComponentClass, factory_manifest::Row, time::Timestamp};
use std::{
    collections::{BTreeMap, HashSet},
    hash::{BuildHasher, RandomState},
};

/// A set of row numbers: one bit a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Puts a number in; false if it was in.
    pub(super) fn set(&mut self, n: u64) -> bool {
        let (word, bit) = (usize::try_from(n / 64).unwrap_or(usize::MAX), 1 << (n % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let Some(word) = self.0.get_mut(word) else { return false };
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    pub(super) fn has(&self, n: u64) -> bool {
        let word = usize::try_from(n / 64).ok().and_then(|word| self.0.get(word));
        word.is_some_and(|word| word & (1 << (n % 64)) != 0)
    }

    pub(super) fn count(&self) -> i64 {
        self.0.iter().map(|word| i64::from(word.count_ones())).sum()
    }

    /// How many numbers are in this set and not in the other.
    pub(super) fn count_without(&self, other: &Self) -> i64 {
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        self.0.iter().zip(others).map(|(word, other)| i64::from((word & !other).count_ones())).sum()
    }
}

/// Finds what stands twice in a file. A serial or an identifier costs 8 bytes, so a row of a device with six components
/// 56: a million of them 56 MB. What seems to stand twice is looked at again, by its text, in a second reading.
#[derive(Default)]
pub(super) struct Twice {
    keys: RandomState,
    // By the first byte, so that no list ever has to grow by all that there is.
    seen: Vec<Vec<u64>>,
}

impl Twice {
    pub(super) fn new() -> Self {
        Self { keys: RandomState::new(), seen: vec![Vec::new(); 256] }
    }

    /// The number that stands for a serial (kind `s`) or an identifier (kind `i`).
    pub(super) fn key(&self, kind: char, text: &str) -> u64 {
        self.keys.hash_one((kind, text))
    }

    pub(super) fn add(&mut self, key: u64) {
        let at = usize::try_from(key >> 56).unwrap_or_default();
        if let Some(seen) = self.seen.get_mut(at) {
            seen.push(key);
        }
    }

    /// What was added more than once. Forgets everything else.
    pub(super) fn found(&mut self) -> HashSet<u64> {
        let mut twice = HashSet::new();
        for seen in std::mem::take(&mut self.seen) {
            let mut seen = seen;
            seen.sort_unstable();
            twice.extend(seen.windows(2).filter_map(|pair| match pair {
                [a, b] if a == b => Some(*a),
                _ => None,
            }));
        }
        twice
    }
}

/// A batch as the file speaks of it.
#[derive(Clone, Debug)]
pub(super) struct PlannedBatch {
    pub(super) factory: String,
    pub(super) model: String,
    pub(super) quota: Option<i64>,
    pub(super) started_at: Timestamp,
    /// Whether it is in the fleet already.
    pub(super) known: bool,
    /// How many devices of it the fleet has.
    pub(super) made: i64,
    /// How many devices of it the file adds.
    pub(super) new: i64,
    /// How many devices the file lists beyond the quota.
    pub(super) over: i64,
    /// Whether the quota comes from the file, for a batch that is known without one.
    pub(super) agrees_quota: bool,
}

/// What is to be done.
#[derive(Default)]
pub(super) struct Plan {
    /// Rows that can't be taken.
    pub(super) bad: Bits,
    /// Rows whose device is there already, just so.
    pub(super) known: Bits,
    /// How many rows there are.
    pub(super) rows: i64,
    /// How often parts had been moved in the fleet before it was looked where they are.
    pub(super) moves: i64,
    /// Factories that are new: their codes and names.
    pub(super) factories: BTreeMap<String, Option<String>>,
    /// Models that are new, or get an SGTIN: their names and SGTINs.
    pub(super) models: BTreeMap<String, Option<String>>,
    /// Batches of the file by code.
    pub(super) batches: BTreeMap<String, PlannedBatch>,
    /// Part types that occur, as `class`, maker and model.
    pub(super) parts: Parts,
    /// The models that are new rather than changed.
    pub(super) new_models: Vec<String>,
}

/// Part types that occur.
#[derive(Default)]
pub(super) struct Parts {
    keys: HashSet<String>,
    scratch: String,
}

/// The text by which a part type is looked up.
pub(super) fn part_key(out: &mut String, class: ComponentClass, maker: &str, model: &str) {
    out.clear();
    for text in [class.as_str(), "\u{1f}", maker, "\u{1f}", model] {
        out.push_str(text);
    }
}

impl Parts {
    pub(super) fn add(&mut self, row: &Row) {
        for part in &row.parts {
            part_key(&mut self.scratch, part.class, &part.maker, &part.model);
            if !self.keys.contains(&self.scratch) {
                self.keys.insert(self.scratch.clone());
            }
        }
    }

    /// Class, maker and model of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ComponentClass, &str, &str)> {
        self.keys.iter().filter_map(|key| {
            let mut fields = key.splitn(3, '\u{1f}');
            Some((fields.next()?.parse().ok()?, fields.next()?, fields.next()?))
        })
    }
}

impl Plan {
    /// What comes into the fleet besides devices, in a sentence; empty for nothing.
    pub(super) fn news(&self) -> String {
        let factories = self.factories.keys().map(String::as_str).collect();
        let models = self.new_models.iter().map(String::as_str).collect();
        let batches = self.filled(|batch| !batch.known);
        let news: Vec<String> =
            [(factories, "factory", "factories"), (models, "model", "models"), (batches, "batch", "batches")]
                .into_iter()
                .filter_map(|(names, one, many)| named(&names, one, many))
                .collect();
        if news.is_empty() { String::new() } else { format!(" New: {}.", news.join(", ")) }
    }

    /// The codes of the batches that get devices and are so.
    fn filled(&self, are_so: impl Fn(&PlannedBatch) -> bool) -> Vec<&str> {
        let batches = self.batches.iter().filter(|(_, batch)| batch.new > 0 && are_so(batch));
        batches.map(|(code, _)| code.as_str()).collect()
    }

    /// What became of it, in a sentence.
    pub(super) fn outcome(&self, added: i64, unchanged: i64, bad: i64, left: i64) -> String {
        let mut said = match (added, unchanged) {
            (0, n) if n > 0 => format!("Nothing new: {} there already", are(n, "device")),
            (added, _) => {
                let to = named(&self.filled(|_| true), "batch", "batches").filter(|_| added > 0);
                let to = to.map(|to| format!(" to {to}")).unwrap_or_default();
                format!("{} added{to}", counted(added, "device"))
            }
        };
        if added > 0 && unchanged > 0 {
            said.push_str(&format!(", {} there already", are(unchanged, "")));
        }
        if bad > 0 {
            said.push_str(&format!(", {} bad and skipped", are(bad, "row")));
        }
        if left > 0 {
            said.push_str(&format!(", {} left out", counted(left, "thing")));
        }
        said.push('.');
        if added > 0 {
            said.push_str(&self.news());
        }
        said
    }
}

/// How many names are told one by one.
const NAMED: usize = 3;

/// `batch “A”, batch “B”`, or how many there are; nothing for none. Pages make links of such words.
fn named(names: &[&str], one: &str, many: &str) -> Option<String> {
    match names.len() {
        0 => None,
        1..=NAMED => Some(names.iter().map(|name| format!("{one} “{name}”")).collect::<Vec<_>>().join(", ")),
        n => Some(format!("{n} {many}")),
    }
}

fn are(n: i64, what: &str) -> String {
    let noun = if what.is_empty() { crate::import::worker::number(n) } else { counted(n, what) };
    if n == 1 { format!("{noun} was") } else { format!("{noun} were") }
}
