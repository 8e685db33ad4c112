//! Honest devices raise nothing, and two devices under one identity always do.

use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;

const INTERVAL_S: u32 = 300;
const INTERVAL: i64 = INTERVAL_S as i64 * SECOND;

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// The signals of these polls, each a time and an address, at one interval.
fn signals(polls: &[(i64, IpAddr)]) -> Vec<Signal> {
    let mut polls =
        polls.iter().map(|(at, address)| Poll { at: Timestamp(*at), address: *address, interval_s: INTERVAL_S });
    let Some(mut state) = polls.next().map(|first| Cadence::begin(&first)) else { return Vec::new() };
    let mut signals = Vec::new();
    for poll in polls {
        let (next, signal) = state.poll(&poll);
        state = next;
        signals.extend(signal);
    }
    signals
}

/// The polls of several devices in the order of time.
fn together(mut polls: Vec<(i64, IpAddr)>) -> Vec<(i64, IpAddr)> {
    polls.sort();
    polls
}

/// A device that polls at an offset, each time early or late by some percent of its interval.
fn device(offset: i64, jitter: &[i64], from: IpAddr) -> Vec<(i64, IpAddr)> {
    let at = |(n, percent): (usize, &i64)| offset + (n as i64 + 1) * INTERVAL + percent * INTERVAL / 100;
    jitter.iter().enumerate().map(at).map(|at| (at, from)).collect()
}

#[test]
fn the_state_is_small() {
    assert!(size_of::<Cadence>() <= 104, "{}", size_of::<Cadence>());
}

#[test]
fn both_addresses_are_named() {
    let polls = together([device(0, &[0; 4], address(1)), device(INTERVAL / 3, &[0; 4], address(2))].concat());
    let expected = Signal::TwoAddresses { first: address(1), second: address(2), turns: 5 };
    assert_eq!(signals(&polls).first(), Some(&expected));
}

#[test]
fn a_device_over_two_uplinks_in_turn_is_one_device() {
    let polls: Vec<_> = (0..500).map(|n| (n * INTERVAL, address(u8::from(n % 2 == 0)))).collect();
    assert_eq!(signals(&polls), []);
}

#[test]
fn a_device_that_restarts_over_its_spare_uplink_is_one_device() {
    // Each time it is back at its usual address one interval after the restart.
    let restart = |n: i64| {
        let start = n * 3 * INTERVAL;
        [(start, address(1)), (start + 30 * SECOND, address(2)), (start + 30 * SECOND + INTERVAL, address(1))]
    };
    assert_eq!(signals(&(0..100).flat_map(restart).collect::<Vec<_>>()), []);
}

#[test]
fn a_client_that_asks_twice_in_a_row_is_one_device() {
    let polls: Vec<_> = (0..1_000).map(|n| (n / 2 * INTERVAL + n % 2 * 2 * SECOND, address(1))).collect();
    assert_eq!(signals(&polls), []);
}

#[test]
fn addresses_within_a_network_of_ipv6_are_one_place() {
    let at = |n: i64| IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8_u128 << 96 | n as u128));
    let polls: Vec<_> = (0..40).map(|n| (n * INTERVAL / 2, at(n))).collect();
    assert!(signals(&polls).iter().all(|signal| matches!(signal, Signal::DoubleCadence { .. })));
    assert!(is_same(address(1), IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped())));
}

#[test]
fn three_devices_at_three_addresses_show_too() {
    let polls: Vec<_> = (0..30).map(|n| (n * INTERVAL / 3, address((n % 3) as u8))).collect();
    assert!(matches!(signals(&polls).first(), Some(Signal::TwoAddresses { .. })));
}

#[test]
fn a_shorter_interval_makes_nobody_late_or_early() {
    let poll = |at: i64, interval_s| Poll { at: Timestamp(at * SECOND), address: address(1), interval_s };
    let mut state = Cadence::begin(&poll(0, 3_600));
    let (mut at, mut raised) = (0, 0);
    // One restart while the interval is long, then each poll as told.
    for (gap, next) in [(60, 3_600), (3_600, 60), (60, 60), (60, 60), (60, 3_600), (3_600, 10), (10, 10), (10, 10)] {
        at += gap;
        let (then, signal) = state.poll(&poll(at, next));
        state = then;
        raised += usize::from(signal.is_some());
    }
    assert_eq!(raised, 0);
}

