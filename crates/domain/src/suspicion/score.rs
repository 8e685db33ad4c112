//! How much signals say together.

use super::{Cause, Signal, Subject};
use crate::history::Event;
use std::collections::BTreeMap;

/// From which weight on a signal is strong.
pub const STRONG: u8 = 50;
/// What weak signals can say together at most, however many they are: less than one strong one.
pub const WEAK_CEILING: u8 = STRONG - 1;

/// What signals say together, from 0 to 100.
///
/// The rule is the noisy-or: each signal is the chance that something is wrong, the signals are taken as independent,
/// and the score is the chance that at least one of them is right, `1 - (1 - w1)(1 - w2)…`. That alone would let many
/// weak signals grow to certainty, so those below [`STRONG`] are combined first and count together as
/// [`WEAK_CEILING`] at most. What was observed again counts once, as last seen.
#[must_use]
pub fn score(signals: &[Signal]) -> u8 {
    let (strong, weak): (Vec<&Signal>, Vec<&Signal>) = different(signals).partition(|signal| signal.is_strong());
    let doubt = |signals: &[&Signal]| {
        let mut weights: Vec<u8> = signals.iter().map(|signal| signal.weight()).collect();
        // The same product whatever the order.
        weights.sort_unstable();
        weights.iter().map(|weight| 1.0 - f64::from(*weight) / 100.0).product::<f64>()
    };
    let weak_doubt = doubt(&weak).max(1.0 - f64::from(WEAK_CEILING) / 100.0);
    let together = 100.0 * (1.0 - doubt(&strong) * weak_doubt);
    // Within 0 to 100 by construction.
    together.round().clamp(0.0, 100.0) as u8
}

/// How many signals a suspicion keeps: those that say most.
pub const SIGNALS_MAX: usize = 64;

/// Without those that were observed again later.
fn different(signals: &[Signal]) -> impl Iterator<Item = &Signal> {
    let again = |at: usize, signal: &Signal| signals.iter().skip(at + 1).any(|later| later.is_again(signal));
    signals.iter().enumerate().filter(move |(at, signal)| !again(*at, signal)).map(|(_, signal)| signal)
}

/// Signals with one cause, and what they say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// What they are about.
    pub cause: Cause,
    /// What they say together, from 0 to 100.
    pub score: u8,
    /// The signals, those that say most first: at least one, at most [`SIGNALS_MAX`].
    pub signals: Vec<Signal>,
}

/// Puts the signals that were observed at a device together by their causes, those that say most first. Give earlier
/// signals first: what was observed again takes the place of what it was.
#[must_use]
pub fn suspicions(signals: &[Signal], of: &Subject<'_>) -> Vec<Suspicion> {
    let mut by_cause: BTreeMap<Cause, Vec<Signal>> = BTreeMap::new();
    for signal in different(signals) {
        by_cause.entry(signal.cause(of)).or_default().push(signal.clone());
    }
    let mut suspicions: Vec<Suspicion> =
        by_cause.into_iter().map(|(cause, signals)| Suspicion::new(cause, signals)).collect();
    suspicions.sort_by_key(|suspicion| std::cmp::Reverse(suspicion.score));
    suspicions
}

/// How many identifiers of a device that others have, too, are told apart.
pub const COPIES_MAX: usize = 3;

/// Puts together what one mistake makes several suspicions of: all copied identifiers of a batch's image are one of the
/// batch, and so are parts from elsewhere in several slots. Other copied identifiers of a device are one of the device
/// where there are more than [`COPIES_MAX`]: devices that make numbers up together would otherwise make one of each.
#[must_use]
pub fn gathered(suspicions: Vec<Suspicion>, of: &Subject<'_>) -> Vec<Suspicion> {
    use super::Topic;
    let of_factory = |topic: Topic| {
        move |suspicion: &Suspicion| {
            suspicion.cause.topic == topic && suspicion.signals.iter().all(Signal::is_of_factory)
        }
    };
    let (golden, rest): (Vec<Suspicion>, Vec<Suspicion>) = suspicions.into_iter().partition(of_factory(Topic::Copy));
    let (beyond, rest): (Vec<Suspicion>, Vec<Suspicion>) =
        rest.into_iter().partition(of_factory(Topic::Overproduction));
    let (copies, mut all): (Vec<Suspicion>, Vec<Suspicion>) =
        rest.into_iter().partition(|suspicion| suspicion.cause.topic == Topic::Copy);
    for (group, apart, topic, about) in [
        (golden, 1, Topic::Copy, format!("{}:image", of.batch)),
        (beyond, 1, Topic::Overproduction, format!("{}:parts", of.batch)),
        (copies, COPIES_MAX, Topic::Copy, format!("device:{}", of.serial)),
    ] {
        if group.len() <= apart {
            all.extend(group);
            continue;
        }
        let signals = group.into_iter().flat_map(|suspicion| suspicion.signals).collect();
        all.push(Suspicion::new(Cause { topic, about }, signals));
    }
    all.sort_by_key(|suspicion| std::cmp::Reverse(suspicion.score));
    all
}

