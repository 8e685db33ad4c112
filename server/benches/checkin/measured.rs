//! What is measured of a fleet, and what it is held against.

use crate::{
    Sizes,
    calls::{Heard, Load, Phone},
    doors::Doors,
    filled::{fill, mac},
    growth,
    table::{Row, grouped, percentile},
    world::{RULE, World},
};
use axum::{Router, body::Bytes, routing::get};
use domain::authority::FindingKind;
use http::header;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// How many devices call at the same time.
const AT_ONCE: usize = 32;
/// In how many rounds, so that a machine that is busy for a while is busy for both.
const ROUNDS: usize = 2;
/// What a poll is answered where nothing is wanted.
const ANSWER: &str = r#"{"config":{"polling":{"sleep":"00:05:00"}}}"#;

/// What was measured of a fleet of one size.
pub struct Measured {
    devices: usize,
    filled: Duration,
    /// Each beside the bare handler.
    asked: Vec<(&'static str, &'static str, Heard, Heard)>,
    /// Reports in which a part is another one.
    changed: Heard,
    /// Anonymous memory of the whole process, in MiB: before those who call came, and at the end.
    memory: (u64, u64),
}

struct Bench {
    asking: Runtime,
    gateway: SocketAddr,
    bare: SocketAddr,
}

pub fn measure(sizes: &Sizes, devices: usize) -> Measured {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, asking) = (runtime(), runtime());
    let begun = Instant::now();
    eprintln!("{} devices: filling …", grouped(devices));
    let world = server.block_on(World::new());
    let callers = server.block_on(fill(&world, devices, sizes.callers()));
    let filled = begun.elapsed();
    let doors = server.block_on(Doors::open(&world));
    let bare = server.block_on(doors.behind_the_gate(handler()));
    let bench = Bench { asking, gateway: doors.gateway, bare };
    let phones: Vec<Phone> = callers.iter().map(|caller| Phone::of(&world, caller.number, &caller.device)).collect();
    let before = memory();
    // Whoever polls without a pause does nothing else: how often one comes is looked at.
    let (lasting, others) = phones.split_at(AT_ONCE.min(phones.len() / 2));
    let (lasting, others) = (groups(lasting), groups(others));
    eprintln!("{} devices: filled in {:.1} s; asking …", grouped(devices), filled.as_secs_f64());
    let mut asked = Vec::new();
    for (what, wanted, count, keep, request, groups) in [
        ("polls, connections kept", "0.5", sizes.requests(), true, poll as fn(&Phone, usize) -> Vec<u8>, &lasting),
        ("polls, a connection each", "", sizes.connections(), false, poll, &others),
        ("reports that say nothing new, connections kept", "", sizes.requests() / 4, true, report, &others),
    ] {
        let (here, there) = bench.both(&Load { to: bench.gateway, count, keep, request }, groups);
        asked.push((what, wanted, here, there));
    }
    let mut changed = Heard::default();
    let count = others.iter().map(Vec::len).sum::<usize>();
    for request in [other_part as fn(&Phone, usize) -> Vec<u8>, report] {
        changed.round(&bench.asking, &Load { to: bench.gateway, count, keep: true, request }, &others);
    }
    let findings = server.block_on(world.fleet.findings(&RULE, false)).unwrap();
    assert!(findings.iter().all(|finding| finding.kind != FindingKind::CloneSuspected), "a caller came too often");
    let changes = findings.iter().any(|finding| finding.kind == FindingKind::HardwareMismatch);
    assert!(changes, "no other part was found");
    server.block_on(world.fleet.db().close());
    Measured { devices, filled, asked, changed, memory: (before, memory()) }
}

impl Bench {
    /// The gateway and the bare handler, in turn.
    fn both(&self, load: &Load, groups: &[Vec<Phone>]) -> (Heard, Heard) {
        let bare = Load { to: self.bare, ..load.clone() };
        let (mut here, mut there) = (Heard::default(), Heard::default());
        // The first time each comes, what is noted once is noted.
        let once = Load { count: groups.iter().map(Vec::len).sum(), ..load.clone() };
        Heard::default().round(&self.asking, &once, groups);
        for _ in 0..ROUNDS {
            there.round(&self.asking, &bare, groups);
            here.round(&self.asking, load, groups);
        }
        (here, there)
    }
}

