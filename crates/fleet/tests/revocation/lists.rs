//! CRLs: what they list, their numbers, when they are published.

use crate::world::{World, batch, device, operator, worlds};
use domain::{
    certificate::RevocationReason,
    person::Permission,
    revocation::RevocationAct as Act,
    time::{DAY, HOUR, MINUTE, Timestamp},
};
use fleet::Error;
use pki::{Issuer, KeyAlgorithm, Profile, RevokedEntry, SerialNumber, Signer, SoftwareKey};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use store::revoked::{Revoked, SUPERSEDED};

#[tokio::test]
async fn a_change_is_published_with_a_higher_number_and_nothing_else_is() {
    for world in worlds(3).await {
        world.fleet.publish_due().await.unwrap();
        let first = world.fleet.crl("batch-a").unwrap();
        let other = world.fleet.crl("batch-b").unwrap();
        assert!(world.listed("batch-a").await.is_empty());
        assert!(first.next_update > first.last_modified.plus(DAY));
        let said = pki::read_crl(&first.der).unwrap().this_update;
        assert_eq!(said, first.last_modified.plus(-5 * MINUTE), "a verifier's clock may be late");
        world.act(Act::Hold, device("A-00001")).await;
        world.fleet.publish_due().await.unwrap();
        let second = world.fleet.crl("batch-a").unwrap();
        assert!(second.number > first.number && second.etag != first.etag);
        assert_eq!(world.listed("batch-a").await.into_values().collect::<Vec<_>>(), [6]);
        assert_eq!(world.fleet.crl("batch-b").unwrap().number, other.number);
        world.act(Act::Release, device("A-00001")).await;
        world.fleet.publish_due().await.unwrap();
        assert!(world.listed("batch-a").await.is_empty());
        let third = world.fleet.crl("batch-a").unwrap();
        world.fleet.publish_due().await.unwrap();
        assert_eq!(world.fleet.crl("batch-a").unwrap().number, third.number);
        world.wait(25 * HOUR);
        world.fleet.publish_due().await.unwrap();
        let fourth = world.fleet.crl("batch-a").unwrap();
        assert!(fourth.number > third.number && fourth.last_modified > third.last_modified, "{}", world.name());
    }
}

#[tokio::test]
async fn supersessions_are_heard_page_by_page_and_published_together() {
    for world in worlds(3).await {
        world.fleet.publish_due().await.unwrap();
        let number = world.fleet.crl("batch-a").unwrap().number;
        let (authority, serial) = (world.authority_id("batch-a").await, world.serial_of("A-00000").await);
        let (reason, at) = (RevocationReason::Superseded, world.fleet.now());
        let row = Revoked { authority, serial: serial.clone(), at, revocation: SUPERSEDED, reason };
        let mut tx = world.fleet.db().begin().await.unwrap();
        store::revoked::insert_many(&mut tx, &[row]).await.unwrap();
        for n in 0..2_500 {
            let subject = if n == 2_400 { serial.clone() } else { format!("{n:08x}") };
            store::change::ring(&mut tx, at, "trust", &format!("certificate:{authority}:{subject}")).await.unwrap();
        }
        tx.commit().await.unwrap();
        world.fleet.publish_due().await.unwrap();
        assert_eq!(world.verdict_on(&serial), fleet::trust::Verdict::Revoked, "{}", world.name());
        assert_eq!(world.fleet.crl("batch-a").unwrap().number, number, "{}: published for each", world.name());
        world.wait(5 * MINUTE);
        world.fleet.publish_due().await.unwrap();
        assert_eq!(world.listed("batch-a").await.get(&serial), Some(&4));
        world.act(Act::Hold, device("A-00001")).await;
        world.fleet.publish_due().await.unwrap();
        assert_eq!(world.listed("batch-a").await.len(), 2, "{}: a hold waits", world.name());
    }
}

#[tokio::test]
async fn what_has_ended_is_listed_once_more() {
    for world in worlds(2).await {
        world.act(Act::Revoke, device("A-00000")).await;
        world.act_through(Act::Hold, batch("B")).await;
        world.fleet.publish_due().await.unwrap();
        assert_eq!((world.listed("batch-a").await.len(), world.listed("batch-b").await.len()), (1, 2));
        world.wait(731 * DAY);
        world.fleet.publish_due().await.unwrap();
        assert_eq!((world.listed("batch-a").await.len(), world.listed("batch-b").await.len()), (1, 2));
        world.wait(DAY);
        world.fleet.publish_due().await.unwrap();
        assert_eq!(
            (world.listed("batch-a").await.len(), world.listed("batch-b").await.len()),
            (0, 0),
            "{}",
            world.name()
        );
        assert_eq!(world.fleet.trust().by_slug("batch-a").unwrap().revoked_count(), 1);
        world.fleet.load_trust().await.unwrap();
        assert_eq!(world.fleet.trust().by_slug("batch-a").unwrap().revoked_count(), 0, "what has ended is not loaded");
    }
}

