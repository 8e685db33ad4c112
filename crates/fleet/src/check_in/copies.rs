//! Identifiers that are in more than one device: noted as devices report them, counted by batch.

use super::{fold::unlisted_key, judge::Bench};
use crate::{Deed, Result};
use domain::{
    report::Reported,
    suspicion::{Copied, GOLDEN_IMAGE_DEVICES, Signal, copies},
};
use std::collections::{BTreeMap, BTreeSet};
use store::report::{Holder, ReportedPart};

/// How many identifiers of a device are held against the fleet.
const KEYS: usize = 32;
/// How long an identifier's key may be, in bytes.
const KEY_MAX: usize = 200;
/// How many other devices that report it are looked at one by one, how many that list it, and how many other batches.
const REPORTING: i64 = 20;
const OTHERS: i64 = 6;
const BATCHES: i64 = 100;

/// The identifiers that a device reports, each once, with a slot.
fn keys(reported: &Reported) -> BTreeMap<&str, (&str, Copied)> {
    let mut keys = BTreeMap::new();
    for (part, identifier) in reported.identifiers() {
        if identifier.key.len() <= KEY_MAX && keys.len() < KEYS {
            let copied = Copied::Part {
                class: part.class,
                identifier: identifier.shown.clone(),
                identifier_key: identifier.key.clone(),
            };
            keys.entry(identifier.key.as_str()).or_insert((part.slot.as_str(), copied));
        }
    }
    keys
}

/// Notes which identifiers a device reports, in place of those that it reported before.
pub(super) async fn note(deed: &mut Deed<'_>, bench: &Bench<'_>, reported: &Reported) -> Result<()> {
    let keys = keys(reported);
    let of = (bench.device.id, bench.device.batch_id);
    let before = store::report::parts(&mut deed.tx, bench.device.id).await?;
    // What counts parts from elsewhere is no identifier.
    let before = before.iter().filter(|part| !part.identifier_key.starts_with(&unlisted_key("")));
    let known: BTreeMap<&str, &str> = before.map(|p| (p.identifier_key.as_str(), p.slot.as_str())).collect();
    // In the order of keys, as every device that counts does.
    let all: BTreeSet<&str> = known.keys().chain(keys.keys()).copied().collect();
    for key in all {
        let part = |slot: &str| ReportedPart { identifier_key: key.to_owned(), slot: slot.to_owned() };
        match (known.get(key), keys.get(key)) {
            (Some(_), None) => store::report::drop_part(&mut deed.tx, of, key).await?,
            (None, Some((slot, _))) => store::report::add_part(&mut deed.tx, of, &part(slot)).await?,
            (Some(was), Some((slot, _))) if was != slot => {
                store::report::move_part(&mut deed.tx, bench.device.id, &part(slot)).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the identifiers of a device say that others have as well, each with the slot that it is reported in. To be asked
/// after [`note`].
pub(super) async fn find(deed: &mut Deed<'_>, bench: &Bench<'_>, reported: &Reported) -> Result<Vec<(String, Signal)>> {
    let mut found = Vec::new();
    for (key, (slot, copied)) in keys(reported) {
        if let Some(signal) = of_key(deed, bench, key, copied).await? {
            found.push((slot.to_owned(), signal));
        }
    }
    Ok(found)
}

async fn of_key(deed: &mut Deed<'_>, bench: &Bench<'_>, key: &str, copied: Copied) -> Result<Option<Signal>> {
    let (device, batch) = (bench.device.id, bench.device.batch_id);
    let here = store::report::count_in_batch(&mut deed.tx, key, batch).await?;
    let elsewhere = store::report::count_elsewhere(&mut deed.tx, key, batch, BATCHES).await?;
    // What is cut off must not speak against a device whose manifest lists this. Against one that has it from elsewhere it
    // does: else each device of an image would be a finding of its own until it was cut off.
    let mut others = if bench.lists(key) {
        store::report::reporting(&mut deed.tx, key, device, REPORTING).await?
    } else {
        store::report::reporting_any(&mut deed.tx, key, device, REPORTING).await?
    };
    let listing = store::report::listing(&mut deed.tx, key, device, OTHERS).await?;
    let of_batch = |holders: &[Holder]| holders.iter().filter(|holder| holder.batch_id == batch.0).count() as u64;
    let (mut in_batch, mut in_all) = (of_batch(&others) + 1, others.len() as u64 + 1);
    // Of so many the counts are near enough. Of few, those that are cut off or retired must not speak against others.
    if here.saturating_add(elsewhere) > REPORTING {
        in_batch = u64::try_from(here).unwrap_or_default();
        in_all = u64::try_from(here.saturating_add(elsewhere)).unwrap_or_default();
    }
    in_batch = in_batch.saturating_add(of_batch(&listing));
    in_all = in_all.saturating_add(listing.len() as u64);
    if in_all < 2 {
        return Ok(None);
    }
    let of_batch = in_batch == in_all || in_batch >= GOLDEN_IMAGE_DEVICES;
    let (batch, n) = if of_batch { (Some(bench.batch.as_str()), in_batch) } else { (None, in_all) };
    others.extend(listing);
    let is_meant = |holder: &&Holder| !of_batch || holder.batch_id == bench.device.batch_id.0;
    let mut serials: Vec<&str> = others.iter().filter(is_meant).map(|holder| holder.serial.as_str()).collect();
    serials.sort_unstable();
    serials.dedup();
    serials.insert(0, &bench.device.serial);
    Ok(copies(copied, batch, &serials, n))
}

/// Takes out what a copied identifier explains: that it is not the one that the manifest lists is no news of its own.
pub(super) fn without_explained(signals: Vec<Signal>, found: &[(String, Signal)]) -> Vec<Signal> {
    let is_explained = |signal: &Signal| {
        let of_report = match signal {
            Signal::PartChanged { .. } | Signal::PartBeyondManifest { .. } => true,
            Signal::ForeignTac { listed, .. } | Signal::ForeignOui { listed, .. } | Signal::LocalMac { listed, .. } => {
                !listed
            }
            _ => false,
        };
        of_report && found.iter().any(|(slot, _)| Some(slot.as_str()) == signal.slot())
    };
    signals.into_iter().filter(|signal| !is_explained(signal)).collect()
}
