//! Audit entries in words: what an action is called, where its subject is to be seen, its detail laid out.

use crate::{
    components::text::plural,
    context::{Ctx, href, segment},
};
use domain::{
    id::{ApprovalId, TokenId},
    person::Permission,
};
use fleet::AuditEntry;
use std::collections::BTreeMap;

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
    ("authority.share_key", "Kept an authority's sealed key for all nodes"),
    ("code_signing.request", "Requested a code-signing certificate"),
    ("authority.retire", "Retired an authority"),
    ("backup.restore", "Restored a backup"),
    ("backup.write", "Wrote a backup"),
    ("batch.reconcile", "Compared a batch with what was issued"),
    ("certificate.hold", "Put certificates on hold"),
    ("certificate.release", "Released certificates from hold"),
    ("certificate.deliver", "Delivered a factory's certificates"),
    ("certificate.enrol", "Enrolled a device"),
    ("certificate.issue", "Issued a certificate"),
    ("certificate.renew", "Renewed a certificate"),
    ("crl.publish", "Published a CRL"),
    ("claim.secret", "Made the secret of claim codes"),
    ("custodian.add", "Entered a custodian"),
    ("custodian.change", "Changed a custodian"),
    ("custody.record", "Recorded custody"),
    ("device.claim", "Claimed a device"),
    ("device.claim_block", "Was kept from trying claim codes"),
    ("device.destroy", "Recorded a device as destroyed"),
    ("device.release", "Released a device from quarantine"),
    ("device.retire", "Retired a device"),
    ("device_token.remove", "Took a device's token away"),
    ("device_token.set", "Gave a device a token"),
    ("factor.add", "Added a second factor"),
    ("factor.begin", "Began to add a second factor"),
    ("factor.codes", "Made new recovery codes"),
    ("factor.policy", "Chose who must have a second factor"),
    ("factor.prove", "Showed their second factor again"),
    ("factor.remove", "Removed a second factor"),
    ("factor.rename", "Renamed a passkey"),
    ("factor.reset", "Took somebody's second factors away"),
    ("finding.fold", "Made a finding part of another"),
    ("finding.resolve", "Settled a finding"),
    ("form.cross_site", "Sent a form from another site"),
    ("history.correct", "Corrected history"),
    ("import.apply", "Began to apply an import"),
    ("import.cancel", "Cancelled an import"),
    ("import.check", "Checked a file"),
    ("import.done", "Finished an import"),
    ("import.fail", "Could not finish an import"),
    ("import.refuse", "Refused a file"),
    ("import.resume", "Went on with an import"),
    ("import.start", "Sent a file"),
    ("import.take_over", "Took over an import of a node that is gone"),
    ("kit.make", "Made a kit"),
    ("label.show", "Saw claim codes"),
    ("label.spoil", "Voided a label"),
    ("link.redeem", "Tried a used link"),
    ("link.set_password", "Made a password link"),
    ("link.set_up", "Made the set-up link"),
    ("link.sign_in", "Made a sign-in link"),
    ("model.rules", "Changed the rules of a model"),
    ("note.add", "Wrote a note"),
    ("page.see", "Opened a page"),
    ("password.change", "Changed their password"),
    ("password.set", "Chose a password"),
    ("ocsp.responder", "Made an OCSP responder"),
    ("report.ask", "Asked a device to report"),
    ("model.stage_rule", "Changed what releases of a model need"),
    ("release.check", "Told of a check of a release"),
    ("release.promote", "Let a release enter a stage"),
    ("release.promote_request", "Asked that a release enter a stage"),
    ("release.push", "Pushed a release"),
    ("release.sbom", "Attached a bill of materials"),
    ("release.withdraw", "Withdrew a release"),
    ("repair.assign", "Gave a repair to somebody"),
    ("repair.authorise", "Authorised a repair"),
    ("repair.cancel", "Cancelled a repair"),
    ("repair.close", "Closed a repair by hand"),
    ("repair.deny", "Said that a change was not ours"),
    ("repair.draft", "Typed parts of a repair"),
    ("repair.note", "Wrote a note on a repair"),
    ("repair.open", "Opened a repair"),
    ("repair.photo", "Added a photo to a repair"),
    ("repair.request", "Asked to authorise a repair"),
    ("repair.scrap", "Recorded a part as destroyed"),
    ("repair.voucher", "Made a voucher"),
    ("repair.voucher_request", "Asked for another voucher"),
    ("retention.let_go", "Let go what is kept no longer"),
    ("retention.save", "Chose how long things are kept"),
    ("revocation.apply", "Cut off what was approved"),
    ("revocation.hold", "Put on hold"),
    ("revocation.release", "Released"),
    ("revocation.request", "Asked to cut off"),
    ("revocation.restore", "Cut off again after a restore"),
    ("revocation.revoke", "Revoked"),
    ("revocation.spread", "Followed an act to its end"),
    ("rollout.abort", "Aborted a rollout"),
    ("rollout.advance", "Opened the next wave of a rollout, or completed it"),
    ("rollout.approve", "Approved a rollout"),
    ("rollout.create", "Planned a rollout"),
    ("rollout.edit", "Changed a rollout"),
    ("rollout.end", "Followed a rollout to its end"),
    ("rollout.halt", "Stopped a rollout by its gate"),
    ("rollout.hold", "Went on with a rollout without some devices"),
    ("rollout.join", "Took devices into a rollout"),
    ("rollout.let_go", "Let devices go on that were held back"),
    ("rollout.pause", "Paused a rollout"),
    ("rollout.ratio", "Found sizes of an experiment’s cohorts off"),
    ("rollout.reject", "Rejected a rollout"),
    ("rollout.resume", "Let a rollout go on"),
    ("rollout.start", "Started a rollout"),
    ("rollout.submit", "Submitted a rollout"),
    ("rollout.verdict", "Found something out by an experiment"),
    ("rollout.wait", "Left a rollout until its files are there"),
    ("rollout.winner", "Brought the winner of an experiment to all"),
    ("seed.catalogue", "Made up a catalogue"),
    ("seed.devices", "Made up devices"),
    ("session.end", "Ended a session"),
    ("session.end_all", "Signed out everywhere"),
    ("setting.save", "Saved the settings"),
    ("sign_in", "Signed in"),
    ("sign_in.block", "Was kept from signing in"),
    ("sign_in.first", "Took the first step of signing in"),
    ("sign_in.second", "Took the second step of signing in"),
    ("sign_out", "Signed out"),
    ("station.enrol", "Issued a station's certificate"),
    ("token.add", "Created a token"),
    ("token.revoke", "Revoked a token"),
    ("upload.begin", "Began to send a file"),
    ("upload.discard", "Gave up sending a file"),
    ("user.add", "Added a user"),
    ("user.change", "Changed a user"),
    ("user.disable", "Disabled a user"),
    ("user.enable", "Enabled a user"),
    ("user.link", "Linked a user to the provider"),
    ("user.unlink", "Unlinked a user from the provider"),
    ("user.set_up", "Set Muster up"),
    ("user.sign_out", "Ended a user's sessions"),
    ("view.delete", "Deleted a view"),
    ("view.save", "Saved a view"),
    ("webhook.add", "Added a webhook"),
    ("webhook.pause", "Paused a webhook"),
    ("webhook.remove", "Removed a webhook"),
    ("webhook.resend", "Sent a webhook something again"),
    ("webhook.resume", "Let a webhook go on"),
    ("webhook.secret", "Changed a webhook's secret"),
    ("webhook.test", "Tested a webhook"),
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

