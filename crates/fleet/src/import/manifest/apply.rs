//! Enters what a manifest lists, in pieces of a transaction each.

use super::{
    piece::{Entered, Item, New, Piece},
    plan::{Bits, Plan, part_key},
};
use crate::{
    Error, Fleet, Result,
    import::{
        problems::PROBLEMS_KEPT,
        progress::Told,
        rows, spool,
        worker::{Checked, RULE, counted},
    },
};
use domain::{
    batch::{Batch, Model},
    component::Part,
    custody::{Custodian, CustodianKind, Holder},
    device::{Device, Lifecycle, Trust},
    factory_manifest::{Row, RowResult},
    history::{Entry, Event},
    id::{BatchId, ComponentId, CustodianId, DeviceId, HistoryId, ModelId},
    import::{ImportState, Severity},
    manifest::{self, Manifest},
    person::Permission,
    time::Timestamp,
};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};
use store::{
    Tx,
    import::{Import, ImportProblem},
};
use uuid::Uuid;

/// How often a model's devices ask for news when nothing else is said, in seconds.
const POLL_INTERVAL_S: i64 = 300;

/// What the names in a manifest stand for.
pub(super) struct Names {
    factories: HashMap<String, Custodian>,
    models: HashMap<String, ModelId>,
    batches: HashMap<String, BatchId>,
    parts: HashMap<String, i64>,
}

/// What is entered besides devices, for the audit log.
#[derive(Default, serde::Serialize)]
struct Made<'a> {
    factories: Vec<&'a str>,
    models: Vec<&'a str>,
    batches: Vec<&'a str>,
}

/// Enters what a plan needs and the fleet doesn't have, and says what that was.
pub(super) async fn prepare(fleet: &Fleet, tx: &mut Tx, plan: &Plan) -> Result<(Names, Value)> {
    let mut made = Made::default();
    let factories = prepare_factories(fleet, tx, plan, &mut made).await?;
    let models = prepare_models(tx, plan, &mut made).await?;
    let batches = prepare_batches(tx, plan, &factories, &models, &mut made).await?;
    let mut parts = HashMap::new();
    for (class, maker, model) in plan.parts.iter() {
        let mut key = String::new();
        part_key(&mut key, class, maker, model);
        parts.insert(key, store::component::part_id(tx, class, maker, model).await?);
    }
    Ok((Names { factories, models, batches, parts }, json!(made)))
}

async fn prepare_factories<'a>(
    fleet: &Fleet,
    tx: &mut Tx,
    plan: &'a Plan,
    made: &mut Made<'a>,
) -> Result<HashMap<String, Custodian>> {
    let custodians = store::custodian::all_within(tx).await?;
    let mut factories: HashMap<_, _> = custodians.into_iter().map(|c| (c.code.clone(), c)).collect();
    for (code, name) in &plan.factories {
        if factories.contains_key(code) {
            continue;
        }
        let factory = Custodian {
            id: CustodianId(Uuid::now_v7()),
            code: code.clone(),
            name: name.clone().unwrap_or_else(|| code.clone()),
            kind: CustodianKind::Factory,
            country: String::new(),
            city: String::new(),
            sgln: String::new(),
            created_at: fleet.now(),
        };
        store::custodian::insert(tx, &factory).await?;
        made.factories.push(code);
        factories.insert(code.clone(), factory);
    }
    Ok(factories)
}

async fn prepare_models<'a>(tx: &mut Tx, plan: &'a Plan, made: &mut Made<'a>) -> Result<HashMap<String, ModelId>> {
    let mut models: HashMap<String, Model> =
        store::batch::models_within(tx).await?.into_iter().map(|m| (m.name.clone(), m)).collect();
    for (name, sgtin) in &plan.models {
        let sgtin = sgtin.clone().unwrap_or_default();
        if let Some(model) = models.get_mut(name) {
            if model.sgtin.is_empty() && !sgtin.is_empty() {
                model.sgtin = sgtin;
                store::batch::update_model(tx, model).await?;
                made.models.push(name);
            }
            continue;
        }
        let id = ModelId(Uuid::now_v7());
        let model =
            Model { id, name: name.clone(), description: String::new(), poll_interval_s: POLL_INTERVAL_S, sgtin };
        store::batch::insert_model(tx, &model).await?;
        made.models.push(name);
        models.insert(name.clone(), model);
    }
    Ok(models.into_iter().map(|(name, model)| (name, model.id)).collect())
}

