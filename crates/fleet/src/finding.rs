//! What does not fit between what was issued, what was made and what is asked about.

use crate::{Actor, Deed, Error, Fleet, Result, check_in::trust_again};
use domain::{
    authority::{FindingKind, FindingState},
    id::{AuthorityId, BatchId, DeviceId, FindingId},
    person::Permission,
    time::{DAY, Timestamp},
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
/// How many findings are settled at once at most.
pub const SETTLED: usize = 500;
/// How many devices are looked at that one finding about several concerns.
const TRUSTED_AGAIN: i64 = 500;

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
        n: 1,
        first_at: at,
        last_at: at,
        state: FindingState::Open,
    };
    Ok(store::finding::note(tx, &finding).await?)
}

impl Fleet {
    /// Notes a finding by itself, beside what was refused. That it can't be noted must not hide why it was refused.
    pub(crate) async fn find(&self, found: &Found<'_>) {
        let noted = async {
            let mut tx = self.db().begin().await?;
            note(&mut tx, found, self.now()).await?;
            let at = self.now();
            let seq = store::change::ring(&mut tx, at, "finding", found.kind.as_str()).await?;
            tx.commit().await?;
            Ok::<_, Error>(store::change::Change {
                seq,
                at: at.0,
                topic: "finding".to_owned(),
                subject: found.kind.as_str().to_owned(),
            })
        };
        match noted.await {
            // Nobody listening is no failure.
            Ok(change) => drop(self.inner.changes.send(change)),
            Err(error) => tracing::error!(%error, kind = %found.kind, "a finding was not noted"),
        }
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
        let (mut found, kinds) = tokio::try_join!(
            store::finding::page(self.db(), (state, filter.kind), after, limit + 1),
            store::finding::kinds(self.db(), state)
        )?;
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
        self.shown(store::finding::list(self.db(), state, SHOWN).await?).await
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

    /// Closes a finding that somebody has looked into; the same again opens it again.
    ///
    /// # Errors
    /// When the actor may not, there is no such finding, or it doesn't stand any more.
    pub async fn resolve_finding(&self, actor: &Actor, id: FindingId, reason: &str) -> Result<()> {
        self.resolve_findings(actor, &[id], reason).await.map(drop)
    }

    /// Closes findings that somebody has looked into, all in one deed; those that stand no more are left as they are. A
    /// device that nothing speaks against any more is trusted again, also where a finding was about several; then the
    /// first 500. How many were closed.
    ///
    /// # Errors
    /// When the actor may not, one of them doesn't exist, none stands any more, or there are more than [`SETTLED`].
    pub async fn resolve_findings(&self, actor: &Actor, ids: &[FindingId], reason: &str) -> Result<usize> {
        let subject = match ids {
            [id] => format!("finding:{id}"),
            many => format!("findings:{}", many.len()),
        };
        self.authorise(actor, Permission::CertificateRevoke, &subject).await?;
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > 400 {
            return Err(Error::field("reason", "Say in 1 to 400 characters what came of it."));
        }
        if ids.is_empty() {
            return Err(Error::field("finding", "Choose the findings that are to be settled."));
        }
        if ids.len() > SETTLED {
            return Err(Error::TooLarge(format!("At most {SETTLED} findings can be settled at once.")));
        }
        let mut findings = Vec::with_capacity(ids.len());
        for id in ids {
            let missing = || Error::not_found("finding", &id.to_string());
            findings.push(store::finding::by_id(self.db(), *id).await?.ok_or_else(missing)?);
        }
        // Devices first and in one order, as every deed holds them; findings after them, in theirs.
        findings.sort_by(|a, b| a.cause.cmp(&b.cause));
        let mut devices: Vec<DeviceId> = findings.iter().filter_map(|finding| finding.device_id).collect();
        for finding in findings.iter().filter(|finding| finding.device_id.is_none()) {
            devices.extend(store::brake::devices(self.db(), &finding.cause, TRUSTED_AGAIN).await?);
        }
        devices.sort_unstable();
        devices.dedup();
        let mut deed = self.allow(actor, Permission::CertificateRevoke, &subject).await?;
        for device in &devices {
            store::device::lock(&mut deed.tx, *device).await?;
        }
        let mut causes = Vec::new();
        for finding in &findings {
            if store::finding::resolve(&mut deed.tx, &finding.cause, self.now()).await? {
                deed.ring("finding", finding.kind.as_str()).await?;
                causes.push(finding.cause.clone());
            }
        }
        if causes.is_empty() {
            let what = if ids.len() == 1 { "This finding is" } else { "These findings are" };
            return Err(Error::Conflict(format!("{what} resolved already.")));
        }
        for device in devices {
            trust_again(&mut deed, device, reason).await?;
        }
        let n = causes.len();
        deed.commit("finding.resolve", &subject, &json!({"causes": causes, "reason": reason})).await?;
        Ok(n)
    }

    /// How many findings came first in which of the last `weeks` weeks, the oldest first: when the week began, and how
    /// many of each kind.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn finding_weeks(&self, actor: &Actor, weeks: u8) -> Result<Vec<(Timestamp, Vec<(FindingKind, i64)>)>> {
        actor.require(Permission::AuthorityRead)?;
        let from = self.now().plus(-7 * DAY * i64::from(weeks));
        let found = store::finding::weeks(self.db(), from).await?;
        let of = |week: i64| found.iter().filter(|(_, at, _)| *at == week).map(|(kind, _, n)| (*kind, *n)).collect();
        Ok((0..i64::from(weeks)).map(|week| (from.plus(7 * DAY * week), of(week))).collect())
    }

    async fn shown(&self, findings: Vec<Finding>) -> Result<Vec<FindingRow>> {
        let catalogue = self.load_catalogue().await?;
        let authorities = store::authority::all(self.db()).await?;
        let row = |finding: Finding| {
            let text = |key: &str| finding.detail.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
            FindingRow {
                id: finding.id,
                kind: finding.kind,
                batch: finding.batch_id.map(|id| catalogue.batch_code(id).to_owned()),
                authority_slug: finding
                    .authority_id
                    .and_then(|id| authorities.iter().find(|authority| authority.id == id))
                    .map(|authority| authority.slug.clone()),
                device_serial: text("serial"),
                words: text("words").unwrap_or_else(|| finding.kind.label().to_owned()),
                detail: finding.detail,
                n: finding.n,
                first_at: finding.first_at,
                last_at: finding.last_at,
                state: finding.state,
            }
        };
        Ok(findings.into_iter().map(row).collect())
    }
}

/// Resolves the finding of a cause, if one stands, in a deed's transaction.
pub(crate) async fn settle(deed: &mut Deed<'_>, kind: FindingKind, about: &str, at: Timestamp) -> Result<()> {
    store::finding::resolve(&mut deed.tx, &cause(kind, about), at).await?;
    Ok(())
}
