//! What a device's history adds up to: who held it from when to when, which certificates it had, what ran on it.

use domain::{
    component::Component,
    custody::Holder,
    history::{Entry, Event, voided},
    id::HistoryId,
    time::{DAY, Timestamp},
};
use fleet::devices::DeviceRecord;

/// How long somebody held the device, and what happened meanwhile.
#[derive(Clone, Debug)]
pub struct Span<'a> {
    /// Who; none before the history tells of anybody.
    pub holder: Option<&'a Holder>,
    /// Where, in the holder's words; may be empty.
    pub place: &'a str,
    /// From when.
    pub from: Timestamp,
    /// Until when; none means until now.
    pub until: Option<Timestamp>,
    /// What happened, oldest first, with what was corrected away.
    pub entries: Vec<&'a Entry>,
}

impl Span<'_> {
    /// The holder's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.holder.map_or("Nobody on record", |holder| holder.name.as_str())
    }

    /// How long it lasted, in days: `94 days`.
    #[must_use]
    pub fn days(&self, now: Timestamp) -> String {
        days(self.until.unwrap_or(now).0 - self.from.0)
    }
}

/// A span in days, for people: `less than a day`, `1 day`, `94 days`.
#[must_use]
pub fn days(micros: i64) -> String {
    match micros / DAY {
        ..1 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        n => format!("{} days", crate::components::text::count(n)),
    }
}

/// A certificate as the history tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateLife<'a> {
    /// Its serial number, in hexadecimal.
    pub serial: &'a str,
    /// The issuing CA's name.
    pub issuer: &'a str,
    /// From when.
    pub from: Timestamp,
    /// When it ends by itself.
    pub not_after: Timestamp,
    /// When another took its place, or it was revoked.
    pub ended: Option<Timestamp>,
    /// Why it was revoked, if it was.
    pub revoked: Option<&'a str>,
    /// When it was put on hold, if it was, and until when.
    pub held: Vec<(Timestamp, Option<Timestamp>)>,
}

/// A version of the firmware, as long as it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareLife<'a> {
    /// The version.
    pub version: &'a str,
    /// From when.
    pub from: Timestamp,
    /// Until when; none means until now.
    pub until: Option<Timestamp>,
}

/// A device's record, read as a life.
pub struct Life<'a> {
    /// The record.
    pub record: &'a DeviceRecord,
    /// The time.
    pub now: Timestamp,
    /// Who held it, oldest first.
    pub spans: Vec<Span<'a>>,
    voided: Vec<HistoryId>,
}

impl<'a> Life<'a> {
    /// Reads a record.
    #[must_use]
    pub fn new(record: &'a DeviceRecord, now: Timestamp) -> Self {
        let voided = voided(&record.history);
        let spans = spans(&record.history, &voided);
        Self { record, now, spans, voided }
    }

    /// Whether a correction voids the entry.
    #[must_use]
    pub fn is_void(&self, entry: &Entry) -> bool {
        self.voided.contains(&entry.id)
    }

    /// What counts, oldest first.
    pub fn counted(&self) -> impl DoubleEndedIterator<Item = &'a Entry> + use<'a, '_> {
        self.record.history.iter().filter(|entry| !self.is_void(entry))
    }

    /// The newest entry that counts and is of a kind.
    pub fn last(&self, wanted: impl Fn(&Event) -> bool) -> Option<&'a Entry> {
        self.counted().rev().find(|entry| wanted(&entry.event))
    }

    /// The correction that voids an entry.
    #[must_use]
    pub fn correction_of(&self, entry: &Entry) -> Option<(&'a Entry, &'a str)> {
        self.counted().rev().find_map(|later| match &later.event {
            Event::Corrected { entry: wrong, reason } if *wrong == entry.id => Some((later, reason.as_str())),
            _ => None,
        })
    }

    /// An entry by its id.
    #[must_use]
    pub fn entry(&self, id: HistoryId) -> Option<&'a Entry> {
        self.record.history.iter().find(|entry| entry.id == id)
    }

    /// The findings that its present trust rests on: those since it was last found to be in order, newest first.
    #[must_use]
    pub fn open_findings(&self) -> Vec<&'a Entry> {
        let cleared = |event: &Event| matches!(event, Event::Released { .. });
        self.counted()
            .rev()
            .take_while(|entry| !cleared(&entry.event))
            .filter(|entry| entry.event.is_finding())
            .collect()
    }

    /// The components that are fitted now.
    pub fn fitted(&self) -> impl Iterator<Item = &'a Component> {
        self.record.components.iter().filter(|component| component.removed_at.is_none())
    }

    /// Its certificates, oldest first.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateLife<'a>> {
        let mut all: Vec<CertificateLife<'a>> = Vec::new();
        for entry in self.counted() {
            let at = entry.at;
            match (&entry.event, all.last_mut()) {
                (
                    Event::CertificateIssued { serial, issuer, not_after }
                    | Event::CertificateRenewed { serial, issuer, not_after },
                    last,
                ) => {
                    if let Some(last) = last {
                        last.ended.get_or_insert(at);
                        let_go(last, at);
                    }
                    all.push(CertificateLife {
                        serial,
                        issuer,
                        from: at,
                        not_after: *not_after,
                        ended: None,
                        revoked: None,
                        held: Vec::new(),
                    });
                }
                (Event::CertificateHeld { .. }, Some(last)) if last.ended.is_none() => last.held.push((at, None)),
                (Event::Released { .. }, Some(last)) => let_go(last, at),
                (Event::CertificateRevoked { reason }, Some(last)) if last.ended.is_none() => {
                    last.ended = Some(at);
                    last.revoked = Some(reason);
                    let_go(last, at);
                }
                _ => {}
            }
        }
        all
    }

    /// What ran on it, oldest first.
    #[must_use]
    pub fn firmware(&self) -> Vec<FirmwareLife<'a>> {
        let mut all: Vec<FirmwareLife<'a>> = Vec::new();
        for entry in self.counted() {
            let version = match &entry.event {
                Event::Manufactured { firmware: Some(version), .. } | Event::UpdateVerified { version, .. } => version,
                Event::UpdateReverted { to, .. } => to,
                _ => continue,
            };
            if let Some(last) = all.last_mut() {
                if last.version == version {
                    continue;
                }
                last.until = Some(entry.at);
            }
            all.push(FirmwareLife { version, from: entry.at, until: None });
        }
        all
    }
}

/// A hold that lasts until now lasts until then.
fn let_go(certificate: &mut CertificateLife<'_>, at: Timestamp) {
    if let Some((_, until)) = certificate.held.last_mut() {
        until.get_or_insert(at);
    }
}

/// Groups a history by who held the device. What was corrected away stays where it was written, but hands nothing over.
fn spans<'a>(history: &'a [Entry], voided: &[HistoryId]) -> Vec<Span<'a>> {
    let mut spans: Vec<Span<'a>> = Vec::new();
    for entry in history {
        let holder = if voided.contains(&entry.id) { None } else { entry.event.holder_after() };
        match spans.last_mut() {
            Some(last) if holder.is_none_or(|holder| last.holder.is_some_and(|before| before.id == holder.id)) => {
                if holder.is_some() && !entry.place.is_empty() {
                    last.place = &entry.place;
                }
                last.entries.push(entry);
            }
            last => {
                if let Some(last) = last {
                    last.until = Some(entry.at);
                }
                let place = if holder.is_some() { entry.place.as_str() } else { "" };
                spans.push(Span { holder, place, from: entry.at, until: None, entries: vec![entry] });
            }
        }
    }
    spans
}

#[cfg(test)]
mod tests;
