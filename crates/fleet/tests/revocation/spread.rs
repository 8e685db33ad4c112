//! How an act spreads, as its page shows it.

use crate::world::{RULE, batch, device, open, operator, worlds};
use domain::{
    revocation::{RevocationAct as Act, SpreadChannel},
    time::{DAY, HOUR},
};
use fleet::revocation::Outcome;
use pki::CertIdHash;
use std::{collections::HashMap, time::Duration};

#[tokio::test]
async fn every_channel_is_noted() {
    for world in worlds(4).await {
        let running = tokio::spawn(world.fleet.clone().publisher());
        while world.fleet.crl("batch-a").is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let Outcome::Done(id) = world.act(Act::Revoke, device("A-00001")).await else { panic!("it waits") };
        while world.fleet.crl("batch-a").unwrap().entries != 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        running.abort();
        let _ = running.await;
        world.fleet.crl_fetched("batch-a", "192.0.2.7");
        world.fleet.crl_fetched("batch-b", "192.0.2.7");
        let asked = crate::ocsp::id_of(&world, "A-00001", CertIdHash::Sha1).await;
        for _ in 0..3 {
            crate::ocsp::ask(&world, None, std::slice::from_ref(&asked), None).await;
        }
        let (authority, serial) = (world.authority_id("batch-a").await, world.serial_of("A-00001").await);
        for _ in 0..5 {
            world.fleet.refused(&RULE, authority, &serial, "198.51.100.9");
        }
        world.fleet.refused(&operator(), authority, &serial, "198.51.100.9");
        world.fleet.refused(&RULE, authority, &world.serial_of("A-00002").await, "198.51.100.9");
        world.fleet.flush_spread().await.unwrap();
        world.fleet.refused(&RULE, authority, &serial, "198.51.100.10");
        world.fleet.flush_spread().await.unwrap();
        let came_back = world.fleet.revocation(&operator(), id).await.unwrap().came_back;
        assert_eq!((came_back.len(), came_back[0].n), (1, 5), "{}: written more than once an hour", world.name());
        world.wait(HOUR);
        world.fleet.flush_spread().await.unwrap();
        let detail = world.fleet.revocation(&operator(), id).await.unwrap();
        let n: HashMap<SpreadChannel, i64> = detail.channels.iter().map(|row| (row.channel, row.n)).collect();
        let expected = [
            (SpreadChannel::GatewayRefuses, 1),
            (SpreadChannel::CrlPublished, 1),
            (SpreadChannel::CrlFetched, 1),
            (SpreadChannel::OcspRevoked, 3),
            (SpreadChannel::DeviceRefused, 6),
        ];
        assert_eq!(n, HashMap::from(expected), "{}", world.name());
        assert_eq!((detail.came_back_total, detail.came_back[0].n), (1, 6));
        assert_eq!(
            (detail.came_back[0].serial.as_str(), detail.came_back[0].address.as_str()),
            ("A-00001", "198.51.100.10")
        );
        assert_eq!((detail.not_seen_total, detail.not_seen.len()), (0, 0));
        assert_eq!(detail.curve.last().map(|point| (point.met, point.refused_share)), Some((1, 1.0)));
        assert_eq!(detail.authorities, [("batch-a".to_owned(), "The batch-a CA".to_owned())]);
        assert!(detail.complete_at.is_some_and(|at| at > detail.row.effective_at.unwrap()));
        let history = world.fleet.device_record(&operator(), "A-00001").await.unwrap().history;
        let notes = history.iter().filter(|entry| entry.event.kind() == "note").count();
        assert_eq!(notes, 1, "{}: once for each act and device", world.name());
    }
}

#[tokio::test]
async fn what_another_is_writing_down_is_waited_for() {
    for world in worlds(1).await {
        let Outcome::Done(id) = world.act(Act::Revoke, device("A-00000")).await else { panic!("it waits") };
        world.fleet.begin_to_note().await.unwrap();
        let (authority, serial) = (world.authority_id("batch-a").await, world.serial_of("A-00000").await);
        world.fleet.refused(&RULE, authority, &serial, "198.51.100.9");
        let shown = async {
            world.fleet.flush_spread().await.unwrap();
            world.fleet.revocation(&operator(), id).await.unwrap().came_back_total
        };
        let (first, shown) = tokio::join!(world.fleet.flush_spread(), shown);
        first.unwrap();
        assert_eq!(shown, 1, "{}", world.name());
    }
}