async fn prepare_batches<'a>(
    tx: &mut Tx,
    plan: &'a Plan,
    factories: &HashMap<String, Custodian>,
    models: &HashMap<String, ModelId>,
    made: &mut Made<'a>,
) -> Result<HashMap<String, BatchId>> {
    let mut batches: HashMap<String, BatchId> =
        store::batch::batches_within(tx).await?.into_iter().map(|b| (b.code, b.id)).collect();
    for (code, planned) in plan.batches.iter().filter(|(_, planned)| planned.new > 0) {
        if let (true, Some(quota)) = (planned.agrees_quota, planned.quota) {
            store::import::agree_quota(tx, code, quota).await?;
        }
        let (Some(factory), Some(model_id)) = (factories.get(&planned.factory), models.get(&planned.model)) else {
            continue;
        };
        if batches.contains_key(code) {
            continue;
        }
        let batch = Batch {
            id: BatchId(Uuid::now_v7()),
            code: code.clone(),
            factory_id: factory.id,
            model_id: *model_id,
            quota: planned.quota,
            started_at: planned.started_at,
        };
        store::batch::insert_batch(tx, &batch).await?;
        made.batches.push(code);
        batches.insert(code.clone(), batch.id);
    }
    Ok(batches)
}

/// The same for an import that goes on after a restart: nearly always everything is there. Rows that have become bad
/// meanwhile are counted and reported with the others; how many they are is given back.
pub(super) async fn prepare_again(
    fleet: &Fleet,
    import: &Import,
    plan: &Plan,
    checked: &Checked,
) -> Result<(Names, i64)> {
    let late = (plan.bad.count() - import.bad).max(0);
    let told = store::import::problems(fleet.db(), import.id, 0, i64::MAX).await?;
    let subject = format!("import:{}", import.id);
    let mut deed = fleet.allow(&RULE, Permission::ImportRun, &subject).await?;
    let (names, made) = prepare(fleet, &mut deed.tx, plan).await?;
    if late > 0 {
        store::import::add_late(&mut deed.tx, import.id, late).await?;
        store::import::add_problems(&mut deed.tx, import.id, &untold(&checked.problems, &told)).await?;
    }
    let detail = json!({"by": import.actor, "from_row": import.rows_applied, "created": made, "late": late});
    deed.commit("import.resume", &subject, &detail).await?;
    Ok((names, late))
}

/// The bad rows' problems that an import's page doesn't show yet, as far as there is room for them.
fn untold(found: &[ImportProblem], told: &[ImportProblem]) -> Vec<ImportProblem> {
    let key = |problem: &ImportProblem| (problem.line, problem.column.clone(), problem.code.clone());
    let known: HashSet<_> = told.iter().map(key).collect();
    let new = found.iter().filter(|problem| problem.severity == Severity::Bad && !known.contains(&key(problem)));
    new.take(PROBLEMS_KEPT.saturating_sub(told.len())).cloned().collect()
}

/// Makes devices of rows, on the thread that reads them.
struct Maker {
    names: Names,
    bad: Bits,
    known: Bits,
    from: u64,
    actor: String,
    recorded_at: Timestamp,
    scratch: String,
}

impl Maker {
    fn item(&mut self, number: u64, RowResult { line, row }: RowResult) -> Option<Item> {
        if number < self.from {
            return None;
        }
        Some(match row {
            Ok(_) if self.known.has(number) && !self.bad.has(number) => Item::Known,
            Ok(row) if !self.bad.has(number) => {
                self.device(line, row).map_or(Item::Bad, |new| Item::New(Box::new(new)))
            }
            _ => Item::Bad,
        })
    }

