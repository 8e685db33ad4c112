//! Repairs as pages and programs see them.

use super::{
    AnotherVoucher, RepairCase, RepairNote, RepairPhoto, SlotLook, TaintedPart, Voucher,
    look::{plan, present},
};
use crate::{Actor, Error, Fleet, Result, approval::ApprovalRow, revocation::cut_for_good};
use domain::{
    component::Part,
    device::Device,
    id::RepairId,
    person::Permission,
    repair::{Plan, RepairState, read_code},
};
use store::repair::{Which, attached};

/// How many a page shows when nothing is said, and at most.
const PAGE: i64 = 50;
const PAGE_MAX: i64 = 500;

/// Which repairs a list is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairFilter {
    /// Those in this state; otherwise those that are open.
    pub state: Option<RepairState>,
    /// Those that are over instead of those that are open.
    pub over: bool,
    /// Those that this person works on.
    pub technician: Option<String>,
    /// Those whose name begins so, or whose device has this serial; then the others count for nothing.
    pub text: String,
    /// After which one the page begins.
    pub after: Option<RepairId>,
    /// How many to show, at most 500; 0 for what is usual.
    pub limit: i64,
}

/// A page of repairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairPage {
    /// The repairs, newest first.
    pub rows: Vec<RepairCase>,
    /// After which one the next page begins, if there is one.
    pub next: Option<RepairId>,
    /// How many open ones there are in each state.
    pub states: Vec<(RepairState, i64)>,
    /// Who works on open ones, and on how many.
    pub technicians: Vec<(String, i64)>,
}

/// A repair with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct RepairDetail {
    /// The case.
    pub case: RepairCase,
    /// The device and its standing.
    pub device: Device,
    /// The device's batch: EST's label.
    pub batch: String,
    /// Where the gateway is, or a place to fill in.
    pub gateway: String,
    /// The device's model.
    pub model: String,
    /// Who holds the device.
    pub custodian: String,
    /// The parts that the device's newest manifest lists.
    pub parts: Vec<Part>,
    /// What happens in each slot, as typed, and what is to be said of it. Of a case whose manifest is written it is
    /// what was typed alone: it was checked then.
    pub slots: Vec<SlotLook>,
    /// What it does as a whole; empty once the manifest is written.
    pub plan: Plan,
    /// Notes, oldest first.
    pub notes: Vec<RepairNote>,
    /// Photos, oldest first.
    pub photos: Vec<RepairPhoto>,
    /// The parts that it took out.
    pub taken_out: Vec<TaintedPart>,
    /// The last voucher that was made.
    pub voucher: Option<Voucher>,
    /// The last voucher that was used, which may be another one, or may have been before a restore of the console.
    pub used_voucher: Option<Voucher>,
    /// How the last request for another voucher stands, once one was used.
    pub another_voucher: Option<AnotherVoucher>,
    /// The last approval that was asked for.
    pub approval: Option<ApprovalRow>,
}

