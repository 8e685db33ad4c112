//! How fast keys, certificates and answers are made on one core: `cargo run --release -p pki --example rates`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement speaks, and fails by panicking")]

#[path = "../tests/world/mod.rs"]
mod world;

use domain::time::DAY;
use pki::{
    CertId, CertIdHash, IssuerHashes, KeyAlgorithm, Name, OcspStatus, RevokedEntry, SerialNumber, SoftwareKey,
    Template, certificate_request, crl, issue, ocsp_response, read_ocsp_request, read_request,
};
use std::{collections::HashSet, time::Instant};
use world::{World, key, today};

fn main() {
    let world = World::at(today());
    let device = key(KeyAlgorithm::EcdsaP256);
    let template = world.device_template("GW2C-2611-04217", device.as_ref());
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
        let signer = key(algorithm);
        rate(algorithm.words(), || drop(signer.sign(&[7; 600]).unwrap()));
    }
    rate("certificate, key given", || {
        drop(issue(&Template { serial: SerialNumber::random().unwrap(), ..template.clone() }, &world.batch).unwrap());
    });
    let request =
        certificate_request(&Name::common("x"), &SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap()).unwrap();
    rate("certificate from a request", || {
        let public_key = read_request(&request).unwrap().public_key;
        let serial = SerialNumber::random().unwrap();
        drop(issue(&Template { serial, public_key, ..template.clone() }, &world.batch).unwrap());
    });
    answers(&world);
    lists(&world);
}

fn answers(world: &World) {
    let question = include_bytes!("../tests/requests/question.der");
    let revoked: HashSet<SerialNumber> = (0..100_000).map(|_| SerialNumber::random().unwrap()).collect();
    let responder = world.responder(&world.batch);
    let (now, until) = (world.now, world.now.plus(DAY));
    rate("OCSP, read and looked up and signed", || {
        let asked = read_ocsp_request(question).unwrap();
        let status = |id: &CertId| if revoked.contains(&id.serial) { OcspStatus::Unknown } else { OcspStatus::Good };
        let answers: Vec<_> = asked.ids.into_iter().map(|id| (id.clone(), status(&id))).collect();
        drop(ocsp_response(&responder, &answers, now, until, now, asked.nonce.as_deref()).unwrap());
    });
    let hashes = IssuerHashes::of(world.batch.certificate());
    let id = CertId::new(CertIdHash::Sha1, &hashes, SerialNumber::random().unwrap());
    rate("OCSP, signed ahead", || {
        drop(ocsp_response(&responder, &[(id.clone(), OcspStatus::Good)], now, until, now, None).unwrap());
    });
}

fn lists(world: &World) {
    for count in [10_000, 100_000, 1_000_000] {
        let entry = |_| RevokedEntry { serial: SerialNumber::random().unwrap(), at: world.now, reason: 1 };
        let entries: Vec<_> = (0..count).map(entry).collect();
        let started = Instant::now();
        let der = crl(&world.batch, 1, world.now, world.now.plus(DAY), &entries).unwrap();
        let made = started.elapsed();
        let started = Instant::now();
        assert_eq!(pki::read_crl(&der).unwrap().entries.len(), count);
        println!("CRL of {count}: {} bytes, made in {made:?}, read in {:?}", der.len(), started.elapsed());
    }
}

/// Repeats a deed for a second.
fn rate(name: &str, mut deed: impl FnMut()) {
    let (started, mut times) = (Instant::now(), 0_u32);
    while started.elapsed().as_secs() < 1 {
        for _ in 0..10 {
            deed();
        }
        times += 10;
    }
    println!("{name}: {:.0} per second", f64::from(times) / started.elapsed().as_secs_f64());
}
