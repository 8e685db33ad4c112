//! Audit entries in words: what an action is called, where its subject is to be seen, its detail laid out.

use crate::context::segment;
use domain::person::Permission;

/// Actions whose words don't follow from their names.
const ACTIONS: &[(&str, &str)] = &[
    ("custodian.add", "Entered a custodian"),
    ("custodian.change", "Changed a custodian"),
    ("custody.record", "Recorded custody"),
    ("note.add", "Wrote a note"),
    ("history.correct", "Corrected history"),
    ("import.start", "Started an import"),
    ("import.cancel", "Cancelled an import"),
    ("import.apply", "Applied an import"),
    ("import.done", "Finished an import"),
    ("sign_in", "Signed in"),
    ("sign_out", "Signed out"),
];

/// An action in words; one without words of its own is shown as it is named.
pub(super) fn action_words(action: &str) -> String {
    if let Some((_, words)) = ACTIONS.iter().find(|(name, _)| *name == action) {
        return (*words).to_owned();
    }
    // Refusals carry the permission that was missing.
    match action.parse::<Permission>() {
        Ok(permission) => permission.label().to_owned(),
        Err(_) => action.to_owned(),
    }
}

/// Where the subject of an entry is to be seen.
pub(super) fn subject_href(subject: &str) -> Option<String> {
    let (kind, key) = subject.split_once(':')?;
    let folder = match kind {
        "device" => "/devices",
        "custodian" => "/custodians",
        "batch" => "/batches",
        "import" => "/imports",
        "user" => "/users",
        _ => return None,
    };
    (!key.is_empty()).then(|| format!("{folder}/{}", segment(key)))
}

/// JSON laid out for reading; what isn't JSON stays as it is.
pub(super) fn pretty(detail: &str) -> String {
    serde_json::from_str::<serde_json::Value>(detail)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| detail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(action_words("custodian.add"), "Entered a custodian");
        assert_eq!(action_words("user.manage"), "Manage users");
        assert_eq!(action_words("something.new"), "something.new");
    }

    #[test]
    fn subjects_lead_somewhere() {
        assert_eq!(subject_href("device:GW 1/2").as_deref(), Some("/devices/GW%201%2F2"));
        assert_eq!(subject_href("device:"), None);
        assert_eq!(subject_href("javascript:alert(1)"), None);
    }

    #[test]
    fn detail_is_laid_out() {
        assert_eq!(pretty(r#"{"a":1}"#), "{\n  \"a\": 1\n}");
        assert_eq!(pretty("<b>"), "<b>");
    }
}
