//! One device's life, from the line to where it is now.

use crate::{World, certify::CERTIFICATE_DAYS, chance::Chance, parts};
use domain::{
    batch::{Batch, Model},
    component::{ComponentClass, Part},
    custody::{Custodian, CustodianKind, Holder},
    history::{Entry, Event},
    id::{DeviceId, HistoryId},
    manifest,
    time::{DAY, HOUR, MINUTE, SECOND, Timestamp},
};
use fleet::seed::Life;

/// Firmware that left the door: model's index, version, how many days ago, how often it fails.
const RELEASES: &[(usize, &str, i64, f64)] = &[
    (0, "1.2.0", 800, 0.0),
    (0, "1.3.1", 520, 0.01),
    (0, "1.4.0", 260, 0.25),
    (0, "1.4.2", 210, 0.01),
    (0, "1.5.0", 6, 0.01),
    (1, "3.0.0", 800, 0.0),
    (1, "3.1.0", 400, 0.02),
    (1, "3.1.4", 120, 0.01),
];

/// How far the newest release has been rolled out.
const NEWEST_SHARE: f64 = 0.12;
/// How long a device certificate lasts.
const CERTIFICATE: i64 = CERTIFICATE_DAYS * DAY;

/// The lives of `n` devices of the batch at `index`, counted from `first`.
pub fn lives(world: &mut World, index: usize, first: i64, n: i64) -> Vec<Life> {
    let Some((batch, revision)) = world.batches.get(index).cloned() else { return Vec::new() };
    let model_index = world.models.iter().position(|model| model.id == batch.model_id).unwrap_or(0);
    let Some(model) = world.models.get(model_index).cloned() else { return Vec::new() };
    let Some(factory) = world.custodians.iter().find(|c| c.id == batch.factory_id).cloned() else { return Vec::new() };
    let people = People {
        factory,
        carriers: world.carriers(),
        stocks: world.stocks(),
        repairers: world.of_kind(CustodianKind::RepairCentre).into_iter().cloned().collect(),
        clients: world.of_kind(CustodianKind::Client).into_iter().cloned().collect(),
    };
    let now = world.now;
    (first..first + n)
        .map(|number| {
            let setting = Setting { now, batch: &batch, model: &model, model_index, revision, people: &people };
            Walk::new(&setting, &mut world.chance, number).life()
        })
        .collect()
}

struct People {
    factory: Custodian,
    carriers: Vec<Custodian>,
    stocks: Vec<Custodian>,
    repairers: Vec<Custodian>,
    clients: Vec<Custodian>,
}

struct Setting<'a> {
    now: Timestamp,
    batch: &'a Batch,
    model: &'a Model,
    model_index: usize,
    revision: &'static str,
    people: &'a People,
}

/// A walk through time: each step moves the clock on, and none goes past the present.
struct Walk<'a> {
    setting: &'a Setting<'a>,
    chance: &'a mut Chance,
    id: DeviceId,
    serial: String,
    made_at: Timestamp,
    at: Timestamp,
    history: Vec<Entry>,
    parts: Vec<Part>,
    manifest: (i64, String),
    firmware: Option<&'static str>,
    certificate_ends: Timestamp,
    holder: Option<Custodian>,
}

fn serial(model: &str, revision: &str, made: Timestamp, number: i64) -> String {
    let short: String = model.chars().filter(char::is_ascii_alphanumeric).take(3).collect();
    let month = made.month().replace('-', "");
    format!("{short}{revision}-{}-{number:05}", month.get(2..).unwrap_or("0000"))
}

impl<'a> Walk<'a> {
    fn new(setting: &'a Setting<'a>, chance: &'a mut Chance, number: i64) -> Self {
        let started = setting.batch.started_at;
        // A line takes two months for a batch; the newest one is still running.
        let span = (setting.now.0 - started.0).clamp(DAY, 58 * DAY);
        let made_at = started.plus(chance.between(0, span - DAY) / MINUTE * MINUTE);
        let serial = serial(&setting.model.name, setting.revision, started, number);
        Self {
            id: DeviceId(chance.id(made_at)),
            serial,
            made_at,
            at: made_at,
            history: Vec::new(),
            parts: Vec::new(),
            manifest: (0, String::new()),
            firmware: None,
            certificate_ends: made_at,
            holder: None,
            setting,
            chance,
        }
    }

