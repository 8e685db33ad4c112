//! What is sent or typed and was damaged on its way, or made up: nothing here fails, and nothing grows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::{
    component::{ComponentClass, Part},
    identifier::normalise,
};
use proptest::{prelude::*, sample::Index};

/// The body of a good report.
const GOOD: &str = r#"{"hw.cpu":"4E1D0D728A03C6F1","hw.board":"MB26B-117204","hw.eth0.mac":"d8:80:39:4e:71:0c",
    "hw.lte0.imei":"861941050337180","hw.wlan0.mac":"d4:ca:6e:4e:71:0d","sw.version":"1.4.2","metric.temp":"41.5",
    "n":17,"up":true,"deep":{"a":[1,{"b":null}]},"ü":"\u00fc\ud83d\ude00"}"#;

#[derive(Clone, Debug)]
enum Damage {
    Cut(Index),
    Flip(Index, u8),
    Drop(Index, Index),
    Twice(Index, Index),
    Insert(Index, Vec<u8>),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Drop(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Twice(from, to)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
    ];
    prop::collection::vec(one, 1..5)
}

/// The text with all of that done to it, its bytes read as what they may stand for.
fn damaged(text: &str, damage: &[Damage]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for damage in damage {
        let place = |at: &Index| at.index(bytes.len() + 1);
        let range = |from: &Index, to: &Index| place(from).min(place(to))..place(from).max(place(to));
        match damage {
            Damage::Cut(at) => bytes.truncate(place(at)),
            Damage::Flip(at, bit) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Damage::Flip(..) => {}
            Damage::Drop(from, to) => drop(bytes.drain(range(from, to))),
            Damage::Twice(from, to) => {
                let again = bytes[range(from, to)].to_vec();
                bytes.extend(again);
            }
            Damage::Insert(at, more) => {
                let at = place(at);
                drop(bytes.splice(at..at, more.iter().copied()));
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn made() -> Vec<Part> {
    let part = |slot: &str, class, text: &str| {
        let found = normalise(class, text).unwrap();
        let (slot, maker, model) = (slot.to_owned(), String::new(), String::new());
        Part { slot, class, maker, model, identifier: found.shown, identifier_key: found.key }
    };
    vec![
        part("cpu", ComponentClass::Cpu, "4E1D0D728A03C6F1"),
        part("lte0", ComponentClass::Lte, "861941050337180"),
        part("wlan0", ComponentClass::Wlan, "d4:ca:6e:4e:71:0d"),
    ]
}

proptest! {
    #[test]
    fn a_damaged_report_is_read_as_far_as_it_goes(damage in damage()) {
        let read: Result<Attributes, _> = serde_json::from_str(&damaged(GOOD, &damage));
        let attributes = read.unwrap_or_default();
        prop_assert!(attributes.len() <= ATTRIBUTES_MAX);
        for text in attributes.iter().flat_map(|(key, value)| [key, value]) {
            prop_assert!(text.chars().count() <= ATTRIBUTE_CHARS_MAX && !text.chars().any(char::is_control));
        }
        let reported = Mapping::usual().read(&attributes);
        prop_assert!(reported.metrics.values().all(|value| value.is_finite()));
        let parts = made();
        let comparison = compare(&reported, &[Listed { version: 1, parts: &parts }], None, &Makers::default());
        prop_assert!(comparison.signals.iter().all(|signal| !signal.sentence().is_empty()));
        prop_assert!(comparison.confirmed.len() + comparison.silent.len() <= parts.len());
        prop_assert_eq!(comparison.matched.is_some(), comparison.signals.is_empty() && !comparison.confirmed.is_empty());
    }

    #[test]
    fn a_damaged_mapping_says_where_or_reads_what_it_writes(damage in damage()) {
        let text = damaged(USUAL_MAPPING, &damage);
        match Mapping::parse(&text) {
            Ok(mapping) => {
                prop_assert!(mapping.rules().len() <= MAPPING_RULES_MAX);
                prop_assert_eq!(Mapping::parse(&mapping.to_string()), Ok(mapping.clone()));
                let attributes: Attributes = serde_json::from_str(GOOD).unwrap();
                let slots = mapping.read(&attributes).parts;
                prop_assert!(slots.keys().all(|slot| crate::factory_manifest::is_slot(slot)));
            }
            Err(errors) => {
                let lines = text.lines().count();
                prop_assert!(errors.0.len() <= lines);
                prop_assert!(errors.0.iter().all(|error| (1..=lines).contains(&error.line)));
                // What an error quotes of the text is short, however long the line is.
                prop_assert!(errors.0.iter().all(|error| error.to_string().chars().count() < 400));
            }
        }
    }

    #[test]
    fn what_is_known_of_makers_says_where_or_reads_what_it_writes(
        lines in prop::collection::vec("(oui|tac|x)? ?[0-9a-fA-F:-]{0,12} ?=? ?\\PC{0,12}", 0..8),
        damage in damage(),
    ) {
        let text = damaged(&format!("oui d8:80:39 = Microchip\ntac 86194105 = EG25-G\n{}", lines.join("\n")), &damage);
        match Makers::parse(&text) {
            Ok(makers) => prop_assert_eq!(Makers::parse(&makers.to_string()), Ok(makers.clone())),
            Err(errors) => prop_assert!(!errors.0.is_empty()),
        }
    }

    #[test]
    fn what_is_identified_is_identified_again_by_what_is_shown(
        text in prop_oneof!["\\PC{0,70}", "[0-9a-fA-F]{2}([:-]?[0-9a-fA-F]{2}){5}", "[0-9]{2}[- ]?[0-9]{6}[- ]?[0-9]{5,8}"],
    ) {
        for class in ComponentClass::ALL {
            let Reading::Identified(found) = Reading::of(*class, &text) else { continue };
            let again = Reading::of(*class, &found.shown);
            prop_assert_eq!(again.identifier(), Some(&found), "{} as {}", text, class);
        }
    }
}
