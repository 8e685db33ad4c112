//! One key in several devices: one finding, however many come with it. None but the first is let in with that key.

use crate::{
    Result,
    finding::{Found, note},
};
use domain::{
    authority::FindingKind,
    id::{AuthorityId, BatchId},
    suspicion::{Copied, GOLDEN_IMAGE_DEVICES, Subject, copies},
    time::Timestamp,
};
use serde_json::json;
use store::Tx;

/// Of how many batches devices with one key are counted, and how many devices are named.
const BATCHES: i64 = 100;
const NAMED: i64 = 5;

/// A key that another device has.
#[derive(Clone, Debug)]
pub(crate) struct CopiedKey {
    /// SHA-256 of its `SubjectPublicKeyInfo`, in hexadecimal.
    pub(crate) spki_sha256: String,
    /// The serial of the device that had it first.
    pub(crate) first: String,
}

/// The device that comes with it, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comer<'a> {
    pub(crate) serial: &'a str,
    pub(crate) batch: BatchId,
    /// The batch's code.
    pub(crate) batch_code: &'a str,
    pub(crate) authority: AuthorityId,
}

/// Notes that a device came with a key that is another's: in one finding for that key in that batch, or where it is in
/// several batches, in one for the key.
pub(crate) async fn note_copied_key(tx: &mut Tx, key: &CopiedKey, comer: Comer<'_>, now: Timestamp) -> Result<()> {
    let spki = &key.spki_sha256;
    let first_batch = store::key_copy::batch_of_owner(tx, &key.first, spki).await?.unwrap_or(comer.batch);
    // The owner first: all that come with its key wait for each other there, and not in a circle at the counts.
    for (serial, batch) in [(key.first.as_str(), first_batch), (comer.serial, comer.batch)] {
        store::key_copy::add(tx, spki, serial, batch).await?;
    }
    let counts = store::key_copy::counts(tx, spki, BATCHES).await?;
    let here = counts.iter().filter(|(batch, _)| *batch == comer.batch).map(|(_, n)| n).sum::<i64>();
    let all = counts.iter().map(|(_, n)| n).sum::<i64>();
    let is_of_batch = here == all || u64::try_from(here).is_ok_and(|here| here >= GOLDEN_IMAGE_DEVICES);
    let count = u64::try_from(if is_of_batch { here } else { all }).unwrap_or_default();
    let mut serials = store::key_copy::serials(tx, spki, NAMED).await?;
    // Whoever came now is named first, and whose it is after that.
    serials.retain(|serial| serial != comer.serial && *serial != key.first);
    serials.insert(0, key.first.clone());
    serials.insert(0, comer.serial.to_owned());
    let named: Vec<&str> = serials.iter().map(String::as_str).collect();
    let copied = Copied::Key { spki_sha256: spki.clone() };
    let Some(signal) = copies(copied, is_of_batch.then_some(comer.batch_code), &named, count) else { return Ok(()) };
    let of = Subject { serial: comer.serial, batch: comer.batch_code, manifest_version: 0 };
    let cause = signal.cause(&of);
    let words = format!("{} It was that of {} first; no other device is let in with it.", signal.sentence(), key.first);
    let found = Found {
        kind: FindingKind::IdentifierCopied,
        about: &cause.about,
        batch: is_of_batch.then_some(comer.batch),
        authority: Some(comer.authority),
        device: None,
        words,
        detail: json!({
            "key": spki, "first": key.first, "last": comer.serial, "score": signal.weight(), "signals": [signal],
        }),
    };
    note(tx, &found, now).await
}
