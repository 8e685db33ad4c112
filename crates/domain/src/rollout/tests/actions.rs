use super::*;
use crate::{
    history::Event,
    time::{HOUR, MINUTE, Timestamp},
};
use ActionState as S;
use proptest::{collection::vec, prelude::*, sample::select};

const NOW: Timestamp = Timestamp(1_000 * HOUR);
const PACE: Pace = Pace { timeout: HOUR, soak: 30 * MINUTE, retries: 0, usual: None };

fn offered(pace: Pace) -> Action {
    Action::offered(ActionKind::Update, "2.4.1", "2.3.0", 0, NOW, pace)
}

/// What a device reports whose client says everything else.
const fn reports(version: &str) -> ActionEvent<'_> {
    ActionEvent::Reported { version, is_all: false }
}

/// What a device reports that installs from a repository.
const fn only_reports(version: &str) -> ActionEvent<'_> {
    ActionEvent::Reported { version, is_all: true }
}

fn said(execution: Execution, finished: Finished) -> Feedback {
    Feedback { execution, finished, code: None, details: vec!["Image 17 does not fit".to_owned(), " ".to_owned()] }
}

/// Its time is over, and it was not kept from anything.
const fn late(heard: bool, firmware: &str) -> ActionEvent<'_> {
    ActionEvent::TimedOut { heard, last: None, firmware, withheld: false, resumed_at: None }
}

