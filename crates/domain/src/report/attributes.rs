//! Attributes as a device sends them: a bounded map of texts, whatever was sent.

use crate::words::words;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{collections::BTreeMap, fmt};

/// How many attributes of a device are kept, as hawkBit does.
pub const ATTRIBUTES_MAX: usize = 100;
/// At how many characters an attribute's key and value are cut, as hawkBit limits them.
pub const ATTRIBUTE_CHARS_MAX: usize = 128;

words! {
    /// How the attributes that a device sends change those that are kept (`mode` of `configData`).
    UpdateMode {
        /// What is sent is added or replaces what has the same key; the rest stays.
        Merge => "merge", "Merge";
        /// Only what is sent stays.
        Replace => "replace", "Replace";
        /// What is sent goes, whatever its values.
        Remove => "remove", "Remove";
    }
}

impl UpdateMode {
    /// The mode of this word. A word that is missing or unknown means merge, as in hawkBit.
    #[must_use]
    pub fn lenient(word: Option<&str>) -> Self {
        let named = |word: &str| Self::ALL.iter().copied().find(|mode| mode.as_str().eq_ignore_ascii_case(word.trim()));
        word.and_then(named).unwrap_or(Self::Merge)
    }
}

/// A device's attributes: at most [`ATTRIBUTES_MAX`], keys and values of at most [`ATTRIBUTE_CHARS_MAX`] characters,
/// without characters that can't be seen or stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// The attributes among these pairs. The first that fit are kept; of two with one key the later counts.
    pub fn collect<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut kept = Self::default();
        for (key, value) in pairs {
            kept.put(key.as_ref(), value.as_ref());
        }
        kept
    }

    /// What is kept after a device sent these attributes.
    #[must_use]
    pub fn update(&self, mode: UpdateMode, sent: Self) -> Self {
        match mode {
            UpdateMode::Replace => sent,
            UpdateMode::Remove => Self(self.0.iter().filter(|(key, _)| !sent.0.contains_key(*key)).map(pair).collect()),
            UpdateMode::Merge => {
                let mut kept = self.clone();
                for (key, value) in sent.0 {
                    kept.insert(key, value);
                }
                kept
            }
        }
    }

    /// The value of this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Keys and values, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn put(&mut self, key: &str, value: &str) {
        let key = tidy(key);
        if !key.is_empty() {
            self.insert(key, tidy(value));
        }
    }

    fn insert(&mut self, key: String, value: String) {
        if self.0.len() < ATTRIBUTES_MAX || self.0.contains_key(&key) {
            self.0.insert(key, value);
        }
    }
}

fn pair((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

/// The text without space around it, cut, with control characters replaced: a database refuses some of them, and a
/// page would hide them.
fn tidy(text: &str) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let cut: String = text.trim().chars().take(ATTRIBUTE_CHARS_MAX).map(shown).collect();
    cut.trim_end().to_owned()
}

impl<'de> Deserialize<'de> for Attributes {
    /// Reads any JSON value: of an object the texts, numbers and truth values; of anything else nothing. Not more is
    /// ever held than is kept, however large the object is.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Loose).map(|value| match value {
            Value::Object(attributes) => attributes,
            Value::Text(_) | Value::Other => Self::default(),
        })
    }
}

/// A JSON value as far as attributes are concerned.
enum Value {
    Text(String),
    Object(Attributes),
    Other,
}

/// Reads an object of attributes, or whatever else stands there.
struct Loose;

macro_rules! texts {
    ($($visit:ident: $type:ty;)+) => {$(
        fn $visit<E>(self, value: $type) -> Result<Value, E> { Ok(Value::Text(tidy(&value.to_string()))) }
    )+};
}

macro_rules! skips {
    () => {
        fn visit_unit<E>(self) -> Result<Value, E> {
            Ok(Value::Other)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Value::Other)
        }

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of texts")
        }

        texts! { visit_bool: bool; visit_i64: i64; visit_u64: u64; visit_f64: f64; visit_str: &str; }
    };
}

impl<'de> Visitor<'de> for Loose {
    type Value = Value;