/// So many groups as call at the same time.
fn groups(phones: &[Phone]) -> Vec<Vec<Phone>> {
    (0..AT_ONCE.min(phones.len())).map(|n| phones.iter().skip(n).step_by(AT_ONCE).cloned().collect()).collect()
}

/// A handler that knows nobody and reads nothing but what it is sent.
fn handler() -> Router {
    let answer = || std::future::ready(([(header::CONTENT_TYPE, "application/json")], ANSWER));
    let taken = |body: Bytes| async move { drop(body) };
    Router::new()
        .route("/{tenant}/controller/v1/{controllerId}", get(answer))
        .route("/{tenant}/controller/v1/{controllerId}/configData", axum::routing::put(taken))
}

fn poll(phone: &Phone, _: usize) -> Vec<u8> {
    format!("GET /DEFAULT/controller/v1/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", phone.serial).into_bytes()
}

fn report(phone: &Phone, _: usize) -> Vec<u8> {
    put(phone, &mac(0xD8_80_39, phone.number))
}

fn other_part(phone: &Phone, _: usize) -> Vec<u8> {
    put(phone, &mac(0xAC_64_62, phone.number))
}

fn put(phone: &Phone, wlan: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"mode":"merge","data":{{"hw.cpu":"4E1D{:08X}","hw.wlan0.mac":"{wlan}","sw.version":"1.0"}}}}"#,
        phone.number
    );
    format!(
        "PUT /DEFAULT/controller/v1/{}/configData HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        phone.serial,
        body.len()
    )
    .into_bytes()
}

/// Anonymous memory of this process, in MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// The table: each size, and then what growing costs.
pub fn rows(all: &[Measured]) -> Vec<Row> {
    let mut rows: Vec<Row> = all.iter().flat_map(of_one).collect();
    let Some(smallest) = all.first() else { return rows };
    for larger in all.iter().skip(1) {
        for ((what, _, here, bare), (_, _, there, bare_there)) in larger.asked.iter().zip(&smallest.asked) {
            rows.push(growth::by_the_clock(what, (larger.devices, here), (smallest.devices, there)));
            let few = (smallest.devices, there, bare_there);
            rows.push(growth::by_the_limit(what, (larger.devices, here, bare), few));
        }
        // It has no limit beside it: what it costs is what it writes.
        let few = (smallest.devices, &smallest.changed);
        let what = "reports of another part, connections kept";
        rows.push(growth::by_the_clock(what, (larger.devices, &larger.changed), few));
    }
    rows
}

fn of_one(measured: &Measured) -> Vec<Row> {
    let among = |what: &str| format!("{what}, of {} devices", grouped(measured.devices));
    let mut rows = Vec::new();
    for (what, wanted, here, there) in &measured.asked {
        rows.push(Row::rate(among(what), here.rate(), ("a bare handler", there.rate()), wanted));
        for percent in [50, 99] {
            let at = |heard: &Heard| percentile(&mut heard.times.clone(), percent);
            rows.push(Row::time(among(&format!("{what}: p{percent}")), at(here), ("a bare handler", at(there)), ""));
        }
    }
    let same = measured.asked.last().map(|(_, _, here, _)| here.rate()).unwrap_or_default();
    let what = among("reports of another part, connections kept");
    rows.push(Row::rate(what, measured.changed.rate(), ("reports that say nothing new", same), ""));
    let (before, after) = measured.memory;
    let plain = |what: String, here: String, beside: &str, there: String| Row {
        what,
        here,
        beside: beside.to_owned(),
        there,
        ratio: None,
        wanted: "",
    };
    let beside = "before anybody called";
    rows.push(plain(
        among("memory of it all, with who calls"),
        format!("{after} MiB"),
        beside,
        format!("{before} MiB"),
    ));
    let filled = format!("{:.1} s", measured.filled.as_secs_f64());
    rows.push(plain(among("filling the fleet"), filled, "", String::new()));
    rows
}
