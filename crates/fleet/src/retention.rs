//! How long things are kept: what an administrator chose, what would go by that, and letting it go.

mod run;

use crate::{Actor, Error, FieldError, Fleet, Result};
use domain::{
    person::Permission,
    retention::{Keep, Kept, Policy},
    time::Timestamp,
};
use serde_json::json;
use std::collections::BTreeMap;
use store::{
    StoreError, StoreResult, crl,
    retention::{self, Pass},
    webhook::delivery,
};

/// More than this is not counted.
pub const COUNTED: i64 = 10_000;
/// What stands before a kind's word in the key of its setting.
const KEY: &str = "keep.";

/// One kind of what is kept, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRow {
    /// What it is.
    pub kept: Kept,
    /// For how long it is kept.
    pub keep: Keep,
    /// How much would go now by that; [`COUNTED`] stands for that many or more. None where it could not be counted in time.
    pub would_go: Option<i64>,
    /// When the last pass ended, and how many rows went in it.
    pub last: Option<(Timestamp, u64)>,
}

impl Fleet {
    /// How long things are kept. What was chosen by a later version and can't be read counts as not chosen.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn kept_for(&self) -> Result<Policy> {
        let mut policy = Policy::default();
        for (key, value) in store::setting::all(self.db()).await? {
            if let Some(kept) = key.strip_prefix(KEY).and_then(|word| word.parse().ok())
                && let Err(error) = policy.choose(kept, &value)
            {
                tracing::warn!(%error, key, "what was chosen for how long something is kept can't be read");
            }
        }
        Ok(policy)
    }

    /// How long things are kept, and what would go now. With `typed`, words of kinds with what was typed for them, as if that had been
    /// chosen: nothing is changed.
    ///
    /// # Errors
    /// When the actor may not see settings, or something that was typed can't be chosen.
    pub async fn kept(&self, actor: &Actor, typed: &BTreeMap<Kept, String>) -> Result<Vec<KeptRow>> {
        actor.require(Permission::AuthorityRead)?;
        let policy = chosen(self.kept_for().await?, typed)?;
        let mut rows = Vec::new();
        for kept in Kept::ALL.iter().copied() {
            let keep = policy.of(kept);
            let would_go = match keep.before(self.now()) {
                None => Some(0),
                Some(before) => match self.would_go(kept, before).await {
                    Ok(n) => Some(n),
                    Err(StoreError::Slow) => None,
                    Err(error) => return Err(error.into()),
                },
            };
            let pass = retention::pass(self.db(), kept).await?;
            let last = pass.ended_at.map(|at| (at, if pass.begun_at.is_some() { 0 } else { pass.gone }));
            rows.push(KeptRow { kept, keep, would_go, last });
        }
        Ok(rows)
    }

    async fn would_go(&self, kept: Kept, before: Timestamp) -> StoreResult<i64> {
        let db = self.db();
        match kept {
            Kept::Feedback => {
                let below = retention::first_action_since(db, before).await?;
                retention::feedback(db, below, before, COUNTED).await
            }
            Kept::Steps => retention::steps(db, before, COUNTED).await,
            Kept::Webhooks => delivery::old(db, before, COUNTED).await,
            Kept::Crls => {
                let mut n = 0;
                for (authority, _) in crl::numbers(db).await? {
                    n += crl::superseded(db, authority, before, COUNTED - n).await?;
                    if n >= COUNTED {
                        break;
                    }
                }
                Ok(n)
            }
        }
    }

    /// Chooses how long things are kept: words of kinds, each with a number of days or nothing for ever. What is not among them stays as
    /// it was. What is older goes within the next hours.
    ///
    /// # Errors
    /// When the actor may not, has to show a second factor again, or something can't be chosen.
    pub async fn keep_for(&self, actor: &Actor, typed: &BTreeMap<Kept, String>) -> Result<()> {
        let subject = "settings";
        self.authorise(actor, Permission::SettingManage, subject).await?;
        self.require_fresh(actor).await?;
        let before = self.kept_for().await?;
        let after = chosen(before, typed)?;
        let words = |policy: &Policy| -> BTreeMap<Kept, String> {
            Kept::ALL.iter().map(|kept| (*kept, policy.of(*kept).text())).collect()
        };
        let mut deed = self.allow(actor, Permission::SettingManage, subject).await?;
        for (kept, text) in words(&after) {
            store::setting::put(&mut deed.tx, &format!("{KEY}{kept}"), &text).await?;
        }
        deed.ring("setting", "retention").await?;
        deed.commit("retention.save", subject, &json!({"before": words(&before), "after": words(&after)})).await
    }
}

fn chosen(mut policy: Policy, typed: &BTreeMap<Kept, String>) -> Result<Policy> {
    let mut fields = Vec::new();
    for (kept, text) in typed {
        if let Err(error) = policy.choose(*kept, text) {
            fields.push(FieldError { field: kept.as_str().to_owned(), message: error.to_string() });
        }
    }
    if fields.is_empty() { Ok(policy) } else { Err(Error::Invalid { fields }) }
}

/// Whether a pass has to go on or to begin.
fn is_due(pass: &Pass, now: Timestamp, every: i64) -> bool {
    pass.begun_at.is_some() || pass.ended_at.is_none_or(|ended| ended.plus(every) <= now)
}
