//! What is to be approved, read out whole: whatever the hash covers is on the page.

use crate::components::text::count;
use leptos::prelude::*;
use serde_json::Value;

/// Words for names whose own are not for people.
const WORDS: &[(&str, &str)] = &[
    ("act", "Act"),
    ("batch", "Batch"),
    ("certificates", "Certificates"),
    ("countries", "In countries"),
    ("custodians", "Held by"),
    ("days", "Valid for days"),
    ("delegated", "Delegated to the factory"),
    ("devices", "Devices"),
    ("examples", "Some of them"),
    ("factory", "Factory"),
    ("key_location", "Where the key is"),
    ("kind", "Kind"),
    ("lifecycles", "Where in their lives"),
    ("models", "Models"),
    ("name", "Name"),
    ("never", "Never heard from"),
    ("note", "Why"),
    ("parent", "Signed by"),
    ("preview_hash", "Hash of the preview"),
    ("query", "Query"),
    ("quota", "Quota"),
    ("reason", "Reason"),
    ("rollouts", "In rollouts"),
    ("scope", "Scope"),
    ("seen", "Last seen"),
    ("subject", "Subject"),
];

/// The words for a name.
fn words(name: &str) -> String {
    if let Some((_, words)) = WORDS.iter().find(|(known, _)| *known == name) {
        return (*words).to_owned();
    }
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The detail as terms and what they are.
pub(super) fn facts_of(detail: &Value) -> AnyView {
    match detail {
        Value::Object(map) => {
            let rows: Vec<_> =
                map.iter().map(|(name, value)| view! { <dt>{words(name)}</dt><dd>{told(value)}</dd> }).collect();
            view! { <dl class="facts rule decision">{rows}</dl> }.into_any()
        }
        other => told(other),
    }
}

/// A value in words.
fn told(value: &Value) -> AnyView {
    match value {
        Value::Null => view! { <span class="quiet">"none"</span> }.into_any(),
        Value::Bool(true) => "yes".into_any(),
        Value::Bool(false) => "no".into_any(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.to_string(), count).into_any(),
        Value::String(text) if text.is_empty() => view! { <span class="quiet">"none"</span> }.into_any(),
        Value::String(text) => text.clone().into_any(),
        Value::Array(items) if items.is_empty() => view! { <span class="quiet">"none"</span> }.into_any(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| view! { <li>{item_of(item)}</li> }).collect();
            view! { <ul class="top-list">{items}</ul> }.into_any()
        }
        Value::Object(_) => facts_of(value),
    }
}

/// An item of a list; a pair of words and a number is a line.
fn item_of(item: &Value) -> AnyView {
    let pair = match item {
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(label), number] => Some((label.clone(), number.clone())),
            _ => None,
        },
        _ => None,
    };
    match pair {
        Some((label, number)) => view! { <span>{label}</span> <span class="num">{told(&number)}</span> }.into_any(),
        None => told(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_that_is_hashed_is_shown() {
        let html = facts_of(&json!({
            "preview_hash": "e20b", "custodians": [["Acme & Sons", 911]], "odd_name": {"inner": true}, "note": "<b>"
        }))
        .to_html();
        for shown in ["Hash of the preview", "e20b", "Acme &amp; Sons", "911", "Odd name", "Inner", "yes", "&lt;b&gt;"]
        {
            assert!(html.contains(shown), "{shown} in {html}");
        }
    }
}
