//! Gates that go by evidence: what they decide follows from counts alone, and more harm never makes it easier.

use super::*;
use crate::{
    evidence::{Factor, Level},
    time::{HOUR, MINUTE, Timestamp},
};
use proptest::prelude::*;

const OPENED: Timestamp = Timestamp(1_000 * HOUR);
const RATES: ErrorRates = ErrorRates { false_halt: 5_000, false_advance: 5_000 };
/// Two percent may fail and five go silent, in a wave of which nine tenths have an outcome.
const BY_EVIDENCE: Gate =
    Gate { evidence: Some(RATES), failed_limit: 2_000, silent_limit: 5_000, done: 90_000, min_sample: 500, ..GATE };

fn of(total: u64, under_way: u64, verified: u64, failed: u64, silent: u64) -> Evidence {
    Evidence { total, under_way, verified, failed, silent, ..Evidence::default() }
}

fn says(evidence: &Evidence) -> Decision {
    decide(&BY_EVIDENCE, evidence, &Evidence::default(), OPENED, OPENED.plus(MINUTE))
}

fn words(decision: &Decision) -> String {
    match decision {
        Decision::Stay(missing) => missing.iter().map(Missing::words).collect::<Vec<_>>().join("; "),
        Decision::Halt(why) => why.clone(),
        Decision::Advance => "goes on".to_owned(),
    }
}

#[test]
fn gross_harm_halts_before_any_sample_is_full() {
    // Of a thousand, fifty were told, and most of these are under way.
    let bad = says(&of(1_000, 40, 3, 7, 0));
    assert!(
        matches!(&bad, Decision::Halt(why) if why.starts_with("7 of 50 devices that were told failed (14 %)")),
        "{bad:?}"
    );
    assert!(matches!(says(&of(1_000, 40, 9, 1, 0)), Decision::Stay(_)), "one failure is no evidence");
    let gone = says(&of(1_000, 0, 80, 0, 20));
    assert!(
        matches!(&gone, Decision::Halt(why) if why.contains("went silent") && why.contains("more than 5 % do")),
        "{gone:?}"
    );
}

#[test]
fn it_goes_on_only_by_evidence_that_few_are_harmed() {
    let early = says(&of(1_000, 0, 60, 0, 0));
    assert!(words(&early).contains("that fewer than 2 % fail: "), "{}", words(&early));
    assert!(words(&early).contains("more devices without a failure would be enough"), "{}", words(&early));
    assert_eq!(says(&of(1_000, 0, 1_000, 0, 0)), Decision::Advance);
    // Enough is known of those who came out, but not of those who are under way: a brick shows late.
    let open = says(&of(1_000, 60, 940, 0, 0));
    assert!(matches!(open, Decision::Stay(_)), "{open:?}");
    assert!(!open.is_ready());
}

#[test]
fn what_a_small_wave_can_not_show_a_person_decides() {
    let three = says(&of(3, 0, 3, 0, 0));
    assert!(words(&three).contains("which a wave of 3 devices is too small to show"), "{}", words(&three));
    assert!(words(&three).ends_with("somebody who lets it go on") && three.is_ready() && !three.waits_for_manager());
    let waits = says(&of(3, 1, 2, 0, 0));
    assert!(!waits.is_ready() && words(&waits).contains("1 more device with an outcome"), "{}", words(&waits));
    // One of three failed: that is not enough to halt, and no reason to let anybody go on.
    let harmed = says(&of(3, 0, 2, 1, 0));
    assert!(words(&harmed).ends_with("a manager who lets it go on") && !harmed.is_ready(), "{}", words(&harmed));
    assert!(harmed.waits_for_manager(), "{}", words(&harmed));
    assert!(matches!(says(&of(3, 0, 1, 2, 0)), Decision::Halt(_)));
    // The same of a wave that was large enough, had nothing gone wrong.
    let unclear = says(&of(200, 0, 197, 3, 0));
    assert!(words(&unclear).contains("can’t show any more") && !unclear.is_ready(), "{}", words(&unclear));
    assert_eq!(BY_EVIDENCE.proves_from().map(|n| n > 100 && n < 200), Some(true));
    assert_eq!(GATE.proves_from(), None);
}

