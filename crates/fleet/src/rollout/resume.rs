//! Letting a rollout go on after a pause, or in spite of its gate.

use super::{
    run::{reason_of, with_reason},
    subject_of,
};
use crate::{Actor, Error, Fleet, Result};
use domain::{
    person::Permission,
    rollout::{Deed as Step, Evidence, RolloutState},
};
use serde_json::json;
use std::{
    fmt::{self, Display, Formatter},
    str::FromStr,
};
use store::rollout::Rollout;

/// How many devices of each wave had failed, were to try again, and were silent, when whoever decides looked: as text, a wave after the
/// other, `3.0.1-0.0.0`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HarmSeen(Vec<[u64; 3]>);

impl HarmSeen {
    /// What is known of each wave.
    #[must_use]
    pub fn of(evidence: &[Evidence]) -> Self {
        Self(evidence.iter().map(|wave| [wave.failed, wave.retried, wave.silent]).collect())
    }

    /// Whether nothing of this was not seen: who came back hides nobody who came to harm since.
    fn covers(&self, now: &Self) -> bool {
        let seen = |wave: usize, kind: usize| self.0.get(wave).map_or(0, |wave| wave[kind]);
        now.0.iter().enumerate().all(|(wave, kinds)| kinds.iter().enumerate().all(|(kind, n)| *n <= seen(wave, kind)))
    }
}

impl Display for HarmSeen {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let waves: Vec<String> =
            self.0.iter().map(|[failed, retried, silent]| format!("{failed}.{retried}.{silent}")).collect();
        to.write_str(&waves.join("-"))
    }
}

impl FromStr for HarmSeen {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let wave = |text: &str| {
            let kinds: Vec<u64> = text.split('.').map(str::parse).collect::<std::result::Result<_, _>>().ok()?;
            kinds.try_into().ok()
        };
        text.split('-').map(wave).collect::<Option<_>>().map(Self).ok_or(())
    }
}

/// With what a rollout is let go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resume<'a> {
    /// Why; may be empty unless it is in spite of a gate. At most 400 characters.
    pub reason: &'a str,
    /// What whoever decides has seen: in spite of a gate nothing is done if more came to harm. None where nobody looked.
    pub harm_seen: Option<&'a HarmSeen>,
}

impl<'a> Resume<'a> {
    /// For a reason, whatever is known by now.
    #[must_use]
    pub const fn because(reason: &'a str) -> Self {
        Self { reason, harm_seen: None }
    }
}

impl Fleet {
    /// Lets a rollout go on. One that its gate halted is let go on by a manager alone, who says why, and what the gate has seen
    /// until then counts no more. After a pause it does: nobody has decided anything about it.
    ///
    /// # Errors
    /// When the actor may not, there is no such rollout, it is not stopped, a reason is missing or too long, or more came to harm
    /// since whoever decides has looked.
    pub async fn resume_rollout(&self, actor: &Actor, code: &str, with: Resume<'_>) -> Result<()> {
        let subject = subject_of(code);
        self.authorise(actor, Permission::RolloutRun, &subject).await?;
        let known = self.as_accepted(self.kept_rollout(code).await?).await?;
        let silent = self.silent_by_now(&known).await?;
        let evidence = self.evidence_of(&known).await?;
        let is_overruled = self.speaks_against(&known, &evidence);
        if is_overruled {
            self.authorise_as_decider(actor, &subject).await?;
        }
        let reason = reason_of(with.reason)?;
        if is_overruled {
            if reason.is_empty() {
                return Err(Error::field("reason", "Say why it goes on all the same."));
            }
            if with.harm_seen.is_some_and(|seen| !seen.covers(&HarmSeen::of(&evidence))) {
                let told =
                    "More devices came to harm since you looked. Look at what is counted by now, and decide by that.";
                return Err(Error::field("reason", told));
            }
        }
        self.step(actor, code, Step::Resume, |rollout| {
            match rollout.course.state {
                RolloutState::Running => return Ok(None),
                // It was stopped since: whoever resumes has not seen that.
                RolloutState::Halted | RolloutState::Paused if rollout.version != known.version => {
                    return Err(super::changed());
                }
                _ => {}
            }
            rollout.reason.clear();
            if is_overruled {
                let accepted = evidence.iter().enumerate().map(|(wave, seen)| silent.accept(wave, *seen));
                rollout.accepted = accepted.collect();
            }
            let detail = json!({ "accepted": rollout.accepted, "because": reason });
            Ok(Some((with_reason("Resumed", reason), detail)))
        })
        .await
    }

    /// Whether letting a rollout go on would be in spite of a gate. It may have halted it before somebody paused it: what counts then
    /// is whether its evidence still speaks against it.
    pub(super) fn speaks_against(&self, rollout: &Rollout, evidence: &[Evidence]) -> bool {
        let is_stopped = matches!(rollout.course.state, RolloutState::Paused | RolloutState::Halted);
        let is_against = || super::steward::verdict(rollout, evidence, self.now()).is_some();
        is_stopped && (rollout.course.state == RolloutState::Halted || is_against())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_back_hides_nobody_who_came_to_harm() {
        let wave = |failed, retried, silent| Evidence { failed, retried, silent, ..Evidence::default() };
        let seen = HarmSeen::of(&[wave(0, 0, 5), wave(1, 2, 0)]);
        assert_eq!(seen.to_string(), "0.0.5-1.2.0");
        assert_eq!(seen.to_string().parse(), Ok(seen.clone()));
        let covers = |waves: &[Evidence]| seen.covers(&HarmSeen::of(waves));
        assert!(covers(&[wave(0, 0, 5), wave(1, 2, 0)]) && covers(&[wave(0, 0, 2), wave(1, 0, 0)]));
        assert!(!covers(&[wave(3, 0, 2), wave(1, 2, 0)]), "three came back, and three others failed");
        assert!(!covers(&[wave(0, 0, 2), wave(1, 2, 3)]), "nor in another wave");
        assert!(!covers(&[wave(0, 0, 5), wave(1, 2, 0), wave(1, 0, 0)]), "nor in a wave that was not open");
        assert!(!HarmSeen::default().covers(&seen));
        for odd in ["", "1", "1.2", "1.2.3.4", "1.2.x", "1.2.-3", "1.2.3-"] {
            assert_eq!(odd.parse::<HarmSeen>(), Err(()), "{odd}");
        }
    }
}
