//! Webhooks: what can be told to programs elsewhere, where they may be, and when it is tried again.

mod address;
mod courier;
mod network;
mod secrets;

pub use address::{ADDRESS_MAX, Address};
pub use courier::{GIVEN_UP_AFTER, Next, Reply, after};
pub use network::is_public;
pub use secrets::Secrets;

use crate::words::words;

words! {
    /// What happened, as it is told. New kinds may be added at any time.
    EventKind {
        /// A release came, with its first file.
        ReleasePushed => "release.pushed", "A release was pushed";
        /// A release entered the next stage.
        ReleasePromoted => "release.promoted", "A release was promoted";
        /// A release was taken out of use.
        ReleaseWithdrawn => "release.withdrawn", "A release was withdrawn";
        /// A rollout waits for a manager.
        RolloutSubmitted => "rollout.submitted", "A rollout was submitted";
        /// A manager approved a rollout.
        RolloutApproved => "rollout.approved", "A rollout was approved";
        /// A manager rejected a rollout.
        RolloutRejected => "rollout.rejected", "A rollout was rejected";
        /// A rollout's first wave is open.
        RolloutStarted => "rollout.started", "A rollout started";
        /// A rollout's next wave is open.
        WaveOpened => "rollout.wave_opened", "A wave was opened";
        /// A gate stopped a rollout.
        RolloutHalted => "rollout.halted", "A rollout was halted";
        /// A rollout goes on without devices to which harm was traced.
        RolloutHeldBack => "rollout.held_back", "A rollout holds devices back";
        /// An experiment found something out for good.
        ExperimentDecided => "experiment.decided", "An experiment found something out";
        /// A person stopped a rollout for a while.
        RolloutPaused => "rollout.paused", "A rollout was paused";
        /// A rollout goes on.
        RolloutResumed => "rollout.resumed", "A rollout was resumed";
        /// A rollout's last wave has passed.
        RolloutCompleted => "rollout.completed", "A rollout was completed";
        /// A rollout was ended early.
        RolloutAborted => "rollout.aborted", "A rollout was aborted";
        /// Something does not fit, for the first time or again after it was settled.
        FindingOpened => "finding.opened", "A finding was opened";
        /// All that an act of revoking, holding or releasing hit has followed.
        RevocationDone => "revocation.done", "A revocation is done";
        /// A second person has to decide something.
        ApprovalWaiting => "approval.waiting", "An approval waits";
        /// Somebody has decided it.
        ApprovalDecided => "approval.decided", "An approval was decided";
    }
}

words! {
    /// Whether a webhook is told anything.
    HookState {
        /// It is told what happens.
        Active => "active", "Active";
        /// What happens is kept for it until somebody lets it go on.
        Paused => "paused", "Paused";
    }
}

words! {
    /// How the delivery of one event to one webhook stands.
    DeliveryState {
        /// It is to be delivered, for the first time or again.
        Owed => "owed", "Waiting";
        /// The receiver has it.
        Delivered => "delivered", "Delivered";
        /// It was tried for a day.
        Dead => "dead", "Given up";
    }
}

/// How the type of a message begins that somebody sends to see whether a receiver works.
pub const TEST: &str = "webhook.test";
