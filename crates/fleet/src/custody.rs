//! Recording what people and rules say happened to a device: custody, notes, corrections, changed parts.

mod fit;
mod retire;

pub use retire::{RetireForm, Retired};

use crate::{Actor, Deed, Error, FieldError, Fleet, Result, catalogue::Catalogue};
use domain::{
    claim::Ownership,
    component::Part,
    custody::{Custodian, CustodyVerb, Holder},
    device::Device,
    history::{Entry, Event, Standing, voided},
    id::{ComponentId, DeviceId, HistoryId},
    manifest::{self, Manifest},
    person::Permission,
    time::{DAY, Timestamp},
};
use serde_json::json;
use store::component::NewComponent;
use uuid::Uuid;

/// A custody event as a form gives it.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize)]
pub struct CustodyForm {
    /// The verb's word: `ship`, `receive`, `transfer`, `return`.
    #[serde(default)]
    pub verb: String,
    /// The custodian's code: to whom, or who received.
    #[serde(default)]
    pub custodian: String,
    /// Who carries it, for `ship`: a custodian's code, or empty.
    #[serde(default)]
    pub carrier: String,
    /// When, in RFC 3339 or as a form's `2026-11-02T08:26` in UTC; empty for now.
    #[serde(default)]
    pub at: String,
    /// Where exactly; may be empty.
    #[serde(default)]
    pub place: String,
    /// A document number, or for `return` the reason; may be empty.
    #[serde(default)]
    pub reference: String,
}

/// How many devices one bulk deed takes, so that the writer is never held for long.
pub const BULK_MAX: usize = 5_000;

impl Fleet {
    /// Records a custody event for one device.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, a field is wrong, the device was retired before, or the same
    /// is in its history already.
    pub async fn record_custody(&self, actor: &Actor, serial: &str, form: &CustodyForm) -> Result<HistoryId> {
        let recorded = self.record_custody_of(actor, &[serial.to_owned()], form).await?;
        recorded.into_iter().next().ok_or_else(|| Error::not_found("device", serial))
    }

    /// Records one custody event for many devices, all or none.
    ///
    /// # Errors
    /// When the actor may not, a device is not known, there are more than [`BULK_MAX`], a field is wrong, or the event
    /// doesn't fit the history of one of them.
    pub async fn record_custody_of(
        &self,
        actor: &Actor,
        serials: &[String],
        form: &CustodyForm,
    ) -> Result<Vec<HistoryId>> {
        let subject = match serials {
            [serial] => format!("device:{serial}"),
            many => format!("devices:{}", many.len()),
        };
        if serials.len() > BULK_MAX {
            return Err(Error::TooLarge(format!("At most {BULK_MAX} devices can be recorded at once.")));
        }
        self.authorise(actor, Permission::CustodyRecord, &subject).await?;
        // What can be read before is read before: a deed holds one connection and must not wait for another.
        let catalogue = self.load_catalogue().await?;
        let (event, at) = self.custody_event(form, &catalogue)?;
        let devices = self.devices_named(serials, at).await?;
        let mut deed = self.allow(actor, Permission::CustodyRecord, &subject).await?;
        let mut ids = Vec::with_capacity(devices.len());
        for device in &devices {
            let (before, history) = held(&mut deed, device).await?;
            if let Some((field, message)) = fit::misfit(&device.serial, &history, &event, at, form) {
                return Err(Error::field(field, message));
            }
            let entry = self.entry(actor, at, form.place.trim(), event.clone());
            ids.push(entry.id);
            append_to(&mut deed, before, vec![entry]).await?;
            deed.ring("device", &device.serial).await?;
        }
        let detail = json!({"event": event, "at": at, "place": form.place.trim(), "serials": serials});
        deed.commit("custody.record", &subject, &detail).await?;
        Ok(ids)
    }

