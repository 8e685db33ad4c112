//! Tokens of devices end with what cuts off the device, its batch or its factory.

use crate::world::{batch, device, factory, operator, worlds};
use domain::revocation::RevocationAct as Act;
use fleet::Error;

#[tokio::test]
async fn a_token_is_refused_with_its_device_batch_or_factory() {
    for world in worlds(2).await {
        let fleet = &world.fleet;
        let token = fleet.set_device_token(&operator(), "A-00000").await.unwrap();
        let gets_in = async || fleet.device_by_token(&token, "192.0.2.1").await.unwrap().is_some();
        assert!(gets_in().await);
        for selection in [device("A-00000"), batch("A"), factory()] {
            let preview = fleet.preview(&operator(), &selection, Act::Hold).await.unwrap();
            assert_eq!(preview.tokens, 1, "{}: {selection:?}", world.name());
            world.act_through(Act::Hold, selection.clone()).await;
            assert!(!gets_in().await, "{}: {selection:?} is held", world.name());
            let holder = fleet.token_holder(&token, "192.0.2.1").await.unwrap();
            assert!(holder.is_some_and(|holder| holder.is_held), "{}: it is known all the same", world.name());
            world.act_through(Act::Release, selection).await;
            fleet.follow_acts().await.unwrap();
            assert!(gets_in().await);
        }
        world.act_through(Act::Hold, batch("B")).await;
        assert!(gets_in().await, "another batch");
        let id = store::device::by_serial(fleet.db(), "A-00000").await.unwrap().unwrap().id;
        world.act(Act::Revoke, device("A-00000")).await;
        assert_eq!(fleet.device_token(&operator(), id).await.unwrap(), None, "{}: kept", world.name());
        assert!(!gets_in().await);
    }
}

#[tokio::test]
async fn a_held_token_is_not_exchanged() {
    for world in worlds(1).await {
        let (fleet, address) = (&world.fleet, "192.0.2.1");
        let token = fleet.set_device_token(&operator(), "A-00000").await.unwrap();
        let actor = fleet.device_by_token(&token, address).await.unwrap().unwrap();
        let next = fleet.rotate_device_token(&actor).await.unwrap();
        for selection in [device("A-00000"), batch("A")] {
            world.act_through(Act::Hold, selection.clone()).await;
            let holder = fleet.token_holder(&next, address).await.unwrap();
            assert!(holder.is_some_and(|holder| holder.is_held), "{}: {selection:?}", world.name());
            let refused = fleet.rotate_device_token(&actor).await;
            assert!(matches!(refused, Err(Error::Conflict(why)) if why.contains("not exchanged")), "{selection:?}");
            world.act_through(Act::Release, selection.clone()).await;
            fleet.follow_acts().await.unwrap();
            let present = fleet.device_by_token(&token, address).await.unwrap();
            assert!(present.is_some(), "{}: {selection:?}: the next one took its place while held", world.name());
        }
        assert!(fleet.device_by_token(&next, address).await.unwrap().is_some(), "{}", world.name());
        assert_eq!(fleet.device_by_token(&token, address).await.unwrap(), None, "{}: exchanged now", world.name());
    }
}

#[tokio::test]
async fn wrong_tokens_block_neither_right_ones_nor_people() {
    for world in worlds(1).await {
        let (fleet, address) = (&world.fleet, "198.51.100.7");
        let token = fleet.set_device_token(&operator(), "A-00000").await.unwrap();
        let mut tries = 0;
        while !matches!(fleet.device_by_token("musterd_wrong", address).await, Err(Error::TooMany { .. })) {
            tries += 1;
            assert!(tries < 100, "wrong tokens are not limited");
        }
        assert!(fleet.device_by_token(&token, address).await.unwrap().is_some(), "{}", world.name());
        let people = store::throttle::read(fleet.db(), &format!("address:{address}")).await.unwrap();
        assert_eq!(people.failures, 0, "{}", world.name());
    }
}
