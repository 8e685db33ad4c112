//! A factory that signs a batch itself.

use crate::world::{NOW, World, admin, batch_form, conflict, operator, request, station, template, worlds};
use domain::{authority::FindingKind, certificate::CertificateStatus, device::Trust, id::AuthorityId, time::DAY};
use fleet::authority::AuthorityForm;
use pki::{Certificate, Issuer, Passphrase, Profile, SoftwareKey, Template};
use std::sync::Arc;

/// A delegated CA of batch B for three devices, and the factory's half of it.
async fn delegated(world: &World) -> (AuthorityId, Issuer) {
    let form = AuthorityForm { name: "Delegated B".into(), delegated: true, quota: Some(3), ..batch_form("B") };
    delegated_by(world, &form).await
}

async fn delegated_by(world: &World, form: &AuthorityForm) -> (AuthorityId, Issuer) {
    let id = world.made(form).await;
    let passphrase = Passphrase::new("for the factory".into()).unwrap();
    let files = world.fleet.delegation_package(&admin(), id, &passphrase).await.unwrap();
    let text = |name: &str| {
        let file = files.iter().find(|file| file.name == name).unwrap();
        String::from_utf8(file.content.clone()).unwrap()
    };
    let key = pki::unseal(&text("batch-ca.key"), &passphrase).unwrap();
    let chain = Certificate::chain_from_pem(&text("batch-ca.pem")).unwrap();
    assert_eq!(chain.len(), 2);
    assert!(files.iter().find(|file| file.name == "batch-ca.key").unwrap().secret);
    assert!(text("README.txt").contains("has to connect and renew"), "{}", text("README.txt"));
    (id, Issuer::new(chain[0].clone(), Arc::new(key)).unwrap())
}

fn signed(issuer: &Issuer, key: &SoftwareKey, serial: &str) -> Certificate {
    signed_in("B", issuer, key, serial)
}

fn signed_in(batch: &str, issuer: &Issuer, key: &SoftwareKey, serial: &str) -> Certificate {
    let mut template = to_sign(key, serial);
    template.dns_names = vec![domain::certificate::device_dns_name(serial, batch, "devices.muster.internal")];
    pki::issue(&template, issuer).unwrap()
}

fn to_sign(key: &SoftwareKey, serial: &str) -> Template {
    let mut template = template(Profile::Device, serial, pki::Signer::public_key(key), NOW.plus(20 * DAY));
    template.not_before = NOW.plus(-60_000_000);
    template.dns_names = vec![domain::certificate::device_dns_name(serial, "B", "devices.muster.internal")];
    template
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_factory_signed_is_entered_and_what_is_too_much_is_put_on_hold() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (_, issuer) = delegated(&world).await;
        world.device("GW-0", 11).await;
        let serials = ["GW-0", "GW-1", "GW-2", "GW-3", "GW-4"];
        let keys: Vec<SoftwareKey> = serials.iter().map(|serial| request(serial).0).collect();
        let mut made: Vec<Certificate> =
            serials.iter().zip(&keys).map(|(serial, key)| signed(&issuer, key, serial)).collect();
        made.push(signed(&issuer, &keys[0], "GW-0"));
        let mut stranger = template(Profile::Device, "GW-9", made[0].public_key(), NOW.plus(20 * DAY));
        stranger.dns_names = vec!["x.example".into()];
        made.push(pki::issue(&stranger, &world.root).unwrap());
        conflict(fleet.deliver_manifest(&station(2), "B", &made).await, "another factory");
        let told = fleet.deliver_manifest(&station(1), "B", &made).await.unwrap();
        assert_eq!((told.entered, told.known), (3, 0), "{}", world.name());
        assert_eq!(told.withheld, ["GW-3", "GW-4", "GW-0"]);
        assert_eq!(told.reasons.len(), 3);
        assert!(told.reasons[0].0 == FindingKind::OverproducedCertificate && told.reasons[0].1.contains("GW-3"));
        assert_eq!(told.refused.len(), 1);
        let again = fleet.deliver_manifest(&station(1), "B", &made).await.unwrap();
        assert_eq!((again.entered, again.known, again.withheld.len()), (0, 6, 0));
        let device = world.known("GW-0").await;
        assert!(device.certificate_serial.is_some(), "its history tells of it");
        let findings = world.findings().await;
        assert!(
            findings.iter().any(|f| f.kind == FindingKind::OverproducedCertificate && f.words.contains("quota of 3"))
        );
        // On hold means: not admitted.
        fleet.load_trust().await.unwrap();
        let authority = issuer.certificate().subject_key_id();
        let admits = |n: usize| fleet.trust().admits(&authority, &made[n].serial_hex());
        assert_eq!(admits(1), fleet::trust::Verdict::Good);
        assert_ne!(admits(3), fleet::trust::Verdict::Good);
        let page = fleet.authority(&operator(), "delegated-b").await.unwrap().row;
        assert_eq!(page.authority.issued, 6, "everything that exists is counted");
        world.chain_holds().await;
    }
}