#[test]
fn it_begins_anew_from_what_a_manager_let_pass() {
    let bad = of(2_000, 0, 80, 20, 0);
    let at = |known: &Evidence| decide(&BY_EVIDENCE, known, &bad, OPENED, OPENED);
    assert!(matches!(says(&bad), Decision::Halt(_)));
    assert!(matches!(at(&bad), Decision::Stay(_)), "what was accepted counts no more");
    assert!(matches!(at(&of(2_000, 0, 120, 40, 0)), Decision::Halt(_)), "what comes since does");
    assert_eq!(at(&of(2_000, 0, 1_980, 20, 0)), Decision::Advance, "and what was good before is no proof either");
}

#[test]
fn who_was_under_way_when_it_was_accepted_proves_nothing() {
    // Failures come early: a tenth has failed, the others have no outcome yet, and all of these come out well.
    let then = of(1_000, 900, 0, 100, 0);
    let later = decide(&BY_EVIDENCE, &of(1_000, 0, 900, 100, 0), &then, OPENED, OPENED);
    assert!(!later.is_ready(), "{later:?}");
    // Silence comes last: of those who are left, the silent ones are no sample of all.
    let then = of(2_000, 18, 982, 0, 0);
    let later = decide(&BY_EVIDENCE, &of(2_000, 0, 982, 0, 18), &then, OPENED, OPENED);
    assert!(matches!(later, Decision::Stay(_)), "{later:?}");
    // Whoever is told since is judged from the start.
    let later = decide(&BY_EVIDENCE, &of(2_000, 0, 1_022, 0, 78), &then, OPENED, OPENED);
    assert!(matches!(later, Decision::Halt(_)), "{later:?}");
}

#[test]
fn a_wave_that_was_told_whole_is_still_watched_after_it_was_let_go_on() {
    // Of five thousand five hundred had an outcome when a manager let it go on; then most of the others fail.
    let accepted = of(5_000, 4_500, 470, 30, 0);
    let later = of(5_000, 1_500, 1_970, 1_530, 0);
    let halted = decide(&BY_EVIDENCE, &later, &accepted, OPENED, OPENED.plus(MINUTE));
    assert!(matches!(halted, Decision::Halt(_)), "{halted:?}");
    assert!(!matches!(decide(&BY_EVIDENCE, &accepted, &accepted, OPENED, OPENED.plus(MINUTE)), Decision::Halt(_)));
}

#[test]
fn silent_devices_that_come_back_hide_no_others_from_the_next_wave() {
    // Fifty were silent when it was let go on. They came back, and of four hundred more fifty others did not.
    let accepted = of(1_400, 0, 950, 0, 50);
    let later = of(1_400, 0, 1_350, 0, 50);
    let said = decide(&BY_EVIDENCE, &later, &accepted, OPENED, OPENED.plus(MINUTE));
    assert!(matches!(said, Decision::Stay(_)), "{said:?}");
    assert!(!said.is_ready());
}

#[test]
fn a_device_that_comes_back_and_fails_is_not_among_those_told_since() {
    // Thirty were silent when it was let go on. They came back and failed; of fifty that were told since nobody did.
    let accepted = Accepted::new(of(2_000, 0, 470, 0, 30), 30, OPENED).with_still_silent(0).by(&BY_EVIDENCE);
    let later = of(2_000, 0, 520, 30, 0);
    let harmed = BY_EVIDENCE.weigh(&later, &accepted).map(|harms| harms.map(|harm| (harm.harmed, harm.told)));
    assert_eq!(harmed, Some([(0, 50), (0, 50)]));
    // Whoever of those told since fails counts, and whoever goes silent again is hidden by nobody.
    let worse = of(2_000, 0, 500, 35, 15);
    let harmed = BY_EVIDENCE.weigh(&worse, &accepted).map(|harms| harms.map(|harm| (harm.harmed, harm.told)));
    assert_eq!(harmed, Some([(5, 50), (15, 50)]));
}

#[test]
fn who_joins_is_judged_and_planned_with_by_nobody() {
    let all = of(1_000, 0, 300, 0, 0);
    let joined = Evidence { total: 1_400, joined: 400, ..all };
    let value = |known: &Evidence| BY_EVIDENCE.weigh(known, &Evidence::default()).map(|harms| harms[0].below.value);
    assert_eq!(value(&all), value(&joined));
}

