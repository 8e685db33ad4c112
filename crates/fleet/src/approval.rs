//! Approvals: what needs a second person, bound to the hash of exactly what was shown.

mod list;

pub use list::ApprovalPage;

use crate::{Actor, Deed, Error, Fleet, Result, webhook};
use domain::{
    approval::{ApprovalKind, ApprovalState, approval_hash},
    id::ApprovalId,
    person::Permission,
    time::Timestamp,
    webhook::EventKind,
};
use serde::Serialize;
use serde_json::{Value, json};
use store::approval::{Approval, Decision};
use uuid::Uuid;

/// How many approvals a list shows.
const SHOWN: i64 = 500;
/// What holds the names of the people behind an actor apart; it occurs in no address.
const APART: char = '\n';

/// An approval as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApprovalRow {
    /// Its id.
    pub id: ApprovalId,
    /// What is to be approved.
    pub kind: ApprovalKind,
    /// What it is about: `authority:ID`, `revocation:ID`.
    pub subject: String,
    /// It in a sentence.
    pub title: String,
    /// The hash of exactly what is shown.
    pub hash: String,
    /// How it stands.
    pub state: ApprovalState,
    /// Who requested it.
    pub requested_by: String,
    /// When it was requested.
    pub requested_at: Timestamp,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Why it was decided so; may be empty.
    pub reason: String,
}

/// An approval with all that is to be approved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApprovalDetail {
    /// The approval.
    #[serde(flatten)]
    pub row: ApprovalRow,
    /// Exactly what is to be approved.
    pub detail: Value,
    /// Whether whoever asks is the requester, or made the token that is, and so may not decide.
    pub own: bool,
}

impl From<&Approval> for ApprovalRow {
    fn from(approval: &Approval) -> Self {
        Self {
            id: approval.id,
            kind: approval.kind,
            subject: approval.subject.clone(),
            title: approval.title.clone(),
            hash: approval.hash.clone(),
            state: approval.state,
            requested_by: approval.requested_by_name.clone(),
            requested_at: approval.requested_at,
            decided_by: Some(approval.decided_by_name.clone()).filter(|name| !name.is_empty()),
            decided_at: approval.decided_at,
            reason: approval.reason.clone(),
        }
    }
}

/// Opens an approval in the transaction of what it is about. `detail` holds everything that the second person must see.
pub(crate) async fn open(
    deed: &mut Deed<'_>,
    kind: ApprovalKind,
    subject: &str,
    title: &str,
    detail: &Value,
) -> Result<ApprovalId> {
    let (fleet, actor) = (deed.fleet(), deed.actor());
    let makers = makers_within(deed).await?;
    let approval = Approval {
        id: ApprovalId(Uuid::now_v7()),
        kind,
        subject: subject.to_owned(),
        title: title.to_owned(),
        detail: detail.clone(),
        hash: approval_hash(kind, subject, title, detail),
        state: ApprovalState::Waiting,
        requested_by_kind: actor.kind().to_owned(),
        requested_by: actor.id(),
        requested_by_name: actor.name().to_owned(),
        makers,
        requested_at: fleet.now(),
        decided_by: String::new(),
        decided_by_name: String::new(),
        decided_at: None,
        reason: String::new(),
    };
    store::approval::insert(&mut deed.tx, &approval).await?;
    deed.ring("approval", &approval.id.to_string()).await?;
    webhook::tell(&mut deed.tx, fleet.now(), EventKind::ApprovalWaiting, &approval.id.to_string()).await?;
    Ok(approval.id)
}

/// The people behind whoever acts: oneself, or whoever made the token, and the token by which that one was made.
pub(crate) async fn makers_within(deed: &mut Deed<'_>) -> Result<String> {
    let mut makers = vec![deed.actor().name().to_owned()];
    if let Actor::Token { id, .. } = deed.actor() {
        let maker = store::token::by_id_within(&mut deed.tx, *id).await?.map(|token| token.created_by);
        makers.extend(maker);
    }
    let tokens = store::token::all_within(&mut deed.tx).await?;
    Ok(with_makers_of_makers(makers, &tokens).join(&APART.to_string()))
}

