//! What everything refers to and there is little of: custodians, models, batches, part types.

use crate::{Actor, Deed, Error, Fleet, Result};
use domain::{
    batch::{Batch, Model},
    custody::{Custodian, CustodianKind, slug},
    id::{BatchId, CustodianId, ModelId},
    person::Permission,
};
use serde_json::json;
use std::collections::HashMap;
use store::component::PartType;
use uuid::Uuid;

/// Custodians, models, batches and part types by their ids.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Custodians, by name.
    pub custodians: Vec<Custodian>,
    /// Models, by name.
    pub models: Vec<Model>,
    /// Batches, newest first.
    pub batches: Vec<Batch>,
    /// Part types.
    pub parts: Vec<PartType>,
    custodian_at: HashMap<CustodianId, usize>,
    model_at: HashMap<ModelId, usize>,
    batch_at: HashMap<BatchId, usize>,
}

impl Catalogue {
    /// Indexes the lists.
    #[must_use]
    pub fn new(custodians: Vec<Custodian>, models: Vec<Model>, batches: Vec<Batch>, parts: Vec<PartType>) -> Self {
        Self {
            custodian_at: custodians.iter().enumerate().map(|(i, c)| (c.id, i)).collect(),
            model_at: models.iter().enumerate().map(|(i, m)| (m.id, i)).collect(),
            batch_at: batches.iter().enumerate().map(|(i, b)| (b.id, i)).collect(),
            custodians,
            models,
            batches,
            parts,
        }
    }

    /// A custodian by its id.
    #[must_use]
    pub fn custodian(&self, id: CustodianId) -> Option<&Custodian> {
        self.custodian_at.get(&id).and_then(|i| self.custodians.get(*i))
    }

    /// A custodian's name, or a dash.
    #[must_use]
    pub fn custodian_name(&self, id: CustodianId) -> &str {
        self.custodian(id).map_or("–", |c| c.name.as_str())
    }

    /// A model by its id.
    #[must_use]
    pub fn model(&self, id: ModelId) -> Option<&Model> {
        self.model_at.get(&id).and_then(|i| self.models.get(*i))
    }

    /// A model's name, or a dash.
    #[must_use]
    pub fn model_name(&self, id: ModelId) -> &str {
        self.model(id).map_or("–", |m| m.name.as_str())
    }

    /// A batch by its id.
    #[must_use]
    pub fn batch(&self, id: BatchId) -> Option<&Batch> {
        self.batch_at.get(&id).and_then(|i| self.batches.get(*i))
    }

    /// The factory of this code, as a form's field `factory` or a command line names it.
    ///
    /// # Errors
    /// When none is named, or there is none.
    pub fn factory(&self, code: &str) -> Result<&Custodian> {
        let mut factories = self.custodians.iter().filter(|custodian| custodian.kind == CustodianKind::Factory);
        factories.find(|factory| factory.code == code).ok_or_else(|| {
            let message = match code {
                "" => "Choose a factory.".to_owned(),
                code => {
                    format!("No factory “{code}” is known: import its manifest or enter it under Custodians.")
                }
            };
            Error::field("factory", message)
        })
    }

    /// The batch of this code, as a form's field `batch` or a command line names it.
    ///
    /// # Errors
    /// When none is named, or there is none.
    pub fn batch_named(&self, code: &str) -> Result<&Batch> {
        self.batches.iter().find(|batch| batch.code == code).ok_or_else(|| {
            let message = match code {
                "" => "Choose a batch.".to_owned(),
                code => format!("No batch “{code}” is known: import its manifest."),
            };
            Error::field("batch", message)
        })
    }

    /// A batch's code, or a dash.
    #[must_use]
    pub fn batch_code(&self, id: BatchId) -> &str {
        self.batch(id).map_or("–", |b| b.code.as_str())
    }
}

/// A custodian as a form gives it.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct CustodianForm {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its kind's word; only for a new one.
    #[serde(default)]
    pub kind: String,
    /// ISO 3166-1 alpha-2, or empty.
    #[serde(default)]
    pub country: String,
    /// Its town, or empty.
    #[serde(default)]
    pub city: String,
    /// Its GS1 location as an EPC URI, or empty.
    #[serde(default)]
    pub sgln: String,
}

