//! Whose signatures on updates count, and which ones do not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;
#[path = "world/cms.rs"]
mod writing;

use const_oid::db::{rfc5911, rfc5912};
use der::{Any, Encode, asn1::OctetString};
use domain::time::{DAY, HOUR, SECOND, Timestamp};
use pki::{
    Certificate, CmsRefused, CmsSigner, CmsTrust, Issuer, KeyAlgorithm, Profile, SignedData, Template, certs_only,
    issue,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::sync::LazyLock;
use world::{World, authority, key, template};
use writing::{Message, Pen, attribute, attributes};

const NOW: Timestamp = Timestamp(1_795_000_000 * SECOND);
const CONTENT: &[u8] = b"software = { version = \"1.4.2\"; };";

struct Scene {
    operations: Issuer,
    other: Issuer,
    pen: Pen,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let world = World::at(NOW);
    let operations = authority(&world.root, "Operations", Profile::OperationsCa, "root", NOW, Vec::new());
    let other = authority(&World::at(NOW).root, "Operations", Profile::OperationsCa, "root", NOW, Vec::new());
    let pen = pen(&operations, Profile::CodeSigning, |template| template);
    Scene { operations, other, pen }
});

fn pen(issuer: &Issuer, profile: Profile, change: impl FnOnce(Template) -> Template) -> Pen {
    let key = key(KeyAlgorithm::EcdsaP256);
    let template = change(template("Firmware signing", profile, key.as_ref(), NOW, 30));
    Pen { certificate: issue(&template, issuer).unwrap(), key }
}

fn verify_at(der: &[u8], content: Option<&[u8]>, at: Timestamp) -> Result<Vec<CmsSigner>, CmsRefused> {
    let issuers = [SCENE.operations.certificate().clone()];
    SignedData::read(der)?.verify(content, &CmsTrust { issuers: &issuers, at })
}

fn verify(der: &[u8], content: Option<&[u8]>) -> Result<Vec<CmsSigner>, CmsRefused> {
    verify_at(der, content, NOW)
}

fn one_by(pen: &Pen) -> Result<Vec<CmsSigner>, CmsRefused> {
    verify(&Message::usual(std::slice::from_ref(pen), CONTENT).der(), Some(CONTENT))
}

fn subject(certificate: &Certificate) -> String {
    certificate.subject()
}

#[test]
fn ours_count_detached_attached_and_without_attributes() {
    let pens = [SCENE.pen.clone()];
    let expected =
        vec![CmsSigner { certificate: SCENE.pen.certificate.clone(), issuer: SCENE.operations.certificate().clone() }];
    let detached = Message::usual(&pens, CONTENT).der();
    assert_eq!(verify(&detached, Some(CONTENT)), Ok(expected.clone()));
    assert_eq!(SignedData::read(&detached).unwrap().content(), None);
    assert_eq!(verify(&detached, None), Err(CmsRefused::NoContent));
    let attached = Message { attached: true, ..Message::usual(&pens, CONTENT) }.der();
    assert_eq!(verify(&attached, None), Ok(expected.clone()));
    assert_eq!(SignedData::read(&attached).unwrap().content(), Some(CONTENT));
    let plain = Message { attributes: None, ..Message::usual(&pens, CONTENT) }.der();
    assert_eq!(verify(&plain, Some(CONTENT)), Ok(expected));
}

#[test]
fn another_content_or_key_is_refused() {
    let signer = subject(&SCENE.pen.certificate);
    let pens = [SCENE.pen.clone()];
    let usual = Message::usual(&pens, CONTENT).der();
    assert_eq!(verify(&usual, Some(b"other")), Err(CmsRefused::WrongDigest { signer: signer.clone() }));
    let attached = Message { attached: true, ..Message::usual(&pens, CONTENT) }.der();
    assert_eq!(verify(&attached, Some(b"other")), Err(CmsRefused::WrongDigest { signer: signer.clone() }));
    let plain = Message { attributes: None, ..Message::usual(&pens, CONTENT) }.der();
    assert_eq!(verify(&plain, Some(b"other")), Err(CmsRefused::WrongSignature { signer: signer.clone() }));
    let borrowed = Pen { key: key(KeyAlgorithm::EcdsaP256), ..SCENE.pen.clone() };
    assert_eq!(one_by(&borrowed), Err(CmsRefused::WrongSignature { signer }));
}

