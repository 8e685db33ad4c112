use super::*;
use crate::time::{DAY, HOUR, MINUTE, Timestamp};

/// A Monday, 00:00 UTC.
const NOW: Timestamp = Timestamp(1_793_577_600_000_000);

fn crowd(total: u64, polling: &[(i64, u64)]) -> Crowd {
    Crowd { total, polling: polling.to_vec(), ..Crowd::default() }
}

fn one(plan: &Plan, crowd: Crowd) -> Outlook {
    forecast(plan, 0, &[crowd], NOW, NOW)[0].through
}

fn after(minutes: i64) -> Outlook {
    Outlook::At(NOW.plus(minutes * MINUTE))
}

#[test]
fn the_poll_interval_the_soak_and_the_share_make_the_time() {
    let mut plan = plan(vec![WaveSize::Rest]);
    // Five minutes until the last poll, ten to install, thirty to live with it.
    assert_eq!(one(&plan, crowd(1_000, &[(300, 1_000)])), after(45));
    // An outcome is seen at a poll: after the offer one says that it runs, the next that it lives.
    assert_eq!(one(&plan, crowd(1_000, &[(3_600, 1_000)])), after(180));
    // The gate wants a half, and the quick half is enough.
    plan.waves[0].gate.done = PARTS / 2;
    assert_eq!(one(&plan, crowd(1_000, &[(300, 500), (3_600, 500)])), after(45));
    assert_eq!(one(&plan, crowd(1_000, &[(3_600, 1_000)])), after(150));
}

#[test]
fn a_limit_a_minute_and_the_time_that_a_wave_is_open_are_kept() {
    let mut plan = Plan { rate_per_minute: Some(10), ..plan(vec![WaveSize::Rest]) };
    assert_eq!(one(&plan, crowd(1_000, &[(300, 1_000)])), after(100 + 40));
    plan.waves[0].gate.open_minutes = 24 * 60;
    assert_eq!(one(&plan, crowd(1_000, &[(300, 1_000)])), after(24 * 60));
}

#[test]
fn nobody_is_told_while_windows_are_closed() {
    let windows = |text: &str| Windows { zone: String::new(), open: Windows::lines_of(text).unwrap() };
    let night = Plan { windows: windows("02:00-03:00"), ..plan(vec![WaveSize::Rest]) };
    assert_eq!(one(&night, crowd(10, &[(300, 10)])), after(2 * 60 + 45));
    // Two hours of polls need two nights.
    assert_eq!(one(&night, crowd(10, &[(7_200, 10)])), after(24 * 60 + 3 * 60 + 240));
    let never = Plan { windows: windows("sun 02:00-02:01"), ..night };
    assert_eq!(one(&never, crowd(10, &[(86_400, 10)])), Outlook::Late);
}

#[test]
fn a_gate_that_wants_more_than_can_be_is_found_before() {
    let two = plan(vec![WaveSize::Share(10_000), WaveSize::Rest]);
    let found = forecast(&two, 0, &[crowd(100, &[(300, 99)]), crowd(900, &[(300, 900)])], NOW, NOW);
    assert_eq!(found[0].through, Outlook::Short { reachable: 99, needed: 100 });
    assert_eq!((found[1].opens_at, found[1].through), (None, Outlook::After));
    // A wave of nobody who gets anything waits for an outcome for ever.
    assert_eq!(one(&two, crowd(0, &[])), Outlook::Short { reachable: 0, needed: 1 });
}

#[test]
fn a_wave_opens_when_the_one_before_is_through() {
    let two = plan(vec![WaveSize::Share(10_000), WaveSize::Rest]);
    let found = forecast(&two, 0, &[crowd(100, &[(300, 100)]), crowd(900, &[(300, 900)])], NOW, NOW);
    assert_eq!(found[1].opens_at, Some(NOW.plus(45 * MINUTE)));
    assert_eq!(found[1].through, after(90));
}

#[test]
fn what_runs_is_expected_from_where_it_is() {
    let two = plan(vec![WaveSize::Share(10_000), WaveSize::Rest]);
    let half = Crowd { settled: 60, ..crowd(100, &[(300, 40)]) };
    let found = forecast(&two, 0, &[half, crowd(900, &[(300, 900)])], NOW.plus(-DAY), NOW);
    assert_eq!((found[0].opens_at, found[0].through), (Some(NOW.plus(-DAY)), after(45)));
    let done = Crowd { settled: 100, ..crowd(100, &[]) };
    assert_eq!(forecast(&two, 0, &[done], NOW.plus(-HOUR), NOW)[0].through, Outlook::At(NOW));
    let last = forecast(&two, 1, &[crowd(900, &[(300, 900)])], NOW, NOW);
    assert_eq!(last.len(), 1);
}

