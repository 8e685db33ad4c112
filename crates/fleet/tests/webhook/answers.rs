use crate::world::*;
use domain::{
    id::WebhookId,
    person::Role,
    time::{DAY, HOUR, SECOND},
    webhook::{DeliveryState as S, EventKind as E, HookState, Reply},
};
use fleet::webhook::Ear;

/// A webhook that is owed these.
async fn owed(world: &World, codes: &[&str]) -> WebhookId {
    let hook = world.add(&[E::RolloutPaused]).await.hook;
    for code in codes {
        world.ring(E::RolloutPaused, code).await;
    }
    world.hear(&mut Ear::default()).await;
    hook.id
}

/// Each delivery's state and how often it was tried, the oldest first.
async fn states(world: &World, hook: WebhookId) -> Vec<(S, i64)> {
    world.deliveries(hook).await.into_iter().rev().map(|delivery| (delivery.state, delivery.attempts)).collect()
}

#[tokio::test]
async fn while_a_receiver_is_down_everything_waits_in_order() {
    for world in worlds().await {
        let hook = owed(&world, &["a", "b"]).await;
        let first = world.next(hook).await.unwrap();
        assert!(!world.answered(&first, Reply::None).await, "{}", world.name());
        assert!(world.next(hook).await.is_none(), "{}: b doesn't overtake a", world.name());
        assert!(world.fleet.webhooks_to_tell().await.unwrap().is_empty());
        world.wait(10 * SECOND);
        assert_eq!(world.fleet.webhooks_to_tell().await.unwrap(), [hook]);
        let again = world.next(hook).await.unwrap();
        assert_eq!((&again.id, told(&again).1.as_str()), (&first.id, "a"), "{}: the same id", world.name());
        assert!(!world.answered(&again, Reply::Status(503)).await);
        world.wait(10 * SECOND);
        assert!(world.next(hook).await.is_none(), "{}: pauses grow", world.name());
        world.wait(20 * SECOND);
        assert!(world.answered(&world.next(hook).await.unwrap(), Reply::Status(200)).await);
        assert_eq!(told(&world.next(hook).await.unwrap()).1, "b");
        assert_eq!(states(&world, hook).await, [(S::Delivered, 3), (S::Owed, 0)], "{}", world.name());
    }
}

#[tokio::test]
async fn one_message_that_is_refused_keeps_none_of_the_others() {
    for world in worlds().await {
        let hook = owed(&world, &["a", "b"]).await;
        assert!(world.answered(&world.next(hook).await.unwrap(), Reply::Status(422)).await, "{}", world.name());
        let next = world.next(hook).await.unwrap();
        assert_eq!(told(&next).1, "b", "{}", world.name());
        assert!(world.answered(&next, Reply::Status(204)).await);
        assert!(world.next(hook).await.is_none());
        world.wait(10 * SECOND);
        assert_eq!(told(&world.next(hook).await.unwrap()).1, "a", "{}", world.name());
        let delivery = world.deliveries(hook).await.pop().unwrap();
        assert_eq!((delivery.status, delivery.note.as_str()), (422, "as it was"));
    }
}

#[tokio::test]
async fn after_a_day_it_is_given_up_and_can_be_sent_again() {
    for world in worlds().await {
        let hook = owed(&world, &["a", "b"]).await;
        let mut tries = 0;
        // However often it is tried, it ends.
        while let Some((S::Owed, _)) = states(&world, hook).await.first() {
            if let Some(message) = world.next(hook).await {
                world.answered(&message, Reply::None).await;
                tries += 1;
            }
            world.wait(HOUR / 4);
            assert!(tries < 200, "{}", world.name());
        }
        assert!((10..100).contains(&tries), "{}: {tries} tries in a day", world.name());
        world.wait(HOUR);
        // What is as old gets one more try, and no day of its own.
        world.answered(&world.next(hook).await.unwrap(), Reply::None).await;
        let dead = states(&world, hook).await;
        assert!(dead.iter().all(|(state, _)| *state == S::Dead), "{}: {dead:?}", world.name());
        let seq = world.deliveries(hook).await[1].seq;
        world.fleet.resend_webhook(&user(Role::Admin), hook, seq).await.unwrap();
        let again = world.next(hook).await.unwrap();
        assert_eq!(told(&again).1, "a", "{}: at once, although its receiver was down", world.name());
        assert!(world.answered(&again, Reply::Status(200)).await);
        assert_eq!(states(&world, hook).await[0].0, S::Delivered);
        let unknown = world.fleet.resend_webhook(&user(Role::Admin), hook, seq + 1_000).await;
        assert!(matches!(unknown, Err(fleet::Error::NotFound { .. })), "{}", world.name());
    }
}

#[tokio::test]
async fn a_pause_keeps_what_happens_and_gone_pauses() {
    for world in worlds().await {
        let admin = user(Role::Admin);
        let hook = owed(&world, &["a"]).await;
        assert!(!world.answered(&world.next(hook).await.unwrap(), Reply::Status(410)).await, "{}", world.name());
        let detail = world.fleet.webhook(&admin, hook, None).await.unwrap();
        assert_eq!(detail.hook.state, HookState::Paused, "{}", world.name());
        assert!(detail.hook.note.contains("410"));
        world.ring(E::RolloutPaused, "b").await;
        world.hear(&mut Ear::default()).await;
        world.wait(3 * DAY);
        assert!(world.next(hook).await.is_none() && world.fleet.webhooks_to_tell().await.unwrap().is_empty());
        world.fleet.pause_webhook(&admin, hook, false).await.unwrap();
        let first = world.next(hook).await.unwrap();
        assert_eq!(told(&first).1, "a", "{}", world.name());
        // Its day begins now, not when it happened.
        world.answered(&first, Reply::None).await;
        assert_eq!(states(&world, hook).await, [(S::Owed, 2), (S::Owed, 0)], "{}", world.name());
        // Pausing twice is pausing.
        world.fleet.pause_webhook(&admin, hook, true).await.unwrap();
        assert_eq!(world.fleet.pause_webhook(&admin, hook, true).await.unwrap().state, HookState::Paused);
    }
}