/// A token may have been made by means of a token: then its maker is that one's maker, too. Names of tokens need not be
/// unique, so all of a name count: better one approver too few than the requester.
fn with_makers_of_makers(mut makers: Vec<String>, tokens: &[store::token::ApiToken]) -> Vec<String> {
    let mut at = 1;
    while let Some(maker) = makers.get(at).cloned() {
        for token in tokens.iter().filter(|token| token.name == maker) {
            if !makers.contains(&token.created_by) {
                makers.push(token.created_by.clone());
            }
        }
        at += 1;
    }
    makers
}

fn is_own(approval: &Approval, actor: &Actor) -> bool {
    let same = approval.requested_by_kind == actor.kind()
        && approval.requested_by == actor.id()
        && approval.requested_by_name == actor.name();
    let made = matches!(actor, Actor::User { .. }) && approval.makers.split(APART).any(|maker| maker == actor.name());
    same || made
}

impl Fleet {
    /// Approvals, newest first: at most 500, only those in a state when one is given.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn approvals(&self, actor: &Actor, state: Option<ApprovalState>) -> Result<Vec<ApprovalRow>> {
        actor.require(Permission::ApprovalRead)?;
        let approvals = store::approval::list(self.db(), state, SHOWN).await?;
        Ok(approvals.iter().map(Into::into).collect())
    }

    /// An approval with all that is to be approved.
    ///
    /// # Errors
    /// When the actor may not see it, or there is no such approval.
    pub async fn approval(&self, actor: &Actor, id: ApprovalId) -> Result<ApprovalDetail> {
        actor.require(Permission::ApprovalRead)?;
        let approval = self.kept_approval(id).await?;
        Ok(ApprovalDetail { row: (&approval).into(), own: is_own(&approval, actor), detail: approval.detail })
    }

    /// How many approvals wait.
    ///
    /// # Errors
    /// When the actor may not see them.
    pub async fn approvals_waiting(&self, actor: &Actor) -> Result<i64> {
        actor.require(Permission::ApprovalRead)?;
        Ok(store::approval::count(self.db(), ApprovalState::Waiting).await?)
    }

    /// Approves or rejects what somebody else requested. `hash` is that of what the decider was shown: should it be
    /// another one, nothing happens.
    ///
    /// # Errors
    /// When the actor may not, is the requester or made the token that is, has to show a second factor again, was shown
    /// something else, or it is decided already.
    pub async fn decide(&self, actor: &Actor, id: ApprovalId, hash: &str, approve: bool, reason: &str) -> Result<()> {
        let subject = format!("approval:{id}");
        self.authorise(actor, Permission::ApprovalDecide, &subject).await?;
        let approval = self.kept_approval(id).await?;
        self.check_decider(actor, &approval, &subject).await?;
        self.require_fresh(actor).await?;
        let reason = reason.trim();
        if reason.chars().count() > 400 {
            return Err(Error::field("reason", "Keep the reason under 400 characters."));
        }
        if !approve && reason.is_empty() {
            return Err(Error::field("reason", "Say why you reject it."));
        }
        if approval.state != ApprovalState::Waiting {
            return Err(decided(&approval));
        }
        let shown = approval_hash(approval.kind, &approval.subject, &approval.title, &approval.detail);
        if approval.hash != hash || shown != hash {
            return Err(Error::Conflict(
                "This is not what you were shown: it has changed since. Look at it again and decide then.".to_owned(),
            ));
        }
        match approval.kind {
            ApprovalKind::AuthorityCreate => self.decide_authority(actor, &approval, approve, reason).await,
            ApprovalKind::CodeSigning => self.decide_code_signing(actor, &approval, approve, reason).await,
            ApprovalKind::Revocation | ApprovalKind::Release => {
                self.decide_revocation(actor, &approval, approve, reason).await
            }
            ApprovalKind::Repair => self.decide_repair(actor, &approval, approve, reason).await,
            ApprovalKind::Voucher => self.decide_voucher(actor, &approval, approve, reason).await,
            ApprovalKind::Rollout => self.decide_rollout(actor, &approval, approve, reason).await,
            ApprovalKind::Promotion => self.decide_promotion(actor, &approval, approve, reason).await,
        }
    }

    async fn check_decider(&self, actor: &Actor, approval: &Approval, subject: &str) -> Result<()> {
        let refused = if is_own(approval, actor) {
            Some("You requested this, or made the token that did. Somebody else has to decide it.")
        } else if matches!(actor, Actor::Token { .. }) {
            Some("Approvals are decided by people. Sign in as a manager.")
        } else {
            None
        };
        let Some(message) = refused else { return Ok(()) };
        let detail = json!({"refused": message}).to_string();
        let denied = domain::audit::Outcome::Denied;
        self.audit_alone(actor, Permission::ApprovalDecide.as_str(), subject, denied, &detail).await?;
        Err(Error::Conflict(message.to_owned()))
    }

    async fn decide_revocation(&self, actor: &Actor, approval: &Approval, approve: bool, reason: &str) -> Result<()> {
        let subject = format!("approval:{}", approval.id);
        let prepared = self.prepare_revocation(approval.id).await?;
        let mut deed = self.allow(actor, Permission::ApprovalDecide, &subject).await?;
        conclude(&mut deed, approval, if approve { ApprovalState::Approved } else { ApprovalState::Rejected }, reason)
            .await?;
        let outcome = self.revocation_approved(&mut deed, &prepared, actor.name(), approve).await?;
        let (state, void) = match outcome {
            crate::revocation::Approved::Void(message) => {
                store::approval::void(&mut deed.tx, approval.id, &message).await?;
                (ApprovalState::Void, Some(message))
            }
            crate::revocation::Approved::Done(_) => (ApprovalState::Approved, None),
            crate::revocation::Approved::Rejected => (ApprovalState::Rejected, None),
        };
        let detail = detail_of(approval, state, void.as_deref().unwrap_or(reason));
        deed.commit("approval.decide", &subject, &detail).await?;
        match void {
            Some(message) => Err(Error::Conflict(message)),
            None => {
                self.revocation_committed(prepared.id()).await;
                Ok(())
            }
        }
    }

    pub(crate) async fn kept_approval(&self, id: ApprovalId) -> Result<Approval> {
        let found = store::approval::by_id(self.db(), id).await?;
        found.ok_or_else(|| Error::not_found("approval", &id.to_string()))
    }
}

