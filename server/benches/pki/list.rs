//! A CRL of very many entries, beside the one that `openssl ca` makes of the same index.

use crate::{
    Bench, openssl,
    table::{Row, grouped},
    world::template,
};
use domain::time::DAY;
use pki::{Issuer, KeyAlgorithm, Profile, RevokedEntry, SerialNumber, Signer, SoftwareKey};
use std::{sync::Arc, time::Instant};

/// The code of keyCompromise.
const REASON: u8 = 1;

pub fn measure(bench: &Bench) -> Vec<Row> {
    let (count, now) = (bench.sizes.entries(), bench.world.fleet.now());
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let key_pem = key.pkcs8_pem().unwrap();
    let certificate = pki::self_sign(&template(Profile::Root, "Bench List", key.public_key(), now), &key).unwrap();
    let issuer = Issuer::new(certificate, Arc::new(key)).unwrap();
    let entry = |_| RevokedEntry { serial: SerialNumber::random().unwrap(), at: now, reason: REASON };
    let entries: Vec<RevokedEntry> = (0..count).map(entry).collect();
    let begun = Instant::now();
    let der = pki::crl(&issuer, 1, now, now.plus(7 * DAY), &entries).unwrap();
    let took = begun.elapsed();
    let folder = bench.world.folder.path();
    let index = folder.join("revoked.txt");
    openssl::write_index(&index, entries.iter().map(|entry| entry.serial), true);
    let (peer, size) = openssl::make_crl(folder, &issuer, &key_pem, &index);
    let (n, bytes) = (grouped(count), grouped(der.len()));
    let size = grouped(usize::try_from(size).unwrap());
    let what = format!("a CRL of {n} entries, {bytes} bytes: built and signed");
    vec![Row::time(what, took, (&format!("`openssl ca -gencrl`, {size} bytes"), peer), "")]
}
