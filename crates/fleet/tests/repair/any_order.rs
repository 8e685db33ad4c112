//! Whatever is done at the desk in whatever order: a part is in one device at most, each device is in one open repair at
//! most, and manifests, components and history tell one story.

use crate::world::{World, imei, manager, support, worlds};
use domain::{device::Lifecycle, repair::RepairState};
use fleet::repair::{Authorised, OpenForm, PartForm, RepairFilter};
use std::collections::HashMap;

/// Draws that repeat.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// One act at random. That it is refused is as good an outcome as that it is done.
async fn act(world: &World, draws: &mut Draws) {
    let serial = format!("GW-{}", draws.below(4) + 1);
    let open = world.fleet.repairs_of(&support(), &serial).await.unwrap();
    let Some(case) = open.into_iter().find(|case| case.state.is_open()) else {
        let form = OpenForm { symptom: "broken".into(), technician: String::new() };
        world.fleet.open_repair(&support(), &serial, &form).await.unwrap();
        return;
    };
    match draws.below(8) {
        0..=3 => {
            let (slot, part_in) = match draws.below(4) {
                0 => ("board", format!("MB-{}", draws.below(6) + 1)),
                1 => ("lte1", imei(draws.below(6) + 1)),
                2 => ("lte0", String::new()),
                _ => ("lte0", imei(draws.below(6) + 1)),
            };
            let class = if slot == "board" { "board" } else { "lte" };
            let form = PartForm { slot: slot.into(), part_in, class: class.into(), ..PartForm::default() };
            let _ = world.fleet.draft_part(&support(), &case.code, &form).await;
        }
        4 => {
            let _ = world.fleet.cancel_repair(&support(), &case.code, "no").await;
        }
        5 => {
            let _ = world.fleet.close_repair(&manager(), &case.code, "seen").await;
        }
        _ => match world.fleet.authorise_repair(&support(), &case.code, "broken").await {
            Ok(Authorised::Waiting(approval)) => {
                let _ = world.decide(&manager(), approval, draws.below(4) > 0).await;
            }
            Ok(Authorised::Done(_)) | Err(_) => {}
        },
    }
}

async fn check(world: &World) {
    let mut places: HashMap<String, String> = HashMap::new();
    for n in 1..=4 {
        let serial = format!("GW-{n}");
        world.agrees(&serial).await;
        for (slot, key) in world.parts(&serial).await {
            let here = format!("{serial}/{slot}");
            if let Some(there) = places.insert(key.clone(), here.clone()) {
                panic!("{}: {key} is in {there} and in {here}", world.name());
            }
        }
        let repairs = world.fleet.repairs_of(&support(), &serial).await.unwrap();
        let open = repairs.iter().filter(|case| case.state.is_open()).count();
        let device = world.fleet.device(&support(), &serial).await.unwrap();
        assert!(open <= 1, "{serial}");
        assert_eq!(device.lifecycle == Lifecycle::InRepair, open == 1, "{serial}");
    }
    // What is marked as taken out is in no device.
    for marked in world.fleet.tainted_parts(&support()).await.unwrap() {
        assert!(!places.contains_key(&marked.identifier_key), "{}: {} is marked", world.name(), marked.identifier);
    }
}

#[tokio::test]
async fn whatever_is_done_a_part_is_in_one_device_at_most() {
    for world in worlds().await {
        for seed in 1..=3 {
            let mut draws = Draws(seed);
            for _ in 0..60 {
                act(&world, &mut draws).await;
            }
            check(&world).await;
        }
        let over = RepairFilter { state: Some(RepairState::Closed), ..RepairFilter::default() };
        assert!(!world.fleet.repairs(&support(), &over).await.unwrap().rows.is_empty(), "something was done at all");
    }
}

#[tokio::test]
async fn two_repairs_that_want_the_same_part_at_once_do_not_both_get_it() {
    for world in worlds().await {
        let (a, b) = (world.open("GW-1").await, world.open("GW-3").await);
        world.draft(&a, "lte0", &imei(900)).await;
        world.draft(&b, "lte0", &imei(900)).await;
        let who = support();
        let (one, two) = tokio::join!(
            world.fleet.authorise_repair(&who, &a, "broken"),
            world.fleet.authorise_repair(&who, &b, "broken")
        );
        let done = |result: &Result<Authorised, fleet::Error>| matches!(result, Ok(Authorised::Done(_)));
        assert!(!(done(&one) && done(&two)), "{}: {one:?} {two:?}", world.name());
        assert!(done(&one) || done(&two), "{}: {one:?} {two:?}", world.name());
        check(&world).await;
    }
}
