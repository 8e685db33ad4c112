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
        let filter = Filter::new(self.db(), &query, &names).await?;
        let (page, count) = tokio::try_join!(
            device_list::page(self.db(), &filter, sort, cursor, limit.clamp(1, 500)),
            device_list::count(self.db(), &query, &names, &filter),
        )?;
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
        let filter = Filter::new(self.db(), &query, &catalogue.names(self.now())).await?;
        Ok(device_list::count_exactly(self.db(), &filter).await?)
    }

    /// How many devices each of some fleet queries means, cut short where counting on would be slow. One that can't be
    /// read has no count.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn count_each(&self, actor: &Actor, texts: &[&str]) -> Result<Vec<Option<Count>>> {
        actor.require(Permission::FleetRead)?;
        let catalogue = self.load_catalogue().await?;
        let names = catalogue.names(self.now());
        let mut counts = Vec::with_capacity(texts.len());
        for text in texts {
            let Ok(query) = query::parse(text) else {
                counts.push(None);
                continue;
            };
            let filter = Filter::new(self.db(), &query, &names).await?;
            counts.push(Some(device_list::count(self.db(), &query, &names, &filter).await?));
        }
        Ok(counts)
    }

    /// The serials that begin with a text, in order, and those of devices in which a component with this identifier
    /// is fitted.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn find_devices(&self, actor: &Actor, text: &str, limit: usize) -> Result<Vec<Device>> {
        actor.require(Permission::FleetRead)?;
        let text: String = text.trim().chars().take(64).collect();
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let by_text = format!("{}", query::Term::new(query::Predicate::Text(vec![text])));
        let found = self.devices(actor, &by_text, Sort::default(), None, limit).await?;
        Ok(found.page.devices)
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