impl Suspicion {
    /// Whether it is about one device alone.
    #[must_use]
    pub fn is_of_one(&self) -> bool {
        use super::Topic;
        match self.cause.topic {
            Topic::Hardware | Topic::Clone => true,
            Topic::Copy => self.cause.about.starts_with("device:"),
            Topic::Manifest | Topic::Overproduction => false,
        }
    }

    /// Whether it says of an observation at some device of its batch, or of those that it names, where that comes from;
    /// `beside` is all that was observed there. Only what is about several devices explains anything, and what is about a
    /// batch nothing of what is in others as well.
    #[must_use]
    pub fn explains(&self, signal: &Signal, beside: &[Signal]) -> bool {
        if self.is_of_one() {
            return false;
        }
        self.signals.iter().any(|mine| match mine.copied() {
            Some(copied) => {
                let is_within = mine.batch().is_none() || signal.copied().is_none() || signal.batch() == mine.batch();
                is_within && copied.explains(signal)
            }
            None => mine.came_as(signal, beside),
        })
    }

    /// The same beside what stood before: nothing of that is taken back or lowered, and what was observed there with
    /// another part is told beside it, though it counts once. `stood` comes first.
    #[must_use]
    pub fn beside(&self, stood: &[Signal]) -> Self {
        let counted = |was: &Signal| self.signals.iter().find(|now| now.is_same_part(was));
        let mut signals: Vec<Signal> = stood.iter().map(|was| counted(was).unwrap_or(was).clone()).collect();
        for now in &self.signals {
            if !signals.contains(now) {
                signals.push(now.clone());
            }
        }
        Self::new(self.cause.clone(), signals)
    }

    fn new(cause: Cause, mut signals: Vec<Signal>) -> Self {
        signals.sort_by_key(|signal| std::cmp::Reverse(signal.weight()));
        signals.truncate(SIGNALS_MAX);
        Self { score: score(&signals), cause, signals }
    }

    /// What was observed, a sentence a signal.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        self.signals.iter().map(Signal::sentence).collect()
    }

    /// The sentence of the signal that says most, and how many more there are.
    #[must_use]
    pub fn headline(&self) -> String {
        let first = self.signals.first().map(Signal::sentence).unwrap_or_default();
        match self.signals.len().saturating_sub(1) {
            0 => first,
            1 => format!("{first} One more thing does not fit."),
            more => format!("{first} {more} more things do not fit."),
        }
    }

    /// What a device's history says of it; nothing where it is about a batch and not about one device.
    #[must_use]
    pub fn event(&self, serial: &str) -> Option<Event> {
        use super::Topic;
        let (finding, score) = (self.headline(), i64::from(self.score));
        match self.cause.topic {
            Topic::Hardware => Some(Event::HardwareMismatch { finding, score }),
            Topic::Clone | Topic::Copy => {
                Some(Event::CloneSuspected { finding, score, other: self.other_than(serial) })
            }
            Topic::Overproduction if self.signals.iter().any(|signal| signal.slot().is_some()) => {
                Some(Event::HardwareMismatch { finding, score })
            }
            Topic::Manifest | Topic::Overproduction => None,
        }
    }

    /// The serial of the one other device, where two are concerned.
    fn other_than(&self, serial: &str) -> Option<String> {
        self.signals.iter().find_map(|signal| match signal {
            Signal::Copied { devices, count: 2, .. } => devices.iter().find(|other| *other != serial).cloned(),
            _ => None,
        })
    }
}