impl Fleet {
    /// A page of repairs.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn repairs(&self, actor: &Actor, filter: &RepairFilter) -> Result<RepairPage> {
        actor.require(Permission::FleetRead)?;
        let limit = if filter.limit == 0 { PAGE } else { filter.limit.clamp(1, PAGE_MAX) };
        // Nobody can type NUL, and PostgreSQL can't look for it.
        let plain = |text: &str| text.replace('\0', "");
        let technician = filter.technician.as_deref().map(plain);
        let which = match (filter.state, &technician) {
            (Some(state), Some(technician)) => Which::StateOf(state, technician),
            (Some(state), None) => Which::State(state),
            (None, Some(technician)) => Which::Technician(technician, !filter.over),
            (None, None) => Which::Open(!filter.over),
        };
        let mut rows = match plain(&filter.text).trim() {
            "" => store::repair::page(self.db(), which, filter.after, limit + 1).await?,
            text => self.found_repairs(text, limit).await?,
        };
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().filter(|_| more).map(|last| last.id);
        let states = store::repair::states(self.db()).await?;
        Ok(RepairPage { rows, next, states, technicians: store::repair::technicians(self.db()).await? })
    }

    /// The repairs that a text may mean: a case's name or its beginning, or a device's serial.
    async fn found_repairs(&self, text: &str, limit: i64) -> Result<Vec<RepairCase>> {
        if let Some(code) = read_code(text)
            && let Some(case) = store::repair::by_code(self.db(), &code).await?
        {
            return Ok(vec![case]);
        }
        if let Some(device) = store::device::by_serial(self.db(), text).await? {
            return Ok(store::repair::of_device(self.db(), device.id, limit).await?);
        }
        let upper: String = text.to_uppercase().chars().take(20).collect();
        let prefix = if upper.starts_with("R-") { upper } else { format!("R-{upper}") };
        Ok(store::repair::by_prefix(self.db(), &prefix, limit).await?)
    }

    /// How many repairs are open, counted up to a thousand: on every page somebody waits for it.
    ///
    /// # Errors
    /// When the actor may not see the fleet.
    pub async fn repairs_open(&self, actor: &Actor) -> Result<i64> {
        actor.require(Permission::FleetRead)?;
        Ok(store::repair::count_open(self.db()).await?)
    }

    /// The repairs of a device, newest first: at most 50.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such device.
    pub async fn repairs_of(&self, actor: &Actor, serial: &str) -> Result<Vec<RepairCase>> {
        let device = self.device(actor, serial).await?;
        Ok(store::repair::of_device(self.db(), device.id, PAGE).await?)
    }

    /// A repair with everything that belongs to it.
    ///
    /// # Errors
    /// When the actor may not see the fleet, or there is no such repair.
    pub async fn repair(&self, actor: &Actor, code: &str) -> Result<RepairDetail> {
        actor.require(Permission::FleetRead)?;
        let case = self.kept_repair(code).await?;
        let device = store::device::by_serial(self.db(), &case.serial).await?;
        let device = device.ok_or_else(|| Error::not_found("device", &case.serial))?;
        let catalogue = self.load_catalogue().await?;
        let parts = present(&store::component::of_device(self.db(), device.id).await?);
        let lines = store::repair::parts(self.db(), case.id).await?;
        let mut slots = self.look(&case.serial, &parts, &lines).await?;
        let certificates = store::certificate::of_device(self.db(), &case.serial).await?;
        let is_revoked = cut_for_good(self.db(), &certificates).await?.is_some();
        let plan = match plan(&parts, &slots) {
            _ if case.state.is_written() => Plan::default(),
            plan if is_revoked => plan.of_revoked(),
            plan => plan,
        };
        if case.state.is_written() {
            for slot in &mut slots {
                slot.out_check = domain::repair::Checked::default();
                slot.in_check = domain::repair::Checked::default();
            }
        }
        let approval = match case.approval_id {
            Some(id) => store::approval::by_id(self.db(), id).await?.as_ref().map(Into::into),
            None => None,
        };
        let used_voucher = store::voucher::used_of(self.db(), case.id).await?;
        Ok(RepairDetail {
            batch: catalogue.batch_code(device.batch_id).to_owned(),
            gateway: self.load_settings().await?.gateway().to_owned(),
            model: catalogue.model_name(device.model_id).to_owned(),
            custodian: catalogue.custodian_name(device.custodian_id).to_owned(),
            parts,
            slots,
            plan,
            notes: attached::notes(self.db(), case.id).await?,
            photos: attached::photos(self.db(), case.id).await?,
            taken_out: store::taint::of_case(self.db(), case.id).await?,
            voucher: store::voucher::last_of(self.db(), case.id).await?,
            another_voucher: self.another_voucher(&case, &device, used_voucher.as_ref()).await?,
            used_voucher,
            approval,
            device,
            case,
        })
    }
}
