//! What a device's user says when asked whether it may be updated.

use super::Feedback;
use crate::words::words;

words! {
    /// Whether a device's user agrees to an update: `confirmation`.
    Consent {
        /// That one does.
        Confirmed => "confirmed", "Confirmed";
        /// That one doesn't.
        Denied => "denied", "Denied";
    }
}

/// What a device's user said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAnswer {
    /// Whether that one agrees.
    pub consent: Consent,
    /// A code of the client's; none when it gave none.
    pub code: Option<i64>,
    /// What that one said, a line each.
    pub details: Vec<String>,
}

impl UserAnswer {
    /// Whether it may be updated.
    #[must_use]
    pub const fn agrees(&self) -> bool {
        matches!(self.consent, Consent::Confirmed)
    }

    /// What was said of it: the last line that says something, cut; empty when nothing was.
    #[must_use]
    pub fn words(&self) -> String {
        let said = self.details.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
        said.unwrap_or_default().chars().take(Feedback::REASON_MAX).collect()
    }
}
