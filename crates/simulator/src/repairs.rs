//! The repair desk of a made-up fleet, done by the deeds that people do: what is over, what is on the bench, what waits for
//! a second person, and what waits for a device's report.

use crate::{
    Travel,
    chance::Chance,
    demo::{ACTOR, Plan},
    parts::replacement,
};
use domain::{
    component::{ComponentClass, Part},
    repair::{PartFate, key_parts},
    time::{DAY, HOUR, MINUTE, Timestamp},
};
use fleet::{
    Actor, Fleet, Result,
    repair::{Authorised, OpenForm, PartForm, RepairFilter},
};
use store::device_list::Sort;

/// How many devices are looked at in order to find some that can be repaired.
const LOOKED_AT: usize = 200;

/// Who works at the desk.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// The technician.
    pub support: &'a Actor,
    /// The second person.
    pub manager: &'a Actor,
}

/// A device with what it is made of.
struct Patient {
    serial: String,
    parts: Vec<Part>,
}

impl Patient {
    fn part(&self, class: ComponentClass) -> Option<&Part> {
        self.parts.iter().find(|part| part.class == class)
    }

    /// The part that holds its key.
    fn key(&self) -> Option<&Part> {
        key_parts(&self.parts).next()
    }
}

/// The desk at one moment after another.
struct Bench<'a> {
    fleet: &'a Fleet,
    travel: &'a Travel,
    desk: Desk<'a>,
    chance: Chance,
}

/// Fills the desk of a fleet in which nothing was repaired there yet. Where no device fits, less happens.
///
/// # Errors
/// When a deed is refused, or the database fails.
pub async fn happen(fleet: &Fleet, travel: &Travel, plan: Plan, desk: Desk<'_>) -> Result<()> {
    let before = fleet.repairs(&ACTOR, &RepairFilter::default()).await?;
    let over = fleet.repairs(&ACTOR, &RepairFilter { over: true, ..RepairFilter::default() }).await?;
    if !before.rows.is_empty() || !over.rows.is_empty() {
        return Ok(());
    }
    let mut patients = patients(fleet, plan).await?.into_iter();
    let mut bench = Bench { fleet, travel, desk, chance: Chance::new(plan.seed ^ 0x5ca1_ab1e) };
    let now = plan.now;
    let mut next = || patients.next();
    if let Some(patient) = next() {
        bench.modem_swapped(&patient, now.plus(-19 * DAY), true).await?;
    }
    if let Some(patient) = next() {
        bench.cancelled(&patient, now.plus(-11 * DAY)).await?;
    }
    if let Some(patient) = next() {
        bench.modem_swapped(&patient, now.plus(-2 * DAY), false).await?;
    }
    if let Some(patient) = next() {
        bench.key_part(&patient, now.plus(-30 * HOUR), true).await?;
    }
    if let Some(patient) = next() {
        bench.key_part(&patient, now.plus(-5 * HOUR), false).await?;
    }
    if let Some(patient) = next() {
        bench.on_the_bench(&patient, now.plus(-2 * HOUR)).await?;
    }
    travel.home();
    Ok(())
}

/// Devices in use that have a modem and were left alone for the last month.
async fn patients(fleet: &Fleet, plan: Plan) -> Result<Vec<Patient>> {
    let query = "state:active trust:trusted component:lte";
    let list = fleet.devices(&ACTOR, query, Sort::default(), None, LOOKED_AT).await?;
    let mut found = Vec::new();
    for device in list.page.devices {
        let record = fleet.device_record(&ACTOR, &device.serial).await?;
        let quiet = record.history.iter().all(|entry| entry.at < plan.now.plus(-25 * DAY));
        let present = record.components.into_iter().filter(|component| component.removed_at.is_none());
        let parts: Vec<Part> = present.map(|component| component.part).collect();
        let patient = Patient { serial: device.serial, parts };
        if quiet && patient.part(ComponentClass::Lte).is_some() && patient.key().is_some() {
            found.push(patient);
        }
        if found.len() == 6 {
            break;
        }
    }
    Ok(found)
}

