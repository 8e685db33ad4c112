//! Counting several sets of devices at once, for pages that show how a batch or a custodian's devices stand.

use crate::{Actor, Fleet, Result};
use domain::{person::Permission, query::FleetQuery};
use store::device_list::{self, Filter};

pub use store::device_list::Count;

impl Fleet {
    /// How many devices each of some queries means, in their order. Large numbers are cut short, so that this costs
    /// the same however many devices there are.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn tally(&self, actor: &Actor, queries: &[FleetQuery]) -> Result<Vec<Count>> {
        actor.require(Permission::FleetRead)?;
        let catalogue = self.load_catalogue().await?;
        let names = catalogue.names(self.now());
        let mut counts = Vec::with_capacity(queries.len());
        for query in queries {
            let (filter, names) = (&Filter::new(self.db(), query, &names).await?, &names);
            counts.push(self.listed(|db| async move { device_list::count(&db, query, names, filter).await }).await?);
        }
        Ok(counts)
    }
}
