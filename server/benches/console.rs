//! `cargo xtask bench console`: what pages cost on the server as the fleet grows, and how fast files come in.
//!
//! Each size is a fleet of its own on SQLite, filled by importing a factory manifest as a person would. Pages are
//! asked of the whole router, in process: session, database, rendering, headers; no TLS and no network. Figures are
//! ratios against the smallest fleet of the same run, and against the limits that are named in the table.

// A page is one deep type; optimised builds look into it further than the default lets them.
#![recursion_limit = "512"]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement stops by panicking and speaks by printing"
)]

use axum::{Router, body::Body};
use domain::{custody::CustodyVerb, person::Role};
use fleet::{Fleet, custody::CustodyForm, import::ImportRequest, people::UserForm};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use server::{Console, commands::COMMAND_LINE};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use store::{
    Db,
    device_list::{Sort, SortKey},
};
use tower::ServiceExt;

/// No page may take longer, at the 95th percentile.
const LIMIT: Duration = Duration::from_millis(50);
/// No page may take more than this many times what it takes in the smallest fleet.
const GROWTH: f64 = 1.3;
/// A million devices must be in within this time.
const IMPORT_LIMIT: Duration = Duration::from_secs(300);
/// How often each page is asked for.
const TIMES: usize = 200;

fn main() {
    let sizes: Vec<i64> = std::env::args().skip(1).filter_map(|word| word.replace('_', "").parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 100_000, 1_000_000] } else { sizes };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let results: Vec<Fleetful> = sizes.iter().map(|size| runtime.block_on(measure(*size))).collect();
    report(&results);
}

/// What was measured of one fleet.
struct Fleetful {
    devices: i64,
    import: Duration,
    resident: u64,
    pages: Vec<(&'static str, Duration, Duration)>,
}

async fn measure(devices: i64) -> Fleetful {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path(), None).await.unwrap();
    let fleet = Fleet::new(db, folder.path().to_owned());
    let import = import(&fleet, folder.path(), devices).await;
    hand_out(&fleet).await;
    let files = server::assets::manifest().unwrap();
    let names = app::AssetNames { css: files.css.to_owned(), js: files.js.to_owned(), wasm: files.wasm.to_owned() };
    let console = Console::new(fleet.clone(), names);
    let router = server::router::router(&console);
    let cookie = sign_in(&fleet, &router).await;
    let mut pages = Vec::new();
    for (name, path) in paths(&fleet).await {
        let (p50, p95) = ask(&router, &cookie, &path).await;
        pages.push((name, p50, p95));
    }
    let resident = resident();
    fleet.db().close().await;
    Fleetful { devices, import, resident, pages }
}

async fn import(fleet: &Fleet, folder: &Path, devices: i64) -> Duration {
    let file = folder.join("manifest.csv");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file).unwrap());
    simulator::manifest_file::write_csv(&mut out, "BN", devices, 1, fleet.now()).unwrap();
    drop(out);
    let start = Instant::now();
    let request = ImportRequest { limit: u64::MAX, ..ImportRequest::new("manifest.csv") };
    let done = fleet.import_and_wait(&COMMAND_LINE, &request, &file, |_| {}).await.unwrap();
    let took = start.elapsed();
    assert_eq!((done.added, done.bad), (devices, 0), "{}", done.message);
    assert_eq!(fleet.device_total(&COMMAND_LINE).await.unwrap(), devices);
    took
}

/// Some devices go to a client, so that pages have more than one state to show.
async fn hand_out(fleet: &Fleet) {
    let form = fleet::catalogue::CustodianForm {
        name: "Acme Logistics".to_owned(),
        kind: "client".to_owned(),
        ..Default::default()
    };
    let client = fleet.add_custodian(&COMMAND_LINE, &form).await.unwrap();
    let list = fleet.devices(&COMMAND_LINE, "", Sort::default(), None, 500).await.unwrap();
    let serials: Vec<String> = list.page.devices.iter().map(|d| d.serial.clone()).collect();
    let custody =
        CustodyForm { verb: CustodyVerb::Receive.to_string(), custodian: client.code, ..CustodyForm::default() };
    fleet.record_custody_of(&COMMAND_LINE, &serials, &custody).await.unwrap();
}

