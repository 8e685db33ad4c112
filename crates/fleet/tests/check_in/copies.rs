//! One identifier in several devices.

use crate::world::{but, honest, operator, worlds};
use domain::{authority::FindingKind as Kind, suspicion::SignalKind};

const TWIN: &str = "MB26B-TWIN01";

#[tokio::test]
async fn two_devices_that_report_one_identifier_are_one_finding() {
    for world in worlds().await {
        let (one, other) = (world.made("A", 1).await, world.made("B", 2).await);
        world.reports(&one, honest(1)).await;
        world.reports(&other, but(2, "hw.cpu", "4E1D000001")).await;
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert_eq!((open[0].kind, open[0].batch.as_deref()), (Kind::IdentifierCopied, None));
        for serial in [one.name(), other.name()] {
            assert!(open[0].words.contains(serial), "{}: {}", world.name(), open[0].words);
        }
        assert!(world.told(&other).await.contains(&"clone_suspected"));
        // The part goes back to where it belongs. What was strong waits for a person: it could be washed away so.
        world.reports(&other, honest(2)).await;
        let open = world.open().await;
        assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
        assert!(world.shown(&other).await.reasons[0].reason.is_past);
        world.fleet.resolve_finding(&operator(), open[0].id, "the bench").await.unwrap();
        assert_eq!(world.device(&other).await.trust, domain::device::Trust::Trusted, "{}", world.name());
    }
}

#[tokio::test]
async fn a_part_that_another_manifest_lists_is_in_two_devices_until_the_other_reports_another() {
    for world in worlds().await {
        let (one, other) = (world.made("A", 1).await, world.made("A", 2).await);
        world.reports(&one, but(1, "hw.cpu", "4E1D000002")).await;
        assert_eq!(world.kinds().await, [Kind::IdentifierCopied], "{}", world.name());
        // The two were exchanged: each is in one device.
        world.reports(&other, but(2, "hw.cpu", "4E1D000001")).await;
        let third = world.made("A", 3).await;
        world.reports(&third, honest(3)).await;
        let shown = world.shown(&other).await;
        let kinds: Vec<SignalKind> =
            shown.reasons.iter().flat_map(|r| r.reason.signals.iter().map(domain::suspicion::Signal::kind)).collect();
        assert_eq!(kinds, [SignalKind::PartChanged], "{}", world.name());
    }
}

#[tokio::test]
async fn a_golden_image_of_five_hundred_is_one_finding_beside_that_of_the_first() {
    for world in worlds().await {
        let devices = world.many(500).await;
        for (n, device) in devices.iter().enumerate() {
            world.reports(device, but(n, "hw.board", TWIN)).await;
            let open = world.open().await;
            // Nobody could know better of the first; a person settles that with the rest.
            assert_eq!(open.len(), 1 + usize::from(n > 0), "{}: after {}: {open:?}", world.name(), n + 1);
            let expected = if n == 0 { Kind::HardwareMismatch } else { Kind::IdentifierCopied };
            assert_eq!(open[0].kind, expected);
        }
        let open = world.open().await;
        assert_eq!((open[0].batch.as_deref(), open[0].n), (Some("A"), 499), "{}", world.name());
        assert!(open[0].words.contains("500"), "{}: {}", world.name(), open[0].words);
        assert!(open[0].words.ends_with("Findings of their own: A-00000."), "{}: {}", world.name(), open[0].words);
        let shown = world.shown(&devices[499]).await;
        assert_eq!(shown.reasons.len(), 1);
        assert_eq!(shown.reasons[0].reason.signals[0].kind(), SignalKind::GoldenImage);
        // A factory's mistake cuts off no batch by itself.
        assert!(world.fleet.revocations(&operator(), None, 10).await.unwrap().rows.is_empty());
    }
}
