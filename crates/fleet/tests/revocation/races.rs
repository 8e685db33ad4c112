//! What happens between what an act reads and what it writes.

use crate::world::{World, batch, device, manager, operator, worlds};
use domain::{
    authority::AuthorityState, certificate::RevocationReason, id::RevocationId, node::Lease,
    revocation::RevocationAct as Act,
};
use fleet::{
    Error,
    revocation::{Outcome, RevokeForm},
    trust::Verdict,
};
use std::time::{Duration, Instant};
use store::{
    revoked::{
        Revoked, SUPERSEDED,
        cut::{self, Cut},
    },
    testing,
};
use uuid::Uuid;

const A_WHILE: Duration = Duration::from_secs(1);
/// A transaction at rest is ended by the server after 5 seconds.
const HELD: Duration = Duration::from_secs(3);

/// Until somebody waits for a lock of its database; on SQLite, where nobody tells, a while.
async fn until_it_waits(world: &World) {
    if world.fixture.url.is_none() {
        return tokio::time::sleep(A_WHILE).await;
    }
    let begun = Instant::now();
    while begun.elapsed() < HELD && !testing::is_lock_awaited(world.fleet.db()).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn form(world: &World, serial: &str, act: Act) -> RevokeForm {
    let preview = world.fleet.preview(&operator(), &device(serial), act).await.unwrap();
    RevokeForm {
        selection: device(serial),
        act,
        reason: RevocationReason::KeyCompromise,
        note: String::new(),
        confirmation: preview.confirm_word,
        preview_hash: preview.hash,
    }
}

#[tokio::test]
async fn only_the_hold_that_was_read_is_lifted() {
    for world in worlds(3).await {
        let authority = world.authority_id("batch-a").await;
        let (held, superseded) = (world.serial_of("A-00000").await, world.serial_of("A-00001").await);
        let Outcome::Done(hold) = world.act(Act::Hold, device("A-00000")).await else { panic!("it waits") };
        let (at, by) = (world.fleet.now(), RevocationId(Uuid::now_v7()));
        let reason = RevocationReason::Superseded;
        let row = Revoked { authority, serial: superseded.clone(), at, revocation: SUPERSEDED, reason };
        let mut tx = world.fleet.db().begin().await.unwrap();
        store::revoked::insert_many(&mut tx, &[row]).await.unwrap();
        let one = &[superseded.as_str()][..];
        assert!(!store::revoked::lift(&mut tx, authority, (one, SUPERSEDED), at, by).await.unwrap());
        let held = &[held.as_str()][..];
        assert!(!store::revoked::lift(&mut tx, authority, (held, by), at, by).await.unwrap(), "another act's hold");
        let both = &[held[0], one[0]][..];
        assert!(!store::revoked::lift(&mut tx, authority, (both, hold), at, by).await.unwrap(), "{}", world.name());
        drop(tx);
        let mut tx = world.fleet.db().begin().await.unwrap();
        assert!(store::revoked::lift(&mut tx, authority, (held, hold), at, by).await.unwrap(), "{}", world.name());
    }
}

#[tokio::test]
async fn a_renewal_does_not_escape_an_act_on_its_device() {
    for world in worlds(2).await {
        let form = form(&world, "A-00000", Act::Revoke).await;
        let id = store::device::by_serial(world.fleet.db(), "A-00000").await.unwrap().unwrap().id;
        // As a renewal does it.
        let mut tx = world.fleet.db().begin().await.unwrap();
        store::device::lock(&mut tx, id).await.unwrap();
        let renewed = world.another(&mut tx, "A-00000", |_| ()).await;
        let fleet = world.fleet.clone();
        let acting = tokio::spawn(async move { fleet.revoke(&operator(), &form).await });
        until_it_waits(&world).await;
        assert!(!acting.is_finished(), "{}: did not wait", world.name());
        tx.commit().await.unwrap();
        assert!(matches!(acting.await.unwrap(), Err(Error::Conflict(_))), "{}: it was not shown", world.name());
        world.act(Act::Revoke, device("A-00000")).await;
        assert_eq!(world.verdict_on(&renewed), Verdict::Revoked);
    }
}

#[tokio::test]
async fn acts_that_cross_on_an_authority_see_each_other() {
    for world in worlds(2).await {
        let Outcome::Waiting(approval, _) = world.act(Act::Revoke, batch("A")).await else { panic!("done at once") };
        let shown = world.fleet.approval(&manager(), approval).await.unwrap();
        let authority = world.authority_id("batch-a").await;
        let mut tx = world.fleet.db().begin().await.unwrap();
        cut::lock(&mut tx, &[authority]).await.unwrap();
        let fleet = world.fleet.clone();
        let hash = shown.row.hash.clone();
        let acting = tokio::spawn(async move { fleet.decide(&manager(), approval, &hash, true, "").await });
        until_it_waits(&world).await;
        let (revocation, at) = (RevocationId(Uuid::now_v7()), world.fleet.now());
        let reason = RevocationReason::CertificateHold;
        let hold = Cut { authority, revocation, at, act: Act::Hold, reason, state_before: AuthorityState::Active };
        cut::insert(&mut tx, &hold).await.unwrap();
        cut::set_state(&mut tx, authority, AuthorityState::Held, at).await.unwrap();
        tx.commit().await.unwrap();
        acting.await.unwrap().unwrap();
        let alive = cut::alive(world.fleet.db()).await.unwrap();
        assert_eq!(alive.iter().map(|cut| cut.act).collect::<Vec<_>>(), [Act::Revoke], "{}", world.name());
    }
}

#[tokio::test]
async fn whoever_waited_for_its_turn_publishes_what_is_true_then() {
    for world in worlds(3).await {
        world.act(Act::Hold, device("A-00000")).await;
        let turn = world.fleet.turn(Lease::Crls).await.unwrap();
        let fleet = world.fleet.clone();
        let publishing = tokio::spawn(async move { fleet.publish_due().await });
        tokio::time::sleep(A_WHILE).await;
        world.act_through(Act::Revoke, batch("A")).await;
        drop(turn);
        publishing.await.unwrap().unwrap();
        assert_eq!(world.listed("batch-a").await.len(), 3, "{}: as it was before the wait", world.name());
    }
}
