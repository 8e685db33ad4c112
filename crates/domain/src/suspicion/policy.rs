//! What follows from a suspicion, by a model's policy.

use super::{Signal, Suspicion};
use crate::words::words;
use serde::{Deserialize, Serialize};

words! {
    /// What is done about a suspicion. Each can be undone; revoking is only ever done by people.
    Response {
        /// It is written down.
        Note => "note", "Note";
        /// A person is asked.
        Ask => "ask", "Ask";
        /// The certificate is put on hold, until somebody releases it.
        Hold => "hold", "Hold the certificate";
        /// The device reaches only what it needs to be repaired, until somebody releases it.
        Quarantine => "quarantine", "Quarantine";
    }
}

/// From which score on what is done about a suspicion, for the devices of one model. A response without a score is
/// never chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Scores", into = "Scores")]
pub struct Policy(Scores);

/// The scores of a policy as they are written and stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scores {
    note: Option<u8>,
    ask: Option<u8>,
    hold: Option<u8>,
    quarantine: Option<u8>,
}

/// Scores that make no policy, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not a score.
    #[error("the score for “{what}” is {score}; choose 1 to 100, or none for never", what = .0.label(), score = .1)]
    Range(Response, u8),
    /// A milder response needs more than a harsher one.
    #[error(
        "“{}” would come before “{}”; give it the same score or a higher one", .harsher.label(), .milder.label()
    )]
    Order {
        /// What is milder.
        milder: Response,
        /// What is harsher, and would come first.
        harsher: Response,
    },
}

impl Default for Policy {
    /// Notes from 10, asks from 30, holds from 75, quarantines from 90.
    fn default() -> Self {
        Self(Scores { note: Some(10), ask: Some(30), hold: Some(75), quarantine: Some(90) })
    }
}

impl Policy {
    /// A policy of these scores, for [`Response::ALL`] in their order.
    ///
    /// # Errors
    /// When one is not from 1 to 100, or a harsher response would come before a milder one.
    pub fn new([note, ask, hold, quarantine]: [Option<u8>; 4]) -> Result<Self, PolicyError> {
        let policy = Self(Scores { note, ask, hold, quarantine });
        let mut before: Option<(Response, u8)> = None;
        for (response, score) in policy.scores() {
            if !(1..=100).contains(&score) {
                return Err(PolicyError::Range(response, score));
            }
            if let Some((milder, _)) = before.filter(|(_, milder)| *milder > score) {
                return Err(PolicyError::Order { milder, harsher: response });
            }
            before = Some((response, score));
        }
        Ok(policy)
    }

    /// From which score on this is done; none when it never is.
    #[must_use]
    pub const fn threshold(&self, response: Response) -> Option<u8> {
        match response {
            Response::Note => self.0.note,
            Response::Ask => self.0.ask,
            Response::Hold => self.0.hold,
            Response::Quarantine => self.0.quarantine,
        }
    }

    fn scores(&self) -> impl Iterator<Item = (Response, u8)> + '_ {
        Response::ALL.iter().filter_map(|response| Some((*response, self.threshold(*response)?)))
    }

    /// What is done about a suspicion; none when it says too little even for a note.
    ///
    /// Never more than asking where only weak signals speak, nor about a golden image or parts that a factory fitted in
    /// many devices: these share a mistake of their factory, and cutting off a batch that works, instead of giving it new keys, is for people to decide.
    #[must_use]
    pub fn decide(&self, suspicion: &Suspicion) -> Option<Response> {
        self.decide_up_to(suspicion, Response::Quarantine)
    }

    /// The same, but never more than `most`.
    #[must_use]
    pub fn decide_up_to(&self, suspicion: &Suspicion, most: Response) -> Option<Response> {
        let strong = suspicion.signals.iter().any(Signal::is_strong);
        let of_factory = suspicion.signals.iter().any(Signal::is_of_factory);
        let most = if strong && !of_factory { most } else { most.min(Response::Ask) };
        let reached = |(response, from): &(Response, u8)| suspicion.score >= *from && *response <= most;
        self.scores().filter(reached).map(|(response, _)| response).last()
    }
}

impl TryFrom<Scores> for Policy {
    type Error = PolicyError;
    fn try_from(scores: Scores) -> Result<Self, PolicyError> {
        Self::new([scores.note, scores.ask, scores.hold, scores.quarantine])
    }
}

impl From<Policy> for Scores {
    fn from(policy: Policy) -> Self {
        policy.0
    }
}
