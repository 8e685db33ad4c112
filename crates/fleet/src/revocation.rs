//! Revocation: from what was asked for to the one transaction that cuts it off.
//!
//! Gateways, CRLs and OCSP decide by what that transaction writes: one row for each certificate, or for each authority
//! of a batch or a factory. What devices' own records say follows in pieces (see [`follow`]).

mod act;
mod approved;
mod follow;
mod for_good;
mod plan;
mod preview;
mod read;

pub use approved::{Approved, Prepared};
pub use preview::Preview;
pub use read::{CurvePoint, RevocationDetail, RevocationPage};
pub use store::{
    revocation::Revocation as RevocationRow,
    spread::{CameBack, Spread as ChannelRow},
};

pub(crate) use follow::Revoker;
pub(crate) use for_good::{cut_for_good, cut_for_good_within};

use crate::{Deed, Error, Fleet, Result, trust::TOPIC};
use domain::{
    authority::AuthorityState,
    certificate::{CertificateStatus, RevocationReason},
    id::{ApprovalId, AuthorityId, RevocationId},
    person::Permission,
    revocation::{RevocationAct, RevocationScope, RevocationState},
    time::Timestamp,
};
use serde_json::json;
use store::revoked::{Revoked, SUPERSEDED};
use uuid::Uuid;

/// What an act is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// One certificate.
    Certificate {
        /// The word in addresses of the authority that signed it.
        authority: String,
        /// Its serial, in hexadecimal.
        serial: String,
    },
    /// All certificates of the device with this serial.
    Device(String),
    /// The certificates of all devices that a fleet query means.
    Query(String),
    /// Everything that the authorities of the batch with this code signed.
    Batch(String),
    /// Everything that the authorities of the factory with this code signed.
    Factory(String),
}

impl Selection {
    /// Reads a selection as addresses and forms name it: a scope's word, and what of it is meant. Of a certificate that
    /// is `AUTHORITY/SERIAL`, of a selection the fleet query.
    ///
    /// # Errors
    /// When it names nothing.
    pub fn from_words(scope: &str, subject: &str) -> Result<Self> {
        let wrong =
            || Error::field("scope", "Say what is to be revoked: a certificate, device, selection, batch or factory.");
        let subject = subject.trim().to_owned();
        if subject.is_empty() {
            return Err(wrong());
        }
        Ok(match scope.parse::<RevocationScope>().map_err(|_| wrong())? {
            RevocationScope::Certificate => {
                let (authority, serial) = subject.split_once('/').ok_or_else(wrong)?;
                Self::Certificate { authority: authority.to_owned(), serial: serial.to_ascii_lowercase() }
            }
            RevocationScope::Device => Self::Device(subject),
            RevocationScope::Selection => Self::Query(subject),
            RevocationScope::Batch => Self::Batch(subject),
            RevocationScope::Factory => Self::Factory(subject),
        })
    }

    /// What kind of thing it is about.
    #[must_use]
    pub const fn scope(&self) -> RevocationScope {
        match self {
            Self::Certificate { .. } => RevocationScope::Certificate,
            Self::Device(_) => RevocationScope::Device,
            Self::Query(_) => RevocationScope::Selection,
            Self::Batch(_) => RevocationScope::Batch,
            Self::Factory(_) => RevocationScope::Factory,
        }
    }

    /// What of it is meant, as [`Selection::from_words`] reads it.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::Certificate { authority, serial } => format!("{authority}/{serial}"),
            Self::Device(text) | Self::Query(text) | Self::Batch(text) | Self::Factory(text) => text.clone(),
        }
    }
}

/// What is to be done, as a form gives it.
#[derive(Clone, Debug)]
pub struct RevokeForm {
    /// What it is about.
    pub selection: Selection,
    /// What is done.
    pub act: RevocationAct,
    /// Why. Only a revocation for good has a reason of its own.
    pub reason: RevocationReason,
    /// What is to be said about it; may be empty.
    pub note: String,
    /// What the person typed to show that it is meant: [`Preview::confirm_word`].
    pub confirmation: String,
    /// The hash of what the person was shown: [`Preview::hash`].
    pub preview_hash: String,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done(RevocationId),
    /// A second person has to approve it.
    Waiting(ApprovalId, RevocationId),
}

/// Who may do that to so much: one device's certificates may be held and released by whoever supports devices.
pub(crate) const fn permission(scope: RevocationScope, act: RevocationAct) -> Permission {
    match (scope, act) {
        (RevocationScope::Certificate | RevocationScope::Device, RevocationAct::Hold | RevocationAct::Release) => {
            Permission::CertificateHold
        }
        _ => Permission::CertificateRevoke,
    }
}

/// In which state an act puts an authority.
pub(crate) const fn state_of(act: RevocationAct) -> AuthorityState {
    match act {
        RevocationAct::Hold => AuthorityState::Held,
        RevocationAct::Revoke => AuthorityState::Revoked,
        RevocationAct::Release => AuthorityState::Active,
    }
}

/// Lists a certificate as superseded by one that was used, in the deed's transaction. From its commit on it is refused.
pub(crate) async fn supersede(deed: &mut Deed<'_>, authority: AuthorityId, serial: &str) -> Result<()> {
    if store::revoked::one_within(&mut deed.tx, authority, serial).await?.is_some() {
        return Ok(());
    }
    let at = deed.fleet().now();
    let reason = RevocationReason::Superseded;
    let row = Revoked { authority, serial: serial.to_owned(), at, revocation: SUPERSEDED, reason };
    store::revoked::insert_many(&mut deed.tx, &[row]).await?;
    let status = CertificateStatus::Superseded;
    store::revoked::record::set_status(&mut deed.tx, authority, &[serial], status, Some(reason), at).await?;
    deed.ring(TOPIC, &format!("certificate:{authority}:{serial}")).await
}