#[test]
fn every_signer_must_hold() {
    let second = pen(&SCENE.operations, Profile::CodeSigning, |template| template);
    let both = [SCENE.pen.clone(), second.clone()];
    let signers = verify(&Message::usual(&both, CONTENT).der(), Some(CONTENT)).unwrap();
    assert_eq!(signers.len(), 2);
    assert!(both.iter().all(|pen| signers.iter().any(|signer| signer.certificate == pen.certificate)));
    let foreign = pen(&SCENE.other, Profile::CodeSigning, |template| template);
    let mixed = [SCENE.pen.clone(), foreign];
    let refused = verify(&Message::usual(&mixed, CONTENT).der(), Some(CONTENT));
    assert!(matches!(refused, Err(CmsRefused::ForeignSigner { .. })), "{refused:?}");
    let another = |_| pen(&SCENE.operations, Profile::CodeSigning, |template| template);
    let many: Vec<Pen> = (0..9).map(another).collect();
    assert_eq!(verify(&Message::usual(&many, CONTENT).der(), Some(CONTENT)), Err(CmsRefused::TooManySigners(9, 8)));
}

#[test]
fn only_ours_for_code_in_time() {
    // Of the same name as ours, but another's key.
    let foreign = one_by(&pen(&SCENE.other, Profile::CodeSigning, |template| template));
    let names = CmsRefused::ForeignSigner {
        signer: subject(&SCENE.pen.certificate),
        issuer: subject(SCENE.operations.certificate()),
    };
    assert_eq!(foreign, Err(names));
    for profile in [Profile::Station, Profile::OcspResponder] {
        let refused = one_by(&pen(&SCENE.operations, profile, |template| template));
        assert!(matches!(refused, Err(CmsRefused::NotForCodeSigning { .. })), "{refused:?}");
    }
    let usual = Message::usual(std::slice::from_ref(&SCENE.pen), CONTENT).der();
    let (begin, end) = (SCENE.pen.certificate.not_before(), SCENE.pen.certificate.not_after());
    for at in [begin, end] {
        assert!(verify_at(&usual, Some(CONTENT), at).is_ok());
    }
    let late = verify_at(&usual, Some(CONTENT), end.plus(1)).unwrap_err();
    assert_eq!(late, CmsRefused::Expired { subject: subject(&SCENE.pen.certificate), at: end.rfc3339() });
    let early = verify_at(&usual, Some(CONTENT), begin.plus(-1)).unwrap_err();
    assert_eq!(early, CmsRefused::NotYetValid { subject: subject(&SCENE.pen.certificate), at: begin.rfc3339() });
    // The authority must hold, too.
    let older = pen(&SCENE.operations, Profile::CodeSigning, |old| Template { not_before: NOW.plus(-DAY), ..old });
    let usual = Message::usual(std::slice::from_ref(&older), CONTENT).der();
    let refused = verify_at(&usual, Some(CONTENT), NOW.plus(-2 * HOUR)).unwrap_err();
    let begin = SCENE.operations.certificate().not_before().rfc3339();
    assert_eq!(refused, CmsRefused::NotYetValid { subject: subject(SCENE.operations.certificate()), at: begin });
}

