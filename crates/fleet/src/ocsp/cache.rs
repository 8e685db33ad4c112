//! Answers that were signed already. One is used again until half its time is over or something of its authority is
//! cut off or released.

use super::OcspAnswer;
use crate::trust::Mark;
use domain::{id::AuthorityId, time::Timestamp};
use pki::{CertId, CertIdHash, SerialNumber};
use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Mutex, PoisonError},
};

/// Into how many parts the cache is cut, so that askers don't wait for each other.
const PARTS: usize = 16;
/// How many answers each part keeps; one is about a kilobyte.
const EACH: usize = 4_096;

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) authority: AuthorityId,
    pub(super) hash: CertIdHash,
    pub(super) serial: SerialNumber,
}

/// An answer as it is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) version: u64,
    /// As it was asked for: the answer repeats it to the byte.
    pub(super) id: CertId,
    pub(super) until: Timestamp,
    pub(super) answer: OcspAnswer,
    pub(super) mark: Option<Mark>,
}

#[derive(Debug)]
pub(crate) struct Cache {
    parts: [Mutex<HashMap<Key, Kept>>; PARTS],
    hasher: RandomState,
}

impl Default for Cache {
    fn default() -> Self {
        Self { parts: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new() }
    }
}

impl Cache {
    fn part(&self, key: Key) -> std::sync::MutexGuard<'_, HashMap<Key, Kept>> {
        let n = usize::try_from(self.hasher.hash_one(key) % PARTS as u64).unwrap_or_default();
        // In range by the remainder; the first stands for what can't be.
        self.parts.get(n).unwrap_or(&self.parts[0]).lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(
        &self,
        key: Key,
        id: &CertId,
        version: u64,
        now: Timestamp,
    ) -> Option<(OcspAnswer, Option<Mark>)> {
        let part = self.part(key);
        let kept = part.get(&key).filter(|kept| kept.version == version && kept.until > now && kept.id == *id)?;
        Some((kept.answer.clone(), kept.mark))
    }

    pub(super) fn put(&self, key: Key, kept: Kept) {
        let now = kept.answer.this_update;
        let mut part = self.part(key);
        if part.len() >= EACH && !part.contains_key(&key) {
            part.retain(|_, kept| kept.until > now);
            if part.len() >= EACH {
                // All are young: any half makes room, and what is asked for often comes back at once.
                let mut keep = false;
                part.retain(|_, _| {
                    keep = !keep;
                    keep
                });
            }
        }
        part.insert(key, kept);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use pki::IssuerHashes;

    const NOW: Timestamp = Timestamp(1_793_620_800_000_000);

    const HASHES: IssuerHashes =
        IssuerHashes { sha1_name: [1; 20], sha1_key: [2; 20], sha256_name: [3; 32], sha256_key: [4; 32] };

    fn key(n: u64) -> Key {
        let authority = AuthorityId(uuid::Uuid::from_u128(1));
        Key { authority, hash: CertIdHash::Sha1, serial: SerialNumber::from_bytes(&n.to_be_bytes()).unwrap() }
    }

    fn id(key: Key) -> CertId {
        CertId::new(key.hash, &HASHES, key.serial)
    }

    fn put(cache: &Cache, n: u64, version: u64) {
        let answer = OcspAnswer::of(vec![1], (NOW, NOW.plus(10)), true);
        cache.put(key(n), Kept { version, id: id(key(n)), until: NOW.plus(10), answer, mark: None });
    }

    #[test]
    fn an_answer_ends_with_its_time_and_with_what_is_cut_off() {
        let cache = Cache::default();
        put(&cache, 1, 7);
        let get = |key: Key, version, now| cache.get(key, &id(key), version, now).is_some();
        assert!(get(key(1), 7, NOW));
        assert!(!get(key(1), 8, NOW) && !get(key(1), 7, NOW.plus(10)));
        assert!(!get(Key { hash: CertIdHash::Sha256, ..key(1) }, 7, NOW));
        assert!(cache.get(key(1), &id(key(2)), 7, NOW).is_none());
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let cache = Cache::default();
        for n in 0..(EACH * PARTS * 2) as u64 {
            put(&cache, n, 1);
        }
        let kept: usize = cache.parts.iter().map(|part| part.lock().unwrap().len()).sum();
        assert!(kept <= EACH * PARTS && kept > EACH * PARTS / 4, "{kept}");
    }
}