/// What the audit log keeps of a decision: what came of it, not what was asked for.
pub(crate) fn detail_of(approval: &Approval, state: ApprovalState, reason: &str) -> Value {
    json!({
        "approved": state == ApprovalState::Approved, "state": state, "kind": approval.kind, "subject": approval.subject, "title": approval.title,
        "hash": approval.hash, "requested_by": approval.requested_by_name, "reason": reason,
    })
}

/// Decides an approval in a deed's transaction: of several who decide at once, one gets past here.
pub(crate) async fn conclude(
    deed: &mut Deed<'_>,
    approval: &Approval,
    state: ApprovalState,
    reason: &str,
) -> Result<()> {
    let (by, at) = (deed.actor().id(), deed.fleet().now());
    let decision = Decision { by: &by, name: deed.actor().name(), at, reason };
    if !store::approval::decide(&mut deed.tx, approval.id, &approval.hash, state, decision).await? {
        return Err(decided(approval));
    }
    webhook::tell(&mut deed.tx, at, EventKind::ApprovalDecided, &approval.id.to_string()).await?;
    deed.ring("approval", &approval.id.to_string()).await
}

fn decided(approval: &Approval) -> Error {
    let by = if approval.decided_by_name.is_empty() { "somebody else" } else { &approval.decided_by_name };
    Error::Conflict(format!("This was decided already, by {by}."))
}
