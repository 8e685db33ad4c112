//! Finding identifiers by how they begin.

use super::{IDENTIFIER_MAX, compared, is_invisible};
use crate::component::ComponentClass;

/// Every beginning of a key that a text may be the beginning of, in order. Empty when nothing begins like this.
///
/// `d880.39` may begin an address (`mac:d8:80:39`), or a serial of any class (`sn:board:D880.39`).
#[must_use]
pub fn lookup_prefixes(text: &str) -> Vec<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > IDENTIFIER_MAX || text.chars().any(is_invisible) {
        return Vec::new();
    }
    let by_class = |class: &ComponentClass| match class {
        ComponentClass::Ethernet | ComponentClass::Wlan => address(text),
        ComponentClass::Lte => imei(text),
        _ => Some(format!("sn:{}:{}", class.as_str(), compared(text))),
    };
    let mut prefixes: Vec<String> = ComponentClass::ALL.iter().filter_map(by_class).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes
}

/// The beginning of a MAC address, however its digits are grouped.
fn address(text: &str) -> Option<String> {
    let digits: Vec<char> = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    let sound = (1..=12).contains(&digits.len()) && digits.iter().all(char::is_ascii_hexdigit);
    let pairs: Vec<String> =
        digits.chunks(2).map(|pair| pair.iter().collect::<String>().to_ascii_lowercase()).collect();
    sound.then(|| format!("mac:{}", pairs.join(":")))
}

/// The beginning of an IMEI, however its digits are grouped.
fn imei(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '/' | '\u{a0}' | '\u{202f}')).collect();
    let sound = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| format!("imei:{digits}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test may fail")]
    use super::*;
    use crate::identifier::normalise;

    #[test]
    fn every_beginning_of_an_identifier_leads_to_it() {
        for (class, texts) in [
            (
                ComponentClass::Ethernet,
                ["d8:80:39:4e:71:0c", "D8-80-39-4E-71-0C", "d880.394e.710c", "d880394e710c"].as_slice(),
            ),
            (ComponentClass::Lte, ["86 194105 033718 0", "861941050337180"].as_slice()),
            (ComponentClass::Board, ["MB26B-117 204", "mb26b-117204"].as_slice()),
        ] {
            for text in texts {
                let key = normalise(class, text).expect("a sound identifier").key;
                for end in 1..=text.len() {
                    let Some(begin) = text.get(..end) else { continue };
                    let found = lookup_prefixes(begin);
                    assert!(found.iter().any(|prefix| key.starts_with(prefix.as_str())), "{begin}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn what_can_begin_nothing_finds_nothing() {
        for text in ["", "  ", "a\u{200b}b", "a\0", &"x".repeat(65)] {
            assert_eq!(lookup_prefixes(text), Vec::<String>::new(), "{text:?}");
        }
        assert!(!lookup_prefixes("d8:80:39:4e:71:0c:00").iter().any(|prefix| prefix.starts_with("mac:")));
        assert!(!lookup_prefixes("8619410503371801").iter().any(|prefix| prefix.starts_with("imei:")));
    }
}