    fn device(&mut self, line: u64, row: Row) -> Option<New> {
        let factory = self.names.factories.get(&row.factory)?;
        let hash = manifest::hash(&row.serial, 1, "", &row.parts);
        let device = Device {
            id: DeviceId(Uuid::now_v7()),
            model_id: *self.names.models.get(&row.model)?,
            batch_id: *self.names.batches.get(&row.batch)?,
            factory_id: factory.id,
            custodian_id: factory.id,
            serial: row.serial,
            hardware_revision: row.hardware_revision,
            place: String::new(),
            lifecycle: Lifecycle::Made,
            trust: Trust::Trusted,
            channel: "production".to_owned(),
            firmware: row.firmware.clone(),
            made_at: row.made_at,
            last_seen_at: None,
            certificate_serial: None,
            certificate_not_after: None,
            manifest_version: 1,
            manifest_hash: hash.clone(),
        };
        let (by, batch, firmware) = (factory.holder(), row.batch, row.firmware);
        let made = self.entry(row.made_at, made_event(by, batch, firmware));
        let mut parts = Vec::with_capacity(row.parts.len());
        for part in &row.parts {
            part_key(&mut self.scratch, part.class, &part.maker, &part.model);
            parts.push((ComponentId(Uuid::now_v7()), *self.names.parts.get(&self.scratch)?));
        }
        let manifest = Manifest {
            version: 1,
            hash: hash.clone(),
            previous_hash: String::new(),
            at: row.made_at,
            reason: String::new(),
        };
        let listed = self.entry(row.made_at, listed_event(hash, row.parts));
        Some(New { line, device, manifest, made, listed, parts })
    }

    fn entry(&self, at: Timestamp, event: Event) -> Entry {
        Entry {
            id: HistoryId(Uuid::now_v7()),
            at,
            recorded_at: self.recorded_at,
            actor: self.actor.clone(),
            place: String::new(),
            event,
            epcis_event_id: None,
        }
    }
}

const fn made_event(by: Holder, batch: String, firmware: Option<String>) -> Event {
    Event::Manufactured { by, batch, firmware }
}

const fn listed_event(hash: String, fitted: Vec<Part>) -> Event {
    Event::ManifestRecorded {
        version: 1,
        hash,
        previous_hash: String::new(),
        fitted,
        removed: Vec::new(),
        reason: String::new(),
    }
}

/// Enters all rows from where the import is to the end of the file. `late` rows are known to have become bad since
/// they were first checked.
pub(super) async fn apply(
    fleet: &Fleet,
    import: &Import,
    path: &Path,
    plan: Plan,
    names: Names,
    late: i64,
) -> Result<()> {
    let mut maker = Maker {
        names,
        bad: plan.bad.clone(),
        known: plan.known.clone(),
        from: u64::try_from(import.rows_applied).unwrap_or_default(),
        actor: import.actor.clone(),
        recorded_at: fleet.now(),
        scratch: String::new(),
    };
    let read = rows::read(path, import.format, import.created_at, move |number, row| maker.item(number, row));
    let mut rows = read.map_err(spool::trouble)?;
    let mut at = import.rows_applied;
    let mut told = Told::never();
    loop {
        let items = match rows.next().await {
            Ok(Some(items)) => items,
            Ok(None) => break,
            Err(stop) => return Err(Error::internal(std::io::Error::other(stop.message))),
        };
        let rows = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let mut piece = Piece::of(items, plan.moves);
        loop {
            match piece.enter(fleet, import, at, at + rows, told.is_due()).await? {
                Entered::Whole => break,
                Entered::SerialTaken => piece.without_those_there(fleet).await?,
                Entered::PartsTaken(fitted) => piece.without_what_is_fitted(&fitted),
            }
        }
        at += rows;
    }
    finish(fleet, import, &plan, late).await
}

async fn finish(fleet: &Fleet, import: &Import, plan: &Plan, late: i64) -> Result<()> {
    let Some(now) = store::import::by_id(fleet.db(), import.id).await? else { return Ok(()) };
    let mut message = plan.outcome(now.added, now.unchanged, now.bad, now.left_out);
    let late = late + now.bad - plan.bad.count();
    if late > 0 {
        message.push_str(&format!(" Of the bad, {} only because the fleet changed meanwhile.", counted(late, "row")));
    }
    fleet.end_import(&now, ImportState::Done, &message).await?;
    if now.added > 20_000
        && let Err(error) = fleet.db().optimize().await
    {
        tracing::warn!(%error, "the database was not optimised after an import");
    }
    Ok(())
}
