//! What an address of the device list asks for, and the addresses that ask for something else.

use super::columns::Column;
use crate::context::{Ctx, href};
use domain::query::FleetQuery;
use fleet::devices::{Cursor, Sort, SortKey, SortValue};

/// The path of the list.
pub const PATH: &str = "/devices";
/// Rows of a page.
pub const ROWS: usize = 50;

/// What an address of the device list asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The query as it was written.
    pub text: String,
    /// How the list is sorted.
    pub sort: Sort,
    /// Where the page begins or ends.
    pub cursor: Option<Cursor>,
    /// The number of the page's first row, as the address says; only for the words in the footer.
    pub first: Option<i64>,
    /// The columns beside the serial.
    pub columns: Vec<Column>,
    /// The columns as the address names them, if it does; otherwise they are the visitor's own.
    pub columns_named: Option<String>,
    /// Whether to count to the end, whatever that takes.
    pub count_exactly: bool,
    /// Whether everything that matches is selected.
    pub all_selected: bool,
}

impl Request {
    /// Reads the address; what can't be read is left at its usual value.
    #[must_use]
    pub fn of(ctx: &Ctx) -> Self {
        let value = |name: &str| ctx.query_value(name);
        let key = value("sort").and_then(|word| SortKey::ALL.iter().copied().find(|key| key.as_str() == word));
        let sort = Sort { key: key.unwrap_or_default(), descending: value("dir").as_deref() == Some("desc") };
        let columns_named = value("columns");
        let after = value("after").map(|text| (text, false));
        let cursor = after.or_else(|| value("before").map(|text| (text, true)));
        Self {
            text: value("q").map(|text| text.trim().to_owned()).unwrap_or_default(),
            sort,
            cursor: cursor.and_then(|(text, backwards)| cursor_of(sort.key, &text, backwards)),
            first: value("n").and_then(|n| n.parse().ok()).filter(|n| *n > 0),
            columns: Column::read(columns_named.as_deref().or(ctx.columns.as_deref())),
            columns_named,
            count_exactly: value("count").as_deref() == Some("exact"),
            all_selected: value("select").as_deref() == Some("all"),
        }
    }

    /// The first page of this list under another query.
    #[must_use]
    pub fn href_of_query(&self, query: &FleetQuery) -> String {
        self.href_of_text(&query.to_string())
    }

    /// The first page of this list under another query, as it is written.
    #[must_use]
    pub fn href_of_text(&self, text: &str) -> String {
        self.address(text, self.sort, &[])
    }

    /// The first page of this list, sorted by another column, or the other way round by the same.
    #[must_use]
    pub fn href_sorted_by(&self, key: SortKey) -> String {
        let descending = if key == self.sort.key { !self.sort.descending } else { largest_first(key) };
        self.address(&self.text, Sort { key, descending }, &[])
    }

    /// This list at another page.
    #[must_use]
    pub fn href_at(&self, cursor: &Cursor, first: Option<i64>) -> String {
        let name = if cursor.backwards { "before" } else { "after" };
        let place = place_of(self.sort.key, cursor);
        let first = first.map(|n| n.to_string());
        let mut more = vec![(name, place.as_str())];
        more.extend(first.as_deref().map(|n| ("n", n)));
        self.address(&self.text, self.sort, &more)
    }

    /// This list's first page with something more.
    #[must_use]
    pub fn href_with(&self, more: &[(&str, &str)]) -> String {
        self.address(&self.text, self.sort, more)
    }

    /// What a form that asks for another query sends along.
    #[must_use]
    pub fn kept(&self) -> Vec<(&'static str, String)> {
        let mut kept = sort_pairs(self.sort);
        kept.extend(self.columns_named.clone().map(|columns| ("columns", columns)));
        kept
    }

    fn address(&self, text: &str, sort: Sort, more: &[(&str, &str)]) -> String {
        let sorted = sort_pairs(sort);
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        if !text.is_empty() {
            pairs.push(("q", text));
        }
        pairs.extend(sorted.iter().map(|(key, value)| (*key, value.as_str())));
        pairs.extend(self.columns_named.as_deref().map(|columns| ("columns", columns)));
        pairs.extend(more);
        href(PATH, &pairs)
    }
}

/// How the sort stands in an address; the usual one is not named.
pub(super) fn sort_pairs(sort: Sort) -> Vec<(&'static str, String)> {
    let mut pairs = Vec::new();
    if sort.key != SortKey::default() {
        pairs.push(("sort", sort.key.as_str().to_owned()));
    }
    if sort.descending {
        pairs.push(("dir", "desc".to_owned()));
    }
    pairs
}

/// A sort in one word, as saved views keep it; the usual one is empty.
#[must_use]
pub fn sort_word(sort: Sort) -> String {
    match (sort == Sort::default(), sort.descending) {
        (true, _) => String::new(),
        (_, true) => format!("{}-desc", sort.key.as_str()),
        (_, false) => sort.key.as_str().to_owned(),
    }
}

/// Reads [`sort_word`]; anything unknown is the usual sort.
#[must_use]
pub fn sort_of_word(word: &str) -> Sort {
    let (key, descending) = word.strip_suffix("-desc").map_or((word, false), |key| (key, true));
    let key = SortKey::ALL.iter().copied().find(|known| known.as_str() == key);
    key.map_or_else(Sort::default, |key| Sort { key, descending })
}

/// Whether people want the largest first when they sort by this.
const fn largest_first(key: SortKey) -> bool {
    matches!(key, SortKey::Seen | SortKey::Made | SortKey::Firmware)
}

/// A place in the list as an address has it: the sorted-by value, a bar, and the serial.
fn place_of(key: SortKey, cursor: &Cursor) -> String {
    match (key, &cursor.value) {
        (SortKey::Serial, _) => cursor.serial.clone(),
        (_, SortValue::Number(number)) => format!("{number}|{}", cursor.serial),
        (_, SortValue::Text(text)) => format!("{text}|{}", cursor.serial),
    }
}

fn cursor_of(key: SortKey, place: &str, backwards: bool) -> Option<Cursor> {
    if key == SortKey::Serial {
        return Some(Cursor { value: SortValue::Text(String::new()), serial: place.to_owned(), backwards });
    }
    // A serial holds no bar, a version might.
    let (value, serial) = place.rsplit_once('|')?;
    let value = match key {
        SortKey::Firmware => SortValue::Text(value.to_owned()),
        _ => SortValue::Number(value.parse().ok()?),
    };
    Some(Cursor { value, serial: serial.to_owned(), backwards })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_survive_a_word() {
        for key in SortKey::ALL {
            for descending in [false, true] {
                let sort = Sort { key: *key, descending };
                assert_eq!(sort_of_word(&sort_word(sort)), sort);
            }
        }
        assert_eq!(sort_of_word("'; DROP"), Sort::default());
    }

    #[test]
    fn places_survive_the_address() {
        for (key, value) in [
            (SortKey::Serial, SortValue::Text(String::new())),
            (SortKey::Seen, SortValue::Number(1_794_000_000_000_000)),
            (SortKey::Firmware, SortValue::Text("1|4".to_owned())),
        ] {
            let cursor = Cursor { value, serial: "GW2C-2611-04217".to_owned(), backwards: true };
            assert_eq!(cursor_of(key, &place_of(key, &cursor), true), Some(cursor));
        }
        assert_eq!(cursor_of(SortKey::Seen, "<script>", false), None);
    }
}
