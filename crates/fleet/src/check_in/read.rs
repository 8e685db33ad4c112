//! What a device reports, for those who look at it.

use super::{
    reason::{self, Reason},
    report::{held_against, lists},
};
use crate::{Actor, Error, Fleet, Result};
use domain::{
    authority::FindingState,
    id::FindingId,
    person::Permission,
    report::{Attributes, Comparison, Mapping, Reported},
    suspicion::{Signal, score},
    time::Timestamp,
};

/// A reason with its finding.
#[derive(Clone, Debug, PartialEq)]
pub struct ReasonShown {
    /// The reason.
    pub reason: Reason,
    /// Its finding and how that stands; none when it says too little for one.
    pub finding: Option<(FindingId, FindingState)>,
}

/// What a device reports, held against its manifests.
#[derive(Clone, Debug)]
pub struct DeviceReport {
    /// What it sent.
    pub attributes: Attributes,
    /// What that says by its model's mapping.
    pub reported: Reported,
    /// The mapping.
    pub mapping: Mapping,
    /// How that compares with its manifests by now.
    pub comparison: Comparison,
    /// What speaks against it, what says most first.
    pub reasons: Vec<ReasonShown>,
    /// What all of that says together, from 0 to 100. What is settled doesn't count.
    pub score: u8,
    /// When it last reported; none when it never did.
    pub reported_at: Option<Timestamp>,
    /// When what it reports last changed.
    pub changed_at: Option<Timestamp>,
    /// How often it reported; the same again within a minute counts once.
    pub n: i64,
    /// When it last sent what could not be read; none where it reported since.
    pub unread_at: Option<Timestamp>,
    /// When it is asked again because it reported too many changes to judge all of them.
    pub due_at: Option<Timestamp>,
    /// Whether it is asked to report at its next poll.
    pub wanted: bool,
    /// From where it polled last and when.
    pub polled: Option<(String, Timestamp)>,
}

impl Fleet {
    /// What a device reports of itself.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device.
    pub async fn device_report(&self, actor: &Actor, serial: &str) -> Result<DeviceReport> {
        actor.require(Permission::FleetRead)?;
        let device = store::device::by_serial(self.db(), serial).await?;
        let device = device.ok_or_else(|| Error::not_found("device", serial))?;
        let (kept, polled, components) = tokio::try_join!(
            store::report::of_device(self.db(), device.id),
            store::poll::polled(self.db(), device.id),
            store::component::of_device(self.db(), device.id),
        )?;
        let rules = self.rules_of(device.model_id).await?;
        let wanted = kept.as_ref().is_none_or(|kept| kept.wanted);
        let kept = kept.unwrap_or_default();
        let reported = rules.mapping.read(&kept.attributes);
        let before = kept.confirmed.as_ref().map(|attributes| rules.mapping.read(attributes));
        let comparison = if kept.n > 0 {
            held_against(&lists(&device, &components), &reported, before.as_ref(), &rules)
        } else {
            Comparison::default()
        };
        let reasons = self.shown_reasons(reason::read(&kept.reasons)).await?;
        let signals: Vec<Signal> = reasons
            .iter()
            .filter(|shown| shown.finding.is_none_or(|(_, state)| state == FindingState::Open))
            .flat_map(|shown| shown.reason.signals.clone())
            .collect();
        Ok(DeviceReport {
            score: score(&signals),
            reported,
            mapping: rules.mapping,
            comparison,
            reasons,
            attributes: kept.attributes,
            reported_at: kept.reported_at,
            changed_at: kept.changed_at,
            n: kept.n,
            unread_at: kept.unread_at.filter(|at| kept.reported_at.is_none_or(|reported| reported < *at)),
            due_at: kept.due_at,
            wanted,
            polled: self.inner.polls.last(device.id).or(polled),
        })
    }

    async fn shown_reasons(&self, reasons: Vec<Reason>) -> Result<Vec<ReasonShown>> {
        let causes: Vec<&str> = reasons.iter().map(|reason| reason.cause.as_str()).collect();
        let findings = store::finding::by_causes(self.db(), &causes).await?;
        let finding = |reason: &Reason| {
            let found = findings.iter().find(|finding| finding.cause == reason.cause);
            found.map(|finding| (finding.id, finding.state))
        };
        Ok(reasons.into_iter().map(|reason| ReasonShown { finding: finding(&reason), reason }).collect())
    }
}
