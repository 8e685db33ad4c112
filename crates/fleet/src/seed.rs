//! Whole lives of devices at once: what the demo and the benchmarks fill a fleet with. Only rules may.

use crate::{
    Actor, Error, Fleet, Result,
    custody::{append, standing_of},
    enrol::Awaiting,
};
use domain::{
    batch::{Batch, Model},
    custody::Custodian,
    device::{Device, Lifecycle, Trust},
    history::{Entry, Event, Standing},
    id::{BatchId, ComponentId, CustodianId, DeviceId, ModelId},
    manifest::{Manifest, replay},
    person::Permission,
    time::Timestamp,
};
use serde_json::json;
use std::collections::HashMap;
use store::component::NewComponent;
use uuid::Uuid;

/// A device with all that ever happened to it.
#[derive(Clone, Debug)]
pub struct Life {
    /// Its id.
    pub id: DeviceId,
    /// Its serial.
    pub serial: String,
    /// Its model.
    pub model_id: ModelId,
    /// Its hardware revision.
    pub hardware_revision: String,
    /// The batch it was made in.
    pub batch_id: BatchId,
    /// The factory that made it.
    pub factory_id: CustodianId,
    /// Its release channel.
    pub channel: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was last heard from.
    pub last_seen_at: Option<Timestamp>,
    /// Its history, oldest first; its parts and manifests follow from it.
    pub history: Vec<Entry>,
}

impl Life {
    fn device(&self, manifest: Option<&Manifest>) -> Device {
        let blank = Device {
            id: self.id,
            serial: self.serial.clone(),
            model_id: self.model_id,
            hardware_revision: self.hardware_revision.clone(),
            batch_id: self.batch_id,
            factory_id: self.factory_id,
            custodian_id: self.factory_id,
            place: String::new(),
            lifecycle: Lifecycle::Made,
            trust: Trust::Trusted,
            channel: self.channel.clone(),
            firmware: None,
            made_at: self.made_at,
            last_seen_at: self.last_seen_at,
            certificate_serial: None,
            certificate_not_after: None,
            manifest_version: manifest.map_or(0, |m| m.version),
            manifest_hash: manifest.map(|m| m.hash.clone()).unwrap_or_default(),
        };
        standing_of(&blank, &Standing::after(&self.history))
    }
}

impl Fleet {
    /// Enters custodians, models and batches as they are.
    ///
    /// # Errors
    /// When the actor is no rule, or one of them is there already.
    pub async fn seed_catalogue(
        &self,
        actor: &Actor,
        custodians: &[Custodian],
        models: &[Model],
        batches: &[Batch],
    ) -> Result<()> {
        let mut deed = self.seed_deed(actor).await?;
        for custodian in custodians {
            store::custodian::insert(&mut deed.tx, custodian).await?;
        }
        for model in models {
            store::batch::insert_model(&mut deed.tx, model).await?;
        }
        for batch in batches {
            store::batch::insert_batch(&mut deed.tx, batch).await?;
        }
        let detail = json!({"custodians": custodians.len(), "models": models.len(), "batches": batches.len()});
        deed.commit("seed.catalogue", "", &detail).await
    }

    /// Enters devices with their lives, all or none.
    ///
    /// # Errors
    /// When the actor is no rule, or a serial is taken.
    pub async fn seed_devices(&self, actor: &Actor, lives: &[Life]) -> Result<()> {
        let mut deed = self.seed_deed(actor).await?;
        let mut parts: HashMap<(&'static str, String, String), i64> = HashMap::new();
        let replayed: Vec<_> = lives.iter().map(|life| replay(&life.history)).collect();
        let manifests = |i: usize| replayed.get(i).map(|(_, manifests)| manifests.as_slice()).unwrap_or_default();
        let devices: Vec<Device> = lives.iter().enumerate().map(|(i, life)| life.device(manifests(i).last())).collect();
        store::device::insert_many(&mut deed.tx, &devices).await?;
        let mut components = Vec::new();
        let mut removals = Vec::new();
        for (life, (fitted, _)) in lives.iter().zip(&replayed) {
            for component in fitted {
                let part = &component.part;
                let key = (part.class.as_str(), part.maker.clone(), part.model.clone());
                let part_id = match parts.get(&key) {
                    Some(id) => *id,
                    None => {
                        let id = store::component::part_id(&mut deed.tx, part.class, &part.maker, &part.model).await?;
                        parts.insert(key, id);
                        id
                    }
                };
                let id = ComponentId(Uuid::now_v7());
                if let (Some(at), Some(version)) = (component.removed_at, component.removed_version) {
                    removals.push((life.id, id, at, version));
                }
                let (fitted_at, fitted_version) = (component.fitted_at, component.fitted_version);
                components.push(NewComponent { device: life.id, id, part_id, part, fitted_at, fitted_version });
            }
        }
        store::component::insert_many(&mut deed.tx, &components).await?;
        for (device, id, at, version) in removals {
            store::component::remove(&mut deed.tx, device, id, at, version).await?;
        }
        let of_lives = lives.iter().zip(&replayed);
        let manifests: Vec<_> =
            of_lives.flat_map(|(life, (_, all))| all.iter().map(|m| (life.id, m.clone()))).collect();
        store::manifest::insert_many(&mut deed.tx, &manifests).await?;
        let history: Vec<_> =
            lives.iter().flat_map(|life| life.history.iter().map(|entry| (life.id, entry.clone()))).collect();
        store::history::insert_many(&mut deed.tx, &history).await?;
        let awaiting = Awaiting::of(&mut deed.tx, &devices).await?;
        awaiting.link(&mut deed.tx, &devices, self.now()).await?;
        deed.commit("seed.devices", "", &json!({"devices": lives.len()})).await
    }

    /// Notes that devices were heard from, in one transaction for all of them. What devices do is not audited.
    ///
    /// # Errors
    /// When the actor is no rule, or the database fails.
    pub async fn heard(&self, actor: &Actor, heard: &[(DeviceId, Timestamp)]) -> Result<()> {
        if !matches!(actor, Actor::Rule { .. }) {
            return Err(Error::Forbidden { permission: Permission::FleetRead });
        }
        let mut tx = self.db().begin().await?;
        for (device, at) in heard {
            store::device::heard(&mut tx, *device, *at).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Appends what a device did to its history.
    ///
    /// # Errors
    /// When the actor is no rule, or there is no such device.
    pub async fn device_did(&self, actor: &Actor, serial: &str, event: Event) -> Result<()> {
        let device = self.device(actor, serial).await?;
        let mut deed = self.seed_deed(actor).await?;
        let entry = Entry { actor: serial.to_owned(), ..self.entry(actor, self.now(), "", event) };
        append(&mut deed, &device, vec![entry]).await?;
        deed.ring("device", serial).await?;
        deed.commit_as_history().await
    }

    async fn seed_deed<'a>(&'a self, actor: &'a Actor) -> Result<crate::Deed<'a>> {
        let deed = self.allow(actor, Permission::ImportRun, "seed").await?;
        if matches!(actor, Actor::Rule { .. }) {
            Ok(deed)
        } else {
            Err(Error::Forbidden { permission: Permission::ImportRun })
        }
    }
}
