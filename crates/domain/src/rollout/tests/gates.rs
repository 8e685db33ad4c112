use super::*;
use crate::time::{HOUR, MINUTE, Timestamp};
use proptest::prelude::*;

const OPENED: Timestamp = Timestamp(1_000 * HOUR);
const NOTHING: Evidence =
    Evidence { total: 0, joined: 0, under_way: 0, retried: 0, verified: 0, failed: 0, silent: 0, returned: 0 };

fn of(total: u64, verified: u64, failed: u64, silent: u64) -> Evidence {
    Evidence { total, verified, failed, silent, ..NOTHING }
}

fn now(gate: &Gate, evidence: &Evidence) -> Decision {
    decide(gate, evidence, &NOTHING, OPENED, OPENED.plus(MINUTE))
}

#[test]
fn shares_are_of_those_with_an_outcome() {
    // Of a thousand, a hundred and twenty tried and a hundred failed: ten percent of the wave, and nobody would go on.
    assert!(matches!(now(&GATE, &of(1_000, 20, 100, 0)), Decision::Halt(why) if why.starts_with("100 of 120 devices")));
    assert_eq!(
        now(&GATE, &of(1_000, 90, 10, 0)),
        Decision::Stay(vec![Missing::Done(900)]),
        "the limit itself is allowed"
    );
    assert!(matches!(now(&GATE, &of(1_000, 89, 11, 0)), Decision::Halt(_)));
}

#[test]
fn few_outcomes_say_nothing_unless_they_are_too_many_of_all() {
    assert_eq!(now(&GATE, &of(1_000, 0, 3, 0)), Decision::Stay(vec![Missing::Sample(7), Missing::Done(997)]));
    assert!(matches!(now(&GATE, &of(20, 0, 3, 0)), Decision::Halt(_)), "three of twenty can't become a tenth any more");
    assert!(matches!(now(&GATE, &of(3, 2, 1, 0)), Decision::Halt(_)), "a small wave gives what it has");
    assert_eq!(now(&GATE, &of(3, 3, 0, 0)), Decision::Advance);
}

#[test]
fn silent_devices_have_a_limit_of_their_own() {
    assert_eq!(now(&GATE, &of(100, 16, 0, 4)), Decision::Stay(vec![Missing::Done(80)]));
    assert!(
        matches!(now(&GATE, &of(100, 15, 0, 5)), Decision::Halt(why) if why.contains("went silent (25.0 percent)"))
    );
}

#[test]
fn time_and_people_are_waited_for() {
    let gate = Gate { open_minutes: 60, advance: Advance::Manual, ..GATE };
    let all = of(10, 10, 0, 0);
    let at = |minutes| decide(&gate, &all, &NOTHING, OPENED, OPENED.plus(minutes * MINUTE));
    assert_eq!(at(20), Decision::Stay(vec![Missing::Time(40 * MINUTE)]));
    assert!(!at(20).is_ready() && at(60).is_ready());
    assert_eq!(at(60), Decision::Stay(vec![Missing::Person]));
    assert_eq!(Missing::Time(40 * MINUTE).words(), "40 min more");
}

#[test]
fn what_a_manager_let_pass_does_not_stop_it_again() {
    let bad = of(100, 5, 10, 0);
    assert!(matches!(decide(&GATE, &bad, &NOTHING, OPENED, OPENED), Decision::Halt(_)));
    assert_eq!(decide(&GATE, &bad, &bad, OPENED, OPENED), Decision::Stay(vec![Missing::Done(85)]));
    let more = of(100, 10, 16, 0);
    assert!(matches!(decide(&GATE, &more, &bad, OPENED, OPENED), Decision::Halt(_)), "what came since does");
}

#[test]
fn what_is_tried_again_has_failed_all_the_same() {
    let again = |retried, verified| Evidence { under_way: retried, retried, ..of(1_000, verified, 0, 0) };
    assert!(matches!(now(&GATE, &again(9, 1)), Decision::Halt(why) if why.starts_with("9 of 10 devices")));
    assert_eq!(
        now(&GATE, &again(1, 9)),
        Decision::Stay(vec![Missing::Sample(1), Missing::Done(991)]),
        "it is no outcome"
    );
    let few = Evidence { under_way: 3, retried: 3, ..of(20, 2, 0, 0) };
    assert_eq!(now(&GATE, &few), Decision::Stay(vec![Missing::Sample(8), Missing::Done(18)]), "they may come out well");
    assert_eq!(
        decide(&GATE, &again(9, 1), &again(9, 1), OPENED, OPENED),
        Decision::Stay(vec![Missing::Sample(9), Missing::Done(999)])
    );
}

proptest! {
    #[test]
    fn more_failures_never_open_a_gate(
        total in 1..5_000_u64, verified in 0..3_000_u64, failed in 0..500_u64, silent in 0..500_u64, more in 1..100_u64,
        limit in 0..=PARTS, sample in 1..200_u64, minutes in 0..100_i64,
    ) {
        let gate = Gate { failed_limit: limit, min_sample: sample, open_minutes: 30, ..GATE };
        let at = OPENED.plus(minutes * MINUTE);
        let before = decide(&gate, &of(total, verified, failed, silent), &NOTHING, OPENED, at);
        let after = decide(&gate, &of(total, verified, failed + more, silent), &NOTHING, OPENED, at);
        if matches!(before, Decision::Halt(_)) && before != after {
            prop_assert!(matches!(after, Decision::Halt(_)) || silent > 0, "{before:?} {after:?}");
        }
        let better = decide(&gate, &of(total, verified + more, failed, silent), &NOTHING, OPENED, at);
        if before == Decision::Advance {
            prop_assert_eq!(better, Decision::Advance);
        }
        if matches!(after, Decision::Advance) {
            let settled = verified + failed + more + silent;
            prop_assert!(settled >= sample.min(total) && minutes >= 30);
            prop_assert!((failed + more) as u128 * PARTS as u128 <= settled as u128 * limit as u128);
        }
    }
}
