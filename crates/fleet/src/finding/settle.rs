//! Settling findings: by people, each with what is part of it.

use super::PARTS;
use crate::{Actor, Deed, Error, Fleet, Result, check_in::trust_again};
use domain::{
    authority::FindingState,
    id::{DeviceId, FindingId},
    person::Permission,
};
use serde_json::json;
use store::finding::Finding;

/// How many findings are settled at once at most.
pub const SETTLED: usize = 500;
/// How many devices are looked at that one finding about several concerns.
const TRUSTED_AGAIN: i64 = 500;

impl Fleet {
    /// Closes a finding that somebody has looked into; the same again opens it again.
    ///
    /// # Errors
    /// When the actor may not, there is no such finding, or it doesn't stand any more.
    pub async fn resolve_finding(&self, actor: &Actor, id: FindingId, reason: &str) -> Result<()> {
        self.resolve_findings(actor, &[id], reason).await.map(drop)
    }

    /// Closes findings that somebody has looked into, all in one deed and each with what is part of it; those that stand no
    /// more are left as they are, and so is what is part of others: that goes with those. A device that nothing speaks
    /// against any more is trusted again, also where a finding was about several; then the first 500. How many were
    /// closed, not counting what is part of them.
    ///
    /// # Errors
    /// When the actor may not, one of them doesn't exist, none stands any more, or there are more than [`SETTLED`].
    pub async fn resolve_findings(&self, actor: &Actor, ids: &[FindingId], reason: &str) -> Result<usize> {
        let subject = match ids {
            [id] => format!("finding:{id}"),
            many => format!("findings:{}", many.len()),
        };
        self.authorise(actor, Permission::CertificateRevoke, &subject).await?;
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > 400 {
            return Err(Error::field("reason", "Say in 1 to 400 characters what came of it."));
        }
        if ids.is_empty() {
            return Err(Error::field("finding", "Choose the findings that are to be settled."));
        }
        if ids.len() > SETTLED {
            return Err(Error::TooLarge(format!("At most {SETTLED} findings can be settled at once.")));
        }
        let mut findings = Vec::with_capacity(ids.len());
        for id in ids {
            let missing = || Error::not_found("finding", &id.to_string());
            let found = store::finding::by_id(self.db(), *id).await?.ok_or_else(missing)?;
            findings.extend(store::finding::standing_parts(self.db(), &found.cause, PARTS).await?);
            findings.push(found);
        }
        // Devices first and in one order, as every deed holds them; findings after them, in theirs.
        findings.sort_by(|a, b| a.cause.cmp(&b.cause));
        findings.dedup_by(|a, b| a.cause == b.cause);
        let mut devices: Vec<DeviceId> = findings.iter().filter_map(|finding| finding.device_id).collect();
        for finding in findings.iter().filter(|finding| finding.device_id.is_none()) {
            devices.extend(store::brake::devices(self.db(), &finding.cause, TRUSTED_AGAIN).await?);
        }
        devices.sort_unstable();
        devices.dedup();
        let mut deed = self.allow(actor, Permission::CertificateRevoke, &subject).await?;
        for device in &devices {
            store::device::lock(&mut deed.tx, *device).await?;
        }
        let settled = settle_all(&mut deed, &findings, ids, reason).await?;
        if settled.causes.is_empty() {
            let message = match findings.as_slice() {
                [only] if is_folded(only) => "This finding is part of another one. Settle that.",
                [_] => "This finding is resolved already.",
                _ => "These findings are resolved already, or part of others.",
            };
            return Err(Error::Conflict(message.to_owned()));
        }
        for device in devices {
            trust_again(&mut deed, device, reason).await?;
        }
        let n = settled.causes.len();
        let detail = json!({"causes": settled.causes, "parts": settled.parts, "reason": reason});
        deed.commit("finding.resolve", &subject, &detail).await?;
        Ok(n)
    }
}

fn is_folded(finding: &Finding) -> bool {
    finding.state == FindingState::Folded
}

/// What was settled.
#[derive(Default)]
struct Settled {
    causes: Vec<String>,
    /// What was part of these.
    parts: Vec<String>,
}

/// Settles these findings in their order, of which `chosen` were looked at and the others are part of those.
async fn settle_all(deed: &mut Deed<'_>, findings: &[Finding], chosen: &[FindingId], reason: &str) -> Result<Settled> {
    let (mut settled, at) = (Settled::default(), deed.fleet().now());
    for finding in findings {
        let cause = &finding.cause;
        let whole = finding.part_of.as_deref().filter(|_| is_folded(finding));
        let is_settled = match whole {
            Some(whole) if findings.iter().any(|other| other.cause == whole && chosen.contains(&other.id)) => {
                store::finding::resolve_part(&mut deed.tx, (cause, whole), at).await?
            }
            Some(_) => false,
            None => store::finding::resolve(&mut deed.tx, cause, at).await?,
        };
        if !is_settled {
            continue;
        }
        let told = store::finding::Settled { at, by: deed.actor().name().to_owned(), reason: reason.to_owned() };
        store::finding::settled(&mut deed.tx, cause, &told).await?;
        deed.ring("finding", finding.kind.as_str()).await?;
        let place = if whole.is_some() { &mut settled.parts } else { &mut settled.causes };
        place.push(cause.clone());
    }
    for cause in &settled.causes {
        // Whoever looked did not see it, and nothing goes along unseen.
        if store::finding::folded_within(&mut deed.tx, cause).await? > 0 {
            return Err(Error::Conflict(
                "More became part of this finding at the same moment. Look at it again.".to_owned(),
            ));
        }
    }
    Ok(settled)
}