    skips!();

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut kept = Attributes::default();
        while let Some(key) = entries.next_key::<std::borrow::Cow<'de, str>>()? {
            if let Some(value) = entries.next_value::<Scalar>()?.0 {
                kept.put(&key, &value);
            }
        }
        Ok(Value::Object(kept))
    }
}

/// A text, number or truth value as text; nothing for anything else.
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(One).map(|value| match value {
            Value::Text(text) => Self(Some(text)),
            Value::Object(_) | Value::Other => Self(None),
        })
    }
}

/// Reads one value without looking into objects.
struct One;

impl<'de> Visitor<'de> for One {
    type Value = Value;

    skips!();

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    fn read(json: &str) -> Attributes {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn whatever_a_device_sends_is_read() {
        let sent = read(r#"{" hw.cpu ":"4E1D\n","up":true,"metric.t":-3.5,"n":null,"deep":{"a":[{}]},"l":[1],"":"x"}"#);
        let expected = [("hw.cpu", "4E1D"), ("up", "true"), ("metric.t", "-3.5")];
        assert_eq!(sent, Attributes::collect(expected));
        for json in ["[]", "7", "null", "\"text\"", "[{\"a\":\"b\"}]"] {
            assert!(read(json).is_empty(), "{json}");
        }
        assert_eq!(read("{\"a\\u0000b\":\"c\\u0000d\"}").get("a\u{fffd}b"), Some("c\u{fffd}d"));
        assert_eq!(read(r#"{"a":"1","a":"2"}"#).get("a"), Some("2"));
    }

    #[test]
    fn too_much_is_cut() {
        let many: Vec<String> = (0..100_000).map(|n| format!("\"k{n}\":\"{n}\"")).collect();
        let kept = read(&format!("{{{}}}", many.join(",")));
        assert_eq!((kept.len(), kept.get("k99"), kept.get("k100")), (ATTRIBUTES_MAX, Some("99"), None));
        let long = Attributes::collect([("ü".repeat(500), "ü".repeat(500))]);
        assert_eq!(long.get(&"ü".repeat(ATTRIBUTE_CHARS_MAX)), Some("ü".repeat(ATTRIBUTE_CHARS_MAX).as_str()));
    }

    #[test]
    fn modes() {
        let kept = Attributes::collect([("a", "1"), ("b", "2")]);
        let sent = Attributes::collect([("b", "3"), ("c", "4")]);
        let after = |mode| kept.update(mode, sent.clone());
        assert_eq!(after(UpdateMode::Merge), Attributes::collect([("a", "1"), ("b", "3"), ("c", "4")]));
        assert_eq!(after(UpdateMode::Replace), sent);
        assert_eq!(after(UpdateMode::Remove), Attributes::collect([("a", "1")]));
        let words = [None, Some("REMOVE"), Some("sideways")].map(UpdateMode::lenient);
        assert_eq!(words, [UpdateMode::Merge, UpdateMode::Remove, UpdateMode::Merge]);
    }

    #[test]
    fn a_full_map_still_takes_news_of_what_it_holds() {
        let full = Attributes::collect((0..ATTRIBUTES_MAX).map(|n| (format!("k{n}"), "old")));
        let after = full.update(UpdateMode::Merge, Attributes::collect([("k7", "new"), ("z", "no room")]));
        assert_eq!((after.len(), after.get("k7"), after.get("z")), (ATTRIBUTES_MAX, Some("new"), None));
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_read_and_stays_the_same_when_read_again(value in json()) {
            let kept: Attributes = serde_json::from_str(&value.to_string()).unwrap();
            prop_assert!(kept.len() <= ATTRIBUTES_MAX);
            for (key, value) in kept.iter() {
                prop_assert!(!key.is_empty() && key.chars().count() <= ATTRIBUTE_CHARS_MAX);
                prop_assert!(value.chars().count() <= ATTRIBUTE_CHARS_MAX);
                prop_assert!(!key.chars().chain(value.chars()).any(char::is_control));
            }
            prop_assert_eq!(read(&serde_json::to_string(&kept).unwrap()), kept.clone());
            prop_assert_eq!(kept.update(UpdateMode::Merge, kept.clone()), kept);
        }
    }
}
