//! Audit entries in words: what an action is called, where its subject is to be seen, its detail laid out.

use crate::context::{href, segment};
use domain::person::Permission;

/// Actions whose words don't follow from their names.
const ACTIONS: &[(&str, &str)] = &[
    ("approval.decide", "Decided an approval"),
    ("authority.activate", "Put an authority to work"),
    ("authority.bring_root", "Brought in a root"),
    ("authority.create", "Made an authority"),
    ("authority.delegate", "Took a delegation package"),
    ("authority.deliver", "Delivered an authority's certificate"),
    ("authority.link", "Brought in a cross-certificate"),
    ("authority.request", "Requested an authority"),
    ("authority.retire", "Retired an authority"),
    ("certificate.enrol", "Enrolled a device"),
    ("certificate.kit", "Made a kit"),
    ("certificate.renew", "Renewed a certificate"),
    ("certificate.station", "Issued a station's certificate"),
    ("crl.publish", "Published a CRL"),
    ("custodian.add", "Entered a custodian"),
    ("custodian.change", "Changed a custodian"),
    ("custody.record", "Recorded custody"),
    ("device_token.remove", "Took a device's token away"),
    ("device_token.set", "Gave a device a token"),
    ("finding.resolve", "Settled a finding"),
    ("form.cross_site", "Sent a form from another site"),
    ("history.correct", "Corrected history"),
    ("import.apply", "Began to apply an import"),
    ("import.cancel", "Cancelled an import"),
    ("import.check", "Checked a file"),
    ("import.done", "Finished an import"),
    ("import.fail", "Could not finish an import"),
    ("import.refuse", "Refused a file"),
    ("import.start", "Sent a file"),
    ("link.redeem", "Tried a used link"),
    ("link.set_password", "Made a password link"),
    ("link.set_up", "Made the set-up link"),
    ("link.sign_in", "Made a sign-in link"),
    ("note.add", "Wrote a note"),
    ("password.change", "Changed their password"),
    ("password.set", "Chose a password"),
    ("ocsp.responder", "Made an OCSP responder"),
    ("revocation.apply", "Cut off what was approved"),
    ("revocation.hold", "Put on hold"),
    ("revocation.release", "Released"),
    ("revocation.request", "Asked to cut off"),
    ("revocation.revoke", "Revoked"),
    ("seed.catalogue", "Made up a catalogue"),
    ("seed.devices", "Made up devices"),
    ("session.end", "Ended a session"),
    ("session.end_all", "Signed out everywhere"),
    ("setting.save", "Saved the settings"),
    ("sign_in", "Signed in"),
    ("sign_in.block", "Was kept from signing in"),
    ("sign_out", "Signed out"),
    ("token.add", "Created a token"),
    ("token.revoke", "Revoked a token"),
    ("user.add", "Added a user"),
    ("user.change", "Changed a user"),
    ("user.disable", "Disabled a user"),
    ("user.enable", "Enabled a user"),
    ("user.set_up", "Set Muster up"),
    ("view.delete", "Deleted a view"),
    ("view.save", "Saved a view"),
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
        "authority" => "/authorities",
        "approval" => "/approvals",
        "revocation" => "/revocations",
        "user" => return (!key.is_empty()).then(|| href("/users", &[("q", key)])),
        "token" => return (!key.is_empty()).then(|| format!("/tokens#token-{}", segment(key))),
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
        assert_eq!(subject_href("user:a@b.example").as_deref(), Some("/users?q=a%40b.example"));
        assert_eq!(subject_href("device:"), None);
        assert_eq!(subject_href("javascript:alert(1)"), None);
    }

    #[test]
    fn detail_is_laid_out() {
        assert_eq!(pretty(r#"{"a":1}"#), "{\n  \"a\": 1\n}");
        assert_eq!(pretty("<b>"), "<b>");
    }
}