#[test]
fn who_was_told_is_expected_by_when_that_was_and_not_by_when_somebody_looks() {
    let plan = plan(vec![WaveSize::Rest]);
    let at = |minutes: i64| NOW.plus(minutes * MINUTE);
    let told = Told { at: NOW, lives_until: None, missed_at: Some(at(90)), is_silent: false };
    // It polls every five minutes: ten to install, thirty to live with it. Then it is late, and at last it is missed.
    for (looked, due) in [(0, 40), (25, 40), (39, 40), (40, 90), (60, 90), (90, 95)] {
        assert_eq!(due_at(&plan, 300, told, at(looked)), at(due), "{looked}");
    }
    let runs = Told { lives_until: Some(at(38)), ..told };
    assert_eq!(due_at(&plan, 300, runs, at(20).plus(1)), at(38), "it runs it, and polls then");
    assert_eq!(due_at(&plan, 1_200, runs, at(20)), at(48), "it polls later than that");
    assert_eq!(due_at(&plan, 300, Told { is_silent: true, ..told }, at(1)), at(90), "nobody hears of it");
    let for_ever = Told { is_silent: true, missed_at: None, ..told };
    assert_eq!(due_at(&plan, 300, for_ever, at(1)), at(6));
    assert_eq!(due_at(&plan, 300, Told { at: NOW.plus(1), ..told }, NOW), at(41), "in whole minutes");

    let told = Crowd { total: 10, settled: 4, due: vec![(at(38), 2), (at(12), 4)], ..Crowd::default() };
    for looked in [0, 7, 37] {
        let found = forecast(&plan, 0, std::slice::from_ref(&told), NOW.plus(-DAY), at(looked).plus(1));
        assert_eq!(found[0].through, Outlook::At(at(38)), "{looked}");
    }
    // The gate wants eight, so that two need not come.
    let mut most = plan.clone();
    (most.waves[0].gate.done, most.waves[0].gate.min_sample) = (PARTS / 5 * 4, 1);
    assert_eq!(one(&most, told.clone()), Outlook::At(at(12)));
    // Whoever polls is told yet.
    let both = Crowd { total: 11, polling: vec![(300, 1)], ..told.clone() };
    assert_eq!(one(&plan, both), after(45));
    let late = Crowd { due: vec![(at(60), 6)], polling: vec![(300, 1)], total: 11, ..told };
    assert_eq!(one(&plan, late), after(60));
}

#[test]
fn of_those_who_were_told_each_time_has_its_share() {
    let mut wave = Crowd { due: vec![(NOW, 1), (NOW.plus(MINUTE), 2)], ..crowd(1_000, &[(300, 900)]) };
    wave.settle(100, 300);
    assert_eq!(wave.due, [(NOW, 100), (NOW.plus(MINUTE), 200)]);
    assert_eq!(wave.polling, [(300, 600)], "the others are so many");
    wave.settle(1_000, 5);
    assert_eq!((wave.due.len(), wave.polling.len()), (0, 0));
}

#[test]
fn who_has_an_outcome_is_not_waited_for() {
    let mut crowd = crowd(100, &[(300, 60), (3_600, 30)]);
    crowd.settle(10, 0);
    assert_eq!((crowd.settled, crowd.polling.as_slice()), (10, &[(300, 60), (3_600, 30)][..]), "the others are enough");
    crowd.settle(55, 20);
    assert_eq!((crowd.settled, crowd.polling.as_slice()), (55, &[(300, 30), (3_600, 15)][..]));
    crowd.settle(200, 5);
    assert_eq!((crowd.settled, crowd.polling.len()), (100, 0));
}

#[test]
fn who_runs_it_and_is_watched_still_can_come() {
    let mut wave = crowd(21, &[(300, 3)]);
    wave.settle(4, 11);
    assert_eq!((wave.settled, wave.polling.as_slice()), (4, &[(300, 14)][..]));
    wave.settle(19, 11);
    assert_eq!(wave.polling, [(300, 2)], "no more than are left");
    let mut all_installed = crowd(10, &[]);
    all_installed.settle(0, 10);
    assert!(matches!(one(&plan(vec![WaveSize::Rest]), all_installed), Outlook::At(_)));
}

#[test]
fn more_devices_slower_polls_or_a_tighter_limit_never_make_it_quicker() {
    let until = |n: u64, interval: i64, rate: Option<u32>| {
        let plan = Plan { rate_per_minute: rate, ..plan(vec![WaveSize::Rest]) };
        let through = one(&plan, crowd(n, &[(interval, n)]));
        assert!(matches!(through, Outlook::At(_)), "{through:?}");
        if let Outlook::At(at) = through { at } else { NOW }
    };
    for n in [1, 10, 500, 5_000] {
        for interval in [10, 300, 3_600] {
            assert!(until(n, interval, Some(50)) >= until(n, interval, None));
            assert!(until(n, interval, Some(20)) >= until(n, interval, Some(50)));
            assert!(until(n * 2, interval, Some(20)) >= until(n, interval, Some(20)));
            assert!(until(n, interval * 2, None) >= until(n, interval, None));
        }
    }
}