    /// The devices of these serials, each once, in the order in which every deed locks them.
    pub(crate) async fn devices_named(&self, serials: &[String], at: Timestamp) -> Result<Vec<Device>> {
        let mut wanted: Vec<&str> = serials.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut devices = store::device::by_serials(self.db(), &wanted).await?;
        devices.sort_by_key(|device| device.id);
        if let Some(missing) = wanted.iter().find(|serial| !devices.iter().any(|device| device.serial == **serial)) {
            return Err(Error::not_found("device", missing));
        }
        if let Some(device) = devices.iter().find(|device| at < device.made_at) {
            let (serial, made) = (&device.serial, device.made_at.day_words());
            return Err(Error::field("at", format!("{serial} was made on {made}; this can't be earlier.")));
        }
        Ok(devices)
    }

    fn custody_event(&self, form: &CustodyForm, catalogue: &Catalogue) -> Result<(Event, Timestamp)> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, message: &str| {
            wrong.push(FieldError { field: field.to_owned(), message: message.to_owned() });
        };
        let verb = form.verb.parse::<CustodyVerb>().ok();
        if verb.is_none() {
            say("verb", "Choose what happened.");
        }
        let named = |code: &str| catalogue.custodians.iter().find(|c| c.code == code).map(Custodian::holder);
        let holder = named(&form.custodian);
        if holder.is_none() {
            say("custodian", "Choose a custodian from the list.");
        }
        let carrier = if form.carrier.is_empty() { None } else { named(&form.carrier) };
        if !form.carrier.is_empty() && carrier.is_none() {
            say("carrier", "Choose a carrier from the list, or none.");
        } else if carrier.is_some() && verb.is_some_and(|verb| verb != CustodyVerb::Ship) {
            say("carrier", "Only what is shipped has a carrier. Choose none, or “Shipped to”.");
        }
        for (field, text) in [("place", &form.place), ("reference", &form.reference)] {
            if text.chars().count() > 200 {
                say(field, "Keep it under 200 characters.");
            }
        }
        let at = self.time_of(&form.at);
        if let Err(message) = &at {
            say("at", message);
        }
        match (verb, holder, at) {
            (Some(verb), Some(holder), Ok(at)) if wrong.is_empty() => {
                Ok((event_of(verb, holder, carrier, form.reference.trim()), at))
            }
            _ => Err(Error::Invalid { fields: wrong }),
        }
    }

    /// A time as a form gives it: not in the future, beyond what clocks differ by.
    pub(crate) fn time_of(&self, text: &str) -> std::result::Result<Timestamp, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(self.now());
        }
        // A browser's datetime-local has neither seconds nor offset; it is labelled as UTC.
        let complete = if text.len() == 16 { format!("{text}:00Z") } else { text.to_owned() };
        let time = Timestamp::parse(&complete).map_err(|e| e.to_string())?;
        if time > self.now().plus(DAY) {
            return Err(format!("{} lies in the future.", time.minute_words()));
        }
        Ok(time)
    }

    /// Writes a note on a device.
    ///
    /// # Errors
    /// When the actor may not, there is no such device, or the note is empty or too long.
    pub async fn add_note(&self, actor: &Actor, serial: &str, text: &str) -> Result<HistoryId> {
        let subject = format!("device:{serial}");
        self.authorise(actor, Permission::NoteAdd, &subject).await?;
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 4_000 {
            return Err(Error::field("text", "Write a note of 1 to 4,000 characters."));
        }
        let device = self.device(actor, serial).await?;
        let mut deed = self.allow(actor, Permission::NoteAdd, &subject).await?;
        let entry = self.entry(actor, self.now(), "", Event::Note { text: text.to_owned() });
        let id = entry.id;
        append(&mut deed, &device, vec![entry]).await?;
        deed.ring("device", serial).await?;
        deed.commit("note.add", &subject, &json!({"text": text})).await?;
        Ok(id)
    }

    /// Voids a history entry by a new one that says why.
    ///
    /// # Errors
    /// When the actor may not, there is no such entry, it can't be corrected or is already void, or no reason is given.
    pub async fn correct(&self, actor: &Actor, serial: &str, entry: HistoryId, reason: &str) -> Result<HistoryId> {
        let subject = format!("device:{serial}");
        self.authorise(actor, Permission::HistoryCorrect, &subject).await?;
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > 400 {
            return Err(Error::field("reason", "Say in 1 to 400 characters what was wrong."));
        }
        let device = self.device(actor, serial).await?;
        let mut deed = self.allow(actor, Permission::HistoryCorrect, &subject).await?;
        // Held from here, so that two people can't void one entry at once.
        store::device::lock(&mut deed.tx, device.id).await?;
        let history = store::history::of_device_within(&mut deed.tx, device.id).await?;
        let wrong = history.iter().find(|e| e.id == entry);
        let wrong = wrong.ok_or_else(|| Error::not_found("entry", &entry.to_string()))?;
        let is_correction = matches!(wrong.event, Event::Corrected { .. });
        if !wrong.event.is_correctable() && !is_correction {
            return Err(Error::Conflict("This entry comes from the device or the factory and can't be voided.".into()));
        }
        if voided(&history).contains(&entry) {
            return Err(Error::Conflict("This entry is void already.".to_owned()));
        }
        let correction = self.entry(actor, self.now(), "", Event::Corrected { entry, reason: reason.to_owned() });
        let id = correction.id;
        append(&mut deed, &device, vec![correction]).await?;
        deed.ring("device", serial).await?;
        deed.commit("history.correct", &subject, &json!({"entry": entry, "was": wrong.event, "reason": reason}))
            .await?;
        Ok(id)
    }

    pub(crate) fn entry(&self, actor: &Actor, at: Timestamp, place: &str, event: Event) -> Entry {
        Entry {
            id: HistoryId(Uuid::now_v7()),
            at,
            recorded_at: self.now(),
            actor: actor.name().to_owned(),
            place: place.to_owned(),
            event,
            epcis_event_id: None,
        }
    }
}

