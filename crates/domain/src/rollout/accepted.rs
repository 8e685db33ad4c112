//! What of a wave somebody let go on in spite of.

use super::{Evidence, Gate};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What of a wave somebody let go on in spite of: it counts no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// What was known, without those who were silent and came back since.
    #[serde(flatten)]
    pub seen: Evidence,
    /// When; none where it is not known, of what was accepted before that was kept.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// How many devices of the wave have been silent since before that, of those with whom it goes on: those whom `seen` leaves out for
    /// another reason among them.
    #[serde(default)]
    pub silent_then: u64,
    /// How many came back since.
    #[serde(default)]
    pub back: u64,
}

impl Accepted {
    /// This was accepted, when so many devices of the wave were silent in all.
    #[must_use]
    pub fn new(seen: Evidence, silent: u64, at: Timestamp) -> Self {
        let seen = Evidence { silent: seen.silent.min(silent), ..seen };
        Self { seen, at: Some(at), silent_then: silent, back: 0 }
    }

    /// The same once only `still` of those who were silent then are. Whoever is back hides nobody who goes silent later.
    #[must_use]
    pub fn with_still_silent(self, still: u64) -> Self {
        let back = self.silent_then.saturating_sub(still).min(self.seen.silent);
        let seen = Evidence { silent: self.seen.silent - back, ..self.seen };
        Self { seen, silent_then: self.silent_then.min(still), back: self.back.saturating_add(back), ..self }
    }

    /// The same once it goes on without some of them, and only `silent` of the others are silent. Who leaves has not come back.
    #[must_use]
    pub fn of_the_rest(self, silent: u64) -> Self {
        let seen = Evidence { silent: self.seen.silent.min(silent), ..self.seen };
        Self { seen, silent_then: self.silent_then.min(silent), ..self }
    }

    /// What a gate takes out of what is known. By bare shares whoever is back counts by what becomes of it, as any other. By evidence
    /// it stays among those who were told before and are not judged again: that it is back is no news of those who were told since.
    #[must_use]
    pub fn by(&self, gate: &Gate) -> Evidence {
        let back = if gate.evidence.is_some() { self.back } else { 0 };
        Evidence { verified: self.seen.verified.saturating_add(back), returned: back, ..self.seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::{Advance, ErrorRates};

    #[test]
    fn whoever_comes_back_is_accepted_for_good_and_hides_nobody() {
        let seen = Evidence { total: 50, verified: 20, silent: 10, ..Evidence::default() };
        let accepted = Accepted::new(seen, 10, Timestamp(7));
        assert_eq!(accepted.with_still_silent(10), accepted);
        let some_are_back = accepted.with_still_silent(6);
        assert_eq!((some_are_back.seen.silent, some_are_back.back, some_are_back.silent_then), (6, 4, 6));
        assert_eq!(some_are_back.with_still_silent(6), some_are_back, "asked again it says the same");
        // Of the wave four are back and four others have gone silent: these count.
        let now = Evidence { verified: 24, silent: 10, ..seen };
        let by_shares = Gate {
            advance: Advance::Auto,
            open_minutes: 0,
            min_sample: 1,
            failed_limit: 10_000,
            silent_limit: 10_000,
            done: 90_000,
            evidence: None,
        };
        let fresh = now.without(&some_are_back.by(&by_shares));
        assert_eq!((fresh.silent, fresh.verified), (4, 4));
        let by_evidence = Gate { evidence: Some(ErrorRates { false_halt: 5_000, false_advance: 20_000 }), ..by_shares };
        let fresh = now.without(&some_are_back.by(&by_evidence));
        assert_eq!((fresh.silent, fresh.verified), (4, 0), "they were told before");
        assert_eq!(accepted.with_still_silent(0).with_still_silent(9).seen.silent, 0, "it never grows");
        let of_others = Accepted::new(Evidence { silent: 2, ..seen }, 10, Timestamp(7));
        assert_eq!(of_others.with_still_silent(3).seen.silent, 0, "never more hidden than may be");
    }

    #[test]
    fn whoever_is_held_back_has_not_come_back() {
        let accepted = Accepted::new(Evidence { total: 50, silent: 10, ..Evidence::default() }, 10, Timestamp(7));
        let rest = accepted.with_still_silent(9).of_the_rest(2);
        assert_eq!((rest.seen.silent, rest.silent_then, rest.back), (2, 2, 1));
        assert_eq!(rest.with_still_silent(2), rest);
        assert_eq!(rest.with_still_silent(1).back, 2);
    }

    #[test]
    fn what_was_accepted_before_is_read() {
        let text = r#"{"total":5,"under_way":0,"verified":1,"failed":2,"silent":1}"#;
        let read: Accepted = serde_json::from_str(text).unwrap_or_default();
        assert_eq!((read.seen.failed, read.seen.silent, read.at, read.silent_then), (2, 1, None, 0));
        let read = Accepted { silent_then: 3, at: Some(Timestamp(7)), ..read };
        let again: Accepted =
            serde_json::from_str(&serde_json::to_string(&read).unwrap_or_default()).unwrap_or_default();
        assert_eq!(again, read);
    }
}