    fn life(mut self) -> Life {
        // None means that the present was reached; what is told until then is the life.
        let _ = self.live();
        let active = self.holder.as_ref().is_some_and(|c| c.kind == CustodianKind::Client);
        Life {
            id: self.id,
            channel: if self.chance.happens(0.03) { "staging" } else { "production" }.to_owned(),
            last_seen_at: self.last_seen(active),
            serial: self.serial,
            model_id: self.setting.model.id,
            hardware_revision: self.setting.revision.to_owned(),
            batch_id: self.setting.batch.id,
            factory_id: self.setting.people.factory.id,
            made_at: self.made_at,
            history: self.history,
        }
    }

    fn live(&mut self) -> Option<()> {
        self.build()?;
        self.travel()?;
        self.serve()?;
        if self.chance.happens(0.07) {
            self.repair()?;
            self.serve()?;
        }
        if self.chance.happens(0.06) {
            self.resell()?;
            self.serve()?;
        }
        if self.chance.happens(0.03) {
            self.give_back()?;
        }
        Some(())
    }

    /// Moves the clock on; none when that would pass the present.
    fn wait(&mut self, low: i64, high: i64) -> Option<()> {
        let at = self.at.plus(self.chance.between(low, high) / SECOND * SECOND);
        if at >= self.setting.now {
            return None;
        }
        self.at = at;
        Some(())
    }

    fn tell(&mut self, actor: &str, place: &str, event: Event) {
        self.history.push(Entry {
            id: HistoryId(self.chance.id(self.at)),
            at: self.at,
            recorded_at: self.at,
            actor: actor.to_owned(),
            place: place.to_owned(),
            event,
            epcis_event_id: None,
        });
    }

    fn holder_of(custodian: &Custodian) -> Holder {
        custodian.holder()
    }

    fn build(&mut self) -> Option<()> {
        let setting = self.setting;
        let factory = &setting.people.factory;
        let station = format!("{}, station {}", factory.name, self.chance.between(1, 8));
        self.parts = parts::parts_of(&setting.model.name, setting.revision, self.chance);
        let line = format!("line {}", self.chance.between(1, 3));
        self.firmware = self.newest_release();
        let firmware = self.firmware.map(ToOwned::to_owned);
        let by = Self::holder_of(factory);
        self.tell(&station, &line, Event::Manufactured { by, batch: setting.batch.code.clone(), firmware });
        self.holder = Some(factory.clone());
        self.wait(2 * MINUTE, 10 * MINUTE)?;
        let parts = self.parts.clone();
        self.record_manifest(&station, parts, Vec::new(), "As built");
        self.wait(MINUTE, 5 * MINUTE)?;
        let (serial, issuer, not_after) = self.new_certificate();
        self.tell(&station, &line, Event::CertificateIssued { serial, issuer, not_after });
        Some(())
    }

    fn new_certificate(&mut self) -> (String, String, Timestamp) {
        self.certificate_ends = self.at.plus(CERTIFICATE);
        (self.chance.hex(8), format!("Batch CA {}", self.setting.batch.code), self.certificate_ends)
    }

    fn record_manifest(&mut self, actor: &str, fitted: Vec<Part>, removed: Vec<Part>, reason: &str) {
        let (before, previous_hash) = self.manifest.clone();
        let version = before + 1;
        let hash = manifest::hash(&self.serial, version, &previous_hash, &self.parts);
        self.manifest = (version, hash.clone());
        let reason = reason.to_owned();
        self.tell(actor, "", Event::ManifestRecorded { version, hash, previous_hash, fitted, removed, reason });
    }

