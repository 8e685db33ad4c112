//! Places in a list, as texts that clients hand back unread.

use super::extract::{Answer, wrong};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use store::device_list::{Cursor, Sort, SortKey, SortValue};

/// How a cursor is written. It names its sort, because a place in one order means nothing in another.
#[derive(Serialize, Deserialize)]
struct Written {
    sort: String,
    number: Option<i64>,
    text: Option<String>,
    serial: String,
    back: bool,
}

/// The word for a sort: `serial`, or `-seen` for the largest first.
pub fn sort_word(sort: Sort) -> String {
    format!("{}{}", if sort.descending { "-" } else { "" }, sort.key.as_str())
}

/// Reads the word for a sort; nothing means by serial.
///
/// # Errors
/// When there is no such sort.
pub fn sort(word: &str) -> Answer<Sort> {
    if word.is_empty() {
        return Ok(Sort::default());
    }
    let (name, descending) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
    match SortKey::ALL.iter().find(|key| key.as_str() == name) {
        Some(key) => Ok(Sort { key: *key, descending }),
        None => {
            let known: Vec<&str> = SortKey::ALL.iter().map(|key| key.as_str()).collect();
            Err(wrong(
                "sort",
                format!("Sort by one of {}; a minus before it turns the order around.", known.join(", ")),
            ))
        }
    }
}

/// Writes a place in a list with this sort.
pub fn write(cursor: &Cursor, sort: Sort) -> String {
    let (number, text) = match &cursor.value {
        SortValue::Number(number) => (Some(*number), None),
        SortValue::Text(text) => (None, Some(text.clone())),
    };
    let written =
        Written { sort: sort_word(sort), number, text, serial: cursor.serial.clone(), back: cursor.backwards };
    // A struct of texts and numbers is always JSON.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&written).unwrap_or_default())
}

/// Reads a place in a list with this sort.
///
/// # Errors
/// When it is not one of ours, or of another sort.
pub fn read(text: &str, sort: Sort) -> Answer<Cursor> {
    let unknown = || {
        wrong("cursor", "This is no cursor of this list; take one from an answer's “next” or “previous”.".to_owned())
    };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| unknown())?;
    let written: Written = serde_json::from_slice(&bytes).map_err(|_| unknown())?;
    let numeric = !matches!(sort.key, SortKey::Serial | SortKey::Firmware);
    if written.sort != sort_word(sort) || written.serial.len() > 256 {
        return Err(unknown());
    }
    let value = match (written.number, written.text) {
        (Some(number), None) if numeric => SortValue::Number(number),
        (None, Some(text)) if !numeric => SortValue::Text(text),
        _ => return Err(unknown()),
    };
    Ok(Cursor { value, serial: written.serial, backwards: written.back })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_belongs_to_its_sort() {
        let seen = Sort { key: SortKey::Seen, descending: true };
        let cursor = Cursor { value: SortValue::Number(17), serial: "GW-1".into(), backwards: true };
        let written = write(&cursor, seen);
        assert_eq!(read(&written, seen).ok(), Some(cursor));
        assert!(read(&written, Sort::default()).is_err());
        assert!(read("e30", seen).is_err() && read("🦀", seen).is_err() && read("", seen).is_err());
    }

    #[test]
    fn sorts_have_words() {
        for key in SortKey::ALL {
            for descending in [false, true] {
                let wanted = Sort { key: *key, descending };
                assert_eq!(sort(&sort_word(wanted)).ok(), Some(wanted));
            }
        }
        assert!(sort("colour").is_err());
        assert_eq!(sort("").ok(), Some(Sort::default()));
    }
}
