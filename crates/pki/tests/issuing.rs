//! What is issued, and what is not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use domain::time::{DAY, SECOND, Timestamp};
use pki::{
    Certificate, Error, Issuer, KeyAlgorithm, Profile, SerialNumber, Template, Urls, certs_only, chain_pem, cross_sign,
    issue, self_sign,
};
use world::{DOMAIN, World, authority, key, template};

const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);

fn words(certificate: &Certificate, name: &str) -> Option<(bool, String)> {
    let all = certificate.extensions();
    all.into_iter().find(|extension| extension.name == name).map(|extension| (extension.critical, extension.words))
}

#[test]
fn a_device_gets_what_its_profile_says() {
    let world = World::at(NOW);
    let device = world.device("GW2C-2611-04217");
    assert_eq!(device.subject(), "CN=GW2C-2611-04217,O=Muster");
    assert_eq!(device.common_name(), "GW2C-2611-04217");
    assert_eq!(device.dns_names(), [format!("gw2c-2611-04217.gw2c-2611.{DOMAIN}")]);
    assert_eq!((device.key_words().as_str(), device.signature_words().as_str()), ("ECDSA P-256", "ECDSA with SHA-256"));
    assert_eq!(device.not_after(), NOW.plus(730 * DAY));
    assert!(!device.is_ca() && device.has_purpose("clientAuth") && !device.has_purpose("serverAuth"));
    assert_eq!(device.authority_key_id(), Some(world.batch.certificate().subject_key_id()));
    assert_eq!(device.subject_key_id().len(), 40);
    assert_eq!(words(&device, "Key usage"), Some((true, "digital signature".into())));
    assert_eq!(words(&device, "Basic constraints"), Some((true, "No certification authority".into())));
    let crl = "http://pki.muster.internal/crl/gw2c-2611.crl".to_owned();
    assert_eq!(words(&device, "CRL distribution points"), Some((false, crl)));
    assert!(words(&device, "Authority information access").unwrap().1.starts_with("OCSP: http://pki.muster.internal/"));
}

#[test]
fn authorities_are_bounded_by_their_profiles() {
    let world = World::at(NOW);
    let (factory, batch) = (world.factory.certificate(), world.batch.certificate());
    assert_eq!((factory.path_length(), batch.path_length()), (Some(1), Some(0)));
    assert_eq!(world.root.certificate().path_length(), None);
    assert_eq!(words(batch, "Key usage"), Some((true, "certificate signing, CRL signing".into())));
    assert_eq!(words(batch, "Name constraints"), Some((true, format!("permitted: {DOMAIN}"))));
    assert_eq!(batch.permitted_dns(), [DOMAIN]);
    let responder = world.responder(&world.batch);
    assert!(responder.certificate().has_purpose("OCSPSigning"));
    assert!(words(responder.certificate(), "OCSP no check").is_some());
}

#[test]
fn signatures_lead_to_the_root_and_nowhere_else() {
    let world = World::at(NOW);
    let device = world.device("GW2C-2611-04217");
    device.verify_issued_by(world.batch.certificate()).unwrap();
    world.batch.certificate().verify_issued_by(world.factory.certificate()).unwrap();
    world.factory.certificate().verify_issued_by(world.root.certificate()).unwrap();
    world.root.certificate().verify_issued_by(world.root.certificate()).unwrap();
    let told = |issuer: &Certificate| device.verify_issued_by(issuer).unwrap_err().to_string();
    assert!(told(world.factory.certificate()).ends_with("it names another issuer"));
    // The same name, another key.
    let stranger = authority(&world.factory, "Batch GW2C-2611", Profile::BatchCa, "factory-3", NOW, Vec::new());
    assert!(told(stranger.certificate()).ends_with("the signature is not that key's"));
    let mut der = device.der().to_vec();
    let last = der.len() - 1;
    der[last] ^= 1;
    assert!(Certificate::from_der(&der).unwrap().verify_issued_by(world.batch.certificate()).is_err());
}

