//! Where devices say that they are.

use crate::world::{World, but, honest, operator, worlds};
use domain::{
    authority::FindingKind as Kind,
    device::Trust,
    report::{Attributes, UpdateMode},
    suspicion::SignalKind,
    time::{HOUR, MINUTE},
};
use fleet::Actor;

fn at(place: (&str, &str), n: usize) -> Vec<(&'static str, String)> {
    let mut said = honest(n);
    said.push(("position.latitude", place.0.to_owned()));
    said.push(("position.longitude", place.1.to_owned()));
    said
}

const BRNO: (&str, &str) = ("49.195", "16.607");
const PRAGUE: (&str, &str) = ("50.076", "14.437");
const LAGOS: (&str, &str) = ("6.524", "3.379");

async fn travelled(world: &World, device: &Actor) -> bool {
    let shown = world.shown(device).await;
    let mut signals = shown.reasons.iter().flat_map(|shown| &shown.reason.signals);
    signals.any(|signal| signal.kind() == SignalKind::ImpossibleTravel)
}

#[tokio::test]
async fn who_is_far_away_a_moment_later_is_asked_about() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, at(BRNO, 1)).await;
        world.wait(20 * MINUTE);
        world.reports(&device, at(PRAGUE, 1)).await;
        assert!(world.open().await.is_empty(), "{}: it is near enough", world.name());
        world.wait(20 * MINUTE);
        let mut said = at(LAGOS, 1);
        said.push(("position.name", "Lagos".into()));
        world.reports(&device, said).await;
        let open = world.open().await;
        assert_eq!((open.len(), open[0].kind), (1, Kind::CloneSuspected), "{}: {open:?}", world.name());
        assert!(open[0].words.contains("Lagos") && open[0].words.contains("50.076° N"), "{}", open[0].words);
        assert_eq!(world.device(&device).await.trust, Trust::Suspect, "{}: weak, so it is asked", world.name());
        assert!(travelled(&world, &device).await);
        let seen = world.shown(&device).await.sighting.unwrap();
        assert_eq!((seen.place.as_str(), seen.latitude), ("Lagos", 6.524));
        // Back and forth is one finding that counts up, and stands until somebody has looked.
        world.reports(&device, at(BRNO, 1)).await;
        let open = world.open().await;
        assert_eq!((open.len(), open[0].n), (1, 2), "{}: {open:?}", world.name());
        world.fleet.resolve_finding(&operator(), open[0].id, "a test").await.unwrap();
        assert_eq!(world.device(&device).await.trust, Trust::Trusted, "{}", world.name());
    }
}

#[tokio::test]
async fn who_takes_the_time_or_says_no_place_is_not() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, at(BRNO, 1)).await;
        world.wait(8 * HOUR);
        world.reports(&device, at(LAGOS, 1)).await;
        for odd in [("0", "0"), ("91", "0"), ("NaN", "x"), ("", "")] {
            world.reports(&device, at(odd, 1)).await;
        }
        assert!(world.open().await.is_empty(), "{}: {:?}", world.name(), world.open().await);
        let seen = world.shown(&device).await.sighting.unwrap();
        assert_eq!(seen.latitude, 6.524, "{}: what is no place changes nothing", world.name());
        // What is kept of earlier attributes is not where it is now.
        world.wait(8 * HOUR);
        let parts = Attributes::collect([("metric.t", "4".to_owned())]);
        world.fleet.report(&device, parts, UpdateMode::Merge).await.unwrap();
        assert_eq!(world.shown(&device).await.sighting.unwrap().at, seen.at, "{}", world.name());
    }
}

#[tokio::test]
async fn half_a_place_is_none_and_an_earlier_name_is_not_its_name() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        let mut said = at(BRNO, 1);
        said.push(("position.name", "Brno".into()));
        world.reports(&device, said).await;
        world.wait(20 * MINUTE);
        let half = Attributes::collect([("position.latitude", "-60".to_owned())]);
        world.fleet.report(&device, half, UpdateMode::Merge).await.unwrap();
        assert!(!travelled(&world, &device).await, "{}: beside the longitude of before", world.name());
        let seen = world.shown(&device).await.sighting.unwrap();
        assert_eq!((seen.place.as_str(), seen.latitude), ("Brno", 49.195), "{}", world.name());
        world.wait(20 * MINUTE);
        let place = [("position.latitude", LAGOS.0.to_owned()), ("position.longitude", LAGOS.1.to_owned())];
        world.fleet.report(&device, Attributes::collect(place), UpdateMode::Merge).await.unwrap();
        assert!(travelled(&world, &device).await, "{}", world.name());
        let open = world.open().await;
        assert!(open[0].words.contains("6.524° N"), "{}: {}", world.name(), open[0].words);
    }
}

#[tokio::test]
async fn what_is_judged_later_is_judged_by_where_it_was_before() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, at(BRNO, 1)).await;
        // As many changes as are judged within an hour, and the place after them.
        for n in 0..8 {
            let mut said = but(1, "hw.board", &format!("MB26B-9{n:05}"));
            said.extend(at(BRNO, 1).into_iter().filter(|(key, _)| key.starts_with("position")));
            world.wait(MINUTE);
            world.reports(&device, said).await;
        }
        world.wait(MINUTE);
        world.reports(&device, at(LAGOS, 1)).await;
        assert!(!travelled(&world, &device).await, "{}: put off", world.name());
        // It says so again meanwhile: that is not where it was before.
        world.wait(2 * MINUTE);
        world.reports(&device, at(LAGOS, 1)).await;
        world.wait(HOUR);
        world.reports(&device, at(LAGOS, 1)).await;
        assert!(travelled(&world, &device).await, "{}: {:?}", world.name(), world.open().await);
    }
}

#[tokio::test]
async fn the_same_place_again_is_seen_again() {
    for world in worlds().await {
        let device = world.made("A", 1).await;
        world.reports(&device, at(BRNO, 1)).await;
        world.wait(8 * HOUR);
        world.reports(&device, at(BRNO, 1)).await;
        world.wait(20 * MINUTE);
        world.reports(&device, at(LAGOS, 1)).await;
        assert!(travelled(&world, &device).await, "{}: it was in Brno twenty minutes ago", world.name());
    }
}
