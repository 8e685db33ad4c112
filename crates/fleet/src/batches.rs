//! Batches and factories with how many devices they have.

use crate::{Actor, Error, Fleet, Result, catalogue::Catalogue};
use domain::{batch::Batch, custody::Custodian, person::Permission};
use std::collections::HashMap;
use store::count::{self, dimension};

/// Batches with their numbers of devices, newest first.
#[derive(Debug)]
pub struct BatchList {
    /// The batches and how many devices of each there are.
    pub batches: Vec<(Batch, i64)>,
    /// What the ids stand for.
    pub catalogue: Catalogue,
}

/// Custodians with how many devices they hold now, by name.
#[derive(Debug)]
pub struct CustodianList {
    /// The custodians and how many devices each holds.
    pub custodians: Vec<(Custodian, i64)>,
    /// What the ids stand for.
    pub catalogue: Catalogue,
}

impl Fleet {
    /// All batches.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn batches(&self, actor: &Actor) -> Result<BatchList> {
        actor.require(Permission::FleetRead)?;
        let catalogue = self.load_catalogue().await?;
        let made = self.counts(dimension::BATCH).await?;
        let n = |batch: &Batch| made.get(&batch.id.to_string()).copied().unwrap_or(0);
        let batches = catalogue.batches.iter().map(|batch| (batch.clone(), n(batch))).collect();
        Ok(BatchList { batches, catalogue })
    }

    /// A batch by its code, and how many devices of it there are.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such batch.
    pub async fn batch(&self, actor: &Actor, code: &str) -> Result<(Batch, i64, Catalogue)> {
        actor.require(Permission::FleetRead)?;
        let catalogue = self.load_catalogue().await?;
        let found = catalogue.batches.iter().find(|batch| batch.code == code).cloned();
        let batch = found.ok_or_else(|| Error::not_found("batch", code))?;
        let n = count::one(self.db(), dimension::BATCH, &batch.id.to_string()).await?;
        Ok((batch, n, catalogue))
    }

    /// All custodians.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn custodians(&self, actor: &Actor) -> Result<CustodianList> {
        actor.require(Permission::FleetRead)?;
        let catalogue = self.load_catalogue().await?;
        let held = self.counts(dimension::CUSTODIAN).await?;
        let n = |custodian: &Custodian| held.get(&custodian.id.to_string()).copied().unwrap_or(0);
        let custodians = catalogue.custodians.iter().map(|c| (c.clone(), n(c))).collect();
        Ok(CustodianList { custodians, catalogue })
    }

    /// A custodian by its code, and how many devices it holds.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such custodian.
    pub async fn custodian(&self, actor: &Actor, code: &str) -> Result<(Custodian, i64, Catalogue)> {
        actor.require(Permission::FleetRead)?;
        let catalogue = self.load_catalogue().await?;
        let found = catalogue.custodians.iter().find(|custodian| custodian.code == code).cloned();
        let custodian = found.ok_or_else(|| Error::not_found("custodian", code))?;
        let n = count::one(self.db(), dimension::CUSTODIAN, &custodian.id.to_string()).await?;
        Ok((custodian, n, catalogue))
    }

    async fn counts(&self, dimension: &str) -> Result<HashMap<String, i64>> {
        Ok(count::of(self.db(), dimension).await?.into_iter().collect())
    }
}