fn event_of(verb: CustodyVerb, holder: Holder, carrier: Option<Holder>, reference: &str) -> Event {
    let reference = reference.to_owned();
    match verb {
        CustodyVerb::Ship => Event::Shipped { to: holder, carrier, reference },
        CustodyVerb::Receive => Event::Received { by: holder, reference },
        CustodyVerb::Transfer => Event::Transferred { to: holder, reference },
        CustodyVerb::Return => Event::Returned { to: holder, reason: reference },
    }
}

/// Appends entries to a device's history and lets its standing follow, in the deed's transaction.
///
/// # Errors
/// When the database fails.
pub(crate) async fn append(deed: &mut Deed<'_>, device: &Device, entries: Vec<Entry>) -> Result<Device> {
    let before = store::device::lock(&mut deed.tx, device.id).await?;
    let before = before.ok_or_else(|| Error::not_found("device", &device.serial))?;
    append_to(deed, before, entries).await
}

/// A device and its history, held by the deed from here on.
pub(crate) async fn held(deed: &mut Deed<'_>, device: &Device) -> Result<(Device, Vec<Entry>)> {
    let tx = &mut deed.tx;
    let now = store::device::lock(tx, device.id).await?;
    let now = now.ok_or_else(|| Error::not_found("device", &device.serial))?;
    Ok((now, store::history::of_device_within(tx, device.id).await?))
}

/// As [`append`], for a device that the deed holds already.
pub(crate) async fn append_to(deed: &mut Deed<'_>, before: Device, entries: Vec<Entry>) -> Result<Device> {
    let now = deed.fleet().now();
    let tx = &mut deed.tx;
    let rows: Vec<(DeviceId, Entry)> = entries.into_iter().map(|entry| (before.id, entry)).collect();
    store::history::insert_many(tx, &rows).await?;
    let history = store::history::of_device_within(tx, before.id).await?;
    let after = standing_of(&before, &Standing::after(&history));
    if spoil_the_label(&rows, &history) {
        store::claim::next_generation(tx, before.id).await?;
    }
    if after.custodian_id != before.custodian_id {
        // Whoever held it before may know its token.
        store::device_token::due(tx, before.id, now).await?;
        // What that one's user agreed to beforehand, the next one's has not.
        store::auto_confirm::change_hands(tx, before.id).await?;
    }
    if after != before {
        store::device::update(tx, &before, &after, &mut deed.counts).await?;
    }
    Ok(after)
}

