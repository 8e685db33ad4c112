//! Revocation lists and OCSP answers, read back by a second reader.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use der::{Decode, Encode};
use domain::time::{DAY, HOUR, SECOND, Timestamp};
use pki::{
    CertId, CertIdHash, Error, IssuerHashes, OcspFailure, OcspProblem, OcspStatus, RevokedEntry, SerialNumber, crl,
    ocsp_failure, ocsp_response, read_crl, read_ocsp_request, verify_crl,
};
use world::World;
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus};

const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);

fn entries() -> Vec<RevokedEntry> {
    let entry = |hex: &str, reason| RevokedEntry { serial: SerialNumber::from_hex(hex).unwrap(), at: NOW, reason };
    vec![entry("80ff", 0), entry("01", 1), entry(&"7f".repeat(20), 6), entry("40aa", 10)]
}

#[test]
fn a_list_comes_back_as_it_was_made() {
    let world = World::at(NOW);
    for entries in [Vec::new(), entries()] {
        let der = crl(&world.batch, u64::MAX, NOW, NOW.plus(7 * DAY), &entries).unwrap();
        let facts = verify_crl(&der, world.batch.certificate()).unwrap();
        assert_eq!(facts, read_crl(&der).unwrap());
        assert_eq!(facts.entries, entries);
        assert_eq!((facts.number, facts.this_update, facts.next_update), (u64::MAX, NOW, NOW.plus(7 * DAY)));
        assert_eq!(facts.authority_key_id, Some(world.batch.certificate().subject_key_id()));
        assert_eq!(facts.issuer, world.batch.certificate().subject());
        assert_eq!(x509_cert::crl::CertificateList::from_der(&der).unwrap().to_der().unwrap(), der);
    }
}

#[test]
fn a_list_of_another_is_refused() {
    let world = World::at(NOW);
    let der = crl(&world.batch, 1, NOW, NOW.plus(DAY), &entries()).unwrap();
    let told = |der: &[u8]| verify_crl(der, world.factory.certificate()).unwrap_err().to_string();
    assert!(told(&der).ends_with("it names another issuer"));
    let mut changed = der.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    assert!(verify_crl(&changed, world.batch.certificate()).is_err());
    let odd = [RevokedEntry { reason: 8, ..entries()[0] }];
    assert!(matches!(crl(&world.batch, 1, NOW, NOW.plus(DAY), &odd), Err(Error::Reason(8))));
    assert!(matches!(crl(&world.batch, 1, NOW, NOW, &[]), Err(Error::Time(_))));
}

/// A question as another program would write it.
fn question(ids: &[CertId], nonce: Option<&[u8]>, parameters: bool) -> Vec<u8> {
    use der::asn1::{Null, OctetString};
    let hash = |hash| match hash {
        CertIdHash::Sha1 => const_oid::db::rfc5912::ID_SHA_1,
        CertIdHash::Sha256 => const_oid::db::rfc5912::ID_SHA_256,
    };
    let one = |id: &CertId| x509_ocsp::Request {
        req_cert: x509_ocsp::CertId {
            hash_algorithm: spki::AlgorithmIdentifierOwned {
                oid: hash(id.hash),
                parameters: parameters.then(|| Null.into()),
            },
            issuer_name_hash: OctetString::new(id.name_hash.clone()).unwrap(),
            issuer_key_hash: OctetString::new(id.key_hash.clone()).unwrap(),
            serial_number: x509_cert::serial_number::SerialNumber::new(id.serial.as_bytes()).unwrap(),
        },
        single_request_extensions: None,
    };
    let extension = |bytes: &[u8]| x509_cert::ext::Extension {
        extn_id: const_oid::db::rfc6960::ID_PKIX_OCSP_NONCE,
        critical: false,
        extn_value: OctetString::new(OctetString::new(bytes).unwrap().to_der().unwrap()).unwrap(),
    };
    let tbs_request = x509_ocsp::TbsRequest {
        version: x509_ocsp::Version::V1,
        requestor_name: None,
        request_list: ids.iter().map(one).collect(),
        request_extensions: nonce.map(|bytes| vec![extension(bytes)]),
    };
    x509_ocsp::OcspRequest { tbs_request, optional_signature: None }.to_der().unwrap()
}

