//! Every case of the table, held against what people are promised.

use super::*;
use crate::time::{MINUTE, Timestamp};
use ActionState as S;
use RolloutState as R;

const NOW: Timestamp = Timestamp(1_000 * MINUTE);
const REACHED: [S; 5] = [S::Offered, S::Downloading, S::Installing, S::Installed, S::Verifying];

/// Every update that there can be, whatever stands around it.
fn every() -> Vec<(UnderWay, Around)> {
    let mut out = Vec::new();
    for state in ActionState::ALL.iter().copied() {
        for reached in REACHED.into_iter().filter(|reached| !state.is_progress() || state == *reached) {
            for kind in ActionKind::ALL.iter().copied() {
                for rollout in [R::Running, R::Paused, R::Halted, R::Completed, R::Aborted] {
                    for bits in 0..64_u8 {
                        let is = |bit: u8| bits & (1 << bit) != 0;
                        // Whoever refused to stop had begun.
                        let refused_to_stop = is(0) && reached != S::Offered && reached != S::Downloading;
                        let at = UnderWay { kind, state, reached, soak_until: Some(NOW), refused_to_stop };
                        let around = Around {
                            rollout,
                            is_trusted: is(1),
                            is_window: is(2),
                            is_sendable: is(3),
                            is_held_back: is(4),
                            is_fit: is(5),
                        };
                        out.push((at, around));
                    }
                }
            }
        }
    }
    out
}

#[test]
fn what_stops_others_stops_whoever_has_not_begun() {
    let every = every();
    assert!(every.len() > 12_000);
    for (at, around) in every {
        let said = answer(&at, &around, NOW);
        let case = format!("{at:?} {around:?} {said:?}");
        if !around.is_trusted || at.state.is_closed() {
            assert_eq!(said, Answer::Wait, "{case}");
        }
        if said == Answer::Deploy {
            assert!(at.awaits_client(), "nothing is installed twice: {case}");
            assert!(around.is_sendable || at.reached == S::Installing || at.refused_to_stop, "{case}");
            let is_update = at.kind == ActionKind::Update;
            assert!(!(is_update && around.rollout == R::Aborted) || at.refused_to_stop, "{case}");
            assert!(at.state != S::WaitsForConfirmation, "nobody installs what its user has not agreed to: {case}");
            if at.is_not_begun() {
                assert!(around.is_window && (!is_update || !matches!(around.rollout, R::Paused | R::Halted)), "{case}");
            }
        }
        assert!(said != Answer::TakeBack || at.is_not_begun(), "{case}");
        if said == Answer::Confirm {
            assert!(at.state == S::WaitsForConfirmation && around.is_sendable && around.is_fit, "{case}");
            assert!(!matches!(around.rollout, R::Paused | R::Halted | R::Aborted), "nobody is asked: {case}");
        }
        if said == Answer::Stop {
            assert!(at.awaits_client() && !at.refused_to_stop, "it can be asked: {case}");
        }
        // Whoever has begun and may go on does.
        if around.is_trusted && around.is_sendable && at.awaits_client() && !at.is_not_begun() {
            assert!(matches!(said, Answer::Deploy | Answer::Stop), "{case}");
        }
    }
}

#[test]
fn nobody_waits_for_what_can_never_come() {
    for (at, around) in every().into_iter().filter(|(at, around)| at.is_not_begun() && around.is_trusted) {
        if at.awaits_user() {
            // Nothing was told that could be stopped.
            let is_lost = around.rollout == R::Aborted || !around.is_sendable || !around.is_fit;
            assert_eq!(answer(&at, &around, NOW) == Answer::TakeBack, is_lost, "{at:?} {around:?}");
            continue;
        }
        let said = answer(&at, &around, NOW);
        let is_revert = at.kind == ActionKind::Revert;
        let is_lost =
            (is_revert && around.is_held_back) || (!around.is_sendable && (is_revert || around.rollout != R::Aborted));
        assert_eq!(said == Answer::TakeBack, is_lost, "{at:?} {around:?} {said:?}");
        if said == Answer::Wait {
            assert!(around.rollout != R::Aborted || at.kind == ActionKind::Revert, "it is asked to stop");
        }
    }
}

#[test]
fn a_silent_device_is_answered_as_before_its_silence() {
    for (at, around) in every().into_iter().filter(|(at, _)| at.state == S::Silent) {
        let before = UnderWay { state: at.reached, ..at };
        let expected = match answer(&before, &around, NOW) {
            // Whether it lives with it still, it says first.
            Answer::Verify => Answer::Ask,
            other => other,
        };
        assert_eq!(answer(&at, &around, NOW), expected, "{at:?} {around:?}");
    }
}

#[test]
fn who_is_kept_from_it_is_told_from_who_does_nothing() {
    for (at, around) in every().into_iter().filter(|(at, _)| at.awaits_client()) {
        let is_kept = answer(&at, &around, NOW).withholds(&at);
        let is_told = matches!(answer(&at, &around, NOW), Answer::Deploy);
        assert!(!(is_kept && is_told), "{at:?} {around:?}");
        assert!(is_kept || is_told || !at.is_not_begun(), "{at:?} {around:?}");
        assert!(!at.gives_way(around.rollout) || around.rollout != R::Running);
    }
}
