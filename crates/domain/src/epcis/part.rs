//! Components as URIs: `urn:dev:musterpart:lte:861941050337180` (RFC 9039, section 3.2.5, `otherbody`).

use super::{epc::DEV_UNRESERVED, percent_decode, percent_encode, vocabulary::is_uri};
use crate::{
    component::{ComponentClass, Part},
    identifier,
};
use sha2::{Digest, Sha256};

const PART: &str = "urn:dev:musterpart:";

/// The URI of a component: its class and its identifier as it is compared. An [`ComponentClass::Other`] that is
/// identified by a URI keeps that.
#[must_use]
pub fn part_uri(part: &Part) -> String {
    let identifier = part.identifier.as_str();
    if part.class == ComponentClass::Other && is_uri(identifier) && !identifier.starts_with(PART) {
        return identifier.to_owned();
    }
    // The key begins by its kind (`mac:`, `imei:`, `sn:board:`), which follows from the class.
    let key = part.identifier_key.as_str();
    let bare = ["mac:", "imei:"]
        .iter()
        .find_map(|kind| key.strip_prefix(kind))
        .or_else(|| key.strip_prefix("sn:")?.strip_prefix(part.class.as_str())?.strip_prefix(':'))
        .unwrap_or(&part.identifier);
    // An underscore would begin the name of a sub-component.
    let class = part.class.as_str().replace('_', "-");
    format!("{PART}{class}:{}", percent_encode(bare, DEV_UNRESERVED))
}

/// The component that a URI names: ours with class and identifier, any other as an [`ComponentClass::Other`] whose
/// identifier is the URI. The URI doesn't say in which slot it sits, so that one is made up from it.
#[must_use]
pub fn part_from_uri(uri: &str) -> Option<Part> {
    let uri = uri.trim();
    let own = uri.strip_prefix(PART).and_then(|rest| {
        let (class, text) = rest.split_once(':')?;
        let class: ComponentClass = class.replace('-', "_").parse().ok()?;
        Some((class, identifier::normalise(class, &percent_decode(text)?).ok()?))
    });
    let (class, shown, key) = match own {
        Some((class, identifier)) => (class, identifier.shown, identifier.key),
        None => match identifier::normalise(ComponentClass::Other, uri) {
            Ok(identifier) => (ComponentClass::Other, identifier.shown, identifier.key),
            Err(_) => return None,
        },
    };
    let digest = hex::encode(Sha256::digest(key.as_bytes()));
    let slot = format!("{}-{}", class.as_str(), digest.get(..8).unwrap_or_default());
    Some(Part { slot, class, maker: String::new(), model: String::new(), identifier: shown, identifier_key: key })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test may fail")]
    use super::*;

    #[test]
    fn every_class_survives() {
        for (class, text) in [
            (ComponentClass::Cpu, "3A1F-77E0-21C4"),
            (ComponentClass::SecureElement, "0123A9F4C2117EEE"),
            (ComponentClass::Board, "MB26B/117204 x_7"),
            (ComponentClass::Ethernet, "d8:80:39:4e:71:0c"),
            (ComponentClass::Wlan, "d8:80:39:4e:71:0d"),
            (ComponentClass::Lte, "861941050337180"),
            (ComponentClass::Other, "urn:epc:id:giai:4000001.12345"),
        ] {
            let identifier = identifier::normalise(class, text).expect("a sound identifier");
            let part = Part {
                slot: "a".into(),
                class,
                maker: String::new(),
                model: String::new(),
                identifier: identifier.shown,
                identifier_key: identifier.key,
            };
            let again = part_from_uri(&part_uri(&part)).expect("a part");
            assert_eq!((again.class, again.identifier_key), (part.class, part.identifier_key), "{text}");
        }
    }

    #[test]
    fn foreign_ones_are_other_parts() {
        let part = part_from_uri("urn:epc:id:giai:4000001.12345").expect("a part");
        assert_eq!((part.class, part.identifier.as_str()), (ComponentClass::Other, "urn:epc:id:giai:4000001.12345"));
        assert!(part.slot.starts_with("other-"));
    }
}
