//! One device at a time, and everything that must not work.

use crate::world::{
    NOW, PASSPHRASE, World, conflict, operator, request, request_of, request_pem, station, user, worlds,
};
use domain::{
    authority::FindingKind,
    certificate::{CertificateStatus, RevocationReason},
    device::Trust,
    history::Event,
    id::AuthorityId,
    person::Role,
    revocation::RevocationAct,
    time::DAY,
};
use fleet::{
    Error,
    certificate::CertificateFilter,
    enrol::{EnrolItem, StationForm},
    revocation::{RevokeForm, Selection},
};

async fn batch_ca(world: &World, slug: &str) -> AuthorityId {
    world.fleet.authority(&operator(), slug).await.unwrap().row.authority.id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_enrolled_and_known_by_its_certificate() {
    for world in worlds().await {
        let fleet = &world.fleet;
        world.device("GW-1", 10).await;
        let (key, csr) = request("GW-1");
        let enrolled = fleet.enrol(&station(1), "A", &csr, "GW-1").await.unwrap();
        let certificate = &enrolled.certificate;
        assert_eq!(certificate.public_key(), pki::Signer::public_key(&key));
        assert_eq!(certificate.common_name(), "GW-1");
        assert_eq!(certificate.dns_names(), ["gw-1.a.devices.muster.internal"]);
        assert!(!certificate.is_ca() && certificate.has_purpose("clientAuth"));
        assert_eq!(certificate.not_after(), NOW.plus(730 * DAY));
        certificate.verify_issued_by(&enrolled.chain[0]).unwrap();
        enrolled.chain[0].verify_issued_by(&enrolled.chain[1]).unwrap();
        enrolled.chain[1].verify_issued_by(world.root.certificate()).unwrap();
        assert_eq!(enrolled.chain.len(), 2, "the root is not sent");
        let device = world.known("GW-1").await;
        assert_eq!(device.certificate_serial.as_deref(), Some(certificate.serial_hex().as_str()));
        assert_eq!(device.certificate_not_after, Some(certificate.not_after()));
        let record = fleet.device_record(&operator(), "GW-1").await.unwrap();
        assert!(
            matches!(&record.history.last().unwrap().event, Event::CertificateIssued { issuer, .. } if issuer == "Batch CA A")
        );
        let authority = batch_ca(&world, "batch-ca-a").await;
        let peer =
            fleet.identify(authority, &certificate.serial_hex(), &certificate.fingerprint()).await.unwrap().unwrap();
        let actor = peer.actor(fleet::Origin::default()).unwrap();
        assert_eq!((actor.kind(), actor.name()), ("device", "GW-1"));
        assert_eq!(fleet.identify(authority, "00", &certificate.fingerprint()).await.unwrap(), None);
        let listed = CertificateFilter { device: Some("GW-1".into()), ..CertificateFilter::default() };
        let page = fleet.certificates(&operator(), &listed).await.unwrap();
        assert_eq!((page.rows.len(), page.total, page.rows[0].authority_slug.as_str()), (1, 1, "batch-ca-a"));
        let detail = fleet.certificate(&operator(), "batch-ca-a", &certificate.serial_hex()).await.unwrap();
        assert_eq!(detail.certificate.der(), certificate.der());
        assert_eq!(detail.chain.len(), 3, "with the root");
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_again_with_the_same_key_it_gets_the_same_certificate() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (key, csr) = request("GW-1");
        let first = fleet.enrol(&station(1), "A", &csr, "GW-1").await.unwrap();
        let again = fleet.enrol(&station(1), "A", &request_of(&key, "GW-1"), "GW-1").await.unwrap();
        assert_eq!(first.certificate.der(), again.certificate.der());
        assert_eq!(again.chain.len(), 2);
        let (_, other) = request("GW-1");
        conflict(fleet.enrol(&station(1), "A", &other, "GW-1").await, "simplereenroll");
        let issued = fleet.authority(&operator(), "batch-ca-a").await.unwrap().row.authority.issued;
        assert_eq!(issued, 1, "counted once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_for_one_serial_one_gets_a_certificate() {
    for world in worlds().await {
        let tasks = (0..8).map(|_| {
            let fleet = world.fleet.clone();
            tokio::spawn(async move {
                let (_, csr) = request("GW-1");
                fleet.enrol(&station(1), "A", &csr, "GW-1").await.is_ok()
            })
        });
        let mut enrolled = 0;
        for task in tasks.collect::<Vec<_>>() {
            enrolled += i32::from(task.await.unwrap());
        }
        assert_eq!(enrolled, 1, "{}", world.name());
        assert_eq!(store::certificate::of_device(world.fleet.db(), "GW-1").await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_holds_also_for_many_at_once() {
    for world in worlds().await {
        let tasks = (0..12).map(|n| {
            let fleet = world.fleet.clone();
            tokio::spawn(async move {
                let serial = format!("GW-{n}");
                let (_, csr) = request(&serial);
                fleet.enrol(&station(1), "A", &csr, &serial).await.map(drop)
            })
        });
        let (mut enrolled, mut refused) = (0, 0);
        for task in tasks.collect::<Vec<_>>() {
            match task.await.unwrap() {
                Ok(()) => enrolled += 1,
                Err(error) => {
                    assert!(error.to_string().contains("quota"), "{error}");
                    refused += 1;
                }
            }
        }
        assert_eq!((enrolled, refused), (5, 7), "{}", world.name());
        let authority = world.fleet.authority(&operator(), "batch-ca-a").await.unwrap().row;
        assert_eq!((authority.authority.issued, authority.valid), (5, 5));
        let findings = world.findings().await;
        assert_eq!(findings.len(), 7);
        assert!(
            findings.iter().all(|f| f.kind == FindingKind::OverproducedCertificate && f.batch.as_deref() == Some("A"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_are_refused_in_words_and_found() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (key, csr) = request("GW-1");
        // Another factory's station, another batch, a batch without a CA, no batch.
        conflict(fleet.enrol(&station(2), "A", &csr, "GW-1").await, "another factory");
        world.device("GW-B", 11).await;
        let (_, of_b) = request("GW-B");
        conflict(fleet.enrol(&station(1), "A", &of_b, "GW-B").await, "not of batch A");
        conflict(fleet.enrol(&station(2), "C", &csr, "GW-1").await, "no active CA");
        assert!(matches!(fleet.enrol(&station(1), "Z", &csr, "GW-1").await, Err(Error::NotFound { .. })));
        // Names of others.
        let (_, as_other) = request("GW-2");
        conflict(fleet.enrol(&station(1), "A", &as_other, "GW-1").await, "asks for the name “GW-2”");
        let (_, strange) = request("x");
        conflict(fleet.enrol(&station(1), "A", &strange, "GW 1").await, "can't be a device's serial");
        // A key that another device has.
        fleet.enrol(&station(1), "A", &csr, "GW-1").await.unwrap();
        conflict(fleet.enrol(&station(1), "A", &request_of(&key, "GW-3"), "GW-3").await, "belongs to the device GW-1");
        let other_batch = fleet.enrol(&station(1), "B", &request_of(&key, "GW-3"), "GW-3").await;
        conflict(other_batch, "belongs to the device GW-1");
        let bad = fleet.bad_request(&station(1), "A", "GW-9", &pki::RequestError::WrongProof).await.unwrap();
        assert!(bad.to_string().contains("private half"), "{bad}");
        let kinds: Vec<FindingKind> = world.findings().await.iter().map(|finding| finding.kind).collect();
        for kind in [FindingKind::ForeignBatch, FindingKind::IdentifierCopied, FindingKind::BadProof] {
            assert!(kinds.contains(&kind), "{kinds:?} has no {kind}");
        }
        // None of it left anything behind: the serial and its quota are free.
        let (_, third) = request("GW-3");
        fleet.enrol(&station(1), "A", &third, "GW-3").await.unwrap();
        assert_eq!(fleet.authority(&operator(), "batch-ca-a").await.unwrap().row.authority.issued, 2);
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_counts_up_and_is_resolved_by_somebody() {
    for world in worlds().await {
        let (_, csr) = request("GW-1");
        for _ in 0..3 {
            conflict(world.fleet.enrol(&station(2), "A", &csr, "GW-1").await, "another factory");
        }
        let found = world.findings().await;
        assert_eq!((found.len(), found[0].n), (1, 3));
        assert_eq!(found[0].device_serial.as_deref(), Some("GW-1"));
        world.fleet.resolve_finding(&operator(), found[0].id, "the line was moved").await.unwrap();
        conflict(world.fleet.resolve_finding(&operator(), found[0].id, "again").await, "resolved already");
        assert_eq!(world.fleet.findings_open(&operator()).await.unwrap(), 0);
        assert_eq!(world.fleet.findings(&operator(), false).await.unwrap().len(), 1);
        conflict(world.fleet.enrol(&station(2), "A", &csr, "GW-1").await, "another factory");
        assert_eq!(world.fleet.findings_open(&operator()).await.unwrap(), 1, "it happened again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_stays_held_and_what_was_revoked_only_a_person_enrols_again() {
    for world in worlds().await {
        let fleet = &world.fleet;
        world.device("GW-1", 10).await;
        let (_, csr) = request("GW-1");
        fleet.enrol(&station(1), "A", &csr, "GW-1").await.unwrap();
        world.mark("GW-1", CertificateStatus::Held).await;
        conflict(fleet.enrol(&station(1), "A", &csr, "GW-1").await, "on hold");
        conflict(fleet.enrol(&operator(), "A", &csr, "GW-1").await, "on hold");
        world.mark("GW-1", CertificateStatus::Revoked).await;
        let (_, fresh) = request("GW-1");
        conflict(fleet.enrol(&station(1), "A", &fresh, "GW-1").await, "Only a person");
        fleet.enrol(&operator(), "A", &fresh, "GW-1").await.unwrap();
        assert_eq!(world.known("GW-1").await.trust, Trust::Trusted);
        let issued = fleet.authority(&operator(), "batch-ca-a").await.unwrap().row.authority.issued;
        assert_eq!(issued, 1, "the quota is for devices, not for certificates");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_authority_signs_nothing() {
    for world in worlds().await {
        let id = batch_ca(&world, "batch-ca-b").await;
        let admin = user(3, "eve", Role::Admin);
        conflict(world.fleet.retire_authority(&admin, id, " ").await, "Say why");
        world.fleet.retire_authority(&admin, id, "rolled over").await.unwrap();
        let log = world.fleet.audit_log(&admin, &store::audit::AuditFilter::default(), 1).await.unwrap();
        let told = &log[0].record;
        assert!(told.action == "authority.retire" && told.detail.contains("rolled over"), "{told:?}");
        let (_, csr) = request("GW-1");
        conflict(world.fleet.enrol(&station(1), "B", &csr, "GW-1").await, "no active CA");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_compromised_is_never_signed_again() {
    for world in worlds().await {
        let fleet = &world.fleet;
        world.device("GW-1", 10).await;
        let (key, csr) = request("GW-1");
        fleet.enrol(&station(1), "A", &csr, "GW-1").await.unwrap();
        let kept = store::certificate::of_device(fleet.db(), "GW-1").await.unwrap().remove(0);
        let selection = Selection::Certificate { authority: "batch-ca-a".into(), serial: kept.serial };
        let shown = fleet.preview(&user(2, "max", Role::Manager), &selection, RevocationAct::Revoke).await.unwrap();
        let form = RevokeForm {
            selection,
            act: RevocationAct::Revoke,
            reason: RevocationReason::KeyCompromise,
            note: String::new(),
            confirmation: shown.confirm_word,
            preview_hash: shown.hash,
        };
        fleet.revoke(&user(2, "max", Role::Manager), &form).await.unwrap();
        conflict(fleet.enrol(&operator(), "A", &request_of(&key, "GW-1"), "GW-1").await, "compromised");
        conflict(fleet.enrol(&operator(), "A", &request("GW-1").1, "GW-1").await, "takes a second person");
        world.device("GW-2", 10).await;
        conflict(fleet.enrol(&operator(), "A", &request_of(&key, "GW-2"), "GW-2").await, "Make a new key for GW-2");
        let station = StationForm { factory: "brno".into(), name: "Line 1".into(), csr: request_pem(&key, "x") };
        conflict(fleet.station(&operator(), &station).await, "compromised");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_delivered_while_it_is_enrolled_has_its_certificate() {
    for world in worlds().await {
        // Both wait for the authority, the delivery first: when the request is read there is no device yet.
        let mut tx = world.fleet.db().begin().await.unwrap();
        store::authority::lock(&mut tx, batch_ca(&world, "batch-ca-a").await).await.unwrap();
        let csr = request("GW-1").1;
        let later = async |ms| tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
        let (delivered, enrolled, ()) = tokio::join!(
            world.device("GW-1", 10),
            async {
                later(100).await;
                world.fleet.enrol(&operator(), "A", &csr, "GW-1").await
            },
            async {
                later(500).await;
                tx.commit().await.unwrap();
            }
        );
        enrolled.unwrap();
        let kept = store::certificate::of_device(world.fleet.db(), "GW-1").await.unwrap();
        assert_eq!(kept[0].device_id, Some(delivered.id), "{}", world.name());
        assert_eq!(world.known("GW-1").await.certificate_serial, Some(kept[0].serial.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_an_authority_is_no_devices() {
    for world in worlds().await {
        let authority = world.fleet.authority(&operator(), "batch-ca-a").await.unwrap().row.authority;
        let file = authority.key_location.strip_prefix("file:").unwrap();
        let sealed = std::fs::read_to_string(world.fixture.folder.path().join("keys").join(file)).unwrap();
        let passphrase = pki::Passphrase::new(PASSPHRASE.to_owned()).unwrap();
        let key = pki::unseal(&sealed, &passphrase).unwrap();
        let refused = world.fleet.enrol(&station(1), "A", &request_of(&key, "GW-1"), "GW-1").await;
        conflict(refused, "belongs to the authority batch-ca-a");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_in_several_devices_is_one_finding_however_many_ask() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (key, csr) = request("GW-1");
        fleet.enrol(&station(1), "A", &csr, "GW-1").await.unwrap();
        let copied = async || {
            let found = world.findings().await;
            assert!(found.iter().all(|finding| finding.kind == FindingKind::IdentifierCopied), "{found:?}");
            assert_eq!(found.len(), 1, "{}: {found:?}", world.name());
            found.into_iter().next().unwrap()
        };
        for n in 2..=4 {
            let serial = format!("GW-{n}");
            conflict(
                fleet.enrol(&station(1), "A", &request_of(&key, &serial), &serial).await,
                "belongs to the device GW-1",
            );
            let found = copied().await;
            assert!(found.words.contains(&format!("is in {n} devices")), "{}: {}", world.name(), found.words);
            assert!(found.words.contains("GW-1") && found.words.contains(&serial), "{}", found.words);
        }
        // The same device again is no further device.
        conflict(fleet.enrol(&station(1), "A", &request_of(&key, "GW-4"), "GW-4").await, "belongs to the device GW-1");
        assert!(copied().await.words.contains("is in 4 devices"));
        // Many at once, and one on its way from the fourth to the image.
        let items = (5..=9)
            .map(|n| format!("GW-{n}"))
            .map(|serial| EnrolItem { csr: request_pem(&key, &serial), serial, ..EnrolItem::default() })
            .collect();
        let told = fleet.enrol_many(&station(1), "A", items).await.unwrap();
        assert!(told.iter().all(|one| one.outcome.is_err()), "{}", world.name());
        let found = copied().await;
        assert!(found.words.contains("9 devices of batch A; their image"), "{}: {}", world.name(), found.words);
        assert_eq!((found.batch.as_deref(), found.n), (Some("A"), 9));
    }
}
