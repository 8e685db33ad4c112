use super::*;
use proptest::{collection::vec, prelude::*, sample::select};
use std::time::{Duration, Instant};

const MILLION: u32 = 1_000_000;

fn size() -> impl Strategy<Value = WaveSize> {
    prop_oneof![
        (1..=PARTS / 2).prop_map(WaveSize::Share),
        (1..400_u64).prop_map(WaveSize::Devices),
        Just(WaveSize::Query("state:active".to_owned())),
    ]
}

fn sizes() -> impl Strategy<Value = Vec<WaveSize>> {
    (vec(size(), 0..5), any::<bool>()).prop_map(|(mut sizes, rest)| {
        if rest || sizes.is_empty() {
            sizes.push(WaveSize::Rest);
        }
        sizes
    })
}

/// Those whom the queries of a plan mean: of each wave by query another part of the fleet.
fn meant(plan: &Plan, n: u32) -> Vec<(usize, Members)> {
    let queries = plan.waves.iter().enumerate().filter(|(_, wave)| matches!(wave.size, WaveSize::Query(_)));
    queries.map(|(wave, _)| (wave, (0..n).filter(|d| d % 7 == wave as u32 % 7).collect())).collect()
}

#[test]
fn a_million_devices_are_frozen_quickly_and_a_widened_wave_drops_nobody() {
    let members: Vec<Member> = (0..MILLION).map(member).collect();
    let begun = Instant::now();
    let (narrow, one) = freeze(&plan(vec![WaveSize::Share(1_000), WaveSize::Share(10_000)]), &members, &[]);
    let took = begun.elapsed();
    // By squares it would be hours.
    assert!(took < Duration::from_secs(120), "{took:?}");
    assert_eq!((narrow.count, narrow.waves[0].count, narrow.waves[1].count), (1_000_000, 10_000, 100_000));
    let (wide, other) = freeze(&plan(vec![WaveSize::Devices(25_000), WaveSize::Share(20_000)]), &members, &[]);
    assert_eq!((wide.waves[0].count, wide.waves[1].count), (25_000, 200_000));
    let (mut first, mut both) = (0, 0);
    for member in &members {
        let (before, after) = (one.wave_of(*member), other.wave_of(*member));
        if before == Some(0) {
            first += 1;
            assert_eq!(after, Some(0), "{member:?} was dropped");
        }
        if before.is_some() {
            both += 1;
            assert!(after.is_some(), "{member:?} was dropped");
        }
    }
    assert_eq!((first, both), (10_000, 110_000), "what was counted is what is so");
}

#[test]
fn of_a_million_devices_none_jumps_cohort_whatever_else_changes() {
    let cohorts = |shares: &[u32]| Plan { cohorts: Some(split(shares)), ..plan(vec![WaveSize::Rest]) };
    let narrow =
        Membership::new(&cohorts(&[10_000, 45_000, 45_000]), &empty(), Members::default(), &[], Members::default());
    // The hold-out grows: who was in it stays in it. Nobody goes from B to A.
    let wide =
        Membership::new(&cohorts(&[20_000, 45_000, 35_000]), &empty(), Members::default(), &[], Members::default());
    let mut counts = [0_u32; 4];
    for member in (0..MILLION).map(member) {
        let cohort = narrow.cohort_of(member.id, 0);
        counts[cohort] += 1;
        assert_eq!(cohort, narrow.cohort_of(member.id, 3), "over all waves it is the same");
        let after = wide.cohort_of(member.id, 0);
        assert!(cohort != 1 || after == 1, "the hold-out drops nobody");
        assert!(after <= cohort, "what grows at the front takes, and gives nothing back");
    }
    assert_eq!(counts[0], 0);
    for (cohort, expected) in [(1, 100_000), (2, 450_000), (3, 450_000_i64)] {
        assert!((i64::from(counts[cohort]) - expected).abs() < 3_000, "{counts:?}");
    }
}

