//! Parts: where one is and was, and which types there are.

use crate::{
    Actor, Error, Fleet, Result,
    finding::{FindingRow, cause},
};
use domain::{
    authority::{FindingKind, FindingState},
    component::ComponentClass,
    fitting::{Fitting, conflicts},
    id::BatchId,
    identifier::{lookup_keys, lookup_prefixes},
    person::Permission,
    suspicion::{Copied, Signal},
};
use std::collections::BTreeSet;
use store::finding::Finding;

pub use store::{component::PartType, fitting::COUNTED};

/// How many stays a search gives at most.
pub const FOUND_MAX: usize = 500;

/// How many devices are named that report a part.
pub const REPORTED_MAX: usize = 100;

/// A part's stay in a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The stay.
    pub fitting: Fitting,
    /// The serial of another device that had the same part at the same time.
    pub conflict: Option<String>,
}

/// What a search for parts found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The stays, by identifier; those of one identifier in the order of time.
    pub stays: Vec<Stay>,
    /// Whether there are more than are given.
    pub more: bool,
}

/// Who reports a part by now, whatever manifests list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportedNow {
    /// The serials of the devices, in order: at most [`REPORTED_MAX`].
    pub serials: Vec<String>,
    /// Whether there are more.
    pub more: bool,
    /// The findings that stand about its being in several devices.
    pub findings: Vec<FindingRow>,
}

/// A type of part, and how many devices have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartCount {
    /// The type.
    pub part: PartType,
    /// Its class, where that is known.
    pub class: Option<ComponentClass>,
    /// How many devices have one now; one more than [`COUNTED`] stands for more.
    pub devices: i64,
}

/// One page of part types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartTypes {
    /// The types, by class, maker and model.
    pub types: Vec<PartCount>,
    /// How many there are in all.
    pub total: usize,
}

impl Fleet {
    /// Every stay in a device of the parts whose identifier begins like this, whatever notation it is written in; at most
    /// `limit`, which is at most [`FOUND_MAX`].
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn parts(&self, actor: &Actor, text: &str, limit: usize) -> Result<Found> {
        actor.require(Permission::FleetRead)?;
        let limit = limit.clamp(1, FOUND_MAX);
        let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut all = Vec::new();
        for prefix in lookup_prefixes(text) {
            all.extend(store::fitting::beginning(self.db(), &prefix, most).await?);
        }
        Ok(found(all, limit))
    }

    /// Every stay in a device of the parts that have exactly this identifier, whatever notation it is written in.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or no part ever had this identifier.
    pub async fn part(&self, actor: &Actor, text: &str) -> Result<Found> {
        actor.require(Permission::FleetRead)?;
        let most = i64::try_from(FOUND_MAX).unwrap_or(i64::MAX).saturating_add(1);
        let mut all = Vec::new();
        for key in lookup_keys(text) {
            all.extend(store::fitting::of_key(self.db(), &key, most).await?);
        }
        if all.is_empty() {
            return Err(Error::not_found("part", text));
        }
        Ok(found(all, FOUND_MAX))
    }

    /// Which devices report a part with exactly this identifier by now, and what stands about that.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn part_reported(&self, actor: &Actor, text: &str) -> Result<ReportedNow> {
        actor.require(Permission::FleetRead)?;
        let most = i64::try_from(REPORTED_MAX).unwrap_or(i64::MAX).saturating_add(1);
        let catalogue = self.load_catalogue().await?;
        let (mut serials, mut findings) = (BTreeSet::new(), Vec::new());
        for key in lookup_keys(text) {
            let holders = store::report::reporting_now(self.db(), &key, most).await?;
            let mut abouts = BTreeSet::from([format!(":{key}")]);
            for holder in &holders {
                let batch = catalogue.batch_code(BatchId(holder.batch_id));
                let serial = &holder.serial;
                abouts.extend([format!("{batch}:{key}"), format!("{batch}:image"), format!("device:{serial}")]);
            }
            let causes: Vec<String> = abouts.iter().map(|about| cause(FindingKind::IdentifierCopied, about)).collect();
            let causes: Vec<&str> = causes.iter().map(String::as_str).collect();
            let found = store::finding::by_causes(self.db(), &causes).await?;
            findings.extend(found.into_iter().filter(|one| one.state == FindingState::Open && is_about(one, &key)));
            serials.extend(holders.into_iter().map(|holder| holder.serial));
        }
        let more = serials.len() > REPORTED_MAX;
        let serials = serials.into_iter().take(REPORTED_MAX).collect();
        Ok(ReportedNow { serials, more, findings: self.shown(findings).await? })
    }

    /// Types of parts with how many devices have one, `limit` of them after the first `skip`.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn part_types(&self, actor: &Actor, skip: usize, limit: usize) -> Result<PartTypes> {
        actor.require(Permission::FleetRead)?;
        let all = store::component::part_types(self.db()).await?;
        let total = all.len();
        let mut types = Vec::with_capacity(limit.min(total));
        for part in all.into_iter().skip(skip).take(limit) {
            let devices = store::fitting::devices_with(self.db(), part.id).await?;
            types.push(PartCount { class: part.class.parse().ok(), part, devices });
        }
        Ok(PartTypes { types, total })
    }
}

/// Whether a finding tells of this identifier.
fn is_about(finding: &Finding, key: &str) -> bool {
    let signals = finding.detail.get("signals").cloned().unwrap_or_default();
    let signals: Vec<Signal> = serde_json::from_value(signals).unwrap_or_default();
    let tells =
        |signal: &Signal| matches!(signal.copied(), Some(Copied::Part { identifier_key, .. }) if identifier_key == key);
    signals.iter().any(tells)
}

fn found(mut all: Vec<Fitting>, limit: usize) -> Found {
    let more = all.len() > limit;
    all.sort_by(|a, b| {
        let key = |one: &Fitting| {
            let component = &one.component;
            (component.part.identifier_key.clone(), component.fitted_at, one.serial.clone(), component.id)
        };
        key(a).cmp(&key(b))
    });
    all.truncate(limit);
    let conflicts: Vec<Option<String>> = conflicts(&all).into_iter().map(|other| other.map(str::to_owned)).collect();
    let stays = all.into_iter().zip(conflicts).map(|(fitting, conflict)| Stay { fitting, conflict }).collect();
    Found { stays, more }
}
