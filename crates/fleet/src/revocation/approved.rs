//! What a second person decided on: done as it was shown, or not at all.

use super::{
    Selection,
    act::{changed, take_effect},
    plan::{Hits, Plan, hash_of_devices},
    preview::Preview,
};
use crate::{Actor, Deed, Error, Fleet, Result};
use domain::{
    id::{ApprovalId, RevocationId},
    person::Permission,
    revocation::{RevocationScope, RevocationState},
    time::Timestamp,
};
use store::revocation::Revocation;

/// A request that waits, with its names resolved.
pub struct Prepared {
    record: Revocation,
    /// None when what it names is gone.
    plan: Option<Plan>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approved {
    /// It counts.
    Done(RevocationId),
    /// It would hit something else than was shown, so nothing was done; says so in a sentence.
    Void(String),
    /// The second person said no.
    Rejected,
}

impl Prepared {
    /// The act.
    #[must_use]
    pub const fn id(&self) -> RevocationId {
        self.record.id
    }
}

impl Fleet {
    /// What a request that waits would hit by now, beside what was shown to whoever asked; none when what it names is
    /// gone. An approval is bound to the devices or the authorities of a request, and their numbers may change meanwhile.
    ///
    /// # Errors
    /// When the actor may not see approvals, or this one is about no revocation.
    pub async fn preview_now(&self, actor: &Actor, approval: ApprovalId) -> Result<Option<Preview>> {
        actor.require(Permission::ApprovalRead)?;
        match self.prepare_revocation(approval).await?.plan {
            Some(plan) => Ok(Some(self.preview_of(&plan).await?.0)),
            None => Ok(None),
        }
    }

    /// Reads what is to be read before the transaction in which a request is decided.
    pub(crate) async fn prepare_revocation(&self, approval: ApprovalId) -> Result<Prepared> {
        let record = store::revocation::of_approval(self.db(), approval).await?;
        let record = record.ok_or_else(|| Error::not_found("revocation", &approval.to_string()))?;
        let subject = if record.scope == RevocationScope::Selection { &record.query } else { &record.subject };
        let selection = Selection::from_words(record.scope.as_str(), subject)?;
        if record.scope == RevocationScope::Selection {
            let plan = Some(Plan::bound(selection, record.act, record.id));
            return Ok(Prepared { record, plan });
        }
        let plan = match self.plan_revocation(&selection, record.act).await {
            Ok(plan) => Some(plan),
            Err(Error::NotFound { .. } | Error::Query(_)) => None,
            Err(other) => return Err(other),
        };
        Ok(Prepared { record, plan })
    }

    /// Does what was approved, or ends the request, in the deed's transaction.
    pub(crate) async fn revocation_approved(
        &self,
        deed: &mut Deed<'_>,
        prepared: &Prepared,
        decided_by: &str,
        approve: bool,
    ) -> Result<Approved> {
        let record = &prepared.record;
        if !approve {
            self.end_request(deed, record, RevocationState::Rejected, decided_by).await?;
            return Ok(Approved::Rejected);
        }
        let now = self.now();
        let hits = match &prepared.plan {
            Some(plan) => still_meant(deed, plan, record, now).await?.map(|hits| (plan, hits)),
            None => None,
        };
        let Some((plan, hits)) = hits else {
            self.end_request(deed, record, RevocationState::Void, decided_by).await?;
            return Ok(Approved::Void(void_message(record)));
        };
        let total = take_effect(deed, plan, &hits, record, now).await?;
        if !store::revocation::take_effect(&mut deed.tx, record.id, decided_by, now, total).await? {
            return Err(changed());
        }
        Ok(Approved::Done(record.id))
    }

    async fn end_request(
        &self,
        deed: &mut Deed<'_>,
        record: &Revocation,
        state: RevocationState,
        decided_by: &str,
    ) -> Result<()> {
        if !store::revocation::end(&mut deed.tx, record.id, state, decided_by).await? {
            return Err(changed());
        }
        deed.ring("revocation", &record.id.to_string()).await
    }
}

/// What is hit by now, if the second person was shown that. A selection is bound to its devices: all certificates that
/// these have by now are meant, and what happened to some of them meanwhile is no reason to let the others go.
async fn still_meant(deed: &mut Deed<'_>, plan: &Plan, record: &Revocation, now: Timestamp) -> Result<Option<Hits>> {
    let hits = plan.hits_within(&mut deed.tx, now).await?;
    let hash = if record.scope == RevocationScope::Selection {
        let devices = store::revocation::bound_to(&mut deed.tx, record.id).await?;
        hash_of_devices(&plan.selection, plan.act, &devices)
    } else {
        hits.hash(plan)
    };
    Ok((hash == record.preview_hash && !hits.is_empty()).then_some(hits))
}

fn void_message(record: &Revocation) -> String {
    format!(
        "The set of what this would hit is no longer the one that {} was shown on {}, so nothing was done and the request \
         is void. Ask for it anew.",
        record.requested_by,
        record.requested_at.minute_words()
    )
}
