//! Parts that devices came with and that no manifest of their batch lists.

use crate::world::{World, but, honest, imei_of, operator, worlds};
use domain::{
    authority::FindingKind as Kind,
    device::Trust,
    suspicion::{Signal, SignalKind},
};
use fleet::Actor;

async fn signals(world: &World, actor: &Actor) -> Vec<SignalKind> {
    let shown = world.shown(actor).await;
    shown.reasons.iter().flat_map(|shown| shown.reason.signals.iter().map(Signal::kind)).collect()
}

#[tokio::test]
async fn one_part_from_elsewhere_is_within_its_devices_finding() {
    for world in worlds().await {
        let (came, changed) = (world.made("A", 1).await, world.made("A", 2).await);
        world.reports(&came, but(1, "hw.lte0.imei", &imei_of("86194105", 901))).await;
        assert_eq!(world.kinds().await, [Kind::HardwareMismatch], "{}", world.name());
        assert_eq!(signals(&world, &came).await, [SignalKind::PartChanged, SignalKind::PartBeyondBatch]);
        // What was changed in the field was not made beyond the batch.
        world.reports(&changed, honest(2)).await;
        world.reports(&changed, but(2, "hw.lte0.imei", &imei_of("86194105", 902))).await;
        assert_eq!(signals(&world, &changed).await, [SignalKind::PartChanged], "{}", world.name());
        // It still came with that one when something else is said; one that takes its place is another.
        let mut said = but(1, "hw.lte0.imei", &imei_of("86194105", 901));
        said.push(("hw.board.model", "C2".to_owned()));
        world.reports(&came, said).await;
        assert_eq!(signals(&world, &came).await[..2], [SignalKind::PartChanged, SignalKind::PartBeyondBatch]);
        world.reports(&came, but(1, "hw.lte0.imei", &imei_of("86194105", 903))).await;
        assert_eq!(signals(&world, &came).await, [SignalKind::PartChanged], "{}: changed since", world.name());
        world.reports(&came, but(1, "hw.lte0.imei", &imei_of("86194105", 901))).await;
        assert_eq!(signals(&world, &came).await, [SignalKind::PartChanged], "{}: changed since", world.name());
    }
}

#[tokio::test]
async fn parts_of_the_batchs_own_stock_are_not_from_elsewhere() {
    for world in worlds().await {
        let (one, other) = (world.made("A", 1).await, world.made("A", 2).await);
        world.reports(&other, but(2, "hw.board", "MB26B-000777")).await;
        // The part that other's manifest lists, and that is free since.
        world.reports(&one, but(1, "hw.board", "MB26B-000002")).await;
        assert_eq!(signals(&world, &one).await, [SignalKind::PartChanged], "{}", world.name());
    }
}

#[tokio::test]
async fn three_hundred_parts_from_elsewhere_are_one_finding_of_the_batch() {
    for world in worlds().await {
        let devices = world.many(300).await;
        for (n, device) in devices.iter().enumerate() {
            world.reports(device, but(n, "hw.lte0.imei", &imei_of("86194105", 1_000 + n))).await;
        }
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert_eq!((open[0].kind, open[0].batch.as_deref()), (Kind::BeyondBatch, Some("A")));
        assert_eq!((open[0].n, open[0].parts), (300, 4), "{}", world.name());
        assert!(open[0].words.contains("300 devices of batch A"), "{}", open[0].words);
        assert!(world.told(&devices[299]).await.contains(&"hardware_mismatch"), "{}", world.name());
        world.fleet.resolve_finding(&operator(), open[0].id, "the second source").await.unwrap();
        for device in [&devices[0], &devices[299]] {
            assert_eq!(world.device(device).await.trust, Trust::Trusted, "{}", world.name());
        }
    }
}

#[tokio::test]
async fn a_part_that_takes_the_place_of_one_from_elsewhere_is_no_part_of_that_finding() {
    for world in worlds().await {
        let devices = world.many(8).await;
        for (n, device) in devices.iter().enumerate() {
            world.reports(device, but(n, "hw.lte0.imei", &imei_of("86194105", 1_000 + n))).await;
        }
        assert_eq!(world.kinds().await, [Kind::BeyondBatch], "{}", world.name());
        for n in [0, 7] {
            world.reports(&devices[n], but(n, "hw.lte0.imei", &imei_of("86194105", 2_000 + n))).await;
            let own = world.open().await.into_iter().filter(|row| row.kind == Kind::HardwareMismatch);
            let serials: Vec<_> = own.filter_map(|row| row.device_serial).collect();
            assert!(serials.iter().any(|serial| serial == devices[n].name()), "{}: {serials:?}", world.name());
            let told = world.told(&devices[n]).await.into_iter().filter(|kind| *kind == "hardware_mismatch").count();
            assert_eq!(told, 2, "{}: {n}", world.name());
        }
        // Another device that came with one changes nothing of that.
        let late = world.made("A", 9).await;
        world.reports(&late, but(9, "hw.lte0.imei", &imei_of("86194105", 1_009))).await;
        let expected = [Kind::HardwareMismatch, Kind::HardwareMismatch, Kind::BeyondBatch];
        assert_eq!(world.kinds().await.len(), expected.len(), "{}: {:?}", world.name(), world.open().await);
    }
}

#[tokio::test]
async fn parts_from_elsewhere_in_two_slots_are_one_finding_and_keep_what_was_cut_off() {
    for world in worlds().await {
        let devices = world.many(8).await;
        for (n, device) in devices.iter().enumerate() {
            let mut said = but(n, "hw.cpu", &format!("4E1DF{n:05}"));
            said.retain(|(key, _)| *key != "hw.lte0.imei");
            said.push(("hw.lte0.imei", imei_of("86194105", 1_000 + n)));
            world.reports(device, said).await;
        }
        let open = world.open().await;
        assert_eq!(
            open.iter().map(|row| row.kind).collect::<Vec<_>>(),
            [Kind::BeyondBatch],
            "{}: {open:?}",
            world.name()
        );
        for (n, device) in devices.iter().enumerate() {
            let expected = if n < 4 { Trust::Quarantined } else { Trust::Suspect };
            assert_eq!(world.device(device).await.trust, expected, "{}: {n}", world.name());
        }
        // The listed parts again: what was strong waits for a person.
        world.reports(&devices[7], honest(7)).await;
        assert_eq!(world.device(&devices[7]).await.trust, Trust::Suspect, "{}", world.name());
        assert!(world.shown(&devices[7]).await.reasons[0].reason.is_past);
    }
}