impl Fleet {
    /// Custodians, models, batches and part types.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn catalogue(&self, actor: &Actor) -> Result<Catalogue> {
        actor.require(Permission::FleetRead)?;
        self.load_catalogue().await
    }

    pub(crate) async fn load_catalogue(&self) -> Result<Catalogue> {
        let db = self.db();
        Ok(Catalogue::new(
            store::custodian::all(db).await?,
            store::batch::models(db).await?,
            store::batch::batches(db).await?,
            store::component::part_types(db).await?,
        ))
    }

    /// Enters a custodian and gives it a code made of its name.
    ///
    /// # Errors
    /// When the actor may not, a field is wrong, or the name's code is taken.
    pub async fn add_custodian(&self, actor: &Actor, form: &CustodianForm) -> Result<Custodian> {
        let mut deed = self.allow(actor, Permission::CustodianManage, &form.name).await?;
        let kind: CustodianKind =
            form.kind.parse().map_err(|_| Error::field("kind", "Choose what kind of custodian it is."))?;
        let code = slug(&form.name);
        let custodian = checked(form, CustodianId(Uuid::now_v7()), code, kind, self.now())?;
        match store::custodian::insert(&mut deed.tx, &custodian).await {
            Err(store::StoreError::Exists) => {
                return Err(Error::field("name", format!("There is already a custodian “{}”.", custodian.code)));
            }
            other => other?,
        }
        deed.ring("custodian", &custodian.code).await?;
        let subject = format!("custodian:{}", custodian.code);
        deed.commit("custodian.add", &subject, &json!({"name": custodian.name, "kind": custodian.kind})).await?;
        Ok(custodian)
    }

    /// Enters a client by its name alone, in a deed that goes on. [`Permission::CustodianManage`] is asked for before.
    pub(crate) async fn enter_client(&self, deed: &mut Deed<'_>, name: &str) -> Result<Custodian> {
        let form = CustodianForm { name: name.to_owned(), ..CustodianForm::default() };
        let (id, kind) = (CustodianId(Uuid::now_v7()), CustodianKind::Client);
        let custodian = checked(&form, id, slug(name), kind, self.now())?;
        match store::custodian::insert(&mut deed.tx, &custodian).await {
            Err(store::StoreError::Exists) => {
                return Err(Error::field("name", format!("There is already a custodian “{}”.", custodian.code)));
            }
            other => other?,
        }
        deed.ring("custodian", &custodian.code).await?;
        Ok(custodian)
    }

    /// Changes a custodian's name, place and location number.
    ///
    /// # Errors
    /// When the actor may not, there is no such custodian, or a field is wrong.
    pub async fn change_custodian(&self, actor: &Actor, code: &str, form: &CustodianForm) -> Result<Custodian> {
        let mut deed = self.allow(actor, Permission::CustodianManage, &format!("custodian:{code}")).await?;
        let all = store::custodian::all_within(&mut deed.tx).await?;
        let before = all.into_iter().find(|c| c.code == code).ok_or_else(|| Error::not_found("custodian", code))?;
        let mut after = checked(form, before.id, before.code.clone(), before.kind, before.created_at)?;
        after.kind = before.kind;
        store::custodian::update(&mut deed.tx, &after).await?;
        deed.ring("custodian", code).await?;
        deed.commit("custodian.change", &format!("custodian:{code}"), &json!({"before": before, "after": after}))
            .await?;
        Ok(after)
    }
}

fn checked(
    form: &CustodianForm,
    id: CustodianId,
    code: String,
    kind: CustodianKind,
    created_at: domain::time::Timestamp,
) -> Result<Custodian> {
    let name = form.name.trim();
    if name.is_empty() || name.chars().count() > 120 || code.is_empty() {
        return Err(Error::field("name", "Give a name of 1 to 120 characters, with at least one letter or digit."));
    }
    let country = form.country.trim().to_ascii_uppercase();
    if !(country.is_empty() || country.len() == 2 && country.chars().all(|c| c.is_ascii_alphabetic())) {
        return Err(Error::field("country", "Give the country as two letters, like NL."));
    }
    let sgln = form.sgln.trim();
    if !(sgln.is_empty() || sgln.starts_with("urn:epc:id:sgln:") && sgln.len() < 200) {
        return Err(Error::field("sgln", "Give the location as urn:epc:id:sgln:…, or leave it empty."));
    }
    if form.city.chars().count() > 120 {
        return Err(Error::field("city", "Give a town of at most 120 characters."));
    }
    Ok(Custodian {
        id,
        code,
        name: name.to_owned(),
        kind,
        country,
        city: form.city.trim().to_owned(),
        sgln: sgln.to_owned(),
        created_at,
    })
}
