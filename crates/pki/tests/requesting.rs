//! Requests of strangers: which are accepted, and which answer the others get.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pki::{
    KeyAlgorithm, Name, RequestError, Signer, SoftwareKey, certificate_request, read_request, request_from_text,
    request_pem,
};

macro_rules! made_by_openssl {
    ($name:literal) => {
        include_str!(concat!("requests/", $name, ".pem"))
    };
}

#[test]
fn keys_that_are_strong_enough_are_accepted_with_any_sha_2() {
    for (text, words) in [
        (made_by_openssl!("rsa-2048"), "RSA 2048"),
        (made_by_openssl!("rsa-3072-sha512"), "RSA 3072"),
        (made_by_openssl!("p256"), "ECDSA P-256"),
        (made_by_openssl!("p256-sha384"), "ECDSA P-256"),
        (made_by_openssl!("p384-sha256"), "ECDSA P-384"),
        (made_by_openssl!("p384"), "ECDSA P-384"),
    ] {
        let request = request_from_text(text).unwrap();
        assert_eq!(request.key_words, words);
        assert_eq!(request.common_name.as_deref(), Some("GW2C-2611-04217"));
        assert_eq!(request.public_key_sha256().len(), 64);
    }
}

#[test]
fn what_is_asked_for_is_told() {
    let request = request_from_text(made_by_openssl!("p256")).unwrap();
    assert_eq!(request.dns_names, ["other.example"]);
    assert_eq!(request.ip_addresses, ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(request.serial_number.as_deref(), Some("04217"));
}

#[test]
fn each_refusal_says_what_is_wrong() {
    let weak = |words: &str| RequestError::WeakSignature(words.into());
    let kind = |words: &str| RequestError::SignatureKind(words.into());
    for (text, refusal) in [
        (made_by_openssl!("rsa-1024"), RequestError::ShortRsa(1024)),
        (made_by_openssl!("rsa-2048-sha1"), weak("RSA with SHA-1")),
        (made_by_openssl!("rsa-2048-md5"), weak("RSA with MD5")),
        (made_by_openssl!("p256-sha1"), weak("ECDSA with SHA-1")),
        (made_by_openssl!("p256-sha512"), kind("ECDSA with SHA-512")),
        (made_by_openssl!("rsa-2048-pss"), kind("RSA-PSS")),
        (made_by_openssl!("p521"), RequestError::KeyKind),
        (made_by_openssl!("ed25519"), RequestError::KeyKind),
        (made_by_openssl!("authority"), RequestError::Authority),
        (made_by_openssl!("certificate-signing"), RequestError::Authority),
        ("", RequestError::Text),
        ("not base64!", RequestError::Text),
        ("bm8gcmVxdWVzdA==", RequestError::NotDer),
    ] {
        assert_eq!(request_from_text(text), Err(refusal));
    }
}

#[test]
fn our_own_requests_are_read_in_every_form() {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP384).unwrap();
    let name = Name { organisation: Some("Muster".into()), ..Name::common("Factory 3") };
    let der = certificate_request(&name, &key).unwrap();
    let request = read_request(&der).unwrap();
    assert_eq!((request.public_key.as_slice(), &request.name), (key.public_key(), &name));
    let pem = request_pem(&der);
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let windows = pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST").replace('\n', "\r\n");
    for text in [pem.as_bytes(), base64.as_bytes(), windows.as_bytes(), &der] {
        assert_eq!(request_from_text(text).as_ref(), Ok(&request));
    }
    assert_eq!(request_from_text(format!("{pem}{pem}")), Err(RequestError::Text));
}

#[test]
fn a_proof_by_another_key_is_none() {
    let (one, two) = (
        SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap(),
        SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap(),
    );
    let der = certificate_request(&Name::common("GW2C-2611-04217"), &one).unwrap();
    let at = der.windows(one.public_key().len()).position(|window| window == one.public_key()).unwrap();
    let mut stolen = der.clone();
    stolen[at..at + two.public_key().len()].copy_from_slice(two.public_key());
    assert_eq!(read_request(&stolen), Err(RequestError::WrongProof));
    // Another name with a proof that was made for this one.
    let name = der.windows(6).position(|window| window == b"GW2C-2").unwrap();
    let mut renamed = der;
    renamed[name] ^= 1;
    assert_eq!(read_request(&renamed), Err(RequestError::WrongProof));
}