async fn sign_in(fleet: &Fleet, router: &Router) -> String {
    let form =
        UserForm { email: "bench@muster.example".into(), name: "Bench".into(), role: Role::Operator.to_string() };
    let password = "a long enough password";
    fleet.add_user_with_password(&COMMAND_LINE, &form, password).await.unwrap();
    let request = Request::post("/sign-in")
        .header(header::HOST, "localhost")
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("email=bench%40muster.example&password=a+long+enough+password"))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let cookies = response.headers().get_all(header::SET_COOKIE).iter();
    let pairs: Vec<&str> = cookies.filter_map(|c| c.to_str().ok()?.split(';').next()).collect();
    pairs.join("; ")
}

/// The pages of the issue, with addresses that exist in this fleet.
async fn paths(fleet: &Fleet) -> Vec<(&'static str, String)> {
    let sort = Sort { key: SortKey::Serial, descending: false };
    let first = fleet.devices(&COMMAND_LINE, "", sort, None, 50).await.unwrap();
    let backwards = Sort { key: SortKey::Serial, descending: true };
    let mut last = fleet.devices(&COMMAND_LINE, "", backwards, None, 500).await.unwrap();
    let middle = last.page.devices.pop().unwrap();
    let device = first.page.devices[20].clone();
    let record = fleet.device_record(&COMMAND_LINE, &device.serial).await.unwrap();
    let modem = record.components.iter().find(|c| c.part.slot == "eth0").unwrap().part.identifier.clone();
    let deep = format!("/devices?after={}", middle.serial);
    vec![
        ("overview", "/".to_owned()),
        ("devices, first page", "/devices".to_owned()),
        ("devices, a deep page", deep),
        ("devices, by last contact", "/devices?sort=seen&dir=desc".to_owned()),
        ("devices, a filter of three terms", "/devices?q=state%3Amade+component%3Alte%3DQuectel+fw%3C2".to_owned()),
        ("search by serial", format!("/devices?q={}", device.serial)),
        ("search by component identifier", format!("/devices?q={modem}")),
        ("device page", format!("/devices/{}", device.serial)),
    ]
}

async fn ask(router: &Router, cookie: &str, path: &str) -> (Duration, Duration) {
    let mut times = Vec::with_capacity(TIMES);
    for n in 0..TIMES + 10 {
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .header(header::COOKIE, cookie)
            .body(Body::empty())
            .unwrap();
        let start = Instant::now();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let took = start.elapsed();
        assert!(body.len() > 1_000, "{path}");
        // The first ones fill caches.
        if n >= 10 {
            times.push(took);
        }
    }
    times.sort_unstable();
    (times[TIMES / 2], times[TIMES * 95 / 100])
}

/// The process's resident memory at its highest, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn report(results: &[Fleetful]) {
    let Some(smallest) = results.first() else { return };
    println!("{:<34} {:>10} {:>9} {:>9} {:>12} {:>10}", "", "devices", "p50 ms", "p95 ms", "x smallest", "x limit");
    for (index, (name, ..)) in smallest.pages.iter().enumerate() {
        for fleetful in results {
            let (_, p50, p95) = fleetful.pages[index];
            let growth = p95.as_secs_f64() / smallest.pages[index].2.as_secs_f64();
            let of_limit = p95.as_secs_f64() / LIMIT.as_secs_f64();
            let verdict = if growth > GROWTH || of_limit > 1.0 { "  over" } else { "" };
            let ms = |d: Duration| d.as_secs_f64() * 1e3;
            let devices = fleetful.devices;
            println!(
                "{name:<34} {devices:>10} {:>9.2} {:>9.2} {growth:>12.2} {of_limit:>10.2}{verdict}",
                ms(p50),
                ms(p95)
            );
        }
    }
    for fleetful in results {
        let rate = fleetful.devices as f64 / fleetful.import.as_secs_f64();
        let of_limit = 1e6 / rate / IMPORT_LIMIT.as_secs_f64();
        let (devices, resident) = (fleetful.devices, fleetful.resident);
        println!(
            "import {devices:>10} devices: {:>8.1} s, {rate:>8.0} devices/s, {of_limit:>5.2} of the limit; memory at its highest {resident} MiB",
            fleetful.import.as_secs_f64()
        );
    }
}