#[test]
fn an_issuer_gives_no_more_than_it_has() {
    let world = World::at(NOW);
    let key = key(KeyAlgorithm::EcdsaP256);
    let device = world.device_template("GW2C-2611-04217", key.as_ref());
    let refused = |template: &Template, issuer: &Issuer| issue(template, issuer).unwrap_err();
    let long = Template { not_after: NOW.plus(6 * 365 * DAY), ..device.clone() };
    assert!(matches!(refused(&long, &world.batch), Error::OutlivesIssuer { .. }));
    let elsewhere = Template { dns_names: vec!["evil.example".into()], ..device.clone() };
    assert!(matches!(refused(&elsewhere, &world.batch), Error::NameNotPermitted { .. }));
    let nearly = Template { dns_names: vec![format!("evil{DOMAIN}")], ..device.clone() };
    assert!(matches!(refused(&nearly, &world.batch), Error::NameNotPermitted { .. }));
    let nameless = Template { dns_names: Vec::new(), ..device.clone() };
    assert!(matches!(refused(&nameless, &world.batch), Error::NoName));
    let backwards = Template { not_after: device.not_before, ..device.clone() };
    assert!(matches!(refused(&backwards, &world.batch), Error::Time(_)));
    let odd = Template { dns_names: vec!["a_b.example".into()], ..device.clone() };
    assert!(matches!(refused(&odd, &world.factory), Error::Name(_)));
    let secure = Urls { crl: Some("https://pki.muster.internal/x.crl".into()), ..Urls::default() };
    assert!(matches!(refused(&Template { urls: secure, ..device.clone() }, &world.batch), Error::Url(_)));
    let no_key = Template { public_key: vec![0x30, 0], ..device };
    assert!(matches!(refused(&no_key, &world.batch), Error::Malformed { .. }));
    let below = template("Batch below a batch", Profile::BatchCa, key.as_ref(), NOW, 10);
    assert!(matches!(refused(&below, &world.batch), Error::PathLength { allowed: 0, .. }));
    let beside = template("Factory below a factory", Profile::FactoryCa, key.as_ref(), NOW, 10);
    assert!(matches!(refused(&beside, &world.factory), Error::PathLength { allowed: 1, .. }));
}

#[test]
fn only_an_authority_with_its_own_key_issues() {
    let world = World::at(NOW);
    let other = key(KeyAlgorithm::EcdsaP256);
    let wrong_key = Issuer::new(world.batch.certificate().clone(), other.clone()).unwrap_err();
    assert!(matches!(wrong_key, Error::OtherKey { .. }));
    let device = issue(&world.device_template("GW2C-2611-04217", other.as_ref()), &world.batch).unwrap();
    assert!(matches!(Issuer::new(device, other.clone()), Err(Error::NotAuthority { .. })));
    let root = template("Root", Profile::Root, world.root.signer().as_ref(), NOW, 10);
    assert!(matches!(self_sign(&root, other.as_ref()), Err(Error::OtherKey { .. })));
}

#[test]
fn a_cross_certificate_is_the_new_root_below_the_old_one() {
    let old = World::at(NOW);
    let new_key = key(KeyAlgorithm::EcdsaP384);
    let new = template("Muster root 2", Profile::Root, new_key.as_ref(), NOW, 7000);
    let new = Issuer::new(self_sign(&new, new_key.as_ref()).unwrap(), new_key).unwrap();
    let serial = SerialNumber::random().unwrap();
    let cross = cross_sign(new.certificate(), serial, NOW, NOW.plus(3650 * DAY), &Urls::default(), &old.root).unwrap();
    cross.verify_issued_by(old.root.certificate()).unwrap();
    assert_eq!(cross.subject(), new.certificate().subject());
    assert_eq!(cross.public_key(), new.certificate().public_key());
    assert_eq!(cross.subject_key_id(), new.certificate().subject_key_id());
    // What the new root issues is verified by either.
    let factory = authority(&new, "Factory 4", Profile::FactoryCa, "root-2", NOW, Vec::new());
    factory.certificate().verify_issued_by(&cross).unwrap();
    factory.certificate().verify_issued_by(new.certificate()).unwrap();
    let device = old.device("GW2C-2611-04217");
    assert!(cross_sign(&device, serial, NOW, NOW.plus(DAY), &Urls::default(), &old.root).is_err());
}

#[test]
fn years_beyond_2049_have_four_digits() {
    let world = World::at(NOW);
    let key = key(KeyAlgorithm::EcdsaP384);
    let end = Timestamp::parse("2075-06-01T12:00:00Z").unwrap();
    let root = Template { not_after: end, ..template("Long", Profile::Root, key.as_ref(), NOW, 1) };
    let root = self_sign(&root, key.as_ref()).unwrap();
    assert_eq!(root.not_after(), end);
    let has = |der: &[u8], text: &[u8]| der.windows(text.len()).any(|window| window == text);
    assert!(has(root.der(), b"20750601120000Z"));
    assert!(!has(world.root.certificate().der(), b"20261"));
}

#[test]
fn a_chain_is_read_from_what_people_paste() {
    let world = World::at(NOW);
    let chain = [world.batch.certificate().clone(), world.factory.certificate().clone()];
    let text = format!("subject=/CN=x\n{}\ntrailing text", chain_pem(&chain).replace('\n', "\r\n"));
    assert_eq!(Certificate::chain_from_pem(&text).unwrap(), chain);
    assert!(matches!(Certificate::from_pem(&text), Err(Error::NoPem { .. })));
    assert!(matches!(Certificate::chain_from_pem("nothing"), Err(Error::NoPem { .. })));
    assert!(Certificate::chain_from_pem("-----BEGIN CERTIFICATE-----\nAAAA").is_err());
    assert!(!certs_only(&chain).unwrap().is_empty() && certs_only(&[]).is_err());
}