/// Names of what entries are about, by the entries' subjects.
pub(super) type Names = BTreeMap<String, String>;

/// The names of what these entries are about and the log knows by an id alone. What has none keeps its id.
pub(super) async fn names(ctx: &Ctx, entries: &[AuditEntry]) -> Names {
    let mut names = Names::new();
    for record in entries.iter().map(|entry| &entry.record) {
        let Some((kind, id)) = record.subject.split_once(':') else { continue };
        if names.contains_key(&record.subject) {
            continue;
        }
        let told = told_name(&record.detail).filter(|_| matches!(kind, "token" | "view"));
        let name = match told {
            Some(name) => Some(name),
            None => name_of(ctx, kind, id).await,
        };
        names.extend(name.map(|name| (record.subject.clone(), name)));
    }
    names
}

/// The name that an entry's own detail tells.
fn told_name(detail: &str) -> Option<String> {
    let detail: serde_json::Value = serde_json::from_str(detail).ok()?;
    detail["name"].as_str().map(str::to_owned)
}

/// What may not be seen, or is gone, has no name here.
async fn name_of(ctx: &Ctx, kind: &str, id: &str) -> Option<String> {
    match kind {
        "import" => ctx.fleet.import(&ctx.actor, id.parse().ok()?).await.ok().map(|import| import.file_name),
        "release" => ctx.fleet.release_title(&ctx.actor, id.parse().ok()?).await.ok(),
        "user" => ctx.fleet.user(&ctx.actor, id.parse().ok()?).await.ok().map(|user| user.email),
        "token" => {
            let id: TokenId = id.parse().ok()?;
            let tokens = ctx.fleet.tokens(&ctx.actor).await.ok()?;
            tokens.into_iter().find(|token| token.id == id).map(|token| token.name)
        }
        _ => None,
    }
}

