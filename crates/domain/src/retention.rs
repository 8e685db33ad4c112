//! How long things are kept: what may be forgotten at all, and for how long each of it is kept at least.
//!
//! Who held a device, its certificates, its parts and repairs, what was found out about it, what people said, and the audit log are
//! not among the kinds that can be chosen, so no setting can reach them.

use crate::{
    history::Event,
    time::{DAY, Timestamp},
    words::words,
};

words! {
    /// What is kept for as long as somebody chooses.
    Kept {
        /// What devices said while they updated, line by line. How each update came out is kept for ever beside it.
        Feedback => "feedback", "Lines that devices say of updates";
        /// Entries of histories that tell of steps of an update, and say nothing of what runs on the device since.
        Steps => "steps", "Steps of updates in histories";
        /// Revocation lists that a later one took the place of. The audit log has number and hash of each.
        Crls => "crls", "Revocation lists that have ended";
        /// What webhooks were told, and how their receivers answered.
        Webhooks => "webhooks", "What webhooks were told";
    }
}

/// The longest time that can be chosen, in days. Longer is for ever.
pub const LONGEST: i64 = 36_500;

impl Kept {
    /// How many days it is kept at least, whatever somebody chooses: until nobody works with it any more.
    #[must_use]
    pub const fn shortest(self) -> i64 {
        match self {
            // Rollouts go by it while they run, and people look into it afterwards. Who agreed longer ago than that is asked again.
            Self::Feedback => 90,
            // A device's page says by them what it was offered and what failed last.
            Self::Steps => 365,
            // An act of revocation is followed for a week, and says when the last list from before it ended.
            Self::Crls => 7,
            // Longer than changes wait (`fleet::sweep`): by these it is known which of those were told.
            Self::Webhooks => 8,
        }
    }

    /// What holds where nobody has chosen. What was never deleted before somebody could choose stays for ever; of revocation lists
    /// number and hash are in the audit log.
    #[must_use]
    pub const fn otherwise(self) -> Keep {
        match self {
            Self::Feedback | Self::Steps => Keep::ForEver,
            Self::Crls | Self::Webhooks => Keep::Days(30),
        }
    }
}

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// For so many days.
    Days(i64),
    /// For ever.
    ForEver,
}

impl Keep {
    /// What is older than this is kept no longer; none where everything is.
    #[must_use]
    pub const fn before(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Days(days) => Some(now.plus(-days.saturating_mul(DAY))),
            Self::ForEver => None,
        }
    }

    /// As it is stored and typed: days, or nothing for ever.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Days(days) => days.to_string(),
            Self::ForEver => String::new(),
        }
    }
}

/// A time that can't be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Give a number of days from {shortest} to {longest}, or leave this empty to keep it for ever.", longest = LONGEST)]
pub struct KeepError {
    /// The shortest time, in days.
    pub shortest: i64,
}

/// For how long each is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy([Keep; Kept::ALL.len()]);

impl Default for Policy {
    fn default() -> Self {
        let mut policy = [Keep::ForEver; Kept::ALL.len()];
        for kept in Kept::ALL {
            policy[*kept as usize] = kept.otherwise();
        }
        Self(policy)
    }
}

impl Policy {
    /// For how long something is kept.
    #[must_use]
    pub const fn of(&self, kept: Kept) -> Keep {
        self.0[kept as usize]
    }

    /// Chooses how long something is kept: a number of days, or nothing for ever.
    ///
    /// # Errors
    /// When that is no number, or too short or too long.
    pub fn choose(&mut self, kept: Kept, text: &str) -> Result<(), KeepError> {
        let text = text.trim();
        let keep = if text.is_empty() {
            Keep::ForEver
        } else {
            let error = KeepError { shortest: kept.shortest() };
            let days: i64 = text.parse().map_err(|_| error)?;
            if !(kept.shortest()..=LONGEST).contains(&days) {
                return Err(error);
            }
            Keep::Days(days)
        };
        self.0[kept as usize] = keep;
        Ok(())
    }
}

/// The kinds of history entries that [`may_go`], as they are stored.
pub const STEPS: [&str; 4] = ["update_failed", "update_installed", "update_offered", "update_silent"];