/// Whether these new entries of a device's history make the code on its label count no more.
fn spoil_the_label(new: &[(DeviceId, Entry)], history: &[Entry]) -> bool {
    let may = |event: &Event| event.holder_after().is_some() || matches!(event, Event::Corrected { .. });
    if !new.iter().any(|(_, entry)| may(&entry.event)) {
        return false;
    }
    let is_new = |entry: &&Entry| new.iter().any(|(_, new)| new.id == entry.id);
    let earlier: Vec<Entry> = history.iter().filter(|entry| !is_new(entry)).cloned().collect();
    Ownership::after(&earlier).spoils_the_label(&Ownership::after(history))
}

/// A device with another standing.
#[must_use]
pub fn standing_of(device: &Device, standing: &Standing) -> Device {
    let certificate = standing.certificate.clone();
    Device {
        custodian_id: standing.holder.as_ref().map_or(device.custodian_id, |holder| holder.id),
        place: standing.place.clone(),
        lifecycle: standing.lifecycle,
        trust: standing.trust,
        firmware: standing.firmware.clone(),
        certificate_serial: certificate.as_ref().map(|(serial, _)| serial.clone()),
        certificate_not_after: certificate.map(|(_, ends)| ends),
        ..device.clone()
    }
}

/// Records the next manifest of a device: parts out, parts in, chained to the one before, in the deed's transaction.
/// The entry that says so is given back, to be appended with whatever else happened to the device.
///
/// # Errors
/// When a removed part is not fitted, or the database fails.
pub(crate) async fn change_parts(
    deed: &mut Deed<'_>,
    device: &Device,
    mut entry: Entry,
    fitted: Vec<Part>,
    removed: &[Part],
    reason: &str,
) -> Result<Entry> {
    let tx = &mut deed.tx;
    let device = store::device::lock(tx, device.id).await?;
    let device = device.ok_or_else(|| Error::Conflict("The device is gone.".to_owned()))?;
    let components = store::component::of_device_within(tx, device.id).await?;
    let present: Vec<_> = components.iter().filter(|c| c.removed_at.is_none()).collect();
    let version = device.manifest_version + 1;
    for part in removed {
        let found = present.iter().find(|c| c.part.identifier_key == part.identifier_key);
        let found = found.ok_or_else(|| Error::not_found("fitted part", &part.identifier))?;
        store::component::remove(tx, device.id, found.id, entry.at, version).await?;
    }
    for part in &fitted {
        let part_id = store::component::part_id(tx, part.class, &part.maker, &part.model).await?;
        let id = ComponentId(Uuid::now_v7());
        let new = NewComponent { device: device.id, id, part_id, part, fitted_at: entry.at, fitted_version: version };
        store::component::insert_many(tx, &[new]).await?;
    }
    let is_removed = |part: &Part| removed.iter().any(|r| r.identifier_key == part.identifier_key);
    let mut parts: Vec<Part> = present.iter().map(|c| c.part.clone()).filter(|part| !is_removed(part)).collect();
    parts.extend(fitted.iter().cloned());
    let hash = manifest::hash(&device.serial, version, &device.manifest_hash, &parts);
    let next = Manifest {
        version,
        hash: hash.clone(),
        previous_hash: device.manifest_hash.clone(),
        at: entry.at,
        reason: reason.to_owned(),
    };
    store::manifest::insert_many(tx, &[(device.id, next)]).await?;
    let after = Device { manifest_version: version, manifest_hash: hash.clone(), ..device.clone() };
    store::device::update(tx, &device, &after, &mut deed.counts).await?;
    // A repair that waits for the device's report waits for this version from now on.
    if let Some(repair) = store::repair::expect_version(tx, device.id, version).await? {
        deed.ring("repair", &repair).await?;
    }
    entry.event = Event::ManifestRecorded {
        version,
        hash,
        previous_hash: device.manifest_hash.clone(),
        fitted,
        removed: removed.to_vec(),
        reason: reason.to_owned(),
    };
    Ok(entry)
}
