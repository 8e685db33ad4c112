//! Rows of a manifest that are entered together, and what is done when the fleet has changed since they were checked.

use crate::{Error, Fleet, Result, enrol::Awaiting, import::problems::Problems};
use domain::{
    component::Part,
    device::Device,
    history::{Entry, Event},
    id::{ComponentId, DeviceId},
    import::Severity,
    manifest::Manifest,
    time::Timestamp,
};
use std::collections::HashMap;
use store::{
    StoreError, Tx,
    component::NewComponent,
    import::{Import, Step},
};

/// What becomes of a row.
pub(super) enum Item {
    Bad,
    Known,
    New(Box<New>),
}

/// A device to be entered.
pub(super) struct New {
    pub(super) line: u64,
    pub(super) device: Device,
    pub(super) manifest: Manifest,
    pub(super) made: Entry,
    pub(super) listed: Entry,
    pub(super) parts: Vec<(ComponentId, i64)>,
}

/// What came of entering a piece.
pub(super) enum Entered {
    /// All of it is in the fleet.
    Whole,
    /// Nothing is: a serial was taken since the file was checked.
    SerialTaken,
    /// Nothing is: these parts, by the keys of their identifiers, are in other devices by now, whose serials these are.
    PartsTaken(HashMap<String, String>),
}

/// Devices with their certificates, and the history entries of these.
type Certified = (Vec<Device>, Vec<(DeviceId, Entry)>);

/// Rows that are entered together.
#[derive(Default)]
pub(super) struct Piece {
    /// How often parts had been moved when the file was checked.
    moves: i64,
    lines: Vec<u64>,
    devices: Vec<Device>,
    manifests: Vec<(DeviceId, Manifest)>,
    /// Two entries a device: it was made, and what it is made of.
    history: Vec<(DeviceId, Entry)>,
    parts: Vec<Vec<(ComponentId, i64)>>,
    unchanged: i64,
    bad: i64,
    problems: Problems,
}

impl Piece {
    pub(super) fn of(items: Vec<Item>, moves: i64) -> Self {
        let mut piece = Self { moves, ..Self::default() };
        for item in items {
            match item {
                // Counted when it was checked.
                Item::Bad => {}
                Item::Known => piece.unchanged += 1,
                Item::New(new) => piece.push(*new),
            }
        }
        piece
    }

    fn push(&mut self, new: New) {
        let id = new.device.id;
        self.lines.push(new.line);
        self.devices.push(new.device);
        self.manifests.push((id, new.manifest));
        self.history.push((id, new.made));
        self.history.push((id, new.listed));
        self.parts.push(new.parts);
    }