#[test]
fn it_is_stored_and_read_back() {
    let state = Cadence::begin(&Poll { at: Timestamp(7), address: address(1), interval_s: 60 });
    let text = serde_json::to_string(&state).unwrap_or_default();
    assert_eq!(serde_json::from_str::<Cadence>(&text).ok(), Some(state));
}

#[test]
fn what_an_earlier_version_wrote_is_read() {
    let state = Cadence::begin(&Poll { at: Timestamp(7), address: address(1), interval_s: 60 });
    let mut written = serde_json::to_value(state).unwrap_or_default();
    let habit = written.as_object_mut().and_then(|fields| fields.remove("habit"));
    assert!(habit.is_some());
    assert_eq!(serde_json::from_value::<Cadence>(written).ok(), Some(state));
}

#[test]
fn how_long_it_stays_away_is_what_it_does_and_not_what_it_was_told() {
    let poll = |n: i64| Poll { at: Timestamp(n * 6 * 3_600 * SECOND), address: address(1), interval_s: INTERVAL_S };
    let mut state = Cadence::begin(&poll(0));
    assert_eq!(state.usual_gap_s(), None);
    for n in 1..10 {
        state = state.poll(&poll(n)).0;
    }
    assert_eq!(state.usual_gap_s(), Some(6 * 3_600));
    // Asking twice in a row is one visit.
    let twice = Poll { at: poll(9).at.plus(SECOND), ..poll(9) };
    assert_eq!(state.poll(&twice).0.usual_gap_s(), Some(6 * 3_600));
}

proptest! {
    #[test]
    fn an_honest_device_raises_nothing(
        steps in prop::collection::vec((-25..=25_i64, 1..4_i64, 0..100_u8, 0..100_u8, 0..3_u8), 1..400),
    ) {
        let (mut at, mut from, mut polls, mut rested) = (0, 0, Vec::new(), 0);
        for (jitter, missed, restart, moves, to) in steps {
            // It restarts at most at every fourth poll, and polls at once.
            let restarts = restart < 15 && rested >= 3;
            rested = if restarts { 0 } else { rested + 1 };
            let missed = if missed == 3 { 5 } else { 1 };
            at += if restarts { 30 * SECOND } else { missed * INTERVAL + jitter * INTERVAL / 100 };
            from = if moves < 20 { to } else { from };
            polls.push((at, address(from)));
        }
        prop_assert_eq!(signals(&polls), []);
    }

    #[test]
    fn two_devices_at_two_addresses_show_within_a_dozen_polls(
        offset in 0..100_i64,
        one in prop::collection::vec(-12..=12_i64, 12),
        other in prop::collection::vec(-12..=12_i64, 12),
    ) {
        let polls = together([device(0, &one, address(1)), device(offset * INTERVAL / 100, &other, address(2))].concat());
        let shown = signals(&polls[..12]);
        prop_assert!(matches!(shown.first(), Some(Signal::TwoAddresses { .. })), "{:?}", polls);
    }

    #[test]
    fn two_devices_at_one_address_show_within_forty_polls(
        offset in 25..75_i64,
        one in prop::collection::vec(-12..=12_i64, 20),
        other in prop::collection::vec(-12..=12_i64, 20),
    ) {
        let polls = together([device(0, &one, address(1)), device(offset * INTERVAL / 100, &other, address(1))].concat());
        let shown = signals(&polls);
        prop_assert!(matches!(shown.first(), Some(Signal::DoubleCadence { .. })), "{:?}", polls);
    }

    #[test]
    fn any_polls_are_taken(polls in prop::collection::vec((any::<i64>(), 0..4_u8, any::<u32>()), 1..60)) {
        let poll = |step: &(i64, u8, u32)| {
            let (at, from, interval_s) = *step;
            Poll { at: Timestamp(at), address: address(from), interval_s }
        };
        let mut state = Cadence::begin(&poll(&polls[0]));
        for step in &polls[1..] {
            state = state.poll(&poll(step)).0;
        }
    }
}
