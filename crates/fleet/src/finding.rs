//! What does not fit between what was issued, what was made and what is asked about.

mod settle;

pub use settle::SETTLED;

use crate::{Actor, Deed, Error, Fleet, Result, webhook};
use domain::{
    authority::{FindingKind, FindingState},
    id::{AuthorityId, BatchId, DeviceId, FindingId},
    person::Permission,
    repair::RepairState,
    suspicion::Signal,
    time::{DAY, Timestamp},
    webhook::EventKind,
};
use serde::Serialize;
use serde_json::{Value, json};
use store::{
    Tx,
    finding::{Finding, FindingCursor},
};
use uuid::Uuid;

/// How many findings a list shows at most, and a page when nothing is said.
const SHOWN: i64 = 500;
const PAGE: i64 = 100;
/// How many findings are part of another one at most.
const PARTS: i64 = 1_000;
/// How many changes of a finding are told.
const CHANGES: i64 = 100;
/// How many devices and repairs of a finding are named.
const DEVICES: i64 = 50;

/// A finding as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingRow {
    /// Its id.
    pub id: FindingId,
    /// What kind.
    pub kind: FindingKind,
    /// The batch's code, if one is concerned.
    pub batch: Option<String>,
    /// The authority's name in addresses, if one is concerned.
    pub authority_slug: Option<String>,
    /// The device's serial, if one is concerned.
    pub device_serial: Option<String>,
    /// Whether there is a device of that serial.
    pub is_device: bool,
    /// The serial number of the certificate that it is about, signed by the authority.
    pub certificate: Option<String>,
    /// It in a sentence.
    pub words: String,
    /// What was found.
    pub detail: Value,
    /// How often.
    pub n: i64,
    /// When first.
    pub first_at: Timestamp,
    /// When last.
    pub last_at: Timestamp,
    /// Whether it still stands.
    pub state: FindingState,
    /// How many findings are part of it, counted up to a thousand.
    pub parts: i64,
    /// The finding that it is part of, or was when that was settled: its id and it in a sentence.
    pub part_of: Option<(FindingId, String)>,
}

/// A finding with all that is told of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingTold {
    /// It.
    pub row: FindingRow,
    /// The findings that are part of it, or were when it was settled: at most 1,000.
    pub parts: Vec<FindingRow>,
    /// When it came into which state, the first change first: the last 100.
    pub changes: Vec<(Timestamp, FindingState)>,
    /// Who settled it and why, the last first: at most 100. What settled by itself is not in here.
    pub settled: Vec<store::finding::Settled>,
    /// The repairs that explain it, newest first: their names and how far they are.
    pub repairs: Vec<(String, RepairState)>,
    /// Of one that is about several devices, the serials of the first 50.
    pub devices: Vec<String>,
    /// What it is made of.
    pub signals: Vec<Signal>,
}

/// Which findings a page is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// Whether those are meant that are settled, too.
    pub all: bool,
    /// Those of one kind.
    pub kind: Option<FindingKind>,
    /// Where the page begins: what [`FindingPage::next`] said.
    pub cursor: Option<String>,
    /// How many to show, at most 500; 0 for what is usual.
    pub limit: i64,
}

/// A page of findings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingPage {
    /// The findings.
    pub rows: Vec<FindingRow>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// How many there are of each kind, whichever kind the page is about.
    pub kinds: Vec<(FindingKind, i64)>,
}

/// A finding to be noted.
#[derive(Clone, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) kind: FindingKind,
    /// What tells it from others of its kind: a serial, a key.
    pub(crate) about: &'a str,
    pub(crate) batch: Option<BatchId>,
    pub(crate) authority: Option<AuthorityId>,
    pub(crate) device: Option<DeviceId>,
    /// It in a sentence.
    pub(crate) words: String,
    /// More of it; an object.
    pub(crate) detail: Value,
}

/// By what a finding is found again.
pub(crate) fn cause(kind: FindingKind, about: &str) -> String {
    format!("{kind}:{}", about.chars().take(200).collect::<String>())
}

/// Notes a finding in a transaction.
pub(crate) async fn note(tx: &mut Tx, found: &Found<'_>, at: Timestamp) -> Result<()> {
    note_times(tx, found, 1, at).await
}