/// Whoever approves it must know that its devices end with it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_says_how_long_its_devices_last() {
    for world in worlds().await {
        let asked = async |delegated| {
            let name = format!("CA {delegated}");
            let form = AuthorityForm { name, delegated, quota: Some(3), days: Some(90), ..batch_form("B") };
            let id = world.fleet.request_authority(&operator(), &form).await.unwrap();
            world.fleet.approval(&operator(), id).await.unwrap().detail["until_renewed"].clone()
        };
        let told = asked(true).await;
        assert!(told.as_str().is_some_and(|told| told.starts_with("Within 90 days")), "{}: {told}", world.name());
        assert!(asked(false).await.is_null());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_signs_beside_it_and_only_a_delegated_one_is_given_away() {
    for world in worlds().await {
        let (_, issuer) = delegated(&world).await;
        let (_, csr) = request("GW-7");
        let ours = world.fleet.enrol(&station(1), "B", &csr, "GW-7").await.unwrap();
        assert!(ours.certificate.verify_issued_by(issuer.certificate()).is_err());
        let plain = world.fleet.authority(&operator(), "batch-ca-b").await.unwrap().row.authority.id;
        let passphrase = Passphrase::new("x".into()).unwrap();
        conflict(world.fleet.delegation_package(&admin(), plain, &passphrase).await, "Only an active delegated CA");
        let without = AuthorityForm { delegated: true, name: "No Quota".into(), ..batch_form("B") };
        conflict(world.fleet.request_authority(&operator(), &without).await, "how many devices");
        assert_eq!(issuer.certificate().not_after(), NOW.plus(30 * DAY), "short-lived");
        let kept = store::certificate::of_device(world.fleet.db(), "GW-7").await.unwrap();
        assert_eq!(kept[0].status, CertificateStatus::Valid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_certificate_of_one_serial_number_is_nobodys_and_a_finding() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (id, issuer) = delegated(&world).await;
        let device = world.device("GW-1", 11).await;
        let template = to_sign(&request("GW-1").0, "GW-1");
        let real = pki::issue(&template, &issuer).unwrap();
        let public_key = pki::Signer::public_key(&request("GW-1").0).to_vec();
        let clone = pki::issue(&Template { public_key, ..template }, &issuer).unwrap();
        assert_eq!(real.serial_hex(), clone.serial_hex());
        fleet.deliver_manifest(&station(1), "B", std::slice::from_ref(&real)).await.unwrap();
        let forged = async || {
            let findings = world.findings().await;
            findings.into_iter().find(|f| f.kind == FindingKind::ForgedCertificate).map_or(0, |found| found.n)
        };
        let peer = fleet.identify(id, &real.serial_hex(), &real.fingerprint()).await.unwrap().unwrap();
        assert_eq!((peer.certificate.device_id, forged().await), (Some(device.id), 0));
        assert_eq!(fleet.identify(id, &clone.serial_hex(), &clone.fingerprint()).await.unwrap(), None);
        assert_eq!(forged().await, 1, "{}", world.name());
        let told = fleet.deliver_manifest(&station(1), "B", &[real, clone]).await.unwrap();
        assert_eq!((told.known, told.entered, told.refused.len()), (1, 0, 1));
        assert_eq!(forged().await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_agreed_is_withheld_and_its_devices_follow() {
    for world in worlds().await {
        let (_, issuer) = delegated(&world).await;
        let device = world.device("GW-1", 11).await;
        let mut lasting = to_sign(&request("GW-1").0, "GW-1");
        lasting.not_before = issuer.certificate().not_before().plus(-DAY);
        let early = pki::issue(&lasting, &issuer).unwrap();
        let mut server = to_sign(&request("GW-2").0, "GW-2");
        server.profile = Profile::Server;
        let server = pki::issue(&server, &issuer).unwrap();
        let told = world.fleet.deliver_manifest(&station(1), "B", &[early.clone(), server]).await.unwrap();
        assert_eq!(told.withheld, ["GW-1", "GW-2"], "{}", world.name());
        let words: Vec<String> = world.findings().await.into_iter().map(|finding| finding.words).collect();
        assert!(words.iter().any(|words| words.contains("beyond its CA")), "{words:?}");
        assert!(words.iter().any(|words| words.contains("not for clientAuth")), "{words:?}");
        // Nobody has to be asked: this process refuses it at once, and the records follow.
        let verdict = world.fleet.trust().admits(&issuer.certificate().subject_key_id(), &early.serial_hex());
        assert_eq!(verdict, fleet::trust::Verdict::Held);
        world.fleet.follow_acts().await.unwrap();
        assert_eq!(world.known("GW-1").await.trust, Trust::Quarantined);
        let kept = store::certificate::of_device(world.fleet.db(), &device.serial).await.unwrap();
        assert_eq!(kept[0].status, CertificateStatus::Held);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_deliveries_at_once_none_gets_beyond_the_quota_and_late_ones_count_for_nothing() {
    for world in worlds().await {
        let (_, issuer) = delegated(&world).await;
        let sent: Vec<_> = (0..6)
            .map(|n| {
                let (fleet, serial) = (world.fleet.clone(), format!("GW-{n}"));
                let made = signed(&issuer, &request(&serial).0, &serial);
                tokio::spawn(async move { fleet.deliver_manifest(&station(1), "B", &[made]).await.unwrap() })
            })
            .collect();
        let (mut entered, mut withheld) = (0, 0);
        for sent in sent {
            let told = sent.await.unwrap();
            entered += told.entered;
            withheld += told.withheld.len();
        }
        assert_eq!((entered, withheld), (3, 3), "{}", world.name());
    }
    for world in worlds().await {
        let (_, issuer) = delegated(&world).await;
        let late = signed(&issuer, &request("GW-8").0, "GW-8");
        world.wait(31 * DAY);
        let told = world.fleet.deliver_manifest(&station(1), "B", &[late]).await.unwrap();
        assert_eq!((told.entered, told.withheld.len()), (0, 1), "{}", world.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_factories_that_deliver_the_same_keys_at_once_do_not_wait_for_each_other() {
    for world in worlds().await {
        let mut issuers = Vec::new();
        for batch in ["A", "B"] {
            let name = format!("Delegated {batch}");
            let form = AuthorityForm { name, delegated: true, quota: Some(500), ..batch_form(batch) };
            issuers.push((batch, delegated_by(&world, &form).await.1));
        }
        let keys: Vec<SoftwareKey> = (0..6).map(|n| request(&format!("GW-{n}")).0).collect();
        let firsts: Vec<Certificate> =
            keys.iter().enumerate().map(|(n, key)| signed_in("A", &issuers[0].1, key, &format!("GW-{n}"))).collect();
        let told = world.fleet.deliver_manifest(&station(1), "A", &firsts).await.unwrap();
        assert_eq!(told.entered, 6, "{}: {told:?}", world.name());
        for round in 0..4 {
            let deliveries = issuers.iter().map(|(batch, issuer)| {
                let mut made: Vec<Certificate> = keys
                    .iter()
                    .enumerate()
                    .map(|(n, key)| signed_in(batch, issuer, key, &format!("{batch}-{round}{n}")))
                    .collect();
                // Each begins at another end.
                if *batch == "B" {
                    made.reverse();
                }
                let (fleet, batch) = (world.fleet.clone(), (*batch).to_owned());
                tokio::spawn(async move { fleet.deliver_manifest(&station(1), &batch, &made).await })
            });
            for delivery in deliveries.collect::<Vec<_>>() {
                let told = delivery.await.unwrap().unwrap();
                assert_eq!(told.withheld.len(), keys.len(), "{}: {round}", world.name());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_factory_that_signs_one_key_for_all_gives_one_finding_and_only_the_first_is_let_in() {
    for world in worlds().await {
        let form = AuthorityForm { name: "Delegated B".into(), delegated: true, quota: Some(50), ..batch_form("B") };
        let (_, issuer) = delegated_by(&world, &form).await;
        let key = request("GW-0").0;
        let made: Vec<Certificate> = (0..20).map(|n| signed(&issuer, &key, &format!("GW-{n}"))).collect();
        let told = world.fleet.deliver_manifest(&station(1), "B", &made).await.unwrap();
        assert_eq!((told.entered, told.withheld.len()), (1, 19), "{}", world.name());
        assert!(told.reasons.iter().all(|(kind, _)| *kind == FindingKind::IdentifierCopied));
        let found = world.findings().await;
        assert_eq!(found.len(), 1, "{}: {found:?}", world.name());
        assert_eq!(
            (found[0].kind, found[0].n, found[0].batch.as_deref()),
            (FindingKind::IdentifierCopied, 19, Some("B"))
        );
        assert!(found[0].words.contains("20 devices of batch B; their image"), "{}", found[0].words);
        assert!(found[0].words.contains("that of GW-0 first"), "{}", found[0].words);
        let admits =
            |n: usize| world.fleet.trust().admits(&issuer.certificate().subject_key_id(), &made[n].serial_hex());
        assert_eq!(admits(0), fleet::trust::Verdict::Good);
        assert_eq!(admits(19), fleet::trust::Verdict::Held);
    }
}
