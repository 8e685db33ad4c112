//! Certification authorities: which kinds there are, and in which state one is.

use crate::{
    id::{AuthorityId, BatchId, CustodianId},
    time::Timestamp,
    words::words,
};
use serde::{Deserialize, Serialize};

words! {
    /// What kind of authority: where it stands between the root and a device.
    AuthorityKind {
        /// Signs factory CAs and operations CAs. Its key is never here.
        Root => "root", "Root";
        /// Signs the batch CAs of one factory.
        Factory => "factory", "Factory CA";
        /// Signs the devices of one batch.
        Batch => "batch", "Batch CA";
        /// Signs what Muster itself and its factories' stations show.
        Operations => "operations", "Operations CA";
    }
}

words! {
    /// In which state an authority is.
    AuthorityState {
        /// Asked for; a second person has to approve it.
        Requested => "requested", "Waits for approval";
        /// Its key and its request are made; the ceremony must sign.
        AwaitingCertificate => "awaiting_certificate", "Waits for its certificate";
        /// It signs.
        Active => "active", "Active";
        /// It signs no more; what it signed is still trusted.
        Retired => "retired", "Retired";
        /// What it signed is not trusted until it is released.
        Held => "held", "Held";
        /// What it signed is not trusted any more.
        Revoked => "revoked", "Revoked";
        /// It was asked for and refused.
        Rejected => "rejected", "Rejected";
    }
}

impl AuthorityKind {
    /// Whether devices, stations or servers have certificates of it.
    #[must_use]
    pub const fn issues(self) -> bool {
        matches!(self, Self::Batch | Self::Operations)
    }

    /// What signs an authority of this kind; nothing for a root.
    #[must_use]
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::Root => None,
            Self::Factory | Self::Operations => Some(Self::Root),
            Self::Batch => Some(Self::Factory),
        }
    }

    /// The path length in its certificate: how many authorities may stand below it. None for a root, which isn't limited.
    #[must_use]
    pub const fn path_length(self) -> Option<u8> {
        match self {
            Self::Root => None,
            Self::Factory => Some(1),
            Self::Batch | Self::Operations => Some(0),
        }
    }
}

impl AuthorityState {
    /// Whether what it signed is trusted, as far as it alone decides.
    #[must_use]
    pub const fn is_trusted(self) -> bool {
        matches!(self, Self::Active | Self::Retired)
    }
}

/// A certification authority, without its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its id.
    pub id: AuthorityId,
    /// What kind.
    pub kind: AuthorityKind,
    /// Its name, which stands in its certificate.
    pub name: String,
    /// The name that stands in addresses.
    pub slug: String,
    /// What signed it, or is to.
    pub parent_id: Option<AuthorityId>,
    /// The factory, for its CA and for those of its batches.
    pub factory_id: Option<CustodianId>,
    /// The batch, for its CA.
    pub batch_id: Option<BatchId>,
    /// In which state it is.
    pub state: AuthorityState,
    /// Where its key is: `file:NAME.pem` among the keys, `pkcs11:…`, or `offline`.
    pub key_location: String,
    /// The serial number of its certificate, in hexadecimal; empty before it has one.
    pub serial: String,
    /// The identifier of its key, in hexadecimal; empty before it has a certificate.
    pub key_id: String,
    /// From when its certificate holds.
    pub not_before: Option<Timestamp>,
    /// When its certificate ends.
    pub not_after: Option<Timestamp>,
    /// For how many devices it may sign; none for no limit.
    pub quota: Option<i64>,
    /// For how many devices it has signed.
    pub issued: i64,
    /// For how many days its certificate was asked.
    pub days: i64,
    /// Whether a factory holds its key too.
    pub delegated: bool,
    /// Who asked for it.
    pub requested_by: String,
    /// When it was asked for, or brought in.
    pub created_at: Timestamp,
    /// When it began to sign.
    pub activated_at: Option<Timestamp>,
    /// Since when it is in its state.
    pub state_at: Timestamp,
}

words! {
    /// What does not fit between what was issued, what was made and what is asked about.
    FindingKind {
        /// More certificates than the quota allows, or one for a device that nobody ordered.
        OverproducedCertificate => "overproduced_certificate", "Certificate beyond the quota";
        /// A device was delivered beyond the quota.
        OverproducedDevice => "overproduced_device", "Device beyond the quota";
        /// Somebody asked about a certificate that was never issued.
        PhantomSerial => "phantom_serial", "Certificate never issued";
        /// A certificate was issued for a device that was not delivered.
        UndeliveredCertificate => "undelivered_certificate", "Certificate without a device";
        /// A device was delivered for which no certificate was issued.
        DeviceWithoutCertificate => "device_without_certificate", "Device without a certificate";
        /// A request for a certificate whose sender does not have the key.
        BadProof => "bad_proof", "Wrong proof of possession";
        /// A device asked for a certificate for the key of a station, an authority or who signs code.
        SharedKey => "shared_key", "Key of somebody else";
        /// A certificate was asked for in a batch that the asker has nothing to do with.
        ForeignBatch => "foreign_batch", "Wrong batch";
        /// One of our authorities' keys signed another certificate with the serial number of one that was issued.
        ForgedCertificate => "forged_certificate", "Second certificate of one serial number";
        /// A factory signed a certificate that is not as agreed.
        WrongCertificate => "wrong_certificate", "Certificate not as agreed";
        /// A device reports other hardware than its manifest lists.
        HardwareMismatch => "hardware_mismatch", "Hardware differs";
        /// One identity is used by more than one device.
        CloneSuspected => "clone_suspected", "Clone suspected";
        /// An identifier is in several devices.
        IdentifierCopied => "identifier_copied", "Identifier in several devices";
        /// What manifests of a batch list can't be right.
        ManifestImplausible => "manifest_implausible", "Manifest implausible";
        /// A device reports that no manifest of its batch lists.
        BeyondBatch => "beyond_batch", "Not in its batch";
    }
}

words! {
    /// Whether a finding still stands.
    FindingState {
        /// It stands.
        Open => "open", "Open";
        /// Another one about several devices explains it: it is told there, and stands as long as that does.
        Folded => "folded", "Part of another";
        /// What it said is no longer so.
        Resolved => "resolved", "Resolved";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_from_the_root_ends_where_devices_are() {
        for kind in AuthorityKind::ALL {
            let above = kind.parent().map(AuthorityKind::path_length);
            if let (Some(Some(above)), Some(own)) = (above, kind.path_length()) {
                assert!(own < above, "{kind}");
            }
            assert_eq!(kind.issues(), kind.path_length() == Some(0));
        }
    }
}
