//! What an update on one device is for, and how far it is.

use crate::words::words;

words! {
    /// What an action is for.
    ActionKind {
        /// It brings the release.
        Update => "update", "Update";
        /// It takes back to an earlier one.
        Revert => "revert", "Revert";
    }
}

words! {
    /// How far a device is with an update.
    ActionState {
        /// Its user is asked first; it was told of nothing that it could install.
        WaitsForConfirmation => "wait_for_confirmation", "Waits for its user";
        /// It was told of it.
        Offered => "offered", "Offered";
        /// It downloads.
        Downloading => "downloading", "Downloading";
        /// It installs.
        Installing => "installing", "Installing";
        /// It says that it has installed it; it has not reported the version yet.
        Installed => "installed", "Installed";
        /// It reported the version after its start, and has to live with it for a while.
        Verifying => "verifying", "Verifying";
        /// It reported the version itself and lived with it.
        Verified => "verified", "Verified";
        /// It says that it failed, or it polls and did not finish in time.
        Failed => "failed", "Failed";
        /// It was not heard from in time.
        Silent => "silent", "Silent";
        /// It went back to the version before by itself.
        Reverted => "reverted", "Reverted";
        /// It failed, and is to be tried again.
        Retried => "retried", "To be tried again";
        /// It is asked to stop.
        Cancelling => "cancelling", "Cancelling";
        /// It stopped.
        Cancelled => "cancelled", "Cancelled";
    }
}

impl ActionState {
    /// Whether nothing more is expected of the device. One that was silent may come back.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Verified | Self::Failed | Self::Reverted | Self::Retried | Self::Cancelled)
    }

    /// Whether a gate counts it as an outcome.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Verified | Self::Failed | Self::Silent | Self::Reverted)
    }

    /// Whether the device is still to be told of it: clients confirm after their start only what is still offered.
    #[must_use]
    pub const fn is_offered(self) -> bool {
        matches!(self, Self::Offered | Self::Downloading | Self::Installing | Self::Silent)
    }

    /// Whether a device gets there by itself; silence, a stop and every end come from elsewhere.
    #[must_use]
    pub const fn is_progress(self) -> bool {
        matches!(self, Self::Offered | Self::Downloading | Self::Installing | Self::Installed | Self::Verifying)
    }
}
