//! The program told to stop while devices download and poll: whatever was begun ends whole, and whoever sends people there is
//! told first.

use crate::{
    field::{A, Field, field},
    metrics::free_port,
    patience::until,
    pipeline::{Pipeline, plan, started},
    served::{Answer, Ask, Served, ask, device},
};
use serde_json::Value;
use std::{
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Too much for the kernel to keep between the two of them.
const SIZE: usize = 48 * 1024 * 1024;
const DOWNLOADS: usize = 3;

/// A field whose devices are offered a large file, and where that is.
async fn with_download() -> (Field, String) {
    let field = field().await;
    field.devices(&["GW-1".to_owned(), "GW-2".to_owned()], A).await;
    field.enrolled("GW-1", "A").await;
    field.enrolled("GW-2", "A").await;
    let pipeline = Pipeline::of(&field).await;
    let payload: Vec<u8> = (0..SIZE / 4).flat_map(|n| (n as u32).wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let release = pipeline.release(&field, "2.0", &["C"], &[("rootfs", &payload)]).await;
    started(&field, plan(release)).await;
    let href = |body: &str, name: &str| {
        let after = body.split(&format!("\"{name}\":{{\"href\":\"")).nth(1).unwrap();
        after.split('"').next().unwrap().to_owned()
    };
    let own = format!("https://{}/DEFAULT/controller/v1/GW-1", field.gateway);
    let get = async |url: String| ask(&field, &device("GW-1"), &[Ask { method: "GET", url, body: Value::Null }]).await;
    // What is asked for first is a report.
    let report = Ask {
        method: "PUT",
        url: format!("{own}/configData"),
        body: serde_json::json!({"data": {"sw.version": "1.0"}}),
    };
    assert_eq!(ask(&field, &device("GW-1"), &[report]).await[0].0, 200);
    let poll = get(own).await;
    let deployment = get(href(&poll[0].1, "deploymentBase")).await;
    let file = href(&deployment[0].1, "download");
    (field, file)
}

/// Downloads a file at so many bytes a second: what curl says of its end.
fn download(field: &Field, file: &str, n: usize, rate: usize) -> std::process::Child {
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "--http1.1", "--cacert", "ca.pem", "--cert", "GW-1.pem", "--key", "GW-1.key"]);
    curl.args(["--limit-rate", &rate.to_string(), "-o", &format!("got-{n}.swu"), file]);
    curl.current_dir(&field.folder).stderr(Stdio::null()).spawn().unwrap()
}

/// Until something has come of so many downloads.
async fn until_they_run(field: &Field, count: usize) {
    let has_come = |n| std::fs::metadata(field.file(&format!("got-{n}.swu"))).is_ok_and(|file| file.len() > 0);
    until("downloads run", async || (0..count).all(has_come)).await;
}

/// Polls until nobody answers any more: all the answers.
async fn poll_on(field: &Field, serial: &str, is_over: &AtomicBool) -> Vec<Answer> {
    let url = format!("https://{}/DEFAULT/controller/v1/{serial}", field.gateway);
    let mut answers = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let polls: Vec<Ask> = (0..50).map(|_| Ask { method: "GET", url: url.clone(), body: Value::Null }).collect();
        answers.extend(ask(field, &device(serial), &polls).await);
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_begun_ends_whole_and_balancers_are_told_first() {
    let (mut field, file) = with_download().await;
    field.close().await;
    let at = free_port();
    let options = ["--metrics", &at, "--drain", "10", "--stop-within", "60"];
    let mut served = Served::start_with(&field, &options, Stdio::null());
    let mut downloads: Vec<_> = (0..DOWNLOADS).map(|n| download(&field, &file, n, SIZE / 30)).collect();
    let is_over = AtomicBool::new(false);
    let stopping = async {
        until_they_run(&field, DOWNLOADS).await;
        assert!(field.says(&format!("curl -s http://{at}/readyz")).await.starts_with("ready\n"));
        served.signal("TERM");
        // Until the balancer has seen it, everybody is answered, also who comes now.
        let told = async || field.says(&format!("curl -s -w '%{{http_code}}' http://{at}/readyz")).await;
        let begun = Instant::now();
        let mut said = told().await;
        while said.starts_with("ready") && begun.elapsed() < Duration::from_secs(8) {
            said = told().await;
        }
        assert!(said.starts_with("not ready\nrunning unmet: it was told to stop\n") && said.ends_with("503"), "{said}");
        assert_eq!(field.says(&format!("curl -s http://{at}/healthz")).await, "alive\n");
        let own = format!("https://{}/DEFAULT/controller/v1/GW-1", field.gateway);
        let late = ask(&field, &device("GW-1"), &[Ask { method: "GET", url: own, body: Value::Null }]).await;
        assert_eq!(late.first().map(|answer| answer.0), Some(200), "who comes while it drains");
        let ended = tokio::task::spawn_blocking(move || (served.ended(), served)).await.unwrap();
        is_over.store(true, Ordering::Relaxed);
        (ended.0, begun.elapsed())
    };
    let (first, second, (is_well, took)) =
        tokio::join!(poll_on(&field, "GW-1", &is_over), poll_on(&field, "GW-2", &is_over), stopping);
    assert!(is_well, "it ended in order");
    assert!(took < Duration::from_secs(68), "{took:?}: it ended when the last download had");
    assert!(took > Duration::from_secs(11), "{took:?}: it waited for them");
    for (n, download) in downloads.iter_mut().enumerate() {
        assert!(download.wait().unwrap().success(), "download {n} is whole");
        let size = std::fs::metadata(field.file(&format!("got-{n}.swu"))).unwrap().len();
        assert!(size > SIZE as u64, "download {n}: {size}");
    }
    assert!(first.len() > 20 && second.len() > 20, "{} {}", first.len(), second.len());
    for (status, body) in first.iter().chain(&second) {
        assert_eq!(*status, 200);
        assert!(serde_json::from_str::<Value>(body).is_ok_and(|body| body["config"].is_object()), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_takes_longer_than_its_limit_is_broken_off_and_told() {
    let (mut field, file) = with_download().await;
    field.close().await;
    let log = std::fs::File::create(field.file("log")).unwrap();
    let mut served = Served::start_with(&field, &["--stop-within", "1"], log.into());
    let mut slow = download(&field, &file, 0, 400_000);
    until_they_run(&field, 1).await;
    let begun = Instant::now();
    served.signal("TERM");
    assert!(tokio::task::spawn_blocking(move || served.ended()).await.unwrap());
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let ended = tokio::task::spawn_blocking(move || slow.wait()).await.unwrap().unwrap();
    assert!(!ended.success(), "curl knows that it is not whole");
    let log = std::fs::read_to_string(field.file("log")).unwrap();
    assert!(log.contains("did not end in time") && log.contains("left=1"), "{log}");
}