/// Whether an entry that tells of this may ever be forgotten: a step of an update, which changes nothing that follows from a history,
/// and of which the record of the update itself still says how it came out. Everything else stays for good.
#[must_use]
pub const fn may_go(event: &Event) -> bool {
    match event {
        Event::UpdateOffered { .. }
        | Event::UpdateInstalled { .. }
        | Event::UpdateFailed { .. }
        | Event::UpdateSilent { .. } => true,
        // Every kind is named: whoever adds one decides.
        Event::Manufactured { .. }
        | Event::ManifestRecorded { .. }
        | Event::CertificateIssued { .. }
        | Event::CertificateRenewed { .. }
        | Event::CertificateHeld { .. }
        | Event::CertificateRevoked { .. }
        | Event::Shipped { .. }
        | Event::Received { .. }
        | Event::Claimed { .. }
        | Event::Transferred { .. }
        | Event::Returned { .. }
        | Event::HardwareReported { .. }
        | Event::HardwareMismatch { .. }
        | Event::CloneSuspected { .. }
        | Event::RepairOpened { .. }
        | Event::RepairAuthorised { .. }
        | Event::RepairClosed { .. }
        | Event::Quarantined { .. }
        | Event::Released { .. }
        | Event::UpdateAsked { .. }
        | Event::UpdateConfirmed { .. }
        | Event::UpdateDenied { .. }
        | Event::AutoConfirmSwitched { .. }
        | Event::UpdateVerified { .. }
        | Event::UpdateReverted { .. }
        | Event::Note { .. }
        | Event::Observed { .. }
        | Event::Corrected { .. }
        | Event::Retired { .. }
        | Event::Destroyed { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::{
        custody::{CustodianKind, Holder},
        history::{Entry, Standing},
        id::{CustodianId, HistoryId},
    };
    use serde_json::{Value, json};
    use uuid::Uuid;

    /// One of each kind.
    fn every() -> Vec<Event> {
        let holder = serde_json::to_value(Holder {
            id: CustodianId(Uuid::from_u128(1)),
            name: "Acme".to_owned(),
            kind: CustodianKind::Client,
        })
        .unwrap();
        let all = json!({
            "by": holder, "to": holder, "batch": "A", "firmware": "1", "version": 2, "hash": "", "serial": "aa", "issuer": "CA",
            "not_after": Timestamp(9), "reason": "r", "manifest_version": 1, "finding": "f", "score": 9, "case": "R-1", "symptom": "s",
            "on": true, "text": "t", "entry": Uuid::from_u128(7),
        });
        let kinds = [
            "manufactured",
            "manifest_recorded",
            "certificate_issued",
            "certificate_renewed",
            "certificate_held",
            "certificate_revoked",
            "shipped",
            "received",
            "claimed",
            "transferred",
            "returned",
            "hardware_reported",
            "hardware_mismatch",
            "clone_suspected",
            "repair_opened",
            "repair_authorised",
            "repair_closed",
            "quarantined",
            "released",
            "update_asked",
            "update_confirmed",
            "update_denied",
            "auto_confirm_switched",
            "update_offered",
            "update_installed",
            "update_verified",
            "update_failed",
            "update_silent",
            "update_reverted",
            "note",
            "observed",
            "corrected",
            "retired",
            "destroyed",
        ];
        let event = |kind: &&str| {
            let mut event = all.clone();
            event["kind"] = json!(kind);
            if kind.starts_with("update") {
                event["version"] = json!("2.0");
                event["to"] = json!("1.0");
            }
            serde_json::from_value::<Event>(event).unwrap()
        };
        kinds.iter().map(event).collect()
    }

    fn entry(n: i64, event: Event) -> Entry {
        Entry {
            id: HistoryId(Uuid::from_u128(n.unsigned_abs().into())),
            at: Timestamp(n),
            recorded_at: Timestamp(n),
            actor: String::new(),
            place: String::new(),
            event,
            epcis_event_id: None,
        }
    }

    #[test]
    fn custody_certificates_parts_repairs_and_findings_never_go() {
        for event in every() {
            let kind = event.kind();
            let is_of_record = event.holder_after().is_some()
                || event.is_correctable()
                || event.is_finding()
                || [
                    "certificate",
                    "manifest",
                    "hardware",
                    "repair",
                    "correct",
                    "quarantine",
                    "release",
                    "destroy",
                    "retire",
                ]
                .iter()
                .any(|word| kind.starts_with(word));
            assert!(!(is_of_record && may_go(&event)), "{kind}");
            assert_eq!(may_go(&event), STEPS.contains(&kind), "{kind}");
        }
    }

    #[test]
    fn what_goes_leaves_everything_as_it_is_that_follows_from_a_history() {
        let every = every();
        let whole: Vec<Entry> = (10..).zip(every.clone()).map(|(n, event)| entry(n, event)).collect();
        // After each entry of a history that has them all, as far as it has come.
        for upto in 0..=whole.len() {
            let some = &whole[..upto];
            let kept: Vec<Entry> = some.iter().filter(|entry| !may_go(&entry.event)).cloned().collect();
            assert_eq!(
                Standing::after(&kept),
                Standing::after(some),
                "{:?}",
                some.last().map(|last| last.event.kind())
            );
        }
        // One that had changed something would be noticed.
        let verified: Vec<Entry> =
            whole.iter().filter(|entry| entry.event.kind() == "update_verified").cloned().collect();
        assert_ne!(Standing::after(&verified), Standing::after(&[]));
        assert_eq!(every.iter().filter(|event| may_go(event)).count(), STEPS.len());
    }

    #[test]
    fn what_is_kept_is_chosen_within_limits() {
        let mut policy = Policy::default();
        assert_eq!(policy.of(Kept::Steps), Keep::ForEver);
        assert_eq!(policy.of(Kept::Crls), Keep::Days(30));
        for kept in Kept::ALL.iter().copied() {
            for wrong in ["0", "-1", "6", "36501", "a", "1.5", "99999999999999999999"] {
                let before = policy;
                assert_eq!(policy.choose(kept, wrong).unwrap_err().shortest, kept.shortest(), "{kept} {wrong}");
                assert_eq!(policy, before);
            }
            policy.choose(kept, &format!(" {} ", kept.shortest())).unwrap();
            assert_eq!(policy.of(kept), Keep::Days(kept.shortest()));
            let again = policy.of(kept).text();
            policy.choose(kept, "").unwrap();
            assert_eq!((policy.of(kept), policy.of(kept).text().as_str()), (Keep::ForEver, ""));
            policy.choose(kept, &again).unwrap();
            assert_eq!(policy.of(kept), Keep::Days(kept.shortest()));
        }
    }

    #[test]
    fn for_ever_has_no_end_and_days_are_counted_from_now() {
        assert_eq!(Keep::ForEver.before(Timestamp(5)), None);
        assert_eq!(Keep::Days(2).before(Timestamp(5 * DAY)), Some(Timestamp(3 * DAY)));
        assert_eq!(json!(Kept::Feedback), Value::from("feedback"));
    }
}
