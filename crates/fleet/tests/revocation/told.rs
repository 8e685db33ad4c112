//! What is told of acts afterwards: on a certificate's page, and beside a request that waits.

use crate::world::{batch, device, manager, operator, worlds};
use domain::{
    revocation::RevocationAct as Act,
    time::{HOUR, SECOND},
};
use fleet::revocation::Outcome;

#[tokio::test]
async fn a_certificate_tells_of_all_that_was_done_to_it_and_to_its_authority() {
    for world in worlds(1).await {
        world.act(Act::Hold, device("A-00000")).await;
        world.wait(SECOND);
        world.act(Act::Release, device("A-00000")).await;
        world.wait(SECOND);
        world.act_through(Act::Hold, batch("A")).await;
        world.wait(SECOND);
        world.act_through(Act::Release, batch("A")).await;
        world.wait(HOUR);
        let mut tx = world.fleet.db().begin().await.unwrap();
        let at = world.fleet.now();
        let renewed = world.another(&mut tx, "A-00000", |row| row.issued_at = at).await;
        tx.commit().await.unwrap();
        let serial = world.serial_of("A-00000").await;
        let events = world.fleet.certificate(&operator(), "batch-a", &serial).await.unwrap().events;
        let words: Vec<&str> = events.iter().map(|event| event.words.as_str()).collect();
        let all = "with everything that The batch-a CA signed";
        let expected = [
            "Issued by The batch-a CA".to_owned(),
            "Put on hold".to_owned(),
            "No longer on hold".to_owned(),
            format!("Put on hold, {all}"),
            format!("No longer on hold, {all}"),
            "Renewed: another was issued".to_owned(),
        ];
        assert_eq!(words, expected, "{}", world.name());
        let acts: Vec<_> = events.iter().filter_map(|event| event.revocation).collect();
        let rows = world.fleet.revocations(&operator(), None, 10).await.unwrap().rows;
        let done: Vec<_> = rows.iter().rev().map(|row| row.id).collect();
        assert_eq!(acts, done, "{}: each leads to its act", world.name());
        assert!(events[3].by.contains("approved by"), "{:?}", events[3]);
        assert_eq!(events[5].certificate, Some(("batch-a".to_owned(), renewed)));
    }
}

#[tokio::test]
async fn a_request_is_shown_with_the_numbers_of_today() {
    for world in worlds(2).await {
        let Outcome::Waiting(approval, _) = world.act(Act::Revoke, batch("A")).await else { panic!("it is done") };
        let shown = world.fleet.approval(&manager(), approval).await.unwrap();
        let mut tx = world.fleet.db().begin().await.unwrap();
        world.another(&mut tx, "A-00000", |_| ()).await;
        tx.commit().await.unwrap();
        let now = world.fleet.preview_now(&manager(), approval).await.unwrap().unwrap();
        assert_eq!(shown.detail["preview"]["certificates"], 2);
        assert_eq!((now.devices, now.certificates), (2, 3), "{}", world.name());
        assert_eq!(shown.detail["preview"]["hash"], now.hash, "it is bound to the authority");
        world.fleet.decide(&manager(), approval, &shown.row.hash, true, "").await.unwrap();
    }
}

/// An act counts devices, though a device may have several certificates.
#[tokio::test]
async fn a_device_with_a_renewal_is_one_device() {
    for world in worlds(1).await {
        let mut tx = world.fleet.db().begin().await.unwrap();
        world.another(&mut tx, "A-00000", |_| ()).await;
        tx.commit().await.unwrap();
        let Outcome::Done(id) = world.act(Act::Hold, device("A-00000")).await else { panic!("it waits") };
        let detail = world.fleet.revocation(&operator(), id).await.unwrap();
        assert_eq!((detail.row.total, detail.devices, detail.not_seen_total), (2, 1, 1), "{}", world.name());
    }
}
