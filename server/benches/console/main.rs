//! `cargo xtask bench console`: what pages cost on the server as the fleet grows, and how fast files come in.
//!
//! Each size is a fleet of its own on SQLite, filled by importing a factory manifest as a person would, and then spread
//! over the states of a fleet in the field (see `spread`). Pages are asked of the whole router, in process: session,
//! database, rendering, headers; no TLS and no network. Figures are ratios against the smallest fleet of the same run,
//! and against the limits that are named in the table.

// A page is one deep type; optimised builds look into it further than the default lets them.
#![recursion_limit = "512"]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement stops by panicking and speaks by printing"
)]

mod experiment;
mod spread;

use app::AssetNames;
use axum::{Router, body::Body};
use domain::person::Role;
use fleet::{Fleet, import::ImportRequest, people::UserForm};
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
    spread: Duration,
    pages: Vec<(&'static str, Duration, Duration)>,
    files: Vec<(&'static str, usize, usize)>,
    database: u64,
    /// Anonymous memory at the end, which the process can't give back: the rest is files that the system keeps at hand.
    anonymous: u64,
    resident: u64,
}

async fn measure(devices: i64) -> Fleetful {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path(), None).await.unwrap();
    let fleet = Fleet::new(db, folder.path().to_owned());
    let import = import(&fleet, folder.path(), devices).await;
    let (spread, longest) = spread::spread(&fleet).await;
    let files = server::assets::manifest().unwrap();
    let names = AssetNames { css: files.css.to_owned(), js: files.js.to_owned(), wasm: files.wasm.to_owned() };
    let router = server::router::router(&Console::new(fleet.clone(), names.clone()));
    let cookie = sign_in(&fleet, &router).await;
    let mut pages = Vec::new();
    let mut paths = paths(&fleet, &longest).await;
    let experiment = experiment::enter(&fleet, devices).await;
    paths.push(("experiment", format!("/rollouts/{experiment}/experiment")));
    for (name, path) in paths {
        let (p50, p95) = ask(&router, &cookie, &path).await;
        pages.push((name, p50, p95));
    }
    let files = weigh(&router, &names).await;
    let (database, anonymous, resident) = (database(folder.path()), memory("RssAnon:"), memory("VmHWM:"));
    fleet.db().close().await;
    Fleetful { devices, import, spread, pages, files, database, anonymous, resident }
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

/// The pages that people open most, and those that are hard on a large fleet, with addresses that exist in this one.
async fn paths(fleet: &Fleet, longest: &str) -> Vec<(&'static str, String)> {
    let sort = Sort { key: SortKey::Serial, descending: false };
    let first = fleet.devices(&COMMAND_LINE, "", sort, None, 50).await.unwrap();
    let backwards = Sort { key: SortKey::Serial, descending: true };
    let mut last = fleet.devices(&COMMAND_LINE, "", backwards, None, 500).await.unwrap();
    let deep = last.page.devices.pop().unwrap().serial;
    let device = first.page.devices[20].clone();
    let record = fleet.device_record(&COMMAND_LINE, &device.serial).await.unwrap();
    let port = record.components.iter().find(|c| c.part.slot == "eth0").unwrap().part.identifier.clone();
    let query = |text: &str| format!("/devices?{}", serde_urlencoded::to_string(&[("q", text)][..]).unwrap());
    vec![
        ("overview", "/".to_owned()),
        ("devices, first page", "/devices".to_owned()),
        ("devices, a deep page", format!("/devices?after={deep}")),
        ("devices, by last contact", "/devices?sort=seen&dir=desc".to_owned()),
        ("devices, by firmware", "/devices?sort=fw&dir=desc".to_owned()),
        ("devices, three terms that fit many", query("state:active component:lte=Quectel fw<1.6")),
        ("devices, three terms that fit few", query("trust:quarantined custodian:Ironbridge seen<7d")),
        ("devices, at a common place", query("place:rotterdam")),
        ("devices, at a rare place", query("place:longyearbyen")),
        ("search by serial", query(&device.serial)),
        ("search by component identifier", query(&port)),
        ("device page", format!("/devices/{}", device.serial)),
        ("device page of a long life", format!("/devices/{longest}")),
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

/// What the browser loads once: each file as it is, and as it goes over the network to a browser of today.
async fn weigh(router: &Router, names: &AssetNames) -> Vec<(&'static str, usize, usize)> {
    let mut out = Vec::new();
    for (kind, name) in [("WASM", &names.wasm), ("JavaScript", &names.js), ("CSS", &names.css)] {
        let mut sizes = Vec::new();
        for encoding in ["identity", "br"] {
            let request = Request::get(format!("/assets/{name}"))
                .header(header::HOST, "localhost")
                .header(header::ACCEPT_ENCODING, encoding)
                .body(Body::empty())
                .unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{name}");
            sizes.push(response.into_body().collect().await.unwrap().to_bytes().len());
        }
        out.push((kind, sizes[0], sizes[1]));
    }
    out
}

/// The database and what was written to it last, in MiB.
fn database(folder: &Path) -> u64 {
    let size = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    (size("muster.db") + size("muster.db-wal")) / (1 << 20)
}

/// A line of what the kernel says of this process's memory, in MiB.
fn memory(wanted: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(wanted)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn report(results: &[Fleetful]) {
    let Some(smallest) = results.first() else { return };
    report_pages(smallest, results);
    results.iter().for_each(report_fleet);
    for (kind, plain, brotli) in &smallest.files {
        println!("{kind:<12} {plain:>9} bytes, {brotli:>9} over the network");
    }
}

fn report_pages(smallest: &Fleetful, results: &[Fleetful]) {
    println!("{:<36} {:>10} {:>9} {:>9} {:>12} {:>10}", "", "devices", "p50 ms", "p95 ms", "x smallest", "x limit");
    for (index, (name, ..)) in smallest.pages.iter().enumerate() {
        for fleetful in results {
            let (_, p50, p95) = fleetful.pages[index];
            let growth = p95.as_secs_f64() / smallest.pages[index].2.as_secs_f64();
            let of_limit = p95.as_secs_f64() / LIMIT.as_secs_f64();
            let verdict = if growth > GROWTH || of_limit > 1.0 { "  over" } else { "" };
            let ms = |d: Duration| d.as_secs_f64() * 1e3;
            let devices = fleetful.devices;
            println!(
                "{name:<36} {devices:>10} {:>9.2} {:>9.2} {growth:>12.2} {of_limit:>10.2}{verdict}",
                ms(p50),
                ms(p95)
            );
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn report_fleet(fleetful: &Fleetful) {
    let Fleetful { devices, import, spread, database, anonymous, resident, .. } = fleetful;
    let rate = *devices as f64 / import.as_secs_f64();
    let of_limit = 1e6 / rate / IMPORT_LIMIT.as_secs_f64();
    println!(
        "import {devices:>10} devices: {:>8.1} s, {rate:>8.0} devices/s, {of_limit:>5.2} of the limit; \
         spread in {:.1} s",
        import.as_secs_f64(),
        spread.as_secs_f64()
    );
    println!(
        "       {devices:>10} devices: database {database} MiB; memory {anonymous} MiB anonymous at the end, \
         {resident} MiB resident at its highest"
    );
}
