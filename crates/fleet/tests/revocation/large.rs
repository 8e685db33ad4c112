//! A batch of 100,000 devices, measured. Run it alone, with what it prints.

use crate::world::{NOW, World, batch, certificate_row, device, life, operator};
use domain::{
    batch::Batch,
    certificate::CertificatePurpose,
    id::{BatchId, CustodianId, DeviceId, ModelId},
    revocation::RevocationAct as Act,
    time::DAY,
};
use fleet::trust::Verdict;
use pki::{CertIdHash, SerialNumber};
use std::time::{Duration, Instant};
use store::testing;
use uuid::Uuid;

const DEVICES: usize = 100_000;

/// Devices with certificates whose bytes are those of one: what is measured reads serials alone.
async fn fill(world: &World) {
    let authority = world.authority_id("batch-a").await;
    let one = store::certificate::of_device(world.fleet.db(), "A-00000").await.unwrap().remove(0);
    let bytes = store::certificate::der(world.fleet.db(), one.id).await.unwrap().unwrap();
    let parsed = pki::Certificate::from_der(&bytes).unwrap();
    let made = Batch {
        id: BatchId(Uuid::from_u128(10)),
        code: "A".into(),
        factory_id: CustodianId(Uuid::from_u128(1)),
        model_id: ModelId(Uuid::from_u128(3)),
        quota: None,
        started_at: NOW.plus(-90 * DAY),
    };
    for chunk in (1..DEVICES).collect::<Vec<_>>().chunks(5_000) {
        let mut lives = Vec::new();
        let mut certificates = Vec::new();
        for n in chunk {
            let (id, serial) = (DeviceId(Uuid::now_v7()), format!("A-{n:05}"));
            let mut row = certificate_row(authority, &parsed, CertificatePurpose::Device, Some((id, &serial)));
            row.serial = SerialNumber::random().unwrap().hex();
            row.public_key_sha256.clone_from(&row.serial);
            lives.push(life(id, &serial, &made, &row.serial));
            certificates.push((row, bytes.clone()));
        }
        world.fleet.seed_devices(&crate::world::RULE, &lives).await.unwrap();
        let mut tx = world.fleet.db().begin().await.unwrap();
        store::certificate::insert_many(&mut tx, &certificates).await.unwrap();
        tx.commit().await.unwrap();
    }
    world.fleet.db().optimize().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; run it for its figures with --ignored --nocapture"]
async fn a_batch_of_a_hundred_thousand() {
    for fixture in testing::both().await.unwrap() {
        let world = World::on(fixture, 1).await;
        let begun = Instant::now();
        fill(&world).await;
        println!("{}: {DEVICES} devices entered in {:?}", world.name(), begun.elapsed());
        let running = tokio::spawn(world.fleet.clone().publisher());
        while world.fleet.crl("batch-a").is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let id = crate::ocsp::id_of(&world, "A-54321", CertIdHash::Sha1).await;
        assert_eq!(crate::ocsp::ask(&world, None, std::slice::from_ref(&id), None).await, ["good"]);
        cut(&world, &id, batch("A"), Act::Hold).await;
        one_device_meanwhile(&world).await;
        cut(&world, &id, batch("A"), Act::Release).await;
        let begun = Instant::now();
        while store::revocation::unfinished(world.fleet.db()).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("{}: all records have followed after another {:?}", world.name(), begun.elapsed());
        let trusted = world.fleet.count_devices(&operator(), "trust:trusted").await.unwrap();
        assert_eq!(trusted, i64::try_from(DEVICES).unwrap() + 1);
        cut(&world, &id, fleet::revocation::Selection::Query("batch:A".into()), Act::Revoke).await;
        running.abort();
    }
}

async fn cut(world: &World, id: &pki::CertId, selection: fleet::revocation::Selection, act: Act) {
    let begun = Instant::now();
    let preview = world.fleet.preview(&operator(), &selection, act).await.unwrap();
    println!("{}: {act} of {} devices: preview {:?}", world.name(), preview.devices, begun.elapsed());
    let begun = Instant::now();
    let fleet::revocation::Outcome::Waiting(approval, _) = world.act(act, selection).await else { panic!("at once") };
    println!("{}: request (with a preview for each side) {:?}", world.name(), begun.elapsed());
    let shown = world.fleet.approval(&crate::world::manager(), approval).await.unwrap();
    let wanted = match act {
        Act::Hold => (Verdict::Held, "revoked 6", preview.devices),
        Act::Revoke => (Verdict::Revoked, "revoked 1", preview.devices),
        Act::Release => (Verdict::Good, "good", 0),
    };
    let begun = Instant::now();
    let manager = crate::world::manager();
    world.fleet.decide(&manager, approval, &shown.row.hash, true, "").await.unwrap();
    let done = begun.elapsed();
    assert_eq!(world.verdict("A-54321").await, wanted.0);
    println!("{}: refused at the gateway {done:?} after the click", world.name());
    assert_eq!(crate::ocsp::ask(world, None, std::slice::from_ref(id), None).await, [wanted.1]);
    println!("{}: OCSP (read by openssl) {:?}", world.name(), begun.elapsed());
    while world.fleet.crl("batch-a").unwrap().entries != wanted.2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}: no CRL", world.name());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let crl = world.fleet.crl("batch-a").unwrap();
    println!("{}: CRL of {} entries, {} bytes, {:?}", world.name(), crl.entries, crl.der.len(), begun.elapsed());
}

/// From the click to the refusal, while the records of the large batch still follow.
async fn one_device_meanwhile(world: &World) {
    let mut times: Vec<Duration> = Vec::new();
    for n in 0..50 {
        let act = if n % 2 == 0 { Act::Hold } else { Act::Release };
        let preview = world.fleet.preview(&operator(), &device("B-00000"), act).await.unwrap();
        let form = fleet::revocation::RevokeForm {
            selection: device("B-00000"),
            act,
            reason: domain::certificate::RevocationReason::Unspecified,
            note: String::new(),
            confirmation: preview.confirm_word,
            preview_hash: preview.hash,
        };
        let begun = Instant::now();
        world.fleet.revoke(&operator(), &form).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    println!("{}: one device meanwhile, 50 clicks: median {:?}, slowest {:?}", world.name(), times[25], times[49]);
}
