//! A claim rotates a device's token: it counts for nothing but getting the next one.

use crate::{
    codes::{claim, code, with_clients},
    world::operator,
};
use domain::time::MINUTE;

const ADDRESS: &str = "192.0.2.1";

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
