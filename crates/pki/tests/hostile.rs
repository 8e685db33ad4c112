//! Whatever bytes come in, what reads them answers an error and never panics.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use domain::time::{DAY, SECOND, Timestamp};
use pki::{
    CertId, CertIdHash, Certificate, IssuerHashes, KeyAlgorithm, Name, OcspStatus, RevokedEntry, SoftwareKey,
    certificate_request, crl, ocsp_response, read_crl, read_ocsp_request, read_request, request_from_text, unseal,
    verify_crl,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::sync::LazyLock;
use world::World;

const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);

/// One good example of everything that is read.
static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let world = World::at(NOW);
    let device = world.device("GW2C-2611-04217");
    let id = CertId::new(CertIdHash::Sha1, &IssuerHashes::of(world.batch.certificate()), device.serial());
    let entries = [RevokedEntry { serial: device.serial(), at: NOW, reason: 1 }; 3];
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let answer = (id, OcspStatus::Good);
    vec![
        device.der().to_vec(),
        world.batch.certificate().der().to_vec(),
        crl(&world.batch, 7, NOW, NOW.plus(DAY), &entries).unwrap(),
        certificate_request(&Name::common("GW2C-2611-04217"), &key).unwrap(),
        include_bytes!("requests/question.der").to_vec(),
        ocsp_response(&world.responder(&world.batch), &[answer], NOW, NOW.plus(DAY), NOW, Some(&[1; 16])).unwrap(),
    ]
});

fn read_all(bytes: &[u8]) {
    let _ = read_request(bytes);
    let _ = request_from_text(bytes);
    let _ = read_ocsp_request(bytes);
    if let Ok(facts) = read_crl(bytes) {
        assert!(facts.entries.len() <= bytes.len());
    }
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let words = (certificate.subject(), certificate.issuer(), certificate.extensions(), certificate.key_words());
        let more = (certificate.dns_names(), certificate.ip_addresses(), certificate.permitted_dns());
        let ids = (certificate.subject_key_id(), certificate.authority_key_id(), certificate.path_length());
        let _ = (words, more, ids, certificate.not_after(), IssuerHashes::of(&certificate));
        let _ = certificate.verify_issued_by(&certificate);
        let _ = verify_crl(bytes, &certificate);
    }
}

#[test]
fn good_ones_are_good() {
    let count = |reads: fn(&[u8]) -> bool| GOOD.iter().filter(|der| reads(der)).count();
    assert_eq!(count(|der| Certificate::from_der(der).is_ok()), 2);
    assert_eq!(count(|der| read_crl(der).is_ok()), 1);
    assert_eq!(count(|der| read_request(der).is_ok()), 1);
    assert_eq!(count(|der| read_ocsp_request(der).is_ok()), 1);
}

#[test]
fn what_is_cut_off_is_refused_at_every_length() {
    for der in GOOD.iter() {
        for length in 0..der.len() {
            let part = &der[..length];
            read_all(part);
            let refused = read_request(part).is_err()
                && read_crl(part).is_err()
                && Certificate::from_der(part).is_err()
                && read_ocsp_request(part).is_err();
            assert!(refused, "{length} of {} bytes", der.len());
        }
        let longer = [der, &[0][..]].concat();
        assert!(Certificate::from_der(&longer).is_err() && read_crl(&longer).is_err());
        assert!(read_request(&longer).is_err() && read_ocsp_request(&longer).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(which: Index, changes in vec((any::<Index>(), any::<u8>()), 1..6)) {
        let mut der = which.get(&GOOD).clone();
        for (place, byte) in changes {
            let place = place.index(der.len());
            der[place] = byte;
        }
        read_all(&der);
    }

    #[test]
    fn cut_and_joined_bytes_never_panic(one: Index, two: Index, cut: Index, join: Index) {
        let (one, two) = (one.get(&GOOD), two.get(&GOOD));
        read_all(&[&one[..cut.index(one.len())], &two[join.index(two.len())..]].concat());
    }

    #[test]
    fn any_bytes_never_panic(bytes in vec(any::<u8>(), 0..300), text in ".{0,200}") {
        read_all(&bytes);
        read_all(text.as_bytes());
        let _ = Certificate::chain_from_pem(&format!("-----BEGIN CERTIFICATE-----{text}-----END CERTIFICATE-----"));
        let _ = pki::SerialNumber::from_hex(&text);
        let passphrase = pki::Passphrase::new("x".into()).unwrap();
        let _ = unseal(&text, &passphrase);
    }
}
