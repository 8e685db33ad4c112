//! Reading devices: lists by fleet query, and everything about one.

use crate::{Actor, Error, Fleet, Result, catalogue::Catalogue};
use domain::{
    component::Component,
    device::Device,
    history::Entry,
    manifest::Manifest,
    person::Permission,
    query::{self, FleetQuery},
};
use store::device_list::{self, Filter, Names};

pub use store::device_list::{Count, Cursor, Page, Sort, SortKey, SortValue};

/// One page of a device list with what is needed to show it.
#[derive(Debug)]
pub struct DeviceList {
    /// The parsed query.
    pub query: FleetQuery,
    /// The page.
    pub page: Page,
    /// How many devices match in all.
    pub count: Count,
    /// What the ids in the page stand for.
    pub catalogue: Catalogue,
}

/// Everything about one device.
#[derive(Debug)]
pub struct DeviceRecord {
    /// The device and its standing.
    pub device: Device,
    /// Its components, now and before, oldest first.
    pub components: Vec<Component>,
    /// Its manifests, oldest first.
    pub manifests: Vec<Manifest>,
    /// Its history, oldest first.
    pub history: Vec<Entry>,
    /// What the ids stand for.
    pub catalogue: Catalogue,
}

/// Devices that something is to be done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// These.
    Serials(Vec<String>),
    /// All that a fleet query means.
    Query(String),
}

/// The devices of a selection.
#[derive(Debug)]
pub struct Selected {
    /// The devices, by serial.
    pub devices: Vec<Device>,
    /// What the ids stand for.
    pub catalogue: Catalogue,
}

fn too_many(max: usize) -> Error {
    Error::TooLarge(format!(
        "More than {max} devices are selected; at most {max} can be dealt with at once. Narrow the query."
    ))
}

impl Catalogue {
    /// The names that a fleet query may speak of.
    #[must_use]
    pub fn names(&self, now: domain::time::Timestamp) -> Names<'_> {
        Names { custodians: &self.custodians, models: &self.models, batches: &self.batches, parts: &self.parts, now }
    }
}

impl Fleet {
    /// One page of the devices that a fleet query means, at most 500.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or the query can't be read.
    pub async fn devices(
        &self,
        actor: &Actor,
        text: &str,
        sort: Sort,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<DeviceList> {
        actor.require(Permission::FleetRead)?;
        let query = query::parse(text)?;
        let catalogue = self.load_catalogue().await?;
        let names = catalogue.names(self.now());
        let filter = &Filter::new(self.db(), &query, &names).await?;
        let (asked, names, limit) = (&query, &names, limit.clamp(1, 500));
        let (page, count) = self
            .listed(|db| async move {
                tokio::try_join!(
                    device_list::page(&db, filter, sort, cursor, limit),
                    device_list::count(&db, asked, names, filter),
                )
            })
            .await?;
        Ok(DeviceList { query, page, count, catalogue })
    }

    /// How many devices a fleet query means, to the last one. Slower than [`Fleet::devices`]' count in a large fleet.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or the query can't be read.
    pub async fn count_devices(&self, actor: &Actor, text: &str) -> Result<i64> {
        actor.require(Permission::FleetRead)?;
        let query = query::parse(text)?;
        let catalogue = self.load_catalogue().await?;
        let filter = &Filter::new(self.db(), &query, &catalogue.names(self.now())).await?;
        self.listed(|db| async move { device_list::count_exactly(&db, filter).await }).await
    }

    /// The devices of a selection, by serial, all of them or none.
    ///
    /// # Errors
    /// When the actor may not see the fleet, a query can't be read, a serial is not known, or there are more than `max`.
    pub async fn selected(&self, actor: &Actor, selection: &Selection, max: usize) -> Result<Selected> {
        actor.require(Permission::FleetRead)?;
        let catalogue = self.load_catalogue().await?;
        let devices = match selection {
            Selection::Serials(serials) => self.named(serials, max).await?,
            Selection::Query(text) => self.matching(text, &catalogue, max).await?,
        };
        Ok(Selected { devices, catalogue })
    }

    async fn named(&self, serials: &[String], max: usize) -> Result<Vec<Device>> {
        let mut wanted: Vec<&str> = serials.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.len() > max {
            return Err(too_many(max));
        }
        let mut devices = store::device::by_serials(self.db(), &wanted).await?;
        devices.sort_by(|a, b| a.serial.cmp(&b.serial));
        let missing = wanted.iter().find(|serial| devices.binary_search_by(|d| d.serial.as_str().cmp(serial)).is_err());
        match missing {
            Some(serial) => Err(Error::not_found("device", serial)),
            None => Ok(devices),
        }
    }

    async fn matching(&self, text: &str, catalogue: &Catalogue, max: usize) -> Result<Vec<Device>> {
        let query = query::parse(text)?;
        let filter = Filter::new(self.db(), &query, &catalogue.names(self.now())).await?;
        let page = device_list::page(self.db(), &filter, Sort::default(), None, max + 1).await?;
        if page.devices.len() > max { Err(too_many(max)) } else { Ok(page.devices) }
    }

    /// A device alone.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device.
    pub async fn device(&self, actor: &Actor, serial: &str) -> Result<Device> {
        actor.require(Permission::FleetRead)?;
        let found = store::device::by_serial(self.db(), serial).await?;
        found.ok_or_else(|| Error::not_found("device", serial))
    }

    /// Everything about one device.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device.
    pub async fn device_record(&self, actor: &Actor, serial: &str) -> Result<DeviceRecord> {
        let device = self.device(actor, serial).await?;
        let db = self.db();
        let (components, manifests, history) = tokio::try_join!(
            store::component::of_device(db, device.id),
            store::manifest::of_device(db, device.id),
            store::history::of_device(db, device.id),
        )?;
        Ok(DeviceRecord { device, components, manifests, history, catalogue: self.load_catalogue().await? })
    }
}
