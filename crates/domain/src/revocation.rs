//! Revocation: what one act hits, what it does, and how it spreads.

use crate::{certificate::RevocationReason, words::words};

words! {
    /// What an act of revocation is about.
    RevocationScope {
        /// One certificate.
        Certificate => "certificate", "One certificate";
        /// All certificates of one device.
        Device => "device", "One device";
        /// The certificates of the devices that a fleet query meant.
        Selection => "selection", "A selection of devices";
        /// Everything that the authorities of a batch signed.
        Batch => "batch", "A whole batch";
        /// Everything that a factory's authorities signed.
        Factory => "factory", "A whole factory";
    }
}

words! {
    /// What is done.
    RevocationAct {
        /// Not to be trusted until released.
        Hold => "hold", "Hold";
        /// Not to be trusted any more, for good.
        Revoke => "revoke", "Revoke";
        /// What was held is trusted again.
        Release => "release", "Release";
    }
}

words! {
    /// How far an act has come.
    RevocationState {
        /// A second person has to decide.
        Waiting => "waiting", "Waits for approval";
        /// It counts; devices' records follow in pieces.
        Effective => "effective", "In effect";
        /// It counts and every device's record says so.
        Spread => "spread", "Complete";
        /// The second person said no.
        Rejected => "rejected", "Rejected";
        /// What it was about had changed before it was decided.
        Void => "void", "Void";
    }
}

words! {
    /// By which way the world learns of an act.
    SpreadChannel {
        /// A gateway node refuses from then on; what is on hold it limits.
        GatewayRefuses => "gateway_refuses", "Gateway refuses";
        /// A CRL that says so was published.
        CrlPublished => "crl_published", "CRL published";
        /// Somebody fetched such a CRL.
        CrlFetched => "crl_fetched", "CRL fetched";
        /// An OCSP answer said so.
        OcspRevoked => "ocsp_revoked", "OCSP answered";
        /// A device came back and was refused; while on hold, it was answered only what its repair needs.
        DeviceRefused => "device_refused", "Device refused";
    }
}

impl RevocationAct {
    /// What was done, in a sentence about certificates: `revoked`.
    #[must_use]
    pub const fn done(self) -> &'static str {
        match self {
            Self::Hold => "put on hold",
            Self::Revoke => "revoked",
            Self::Release => "released",
        }
    }
}

impl RevocationScope {
    /// Whether an act of this scope cuts off authorities rather than certificates one by one.
    #[must_use]
    pub const fn cuts_authorities(self) -> bool {
        matches!(self, Self::Batch | Self::Factory)
    }
}

/// The reasons that a person may give for revoking. A hold has its own, and what was superseded is found out by itself.
pub const REASONS: &[RevocationReason] = &[
    RevocationReason::KeyCompromise,
    RevocationReason::CaCompromise,
    RevocationReason::AffiliationChanged,
    RevocationReason::CessationOfOperation,
    RevocationReason::PrivilegeWithdrawn,
    RevocationReason::Unspecified,
];
