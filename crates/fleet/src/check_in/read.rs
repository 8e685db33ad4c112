//! What a device reports, for those who look at it.

use super::{
    reason::{self, Reason},
    report::{held_against, lists},
};
use crate::{Actor, Error, Fleet, Result};
use domain::{
    authority::{FindingKind, FindingState},
    id::FindingId,
    person::Permission,
    report::{Attributes, Comparison, Mapping, Reported},
    suspicion::{Sighting, Signal, score},
    time::Timestamp,
};
use store::finding::Finding;

/// A reason with its finding.
#[derive(Clone, Debug, PartialEq)]
pub struct ReasonShown {
    /// The reason.
    pub reason: Reason,
    /// Its finding and how that stands; none when it says too little for one.
    pub finding: Option<(FindingId, FindingState)>,
    /// The finding about several devices that this one is part of.
    pub whole: Option<Whole>,
}

/// A finding about several devices, for whoever looks at one that is part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its id.
    pub id: FindingId,
    /// What kind of finding it is.
    pub kind: FindingKind,
    /// What it is about, by which it is found again.
    pub cause: String,
    /// It in a sentence.
    pub words: String,
    /// Whether it still stands.
    pub state: FindingState,
}

impl From<&Finding> for Whole {
    fn from(finding: &Finding) -> Self {
        let words = finding.detail.get("words").and_then(serde_json::Value::as_str);
        Self {
            id: finding.id,
            kind: finding.kind,
            cause: finding.cause.clone(),
            words: words.unwrap_or_else(|| finding.kind.label()).to_owned(),
            state: finding.state,
        }
    }
}

impl ReasonShown {
    /// Whether a person has yet to look into it, by itself or as part of another finding; also where it says too little
    /// for one.
    #[must_use]
    pub fn stands(&self) -> bool {
        match (self.finding, &self.whole) {
            (Some((_, FindingState::Folded)), whole) => {
                whole.as_ref().is_some_and(|whole| whole.state == FindingState::Open)
            }
            (finding, _) => finding.is_none_or(|(_, state)| state == FindingState::Open),
        }
    }
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
    /// Where it said last that it is, and when.
    pub sighting: Option<Sighting>,
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
        let signals: Vec<Signal> =
            reasons.iter().filter(|shown| shown.stands()).flat_map(|shown| shown.reason.signals.clone()).collect();
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
            sighting: kept.sighting,
            polled: self.inner.polls.last(device.id).or(polled),
        })
    }

    async fn shown_reasons(&self, reasons: Vec<Reason>) -> Result<Vec<ReasonShown>> {
        let causes: Vec<&str> = reasons.iter().map(|reason| reason.cause.as_str()).collect();
        let findings = store::finding::by_causes(self.db(), &causes).await?;
        let wholes: Vec<&str> = findings.iter().filter_map(|finding| finding.part_of.as_deref()).collect();
        let wholes = store::finding::by_causes(self.db(), &wholes).await?;
        let shown = |reason: Reason| {
            let found = findings.iter().find(|finding| finding.cause == reason.cause);
            let part_of = found.filter(|found| found.state == FindingState::Folded);
            let whole =
                part_of.and_then(|part| wholes.iter().find(|whole| part.part_of.as_ref() == Some(&whole.cause)));
            ReasonShown { finding: found.map(|found| (found.id, found.state)), whole: whole.map(Whole::from), reason }
        };
        Ok(reasons.into_iter().map(shown).collect())
    }
}
