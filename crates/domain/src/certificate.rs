//! Certificates: what they are for, how they stand, and what names devices have in them.

use crate::{
    id::{AuthorityId, CertificateId, CustodianId, DeviceId},
    time::{DAY, Timestamp},
    words::words,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

words! {
    /// What a certificate is for.
    CertificatePurpose {
        /// A device proves who it is.
        Device => "device", "Device";
        /// A station on a factory's line enrols devices.
        Station => "station", "Factory station";
        /// The console or the gateway proves who it is.
        Server => "server", "Server";
        /// Signs OCSP answers for the CA that issued it.
        OcspResponder => "ocsp_responder", "OCSP responder";
        /// Signs software.
        CodeSigning => "code_signing", "Code signing";
        /// A certification authority.
        Authority => "authority", "Authority";
    }
}

words! {
    /// How a certificate stands, as it is kept. The clock adds to it: see [`CertificateStanding`].
    CertificateStatus {
        /// It counts.
        Valid => "valid", "Valid";
        /// A later certificate took its place and was used.
        Superseded => "superseded", "Superseded";
        /// It does not count until it is released.
        Held => "held", "Held";
        /// It does not count any more, for good.
        Revoked => "revoked", "Revoked";
    }
}

words! {
    /// How a certificate stands at a moment.
    CertificateStanding {
        /// It counts.
        Valid => "valid", "Valid";
        /// It counts, but ends within 30 days.
        Expiring => "expiring", "Expires soon";
        /// Its time is over.
        Expired => "expired", "Expired";
        /// A later certificate took its place and was used.
        Superseded => "superseded", "Superseded";
        /// It does not count until it is released.
        Held => "held", "Held";
        /// It does not count any more, for good.
        Revoked => "revoked", "Revoked";
    }
}

/// A certificate that was issued, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its id.
    pub id: CertificateId,
    /// What issued it.
    pub authority_id: AuthorityId,
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// What it is for.
    pub purpose: CertificatePurpose,
    /// The device, once it is known.
    pub device_id: Option<DeviceId>,
    /// The device's serial, from the moment the certificate was issued.
    pub device_serial: Option<String>,
    /// The factory in which a station stands.
    pub factory_id: Option<CustodianId>,
    /// The common name in it.
    pub name: String,
    /// SHA-256 of its public key, in hexadecimal.
    pub public_key_sha256: String,
    /// How it stands, as it is kept.
    pub status: CertificateStatus,
    /// Why, when it was held or revoked.
    pub reason: Option<RevocationReason>,
    /// Since when it stands so.
    pub status_at: Timestamp,
    /// From when it holds.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Who had it issued.
    pub issued_by: String,
    /// When it was first used.
    pub first_used_at: Option<Timestamp>,
    /// The certificate that it takes the place of, when it is first used.
    pub replaces: Option<CertificateId>,
}

impl Certificate {
    /// How it stands at `now`.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> CertificateStanding {
        self.status.standing((self.not_before, self.not_after), now)
    }
}

/// How long before its end a certificate counts as expiring at most.
pub const EXPIRES_SOON: i64 = 30 * DAY;

/// How long before its end a certificate of this validity counts as expiring, in microseconds: the last third of its
/// life, at most [`EXPIRES_SOON`].
#[must_use]
pub fn soon(not_before: Timestamp, not_after: Timestamp) -> i64 {
    (not_after.0.saturating_sub(not_before.0) / 3).clamp(0, EXPIRES_SOON)
}

impl CertificateStatus {
    /// How a certificate of this status and validity stands at `now`.
    #[must_use]
    pub fn standing(self, (not_before, not_after): (Timestamp, Timestamp), now: Timestamp) -> CertificateStanding {
        match self {
            Self::Revoked => CertificateStanding::Revoked,
            _ if not_after <= now => CertificateStanding::Expired,
            Self::Held => CertificateStanding::Held,
            Self::Superseded => CertificateStanding::Superseded,
            Self::Valid if not_after <= now.plus(soon(not_before, not_after)) => CertificateStanding::Expiring,
            Self::Valid => CertificateStanding::Valid,
        }
    }
}

impl CertificateStanding {
    /// Whether a verifier accepts it.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Valid | Self::Expiring)
    }
}

words! {
    /// Why a certificate was revoked: CRLReason of RFC 5280, section 5.3.1.
    RevocationReason {
        /// Nothing is said.
        Unspecified => "unspecified", "No reason given";
        /// The private key is, or may be, in other hands.
        KeyCompromise => "key_compromise", "Key compromised";
        /// The authority's private key is, or may be, in other hands.
        CaCompromise => "ca_compromise", "Authority compromised";
        /// The names in it no longer fit.
        AffiliationChanged => "affiliation_changed", "Names changed";
        /// Another certificate took its place.
        Superseded => "superseded", "Superseded";
        /// What it was for has ended.
        CessationOfOperation => "cessation_of_operation", "Out of operation";
        /// It is on hold and can be released.
        CertificateHold => "certificate_hold", "On hold";
        /// What it allowed was withdrawn.
        PrivilegeWithdrawn => "privilege_withdrawn", "Privilege withdrawn";
    }
}

