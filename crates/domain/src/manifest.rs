//! Manifests: the component list of a device, versioned, each version naming the hash of the one before.

use crate::{
    component::{Component, Part},
    history::{Entry, Event},
    id::ComponentId,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One version of a device's component list, without the list (see [`crate::component::Component::is_in`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// 1 for what the factory delivered.
    pub version: i64,
    /// [`hash`] of its parts, in hexadecimal.
    pub hash: String,
    /// The hash of the version before; empty for the first.
    pub previous_hash: String,
    /// From when it holds.
    pub at: Timestamp,
    /// Why it was made.
    pub reason: String,
}

/// SHA-256, in hexadecimal, of a manifest: device, version, the hash before, and every part in the order of slots.
/// Each field is preceded by its length, so that no two manifests share an encoding.
#[must_use]
pub fn hash(serial: &str, version: i64, previous_hash: &str, parts: &[Part]) -> String {
    let mut sorted: Vec<&Part> = parts.iter().collect();
    sorted.sort();
    let mut digest = Sha256::new();
    let mut field = |text: &str| {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    };
    field("muster-manifest-1");
    field(serial);
    field(&version.to_string());
    field(previous_hash);
    for part in sorted {
        for text in [&part.slot, part.class.as_str(), &part.maker, &part.model, &part.identifier_key] {
            field(text);
        }
    }
    hex::encode(digest.finalize())
}

/// What changed from one list of parts to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// In both, unchanged.
    pub same: Vec<Part>,
    /// Only in the later list.
    pub fitted: Vec<Part>,
    /// Only in the earlier list.
    pub removed: Vec<Part>,
}

/// Compares two lists of parts by slot, class, maker, model and identifier.
#[must_use]
pub fn difference(before: &[Part], after: &[Part]) -> Difference {
    let (same, fitted) = after.iter().cloned().partition(|part| before.contains(part));
    let removed = before.iter().filter(|part| !after.contains(part)).cloned().collect();
    Difference { same, fitted, removed }
}

/// The components and manifests that a history's manifest entries tell of, oldest first. Components get no ids of their
/// own: they are the nil UUID.
#[must_use]
pub fn replay(history: &[Entry]) -> (Vec<Component>, Vec<Manifest>) {
    let (mut components, mut manifests): (Vec<Component>, Vec<Manifest>) = (Vec::new(), Vec::new());
    for entry in history {
        let Event::ManifestRecorded { version, hash, previous_hash, fitted, removed, reason } = &entry.event else {
            continue;
        };
        for component in components.iter_mut().filter(|c| c.removed_at.is_none() && removed.contains(&c.part)) {
            component.removed_at = Some(entry.at);
            component.removed_version = Some(*version);
        }
        components.extend(fitted.iter().map(|part| Component {
            id: ComponentId(uuid::Uuid::nil()),
            part: part.clone(),
            fitted_at: entry.at,
            fitted_version: *version,
            removed_at: None,
            removed_version: None,
        }));
        manifests.push(Manifest {
            version: *version,
            hash: hash.clone(),
            previous_hash: previous_hash.clone(),
            at: entry.at,
            reason: reason.clone(),
        });
    }
    (components, manifests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::ComponentClass;

    fn part(slot: &str, key: &str) -> Part {
        Part {
            slot: slot.into(),
            class: ComponentClass::Lte,
            maker: String::new(),
            model: String::new(),
            identifier: key.into(),
            identifier_key: key.into(),
        }
    }

    #[test]
    fn order_of_parts_does_not_matter_and_content_does() {
        let (a, b) = (part("a", "1"), part("b", "2"));
        let one = hash("S", 1, "", &[a.clone(), b.clone()]);
        assert_eq!(one, hash("S", 1, "", &[b.clone(), a.clone()]));
        assert_ne!(one, hash("S", 2, "", &[a.clone(), b.clone()]));
        assert_ne!(one, hash("S", 1, "", &[a, part("b", "3")]));
    }

    #[test]
    fn differences() {
        let (a, b, c) = (part("a", "1"), part("b", "2"), part("b", "3"));
        let d = difference(&[a.clone(), b.clone()], &[a.clone(), c.clone()]);
        assert_eq!((d.same, d.fitted, d.removed), (vec![a], vec![c], vec![b]));
    }
}
