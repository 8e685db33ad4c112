//! What webhooks are told of rollouts and releases.

use crate::world::*;
use domain::release::Stage;
use fleet::{rollout::Abort, webhook::Ear};
use serde_json::Value;

/// What was rung since, in order: the word and what it is about.
pub async fn rung(world: &World, ear: &mut Ear) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    for news in ear.hear(&world.fleet).await.unwrap() {
        ear.owe(&world.fleet, &news, &Value::Null).await.unwrap();
        out.push((news.word(), news.about));
    }
    out
}

pub fn words(rung: &[(&'static str, String)]) -> Vec<&'static str> {
    rung.iter().map(|(word, _)| *word).collect()
}

#[tokio::test]
async fn every_step_of_a_rollout_is_told() {
    for world in worlds().await {
        let mut ear = Ear::default();
        let devices = world.devices(12).await;
        rung(&world, &mut ear).await;
        let release = world.release("2.0", Stage::Production).await;
        let told = rung(&world, &mut ear).await;
        assert_eq!(
            words(&told),
            ["release.pushed", "release.promoted", "release.promoted"],
            "{}: to staging, to production",
            world.name()
        );
        assert!(told.iter().all(|(_, about)| *about == release.to_string()), "{}: {told:?}", world.name());
        let code = world.started(plan(release)).await;
        let told = rung(&world, &mut ear).await;
        let begun =
            ["approval.waiting", "rollout.submitted", "approval.decided", "rollout.approved", "rollout.started"];
        assert_eq!(words(&told), begun, "{}", world.name());
        assert!(told.iter().filter(|(word, _)| word.starts_with("rollout.")).all(|(_, about)| *about == code));
        world.fleet.pause_rollout(&operator(), &code, "lunch").await.unwrap();
        world.fleet.pause_rollout(&operator(), &code, "lunch").await.unwrap();
        world.fleet.resume_rollout(&operator(), &code, Resume::default()).await.unwrap();
        assert_eq!(words(&rung(&world, &mut ear).await), ["rollout.paused", "rollout.resumed"], "{}", world.name());
        for (device, id) in world.offered_of(&devices).await {
            world.installs(&device, id, "2.0").await;
        }
        world.look().await;
        assert_eq!(words(&rung(&world, &mut ear).await), ["rollout.wave_opened"], "{}", world.name());
        for (device, id) in world.offered_of(&devices).await {
            world.installs(&device, id, "2.0").await;
        }
        world.look().await;
        assert_eq!(words(&rung(&world, &mut ear).await), ["rollout.completed"], "{}", world.name());
    }
}

#[tokio::test]
async fn what_stops_one_is_told_whoever_stops_it() {
    for world in worlds().await {
        let devices = world.devices(12).await;
        let release = world.release("2.0", Stage::Production).await;
        let code = world.started(plan(release)).await;
        let mut ear = Ear::default();
        rung(&world, &mut ear).await;
        for (device, id) in world.offered_of(&devices).await {
            world.fails(&device, id).await;
        }
        world.look().await;
        assert_eq!(words(&rung(&world, &mut ear).await), ["rollout.halted"], "{}", world.name());
        world.fleet.abort_rollout(&manager(), &code, Abort::Keep, "it breaks").await.unwrap();
        assert_eq!(words(&rung(&world, &mut ear).await), ["rollout.aborted"], "{}", world.name());
        world.withdraw(release).await;
        assert_eq!(words(&rung(&world, &mut ear).await), ["release.withdrawn"], "{}", world.name());
    }
}
