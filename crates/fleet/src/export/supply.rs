//! The supply chain of a device, a batch or a custodian: who supplied what to whom and when. As pages for people, and
//! as a CSV table in pieces.

mod reach;

use super::csv_line;
use crate::{Actor, Error, FieldError, Fleet, Result, catalogue::Catalogue};
use domain::{
    component::Part,
    custody::{Custodian, Holder},
    device::Device,
    history::{Entry, Event},
    id::{CustodianId, DeviceId},
    person::Permission,
    supply::{Supply, supplies},
    time::{DAY, Timestamp},
};
use futures::{Stream, stream};
use reach::{At, Reach};
use std::collections::HashMap;
use store::component::EndedStay;

/// How many devices' histories are read at a time for a table.
const PIECE: usize = 200;

/// How many devices a page tells of.
const PAGE: usize = 60;

/// Whose supply chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SupplyOf {
    /// A device's, by serial.
    Device(String),
    /// That of a batch's devices, by code.
    Batch(String),
    /// What a custodian supplied and was supplied with, by code.
    Custodian(String),
}

/// A span of days; without bounds, all of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Period {
    /// The days from one to another, both included (`2026-11-02`, in UTC); empty for no bound.
    ///
    /// # Errors
    /// When one is no day, or the last is before the first; the fields are `from` and `to`.
    pub fn of_days(from: &str, to: &str) -> Result<Self> {
        let mut wrong = Vec::new();
        let mut day = |field: &str, text: &str| {
            let text = text.trim();
            let is_day = text.len() == 10;
            let read = Timestamp::parse(text).ok().filter(|_| is_day);
            if read.is_none() && !text.is_empty() {
                let message = "Give a day like 2026-11-02, or nothing.".to_owned();
                wrong.push(FieldError { field: field.to_owned(), message });
            }
            read
        };
        let (from, to) = (day("from", from), day("to", to));
        if wrong.is_empty() && from.zip(to).is_some_and(|(from, to)| to < from) {
            let message = "The last day is before the first.".to_owned();
            wrong.push(FieldError { field: "to".to_owned(), message });
        }
        if wrong.is_empty() {
            Ok(Self { from, until: to.map(|to| to.plus(DAY)) })
        } else {
            Err(Error::Invalid { fields: wrong })
        }
    }

    fn has(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// One row of a supply chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupplyRow {
    /// The device's serial.
    pub serial: String,
    /// What was supplied to whom.
    pub supply: Supply,
}

/// One page of a supply chain.
#[derive(Debug)]
pub struct SupplyPage {
    /// The rows, by device, each device's oldest first.
    pub rows: Vec<SupplyRow>,
    /// How many devices the page tells of, whether or not they have rows in the period.
    pub devices: usize,
    /// The serials of the first and the last of them.
    pub span: Option<(String, String)>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// What the ids stand for.
    pub catalogue: Catalogue,
}

/// A table being written.
struct Table {
    fleet: Fleet,
    reach: Reach,
    period: Period,
    names: Catalogue,
    at: Option<At>,
    head: bool,
}

/// The headings.
const COLUMNS: [&str; 23] = [
    "when",
    "how",
    "supplier",
    "supplier_code",
    "supplier_city",
    "supplier_country",
    "recipient",
    "recipient_code",
    "recipient_city",
    "recipient_country",
    "sent_at",
    "carrier",
    "device",
    "model",
    "batch",
    "part_class",
    "part_maker",
    "part_model",
    "part_identifier",
    "part_slot",
    "reference",
    "made_at",
    "moved_from",
];

impl Fleet {
    /// One page of a supply chain: that of a device whole, that of others for some devices at a time.
    ///
    /// # Errors
    /// When the actor may not see the fleet, there is no such thing, or the cursor can't be read (field `cursor`).
    pub async fn supply_chain(
        &self,
        actor: &Actor,
        of: &SupplyOf,
        period: Period,
        cursor: Option<&str>,
    ) -> Result<SupplyPage> {
        actor.require(Permission::FleetRead)?;
        let catalogue = self.load_catalogue().await?;
        let reach = self.reach(actor, of, &catalogue).await?;
        let at = cursor.map_or_else(|| Ok(reach.start()), At::read)?;
        let (devices, next) = reach.page(self, at, PAGE).await?;
        let rows = self.supply_rows(&devices, &reach, period).await?;
        let span = devices.first().zip(devices.last()).map(|(a, b)| (a.serial.clone(), b.serial.clone()));
        Ok(SupplyPage { rows, devices: devices.len(), span, next: next.map(|at| at.to_string()), catalogue })
    }

