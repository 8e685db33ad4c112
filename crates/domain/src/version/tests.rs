#![expect(clippy::unwrap_used, reason = "a test may fail")]

use super::*;
use proptest::prelude::*;

/// A version as `SemVer` 2.0 describes it, with the comparison of its section 11 written out.
#[derive(Clone, Debug)]
struct Reference {
    core: [u64; 3],
    pre: Vec<String>,
    build: Option<String>,
}

impl Reference {
    fn text(&self) -> String {
        let [major, minor, patch] = self.core;
        let pre = if self.pre.is_empty() { String::new() } else { format!("-{}", self.pre.join(".")) };
        let build = self.build.as_ref().map_or_else(String::new, |build| format!("+{build}"));
        format!("{major}.{minor}.{patch}{pre}{build}")
    }

    fn precedence(&self, other: &Self) -> Ordering {
        self.core.cmp(&other.core).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => identifiers(&self.pre, &other.pre),
        })
    }
}

fn identifiers(a: &[String], b: &[String]) -> Ordering {
    let pairs = a.iter().zip(b).map(|(a, b)| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.as_bytes().cmp(b.as_bytes()),
    });
    pairs.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..3_u64, 8..12_u64, 98..102_u64, Just(20_261_104_123_456), Just(u64::MAX)]
}

fn reference() -> impl Strategy<Value = Reference> {
    let word = prop_oneof![
        number().prop_map(|n| n.to_string()),
        "(rc|alpha|beta|a|x-|-)[0-9A-Za-z-]{0,2}".prop_map(|w| if w == "-" { "x".into() } else { w }),
    ];
    (prop::array::uniform3(number()), prop::collection::vec(word, 0..4), prop::option::of("build[0-9]"))
        .prop_map(|(core, pre, build)| Reference { core, pre, build })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn follows_semver(a in reference(), b in reference()) {
        prop_assert_eq!(compare(&a.text(), &b.text()), a.precedence(&b), "{} and {}", a.text(), b.text());
    }

    #[test]
    fn differs_in_one_place(a in reference(), pre in prop::collection::vec("[0-9]|rc|rc[0-9]", 0..3)) {
        let b = Reference { pre, ..a.clone() };
        prop_assert_eq!(compare(&a.text(), &b.text()), a.precedence(&b), "{} and {}", a.text(), b.text());
    }

    #[test]
    fn any_text_has_a_key_that_databases_hold(text in any::<String>()) {
        let key = version_key(&text);
        prop_assert!(!key.contains(char::is_control));
        prop_assert!(key.len() <= 8 * VERSION_MAX);
    }

    #[test]
    fn a_prefix_holds_what_begins_with_it(prefix in prop::collection::vec(number(), 1..3), a in reference()) {
        let wanted = a.core.starts_with(&prefix);
        let pattern: String = prefix.iter().map(|n| format!("{n}.")).collect();
        let range = prefix_range(&format!("{pattern}*")).unwrap();
        prop_assert_eq!(range.contains(&version_key(&a.text())), wanted, "{}* and {}", pattern, a.text());
    }

    #[test]
    fn a_prefix_pattern_never_panics(text in any::<String>()) {
        let _ = prefix_range(&text);
        let _ = prefix_range(&format!("{text}.*"));
    }
}

/// Every version is older than all that follow it.
const ASCENDING: &[&str] = &[
    "",
    "kirkstone-9",
    "kirkstone-10",
    "nightly",
    "0",
    "0.0.1",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.2j",
    "1.0.2k",
    "1.4~rc2",
    "1.4~rc10",
    "v1.4",
    "1.4+deb12u1",
    "1.4+deb12u10",
    "1.4a-rc1",
    "1.4a",
    "1.4.0.1-rc1",
    "1.4.0.1",
    "1.4.1rc2",
    "1.4.1rc10",
    "1.4.1",
    "1.4.9",
    "1.4.10",
    "1.10",
    "2026.06.1",
    "20261104123456",
    "99999999999999999999999999999",
    "100000000000000000000000000000",
    "1:0.9",
];

#[test]
fn the_order_is_as_documented() {
    for pair in ASCENDING.windows(2) {
        assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{} and {}", pair[0], pair[1]);
    }
}

#[test]
fn what_makes_no_difference() {
    for (a, b) in [("1.4", "v1.4.0"), ("1.4.0+build7", "1.4.0"), (" 01.04 ", "1.4"), ("0:1.4", "1.4"), ("1.4.", "1.4")]
    {
        assert_eq!(version_key(a), version_key(b), "{a} and {b}");
    }
}

#[test]
fn prefixes() {
    let holds = |pattern: &str, version: &str| prefix_range(pattern).unwrap().contains(&version_key(version));
    assert!(holds("1.4.*", "1.4"));
    assert!(holds("1.4.*", "1.4.0-rc1"));
    assert!(holds("1.4.*", "1.4.2+deb12u1"));
    assert!(holds("1.9.*", "1.9.9"));
    assert!(!holds("1.9.*", "1.10.0-alpha"));
    assert!(!holds("1.4.*", "1.40"));
    assert!(holds("1.0.*", "1") && !holds("1.0.*", "1.1"));
    for wrong in ["*", ".*", "1.4", "1.4*", "1.4-rc.*", "x.*", "1..*"] {
        assert_eq!(prefix_range(wrong), None, "{wrong}");
    }
}

#[test]
fn keys_are_short() {
    assert_eq!(version_key("1.4.2"), "a0a1a4a2=");
    assert!(is_numeric("v1.4") && !is_numeric("vault") && !is_numeric(""));
}