#[test]
fn an_answer_repeats_the_question_and_says_each_status() {
    let world = World::at(NOW);
    let hashes = IssuerHashes::of(world.batch.certificate());
    let responder = world.responder(&world.batch);
    let id = |hash, hex| CertId::new(hash, &hashes, SerialNumber::from_hex(hex).unwrap());
    let asked = [id(CertIdHash::Sha1, "80"), id(CertIdHash::Sha256, "02"), id(CertIdHash::Sha1, "03")];
    for parameters in [true, false] {
        let request = question(&asked, Some(&[7; 32]), parameters);
        let read = read_ocsp_request(&request).unwrap();
        assert!(read.ids.iter().all(|id| id.is_of(&hashes)));
        assert!(!read.ids[0].is_of(&IssuerHashes::of(world.factory.certificate())));
        assert_eq!(read.ids == asked, parameters, "what is asked is kept to the byte");
        let statuses = [OcspStatus::Good, OcspStatus::Revoked { at: NOW.plus(-DAY), reason: 6 }, OcspStatus::Unknown];
        let answers: Vec<_> = read.ids.into_iter().zip(statuses).collect();
        let der = ocsp_response(&responder, &answers, NOW, NOW.plus(HOUR), NOW, read.nonce.as_deref()).unwrap();
        let response = OcspResponse::from_der(&der).unwrap();
        assert_eq!(response.to_der().unwrap(), der, "it is DER");
        assert_eq!(response.response_status, OcspResponseStatus::Successful);
        let basic = BasicOcspResponse::from_der(response.response_bytes.unwrap().response.as_bytes()).unwrap();
        assert_eq!(basic.nonce().unwrap().0.as_bytes(), [7; 32]);
        let said = basic.tbs_response_data.responses;
        let requested = x509_ocsp::OcspRequest::from_der(&request).unwrap().tbs_request.request_list;
        assert!(said.iter().zip(&requested).all(|(said, asked)| said.cert_id == asked.req_cert));
        assert!(matches!(said[0].cert_status, CertStatus::Good(_)));
        assert!(matches!(said[2].cert_status, CertStatus::Unknown(_)));
        let CertStatus::Revoked(info) = said[1].cert_status else { unreachable!("it was revoked") };
        assert_eq!(info.revocation_reason, Some(x509_cert::ext::pkix::CrlReason::CertificateHold));
        let seconds = i64::try_from(info.revocation_time.0.to_unix_duration().as_secs()).unwrap();
        assert_eq!(Timestamp(seconds * SECOND), NOW.plus(-DAY));
        let certificates = basic.certs.unwrap();
        assert_eq!(certificates[0].to_der().unwrap(), responder.certificate().der());
    }
}

#[test]
fn a_question_beyond_the_rules_gets_no_answer() {
    let world = World::at(NOW);
    let hashes = IssuerHashes::of(world.batch.certificate());
    let id = CertId::new(CertIdHash::Sha1, &hashes, SerialNumber::from_hex("01").unwrap());
    let ask = |ids: &[CertId], nonce: Option<&[u8]>| read_ocsp_request(&question(ids, nonce, true));
    for length in [1, 16, 32, 128] {
        let nonce = vec![1; length];
        assert_eq!(ask(std::slice::from_ref(&id), Some(&nonce)).unwrap().nonce, Some(nonce));
    }
    for length in [0, 129, 4000] {
        assert_eq!(ask(std::slice::from_ref(&id), Some(&vec![1; length])), Err(OcspProblem::Nonce));
    }
    assert_eq!(ask(&[], None), Err(OcspProblem::Count));
    assert_eq!(ask(&vec![id.clone(); 33], None), Err(OcspProblem::Count));
    assert_eq!(ask(&vec![id.clone(); 32], None).unwrap().ids.len(), 32);
    assert_eq!(read_ocsp_request(b""), Err(OcspProblem::Malformed));
    let sha512 = der::asn1::ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3").to_der().unwrap();
    let sha256 = const_oid::db::rfc5912::ID_SHA_256.to_der().unwrap();
    let mut other = question(&[CertId::new(CertIdHash::Sha256, &hashes, id.serial)], None, true);
    let at = other.windows(sha256.len()).position(|window| window == sha256).unwrap();
    other[at..at + sha512.len()].copy_from_slice(&sha512);
    assert_eq!(read_ocsp_request(&other), Err(OcspProblem::Hash));
    assert_eq!(OcspProblem::Hash.failure(), OcspFailure::Unauthorized);
    assert_eq!(ocsp_failure(OcspFailure::Unauthorized), [0x30, 3, 0x0a, 1, 6]);
    assert_eq!(ocsp_failure(OcspProblem::Nonce.failure()), [0x30, 3, 0x0a, 1, 1]);
}