    /// A whole supply chain as a CSV table in pieces.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such thing. Errors of the database end the stream.
    pub async fn supply_chain_csv(
        &self,
        actor: &Actor,
        of: &SupplyOf,
        period: Period,
    ) -> Result<impl Stream<Item = Result<String>> + Send + 'static> {
        actor.require(Permission::FleetRead)?;
        let names = self.load_catalogue().await?;
        let reach = self.reach(actor, of, &names).await?;
        let at = Some(reach.start());
        let table = Table { fleet: self.clone(), reach, period, names, at, head: true };
        Ok(stream::try_unfold(table, Table::next))
    }

    async fn reach(&self, actor: &Actor, of: &SupplyOf, names: &Catalogue) -> Result<Reach> {
        Ok(match of {
            SupplyOf::Device(serial) => Reach::Device(Box::new(self.device(actor, serial).await?)),
            SupplyOf::Batch(code) => {
                let found = names.batches.iter().find(|batch| batch.code == *code);
                Reach::Batch(found.ok_or_else(|| Error::not_found("batch", code))?.id)
            }
            SupplyOf::Custodian(code) => {
                let found = names.custodians.iter().find(|custodian| custodian.code == *code);
                Reach::Custodian(found.ok_or_else(|| Error::not_found("custodian", code))?.id)
            }
        })
    }

    async fn moves(&self, histories: &HashMap<DeviceId, Vec<Entry>>) -> Result<Moves> {
        let mut keys: Vec<&str> = Vec::new();
        for entry in histories.values().flatten() {
            let Event::ManifestRecorded { fitted, .. } = &entry.event else { continue };
            keys.extend(fitted.iter().map(|part| part.identifier_key.as_str()).filter(|key| !key.is_empty()));
        }
        keys.sort_unstable();
        keys.dedup();
        let mut moves: HashMap<String, Vec<EndedStay>> = HashMap::new();
        for stay in store::component::ended_stays(self.db(), &keys).await? {
            moves.entry(stay.identifier_key.clone()).or_default().push(stay);
        }
        Ok(Moves(moves))
    }

    async fn supply_rows(&self, devices: &[Device], reach: &Reach, period: Period) -> Result<Vec<SupplyRow>> {
        let ids: Vec<_> = devices.iter().map(|device| device.id).collect();
        let asked = ids.as_slice();
        let histories = self.listed(|db| async move { store::export::histories(&db, asked).await }).await?;
        let moves = self.moves(&histories).await?;
        let mut rows = Vec::new();
        for device in devices {
            let history = histories.get(&device.id).map(Vec::as_slice).unwrap_or_default();
            let elsewhere = |part: &Part, at: Timestamp| moves.before(&device.serial, part, at);
            let told = supplies(history, &elsewhere).into_iter();
            let wanted = told.filter(|supply| period.has(supply.at) && reach.concerns(supply));
            rows.extend(wanted.map(|supply| SupplyRow { serial: device.serial.clone(), supply }));
        }
        Ok(rows)
    }
}

/// Where parts were before.
struct Moves(HashMap<String, Vec<EndedStay>>);

impl Moves {
    /// The serial of the device that a part was in last before it was fitted in this one then.
    fn before(&self, serial: &str, part: &Part, at: Timestamp) -> Option<String> {
        let stays = self.0.get(&part.identifier_key)?;
        let over = stays.iter().filter(|stay| stay.removed_at <= at.0 && stay.fitted_at < at.0);
        let last = over.max_by_key(|stay| stay.removed_at)?;
        (last.serial != serial).then(|| last.serial.clone())
    }
}

impl Table {
    async fn next(mut self) -> Result<Option<(String, Self)>> {
        let mut out = String::new();
        if std::mem::take(&mut self.head) {
            csv_line(&mut out, COLUMNS.into_iter());
        }
        let Some(at) = self.at.take() else {
            return Ok((!out.is_empty()).then_some((out, self)));
        };
        let (devices, next) = self.reach.page(&self.fleet, at, PIECE).await?;
        self.at = next;
        let rows = self.fleet.supply_rows(&devices, &self.reach, self.period).await?;
        let mut devices = devices.iter().peekable();
        for row in &rows {
            while devices.next_if(|device| device.serial != row.serial).is_some() {}
            if let Some(device) = devices.peek() {
                self.line(&mut out, row, device);
            }
        }
        Ok(Some((out, self)))
    }

    fn line(&self, out: &mut String, row: &SupplyRow, device: &Device) {
        let supply = &row.supply;
        let at = |at: Option<Timestamp>| at.map(Timestamp::rfc3339).unwrap_or_default();
        let (when, sent_at, made_at) = (at(Some(supply.at)), at(supply.sent_at), device.made_at.rfc3339());
        let party = |holder: Option<&Holder>| holder.and_then(|holder| self.names.custodian(holder.id));
        let place = |custodian: Option<&Custodian>| {
            custodian.map_or_else(Default::default, |c| [c.code.clone(), c.city.clone(), c.country.clone()])
        };
        let from: [String; 3] = place(party(supply.from.as_ref()));
        let to: [String; 3] = place(party(supply.to.as_ref()));
        let carrier = supply.carrier.as_ref().map_or("", |carrier| carrier.name.as_str());
        let part = |field: fn(&Part) -> &str| supply.part.as_ref().map_or("", field);
        let cells: [&str; COLUMNS.len()] = [
            when.as_str(),
            supply.kind.label(),
            supply.supplier(),
            &from[0],
            &from[1],
            &from[2],
            supply.recipient(),
            &to[0],
            &to[1],
            &to[2],
            &sent_at,
            carrier,
            &row.serial,
            self.names.model_name(device.model_id),
            self.names.batch_code(device.batch_id),
            part(|part| part.class.label()),
            part(|part| &part.maker),
            part(|part| &part.model),
            part(|part| &part.identifier),
            part(|part| &part.slot),
            &supply.reference,
            &made_at,
            &supply.moved_from,
        ];
        csv_line(out, cells.into_iter());
    }
}

/// Whether a supply has to do with a custodian: as supplier, recipient or carrier.
fn is_party(supply: &Supply, custodian: CustodianId) -> bool {
    let is = |holder: &Option<Holder>| holder.as_ref().is_some_and(|holder| holder.id == custodian);
    is(&supply.from) || is(&supply.to) || is(&supply.carrier)
}
