use crate::world::*;
use domain::{
    person::Role,
    time::{DAY, MINUTE},
    webhook::EventKind as E,
};
use fleet::webhook::Ear;
use serde_json::json;
use store::Db;

#[tokio::test]
async fn each_is_told_what_it_wants_from_when_it_was_added() {
    for world in worlds().await {
        world.ring(E::RolloutPaused, "before").await;
        world.wait(MINUTE);
        let one = world.add(&[E::RolloutPaused, E::FindingOpened]).await.hook;
        let two = world.add(&[E::RolloutHalted]).await.hook;
        let mut ear = Ear::default();
        world.ring(E::RolloutPaused, "a").await;
        world.ring(E::RolloutHalted, "b").await;
        world.ring(E::RolloutStarted, "c").await;
        world.fleet.test_webhook(&user(Role::Admin), two.id).await.unwrap();
        let news = world.hear(&mut ear).await;
        let wanted: Vec<_> = news.iter().map(|one| (one.word(), one.is_wanted)).collect();
        let all = [
            ("rollout.paused", false),
            ("rollout.paused", true),
            ("rollout.halted", true),
            ("rollout.started", false),
            ("webhook.test", true),
        ];
        assert_eq!(wanted, all, "{}", world.name());
        let first = world.next(one.id).await.unwrap();
        assert_eq!(told(&first), ("rollout.paused".to_owned(), "a".to_owned()));
        assert_eq!(world.deliveries(one.id).await.len(), 1, "{}", world.name());
        assert_eq!(told(&world.next(two.id).await.unwrap()).0, "rollout.halted");
        assert_eq!(world.deliveries(two.id).await[0].kind, "webhook.test");
        assert!(world.hear(&mut ear).await.is_empty(), "{}: nothing is heard twice", world.name());
    }
}

#[tokio::test]
async fn what_was_rung_outlives_whoever_heard_it() {
    for world in worlds().await {
        let hook = world.add(&[E::RolloutPaused]).await.hook;
        for code in ["a", "b", "c"] {
            world.ring(E::RolloutPaused, code).await;
        }
        // It dies after it has written one of three down.
        let mut ear = Ear::default();
        let news = ear.hear(&world.fleet).await.unwrap();
        ear.owe(&world.fleet, &news[0], &json!({"code": "a"})).await.unwrap();
        drop(ear);
        // Hours later another process goes on, and a third one at the same time.
        world.wait(5 * 60 * MINUTE);
        let other = world.another(Some("correct horse"));
        let (mut second, mut third) = (Ear::default(), Ear::default());
        let heard = (second.hear(&world.fleet).await.unwrap(), third.hear(&other).await.unwrap());
        assert_eq!((heard.0.len(), heard.1.len()), (2, 2), "{}", world.name());
        for (one, two) in heard.0.iter().zip(&heard.1) {
            second.owe(&world.fleet, one, &json!({ "code": one.about })).await.unwrap();
            third.owe(&other, two, &json!({ "code": two.about })).await.unwrap();
        }
        assert_eq!(world.deliveries(hook.id).await.len(), 3, "{}: each once", world.name());
        let mut codes = Vec::new();
        while let Some(message) = world.next(hook.id).await {
            codes.push(told(&message).1);
            world.answered(&message, domain::webhook::Reply::Status(200)).await;
        }
        assert_eq!(codes, ["a", "b", "c"], "{}: in order", world.name());
    }
}

#[tokio::test]
async fn what_is_committed_late_is_heard_all_the_same() {
    for world in worlds().await {
        if matches!(world.fleet.db(), Db::Sqlite { .. }) {
            // There one writes after the other, so nothing is late.
            continue;
        }
        let hook = world.add(&[E::RolloutPaused]).await.hook;
        let mut ear = Ear::default();
        let mut late = world.fleet.db().begin().await.unwrap();
        store::change::ring(&mut late, world.fleet.now(), "webhook", "rollout.paused late").await.unwrap();
        world.ring(E::RolloutPaused, "soon").await;
        assert_eq!(world.hear(&mut ear).await.len(), 1);
        late.commit().await.unwrap();
        assert_eq!(world.hear(&mut ear).await[0].about, "late");
        assert_eq!(world.deliveries(hook.id).await.len(), 2);
        // And both are passed over once they are old.
        world.wait(20 * MINUTE);
        assert!(world.hear(&mut ear).await.is_empty());
        world.ring(E::RolloutPaused, "new").await;
        assert_eq!(world.hear(&mut ear).await.len(), 1);
    }
}

#[tokio::test]
async fn what_nobody_understands_stops_nothing() {
    for world in worlds().await {
        let hook = world.add(&[E::RolloutPaused]).await.hook;
        let mut tx = world.fleet.db().begin().await.unwrap();
        for subject in ["", "rollout.dreamt x", "rollout.paused", "webhook.test none"] {
            store::change::ring(&mut tx, world.fleet.now(), "webhook", subject).await.unwrap();
        }
        tx.commit().await.unwrap();
        world.ring(E::RolloutPaused, "a").await;
        let mut ear = Ear::default();
        assert_eq!(world.hear(&mut ear).await.last().unwrap().about, "a", "{}", world.name());
        assert_eq!(world.deliveries(hook.id).await.len(), 1);
        assert!(world.hear(&mut ear).await.is_empty());
    }
}

#[tokio::test]
async fn more_than_one_page_is_heard_and_old_events_are_forgotten() {
    for world in worlds().await {
        let hook = world.add(&[E::FindingOpened]).await.hook;
        let mut tx = world.fleet.db().begin().await.unwrap();
        for n in 0..1_203 {
            store::change::ring(&mut tx, world.fleet.now(), "webhook", &format!("finding.opened {n}")).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut ear = Ear::default();
        assert_eq!(world.hear(&mut ear).await.len(), 1_203, "{}", world.name());
        assert!(world.hear(&mut ear).await.is_empty(), "{}", world.name());
        let waiting = world.fleet.webhooks(&user(Role::Admin)).await.unwrap()[0].waiting;
        assert_eq!(waiting, 1_203);
        world.wait(31 * DAY);
        world.fleet.forget_what_is_old().await.unwrap();
        assert!(world.next(hook.id).await.is_none() && world.deliveries(hook.id).await.is_empty(), "{}", world.name());
    }
}