/// What it is after all of these, minutes after the offer.
fn after(pace: Pace, events: &[(i64, ActionEvent<'_>)]) -> Action {
    events.iter().fold(offered(pace), |action, (minutes, event)| {
        action.after(event, NOW.plus(minutes * MINUTE), pace).unwrap_or(action)
    })
}

#[test]
fn installed_is_what_the_client_says_and_verified_what_the_device_itself_does() {
    let closed = said(Execution::Closed, Finished::Success);
    let installed = after(PACE, &[(1, ActionEvent::Fetched), (2, ActionEvent::Said(&closed))]);
    assert_eq!((installed.state, installed.reported_at), (S::Installed, None));
    assert!(matches!(installed.event(&offered(PACE), ""), Some(Event::UpdateInstalled { .. })));
    // What it reports before it starts with the new one says nothing.
    assert_eq!(installed.after(&reports("2.3.0"), NOW, PACE), None);
    let booted = installed.after(&reports("v2.4.1"), NOW.plus(5 * MINUTE), PACE).unwrap();
    assert_eq!(booted.state, S::Verifying);
    assert_eq!(
        booted.after(&ActionEvent::Polled, NOW.plus(34 * MINUTE), PACE),
        None,
        "it has not lived through the soak"
    );
    assert_eq!(booted.after(&ActionEvent::Polled, NOW.plus(35 * MINUTE), PACE).unwrap().state, S::Verified);
    let back = booted.after(&reports("2.3.0"), NOW.plus(9 * MINUTE), PACE).unwrap();
    assert_eq!(back.state, S::Reverted);
    let told = Event::UpdateReverted { to: "2.3.0".to_owned(), version: "2.4.1".to_owned() };
    assert_eq!(back.event(&booted, "2.3.0"), Some(told));
}

#[test]
fn of_what_comes_from_a_repository_the_devices_report_is_all_that_is_heard() {
    let fetched = after(PACE, &[(1, ActionEvent::Fetched), (2, only_reports("2.3.0"))]);
    assert_eq!(fetched.state, S::Downloading, "it runs the old one still");
    let silent = after(PACE, &[(61, late(false, "2.3.0"))]);
    for before in [offered(PACE), fetched.clone(), silent] {
        let runs = before.after(&only_reports("2.4.1"), NOW.plus(70 * MINUTE), PACE).unwrap();
        assert_eq!((runs.state, runs.soak_until), (S::Verifying, Some(NOW.plus(100 * MINUTE))));
        assert_eq!(runs.after(&ActionEvent::Polled, NOW.plus(100 * MINUTE), PACE).unwrap().state, S::Verified);
    }
    // Nobody there hears that it is to stop: what it runs says whether it did.
    let stopping = fetched.after(&ActionEvent::Stop, NOW.plus(3 * MINUTE), PACE).unwrap();
    let says = |version| stopping.after(&only_reports(version), NOW.plus(4 * MINUTE), PACE).unwrap().state;
    assert_eq!((says("2.3.0"), says("2.4.1")), (S::Cancelled, S::Verifying));
    assert_eq!(stopping.after(&reports("2.3.0"), NOW.plus(4 * MINUTE), PACE), None);
}

#[test]
fn a_client_that_confirms_after_its_start_is_offered_it_until_it_did() {
    let progress = said(Execution::Proceeding, Finished::None);
    let reported = after(PACE, &[(1, ActionEvent::Said(&progress)), (2, reports("2.4.1"))]);
    assert!(reported.state.is_offered() && reported.reported_at.is_some());
    let closed = said(Execution::Closed, Finished::None);
    assert_eq!(reported.after(&ActionEvent::Said(&closed), NOW.plus(3 * MINUTE), PACE).unwrap().state, S::Verifying);
    let late = late(true, "2.4.1");
    assert_eq!(reported.after(&late, NOW.plus(62 * MINUTE), PACE).unwrap().state, S::Verifying, "taken at its word");
}

#[test]
fn a_device_that_is_late_is_silent_and_one_that_polls_has_failed() {
    let gone = |events: &[(i64, ActionEvent<'_>)]| after(PACE, events);
    assert_eq!(gone(&[(59, late(false, ""))]).state, S::Offered);
    let silent = gone(&[(61, late(false, "2.3.0"))]);
    assert_eq!((silent.state, silent.reached, silent.due_at), (S::Silent, S::Offered, None));
    let stuck = gone(&[(61, late(true, "2.3.0"))]);
    assert_eq!((stuck.state, stuck.code.as_str()), (S::Failed, "timeout"));
    let closed = said(Execution::Closed, Finished::Success);
    // It comes back, and what it says then counts.
    let back = silent.after(&ActionEvent::Said(&closed), NOW.plus(90 * MINUTE), PACE).unwrap();
    assert_eq!(back.state, S::Installed);
    let installed = [(1, ActionEvent::Said(&closed)), (62, late(true, "2.3.0"))];
    assert_eq!(gone(&installed).state, S::Reverted);
    let mute = [(1, ActionEvent::Said(&closed)), (62, late(true, ""))];
    assert_eq!((gone(&mute).state, gone(&mute).code.as_str()), (S::Failed, "not reported"));
}

#[test]
fn progress_that_is_none_buys_no_time() {
    let progress = said(Execution::Proceeding, Finished::None);
    let one = after(PACE, &[(30, ActionEvent::Said(&progress))]);
    assert_eq!(one.due_at, Some(NOW.plus(90 * MINUTE)));
    assert_eq!(one.after(&ActionEvent::Said(&progress), NOW.plus(80 * MINUTE), PACE), None);
}

#[test]
fn what_failed_is_tried_again_as_often_as_the_plan_says() {
    let pace = Pace { retries: 1, ..PACE };
    let failure = said(Execution::Closed, Finished::Failure);
    let first = after(pace, &[(1, ActionEvent::Said(&failure))]);
    assert_eq!((first.state, first.retry_at), (S::Retried, Some(NOW.plus(6 * MINUTE))));
    assert_eq!((first.reason.as_str(), first.code.as_str()), ("Image 17 does not fit", "Image # does not fit"));
    let second = Action { attempt: 1, ..offered(pace) };
    let last = second.after(&ActionEvent::Said(&failure), NOW, pace).unwrap();
    assert_eq!((last.state, last.retry_at), (S::Failed, None));
}

#[test]
fn a_device_that_installs_already_may_refuse_to_stop() {
    let stopping = after(PACE, &[(1, ActionEvent::Fetched), (2, ActionEvent::Stop)]);
    assert_eq!(stopping.state, S::Cancelling);
    let gone =
        stopping.after(&ActionEvent::SaidOfStopping(&said(Execution::Closed, Finished::None)), NOW, PACE).unwrap();
    assert_eq!(gone.state, S::Cancelled);
    let goes_on =
        stopping.after(&ActionEvent::SaidOfStopping(&said(Execution::Rejected, Finished::None)), NOW, PACE).unwrap();
    assert_eq!(goes_on.state, S::Installing);
    assert_eq!(goes_on.after(&ActionEvent::Stop, NOW, PACE), None, "it isn't asked again");
    // Its success comes to the deployment's address, even while it is asked to stop.
    let closed = said(Execution::Closed, Finished::Success);
    assert_eq!(stopping.after(&ActionEvent::Said(&closed), NOW, PACE).unwrap().state, S::Installed);
}

#[test]
fn a_device_that_went_back_is_never_verified_by_what_its_client_says() {
    let (progress, closed) = (said(Execution::Proceeding, Finished::None), said(Execution::Closed, Finished::Success));
    let booted = [(1, ActionEvent::Said(&progress)), (2, reports("2.4.1"))];
    let fell = after(PACE, &[booted.as_slice(), &[(3, reports("2.3.0"))]].concat());
    assert_eq!((fell.state, fell.reported_at), (S::Installing, None), "its client may say why");
    for event in [ActionEvent::Said(&closed), late(true, "2.3.0")] {
        let ended = fell.after(&event, NOW.plus(70 * MINUTE), PACE).unwrap();
        assert_eq!((ended.state, ended.code.as_str()), (S::Reverted, "reverted"));
        assert_eq!(ended.reason, "It reported version 2.4.1 first and 2.3.0 later.");
    }
    let failure = said(Execution::Closed, Finished::Failure);
    assert_eq!(fell.after(&ActionEvent::Said(&failure), NOW, PACE).unwrap().reason, "Image 17 does not fit");
    // It starts with it again, and stays: that counts from the moment at which its client closes it.
    let again = fell.after(&reports("2.4.1"), NOW.plus(4 * MINUTE), PACE).unwrap();
    let verifying = again.after(&ActionEvent::Said(&closed), NOW.plus(40 * MINUTE), PACE).unwrap();
    assert_eq!((verifying.state, verifying.soak_until), (S::Verifying, Some(NOW.plus(70 * MINUTE))));
    // What its row says is what it reported last, also where the report itself was not seen here.
    let runs_old = after(PACE, &booted).after(&late(true, "2.3.0"), NOW.plus(70 * MINUTE), PACE).unwrap();
    assert_eq!(runs_old.state, S::Reverted);
}

#[test]
fn whoever_was_silent_goes_on_where_it_was() {
    let closed = said(Execution::Closed, Finished::Success);
    let verifying = [(1, ActionEvent::Said(&closed)), (2, reports("2.4.1")), (200, late(false, "2.4.1"))];
    let silent = after(PACE, &verifying);
    assert_eq!((silent.state, silent.reached), (S::Silent, S::Verifying));
    assert!(!silent.under_way().awaits_client(), "it is not installed twice");
    let at = NOW.plus(300 * MINUTE);
    let back = silent.after(&reports("2.4.1"), at, PACE).unwrap();
    assert_eq!((back.state, back.soak_until), (S::Verifying, Some(at.plus(PACE.soak))), "it lives with it anew");
    assert_eq!(silent.after(&reports("2.3.0"), at, PACE).unwrap().state, S::Reverted);
    assert_eq!(silent.after(&ActionEvent::Said(&closed), at, PACE), None, "only its report says what runs");
    let installed = after(PACE, &[(1, ActionEvent::Said(&closed)), (62, late(false, "2.3.0"))]);
    assert_eq!((installed.state, installed.reached), (S::Silent, S::Installed));
    let old = installed.after(&reports("2.3.0"), at, PACE).unwrap();
    assert_eq!((old.state, old.due_at), (S::Installed, Some(at.plus(PACE.timeout))));
    assert_eq!(installed.after(&reports("2.4.1"), at, PACE).unwrap().state, S::Verifying);
    // One that had begun nothing fetches it when it comes back, and has begun by that.
    let offered = after(PACE, &[(61, late(false, "2.3.0"))]);
    assert!(offered.under_way().is_not_begun());
    assert_eq!(offered.after(&ActionEvent::Fetched, at, PACE).unwrap().state, S::Downloading);
}

#[test]
fn what_a_device_is_kept_from_is_no_failure_of_it() {
    let kept = |heard| ActionEvent::TimedOut { heard, last: None, firmware: "2.3.0", withheld: true, resumed_at: None };
    let at = NOW.plus(61 * MINUTE);
    for heard in [false, true] {
        let taken = offered(PACE).after(&kept(heard), at, PACE).unwrap();
        assert_eq!((taken.state, taken.retry_at, taken.code.as_str()), (S::Cancelled, Some(at), ""));
    }
    // What it says that it has installed is waited for all the same.
    let closed = said(Execution::Closed, Finished::Success);
    let installed = after(PACE, &[(1, ActionEvent::Said(&closed))]);
    assert_eq!(installed.after(&kept(true), at.plus(HOUR), PACE).unwrap().state, S::Reverted);
    // After a pause it gets the time that it did not have.
    let resumed_at = Some(NOW.plus(50 * MINUTE));
    let resumed = ActionEvent::TimedOut { heard: true, last: None, firmware: "2.3.0", withheld: false, resumed_at };
    let later = offered(PACE).after(&resumed, at, PACE).unwrap();
    assert_eq!((later.state, later.due_at), (S::Offered, Some(NOW.plus(110 * MINUTE))));
    assert_eq!(later.after(&resumed, NOW.plus(110 * MINUTE), PACE).unwrap().state, S::Failed);
    // Taken back is what was not begun, nothing else.
    assert_eq!(offered(PACE).after(&ActionEvent::TakeBack, at, PACE).unwrap().state, S::Cancelled);
    let fetched = after(PACE, &[(1, ActionEvent::Fetched)]);
    assert_eq!(fetched.after(&ActionEvent::TakeBack, at, PACE), None);
}

/// One that polls every five minutes, and one that does every six hours; a day without progress is too much for both.
const OFTEN: Pace = Pace { timeout: 24 * HOUR, usual: Some(15 * MINUTE), ..PACE };
const SELDOM: Pace = Pace { usual: Some(18 * HOUR), ..OFTEN };

fn quiet_since(last: Timestamp) -> ActionEvent<'static> {
    ActionEvent::TimedOut { heard: false, last: Some(last), firmware: "2.3.0", withheld: false, resumed_at: None }
}

#[test]
fn who_has_begun_is_late_by_its_own_habit() {
    let begun = |pace| after(pace, &[(0, ActionEvent::Said(&said(Execution::Proceeding, Finished::None)))]);
    let (often, seldom) = (begun(OFTEN), begun(SELDOM));
    assert_eq!(often.due_at, Some(NOW.plus(25 * MINUTE)), "three of its gaps, and what installing takes");
    assert_eq!(seldom.due_at, Some(NOW.plus(18 * HOUR + 10 * MINUTE)));
    let at = NOW.plus(26 * MINUTE);
    assert_eq!(often.after(&quiet_since(NOW), at, OFTEN).unwrap().state, S::Silent);
    assert_eq!(seldom.after(&quiet_since(NOW), at, SELDOM), None, "it is not looked at before");
    // Whoever shows itself is looked at again, ever more seldom, and at its timeout as ever.
    let again = often.after(&quiet_since(NOW.plus(20 * MINUTE)), at, OFTEN).unwrap();
    assert_eq!((again.state, again.due_at), (S::Installing, Some(NOW.plus(45 * MINUTE))));
    let (mut action, mut looks) = (often, 0);
    while let Some(due) = action.due_at.filter(|due| *due < NOW.plus(24 * HOUR)) {
        action = action.after(&quiet_since(due), due, OFTEN).unwrap();
        looks += 1;
    }
    assert!(action.state == S::Installing && looks < 14, "{looks} looks in a day");
    let heard = late(true, "2.3.0");
    assert_eq!(action.after(&heard, NOW.plus(24 * HOUR), OFTEN).unwrap().state, S::Failed, "it polls and gets nowhere");
    // Nobody waits longer than the plan says.
    let weekly = Pace { usual: Some(21 * 24 * HOUR), ..OFTEN };
    assert_eq!(begun(weekly).due_at, Some(NOW.plus(24 * HOUR)));
    assert_eq!(begun(Pace { usual: None, ..OFTEN }).due_at, Some(NOW.plus(24 * HOUR)));
}

#[test]
fn who_lives_with_it_and_is_gone_is_missed_before_the_soak_is_over() {
    let pace = Pace { soak: 24 * HOUR, ..OFTEN };
    let closed = said(Execution::Closed, Finished::Success);
    let lives = after(pace, &[(1, ActionEvent::Said(&closed)), (2, reports("2.4.1"))]);
    assert_eq!((lives.state, lives.due_at), (S::Verifying, Some(NOW.plus(17 * MINUTE))));
    let gone = lives.after(&quiet_since(NOW.plus(2 * MINUTE)), NOW.plus(17 * MINUTE), pace).unwrap();
    assert_eq!(gone.state, S::Silent);
    let back = gone.after(&reports("2.4.1"), NOW.plus(HOUR), pace).unwrap();
    assert_eq!((back.state, back.soak_until), (S::Verifying, Some(NOW.plus(25 * HOUR))), "it leaves the silent ones");
}

#[test]
fn who_polls_seldom_and_has_not_begun_is_no_failure() {
    let rare = Pace { timeout: HOUR, ..SELDOM };
    let at = NOW.plus(HOUR);
    let taken = offered(rare).after(&quiet_since(NOW), at, rare).unwrap();
    assert_eq!((taken.state, taken.retry_at), (S::Cancelled, Some(at)), "it is offered again when it comes");
    // One that polls often and is gone since its offer, or comes and does nothing, is what it always was.
    let often = Pace { timeout: HOUR, ..OFTEN };
    assert_eq!(offered(often).after(&quiet_since(NOW), at, often).unwrap().state, S::Silent);
    let idle = ActionEvent::TimedOut {
        heard: true,
        last: Some(NOW.plus(50 * MINUTE)),
        firmware: "2.3.0",
        withheld: false,
        resumed_at: None,
    };
    assert_eq!(offered(rare).after(&idle, at, rare).unwrap().state, S::Failed);
}

#[test]
fn habits_are_three_gaps_and_never_less_than_minutes() {
    assert_eq!(
        [(300, 300), (10, 5), (6 * 3_600, 300), (60, 600)].map(|(gap, told)| late_after(gap, told) / MINUTE),
        [15, 10, 1_080, 30]
    );
}

const fn says(answer: &UserAnswer) -> ActionEvent<'_> {
    ActionEvent::Answered(answer)
}

fn agrees() -> UserAnswer {
    UserAnswer { consent: Consent::Confirmed, code: None, details: Vec::new() }
}

fn denies(words: &str) -> UserAnswer {
    UserAnswer { consent: Consent::Denied, code: Some(7), details: vec![words.to_owned(), " ".to_owned()] }
}

#[test]
fn who_waits_for_its_user_is_told_of_nothing_and_is_never_late() {
    let asked = offered(PACE).asked();
    assert_eq!((asked.state, asked.reached, asked.due_at), (S::WaitsForConfirmation, S::Offered, None));
    let years = NOW.plus(20_000 * HOUR);
    let closed = said(Execution::Closed, Finished::Success);
    let failed = said(Execution::Closed, Finished::Failure);
    for event in [
        ActionEvent::Fetched,
        ActionEvent::Said(&closed),
        ActionEvent::Said(&failed),
        ActionEvent::SaidOfStopping(&closed),
        ActionEvent::Polled,
        ActionEvent::Stop,
        late(false, "2.3.0"),
        late(true, "2.3.0"),
        reports("2.3.0"),
    ] {
        assert_eq!(asked.after(&event, years, PACE), None, "{event:?}");
    }
    let taken = asked.after(&ActionEvent::TakeBack, years, PACE).unwrap();
    assert_eq!((taken.state, taken.retry_at), (S::Cancelled, Some(years)));
    let has_it = asked.after(&reports("v2.4.1"), years, PACE).unwrap();
    assert_eq!(has_it.state, S::Cancelled, "there is nothing to agree to any more");
}

#[test]
fn who_agrees_is_offered_it_and_who_does_not_goes_on_being_asked() {
    let asked = offered(PACE).asked();
    let at = NOW.plus(5 * HOUR);
    let (no, other) = (denies("Not before the shift ends"), denies("Never"));
    let denied = asked.after(&says(&no), at, PACE).unwrap();
    assert!(denied.is_denied() && denied.due_at.is_none());
    assert_eq!((denied.reason.as_str(), denied.changed_at), ("Not before the shift ends", at));
    assert!(matches!(denied.event(&asked, ""), Some(Event::UpdateDenied { .. })));
    let again = denied.after(&says(&other), at.plus(HOUR), PACE).unwrap();
    assert_eq!((again.reason.as_str(), again.event(&denied, "")), ("Never", None), "its history tells it once");
    assert_eq!(denied.after(&says(&no), at, PACE), None, "said twice at once it is said once");
    let agreed = again.after(&says(&agrees()), at.plus(2 * HOUR), PACE).unwrap();
    assert_eq!((agreed.state, agreed.due_at), (S::Offered, Some(at.plus(3 * HOUR))));
    assert_eq!((agreed.code.as_str(), agreed.reason.as_str()), ("", ""));
    assert!(matches!(agreed.event(&again, ""), Some(Event::UpdateConfirmed { .. })));
    assert_eq!(agreed.after(&says(&agrees()), at.plus(2 * HOUR), PACE), None, "who agrees twice agrees once");
}

#[test]
fn what_was_agreed_to_may_be_taken_back_until_the_device_begins() {
    let no = denies("Wait");
    let progress = said(Execution::Proceeding, Finished::None);
    let fetched = after(PACE, &[(1, ActionEvent::Fetched)]);
    let silent = after(PACE, &[(61, late(false, "2.3.0"))]);
    let back = offered(PACE).after(&says(&no), NOW.plus(2 * HOUR), PACE).unwrap();
    assert_eq!((back.state, back.reached, back.due_at), (S::WaitsForConfirmation, S::Offered, None));
    let lost = after(PACE, &[(1, ActionEvent::Fetched), (90, late(false, "2.3.0"))]);
    assert_eq!((silent.state, lost.state, lost.reached), (S::Silent, S::Silent, S::Downloading));
    let installing = after(PACE, &[(1, ActionEvent::Said(&progress))]);
    let stopping = fetched.after(&ActionEvent::Stop, NOW.plus(2 * MINUTE), PACE).unwrap();
    let revert = Action { kind: ActionKind::Revert, ..offered(PACE) };
    let ran = after(PACE, &[(1, ActionEvent::Fetched), (2, reports("2.4.1"))]);
    let fell = ran.after(&reports("2.3.0"), NOW.plus(3 * MINUTE), PACE).unwrap();
    for before in [fetched, silent, lost, installing, stopping, revert, ran, fell] {
        assert_eq!(before.after(&says(&no), NOW.plus(2 * HOUR), PACE), None, "{:?}", before.state);
    }
}

fn feedback() -> impl Strategy<Value = Feedback> {
    (select(Execution::ALL), select(Finished::ALL), prop::option::of(-5..300_i64), vec("\\PC{0,12}", 0..3))
        .prop_map(|(execution, finished, code, details)| Feedback { execution, finished, code, details })
}

#[derive(Clone, Debug)]
enum Happens {
    Fetched,
    Said(Feedback),
    Answered(bool),
    Stopping(Feedback),
    Reported(&'static str, bool),
    Polled,
    TimedOut(bool, &'static str, bool, Option<i64>),
    Stop,
    TakeBack,
}

fn happens() -> impl Strategy<Value = Happens> {
    let version = || select(vec!["2.4.1", "2.3.0", "", "nightly"]);
    prop_oneof![
        Just(Happens::Fetched),
        feedback().prop_map(Happens::Said),
        any::<bool>().prop_map(Happens::Answered),
        feedback().prop_map(Happens::Stopping),
        (version(), any::<bool>()).prop_map(|(version, is_all)| Happens::Reported(version, is_all)),
        Just(Happens::Polled),
        (any::<bool>(), version(), prop::bool::weighted(0.2), prop::option::of(-90..30_i64))
            .prop_map(|(heard, version, kept, resumed)| Happens::TimedOut(heard, version, kept, resumed)),
        Just(Happens::Stop),
        Just(Happens::TakeBack),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_what_must_hold_holds(
        happened in vec((happens(), -30..120_i64), 0..40), retries in 0..3_u32, soak in 0..90_i64,
        usual in prop::option::of(10..200_i64), asks in any::<bool>(),
    ) {
        let usual = usual.map(|minutes| minutes * MINUTE);
        let pace = Pace { retries, soak: soak * MINUTE, usual, ..PACE };
        let mut action = if asks { offered(pace).asked() } else { offered(pace) };
        let (yes, no) = (agrees(), denies("no"));
        let (mut now, mut last) = (NOW, "");
        for (what, minutes) in happened {
            // The clock may be set back.
            now = now.plus(minutes * MINUTE);
            let event = match &what {
                Happens::Fetched => ActionEvent::Fetched,
                Happens::Said(feedback) => ActionEvent::Said(feedback),
                Happens::Answered(true) => ActionEvent::Answered(&yes),
                Happens::Answered(false) => ActionEvent::Answered(&no),
                Happens::Stopping(feedback) => ActionEvent::SaidOfStopping(feedback),
                Happens::Reported(version, is_all) => ActionEvent::Reported { version, is_all: *is_all },
                Happens::Polled => ActionEvent::Polled,
                Happens::TimedOut(heard, firmware, withheld, resumed) => {
                    let at = resumed.map(|minutes| now.plus(minutes * MINUTE));
                    let (last, resumed_at) = (at, at);
                    ActionEvent::TimedOut { heard: *heard, last, firmware, withheld: *withheld, resumed_at }
                }
                Happens::Stop => ActionEvent::Stop,
                Happens::TakeBack => ActionEvent::TakeBack,
            };
            if let Happens::Reported(version, _) = &what && !version.is_empty() {
                last = *version;
            }
            let Some(next) = action.after(&event, now, pace) else { continue };
            prop_assert!(!action.state.is_closed(), "what is closed stays closed");
            prop_assert_ne!(&next, &action, "what changes nothing says so");
            if next.state == S::Verified {
                prop_assert!(last == "2.4.1" && action.state == S::Verifying, "verified is what it reported last");
                prop_assert!(action.soak_until.is_some_and(|until| until <= now));
            }
            if next.state == S::Verifying && action.state != S::Verifying {
                prop_assert_eq!(next.soak_until, Some(now.plus(pace.soak)), "the soak begins when it is heard of");
            }
            prop_assert!(next.reached.is_progress() && (!next.state.is_progress() || next.state == next.reached));
            let is_patient = matches!(next.state, S::Silent | S::WaitsForConfirmation);
            prop_assert_eq!(next.due_at.is_none(), next.state.is_closed() || is_patient, "nothing else waits forever");
            if action.state == S::WaitsForConfirmation && next.state != action.state {
                let is_told = matches!(event, ActionEvent::Answered(said) if said.agrees());
                prop_assert_eq!(next.state, if is_told { S::Offered } else { S::Cancelled }, "nobody but its user lets it go on");
            }
            prop_assert!(next.state != S::WaitsForConfirmation || (next.reached == S::Offered && next.is_denied()));
            let may_again = next.state == S::Retried || (next.state == S::Cancelled && next.retry_at.is_some());
            prop_assert_eq!(may_again, next.retry_at.is_some());
            prop_assert!(next.state != S::Retried || next.retry_at.is_some());
            prop_assert!(next.state != S::Retried || next.attempt < retries);
            prop_assert!(!matches!(next.state, S::Failed | S::Retried) || !next.reason.is_empty());
            prop_assert!(next.reason.chars().count() <= Feedback::REASON_MAX && next.code.chars().count() <= 120);
            prop_assert_eq!((next.kind, &next.version, next.attempt), (action.kind, &action.version, action.attempt));
            if next.state == action.state && next.is_denied() == action.is_denied() {
                prop_assert_eq!(next.event(&action, "2.3.0"), None);
            }
            action = next;
        }
    }
}
