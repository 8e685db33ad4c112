//! What the fleet has already, as far as a manifest can disagree with it.

use crate::{Fleet, Result, catalogue::Catalogue};
use domain::{
    custody::{Custodian, CustodianKind},
    factory_manifest::Row,
};
use std::collections::HashMap;
use store::{
    count::{self, dimension},
    import::Existing,
};

/// The fleet before the import.
pub(super) struct Known {
    pub(super) catalogue: Catalogue,
    /// Whether there is no device at all, so that none has to be looked up.
    pub(super) is_empty: bool,
    custodians: HashMap<String, usize>,
    models: HashMap<String, usize>,
    batches: HashMap<String, usize>,
    made: HashMap<String, i64>,
}

/// A batch that the fleet has.
pub(super) struct KnownBatch<'a> {
    pub(super) factory: &'a str,
    pub(super) model: &'a str,
    pub(super) quota: Option<i64>,
    pub(super) made: i64,
}

impl Known {
    pub(super) async fn load(fleet: &Fleet) -> Result<Self> {
        let catalogue = fleet.load_catalogue().await?;
        let db = fleet.db();
        let made = count::of(db, dimension::BATCH).await?.into_iter().collect();
        let is_empty = count::one(db, dimension::TOTAL, "").await? == 0;
        let custodians = catalogue.custodians.iter().enumerate().map(|(i, c)| (c.code.clone(), i)).collect();
        let models = catalogue.models.iter().enumerate().map(|(i, m)| (m.name.clone(), i)).collect();
        let batches = catalogue.batches.iter().enumerate().map(|(i, b)| (b.code.clone(), i)).collect();
        Ok(Self { catalogue, is_empty, custodians, models, batches, made })
    }

    pub(super) fn custodian(&self, code: &str) -> Option<&Custodian> {
        self.catalogue.custodians.get(*self.custodians.get(code)?)
    }

    /// A model's SGTIN, if there is such a model.
    pub(super) fn model_sgtin(&self, name: &str) -> Option<&str> {
        self.catalogue.models.get(*self.models.get(name)?).map(|model| model.sgtin.as_str())
    }

    pub(super) fn batch(&self, code: &str) -> Option<KnownBatch<'_>> {
        let batch = self.catalogue.batches.get(*self.batches.get(code)?)?;
        Some(KnownBatch {
            factory: self.catalogue.custodian(batch.factory_id).map_or("", |factory| factory.code.as_str()),
            model: self.catalogue.model_name(batch.model_id),
            quota: batch.quota,
            made: self.made.get(&batch.id.to_string()).copied().unwrap_or(0),
        })
    }

    /// What is wrong with a factory's code; none when a new or a known factory has it.
    pub(super) fn not_a_factory(&self, code: &str) -> Option<String> {
        let custodian = self.custodian(code).filter(|custodian| custodian.kind != CustodianKind::Factory)?;
        let kind = custodian.kind.label().to_lowercase();
        Some(format!("{} ({code}) is known as a {kind}, not as a factory; use another code", custodian.name))
    }

    /// Why a row does not speak of the device that has its serial; none when it does.
    pub(super) fn disagrees(&self, row: &Row, existing: &Existing, hash: &str) -> Option<(&'static str, String)> {
        let serial = &row.serial;
        let model = self.catalogue.model_name(existing.model);
        if existing.batch != row.batch || model != row.model {
            let factory = self.catalogue.custodian_name(existing.factory);
            let why = format!(
                "{serial} is taken: a device {model} of batch {}, made by {factory}, has it; a serial is never used twice",
                existing.batch
            );
            return Some(("serial_taken", why));
        }
        (existing.first_hash != hash).then(|| {
            let why = format!(
                "{serial} is in the fleet with other components; what the factory delivered is not changed by an import"
            );
            ("manifest_differs", why)
        })
    }
}