/// As when the program is stopped: whoever flushes is dropped wherever it is, and the last flush goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_noted_is_written_once_whenever_its_flush_is_dropped() {
    const DEVICES: usize = 40;
    for world in worlds(DEVICES).await {
        world.act_through(Act::Revoke, batch("A")).await;
        world.fleet.begin_to_note().await.unwrap();
        let id = world.fleet.revocations(&operator(), None, 1).await.unwrap().rows[0].id;
        let authority = world.authority_id("batch-a").await;
        for n in 0..DEVICES {
            let serial = world.serial_of(&format!("A-{n:05}")).await;
            world.fleet.refused(&RULE, authority, &serial, "198.51.100.9");
            let within = Duration::from_micros(400 * n as u64);
            let _ = tokio::time::timeout(within, world.fleet.flush_spread()).await;
            world.fleet.refused(&RULE, authority, &serial, "198.51.100.9");
        }
        world.fleet.flush_last_spread().await.unwrap();
        let detail = world.fleet.revocation(&operator(), id).await.unwrap();
        let refused = detail.channels.iter().filter(|row| row.channel == SpreadChannel::DeviceRefused);
        assert_eq!(refused.map(|row| row.n).sum::<i64>(), 2 * DEVICES as i64, "{}", world.name());
        let came: Vec<i64> = detail.came_back.iter().map(|device| device.n).collect();
        assert_eq!(came, [2; DEVICES], "{}: also what would have waited for an hour", world.name());
        for n in 0..DEVICES {
            let record = world.fleet.device_record(&operator(), &format!("A-{n:05}")).await.unwrap();
            let notes = record.history.iter().filter(|entry| entry.event.kind() == "note").count();
            assert_eq!(notes, 1, "{}: once", world.name());
        }
    }
}

#[tokio::test]
async fn who_did_not_come_back_is_listed() {
    for world in worlds(3).await {
        world.act_through(Act::Revoke, batch("A")).await;
        let id = world.fleet.revocations(&operator(), None, 10).await.unwrap().rows[0].id;
        let authority = world.authority_id("batch-a").await;
        world.fleet.refused(&RULE, authority, &world.serial_of("A-00002").await, "");
        world.fleet.flush_spread().await.unwrap();
        let detail = world.fleet.revocation(&operator(), id).await.unwrap();
        let missing: Vec<&str> = detail.not_seen.iter().map(|(serial, _)| serial.as_str()).collect();
        assert_eq!((missing, detail.not_seen_total), (vec!["A-00000", "A-00001"], 2), "{}", world.name());
        assert_eq!((detail.came_back_total, detail.preview.devices), (1, 3));
        for n in 0..2 {
            world.fleet.refused(&RULE, authority, &world.serial_of(&format!("A-0000{n}")).await, "");
        }
        world.fleet.flush_spread().await.unwrap();
        assert_eq!(world.fleet.revocation(&operator(), id).await.unwrap().came_back_total, 3);
        world.wait(8 * DAY);
        world.fleet.refused(&RULE, authority, &world.serial_of("A-00002").await, "");
        world.fleet.flush_spread().await.unwrap();
        let detail = world.fleet.revocation(&operator(), id).await.unwrap();
        assert!(detail.came_back.iter().all(|device| device.n == 1), "{}: noted after a week", world.name());
    }
}

/// Rules put devices on hold one by one; how a batch's revocation spreads is followed all the same, also by a process that
/// began since.
#[tokio::test]
async fn many_single_acts_do_not_push_out_that_of_a_batch() {
    const SINGLE: usize = 66;
    for world in worlds(SINGLE).await {
        world.act_through(Act::Revoke, batch("B")).await;
        let id = world.fleet.revocations(&operator(), None, 1).await.unwrap().rows[0].id;
        for n in 0..SINGLE {
            world.act(Act::Hold, device(&format!("A-{n:05}"))).await;
        }
        let (authority, serial) = (world.authority_id("batch-b").await, world.serial_of("B-00000").await);
        let (folder, url) = (world.fixture.folder.path(), world.fixture.url.as_deref());
        let later = open(folder, url, world.clock.clone()).await;
        later.load_trust().await.unwrap();
        later.begin_to_note().await.unwrap();
        for (n, fleet) in [(1, &world.fleet), (2, &later)] {
            fleet.refused(&RULE, authority, &serial, "198.51.100.9");
            fleet.flush_spread().await.unwrap();
            let channels = fleet.revocation(&operator(), id).await.unwrap().channels;
            let refused = channels.iter().filter(|row| row.channel == SpreadChannel::DeviceRefused);
            assert_eq!(refused.map(|row| row.n).sum::<i64>(), n, "{}: {channels:?}", world.name());
        }
    }
}
