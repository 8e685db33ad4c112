//! What needs a second person.

use crate::world::{batch, factory, manager, operator, worlds};
use domain::{
    approval::ApprovalState,
    authority::AuthorityState,
    revocation::{RevocationAct as Act, RevocationState},
};
use fleet::{
    Error,
    revocation::{Outcome, Selection},
    trust::Verdict,
};

#[tokio::test]
async fn a_batch_is_cut_off_by_what_the_manager_saw() {
    for world in worlds(5).await {
        let Outcome::Waiting(approval, id) = world.act(Act::Revoke, batch("A")).await else { panic!("done at once") };
        assert_eq!(world.verdict("A-00000").await, Verdict::Good);
        let shown = world.fleet.approval(&manager(), approval).await.unwrap();
        assert_eq!(shown.detail["preview"]["devices"], 5);
        assert!(world.fleet.decide(&operator(), approval, &shown.row.hash, true, "").await.is_err());
        assert!(world.fleet.decide(&manager(), approval, "another hash", true, "").await.is_err());
        world.fleet.decide(&manager(), approval, &shown.row.hash, true, "").await.unwrap();
        assert_eq!(world.verdict("A-00000").await, Verdict::Revoked);
        assert_eq!(world.verdict("B-00000").await, Verdict::Good);
        let row = world.fleet.revocation(&operator(), id).await.unwrap().row;
        assert_eq!(row.approved_by.as_deref(), Some("max@muster.example"));
        let authority = store::authority::by_slug(world.fleet.db(), "batch-a").await.unwrap().unwrap();
        assert_eq!(authority.state, AuthorityState::Revoked);
        assert!(world.fleet.decide(&manager(), approval, &shown.row.hash, true, "").await.is_err());
        world.fleet.follow_acts().await.unwrap();
        let row = world.fleet.revocation(&operator(), id).await.unwrap().row;
        assert_eq!((row.state, row.applied, row.total), (RevocationState::Spread, 5, 5), "{}", world.name());
    }
}

#[tokio::test]
async fn what_is_rejected_does_nothing() {
    for world in worlds(2).await {
        let Outcome::Waiting(approval, id) = world.act(Act::Revoke, factory()).await else { panic!("done at once") };
        let shown = world.fleet.approval(&manager(), approval).await.unwrap();
        world.fleet.decide(&manager(), approval, &shown.row.hash, false, "Wrong factory").await.unwrap();
        assert_eq!(world.verdict("A-00000").await, Verdict::Good);
        assert_eq!(world.fleet.revocation(&operator(), id).await.unwrap().row.state, RevocationState::Rejected);
    }
}

#[tokio::test]
async fn a_selection_is_bound_to_its_devices_whatever_certificates_they_get() {
    for world in worlds(101).await {
        let all = Selection::Query("batch:A trust:trusted".into());
        let Outcome::Waiting(approval, id) = world.act(Act::Revoke, all).await else { panic!("done at once") };
        let mut tx = world.fleet.db().begin().await.unwrap();
        let renewed = world.another(&mut tx, "A-00001", |row| row.first_used_at = Some(row.issued_at)).await;
        tx.commit().await.unwrap();
        world.act(Act::Revoke, crate::world::device("A-00006")).await;
        world.act(Act::Hold, crate::world::device("A-00007")).await;
        let shown = world.fleet.approval(&manager(), approval).await.unwrap();
        world.fleet.decide(&manager(), approval, &shown.row.hash, true, "").await.unwrap();
        assert_eq!(world.verdict("A-00000").await, Verdict::Revoked, "{}", world.name());
        assert_eq!(world.verdict("A-00007").await, Verdict::Revoked, "no longer trusted, but meant");
        assert_eq!(world.verdict_on(&renewed), Verdict::Revoked, "a renewal got away");
        assert_eq!(world.verdict("B-00000").await, Verdict::Good);
        world.fleet.follow_acts().await.unwrap();
        let row = world.fleet.revocation(&operator(), id).await.unwrap().row;
        assert_eq!((row.state, row.total, row.applied), (RevocationState::Spread, 101, 101));
    }
}

#[tokio::test]
async fn what_changed_since_it_was_shown_is_void() {
    for world in worlds(2).await {
        let Outcome::Waiting(approval, id) = world.act(Act::Hold, factory()).await else { panic!("done at once") };
        world.act_through(Act::Revoke, batch("A")).await;
        let shown = world.fleet.approval(&manager(), approval).await.unwrap();
        let void = world.fleet.decide(&manager(), approval, &shown.row.hash, true, "").await;
        assert!(matches!(void, Err(Error::Conflict(why)) if why.contains("the request is void")));
        assert_eq!(world.verdict("B-00000").await, Verdict::Good, "{}", world.name());
        let state = world.fleet.approval(&manager(), approval).await.unwrap().row.state;
        assert_eq!(state, ApprovalState::Void);
        assert_eq!(world.fleet.revocation(&operator(), id).await.unwrap().row.state, RevocationState::Void);
    }
}

#[tokio::test]
async fn a_held_factory_comes_back_but_for_what_was_revoked() {
    for world in worlds(3).await {
        let state = async |slug: &str| store::authority::by_slug(world.fleet.db(), slug).await.unwrap().unwrap().state;
        world.act_through(Act::Hold, batch("B")).await;
        world.act_through(Act::Hold, factory()).await;
        assert_eq!((state("brno").await, state("batch-a").await), (AuthorityState::Held, AuthorityState::Held));
        assert_eq!(world.verdict("A-00000").await, Verdict::Held);
        world.act(Act::Revoke, crate::world::device("A-00000")).await;
        let alone = world.try_act(Act::Release, crate::world::device("A-00001")).await;
        assert!(matches!(alone, Err(Error::Conflict(_))), "released although its batch is held");
        world.act_through(Act::Release, factory()).await;
        assert_eq!((state("brno").await, state("batch-b").await), (AuthorityState::Active, AuthorityState::Active));
        assert_eq!(world.verdict("A-00000").await, Verdict::Revoked);
        assert_eq!((world.verdict("A-00001").await, world.verdict("B-00001").await), (Verdict::Good, Verdict::Good));
        assert!(world.try_act(Act::Release, batch("B")).await.is_err());
        world.fleet.follow_acts().await.unwrap();
        assert_eq!(world.fleet.count_devices(&operator(), "trust:trusted").await.unwrap(), 5, "{}", world.name());
    }
}
