//! Nodes: the processes that serve one database, all equal, and what only one of them does at a time.

use crate::{time::Timestamp, words::words};

/// For how long a node that says nothing still counts as running, in microseconds. It says so every second.
pub const UNHEARD_AFTER: i64 = 5 * crate::time::SECOND;

words! {
    /// Work in the background that one node does at a time, as long as it has the lease of it.
    Lease {
        /// CRLs are signed and published.
        Crls => "crls", "Publishes CRLs";
        /// Devices' records follow what was revoked.
        Revocations => "revocations", "Lets records follow revocations";
        /// Imports are checked and entered.
        Imports => "imports", "Works on imports";
        /// Webhooks are told what happens.
        Webhooks => "webhooks", "Tells webhooks";
        /// What is kept no longer is let go.
        Retention => "retention", "Lets go what is kept no longer";
    }
}

words! {
    /// How a node stands.
    NodeState {
        /// It was heard just now.
        Running => "running", "Running";
        /// It says nothing any more, and did not say that it stops.
        Unheard => "unheard", "Not heard";
        /// It was stopped in order.
        Stopped => "stopped", "Stopped";
    }
}

impl NodeState {
    /// How a node stands that was heard then and, if it did, stopped then.
    #[must_use]
    pub fn of(seen_at: Timestamp, stopped_at: Option<Timestamp>, now: Timestamp) -> Self {
        match stopped_at {
            Some(_) => Self::Stopped,
            None if seen_at.plus(UNHEARD_AFTER) < now => Self::Unheard,
            None => Self::Running,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    #[test]
    fn a_node_runs_as_long_as_it_is_heard() {
        let seen = Timestamp(1_793_620_800_000_000);
        assert_eq!(NodeState::of(seen, None, seen.plus(5 * SECOND)), NodeState::Running);
        assert_eq!(NodeState::of(seen, None, seen.plus(5 * SECOND + 1)), NodeState::Unheard);
        assert_eq!(NodeState::of(seen, Some(seen), seen), NodeState::Stopped);
    }
}