    fn components(&self) -> Vec<NewComponent<'_>> {
        let mut components = Vec::with_capacity(self.parts.iter().map(Vec::len).sum());
        let listed = self.history.iter().skip(1).step_by(2);
        for ((device, entry), ids) in listed.zip(&self.parts) {
            for (part, (id, part_id)) in fitted_by(entry).iter().zip(ids) {
                let (device, id, part_id, fitted_at) = (*device, *id, *part_id, entry.at);
                components.push(NewComponent { device, id, part_id, part, fitted_at, fitted_version: 1 });
            }
        }
        components
    }

    /// The devices as certificates that were issued before they were delivered make them, and what these add to their
    /// history. None, nearly always, when there are no such certificates.
    fn certified(&self, awaiting: &Awaiting, now: Timestamp) -> Option<Certified> {
        if awaiting.is_empty() {
            return None;
        }
        let mut entries = Vec::new();
        let mut devices = Vec::with_capacity(self.devices.len());
        for (device, history) in self.devices.iter().zip(self.history.chunks(2)) {
            let told: Vec<Entry> = history.iter().map(|(_, entry)| entry.clone()).collect();
            let new = awaiting.entries(device, &told, now);
            if new.is_empty() {
                devices.push(device.clone());
                continue;
            }
            devices.push(Awaiting::standing(device, &told, &new));
            entries.extend(new.into_iter().map(|entry| (device.id, entry)));
        }
        Some((devices, entries))
    }

    /// Enters the piece and moves the import on, in one transaction, unless a serial or a part was taken since the file was
    /// checked. Not audited: that the file is entered was, when it began to be.
    pub(super) async fn enter(
        &mut self,
        fleet: &Fleet,
        import: &Import,
        from: i64,
        to: i64,
        tell: bool,
    ) -> Result<Entered> {
        let mut tx = fleet.db().begin().await?;
        let fitted = self.fitted_since(&mut tx).await?;
        if !fitted.is_empty() {
            return Ok(Entered::PartsTaken(fitted));
        }
        let awaiting = Awaiting::of(&mut tx, &self.devices).await?;
        let certified = self.certified(&awaiting, fleet.now());
        let entered = async {
            store::device::insert_many(&mut tx, certified.as_ref().map_or(&self.devices, |(devices, _)| devices))
                .await?;
            store::component::insert_many(&mut tx, &self.components()).await?;
            store::manifest::insert_many(&mut tx, &self.manifests).await?;
            store::history::insert_many(&mut tx, &self.history).await?;
            match &certified {
                Some((_, entries)) => store::history::insert_many(&mut tx, entries).await,
                None => Ok(()),
            }
        };
        match entered.await {
            Err(StoreError::Exists) => return Ok(Entered::SerialTaken),
            other => other?,
        }
        awaiting.link(&mut tx, &self.devices, fleet.now()).await?;
        let added = i64::try_from(self.devices.len()).unwrap_or(i64::MAX);
        let step = Step { from, to, added, unchanged: self.unchanged, bad: self.bad };
        if !store::import::advance(&mut tx, import.id, step).await? {
            return Err(Error::Conflict("This import is worked on elsewhere.".to_owned()));
        }
        let late = std::mem::take(&mut self.problems).into_sorted();
        store::import::add_problems(&mut tx, import.id, &late).await?;
        let change = if tell { Some(fleet.ring_import(&mut tx, import.id).await?) } else { None };
        tx.commit().await?;
        if let Some(change) = change {
            fleet.tell(change);
        }
        Ok(Entered::Whole)
    }

    /// Which of the parts other devices have got since the file was checked, and which devices. From here on nobody moves
    /// one until the transaction is over. Nearly always none was moved, and then there is nothing to be looked up. That a
    /// device has its own parts already, because a station enrolled it meanwhile, speaks against no part: entering it
    /// tells that its serial is taken.
    async fn fitted_since(&self, tx: &mut Tx) -> Result<HashMap<String, String>> {
        if self.devices.is_empty() || store::repair::moves_held(tx).await? == self.moves {
            return Ok(HashMap::new());
        }
        let listed = self.devices.iter().zip(self.history.iter().skip(1).step_by(2));
        let listed_by: HashMap<&str, &str> = listed
            .flat_map(|(device, (_, entry))| fitted_by(entry).iter().map(|part| (part, device.serial.as_str())))
            .map(|(part, serial)| (part.identifier_key.as_str(), serial))
            .collect();
        let keys: Vec<&str> = listed_by.keys().copied().collect();
        let mut fitted = store::component::all_fitted_within(tx, &keys).await?;
        fitted.retain(|found| listed_by.get(found.identifier_key.as_str()) != Some(&found.serial.as_str()));
        Ok(fitted.into_iter().map(|found| (found.identifier_key, found.serial)).collect())
    }

    /// Takes out the devices that have come into the fleet since the file was checked.
    pub(super) async fn without_those_there(&mut self, fleet: &Fleet) -> Result<()> {
        let serials: Vec<&str> = self.devices.iter().map(|device| device.serial.as_str()).collect();
        let there = store::import::existing(fleet.db(), &serials).await?;
        if there.is_empty() {
            return Err(Error::internal(StoreError::Exists));
        }
        for new in self.take() {
            let device = &new.device;
            match there.get(&device.serial) {
                None => self.push(new),
                Some(same) if same.first_hash == device.manifest_hash => self.unchanged += 1,
                Some(other) => {
                    self.bad += 1;
                    let why = format!("{} came into the fleet meanwhile, in batch {}", device.serial, other.batch);
                    self.problems.add(Severity::Bad, new.line, "serial", "serial_taken", why);
                }
            }
        }
        Ok(())
    }

    /// Takes out the devices of which a part is in another one by now.
    pub(super) fn without_what_is_fitted(&mut self, fitted: &HashMap<String, String>) {
        for new in self.take() {
            let taken: Vec<(&Part, &String)> = fitted_by(&new.listed)
                .iter()
                .filter_map(|part| Some((part, fitted.get(&part.identifier_key)?)))
                .collect();
            for (part, serial) in &taken {
                let why =
                    format!("{} was fitted in {serial} meanwhile; a part is in one device at a time", part.identifier);
                self.problems.add(Severity::Bad, new.line, &part.slot, "component_taken", why);
            }
            if taken.is_empty() {
                self.push(new);
            } else {
                self.bad += 1;
            }
        }
    }

    /// The rows, taken out of the piece; what was counted stays.
    fn take(&mut self) -> Vec<New> {
        let (devices, manifests) = (std::mem::take(&mut self.devices), std::mem::take(&mut self.manifests));
        let (lines, parts) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.parts));
        let mut history = std::mem::take(&mut self.history).into_iter();
        let rows = lines.into_iter().zip(devices).zip(manifests).zip(parts);
        rows.filter_map(|(((line, device), (_, manifest)), parts)| {
            let ((_, made), (_, listed)) = (history.next()?, history.next()?);
            Some(New { line, device, manifest, made, listed, parts })
        })
        .collect()
    }
}

/// The parts that an entry fits.
fn fitted_by(entry: &Entry) -> &[Part] {
    match &entry.event {
        Event::ManifestRecorded { fitted, .. } => fitted,
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
