//! A claim rotates a device's token: it counts for nothing but getting the next one.

use crate::{
    codes::{claim, code, with_clients},
    world::{World, operator},
};
use domain::{
    authority::FindingKind,
    time::{DAY, MINUTE},
};
use fleet::{Actor, Error};

const ADDRESS: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.9";

/// Who comes with a token from an address.
async fn comes(world: &World, token: &str, address: &str) -> Option<Actor> {
    world.fleet.token_holder(token, address).await.unwrap().map(|holder| holder.actor)
}

/// How often two were seen with a device's token, and whether its page says so.
async fn shared(world: &World) -> (i64, bool) {
    let id = store::device::by_serial(world.fleet.db(), "A-00000").await.unwrap().unwrap().id;
    let open = world.fleet.findings(&operator(), true).await.unwrap();
    let of_token = open.iter().find(|row| row.kind == FindingKind::CloneSuspected && row.words.contains("A-00000"));
    let token = world.fleet.device_token(&operator(), id).await.unwrap().unwrap();
    (of_token.map_or(0, |row| row.n), token.shared_at.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_claim_a_token_only_gets_the_next_one() {
    for world in with_clients(1).await {
        let fleet = &world.fleet;
        let token = fleet.set_device_token(&operator(), "A-00000").await.unwrap();
        let holder = async |token: &str| fleet.token_holder(token, ADDRESS).await.unwrap();
        let actor = holder(&token).await.unwrap().actor;
        // Asked for before the claim: whoever had the device before may have heard it.
        let early = fleet.rotate_device_token(&actor).await.unwrap();
        world.wait(MINUTE);
        let right = code(&world, "A-00000").await.plain();
        assert!(claim(&world, &operator(), "A-00000", &right, "acme").await.unwrap().token_rotates);
        for known in [&token, &early] {
            let holder = holder(known).await.unwrap();
            assert!(holder.only_rotates, "{}", world.name());
            assert_eq!(fleet.device_by_token(known, ADDRESS).await.unwrap(), None, "{}", world.name());
        }
        // The early one was used, so it is the present one now; it brings the next all the same.
        let actor = holder(&early).await.unwrap().actor;
        world.wait(MINUTE);
        let next = fleet.rotate_device_token(&actor).await.unwrap();
        assert!(holder(&early).await.unwrap().only_rotates, "an answer that was lost locks nobody out");
        assert!(!holder(&next).await.unwrap().only_rotates, "{}", world.name());
        assert!(fleet.device_by_token(&next, ADDRESS).await.unwrap().is_some());
        assert_eq!(holder(&early).await, None, "the next was used");
        let id = store::device::by_serial(fleet.db(), "A-00000").await.unwrap().unwrap().id;
        let kept = fleet.device_token(&operator(), id).await.unwrap().unwrap();
        assert_eq!((kept.due_at, kept.only_rotates), (None, false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_rotate_gets_a_new_token_from_a_person() {
    for world in with_clients(1).await {
        let fleet = &world.fleet;
        let token = fleet.set_device_token(&operator(), "A-00000").await.unwrap();
        let right = code(&world, "A-00000").await.plain();
        claim(&world, &operator(), "A-00000", &right, "acme").await.unwrap();
        assert_eq!(fleet.device_by_token(&token, ADDRESS).await.unwrap(), None);
        let new = fleet.set_device_token(&operator(), "A-00000").await.unwrap();
        assert!(fleet.device_by_token(&new, ADDRESS).await.unwrap().is_some(), "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_ask_for_the_next_token_the_second_gets_none_and_both_are_told_of() {
    for world in with_clients(1).await {
        let fleet = &world.fleet;
        let token = fleet.set_device_token(&operator(), "A-00000").await.unwrap();
        let (one, two) =
            (comes(&world, &token, ADDRESS).await.unwrap(), comes(&world, &token, ELSEWHERE).await.unwrap());
        let lost = fleet.rotate_device_token(&one).await.unwrap();
        let next = fleet.rotate_device_token(&one).await.unwrap();
        assert_eq!(comes(&world, &lost, ADDRESS).await, None, "asked again at home, the answer before is forgotten");
        assert_eq!(shared(&world).await, (0, false), "{}", world.name());
        let refused = fleet.rotate_device_token(&two).await;
        assert!(matches!(&refused, Err(Error::Conflict(told)) if told.contains("another address")), "{refused:?}");
        assert_eq!(shared(&world).await, (1, true), "{}", world.name());
        assert!(comes(&world, &next, ADDRESS).await.is_some(), "{}: the first keeps what it got", world.name());
        // The second goes on with what it has.
        world.wait(2 * MINUTE);
        assert_eq!(comes(&world, &token, ELSEWHERE).await, None);
        assert_eq!(shared(&world).await, (2, true), "{}", world.name());
        // A token that nobody knows says nothing of any device.
        assert_eq!(comes(&world, &format!("musterd_{}", "x".repeat(43)), ELSEWHERE).await, None);
        world.wait(2 * MINUTE);
        fleet.set_device_token(&operator(), "A-00000").await.unwrap();
        assert!(!shared(&world).await.1, "{}: a new one ends it", world.name());
        assert_eq!(comes(&world, &token, ELSEWHERE).await, None);
        assert_eq!(shared(&world).await, (2, false), "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_used_for_a_day_or_an_earlier_holder_asked_for_is_in_nobodys_way() {
    for world in with_clients(1).await {
        let fleet = &world.fleet;
        let token = fleet.set_device_token(&operator(), "A-00000").await.unwrap();
        let (one, two) =
            (comes(&world, &token, ADDRESS).await.unwrap(), comes(&world, &token, ELSEWHERE).await.unwrap());
        fleet.rotate_device_token(&one).await.unwrap();
        world.wait(DAY + MINUTE);
        fleet.rotate_device_token(&two).await.unwrap();
        world.wait(MINUTE);
        let right = code(&world, "A-00000").await.plain();
        claim(&world, &operator(), "A-00000", &right, "acme").await.unwrap();
        world.wait(MINUTE);
        fleet.rotate_device_token(&one).await.unwrap();
        assert_eq!(shared(&world).await, (0, false), "{}", world.name());
    }
}
