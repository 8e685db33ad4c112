//! Parts that a device came with and that no manifest of its batch lists: some belong to what differs at their device, many
//! are the factory's.

use super::{fold::unlisted_key, judge::Bench};
use crate::{Deed, Result};
use domain::{component::ComponentClass, identifier::normalise, suspicion::Signal};
use std::collections::{BTreeMap, BTreeSet};
use store::report::ReportedPart;

/// How many slots of a device are looked at.
const SLOTS: usize = 32;

/// Adds what parts from elsewhere say, and takes out what they explain. Only a part counts that was there from the first
/// report on: one that is another since was changed in the field, and not by the factory. It has an identifier that no
/// manifest of the batch ever listed and no repair recorded, though the manifest lists parts of its class.
pub(super) async fn find(
    deed: &mut Deed<'_>,
    bench: &Bench<'_>,
    signals: Vec<Signal>,
    is_first: bool,
) -> Result<Vec<Signal>> {
    let known: BTreeSet<String> = store::report::parts(&mut deed.tx, bench.device.id)
        .await?
        .into_iter()
        .filter_map(|part| part.identifier_key.strip_prefix(&unlisted_key("")).map(str::to_owned))
        .collect();
    let mut unlisted: BTreeMap<String, (ComponentClass, String)> = BTreeMap::new();
    for (slot, class, reported) in signals.iter().filter_map(other_part) {
        let counts = (is_first || known.contains(slot)) && unlisted.len() < SLOTS && lists_class(bench, class);
        if counts && is_from_elsewhere(deed, bench, class, reported).await? {
            unlisted.insert(slot.to_owned(), (class, reported.to_owned()));
        }
    }
    count(deed, bench, &known, &unlisted).await?;
    let mut found = Vec::with_capacity(unlisted.len());
    for (slot, (class, reported)) in unlisted {
        let n = store::report::count_in_batch(&mut deed.tx, &unlisted_key(&slot), bench.device.batch_id).await?;
        let count = u64::try_from(n).unwrap_or_default();
        found.push(Signal::PartBeyondBatch { batch: bench.batch.clone(), slot, class, reported, count });
    }
    let is_explained = |signal: &Signal| {
        signal.unlisted().is_some() && found.iter().any(|many| many.is_of_factory() && many.slot() == signal.slot())
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

async fn is_from_elsewhere(
    deed: &mut Deed<'_>,
    bench: &Bench<'_>,
    class: ComponentClass,
    reported: &str,
) -> Result<bool> {
    let Ok(found) = normalise(class, reported) else { return Ok(false) };
    Ok(!store::report::is_known(&mut deed.tx, &found.key, bench.device.batch_id).await?)
}

/// Counts the device's slots with such parts by batch, in place of those of before; in one order, as others do.
async fn count(
    deed: &mut Deed<'_>,
    bench: &Bench<'_>,
    known: &BTreeSet<String>,
    unlisted: &BTreeMap<String, (ComponentClass, String)>,
) -> Result<()> {
    let of = (bench.device.id, bench.device.batch_id);
    let all: BTreeSet<&String> = known.iter().chain(unlisted.keys()).collect();
    for slot in all {
        let key = unlisted_key(slot);
        match (known.contains(slot), unlisted.contains_key(slot)) {
            (true, false) => store::report::drop_part(&mut deed.tx, of, &key).await?,
            (false, true) => {
                let part = ReportedPart { identifier_key: key, slot: slot.clone() };
                store::report::add_part(&mut deed.tx, of, &part).await?;
            }
            _ => {}
        }
    }
    Ok(())
}
