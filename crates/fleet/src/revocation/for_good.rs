//! Devices that were revoked for good by themselves, not with their batch or factory: what was stolen or lost, or whose key
//! is in other hands.

use crate::{Actor, Fleet, Result};
use domain::{
    certificate::{Certificate, RevocationReason},
    person::Permission,
};
use store::{Db, Tx, revoked::Revoked};

impl Fleet {
    /// Whether a device was revoked for good by itself, so that a repair alone brings it back.
    ///
    /// # Errors
    /// When the actor may not see certificates, or the database fails.
    pub async fn is_revoked_for_good(&self, actor: &Actor, serial: &str) -> Result<bool> {
        actor.require(Permission::AuthorityRead)?;
        let certificates = store::certificate::of_device(self.db(), serial).await?;
        Ok(cut_for_good(self.db(), &certificates).await?.is_some())
    }
}

/// Why a device with these certificates was revoked for good, if it was: its newest one tells.
pub(crate) async fn cut_for_good(db: &Db, of_device: &[Certificate]) -> Result<Option<RevocationReason>> {
    let Some(newest) = newest(of_device) else { return Ok(None) };
    Ok(store::revoked::one(db, newest.authority_id, &newest.serial).await?.as_ref().and_then(for_good))
}

/// The same as the transaction sees it.
pub(crate) async fn cut_for_good_within(tx: &mut Tx, of_device: &[Certificate]) -> Result<Option<RevocationReason>> {
    let Some(newest) = newest(of_device) else { return Ok(None) };
    Ok(store::revoked::one_within(tx, newest.authority_id, &newest.serial).await?.as_ref().and_then(for_good))
}

fn newest(of_device: &[Certificate]) -> Option<&Certificate> {
    of_device.iter().max_by_key(|certificate| certificate.issued_at)
}

/// What is on hold is released, what was superseded has a successor, and where only the names changed nothing speaks against
/// the key or whoever has it (RFC 5280, section 5.3.1: `affiliationChanged`).
fn for_good(cut: &Revoked) -> Option<RevocationReason> {
    use RevocationReason as R;
    let passes = matches!(cut.reason, R::CertificateHold | R::Superseded | R::AffiliationChanged);
    (!passes).then_some(cut.reason)
}
