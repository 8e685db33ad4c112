//! Typed identifiers. Each is a UUIDv7 (RFC 9562, section 5.7): unique, and sorted by the time it was made.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Uuid::parse_str(text).map(Self) }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { Self(id) }
        }
    )+};
}

ids! {
    /// A device.
    DeviceId;
    /// A component as fitted in one device.
    ComponentId;
    /// Whoever holds devices: factory, distributor, client, repair centre.
    CustodianId;
    /// A device model.
    ModelId;
    /// A production batch.
    BatchId;
    /// One entry of a device's history.
    HistoryId;
    /// A person with an account.
    UserId;
    /// An API token.
    TokenId;
    /// A second factor of a person: an authenticator app or a passkey.
    FactorId;
    /// An import of a file.
    ImportId;
    /// A saved view of the device list.
    ViewId;
    /// A certification authority.
    AuthorityId;
    /// A certificate.
    CertificateId;
    /// Something that a second person decides.
    ApprovalId;
    /// One act of revoking, holding or releasing.
    RevocationId;
    /// Something that does not fit.
    FindingId;
    /// A repair.
    RepairId;
    /// A note on a repair.
    RepairNoteId;
    /// A photo of a repair.
    PhotoId;
    /// That a part was taken out of a device and is not accounted for.
    TaintId;
    /// A voucher for a certificate.
    VoucherId;
    /// A release.
    ReleaseId;
    /// A step of a release, or a check that was told of it.
    ReleaseStepId;
    /// A file on its way here.
    UploadId;
    /// A rollout.
    RolloutId;
    /// A webhook.
    WebhookId;
    /// Something that is told to webhooks.
    EventId;
}
