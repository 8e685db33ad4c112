//! OpenSSL.

use crate::{
    scene::{STATES, Scene, State, must, run},
    world::{template, today},
};
use domain::time::HOUR;
use pki::{
    Certificate, Issuer, KeyAlgorithm, Name, Passphrase, Profile, RevokedEntry, Signer, SoftwareKey,
    certificate_request, certs_only, crl, issue, read_crl, seal, unseal,
};
use std::{fs, process::Command, sync::Arc};

fn openssl(scene: &Scene, arguments: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.current_dir(scene.folder()).args(arguments);
    command
}

/// How a chain is verified: strictly, and with everybody's status.
fn verify(scene: &Scene, root: &str, chain: &str, certificate: &str) -> (bool, String) {
    let strict = ["verify", "-x509_strict", "-crl_check_all", "-CRLfile", "lists.pem"];
    run(openssl(scene, &strict).args(["-CAfile", root, "-untrusted", chain, certificate]))
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn verify_agrees_on_every_state() {
    let scene = Scene::new();
    for state in STATES {
        let (valid, said) = verify(&scene, "old-root.pem", "old-chain.pem", &format!("{state:?}.pem"));
        match state {
            // A list can't know what was never issued: that is what OCSP is for.
            State::Good | State::Unknown => assert!(valid, "{said}"),
            State::Held | State::Revoked => assert!(!valid && said.contains("certificate revoked"), "{said}"),
            State::Expired => assert!(!valid && said.contains("certificate has expired"), "{said}"),
        }
    }
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn who_knows_one_root_trusts_the_other_through_the_cross_certificate() {
    let scene = Scene::new();
    let device = |root, chain| verify(&scene, root, chain, "new-device.pem");
    assert!(device("old-root.pem", "crossed-chain.pem").0);
    assert!(device("new-root.pem", "new-chain.pem").0);
    assert!(device("new-root.pem", "crossed-chain.pem").0);
    let (valid, said) = device("old-root.pem", "new-chain.pem");
    assert!(!valid && said.contains("unable to get local issuer certificate"), "{said}");
    assert!(!verify(&scene, "new-root.pem", "old-chain.pem", "Good.pem").0);
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn each_purpose_is_taken_for_itself_alone() {
    let scene = Scene::new();
    for (file, chain, fits) in [
        ("server", "operations.pem", "sslserver"),
        ("station", "operations.pem", "sslclient"),
        ("Good", "old-chain.pem", "sslclient"),
    ] {
        for purpose in ["sslserver", "sslclient"] {
            let arguments = ["verify", "-x509_strict", "-CAfile", "old-root.pem", "-purpose", purpose, "-untrusted"];
            let (valid, said) = run(openssl(&scene, &arguments).args([chain, &format!("{file}.pem")]));
            assert_eq!(valid, purpose == fits, "{file} as {purpose}: {said}");
        }
    }
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn ocsp_agrees_on_every_state_by_either_hash_with_and_without_nonce() {
    let scene = Scene::new();
    for state in STATES {
        for hash in ["-sha1", "-sha256"] {
            for nonce in [&["-no_nonce"][..], &[]] {
                let file = format!("{state:?}.pem");
                let mut ask = openssl(&scene, &["ocsp", hash, "-issuer", "old-batch.pem", "-cert", &file]);
                ask.args(["-CAfile", "old-root.pem", "-verify_other", "old-chain.pem", "-url", &scene.url]).args(nonce);
                let said = must(&mut ask);
                let expected = match state {
                    State::Good | State::Expired => "good",
                    State::Held | State::Revoked => "revoked",
                    State::Unknown => "unknown",
                };
                assert!(said.contains("Response verify OK") && said.contains(&format!("{file}: {expected}")), "{said}");
                assert!(!said.contains("no nonce"), "{said}");
                assert_eq!(state == State::Held, said.contains("certificateHold"), "{said}");
                assert_eq!(state == State::Revoked, said.contains("keyCompromise"), "{said}");
            }
        }
    }
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn ocsp_notices_an_old_answer_and_a_foreign_issuer() {
    let scene = Scene::new();
    let question = |name: &str| {
        let arguments = ["ocsp", "-issuer", "old-batch.pem", "-cert", "Good.pem", "-reqout", name];
        must(&mut openssl(&scene, &arguments));
        scene.path(name)
    };
    let (_, second) = (question("one.question"), question("two.question"));
    let old = scene.answer(&second);
    let arguments = ["ocsp", "-reqin", "one.question", "-CAfile", "old-root.pem", "-verify_other", "old-chain.pem"];
    let (_, said) = run(openssl(&scene, &arguments).arg("-respin").arg(old));
    assert!(said.contains("Nonce Verify error"), "{said}");
    let arguments = ["ocsp", "-issuer", "new-batch.pem", "-cert", "new-device.pem", "-url", &scene.url];
    let (_, said) = run(&mut openssl(&scene, &arguments));
    assert!(said.contains("unauthorized"), "{said}");
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn a_sealed_key_is_opened_by_either() {
    let scene = Scene::new();
    let passphrase = Passphrase::new("correct horse battery staple".into()).unwrap();
    fs::write(scene.path("passphrase"), passphrase.reveal()).unwrap();
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP384).unwrap();
    fs::write(scene.path("ours.key"), seal(&key, &passphrase).unwrap()).unwrap();
    let arguments = ["pkey", "-in", "ours.key", "-passin", "file:passphrase", "-pubout", "-outform", "der"];
    let shown = openssl(&scene, &arguments).output().unwrap();
    assert_eq!(shown.stdout, key.public_key());
    let make = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "plain.key"];
    must(&mut openssl(&scene, &make));
    let sealing = ["pkcs8", "-topk8", "-in", "plain.key", "-out", "theirs.key", "-v2", "aes-256-cbc", "-iter", "10000"];
    must(openssl(&scene, &sealing).args(["-passout", "file:passphrase"]));
    let theirs = unseal(&fs::read_to_string(scene.path("theirs.key")).unwrap(), &passphrase).unwrap();
    let shown = openssl(&scene, &["pkey", "-in", "plain.key", "-pubout", "-outform", "der"]).output().unwrap();
    assert_eq!(shown.stdout, theirs.public_key());
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn requests_and_certificate_bundles_are_read() {
    let scene = Scene::new();
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let request = certificate_request(&Name::common("Factory 5"), &key).unwrap();
    fs::write(scene.path("request.der"), request).unwrap();
    let said =
        must(&mut openssl(&scene, &["req", "-inform", "der", "-in", "request.der", "-verify", "-noout", "-subject"]));
    assert!(said.contains("verify OK") && said.contains("CN = Factory 5"), "{said}");
    let bundle = [scene.world.batch.certificate().clone(), scene.world.factory.certificate().clone()];
    fs::write(scene.path("bundle.p7c"), certs_only(&bundle).unwrap()).unwrap();
    let said = must(&mut openssl(&scene, &["pkcs7", "-inform", "der", "-in", "bundle.p7c", "-print_certs"]));
    assert_eq!(said.matches("BEGIN CERTIFICATE").count(), 2, "{said}");
}

#[test]
#[ignore = "cargo xtask test runs it with the verifiers installed"]
fn an_authority_that_openssl_made_keeps_its_own_key_identifier() {
    let scene = Scene::new();
    let make =
        ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=Imported"];
    let into = ["-keyout", "imported.key", "-out", "imported.pem", "-days", "100"];
    must(openssl(&scene, &make).args(into).args(["-addext", "keyUsage=critical,keyCertSign,cRLSign"]));
    let read = |name: &str| fs::read_to_string(scene.path(name)).unwrap();
    let key: Arc<dyn Signer> = Arc::new(SoftwareKey::from_pkcs8_pem(&read("imported.key")).unwrap());
    let issuer = Issuer::new(Certificate::from_pem(&read("imported.pem")).unwrap(), key).unwrap();
    let now = today();
    let certificates = ["Good", "Revoked"].map(|name| {
        let template = template(name, Profile::Station, issuer.signer().as_ref(), now, 10);
        let certificate = issue(&template, &issuer).unwrap();
        fs::write(scene.path(&format!("imported-{name}.pem")), certificate.pem()).unwrap();
        certificate
    });
    assert_eq!(certificates[0].authority_key_id(), Some(issuer.certificate().subject_key_id()));
    let entries = [RevokedEntry { serial: certificates[1].serial(), at: now, reason: 1 }];
    let list = crl(&issuer, 1, now, now.plus(HOUR), &entries).unwrap();
    assert_eq!(read_crl(&list).unwrap().authority_key_id, Some(issuer.certificate().subject_key_id()));
    fs::write(scene.path("imported.crl"), list).unwrap();
    let strict = ["verify", "-x509_strict", "-crl_check_all", "-CRLfile", "imported.crl", "-CAfile", "imported.pem"];
    must(openssl(&scene, &strict).arg("imported-Good.pem"));
    let (valid, said) = run(openssl(&scene, &strict).arg("imported-Revoked.pem"));
    assert!(!valid && said.contains("certificate revoked"), "{said}");
}
