//! A factory that signs a batch itself.

use crate::world::{NOW, World, admin, batch_form, conflict, operator, request, station, template, worlds};
use domain::{authority::FindingKind, certificate::CertificateStatus, id::AuthorityId, time::DAY};
use fleet::authority::AuthorityForm;
use pki::{Certificate, Issuer, Passphrase, Profile, SoftwareKey};
use std::sync::Arc;

/// A delegated CA of batch B for three devices, and the factory's half of it.
async fn delegated(world: &World) -> (AuthorityId, Issuer) {
    let form = AuthorityForm { name: "Delegated B".into(), delegated: true, quota: Some(3), ..batch_form("B") };
    let id = world.made(&form).await;
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
    (id, Issuer::new(chain[0].clone(), Arc::new(key)).unwrap())
}

fn signed(issuer: &Issuer, key: &SoftwareKey, serial: &str) -> Certificate {
    let mut template = template(Profile::Device, serial, pki::Signer::public_key(key), NOW.plus(20 * DAY));
    template.not_before = NOW.plus(-60_000_000);
    template.dns_names = vec![domain::certificate::device_dns_name(serial, "B", "devices.muster.internal")];
    pki::issue(&template, issuer).unwrap()
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
