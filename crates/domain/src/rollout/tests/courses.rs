use super::*;
use proptest::{collection::vec, prelude::*, sample::select};

fn begin(waves: usize) -> Course {
    Course { state: RolloutState::Draft, wave: None, waves, hash: String::new(), approved: String::new() }
}

#[test]
fn the_way_through() {
    let go = |course: &Course, deed| course.apply(deed, "h").unwrap();
    let submitted = go(&begin(2), Deed::Submit);
    assert_eq!(
        submitted.apply(Deed::Start, "h").unwrap_err().to_string(),
        "This rollout is waiting for approval: a manager has to decide first."
    );
    assert_eq!(submitted.apply(Deed::Approve, "other"), Err(OutOfTurn::OtherHash));
    let running = go(&go(&submitted, Deed::Approve), Deed::Start);
    assert!(running.offers(0) && !running.offers(1));
    let halted = go(&running, Deed::Halt);
    assert!(!halted.offers(0) && halted.apply(Deed::Advance, "").is_err());
    let second = go(&go(&halted, Deed::Resume), Deed::Advance);
    assert!(second.offers(0) && second.offers(1));
    assert_eq!(go(&second, Deed::Advance).state, RolloutState::Completed);
    assert!(second.apply(Deed::Edit, "").is_err());
}

proptest! {
    #[test]
    fn whatever_is_tried_what_must_hold_holds(
        deeds in vec((select(Deed::ALL), select(vec!["h1", "h2", ""])), 0..60), waves in 1..4_usize,
    ) {
        let mut course = begin(waves);
        for (deed, hash) in deeds {
            let before = course.clone();
            match course.apply(deed, hash) {
                Err(_) => continue,
                Ok(next) => course = next,
            }
            prop_assert!(!before.state.is_over(), "what is over stays over");
            if course.state.is_begun() && course.wave.is_some() {
                prop_assert_eq!(&course.approved, &course.hash, "what runs is what was approved");
                prop_assert!(!course.approved.is_empty());
            }
            if matches!(course.state, RolloutState::Running | RolloutState::Paused | RolloutState::Halted | RolloutState::Completed) {
                prop_assert!(course.wave.is_some_and(|wave| wave < waves));
            }
            prop_assert!(before.wave <= course.wave, "no wave is closed again");
            let step = course.wave.map_or(0, |wave| wave + 1) - before.wave.map_or(0, |wave| wave + 1);
            prop_assert!(step <= 1, "no wave is passed over");
            if deed == Deed::Edit {
                prop_assert!(course.approved.is_empty() && course.state == RolloutState::Draft, "an edit drops the approval");
            }
            prop_assert!(!course.offers(0) || course.state == RolloutState::Running);
        }
    }

    #[test]
    fn stopping_is_always_one_call(deeds in vec(select(Deed::ALL), 0..30)) {
        let mut course = begin(3);
        for deed in deeds {
            let hash = course.hash.clone();
            course = course.apply(deed, if hash.is_empty() { "h" } else { &hash }).unwrap_or(course);
        }
        if !course.state.is_over() {
            prop_assert_eq!(course.apply(Deed::Abort, "").unwrap().state, RolloutState::Aborted);
        }
        if matches!(course.state, RolloutState::Running | RolloutState::Halted) {
            prop_assert_eq!(course.apply(Deed::Pause, "").unwrap().state, RolloutState::Paused);
        }
    }
}
