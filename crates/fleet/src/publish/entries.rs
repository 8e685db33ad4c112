//! What a CRL lists.

use crate::{Fleet, Result, trust::AuthorityTrust};
use domain::{certificate::RevocationReason, time::Timestamp};
use pki::{RevokedEntry, SerialNumber};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use store::crl::Crl;

impl Fleet {
    /// Everything that an authority's next CRL lists, by serial: what is cut off one by one and, when the authority
    /// itself is, all that it signed. What has ended is listed once more after its end and then no longer (RFC 5280,
    /// section 3.3).
    pub(super) async fn crl_entries(
        &self,
        authority: &AuthorityTrust,
        previous: Option<&Crl>,
    ) -> Result<Vec<RevokedEntry>> {
        let since = previous.map_or(Timestamp(0), |previous| previous.this_update);
        let mut own: HashMap<SerialNumber, RevokedEntry> = HashMap::new();
        for row in store::revoked::listed(self.db(), authority.id()).await? {
            // Of what is not among the certificates we don't know the end; it stays.
            let is_over = row.not_after != 0 && row.not_after < since.0;
            if let (false, Ok(serial)) = (is_over, SerialNumber::from_hex(&row.serial)) {
                own.insert(serial, entry(serial, Timestamp(row.at), store::revoked::reason_of(row.reason)));
            }
        }
        let mut entries = Vec::new();
        if let Some(cut) = authority.cut() {
            let signed = store::revoked::signed(self.db(), authority.id(), since).await?;
            entries.reserve(signed.len());
            for serial in signed {
                let Ok(serial) = SerialNumber::from_hex(&serial) else { continue };
                let is_lighter = |own: &RevokedEntry| own.reason == RevocationReason::CertificateHold.code();
                let heavier = own.remove(&serial).filter(|own| !is_lighter(own) || cut.is_hold());
                entries.push(heavier.unwrap_or_else(|| entry(serial, cut.at, cut.reason)));
            }
        }
        entries.extend(own.into_values());
        entries.sort_unstable_by_key(|entry| entry.serial);
        Ok(entries)
    }
}

fn entry(serial: SerialNumber, at: Timestamp, reason: RevocationReason) -> RevokedEntry {
    RevokedEntry { serial, at: super::whole_second(at), reason: reason.code() }
}

/// Tells whether two lists are the same.
pub(super) fn digest(entries: &[RevokedEntry]) -> String {
    let mut digest = Sha256::new();
    let mut one = Vec::with_capacity(32);
    for entry in entries {
        one.clear();
        one.push(entry.reason);
        one.extend_from_slice(&entry.at.0.to_be_bytes());
        one.push(u8::try_from(entry.serial.as_bytes().len()).unwrap_or_default());
        one.extend_from_slice(entry.serial.as_bytes());
        digest.update(&one);
    }
    hex::encode(digest.finalize())
}