    /// The newest release that was out when this moment came.
    fn newest_release(&self) -> Option<&'static str> {
        let out = |days: i64| self.setting.now.plus(-days * DAY) <= self.at;
        let of_model = RELEASES.iter().filter(|(model, ..)| *model == self.setting.model_index);
        of_model.filter(|(_, _, days, _)| out(*days) && *days > 30).map(|(_, version, ..)| *version).next_back()
    }

    fn travel(&mut self) -> Option<()> {
        let people = self.setting.people;
        let carrier = self.chance.skewed(&people.carriers)?.clone();
        let stock = self.chance.skewed(&people.stocks)?.clone();
        let client = self.chance.skewed(&people.clients)?.clone();
        self.wait(5 * DAY, 30 * DAY)?;
        self.ship(&stock, Some(&carrier), "pallet")?;
        self.wait(12 * DAY, 40 * DAY)?;
        let shelf =
            format!("shelf {}-{}", self.chance.between(1, 20), if self.chance.happens(0.5) { "A" } else { "C" });
        self.receive(&stock, &shelf);
        self.wait(5 * DAY, 60 * DAY)?;
        self.ship(&client, None, "order")?;
        self.wait(DAY, 6 * DAY)?;
        self.receive(&client, "");
        self.wait(HOUR, 20 * DAY)?;
        self.claim(&client);
        Some(())
    }

    fn ship(&mut self, to: &Custodian, carrier: Option<&Custodian>, what: &str) -> Option<()> {
        let reference = format!("{what} {}", self.chance.between(100_000, 999_999));
        let sender = self.holder.clone()?;
        let event = Event::Shipped { to: Self::holder_of(to), carrier: carrier.map(Self::holder_of), reference };
        let place =
            carrier.map(|_| format!("container KSTU {}", self.chance.between(400_000, 499_999))).unwrap_or_default();
        self.tell(&sender.name, &place, event);
        if let Some(carrier) = carrier {
            self.holder = Some(carrier.clone());
        }
        Some(())
    }

    fn receive(&mut self, by: &Custodian, place: &str) {
        let place = if place.is_empty() { by.city.clone() } else { place.to_owned() };
        self.tell(&by.name, &place, Event::Received { by: Self::holder_of(by), reference: String::new() });
        self.holder = Some(by.clone());
    }

    fn claim(&mut self, by: &Custodian) {
        let place = format!("{}, site {}", by.city, self.chance.between(1, 6));
        self.tell(&by.name, &place, Event::Claimed { by: Self::holder_of(by) });
        self.holder = Some(by.clone());
    }

    /// A stretch of ordinary life: updates, a renewal, now and then something odd.
    fn serve(&mut self) -> Option<()> {
        self.update_all()?;
        self.renew()?;
        self.oddities()
    }

    fn update_all(&mut self) -> Option<()> {
        for (model, version, days, failure) in RELEASES {
            let released = self.setting.now.plus(-days * DAY);
            let is_newer = self.firmware.is_none_or(|runs| domain::version::compare(version, runs).is_gt());
            if *model != self.setting.model_index || !is_newer {
                continue;
            }
            let share = if *days < 30 { NEWEST_SHARE } else { 0.93 };
            if !self.chance.happens(share) {
                continue;
            }
            self.at = self.at.max(released);
            self.wait(2 * HOUR, if *days < 30 { 5 * DAY } else { 40 * DAY })?;
            self.update(version, *failure)?;
        }
        Some(())
    }

    fn update(&mut self, version: &'static str, failure: f64) -> Option<()> {
        let device = self.serial.clone();
        let from = self.firmware.map(ToOwned::to_owned);
        self.tell("rollout", "", Event::UpdateOffered { version: version.to_owned() });
        self.wait(4 * MINUTE, 40 * MINUTE)?;
        self.tell(&device, "", Event::UpdateInstalled { version: version.to_owned() });
        self.wait(30 * SECOND, 3 * MINUTE)?;
        if self.chance.happens(failure) {
            let reason = "no boot in 3 tries".to_owned();
            self.tell(&device, "", Event::UpdateFailed { version: version.to_owned(), reason });
            let to = from.unwrap_or_default();
            self.tell(&device, "", Event::UpdateReverted { to, version: version.to_owned() });
        } else {
            self.tell(&device, "", Event::UpdateVerified { from, version: version.to_owned() });
            self.firmware = Some(version);
        }
        Some(())
    }

    fn renew(&mut self) -> Option<()> {
        let due = self.certificate_ends.plus(-30 * DAY);
        // Some are forgotten, which is what the list of expiring certificates is for.
        if due < self.setting.now && self.chance.happens(0.9) {
            self.at = self.at.max(due);
            self.wait(HOUR, 12 * DAY)?;
            let device = self.serial.clone();
            let (serial, issuer, not_after) = self.new_certificate();
            self.tell(&device, "", Event::CertificateRenewed { serial, issuer, not_after });
        }
        Some(())
    }

    fn oddities(&mut self) -> Option<()> {
        if self.chance.happens(0.05) {
            self.wait(DAY, 90 * DAY)?;
            let text = *self.chance.one_of(&[
                "Antenna moved to the north wall",
                "Client reports weak mobile signal; watching",
                "Cabinet key is with the site office",
                "Power supply replaced by the client",
            ])?;
            self.tell("support@muster.example", "", Event::Note { text: text.to_owned() });
        }
        if self.chance.happens(0.012) {
            self.wait(DAY, 120 * DAY)?;
            let finding = "Its Ethernet address also reports from another site".to_owned();
            let score = self.chance.between(30, 70);
            let odd = Event::CloneSuspected { finding, score, other: None };
            self.looked_into(odd, "The other site had copied its configuration, with the address")?;
        } else if self.chance.happens(0.008) {
            self.wait(DAY, 120 * DAY)?;
            let finding = "It no longer reports a WLAN module that its manifest lists".to_owned();
            let score = self.chance.between(15, 45);
            self.looked_into(Event::HardwareMismatch { finding, score }, "The module was switched off on site")?;
        }
        if self.chance.happens(0.006) {
            self.wait(HOUR, 30 * DAY)?;
            let reason = "One certificate alive at two addresses".to_owned();
            self.looked_into(Event::Quarantined { reason }, "Its site has two lines; both are its own")?;
        } else if self.chance.happens(0.009) {
            self.wait(HOUR, 30 * DAY)?;
            let reason = "Key copied: reported stolen by its holder".to_owned();
            self.tell("manager@muster.example", "", Event::CertificateRevoked { reason });
            // Nobody lets it in since: nothing more is heard of it.
            return None;
        }
        Some(())
    }

    /// Something odd, and what somebody found out about it since. What is odd at present devices tell themselves: a
    /// suspicion without a finding is one that nobody could settle.
    fn looked_into(&mut self, odd: Event, found: &str) -> Option<()> {
        let began = self.at;
        self.wait(HOUR, 6 * DAY)?;
        let looked = std::mem::replace(&mut self.at, began);
        self.tell("rule: check-in", "", odd);
        self.at = looked;
        self.tell("operator@muster.example", "", Event::Released { reason: found.to_owned() });
        Some(())
    }

    fn repair(&mut self) -> Option<()> {
        self.wait(5 * DAY, 120 * DAY)?;
        let owner = self.holder.clone()?;
        let bench = self.chance.skewed(&self.setting.people.repairers)?.clone();
        let case = format!("R-{:04}", self.chance.between(1, 9_999));
        let to = Self::holder_of(&bench);
        self.tell(&owner.name, &bench.city, Event::Returned { to, reason: "No mobile network".to_owned() });
        self.holder = Some(bench.clone());
        self.wait(HOUR, 3 * DAY)?;
        let technician = format!("{}, bench {}", bench.name, self.chance.between(1, 4));
        self.tell(&technician, "", Event::RepairOpened { case: case.clone(), symptom: "No mobile network".to_owned() });
        self.wait(HOUR, 4 * DAY)?;
        self.swap(&technician, &case);
        self.tell("lead@muster.example", "", Event::RepairAuthorised { case: case.clone() });
        self.wait(HOUR, 2 * DAY)?;
        let version = self.manifest.0;
        self.tell(&self.serial.clone(), "", Event::HardwareReported { manifest_version: version });
        self.tell(
            &technician,
            "",
            Event::RepairClosed { case, outcome: "Part swapped, device reports exactly that".into() },
        );
        self.wait(DAY, 6 * DAY)?;
        self.ship(&owner, None, "return")?;
        self.wait(DAY, 5 * DAY)?;
        self.receive(&owner, "");
        Some(())
    }

    fn swap(&mut self, technician: &str, case: &str) {
        let broken = self.parts.iter().position(|p| p.class == ComponentClass::Lte);
        let broken = broken.or_else(|| self.parts.iter().position(|p| p.class == ComponentClass::Wlan));
        let Some(index) = broken else { return };
        let out = self.parts.remove(index);
        let Some(into) = parts::replacement(&out, self.chance) else {
            self.parts.insert(index, out);
            return;
        };
        self.parts.insert(index, into.clone());
        self.record_manifest(technician, vec![into], vec![out], &format!("Repair {case}"));
    }

    fn resell(&mut self) -> Option<()> {
        self.wait(20 * DAY, 200 * DAY)?;
        let seller = self.holder.clone()?;
        let others: Vec<Custodian> =
            self.setting.people.clients.iter().filter(|c| c.id != seller.id).cloned().collect();
        let buyer = self.chance.one_of(&others)?.clone();
        let reference = format!("sale {}", self.chance.between(1_000, 9_999));
        self.tell(&seller.name, &buyer.city, Event::Transferred { to: Self::holder_of(&buyer), reference });
        self.holder = Some(buyer);
        Some(())
    }

    fn give_back(&mut self) -> Option<()> {
        self.wait(10 * DAY, 200 * DAY)?;
        let owner = self.holder.clone()?;
        let stock = self.chance.skewed(&self.setting.people.stocks)?.clone();
        let to = Self::holder_of(&stock);
        self.tell(&owner.name, &stock.city, Event::Returned { to, reason: "End of lease".to_owned() });
        self.holder = Some(stock);
        if self.chance.happens(0.5) {
            self.wait(5 * DAY, 40 * DAY)?;
            self.tell("operator@muster.example", "", Event::Retired { reason: "Worn out".to_owned() });
        }
        Some(())
    }

    fn last_seen(&mut self, active: bool) -> Option<Timestamp> {
        let poll = self.setting.model.poll_interval_s * SECOND;
        let now = self.setting.now;
        // What was revoked is refused at its next call.
        let revoked = self.history.last().filter(|entry| matches!(entry.event, Event::CertificateRevoked { .. }));
        if let Some(entry) = revoked {
            return Some(entry.at);
        }
        if active {
            let age = match self.chance.between(1, 100) {
                1..=90 => self.chance.between(0, poll),
                91..=94 => self.chance.between(3 * poll, 11 * poll),
                _ => self.chance.between(DAY, 40 * DAY),
            };
            return Some(now.plus(-age)).filter(|seen| *seen > self.made_at);
        }
        let left_field = self.history.iter().rev().find(|entry| matches!(entry.event, Event::Returned { .. }));
        left_field.map(|entry| entry.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

    fn some() -> Vec<Life> {
        let mut world = World::new(42, NOW, 167);
        (0..12).flat_map(|batch| lives(&mut world, batch, 1, 40)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_fleet() {
        let (one, other) = (some(), some());
        assert_eq!(one.len(), 480);
        for (a, b) in one.iter().zip(&other) {
            assert_eq!((&a.serial, a.id, &a.history), (&b.serial, b.id, &b.history));
        }
    }

    #[test]
    fn nothing_happens_out_of_order_or_in_the_future() {
        for life in some() {
            assert!(life.history.is_sorted_by_key(|entry| entry.at), "{}", life.serial);
            assert!(life.history.iter().all(|entry| entry.at < NOW && entry.at >= life.made_at), "{}", life.serial);
        }
    }

    #[test]
    fn what_was_odd_in_the_past_was_looked_into_and_the_revoked_fell_silent() {
        let mut world = World::new(42, NOW, 2_000);
        let lives: Vec<Life> = (0..12).flat_map(|batch| lives(&mut world, batch, 1, 400)).collect();
        let mut revoked = 0;
        for life in &lives {
            let odd =
                life.history.iter().filter(|e| e.event.is_finding() || matches!(e.event, Event::Quarantined { .. }));
            let released = life.history.iter().filter(|e| matches!(e.event, Event::Released { .. }));
            assert_eq!(odd.count(), released.count(), "{}", life.serial);
            let cut = life.history.iter().position(|e| matches!(e.event, Event::CertificateRevoked { .. }));
            if let Some(at) = cut {
                revoked += 1;
                assert_eq!(at + 1, life.history.len(), "{}", life.serial);
                assert_eq!(life.last_seen_at, Some(life.history[at].at), "{}", life.serial);
            }
        }
        assert!(revoked > 0 && lives.iter().any(|l| l.history.iter().any(|e| e.event.is_finding())));
    }

    #[test]
    fn there_are_returns_resales_swaps_and_every_part_count() {
        let lives = some();
        let has = |wanted: fn(&Event) -> bool| lives.iter().any(|l| l.history.iter().any(|e| wanted(&e.event)));
        assert!(has(|e| matches!(e, Event::Returned { .. })));
        assert!(has(|e| matches!(e, Event::Transferred { .. })));
        assert!(has(|e| matches!(e, Event::ManifestRecorded { version: 2, .. })));
        assert!(has(|e| matches!(e, Event::UpdateReverted { .. })));
        let mut counts: Vec<usize> = lives.iter().map(|l| manifest::replay(&l.history).0.len()).collect();
        counts.sort_unstable();
        counts.dedup();
        assert!(counts.starts_with(&[5, 6, 7]), "{counts:?}");
    }
}
