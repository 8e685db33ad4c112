//! What follows by the model's policy, and how people undo it.

use crate::world::{NOW, World, admin, but, honest, operator, worlds};
use domain::{
    authority::{Authority, AuthorityKind, AuthorityState},
    certificate::{Certificate, CertificatePurpose, CertificateStatus, RevocationReason},
    device::Trust,
    id::{AuthorityId, BatchId, CertificateId, CustodianId},
    revocation::RevocationAct,
    time::DAY,
};
use fleet::{
    Actor, AuditFilter,
    check_in::RulesForm,
    revocation::{RevokeForm, Selection},
};
use pki::{Issuer, KeyAlgorithm, Name, Profile, SerialNumber, Signer, SoftwareKey, Template, Urls};
use std::sync::Arc;
use uuid::Uuid;

fn template(profile: Profile, name: &str, public_key: &[u8]) -> Template {
    Template {
        serial: SerialNumber::random().unwrap(),
        subject: Name::common(name),
        public_key: public_key.to_vec(),
        profile,
        not_before: NOW.plus(-DAY),
        not_after: NOW.plus(700 * DAY),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        permitted_dns: Vec::new(),
        urls: Urls::default(),
    }
}

async fn authority(
    world: &World,
    (kind, profile): (AuthorityKind, Profile),
    parent: Option<&(AuthorityId, Issuer)>,
) -> (AuthorityId, Issuer) {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let template = template(profile, kind.as_str(), key.public_key());
    let certificate = match parent {
        None => pki::self_sign(&template, &key).unwrap(),
        Some((_, issuer)) => pki::issue(&template, issuer).unwrap(),
    };
    let id = AuthorityId(Uuid::now_v7());
    let row = Authority {
        id,
        kind,
        name: kind.as_str().to_owned(),
        slug: kind.as_str().to_owned(),
        parent_id: parent.map(|(id, _)| *id),
        factory_id: parent.map(|_| CustodianId(Uuid::from_u128(1))),
        batch_id: (kind == AuthorityKind::Batch).then_some(BatchId(Uuid::from_u128(10))),
        state: AuthorityState::AwaitingCertificate,
        key_location: "offline".into(),
        serial: String::new(),
        key_id: String::new(),
        not_before: None,
        not_after: None,
        quota: None,
        issued: 0,
        days: 0,
        delegated: false,
        requested_by: "test".into(),
        created_at: NOW,
        activated_at: None,
        state_at: NOW,
    };
    let mut tx = world.fleet.db().begin().await.unwrap();
    store::authority::insert(&mut tx, &row).await.unwrap();
    let own = store::authority::OwnCertificate {
        der: certificate.der(),
        serial: &certificate.serial_hex(),
        key_id: &certificate.subject_key_id(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
    };
    let parent_id = parent.map(|(id, _)| *id);
    assert!(store::authority::activate(&mut tx, id, parent_id, &own, "offline", NOW).await.unwrap());
    tx.commit().await.unwrap();
    (id, Issuer::new(certificate, Arc::new(key)).unwrap())
}

/// A certificate for a device of batch A, and how it stands from then on.
async fn certified(world: &World, device: &Actor) -> (AuthorityId, String) {
    let root = authority(world, (AuthorityKind::Root, Profile::Root), None).await;
    let factory = authority(world, (AuthorityKind::Factory, Profile::FactoryCa), Some(&root)).await;
    let (issuer_id, issuer) = authority(world, (AuthorityKind::Batch, Profile::BatchCa), Some(&factory)).await;
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let mut template = template(Profile::Device, device.name(), key.public_key());
    template.dns_names = vec!["a.devices.example".to_owned()];
    let certificate = pki::issue(&template, &issuer).unwrap();
    let Actor::Device { id, serial, .. } = device else { panic!("no device") };
    let row = Certificate {
        id: CertificateId(Uuid::now_v7()),
        authority_id: issuer_id,
        serial: certificate.serial_hex(),
        purpose: CertificatePurpose::Device,
        device_id: Some(*id),
        device_serial: Some(serial.clone()),
        factory_id: None,
        name: certificate.common_name(),
        public_key_sha256: certificate.public_key_sha256(),
        status: CertificateStatus::Valid,
        reason: None,
        status_at: NOW,
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        issued_at: NOW,
        issued_by: "test".into(),
        first_used_at: None,
        replaces: None,
    };
    let found = row.serial.clone();
    let mut tx = world.fleet.db().begin().await.unwrap();
    store::certificate::insert_many(&mut tx, &[(row, certificate.der().to_vec())]).await.unwrap();
    tx.commit().await.unwrap();
    world.fleet.load_trust().await.unwrap();
    (issuer_id, found)
}

async fn release(world: &World, device: &Actor) {
    let selection = Selection::Device(device.name().to_owned());
    let act = RevocationAct::Release;
    let preview = world.fleet.preview(&operator(), &selection, act).await.unwrap();
    let form = RevokeForm {
        selection,
        act,
        reason: RevocationReason::Unspecified,
        note: "it was the bench".into(),
        confirmation: preview.confirm_word,
        preview_hash: preview.hash,
    };
    world.fleet.revoke(&operator(), &form).await.unwrap();
    world.fleet.follow_acts().await.unwrap();
}

#[tokio::test]
async fn the_policy_holds_the_certificate_and_a_person_releases_it() {
    for world in worlds().await {
        let form = RulesForm {
            mapping: domain::report::USUAL_MAPPING.to_owned(),
            ask: "30".into(),
            hold: "55".into(),
            ..RulesForm::default()
        };
        world.fleet.change_model_rules(&admin(), "GW-200", &form).await.unwrap();
        let device = world.made("A", 1).await;
        let (authority, serial) = certified(&world, &device).await;
        let is_cut = || world.fleet.trust().mark(authority, &serial).is_some();
        world.reports(&device, honest(1)).await;
        // An LTE card is weak, whatever the policy says; a board is strong.
        world.reports(&device, but(1, "hw.lte0.imei", &crate::world::imei(999))).await;
        assert!(!is_cut(), "{}", world.name());
        world.reports(&device, but(1, "hw.board", "MB26B-999999")).await;
        assert!(is_cut(), "{}: the gateway refuses it from the answer on", world.name());
        world.fleet.follow_acts().await.unwrap();
        let log = world.fleet.audit_log(&admin(), &AuditFilter::default(), 50).await.unwrap();
        let held: Vec<_> = log.iter().filter(|entry| entry.record.action == "certificate.hold").collect();
        assert_eq!(held.len(), 1, "{}", world.name());
        assert_eq!((held[0].record.actor_kind.as_str(), held[0].record.actor_name.as_str()), ("rule", "check-in"));
        assert_eq!(world.device(&device).await.trust, Trust::Quarantined, "{}", world.name());
        let told = world.told(&device).await;
        assert!(
            told.contains(&"hardware_mismatch") && told.contains(&"certificate_held"),
            "{}: {told:?}",
            world.name()
        );
        let record = store::certificate::of_device(world.fleet.db(), device.name()).await.unwrap();
        assert_eq!(record[0].status, CertificateStatus::Held, "{}", world.name());
        release(&world, &device).await;
        assert!(!is_cut(), "{}", world.name());
        assert_eq!(world.device(&device).await.trust, Trust::Trusted, "{}", world.name());
        // The same again was decided on by a person.
        world.reports(&device, but(1, "hw.board", "MB26B-999999")).await;
        assert!(!is_cut(), "{}", world.name());
        assert!(world.fleet.audit_verify(&admin()).await.unwrap().break_at.is_none());
    }
}

#[tokio::test]
async fn a_history_tells_of_a_quarantine_before_the_holds_that_follow_from_it() {
    for world in worlds().await {
        let form = RulesForm {
            mapping: domain::report::USUAL_MAPPING.to_owned(),
            ask: "30".into(),
            quarantine: "55".into(),
            ..RulesForm::default()
        };
        world.fleet.change_model_rules(&admin(), "GW-200", &form).await.unwrap();
        let device = world.made("A", 1).await;
        let (authority, serial) = certified(&world, &device).await;
        world.reports(&device, honest(1)).await;
        world.reports(&device, but(1, "hw.board", "MB26B-999999")).await;
        assert!(world.fleet.trust().mark(authority, &serial).is_some(), "{}", world.name());
        world.fleet.follow_acts().await.unwrap();
        let told = world.told(&device).await;
        let expected = ["hardware_mismatch", "quarantined", "certificate_held"];
        assert_eq!(told[told.len() - 3..], expected, "{}: {told:?}", world.name());
        assert_eq!(world.device(&device).await.trust, Trust::Quarantined, "{}", world.name());
    }
}
