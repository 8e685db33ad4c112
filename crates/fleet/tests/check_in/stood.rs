//! What was strong stays as it was told, whatever the device reports later.

use crate::world::{World, but, honest, operator, worlds};
use domain::{authority::FindingKind as Kind, device::Trust, time::HOUR};
use fleet::{Actor, finding::FindingRow};

/// The one finding that is open, with its score.
async fn only(world: &World) -> (FindingRow, i64) {
    let mut open = world.open().await;
    assert_eq!(open.len(), 1, "{}: {open:?}", world.name());
    let row = open.remove(0);
    let score = row.detail["score"].as_i64().unwrap();
    (row, score)
}

fn both() -> Vec<(&'static str, String)> {
    let mut said = but(1, "hw.cpu", "4E1DFFFFFF");
    said.retain(|(key, _)| *key != "hw.eth0.mac");
    said.push(("hw.eth0.mac", "d8:80:39:ff:00:01".into()));
    said
}

async fn settle(world: &World, id: domain::id::FindingId) {
    world.fleet.resolve_finding(&operator(), id, "looked into").await.unwrap();
}

#[tokio::test]
async fn a_lighter_report_takes_nothing_back_of_a_heavy_finding() {
    for world in worlds().await {
        let device: Actor = world.made("A", 1).await;
        world.reports(&device, both()).await;
        let (first, score) = only(&world).await;
        assert!(score >= 80 && first.words.contains("4E1DFFFFFF"), "{}: {first:?}", world.name());
        assert_eq!(world.device(&device).await.trust, Trust::Quarantined, "{}", world.name());
        world.reports(&device, honest(1)).await;
        world.reports(&device, but(1, "hw.eth0.mac", "d8:80:39:ff:00:02")).await;
        let (lighter, still) = only(&world).await;
        assert!(still >= score && lighter.id == first.id, "{}: {lighter:?}", world.name());
        assert!(lighter.words.contains("4E1DFFFFFF"), "{}: {}", world.name(), lighter.words);
        assert_eq!(lighter.detail["response"], first.detail["response"], "{}", world.name());
        let sentences = lighter.detail["sentences"].to_string().to_lowercase();
        for told in ["4e1dffffff", "d8:80:39:ff:00:01", "d8:80:39:ff:00:02"] {
            assert!(sentences.contains(told), "{}: {told} is not in {sentences}", world.name());
        }
        // What is too light for a note takes nothing back either.
        world.reports(&device, honest(1)).await;
        let mut said = honest(1);
        said.push(("hw.wlan0.mac", "d8:80:39:ff:00:04".into()));
        world.reports(&device, said).await;
        world.wait(HOUR);
        world.reports(&device, honest(1)).await;
        let (last, still) = only(&world).await;
        assert!(still >= score && last.id == first.id, "{}: {last:?}", world.name());
        assert_eq!(world.device(&device).await.trust, Trust::Quarantined, "{}", world.name());
        let shown = world.shown(&device).await;
        assert!(shown.reasons[0].reason.is_past && i64::from(shown.score) >= score, "{}", world.name());
        settle(&world, first.id).await;
        assert_eq!(world.device(&device).await.trust, Trust::Trusted, "{}", world.name());
        // Then a light one is light again.
        world.reports(&device, but(1, "hw.eth0.mac", "d8:80:39:ff:00:03")).await;
        let (light, score) = only(&world).await;
        assert!(score < 50 && !light.words.contains("4E1DFFFFFF"), "{}: {light:?}", world.name());
        world.reports(&device, honest(1)).await;
        assert!(world.open().await.is_empty(), "{}: it was weak", world.name());
    }
}

#[tokio::test]
async fn what_stood_alone_holds_nothing_again_once_a_person_let_the_device_go() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, but(1, "hw.cpu", "4E1DFFFFFF")).await;
        world.fleet.release_quarantine(&operator(), device.name(), "seen on the bench").await.unwrap();
        world.reports(&device, honest(1)).await;
        world.reports(&device, but(1, "hw.eth0.mac", "d8:80:39:ff:00:02")).await;
        assert_ne!(world.device(&device).await.trust, Trust::Quarantined, "{}", world.name());
        assert_eq!(world.kinds().await, [Kind::HardwareMismatch], "{}", world.name());
        // The same strong thing is known; another one is not.
        world.reports(&device, but(1, "hw.cpu", "4E1DEEEEEE")).await;
        assert_eq!(world.device(&device).await.trust, Trust::Quarantined, "{}", world.name());
    }
}
