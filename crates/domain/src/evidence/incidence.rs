//! What becomes of devices as time goes by since they were offered something: cumulative incidence of competing ends.
//!
//! A device that failed can't become silent any more, so that the complement of one Kaplan–Meier curve for each end would count too
//! many (Putter, Fiocco & Geskus 2007, "Tutorial in biostatistics: competing risks and multi-state models", section 3). The estimate is
//! that of Aalen & Johansen 1978: who is under way counts for as long as it has been.

use crate::words::words;

words! {
    /// What became of a device that was offered something.
    Ending {
        /// It runs it, and lived with it.
        Verified => "verified", "Verified";
        /// It failed, or went back by itself.
        Failed => "failed", "Failed";
        /// It was not heard from in time.
        Silent => "silent", "Silent";
        /// Nothing yet.
        UnderWay => "under_way", "Under way";
    }
}

/// What shares of devices had ended how, so long after they were offered it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Incidence {
    /// Microseconds since the offer.
    pub after: i64,
    /// The share verified by then, from 0 to 1.
    pub verified: f64,
    /// The share that had failed.
    pub failed: f64,
    /// The share that had gone silent.
    pub silent: f64,
    /// Of how many devices it was known how they were until then.
    pub at_risk: u64,
}

/// How shares grow with the time since the offer: a step for each time at which something ended, thinned to at most `points`, the last one
/// always among them. For each device when it ended (or up to when it is known), and how.
#[must_use]
pub fn incidence(events: &[(i64, Ending)], points: usize) -> Vec<Incidence> {
    let mut events = events.to_vec();
    events.sort_unstable();
    let (mut steps, mut at_risk, mut under_way) = (Vec::new(), events.len() as u64, 1.0);
    let mut now = Incidence::default();
    for tied in events.chunk_by(|one, other| one.0 == other.0) {
        let count = |ending: Ending| tied.iter().filter(|(_, of)| *of == ending).count() as f64;
        let [verified, failed, silent] = [Ending::Verified, Ending::Failed, Ending::Silent].map(count);
        let ended = verified + failed + silent;
        if ended > 0.0 {
            let share = |count: f64| under_way * count / at_risk as f64;
            now = Incidence {
                after: tied.first().map_or(0, |(after, _)| *after),
                verified: now.verified + share(verified),
                failed: now.failed + share(failed),
                silent: now.silent + share(silent),
                at_risk,
            };
            steps.push(now);
            under_way *= 1.0 - ended / at_risk as f64;
        }
        // Who is known until just then was at risk with those who ended.
        at_risk -= tied.len() as u64;
    }
    thinned(&steps, points)
}

fn thinned(steps: &[Incidence], points: usize) -> Vec<Incidence> {
    let (n, points) = (steps.len(), points.max(1));
    if n <= points {
        return steps.to_vec();
    }
    (1..=points).filter_map(|point| steps.get((point * n).div_ceil(points) - 1)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn who_is_under_way_counts_for_as_long_as_it_was() {
        let events = [
            (1, Ending::Failed),
            (2, Ending::UnderWay),
            (3, Ending::Verified),
            (3, Ending::Silent),
            (4, Ending::UnderWay),
        ];
        let steps = incidence(&events, 100);
        // By hand: 1/5 failed; 4/5 are left, of which (three at risk at 3) a third each.
        let last = steps.last().copied().unwrap_or_default();
        assert_eq!(steps.iter().map(|step| (step.after, step.at_risk)).collect::<Vec<_>>(), [(1, 5), (3, 3)]);
        assert!((last.failed - 0.2).abs() < 1e-12 && (last.verified - 0.8 / 3.0).abs() < 1e-12);
        assert!((last.silent - 0.8 / 3.0).abs() < 1e-12);
        assert_eq!(incidence(&[], 10), []);
    }

    proptest! {
        /// If all have ended, shares are plain shares, in whatever order devices come.
        #[test]
        fn without_any_under_way_it_is_what_was_counted(mut events in prop::collection::vec((0..20_i64, 0..3_usize), 1..80), at in 0..80_usize) {
            let of = |events: &[(i64, usize)]| {
                incidence(&events.iter().map(|(after, n)| (*after, Ending::ALL[*n])).collect::<Vec<_>>(), 5)
            };
            let steps = of(&events);
            let share = |n: usize| events.iter().filter(|event| event.1 == n).count() as f64 / events.len() as f64;
            let last = steps.last().copied().unwrap_or_default();
            prop_assert!((last.verified - share(0)).abs() < 1e-9 && (last.failed - share(1)).abs() < 1e-9);
            prop_assert!((last.silent - share(2)).abs() < 1e-9 && steps.len() <= 5);
            let at = at % events.len();
            events.rotate_left(at);
            prop_assert_eq!(of(&events), steps);
        }
    }
}