/// The publisher alone, as `serve` runs it, with the machine's clock.
#[tokio::test]
async fn the_publisher_is_quick_enough() {
    const TRIES: usize = 8;
    // Whoever is not woken looks after five seconds.
    const QUICK: Duration = Duration::from_secs(4);
    for world in worlds(TRIES).await {
        let running = tokio::spawn(world.fleet.clone().publisher());
        let published = async |wanted: usize| {
            let begun = Instant::now();
            while world.fleet.crl("batch-a").is_none_or(|crl| crl.entries != wanted as i64) {
                assert!(begun.elapsed().as_secs() < 60, "{}: never published", world.name());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            begun.elapsed()
        };
        published(0).await;
        // The quickest of some: what else the machine does says nothing of the publisher.
        let mut quickest = Duration::MAX;
        for n in 0..TRIES {
            world.act(Act::Revoke, device(&format!("A-{n:05}"))).await;
            quickest = quickest.min(published(n + 1).await);
            if quickest < QUICK {
                break;
            }
        }
        assert!(quickest < QUICK, "{}: {quickest:?}", world.name());
        running.abort();
    }
}

async fn root_crl(world: &World, number: u64, serials: &[&str], next: Timestamp) -> Vec<u8> {
    let key = world.fixture.folder.path().join("keys/root.pem");
    let passphrase = pki::Passphrase::new("correct horse battery staple".to_owned()).unwrap();
    let key = pki::unseal(&std::fs::read_to_string(key).unwrap(), &passphrase).unwrap();
    let root = world.authority_id("root").await;
    let der = store::authority::certificate(world.fleet.db(), root).await.unwrap().unwrap();
    let issuer = Issuer::new(pki::Certificate::from_der(&der).unwrap(), Arc::new(key)).unwrap();
    let at = crate::world::NOW;
    let entry = |serial: &&str| RevokedEntry { serial: SerialNumber::from_hex(serial).unwrap(), at, reason: 2 };
    let entries: Vec<RevokedEntry> = serials.iter().map(entry).collect();
    pki::crl(&issuer, number, at, next, &entries).unwrap()
}

#[tokio::test]
async fn the_roots_list_comes_from_its_ceremony() {
    for world in worlds(1).await {
        let admin = crate::world::user(5, "ann", domain::person::Role::Admin);
        let soon = world.fleet.now().plus(30 * DAY);
        let list = root_crl(&world, 7, &[], soon).await;
        let refused = world.fleet.bring_crl(&operator(), "root", &list).await;
        assert!(matches!(refused, Err(Error::Forbidden { permission: Permission::AuthorityManage })));
        assert_eq!(world.fleet.bring_crl(&admin, "root", &list).await.unwrap(), 7);
        assert_eq!(world.fleet.crl("root").unwrap().der[..], list[..]);
        assert!(world.fleet.bring_crl(&admin, "root", &list).await.is_err(), "the same number again");
        assert!(world.fleet.bring_crl(&admin, "batch-a", &list).await.is_err(), "of an authority whose key is here");
        let over = root_crl(&world, 8, &[], world.fleet.now().plus(-1)).await;
        assert!(world.fleet.bring_crl(&admin, "root", &over).await.is_err(), "one that ended");
        let forged = forged(&world, 9).await;
        assert!(world.fleet.bring_crl(&admin, "root", &forged).await.is_err(), "{}: forged", world.name());
        world.act_through(Act::Revoke, crate::world::factory()).await;
        let to_sign = world.fleet.crl_to_sign(&admin, "root").await.unwrap();
        let brno = store::authority::by_slug(world.fleet.db(), "brno").await.unwrap().unwrap();
        assert_eq!(to_sign.iter().map(|entry| entry.serial.hex()).collect::<Vec<_>>(), [brno.serial]);
    }
}

/// Of somebody who calls himself the root.
async fn forged(world: &World, number: u64) -> Vec<u8> {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let template = crate::world::template(Profile::Root, "root", key.public_key(), world.fleet.now().plus(DAY));
    let certificate = pki::self_sign(&template, &key).unwrap();
    let issuer = Issuer::new(certificate, Arc::new(key)).unwrap();
    pki::crl(&issuer, number, crate::world::NOW, world.fleet.now().plus(DAY), &[]).unwrap()
}
