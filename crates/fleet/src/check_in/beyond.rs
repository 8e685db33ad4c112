//! Parts that a device came with and that no manifest of its batch lists: some belong to what differs at their device, many
//! are the factory's.

use super::{fold::unlisted_key, judge::Bench};
use crate::{Deed, Result};
use domain::{component::ComponentClass, identifier::normalise, suspicion::Signal};
use std::collections::{BTreeMap, BTreeSet};
use store::report::ReportedPart;

/// How many slots of a device are looked at.
const SLOTS: usize = 32;

/// A part from elsewhere.
struct Unlisted {
    class: ComponentClass,
    /// As the device reports it, and as it is compared.
    reported: String,
    key: String,
}

/// Adds what parts from elsewhere say, and takes out what they explain. Only a part counts that was there from the first
/// report on: one that is another since was changed in the field, and not by the factory, and explains nothing. It has an identifier that no
/// manifest of the batch ever listed and no repair recorded, though the manifest lists parts of its class.
pub(super) async fn find(
    deed: &mut Deed<'_>,
    bench: &Bench<'_>,
    signals: Vec<Signal>,
    is_first: bool,
) -> Result<Vec<Signal>> {
    // By slot, the identifier that was there at first.
    let known: BTreeMap<String, String> = store::report::parts(&mut deed.tx, bench.device.id)
        .await?
        .into_iter()
        .filter_map(|part| Some((part.identifier_key.strip_prefix(&unlisted_key(""))?.to_owned(), part.slot)))
        .collect();
    let mut unlisted: BTreeMap<String, Unlisted> = BTreeMap::new();
    for (slot, class, reported) in signals.iter().filter_map(other_part) {
        let Ok(found) = normalise(class, reported) else { continue };
        let was_there = known.get(slot).map_or(is_first, |first| *first == found.key);
        let counts = was_there && unlisted.len() < SLOTS && lists_class(bench, class);
        if counts && !store::report::is_known(&mut deed.tx, &found.key, bench.device.batch_id).await? {
            unlisted.insert(slot.to_owned(), Unlisted { class, reported: reported.to_owned(), key: found.key });
        }
    }
    count(deed, bench, &known, &unlisted).await?;
    let mut found = Vec::with_capacity(unlisted.len());
    for (slot, Unlisted { class, reported, .. }) in unlisted {
        let n = store::report::count_in_batch(&mut deed.tx, &unlisted_key(&slot), bench.device.batch_id).await?;
        let count = u64::try_from(n).unwrap_or_default();
        found.push(Signal::PartBeyondBatch { batch: bench.batch.clone(), slot, class, reported, count });
    }
    let is_explained = |signal: &Signal| {
        let is_this = |many: &&Signal| many.slot() == signal.slot() && many.unlisted_key() == signal.unlisted_key();
        signal.unlisted().is_some() && found.iter().filter(is_this).any(Signal::is_of_factory)
    };
    let mut signals: Vec<Signal> = signals.into_iter().filter(|signal| !is_explained(signal)).collect();
    signals.extend(found);
    Ok(signals)
}

/// The part that is in a slot instead of the listed one or beside it.
fn other_part(signal: &Signal) -> Option<(&str, ComponentClass, &str)> {
    match signal {
        Signal::PartChanged { slot, class, reported, .. } | Signal::PartBeyondManifest { slot, class, reported } => {
            Some((slot, *class, reported))
        }
        _ => None,
    }
}

fn lists_class(bench: &Bench<'_>, class: ComponentClass) -> bool {
    let newest = bench.device.manifest_version;
    bench.components.iter().any(|component| component.is_in(newest) && component.part.class == class)
}

/// Counts the device's slots with such parts by batch, in place of those of before; in one order, as others do. What is
/// counted is the slot, and where other parts say theirs, this says the identifier.
async fn count(
    deed: &mut Deed<'_>,
    bench: &Bench<'_>,
    known: &BTreeMap<String, String>,
    unlisted: &BTreeMap<String, Unlisted>,
) -> Result<()> {
    let of = (bench.device.id, bench.device.batch_id);
    let all: BTreeSet<&String> = known.keys().chain(unlisted.keys()).collect();
    for slot in all {
        let key = unlisted_key(slot);
        match (known.contains_key(slot), unlisted.get(slot)) {
            (true, None) => store::report::drop_part(&mut deed.tx, of, &key).await?,
            (false, Some(first)) => {
                let part = ReportedPart { identifier_key: key, slot: first.key.clone() };
                store::report::add_part(&mut deed.tx, of, &part).await?;
            }
            _ => {}
        }
    }
    Ok(())
}