/// The same for what was found several times.
pub(crate) async fn note_times(tx: &mut Tx, found: &Found<'_>, n: i64, at: Timestamp) -> Result<()> {
    let mut detail = found.detail.clone();
    if let Some(object) = detail.as_object_mut() {
        object.insert("words".to_owned(), json!(found.words));
    } else {
        detail = json!({ "words": found.words });
    }
    let finding = Finding {
        id: FindingId(Uuid::now_v7()),
        kind: found.kind,
        cause: cause(found.kind, found.about),
        batch_id: found.batch,
        authority_id: found.authority,
        device_id: found.device,
        detail,
        n,
        carried: 0,
        first_at: at,
        last_at: at,
        state: FindingState::Open,
        part_of: None,
    };
    if let Some(opened) = store::finding::note(tx, &finding).await? {
        webhook::tell(tx, at, EventKind::FindingOpened, &opened.to_string()).await?;
    }
    Ok(())
}

impl Fleet {
    /// Notes a finding by itself, beside what was refused. That it can't be noted must not hide why it was refused.
    pub(crate) async fn find(&self, found: &Found<'_>) {
        let noted = async {
            let mut tx = self.db().begin().await?;
            note(&mut tx, found, self.now()).await?;
            self.found(tx, found.kind).await
        };
        if let Err(error) = noted.await {
            tracing::error!(%error, kind = %found.kind, "a finding was not noted");
        }
    }

    /// Ends a transaction in which a finding was noted by itself, and lets others hear of it.
    pub(crate) async fn found(&self, mut tx: Tx, kind: FindingKind) -> Result<()> {
        let (at, topic, subject) = (self.now(), "finding".to_owned(), kind.as_str().to_owned());
        let seq = store::change::ring(&mut tx, at, &topic, &subject).await?;
        tx.commit().await?;
        self.tell(store::change::Change { seq, at: at.0, topic, subject });
        Ok(())
    }