/// Puts one certificate on hold because a rule says so, in the deed's transaction. It counts from `at` on.
pub(crate) async fn withhold(
    deed: &mut Deed<'_>,
    (authority, serial): (AuthorityId, &str),
    note: &str,
    at: Timestamp,
) -> Result<()> {
    if store::revoked::one_within(&mut deed.tx, authority, serial).await?.is_some() {
        return Ok(());
    }
    let id = RevocationId(Uuid::now_v7());
    let reason = RevocationReason::CertificateHold;
    let record = RevocationRow { requested_at: at, effective_at: Some(at), ..of_one(deed, id, serial, note) };
    store::revocation::insert(&mut deed.tx, &record).await?;
    let row = Revoked { authority, serial: serial.to_owned(), at, revocation: id, reason };
    store::revoked::insert_many(&mut deed.tx, &[row]).await?;
    deed.ring(TOPIC, &format!("revocation:{id}")).await?;
    deed.ring("revocation", &id.to_string()).await
}

/// Releases one certificate that a rule put on hold by this act, in the deed's transaction, in which its device's record
/// follows. False when that doesn't hold it any more.
pub(crate) async fn restore(
    deed: &mut Deed<'_>,
    authority: AuthorityId,
    (serial, hold): (&str, RevocationId),
    note: &str,
) -> Result<bool> {
    let (at, id) = (deed.fleet().now(), RevocationId(Uuid::now_v7()));
    if !store::revoked::lift(&mut deed.tx, authority, (&[serial], hold), at, id).await? {
        return Ok(false);
    }
    let record = RevocationRow { act: RevocationAct::Release, ..of_one(deed, id, serial, note) };
    store::revocation::insert(&mut deed.tx, &record).await?;
    deed.ring(TOPIC, &format!("revocation:{id}")).await?;
    deed.ring("revocation", &id.to_string()).await?;
    deed.fleet().follow_at_once(deed, &record).await?;
    Ok(true)
}

/// Revokes one certificate for good because its key is out of our hands, in the deed's transaction. A hold ends by that.
/// The act; none when the certificate is revoked already.
pub(crate) async fn compromise(
    deed: &mut Deed<'_>,
    authority: AuthorityId,
    serial: &str,
    note: &str,
) -> Result<Option<RevocationId>> {
    let (at, id) = (deed.fleet().now(), RevocationId(Uuid::now_v7()));
    if let Some(present) = store::revoked::one_within(&mut deed.tx, authority, serial).await? {
        let is_hold = crate::trust::is_hold(present.reason);
        if !is_hold || !store::revoked::lift(&mut deed.tx, authority, (&[serial], present.revocation), at, id).await? {
            return Ok(None);
        }
    }
    let reason = RevocationReason::KeyCompromise;
    let record = RevocationRow {
        act: RevocationAct::Revoke,
        reason: reason.as_str().to_owned(),
        ..of_one(deed, id, serial, note)
    };
    store::revocation::insert(&mut deed.tx, &record).await?;
    let row = Revoked { authority, serial: serial.to_owned(), at, revocation: id, reason };
    store::revoked::insert_many(&mut deed.tx, &[row]).await?;
    deed.ring(TOPIC, &format!("revocation:{id}")).await?;
    deed.ring("revocation", &id.to_string()).await?;
    // The device's next certificate must not come before its own record of this.
    deed.fleet().follow_at_once(deed, &record).await?;
    Ok(Some(id))
}

/// Whether a rule put something on hold by this act, and no person.
pub(crate) fn is_of_rule(act: &RevocationRow, rule: &crate::Actor) -> bool {
    // Whatever people decide on was shown to them before, and bears the hash of that.
    act.act == RevocationAct::Hold && act.preview_hash.is_empty() && act.requested_by == rule.name()
}

/// The record of an act that a rule does to one certificate: a hold, unless said otherwise.
fn of_one(deed: &Deed<'_>, id: RevocationId, serial: &str, note: &str) -> RevocationRow {
    let at = deed.fleet().now();
    RevocationRow {
        id,
        scope: RevocationScope::Certificate,
        act: RevocationAct::Hold,
        subject: serial.to_owned(),
        query: String::new(),
        reason: RevocationReason::CertificateHold.as_str().to_owned(),
        note: note.to_owned(),
        preview: json!({"certificates": 1}).to_string(),
        preview_hash: String::new(),
        state: RevocationState::Effective,
        requested_by: deed.actor().name().to_owned(),
        requested_at: at,
        approved_by: None,
        approval_id: None,
        effective_at: Some(at),
        total: 1,
        applied: 0,
        cursor: None,
    }
}

impl Fleet {
    /// What is to be done once an act is committed: this process trusts as the database says, and devices' records
    /// begin to follow.
    pub(crate) async fn revocation_committed(&self, id: RevocationId) {
        if let Err(error) = self.refresh_trust().await {
            // It is durable; the follower tries again within the blink of an eye.
            tracing::error!(%error, revocation = %id, "the trust of this process has not followed yet");
        }
        self.wake_revoker();
    }
}
