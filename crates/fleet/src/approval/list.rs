//! Approvals a page at a time.

use super::ApprovalRow;
use crate::{Actor, Fleet, Result};
use domain::{approval::ApprovalState, id::ApprovalId, person::Permission};
use serde::Serialize;

/// How many approvals a page shows when nothing is said, and at most.
const PAGE: i64 = 100;
const PAGE_MAX: i64 = 500;

/// A page of approvals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApprovalPage {
    /// The approvals, newest first.
    pub rows: Vec<ApprovalRow>,
    /// After which one the next page begins, if there is one.
    pub next: Option<ApprovalId>,
    /// How many there are on all pages.
    pub total: i64,
}

impl Fleet {
    /// A page of approvals, newest first, after one; only those in a state when one is given. A limit of 0 is what is
    /// usual.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn approval_page(
        &self,
        actor: &Actor,
        state: Option<ApprovalState>,
        after: Option<ApprovalId>,
        limit: i64,
    ) -> Result<ApprovalPage> {
        actor.require(Permission::ApprovalRead)?;
        let limit = if limit == 0 { PAGE } else { limit.clamp(1, PAGE_MAX) };
        let mut found = store::approval::page(self.db(), state, after, limit + 1).await?;
        let total = match state {
            Some(state) => store::approval::count(self.db(), state).await?,
            None => store::approval::count_all(self.db()).await?,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| last.id);
        Ok(ApprovalPage { rows: found.iter().map(Into::into).collect(), next, total })
    }
}