impl Bench<'_> {
    async fn open(&self, patient: &Patient, at: Timestamp, symptom: &str) -> Result<String> {
        self.travel.to(at);
        let form = OpenForm { symptom: symptom.to_owned(), technician: String::new() };
        self.fleet.open_repair(self.desk.support, &patient.serial, &form).await
    }

    /// Takes a part out and puts another of its kind in.
    async fn swap(&mut self, code: &str, part: &Part, at: Timestamp, fate: PartFate) -> Result<()> {
        self.travel.to(at);
        let Some(new) = replacement(part, &mut self.chance) else { return Ok(()) };
        let form = PartForm {
            slot: part.slot.clone(),
            out: part.identifier.clone(),
            fate: fate.as_str().to_owned(),
            part_in: new.identifier,
            maker: new.maker,
            model: new.model,
            class: String::new(),
        };
        self.fleet.draft_part(self.desk.support, code, &form).await.map(drop)
    }

    /// A modem that broke: by now closed, or waiting for the device's report.
    async fn modem_swapped(&mut self, patient: &Patient, at: Timestamp, closed: bool) -> Result<()> {
        let Some(modem) = patient.part(ComponentClass::Lte) else { return Ok(()) };
        let code = self.open(patient, at, "No mobile network since the last storm").await?;
        self.fleet
            .note_repair(self.desk.support, &code, "Antenna and cable are good; the modem isn’t seen on the bus.")
            .await?;
        self.swap(&code, modem, at.plus(20 * MINUTE), PartFate::Scrap).await?;
        self.travel.to(at.plus(35 * MINUTE));
        self.fleet.authorise_repair(self.desk.support, &code, "Modem dead, exchanged for one of the same kind").await?;
        if closed {
            self.travel.to(at.plus(3 * HOUR));
            let seen = "Read its parts at the serial console: they are those of the manifest.";
            self.fleet.close_repair(self.desk.manager, &code, seen).await?;
            let taken = self.fleet.repair(&ACTOR, &code).await?.taken_out;
            for part in taken {
                self.travel.to(at.plus(4 * DAY));
                self.fleet.scrap_part(self.desk.support, part.id, "Recycler’s certificate 2291, with serial").await?;
            }
        }
        Ok(())
    }

    async fn cancelled(&mut self, patient: &Patient, at: Timestamp) -> Result<()> {
        let code = self.open(patient, at, "Restarts every few hours").await?;
        self.travel.to(at.plus(6 * HOUR));
        let reason = "It was the client’s power supply; nothing is wrong with the device";
        self.fleet.cancel_repair(self.desk.support, &code, reason).await
    }

    /// The part that holds the key is exchanged: approved, or waiting for the second person.
    async fn key_part(&mut self, patient: &Patient, at: Timestamp, approved: bool) -> Result<()> {
        let Some(part) = patient.key() else { return Ok(()) };
        let code = self.open(patient, at, "Does not start: the boot loader finds no key").await?;
        self.swap(&code, part, at.plus(25 * MINUTE), PartFate::Return).await?;
        self.travel.to(at.plus(40 * MINUTE));
        let reason = "Broken beyond repair, exchanged; the old one goes back to its maker";
        let outcome = self.fleet.authorise_repair(self.desk.support, &code, reason).await?;
        if let Authorised::Waiting(approval) = outcome
            && approved
        {
            self.travel.to(at.plus(4 * HOUR));
            let shown = self.fleet.approval(self.desk.manager, approval).await?;
            self.fleet.decide(self.desk.manager, approval, &shown.row.hash, true, "Seen the board").await?;
        }
        Ok(())
    }

    /// Work in progress: one part is typed, and its check digit is wrong.
    async fn on_the_bench(&mut self, patient: &Patient, at: Timestamp) -> Result<()> {
        let Some(modem) = patient.part(ComponentClass::Lte) else { return Ok(()) };
        let code = self.open(patient, at, "Loses the mobile network when it gets warm").await?;
        let form = PartForm {
            slot: modem.slot.clone(),
            out: modem.identifier.clone(),
            part_in: "86 194105 118830 2".to_owned(),
            ..PartForm::default()
        };
        self.travel.to(at.plus(15 * MINUTE));
        self.fleet.draft_part(self.desk.support, &code, &form).await?;
        self.fleet
            .note_repair(self.desk.support, &code, "Label of the new modem is smudged, asked the store for its number.")
            .await
    }
}