    /// A page of findings, the last first, with how many there are of each kind.
    ///
    /// # Errors
    /// When the actor may not see them, or the cursor is none.
    pub async fn finding_page(&self, actor: &Actor, filter: &FindingFilter) -> Result<FindingPage> {
        actor.require(Permission::AuthorityRead)?;
        let state = (!filter.all).then_some(FindingState::Open);
        let limit = if filter.limit == 0 { PAGE } else { filter.limit.clamp(1, SHOWN) };
        let after =
            match filter.cursor.as_deref() {
                None | Some("") => None,
                Some(text) => Some(text.parse::<FindingCursor>().map_err(|()| {
                    Error::field("cursor", "This page can't be found again. Begin with the first one.")
                })?),
            };
        let kind = filter.kind;
        let read = |db| async move {
            tokio::try_join!(
                store::finding::page(&db, (state, kind), after, limit + 1),
                store::finding::kinds(&db, state)
            )
        };
        let (mut found, kinds) = self.listed(read).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| FindingCursor { last_at: last.last_at, id: last.id });
        Ok(FindingPage { rows: self.shown(found).await?, next: next.map(|next| next.to_string()), kinds })
    }

    /// Findings, the last first: at most 500.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn findings(&self, actor: &Actor, open_only: bool) -> Result<Vec<FindingRow>> {
        actor.require(Permission::AuthorityRead)?;
        let state = open_only.then_some(FindingState::Open);
        let found = self.listed(|db| async move { store::finding::list(&db, state, SHOWN).await }).await?;
        self.shown(found).await
    }

    /// The findings about a batch, the last first.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn findings_of_batch(&self, actor: &Actor, batch: BatchId) -> Result<Vec<FindingRow>> {
        actor.require(Permission::AuthorityRead)?;
        self.shown(store::finding::of_batch(self.db(), batch, SHOWN).await?).await
    }

    /// How many findings stand, counted up to a thousand: on every page somebody waits for it.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn findings_open(&self, actor: &Actor) -> Result<i64> {
        actor.require(Permission::AuthorityRead)?;
        Ok(store::finding::count_open(self.db()).await?)
    }

    /// A finding with what is part of it and when it came into which state.
    ///
    /// # Errors
    /// When the actor may not see them, or there is no such finding.
    pub async fn finding(&self, actor: &Actor, id: FindingId) -> Result<FindingTold> {
        actor.require(Permission::AuthorityRead)?;
        let missing = || Error::not_found("finding", &id.to_string());
        let found = store::finding::by_id(self.db(), id).await?.ok_or_else(missing)?;
        let parts = store::finding::parts(self.db(), &found.cause, PARTS).await?;
        let changes = store::finding::changes(self.db(), &found.cause, CHANGES).await?;
        let settled = store::finding::settled_of(self.db(), &found.cause, CHANGES).await?;
        let repairs = store::repair::of_finding(self.db(), id, DEVICES).await?;
        let devices = match found.device_id {
            Some(_) => Vec::new(),
            None => store::brake::serials(self.db(), &found.cause, DEVICES).await?,
        };
        let signals = signals_of(&found);
        let row = self.shown(vec![found]).await?.pop().ok_or_else(missing)?;
        let parts = self.shown(parts).await?;
        let repairs = repairs.into_iter().map(|case| (case.code, case.state)).collect();
        Ok(FindingTold { row, parts, changes, settled, repairs, devices, signals })
    }

    /// How many findings were opened and how many settled on each of the last `days` days, the oldest first and today
    /// last: when the day began (UTC), opened, settled. What became part of another finding is settled with that.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn finding_trend(&self, actor: &Actor, days: u8) -> Result<Vec<(Timestamp, i64, i64)>> {
        actor.require(Permission::AuthorityRead)?;
        let today = Timestamp(self.now().0.div_euclid(DAY) * DAY);
        let from = today.plus(-DAY * (i64::from(days) - 1).max(0));
        let found = self.listed(|db| async move { store::finding::trend(&db, from).await }).await?;
        let of = |state: FindingState, day: i64| {
            found.iter().filter(|(known, at, _)| *known == state && *at == day).map(|(_, _, n)| n).sum()
        };
        let day = |day: i64| (from.plus(DAY * day), of(FindingState::Open, day), of(FindingState::Resolved, day));
        Ok((0..i64::from(days)).map(day).collect())
    }

    /// The findings that changed last, settled ones among them, without those that are part of others: `n` at most.
    pub(crate) async fn latest_findings(&self, n: usize) -> Result<Vec<FindingRow>> {
        let most = i64::try_from(n).unwrap_or(i64::MAX);
        self.shown(store::finding::latest(self.db(), most).await?).await
    }

    pub(crate) async fn shown(&self, findings: Vec<Finding>) -> Result<Vec<FindingRow>> {
        let catalogue = self.load_catalogue().await?;
        let authorities = store::authority::all(self.db()).await?;
        let mut wholes: Vec<&str> = findings.iter().filter_map(|finding| finding.part_of.as_deref()).collect();
        wholes.sort_unstable();
        wholes.dedup();
        let wholes = store::finding::by_causes(self.db(), &wholes).await?;
        let serial = |finding: &Finding| finding.detail.get("serial").and_then(Value::as_str).map(ToOwned::to_owned);
        let unsure: Vec<String> = findings.iter().filter(|f| f.device_id.is_none()).filter_map(serial).collect();
        let unsure: Vec<&str> = unsure.iter().map(String::as_str).collect();
        let known = store::device::by_serials(self.db(), &unsure).await?;
        // What is about one device has no parts.
        let may_have = |finding: &&Finding| finding.device_id.is_none() && finding.state == FindingState::Open;
        let may_have: Vec<&str> = findings.iter().filter(may_have).map(|finding| finding.cause.as_str()).collect();
        let parts = store::finding::folded(self.db(), &may_have).await?;
        let row = |finding: Finding| {
            let whole = wholes.iter().find(|whole| finding.part_of.as_ref() == Some(&whole.cause));
            let text = |key: &str| finding.detail.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
            FindingRow {
                id: finding.id,
                kind: finding.kind,
                batch: finding.batch_id.map(|id| catalogue.batch_code(id).to_owned()),
                authority_slug: finding
                    .authority_id
                    .and_then(|id| authorities.iter().find(|authority| authority.id == id))
                    .map(|authority| authority.slug.clone()),
                is_device: finding.device_id.is_some()
                    || known.iter().any(|device| Some(device.serial.as_str()) == text("serial").as_deref()),
                device_serial: text("serial"),
                certificate: text("certificate"),
                words: words_of(&finding),
                detail: finding.detail,
                n: finding.n,
                first_at: finding.first_at,
                last_at: finding.last_at,
                state: finding.state,
                parts: parts.get(&finding.cause).copied().unwrap_or_default(),
                part_of: whole.map(|whole| (whole.id, words_of(whole))),
            }
        };
        Ok(findings.into_iter().map(row).collect())
    }
}

/// What was found, as the finding keeps it.
pub(crate) fn signals_of(finding: &Finding) -> Vec<Signal> {
    let signals = finding.detail.get("signals").cloned().unwrap_or_default();
    serde_json::from_value(signals).unwrap_or_default()
}

/// It in a sentence.
fn words_of(finding: &Finding) -> String {
    let words = finding.detail.get("words").and_then(Value::as_str);
    words.unwrap_or_else(|| finding.kind.label()).to_owned()
}

/// Resolves the finding of a cause, if one stands, in a deed's transaction.
pub(crate) async fn settle(deed: &mut Deed<'_>, kind: FindingKind, about: &str, at: Timestamp) -> Result<()> {
    store::finding::resolve(&mut deed.tx, &cause(kind, about), at).await?;
    Ok(())
}