#[test]
fn held_back_is_who_has_it_in_common() {
    let held = HeldBack {
        cohort: Some(1),
        level: Level::of(Factor::Batch, "A"),
        why: String::new(),
        at: OPENED,
        devices: vec![vec![5, 7, 2]],
    };
    assert!(held.holds(1, "C", "A") && !held.holds(2, "C", "A") && !held.holds(1, "C", "B"));
    assert_eq!((held.of_wave(0, |cohort| cohort != 0), held.of_wave(1, |_| true)), (9, 0));
    let mut written = serde_json::to_value(&held).unwrap();
    written.as_object_mut().unwrap().remove("devices");
    let read = serde_json::from_value::<HeldBack>(written).unwrap();
    assert!(read.devices.is_empty() && read.level == held.level, "what was written without it is read");
}

fn rank(decision: &Decision) -> u8 {
    match decision {
        Decision::Halt(_) => 0,
        Decision::Stay(_) => 1,
        Decision::Advance => 2,
    }
}

proptest! {
    #[test]
    fn more_harm_never_helps(
        total in 1..3_000_u64, told in 0..3_000_u64, failed in 0..200_u64, silent in 0..200_u64, open in 0..500_u64,
        more in 1..50_u64, limit in 1..20_000_u32, minutes in 0..100_i64,
    ) {
        let told = told.min(total);
        let (failed, silent) = (failed.min(told / 3), silent.min(told / 3));
        let open = open.min(told - failed - silent);
        let verified = told - failed - silent - open;
        let gate = Gate { failed_limit: limit, open_minutes: 30, ..BY_EVIDENCE };
        let at = |known: &Evidence| decide(&gate, known, &Evidence::default(), OPENED, OPENED.plus(minutes * MINUTE));
        let before = at(&of(total, open, verified, failed, silent));
        let turned = more.min(verified);
        for worse in [
            of(total, open, verified - turned, failed + turned, silent),
            of(total, open, verified - turned, failed, silent + turned),
        ] {
            let after = at(&worse);
            let is_decided = rank(&before) == 0 || rank(&after) == 2;
            prop_assert!(!is_decided || rank(&after) <= rank(&before), "{before:?} {after:?}");
        }
        // Whoever failed can't go silent any more, so that this may be known now; but what halts goes on halting.
        let turned = more.min(open);
        if rank(&before) == 0 {
            prop_assert_eq!(rank(&at(&of(total, open - turned, verified, failed + turned, silent))), 0);
        }
        if before == Decision::Advance {
            prop_assert!(minutes >= 30);
        }
    }

    /// Outcomes come in any order, are counted by several nodes and after restarts: the counts are the same, and so is what follows.
    #[test]
    fn order_and_nodes_change_nothing(outcomes in prop::collection::vec((0..3_u8, 0..3_usize), 1..300), seed in any::<u64>()) {
        let total = outcomes.len() as u64 * 2;
        let count = |outcomes: &[(u8, usize)]| {
            let mut nodes = [Evidence::default(); 3];
            for (outcome, node) in outcomes {
                match outcome {
                    0 => nodes[*node].failed += 1,
                    1 => nodes[*node].silent += 1,
                    _ => nodes[*node].verified += 1,
                }
            }
            let sum = nodes.iter().fold(Evidence::default(), |sum, node| sum.and(node));
            Evidence { total, ..sum }
        };
        let mut shuffled = outcomes.clone();
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
            shuffled[at].1 = (state >> 20) as usize % 3;
        }
        prop_assert_eq!(says(&count(&outcomes)), says(&count(&shuffled)));
    }

    /// As many as it says are enough, and one fewer is not.
    #[test]
    fn what_it_says_is_missing_is_what_is_missing(verified in 0..400_u64, failed in 0..3_u64, total in 400..4_000_u64) {
        let known = of(total, 0, verified, failed, 0);
        let harms = BY_EVIDENCE.weigh(&known, &Evidence::default()).unwrap();
        let Some(more) = harms[0].more.filter(|more| *more > 0) else { return Ok(()) };
        let with = |more| {
            let known = of(total, 0, verified + more, failed, 0);
            BY_EVIDENCE.weigh(&known, &Evidence::default()).unwrap()[0].below.is_enough()
        };
        prop_assert!(with(more) && !with(more - 1));
    }
}