/// Kinds of subject, in words.
const KINDS: &[(&str, &str)] = &[
    ("account", "Account"),
    ("address", "Address"),
    ("approval", "Approval"),
    ("authority", "Authority"),
    ("batch", "Batch"),
    ("certificate", "Certificate"),
    ("custodian", "Custodian"),
    ("device", "Device"),
    ("finding", "Finding"),
    ("import", "Import"),
    ("model", "Model"),
    ("release", "Release"),
    ("revocation", "Revocation"),
    ("rollout", "Rollout"),
    ("server", "Server"),
    ("station", "Station"),
    ("upload", "Upload"),
    ("repair", "Repair"),
    ("token", "Token"),
    ("user", "User"),
    ("view", "View"),
    ("voucher", "Voucher"),
    ("webhook", "Webhook"),
];

/// What an entry is about, in words.
pub(super) fn subject_words(subject: &str, names: &Names) -> String {
    let Some((kind, key)) = subject.split_once(':') else { return subject.to_owned() };
    if kind == "devices" {
        return key.parse().map_or_else(|_| subject.to_owned(), |n| plural(n, "device", "devices"));
    }
    let Some((_, word)) = KINDS.iter().find(|(known, _)| *known == kind) else { return subject.to_owned() };
    let name = names.get(subject).cloned().unwrap_or_else(|| short(key));
    format!("{word} {name}")
}

/// An id of which nobody reads more than its end: what comes before is the time, and alike in those made together.
fn short(key: &str) -> String {
    match (key.parse::<ApprovalId>(), key.rsplit_once('-')) {
        (Ok(_), Some((_, end))) => format!("…{end}"),
        _ => key.to_owned(),
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
        "release" => "/releases",
        "repair" => "/repairs",
        "revocation" => "/revocations",
        "rollout" => "/rollouts",
        "webhook" => "/webhooks",
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
    fn every_action_has_words() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/fleet/src"))];
        let mut found = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = std::fs::read_to_string(&path).unwrap_or_default();
                for action in source.split("commit(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                    found += 1;
                    assert_ne!(action_words(action), action, "{}", path.display());
                }
            }
        }
        assert!(found > 20, "{found}");
        let of_rollouts = domain::rollout::Deed::ALL.iter().map(|deed| format!("rollout.{deed}"));
        let others = ["page.see", "backup.restore", "sign_in.block", "form.cross_site"].map(str::to_owned);
        for action in of_rollouts.chain(others) {
            assert_ne!(action_words(&action), action);
        }
    }

    #[test]
    fn subjects_have_words() {
        let names = Names::from([("import:7".to_owned(), "october.csv".to_owned())]);
        assert_eq!(subject_words("import:7", &names), "Import october.csv");
        assert_eq!(subject_words("device:GW-1", &names), "Device GW-1");
        assert_eq!(subject_words("devices:12", &names), "12 devices");
        assert_eq!(subject_words("authority:batch-ca-1", &names), "Authority batch-ca-1");
        assert_eq!(subject_words("approval:01a22f72-8139-7532-8647-f5935a1b5b84", &names), "Approval …f5935a1b5b84");
        assert_eq!(subject_words("/users", &names), "/users");
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