impl RevocationReason {
    /// The number in CRLs and OCSP answers.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::PrivilegeWithdrawn => 9,
        }
    }

    /// The reason of a number; none for those that we don't give.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

/// The longest label of a DNS name, in octets (RFC 1035, section 2.3.4).
const LABEL_MAX: usize = 63;
/// How many characters of a hash keep two labels apart.
const HASH: usize = 10;

/// The DNS name of a device in its certificate: `gw2c-2611-04217.2026-11-a.devices.example`. Serials that differ have
/// names that differ, also where a name can't hold all that a serial can.
#[must_use]
pub fn device_dns_name(serial: &str, batch_code: &str, domain: &str) -> String {
    format!("{}.{}", dns_label(serial), batch_dns_name(batch_code, domain))
}

/// The DNS name below which a batch's devices have theirs; what its CA is constrained to.
#[must_use]
pub fn batch_dns_name(batch_code: &str, domain: &str) -> String {
    format!("{}.{domain}", dns_label(batch_code))
}

/// A label for any text. Capitals, digits and single hyphens, as serials are written, only lose their capitals; anything
/// else is replaced where it must be and told apart by a hash.
#[must_use]
pub fn dns_label(text: &str) -> String {
    let mut label = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' | '0'..='9' => label.push(c),
            'A'..='Z' => label.push(c.to_ascii_lowercase()),
            _ if label.is_empty() || label.ends_with('-') => {}
            _ => label.push('-'),
        }
    }
    let label = label.trim_end_matches('-');
    if label.to_ascii_uppercase() == text && !label.is_empty() && label.len() <= LABEL_MAX && !is_hashed(label) {
        return label.to_owned();
    }
    let hash = hex::encode(Sha256::digest(text));
    let hash = hash.get(..HASH).unwrap_or_default();
    let room = label.get(..label.len().min(LABEL_MAX - HASH - 2)).unwrap_or_default().trim_end_matches('-');
    if room.is_empty() { format!("x{hash}") } else { format!("{room}-x{hash}") }
}

/// Whether a label looks like one with a hash; then it has to have one, or two texts could share it.
fn is_hashed(label: &str) -> bool {
    let hash = label.len().checked_sub(HASH + 1).and_then(|at| label.split_at_checked(at));
    hash.is_some_and(|(before, hash)| {
        (before.is_empty() || before.ends_with('-'))
            && hash.strip_prefix('x').is_some_and(|hash| hash.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn serials_that_differ_have_labels_that_differ() {
        let mut seen: HashMap<String, &str> = HashMap::new();
        let long = "A".repeat(64);
        let longer = format!("{}B", "A".repeat(63));
        let hashed = dns_label("a").to_ascii_uppercase();
        let texts = [
            "GW2C-2611-04217",
            "gw2c-2611-04217",
            "Gw2c-2611-04217",
            "GW2C_2611_04217",
            "GW2C.2611.04217",
            "-A",
            "A-",
            "A",
            "a",
            "A--B",
            "A-B",
            "+",
            "-",
            "_",
            &long,
            &longer,
            &hashed,
        ];
        for text in texts {
            let label = dns_label(text);
            assert!((1..=63).contains(&label.len()), "{label}");
            assert!(label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{label}");
            assert!(!label.starts_with('-') && !label.ends_with('-') && !label.contains("--"), "{label}");
            if let Some(other) = seen.insert(label, text) {
                assert_eq!(other, text);
            }
        }
    }

    #[test]
    fn a_usual_serial_keeps_its_name() {
        let name = device_dns_name("GW2C-2611-04217", "2026-11-A", "devices.example");
        assert_eq!(name, "gw2c-2611-04217.2026-11-a.devices.example");
    }

    #[test]
    fn the_clock_adds_to_the_status() {
        let now = Timestamp(100 * DAY);
        let of =
            |status: CertificateStatus, from, to| status.standing((Timestamp(from * DAY), Timestamp(to * DAY)), now);
        let at = |status, days| of(status, 0, days);
        assert_eq!(at(CertificateStatus::Valid, 131), CertificateStanding::Valid);
        assert_eq!(at(CertificateStatus::Valid, 130), CertificateStanding::Expiring);
        // A new one that is short is not at its end.
        assert_eq!(of(CertificateStatus::Valid, 100, 130), CertificateStanding::Valid);
        assert_eq!(of(CertificateStatus::Valid, 81, 110), CertificateStanding::Valid);
        assert_eq!(of(CertificateStatus::Valid, 80, 110), CertificateStanding::Expiring);
        assert_eq!(at(CertificateStatus::Held, 100), CertificateStanding::Expired);
        assert_eq!(at(CertificateStatus::Revoked, 1), CertificateStanding::Revoked);
        assert!(at(CertificateStatus::Valid, 131).is_accepted() && !at(CertificateStatus::Held, 131).is_accepted());
    }

    #[test]
    fn reasons_are_those_of_rfc_5280() {
        let codes: Vec<u8> = RevocationReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 9]);
        assert_eq!(RevocationReason::of_code(9), Some(RevocationReason::PrivilegeWithdrawn));
        assert_eq!(RevocationReason::of_code(8), None);
    }
}