fn empty() -> Frozen {
    Frozen { count: 0, sha256: String::new(), waves: Vec::new(), left_out: 0, forecast: None }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_device_has_one_wave_and_all_counts_are_exact(sizes in sizes(), n in 0..2_000_u32, shares in select(vec![1, 2, 3])) {
        let cohorts = match shares { 1 => None, 2 => Some(split(&[50_000, 50_000])), _ => Some(split(&[10_000, 40_000, 50_000])) };
        let plan = Plan { cohorts, ..plan(sizes) };
        let members: Vec<Member> = (0..n).map(member).collect();
        let (frozen, membership) = freeze(&plan, &members, &meant(&plan, n));
        prop_assert_eq!(frozen.count, u64::from(n));
        let mut waves = vec![0_u64; plan.waves.len()];
        let mut by_cohort: Vec<Vec<u64>> = frozen.waves.iter().map(|wave| vec![0; wave.cohorts.len()]).collect();
        for member in &members {
            if let Some(wave) = membership.wave_of(*member) {
                waves[wave] += 1;
                by_cohort[wave][membership.cohort_of(member.id, wave)] += 1;
            } else {
                prop_assert!(plan.waves.last().unwrap().size != WaveSize::Rest);
            }
        }
        prop_assert_eq!(waves, frozen.waves.iter().map(|wave| wave.count).collect::<Vec<_>>());
        prop_assert_eq!(by_cohort, frozen.waves.iter().map(|wave| wave.cohorts.clone()).collect::<Vec<_>>());
        prop_assert_eq!(membership.wave_of(member(n)), None, "who is not in the target is in no wave");
    }

    #[test]
    fn what_was_frozen_is_the_same_when_it_is_read_again_in_any_order(sizes in sizes(), n in 1..800_u32, seed: u64) {
        let plan = plan(sizes);
        let mut members: Vec<Member> = (0..n).map(member).collect();
        let queries = meant(&plan, n);
        let (frozen, membership) = freeze(&plan, &members, &queries);
        members.sort_by_key(|member| crate::bucket::bucket(&seed.to_string(), member.id));
        let (again, _) = freeze(&plan, &members, &queries);
        prop_assert_eq!(&again, &frozen);
        prop_assert_eq!(plan_hash(&plan, &again), plan_hash(&plan, &frozen));
        let text = serde_json::to_string(&frozen).unwrap();
        let read: Frozen = serde_json::from_str(&text).unwrap();
        let target: Members = members.iter().map(|member| member.number).collect();
        let target = Members::from_bytes(&target.to_bytes()).unwrap();
        prop_assert_eq!(numbers_hash(&target), frozen.sha256.clone());
        let reread = Membership::new(&plan, &read, target, &queries, Members::default());
        for member in &members {
            prop_assert_eq!(reread.wave_of(*member), membership.wave_of(*member));
        }
    }

    #[test]
    fn whoever_joins_moves_nobody(sizes in sizes(), n in 1..500_u32, more in 1..500_u32) {
        let plan = plan(sizes);
        let members: Vec<Member> = (0..n).map(member).collect();
        let queries = meant(&plan, n);
        let (frozen, before) = freeze(&plan, &members, &queries);
        let target: Members = (0..n).collect();
        let after = Membership::new(&plan, &frozen, target, &queries, (n..n + more).collect());
        for member in &members {
            prop_assert_eq!(before.wave_of(*member), after.wave_of(*member));
        }
        for joined in (n..n + more).map(member) {
            prop_assert!(before.wave_of(joined).is_none() && after.is_target(joined));
        }
    }

    #[test]
    fn waves_that_grow_drop_nobody(sizes in vec((1..200_u64, 0..100_u64), 1..5), n in 1..1_000_u32) {
        let of = |grow: bool| sizes.iter().map(|(n, more)| WaveSize::Devices(n + if grow { *more } else { 0 })).collect();
        let members: Vec<Member> = (0..n).map(member).collect();
        let (_, narrow) = freeze(&plan(of(false)), &members, &[]);
        let (_, wide) = freeze(&plan(of(true)), &members, &[]);
        for member in members {
            if let Some(wave) = narrow.wave_of(member) {
                prop_assert!(wide.wave_of(member).is_some_and(|now| now <= wave));
            }
        }
    }

    #[test]
    fn any_change_of_the_plan_is_another_hash(name in "[a-z]{1,8}", minutes in 1..99_u32, soak in 0..9_u32) {
        let (one, other) = (plan(vec![WaveSize::Rest]), Plan { name, timeout_minutes: minutes, soak_minutes: soak, ..plan(vec![WaveSize::Rest]) });
        let (frozen, _) = freeze(&one, &[member(1)], &[]);
        prop_assert_eq!(one == other, plan_hash(&one, &frozen) == plan_hash(&other, &frozen));
        let (others, _) = freeze(&one, &[member(2)], &[]);
        prop_assert_ne!(plan_hash(&one, &frozen), plan_hash(&one, &others));
    }
}

#[test]
fn those_who_are_drawn_are_of_their_wave_and_like_all_of_it() {
    let members: Vec<Member> = (0..100_000).map(member).collect();
    let plan = plan(vec![WaveSize::Share(1_000), WaveSize::Share(40_000), WaveSize::Rest]);
    let (frozen, membership, drawn) = freeze_and_draw(&plan, &members, &[], 2_000);
    assert_eq!((frozen.clone(), membership.clone()), freeze(&plan, &members, &[]));
    assert_eq!(drawn.iter().map(Vec::len).collect::<Vec<_>>(), [1_000, 2_000, 2_000], "all of a small one");
    for (n, drawn) in drawn.iter().enumerate() {
        assert!(drawn.iter().all(|member| membership.wave_of(*member) == Some(n)));
        // A quarter of the fleet is of another kind; of those who are drawn it is about a quarter, too.
        let kind = drawn.iter().filter(|member| member.number % 4 == 0).count() * 100 / drawn.len();
        assert!((20..30).contains(&kind), "{kind} percent of wave {n}");
    }
    let few = membership.drawn(2_000);
    assert_eq!(few.len(), 2_000);
    assert_eq!(few, membership.drawn(2_000), "the same each time");
    assert_eq!((membership.drawn(0).len(), membership.drawn(usize::MAX).len()), (1, 100_000));
    assert!(Membership::default().drawn(10).is_empty());
}
