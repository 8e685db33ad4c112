//! Certificates issued per second.

use crate::{
    Bench,
    table::{Row, grouped, rate},
    world::{LINE, RULE, request_der},
};
use fleet::enrol::EnrolItem;
use pki::{Request, SerialNumber, Signer};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

/// How many stations ask at the same time.
const STATIONS: usize = 8;
const SIGNATURE: &str = "signatures of P-256 alone, one core";
const ALONE: &str = "the same without a database";

pub fn measure(bench: &Bench) -> Vec<Row> {
    let count = bench.sizes.certificates();
    let issuer = bench.server.block_on(bench.world.issuer(LINE));
    let key = pki::SoftwareKey::generate(pki::KeyAlgorithm::EcdsaP256).unwrap();
    let begun = Instant::now();
    for _ in 0..count {
        key.sign(&[7; 600]).unwrap();
    }
    let signatures = rate(count, begun.elapsed());
    let requests: Vec<Vec<u8>> = (0..count).map(|n| request_der(&format!("ALONE-{n:06}")).1).collect();
    let like = bench.server.block_on(bench.world.devices(LINE, "LIKE", 1)).remove(0).certificate;
    let begun = Instant::now();
    for request in &requests {
        let asked = pki::read_request(request).unwrap();
        let template = pki::Template {
            serial: SerialNumber::random().unwrap(),
            subject: like.name(),
            public_key: asked.public_key,
            profile: pki::Profile::Device,
            not_before: like.not_before(),
            not_after: like.not_after(),
            dns_names: like.dns_names(),
            ip_addresses: Vec::new(),
            permitted_dns: Vec::new(),
            urls: pki::Urls::default(),
        };
        pki::issue(&template, &issuer).unwrap();
    }
    let alone = rate(count, begun.elapsed());
    let one = one_by_one(bench, count / 5, 1);
    let several = one_by_one(bench, count, STATIONS);
    let bulk = in_bulk(bench, count);
    vec![
        Row::rate("certificates from requests, no database, one core", alone, (SIGNATURE, signatures), ""),
        Row::rate("certificates, one station after the other", one, (ALONE, alone), ""),
        Row::rate(format!("certificates, {STATIONS} stations at once"), several, (ALONE, alone), ""),
        Row::rate(format!("certificates, {} in bulk", grouped(count)), bulk, (ALONE, alone), ""),
    ]
}

/// As EST does it: each durable before it is given.
fn one_by_one(bench: &Bench, count: usize, stations: usize) -> f64 {
    let asked: Vec<(String, Request)> = (0..count)
        .map(|n| {
            let serial = format!("ONE-{stations}-{n:06}");
            let request = pki::read_request(&request_der(&serial).1).unwrap();
            (serial, request)
        })
        .collect();
    let (asked, next) = (Arc::new(asked), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let stations: Vec<_> = (0..stations)
        .map(|_| {
            let (fleet, asked, next) = (bench.world.fleet.clone(), Arc::clone(&asked), Arc::clone(&next));
            bench.server.spawn(async move {
                while let Some((serial, request)) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
                    fleet.enrol(&RULE, LINE, request, serial).await.unwrap();
                }
            })
        })
        .collect();
    for station in stations {
        bench.server.block_on(station).unwrap();
    }
    rate(count, begun.elapsed())
}

fn in_bulk(bench: &Bench, count: usize) -> f64 {
    let items: Vec<EnrolItem> = (0..count)
        .map(|n| {
            let serial = format!("BULK-{n:06}");
            let csr = pki::request_pem(&request_der(&serial).1);
            EnrolItem { serial, csr, ..EnrolItem::default() }
        })
        .collect();
    let begun = Instant::now();
    let outcomes = bench.server.block_on(bench.world.fleet.enrol_many(&RULE, LINE, items)).unwrap();
    let took = begun.elapsed();
    let problem = outcomes.iter().find_map(|outcome| outcome.outcome.as_ref().err());
    assert_eq!(problem, None);
    rate(count, took)
}
