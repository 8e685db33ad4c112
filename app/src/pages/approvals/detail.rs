//! What is to be approved, read out whole: whatever the hash covers is on the page.

use crate::components::text::{count, fours};
use domain::{
    authority::AuthorityKind,
    certificate::RevocationReason,
    revocation::{RevocationAct, RevocationScope},
};
use leptos::prelude::*;
use serde_json::Value;

/// Words for names whose own are not for people.
const WORDS: &[(&str, &str)] = &[
    ("act", "Act"),
    ("authorities", "Authorities cut off"),
    ("batch", "Batch"),
    ("certificates", "Certificates"),
    ("confirm_word", "Name that was typed"),
    ("countries", "Countries"),
    ("custodians", "Held by"),
    ("days", "Valid for days"),
    ("key", "Key"),
    ("public_key_sha256", "SHA-256 of the key"),
    ("request", "The request, whole"),
    ("device", "Device"),
    ("donors", "Devices that parts come from"),
    ("doubts", "Doubts"),
    ("hours", "Voucher counts for hours"),
    ("manifest", "Manifest that it has to report"),
    ("voucher_before", "The voucher before was used"),
    ("key_before", "SHA-256 of the key that has the certificate"),
    ("manifest_before", "Goes on from manifest"),
    ("manifest_version", "Manifest that is written"),
    ("new_key", "Gets a new key"),
    ("old_key_lost", "Old key is lost"),
    ("parts_in", "Parts in"),
    ("parts_out", "Parts out"),
    ("repair", "Repair"),
    ("symptom", "Symptom"),
    ("takes_two_because", "Takes two because"),
    ("delegated", "Delegated to the factory"),
    ("devices", "Devices"),
    ("examples", "Some of them"),
    ("hash", "Hash"),
    ("kin", "Certificates that go with it"),
    ("factory", "Factory"),
    ("key_location", "Where the key is"),
    ("kind", "Kind"),
    ("lifecycles", "Lifecycle"),
    ("models", "Models"),
    ("name", "Name"),
    ("needs_second_person", "Takes two"),
    ("never", "Never heard from"),
    ("note", "Why"),
    ("parent", "Signed by"),
    ("preview", "As it was shown"),
    ("preview_hash", "Hash of the preview"),
    ("query", "Query"),
    ("quota", "Quota"),
    ("reason", "Reason"),
    ("rollouts", "In rollouts"),
    ("scope", "Scope"),
    ("seen", "Last seen"),
    ("stations", "Stations of the factory"),
    ("slug", "Name in addresses"),
    ("subject", "Subject"),
    ("until_renewed", "Its devices"),
    ("title", "In a sentence"),
    ("tokens", "Devices with a token"),
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

/// What comes first; everything else follows by name.
const ORDER: &[&str] = &[
    "title",
    "act",
    "scope",
    "subject",
    "kind",
    "name",
    "factory",
    "batch",
    "query",
    "repair",
    "device",
    "symptom",
    "reason",
    "takes_two_because",
    "parts_out",
    "parts_in",
    "donors",
    "doubts",
    "note",
    "quota",
    "days",
    "delegated",
    "devices",
    "certificates",
    "kin",
    "tokens",
    "authorities",
    "custodians",
    "countries",
    "seen",
    "never",
    "lifecycles",
    "models",
    "rollouts",
    "examples",
];

fn place(name: &str) -> usize {
    ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

/// The detail as terms and what they are: plain things first, then what has parts of its own under its name.
pub(super) fn facts_of(detail: &Value) -> AnyView {
    let Value::Object(map) = detail else { return told("", detail) };
    let mut fields: Vec<(&String, &Value)> = map.iter().collect();
    fields.sort_by_key(|(name, _)| (place(name), name.as_str()));
    let (parts, plain): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(_, value)| value.is_object());
    let rows: Vec<_> =
        plain.into_iter().map(|(name, value)| view! { <dt>{words(name)}</dt><dd>{told(name, value)}</dd> }).collect();
    let parts: Vec<_> = parts
        .into_iter()
        .map(|(name, value)| view! { <h3 class="strong">{words(name)}</h3> {facts_of(value)} })
        .collect();
    view! { <dl class="facts rule decision">{rows}</dl> {parts} }.into_any()
}

/// The label of a word that stands for something.
fn label(name: &str, word: &str) -> Option<&'static str> {
    match name {
        "act" => word.parse::<RevocationAct>().ok().map(RevocationAct::label),
        "scope" => word.parse::<RevocationScope>().ok().map(RevocationScope::label),
        "reason" => word.parse::<RevocationReason>().ok().map(RevocationReason::label),
        "kind" => word.parse::<AuthorityKind>().ok().map(AuthorityKind::label),
        _ => None,
    }
}

/// A value in words.
fn told(name: &str, value: &Value) -> AnyView {
    match value {
        Value::Null => view! { <span class="quiet">"none"</span> }.into_any(),
        Value::Bool(true) => "yes".into_any(),
        Value::Bool(false) => "no".into_any(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.to_string(), count).into_any(),
        Value::String(text) if text.is_empty() => view! { <span class="quiet">"none"</span> }.into_any(),
        Value::String(text) if is_hash(text) => fours(text).into_any(),
        Value::String(text) => label(name, text).map_or_else(|| text.clone(), str::to_owned).into_any(),
        Value::Array(items) if items.is_empty() => view! { <span class="quiet">"none"</span> }.into_any(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| view! { <li>{item_of(item)}</li> }).collect();
            view! { <ul class="top-list">{items}</ul> }.into_any()
        }
        Value::Object(_) => facts_of(value),
    }
}

/// Whether a text is a SHA-256 in hexadecimal.
fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
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
        Some((label, number)) => view! { <span>{label}</span> <span class="num">{told("", &number)}</span> }.into_any(),
        None => told("", item),
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
