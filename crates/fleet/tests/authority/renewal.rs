//! Renewal in the field: the old certificate counts until the new one was used.

use crate::world::{NOW, World, admin, conflict, device, operator, request, request_of, station, worlds};
use domain::{
    certificate::{Certificate, CertificateStatus, RevocationReason},
    history::Event,
    id::RevocationId,
    time::DAY,
};
use fleet::{Actor, Error, setting::Settings};
use store::revoked::Revoked;

async fn enrolled(world: &World, serial: &str) -> (Actor, Certificate) {
    world.device(serial, 10).await;
    let (_, csr) = request(serial);
    world.fleet.enrol(&station(1), "A", &csr, serial).await.unwrap();
    (device(&world.known(serial).await), certificates(world, serial).await.remove(0))
}

async fn certificates(world: &World, serial: &str) -> Vec<Certificate> {
    store::certificate::of_device(world.fleet.db(), serial).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_use_of_the_new_certificate_supersedes_the_old_one() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (gw, old) = enrolled(&world, "GW-1").await;
        assert!(fleet.used(&gw, old.id).await.unwrap());
        assert!(!fleet.used(&gw, old.id).await.unwrap(), "only the first use is one");
        world.wait(700 * DAY);
        let (key, csr) = request("GW-1");
        let renewed = fleet.renew(&gw, old.id, &csr).await.unwrap();
        assert_eq!(renewed.certificate.not_after(), NOW.plus(1_430 * DAY));
        let again = fleet.renew(&gw, old.id, &request_of(&key, "GW-1")).await.unwrap();
        assert_eq!(again.certificate.der(), renewed.certificate.der(), "a lost answer is given again");
        let kept = certificates(&world, "GW-1").await;
        assert_eq!(kept.len(), 2);
        assert!(kept.iter().all(|certificate| certificate.status == CertificateStatus::Valid));
        let record = fleet.device_record(&operator(), "GW-1").await.unwrap();
        assert!(matches!(record.history.last().unwrap().event, Event::CertificateRenewed { .. }));
        let new = kept.iter().find(|certificate| certificate.replaces == Some(old.id)).unwrap();
        assert!(fleet.used(&gw, new.id).await.unwrap());
        let kept = certificates(&world, "GW-1").await;
        let status = |id| kept.iter().find(|certificate| certificate.id == id).unwrap().status;
        assert_eq!((status(old.id), status(new.id)), (CertificateStatus::Superseded, CertificateStatus::Valid));
        conflict(fleet.renew(&gw, old.id, &csr).await, "superseded");
        let issued = fleet.authority(&operator(), "batch-ca-a").await.unwrap().row.authority.issued;
        assert_eq!(issued, 1, "renewals don't count against the quota");
        let detail = fleet.certificate(&operator(), "batch-ca-a", &old.serial).await.unwrap();
        assert!(detail.events.iter().any(|event| event.words.contains("uperseded")), "{:?}", detail.events);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_may_keep_its_key_but_not_take_anothers_name_key_or_certificate() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (one, of_one) = enrolled(&world, "GW-1").await;
        world.device("GW-2", 10).await;
        let (key, csr) = request("GW-2");
        fleet.enrol(&station(1), "A", &csr, "GW-2").await.unwrap();
        let two = device(&world.known("GW-2").await);
        let of_two = certificates(&world, "GW-2").await.remove(0);
        fleet.renew(&two, of_two.id, &request_of(&key, "GW-2")).await.unwrap();
        conflict(fleet.renew(&one, of_one.id, &request_of(&key, "GW-1")).await, "belongs to the device GW-2");
        let (_, as_two) = request("GW-2");
        conflict(fleet.renew(&one, of_one.id, &as_two).await, "asks for the name");
        assert!(matches!(fleet.renew(&one, of_two.id, &as_two).await, Err(Error::NotFound { .. })));
        assert!(matches!(fleet.used(&one, of_two.id).await, Err(Error::NotFound { .. })));
        let (_, again) = request("GW-1");
        assert!(matches!(fleet.renew(&operator(), of_one.id, &again).await, Err(Error::Forbidden { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_count_any_more_is_not_renewed() {
    for world in worlds().await {
        let (gw, old) = enrolled(&world, "GW-1").await;
        let (_, csr) = request("GW-1");
        for status in [CertificateStatus::Held, CertificateStatus::Revoked] {
            world.mark("GW-1", status).await;
            conflict(world.fleet.renew(&gw, old.id, &csr).await, "can't be renewed");
        }
        world.mark("GW-1", CertificateStatus::Valid).await;
        world.wait(731 * DAY);
        conflict(world.fleet.renew(&gw, old.id, &csr).await, "expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_asks_on_and_on_is_stopped() {
    for world in worlds().await {
        let (gw, old) = enrolled(&world, "GW-1").await;
        for _ in 0..5 {
            world.fleet.renew(&gw, old.id, &request("GW-1").1).await.unwrap();
        }
        conflict(world.fleet.renew(&gw, old.id, &request("GW-1").1).await, "none was used");
        // The first that is used wins over the others, too.
        let kept = certificates(&world, "GW-1").await;
        let third = &kept[3];
        world.fleet.used(&gw, third.id).await.unwrap();
        let kept = certificates(&world, "GW-1").await;
        let valid: Vec<_> = kept.iter().filter(|certificate| certificate.status == CertificateStatus::Valid).collect();
        assert_eq!((valid.len(), valid[0].id), (1, third.id), "{}", world.name());
    }
}

/// What cuts a certificate off counts at once, also while its record still says that it is valid.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_does_not_escape_what_is_cut_off_meanwhile() {
    for world in worlds().await {
        let (gw, old) = enrolled(&world, "GW-1").await;
        let gateway = world.known("GW-1").await;
        // Whoever revokes holds the device first.
        let mut tx = world.fleet.db().begin().await.unwrap();
        store::device::lock(&mut tx, gateway.id).await.unwrap();
        let renewing = tokio::spawn({
            let (fleet, gw, id) = (world.fleet.clone(), gw.clone(), old.id);
            async move { fleet.renew(&gw, id, &request("GW-1").1).await }
        });
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let revoked = Revoked {
            authority: old.authority_id,
            serial: old.serial.clone(),
            at: NOW,
            revocation: RevocationId(uuid::Uuid::from_u128(5)),
            reason: RevocationReason::CertificateHold,
        };
        store::revoked::insert_many(&mut tx, &[revoked]).await.unwrap();
        tx.commit().await.unwrap();
        conflict(renewing.await.unwrap(), "can't be renewed");
        conflict(world.fleet.renew(&gw, old.id, &request("GW-1").1).await, "can't be renewed");
        assert_eq!(certificates(&world, "GW-1").await.len(), 1, "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_domain_is_for_what_is_made_from_then_on() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (gw, old) = enrolled(&world, "GW-1").await;
        let before = fleet.settings(&operator()).await.unwrap();
        let settings = Settings { domain: "elsewhere.example".into(), ..before.clone() };
        fleet.save_settings(&admin(), &settings).await.unwrap();
        let renewed = fleet.renew(&gw, old.id, &request("GW-1").1).await.unwrap();
        let name = renewed.certificate.dns_names().remove(0);
        assert!(name.ends_with(&before.domain), "{name}: its CA goes on with the names that it may give");
    }
}
