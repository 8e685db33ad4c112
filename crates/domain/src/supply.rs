//! The supply chain of a device: who supplied what to whom and when, as its history tells.
//!
//! It is what Regulation (EU) 2024/2847 (Cyber Resilience Act), article 23, asks for: who supplied a product or a part
//! of it, and to whom it was supplied, for ten years.

use crate::{
    component::Part,
    custody::Holder,
    history::{Entry, Event, voided},
    time::Timestamp,
    words::words,
};
use std::collections::HashSet;

words! {
    /// How something was supplied.
    SupplyKind {
        /// A part's maker supplied it to whoever fitted it.
        Part => "part", "Part supplied";
        /// A part came out of another device.
        Moved => "moved", "Part moved";
        /// It was sent and received, or received without having been sent.
        Delivered => "delivered", "Delivered";
        /// It was sent, and nobody said that it arrived.
        Sent => "sent", "Sent, not received";
        /// It was handed from one holder to another.
        Transferred => "transferred", "Handed over";
        /// A client claimed it.
        Claimed => "claimed", "Claimed";
        /// It was given back.
        Returned => "returned", "Returned";
    }
}

/// One thing that somebody supplied to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    /// How.
    pub kind: SupplyKind,
    /// When the recipient had it; for what is only sent, when it was sent.
    pub at: Timestamp,
    /// When it was sent, where that is on record.
    pub sent_at: Option<Timestamp>,
    /// Who supplied it; none when nobody is on record, and for parts, whose supplier is [`Part::maker`] when they are new.
    pub from: Option<Holder>,
    /// To whom; none when nobody is on record.
    pub to: Option<Holder>,
    /// Who carried it.
    pub carrier: Option<Holder>,
    /// The part; none when it is the device itself.
    pub part: Option<Part>,
    /// The serial of the device that the part was in before, where it was moved from one; else empty.
    pub moved_from: String,
    /// A consignment or document number; may be empty.
    pub reference: String,
}

impl Supply {
    /// The supplier's name; empty when none is on record, and for a part that was in use before: its maker supplied it
    /// back then.
    #[must_use]
    pub fn supplier(&self) -> &str {
        match &self.part {
            Some(_) if self.kind == SupplyKind::Moved => "",
            Some(part) => &part.maker,
            None => self.from.as_ref().map_or("", |from| from.name.as_str()),
        }
    }

    /// The recipient's name; empty when none is on record.
    #[must_use]
    pub fn recipient(&self) -> &str {
        self.to.as_ref().map_or("", |to| to.name.as_str())
    }
}

/// What a device's history tells of its supply, oldest first. What a correction voids does not count. `elsewhere` knows the
/// serial of the device that a part was in last before a time, if it was in another one; a part that only changed its slot,
/// or came back, was not supplied again.
#[must_use]
pub fn supplies(entries: &[Entry], elsewhere: &dyn Fn(&Part, Timestamp) -> Option<String>) -> Vec<Supply> {
    let void = voided(entries);
    let mut sorted: Vec<&Entry> = entries.iter().filter(|entry| !void.contains(&entry.id)).collect();
    sorted.sort_by_key(|entry| (entry.at, entry.id));
    let mut chain = Chain::default();
    for entry in sorted {
        chain.take(entry, elsewhere);
    }
    chain.out.extend(chain.under_way);
    chain.out.sort_by_key(|supply| supply.at);
    chain.out
}

#[derive(Default)]
struct Chain {
    out: Vec<Supply>,
    holder: Option<Holder>,
    under_way: Option<Supply>,
    /// The identifiers of parts that were fitted before.
    fitted: HashSet<String>,
}

impl Chain {
    fn take(&mut self, entry: &Entry, elsewhere: &dyn Fn(&Part, Timestamp) -> Option<String>) {
        let at = entry.at;
        match &entry.event {
            Event::Manufactured { by, .. } => self.holder = Some(by.clone()),
            Event::ManifestRecorded { fitted, removed, .. } => {
                for part in fitted {
                    let key = &part.identifier_key;
                    let stays = !key.is_empty() && removed.iter().any(|out| out.identifier_key == *key);
                    let moved_from = if stays { None } else { elsewhere(part, at) };
                    let is_back = !key.is_empty() && !self.fitted.insert(key.clone());
                    if moved_from.is_some() || !(stays || is_back) {
                        self.fit(at, part, moved_from);
                    }
                }
            }
            Event::Shipped { to, carrier, reference } => self.send(at, to, carrier.as_ref(), reference),
            Event::Received { by, reference } => self.arrive(SupplyKind::Delivered, at, by, reference),
            Event::Claimed { by } => self.arrive(SupplyKind::Claimed, at, by, ""),
            Event::Transferred { to, reference } => self.arrive(SupplyKind::Transferred, at, to, reference),
            Event::Returned { to, .. } => self.arrive(SupplyKind::Returned, at, to, ""),
            _ => {}
        }
    }

    fn fit(&mut self, at: Timestamp, part: &Part, moved_from: Option<String>) {
        self.out.push(Supply {
            kind: if moved_from.is_some() { SupplyKind::Moved } else { SupplyKind::Part },
            at,
            sent_at: None,
            from: None,
            to: self.holder.clone(),
            carrier: None,
            part: Some(part.clone()),
            moved_from: moved_from.unwrap_or_default(),
            reference: String::new(),
        });
    }

    fn send(&mut self, at: Timestamp, to: &Holder, carrier: Option<&Holder>, reference: &str) {
        // What was sent before and never arrived stays told.
        self.out.extend(self.under_way.take());
        self.under_way = Some(Supply {
            kind: SupplyKind::Sent,
            at,
            sent_at: Some(at),
            from: self.holder.clone(),
            to: Some(to.clone()),
            carrier: carrier.cloned(),
            part: None,
            moved_from: String::new(),
            reference: reference.to_owned(),
        });
        if let Some(carrier) = carrier {
            self.holder = Some(carrier.clone());
        }
    }

    fn arrive(&mut self, kind: SupplyKind, at: Timestamp, by: &Holder, reference: &str) {
        let before = self.holder.replace(by.clone());
        let meant = |sent: &mut Supply| sent.to.as_ref().is_some_and(|to| to.id == by.id);
        if let Some(sent) = self.under_way.take_if(meant) {
            let is = |one: Option<&Holder>| one.map(|one| one.id) == before.as_ref().map(|before| before.id);
            // Who had it in between, if not the sender or the carrier, supplied it.
            let from = if is(sent.carrier.as_ref()) || is(sent.from.as_ref()) { sent.from.clone() } else { before };
            let reference = if reference.is_empty() { sent.reference.clone() } else { reference.to_owned() };
            self.out.push(Supply { kind, at, from, reference, ..sent });
        } else if before.as_ref().is_none_or(|before| before.id != by.id) {
            let (to, reference) = (Some(by.clone()), reference.to_owned());
            let (carrier, part, moved_from) = (None, None, String::new());
            self.out.push(Supply { kind, at, sent_at: None, from: before, to, carrier, part, moved_from, reference });
        }
    }
}

#[cfg(test)]
mod tests;