#[test]
fn what_lacks_something_is_refused() {
    let bundle = certs_only(std::slice::from_ref(&SCENE.pen.certificate)).unwrap();
    assert_eq!(SignedData::read(&bundle).unwrap_err(), CmsRefused::Unsigned);
    let pens = [SCENE.pen.clone()];
    let bare = Message { certificates: false, ..Message::usual(&pens, CONTENT) }.der();
    assert_eq!(verify(&bare, Some(CONTENT)), Err(CmsRefused::NoCertificate));
    let old = Message { hash: rfc5912::ID_SHA_1, ..Message::usual(&pens, CONTENT) }.der();
    assert_eq!(verify(&old, Some(CONTENT)), Err(CmsRefused::Algorithm("SHA-1".into())));
    // The signature's algorithm names SHA-256, the signer SHA-384.
    let torn = Message { hash: rfc5912::ID_SHA_384, attributes: None, ..Message::usual(&pens, CONTENT) }.der();
    let refused = verify(&torn, Some(CONTENT));
    assert!(matches!(refused, Err(CmsRefused::Algorithm(_))), "{refused:?}");
    assert!(matches!(SignedData::read(b"0\x03\x02\x01\x05"), Err(CmsRefused::Malformed(_))));
    assert!(matches!(SignedData::read(&[]), Err(CmsRefused::Malformed(_))));
    assert!(matches!(SignedData::read(&vec![0x30; 2 << 20]), Err(CmsRefused::Malformed(_))));
}

#[test]
fn attributes_must_say_what_and_its_hash_once() {
    let pens = [SCENE.pen.clone()];
    let with = |all| verify(&Message { attributes: Some(all), ..Message::usual(&pens, CONTENT) }.der(), Some(CONTENT));
    let [kind, hash] = <[_; 2]>::try_from(attributes(CONTENT)).unwrap();
    assert!(with(vec![kind.clone(), hash.clone()]).is_ok());
    let other = attribute(rfc5911::ID_CONTENT_TYPE, Any::encode_from(&rfc5911::ID_SIGNED_DATA).unwrap());
    let second = OctetString::new(vec![7; 32]).unwrap();
    let second = attribute(rfc5911::ID_MESSAGE_DIGEST, Any::encode_from(&second).unwrap());
    let number = attribute(rfc5911::ID_MESSAGE_DIGEST, Any::encode_from(&7_u8).unwrap());
    for all in [
        vec![kind.clone()],
        vec![hash.clone()],
        vec![other, hash.clone()],
        vec![kind.clone(), hash, second],
        vec![kind, number],
    ] {
        let refused = with(all);
        assert!(matches!(refused, Err(CmsRefused::Attributes(_))), "{refused:?}");
    }
    // Who signed the attributes did not sign them as a content.
    let swapped = x509_cert::attr::Attributes::try_from(attributes(CONTENT)).unwrap().to_der().unwrap();
    let message = Message { attributes: None, ..Message::usual(&pens, &swapped) }.der();
    assert!(matches!(verify(&message, Some(&swapped)), Err(CmsRefused::Attributes(_))));
}

#[test]
fn every_sentence_is_one() {
    let long = CmsRefused::Expired { subject: "CN=Firmware".into(), at: NOW.rfc3339() };
    for refused in [CmsRefused::Unsigned, CmsRefused::NoCertificate, CmsRefused::NoContent, long] {
        let words = refused.to_string();
        assert!(words.len() > 20 && !words.ends_with('.') && !words.contains("  "), "{words}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// The hash and the certificate's own signature protect all but what nobody needs: the message's version, say.
    #[test]
    fn a_changed_byte_never_makes_another_signer_or_content(place: Index, byte: u8) {
        let mut der = Message { attached: true, ..Message::usual(std::slice::from_ref(&SCENE.pen), CONTENT) }.der();
        let place = place.index(der.len());
        der[place] = byte;
        if let Ok(signers) = verify(&der, None) {
            prop_assert_eq!(&signers[0].certificate, &SCENE.pen.certificate);
            let message = SignedData::read(&der).unwrap();
            prop_assert_eq!(message.content(), Some(CONTENT));
        }
    }

    #[test]
    fn changed_cut_and_any_bytes_never_panic(
        changes in vec((any::<Index>(), any::<u8>()), 1..8), cut: Index, any in vec(any::<u8>(), 0..300)
    ) {
        let mut der = Message::usual(std::slice::from_ref(&SCENE.pen), CONTENT).der();
        prop_assert!(verify(&der[..cut.index(der.len())], Some(CONTENT)).is_err());
        for (place, byte) in changes {
            let place = place.index(der.len());
            der[place] = byte;
        }
        let _ = verify(&der, Some(CONTENT));
        prop_assert!(verify(&any, Some(CONTENT)).is_err());
    }
}
