use super::*;
use crate::time::{DAY, HOUR, MINUTE, Timestamp};

/// A Monday, 00:00 UTC.
const NOW: Timestamp = Timestamp(1_793_577_600_000_000);

fn crowd(total: u64, polling: &[(i64, u64)]) -> Crowd {
    Crowd { total, settled: 0, polling: polling.to_vec() }
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
fn who_has_an_outcome_is_not_waited_for() {
    let mut crowd = crowd(100, &[(300, 60), (3_600, 30)]);
    crowd.settle(10);
    assert_eq!((crowd.settled, crowd.polling.as_slice()), (10, &[(300, 60), (3_600, 30)][..]), "the others are enough");
    crowd.settle(55);
    assert_eq!((crowd.settled, crowd.polling.as_slice()), (55, &[(300, 30), (3_600, 15)][..]));
    crowd.settle(200);
    assert_eq!((crowd.settled, crowd.polling.len()), (100, 0));
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
