//! Updates by hawkBit's DDI, as curl sees them: exactly what clients in the field need, and nothing for whoever has no right to it.

use crate::{
    exposition::Exposition,
    field::{A, Field, field, fields, operator},
    pipeline::{Pipeline, plan, started},
};
use domain::{
    revocation::RevocationAct,
    rollout::{ActionState, RolloutState},
};
use fleet::{revocation::Selection, rollout::Abort};
use serde_json::{Value, json};
use server::metrics::{Format, Metrics};
use std::fs;

/// What curl is told: its status, its headers in small letters, its body.
pub struct Told {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub async fn curl(field: &Field, serial: &str, rest: &str) -> Told {
    let script = format!("curl -sSi --http1.1 --cacert ca.pem --cert {serial}.pem --key {serial}.key {rest}");
    let said = field.says(&script).await.replace('\r', "");
    let (head, body) = said.split_once("\n\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Told { status, head: head.to_lowercase(), body: body.to_owned() }
}

pub async fn post(field: &Field, serial: &str, path: &str, body: &str) -> Told {
    fs::write(field.file("said.json"), body).unwrap();
    let kind = "-H 'Content-Type: application/json;charset=UTF-8'";
    curl(field, serial, &format!("-X POST {kind} --data-binary @said.json {path}")).await
}

pub fn own(serial: &str) -> String {
    format!("$GW/DEFAULT/controller/v1/{serial}")
}

pub fn closed(finished: &str) -> String {
    json!({"id": 10001, "time": "20261128T101112", "status": {"result": {"finished": finished}, "execution": "closed",
           "details": ["Image 3 does not fit"]}})
    .to_string()
}

pub async fn devices(field: &Field, serials: &[&str]) {
    let serials: Vec<String> = serials.iter().map(|serial| (*serial).to_owned()).collect();
    field.devices(&serials, A).await;
    for serial in &serials {
        field.enrolled(serial, "A").await;
        // What is asked for first is asked for no more.
        let report = format!("-X PUT -d '{{\"data\":{{\"sw.version\":\"1.0\"}}}}' {}/configData", own(serial));
        assert_eq!(curl(field, serial, &report).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_is_told_as_clients_need_it_from_the_poll_to_the_last_byte() {
    for field in fields().await {
        devices(&field, &["GW-1"]).await;
        let pipeline = Pipeline::of(&field).await;
        let payload: Vec<u8> = (0..70_000_u32).flat_map(u32::to_le_bytes).collect();
        let release = pipeline.release(&field, "2.0", &["C"], &[("rootfs", &payload)]).await;
        let code = started(&field, plan(release)).await;
        let poll = curl(&field, "GW-1", &own("GW-1")).await;
        let href = poll.json()["_links"]["deploymentBase"]["href"].as_str().unwrap().to_owned();
        let id = href.split("/deploymentBase/").nth(1).unwrap().split('?').next().unwrap().to_owned();
        assert!(id.parse::<i32>().is_ok_and(|id| id >= 10_001) && href.starts_with("https://127.0.0.1"), "{href}");
        assert!(poll.json()["_links"].get("cancelAction").is_none());
        let told = curl(&field, "GW-1", &format!("'{href}'")).await;
        assert_eq!(told.status, 200, "{}: {}", field.name(), told.body);
        assert!(told.head.contains(&format!("content-length: {}", told.body.len())), "{}", told.head);
        let deployment = told.json();
        // A text, as rauc-hawkbit-updater needs; both words too.
        assert_eq!(deployment["id"], json!(id));
        assert_eq!(
            (&deployment["deployment"]["download"], &deployment["deployment"]["update"]),
            (&json!("forced"), &json!("forced"))
        );
        let chunks = deployment["deployment"]["chunks"].as_array().unwrap();
        assert_eq!((chunks.len(), &chunks[0]["version"], &chunks[0]["name"]), (1, &json!("2.0"), &json!("gateway-os")));
        let artifact = chunks[0]["artifacts"][0].clone();
        let size = artifact["size"].as_u64().unwrap();
        let links = &artifact["_links"];
        for name in ["download", "download-http", "md5sum", "md5sum-http"] {
            assert!(links[name]["href"].as_str().unwrap().starts_with("https://127.0.0.1"), "{name}");
        }
        let file = links["download"]["href"].as_str().unwrap();
        // Whole, by its hashes.
        let fetch = format!(
            "curl -sS -H 'Accept: application/octet-stream' --cacert ca.pem --cert GW-1.pem --key GW-1.key -o got.swu -D got.head '{file}'
            sha1sum got.swu; md5sum got.swu; sha256sum got.swu; stat -c %s got.swu"
        );
        let said = field.says(&fetch).await;
        for hash in ["sha1", "md5", "sha256"] {
            assert!(said.contains(artifact["hashes"][hash].as_str().unwrap()), "{hash}: {said}");
        }
        assert!(said.ends_with(&format!("{size}\n")), "{said}");
        let head = fs::read_to_string(field.file("got.head")).unwrap().to_lowercase();
        let sha1 = artifact["hashes"]["sha1"].as_str().unwrap();
        for line in [
            format!("content-length: {size}"),
            format!("etag: \"{sha1}\""),
            "accept-ranges: bytes".to_owned(),
            "content-disposition: attachment;filename=gateway-os-2.0.swu".to_owned(),
        ] {
            assert!(head.contains(&line), "{line}: {head}");
        }
        // In two parts, as a client goes on that broke off.
        let parts = format!(
            "one() {{ curl -sS --cacert ca.pem --cert GW-1.pem --key GW-1.key \"$@\" '{file}'; }}
            one -r 0-99999 > parts.swu; one -r 100000- >> parts.swu; cmp got.swu parts.swu
            for range in 5-5 -10 {size}- 0-1,4-5; do one -r $range -o part -w '%{{http_code}} %{{size_download}} %header{{content-range}}\\n'; done
            one -H 'If-Match: \"other\"' -o part -w '%{{http_code}}\\n'
            one -H 'If-Match: \"{sha1}\"' -r 0-0 -o part -w '%{{http_code}}\\n'
            one -H 'If-None-Match: {sha1}' -o part -w '%{{http_code}}\\n'
            one -H 'If-Range: \"other\"' -r 0-0 -o part -w '%{{http_code}}\\n'"
        );
        let last = size - 10;
        let expected = format!(
            "206 1 bytes 5-5/{size}\n206 10 bytes {last}-{}/{size}\n416 0 bytes */{size}\n200 {size} \n412\n206\n304\n200\n",
            size - 1
        );
        assert_eq!(field.says(&parts).await, expected, "{}", field.name());
        let md5sum = curl(&field, "GW-1", &format!("'{}'", links["md5sum"]["href"].as_str().unwrap())).await;
        let line = format!("{}  gateway-os-2.0.swu", artifact["hashes"]["md5"].as_str().unwrap());
        assert_eq!((md5sum.status, md5sum.body.as_str()), (200, line.as_str()));
        assert!(md5sum.head.contains("content-type: text/plain"), "{}", md5sum.head);
        let module = file.split("/softwaremodules/").nth(1).unwrap().split('/').next().unwrap();
        let list = curl(&field, "GW-1", &format!("{}/softwaremodules/{module}/artifacts", own("GW-1"))).await;
        assert_eq!(list.json(), json!([artifact]));
        // It is asked what runs once it says that it has installed, and no sooner.
        let proceeding = r#"{"status":{"execution":"proceeding","result":{"finished":"none"},"details":["half"]}}"#;
        let feedback = format!("{}/deploymentBase/{id}/feedback", own("GW-1"));
        let said = post(&field, "GW-1", &feedback, proceeding).await;
        assert_eq!((said.status, said.body.as_str()), (200, ""));
        assert!(said.head.contains("content-length: 0"), "{}", said.head);
        let history =
            curl(&field, "GW-1", &format!("\"{}/deploymentBase/{id}?actionHistory=5\"", own("GW-1"))).await.json();
        assert_eq!(history["actionHistory"], json!({"status": "RUNNING", "messages": ["half"]}));
        assert_eq!(post(&field, "GW-1", &feedback, &closed("success")).await.status, 200);
        let links = curl(&field, "GW-1", &own("GW-1")).await.json()["_links"].clone();
        assert!(links.get("deploymentBase").is_none() && links.get("configData").is_some(), "{links}");
        let put = format!("-X PUT -d '{{\"data\":{{\"sw.version\":\"2.0\"}}}}' {}/configData", own("GW-1"));
        assert_eq!(curl(&field, "GW-1", &put).await.status, 200);
        curl(&field, "GW-1", &own("GW-1")).await;
        let links = curl(&field, "GW-1", &own("GW-1")).await.json()["_links"].clone();
        let installed = links["installedBase"]["href"].as_str().unwrap();
        assert_eq!(curl(&field, "GW-1", &format!("'{installed}'")).await.json()["id"], json!(id));
        let view = field.fleet.rollout(&operator(), &code).await.unwrap().wave_views[0].clone();
        assert_eq!(view.evidence.verified, 1, "{}: {view:?}", field.name());
        // What it has is fetched no more, and the closed one takes more words without a murmur.
        for path in [
            format!("deploymentBase/{id}"),
            format!("softwaremodules/{module}/artifacts"),
            format!("cancelAction/{id}"),
        ] {
            assert_eq!(curl(&field, "GW-1", &format!("{}/{path}", own("GW-1"))).await.status, 404, "{path}");
        }
        assert_eq!(post(&field, "GW-1", &feedback, &closed("failure")).await.status, 200);
        assert_eq!(field.fleet.rollout(&operator(), &code).await.unwrap().wave_views[0].evidence.verified, 1);
        let counted = Metrics::new(&field.fleet, Vec::new(), Vec::new()).text(Format::OpenMetrics).await.unwrap();
        let counted = Exposition::read(&counted);
        let reached = |state: &str| counted.value(&format!("muster_device_updates_total{{state=\"{state}\"}}"));
        assert_eq!(
            ["offered", "installed", "verified", "failed"].map(reached),
            [1.0, 1.0, 1.0, 0.0],
            "{}",
            field.name()
        );
    }
}

/// rauc-hawkbit-updater takes one chunk with one file, whose SHA-1 it compares, and texts for what is a choice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_for_rauc_is_told_as_its_client_needs_it() {
    for field in fields().await {
        devices(&field, &["GW-1"]).await;
        let pipeline = Pipeline::of(&field).await;
        let (bundle, name) = (pipeline.bundle("2.0"), "gateway-os-2.0.raucb");
        let mut altered = bundle.clone();
        altered[200] ^= 1;
        let refused = pipeline.file(&field, "2.0", name, altered).await.unwrap_err().to_string();
        assert!(refused.contains("changed after it was signed"), "{}: {refused}", field.name());
        let other = pipeline.file(&field, "2.1", name, bundle.clone()).await.unwrap_err().to_string();
        assert!(other.contains("it is version 2.0"), "{}: {other}", field.name());
        let release = pipeline.file(&field, "2.0", name, bundle.clone()).await.unwrap();
        let code = started(&field, plan(release)).await;
        let poll = curl(&field, "GW-1", &own("GW-1")).await.json();
        let href = poll["_links"]["deploymentBase"]["href"].as_str().unwrap().to_owned();
        let told = curl(&field, "GW-1", &format!("'{href}'")).await.json();
        let deployment = &told["deployment"];
        assert!(told["id"].is_string() && deployment["download"].is_string() && deployment["update"].is_string());
        let chunks = deployment["chunks"].as_array().unwrap();
        let files = chunks[0]["artifacts"].as_array().unwrap();
        assert_eq!((chunks.len(), files.len(), &files[0]["filename"]), (1, 1, &json!(name)), "{}", field.name());
        let file = files[0]["_links"]["download"]["href"].as_str().unwrap();
        let fetch =
            format!("curl -sS --cacert ca.pem --cert GW-1.pem --key GW-1.key -o got.raucb '{file}'; sha1sum got.raucb");
        let sum = field.says(&fetch).await;
        assert!(sum.starts_with(files[0]["hashes"]["sha1"].as_str().unwrap()), "{}: {sum}", field.name());
        assert_eq!(fs::read(field.file("got.raucb")).unwrap(), bundle);
        let id = told["id"].as_str().unwrap();
        let feedback = format!("{}/deploymentBase/{id}/feedback", own("GW-1"));
        assert_eq!(post(&field, "GW-1", &feedback, &closed("success")).await.status, 200);
        assert!(curl(&field, "GW-1", &own("GW-1")).await.json()["_links"].get("configData").is_some());
        let put = format!("-X PUT -d '{{\"data\":{{\"sw.version\":\"2.0\"}}}}' {}/configData", own("GW-1"));
        assert_eq!(curl(&field, "GW-1", &put).await.status, 200);
        curl(&field, "GW-1", &own("GW-1")).await;
        let view = field.fleet.rollout(&operator(), &code).await.unwrap().wave_views[0].clone();
        assert_eq!(view.evidence.verified, 1, "{}: {view:?}", field.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_asked_to_stop_as_swupdate_needs_it() {
    let field = field().await;
    devices(&field, &["GW-1", "GW-2"]).await;
    let pipeline = Pipeline::of(&field).await;
    let release = pipeline.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
    let code = started(&field, plan(release)).await;
    let told = curl(&field, "GW-1", &own("GW-1")).await.json();
    let href = told["_links"]["deploymentBase"]["href"].as_str().unwrap();
    let id = href.split("/deploymentBase/").nth(1).unwrap().split('?').next().unwrap();
    let asked = format!("{}/cancelAction/{id}", own("GW-1"));
    assert_eq!(curl(&field, "GW-1", &asked).await.status, 404);
    let refused = post(&field, "GW-1", &format!("{asked}/feedback"), &closed("success")).await;
    assert_eq!(
        (refused.status, refused.json()["errorCode"].clone()),
        (405, json!("hawkbit.server.error.action.notcancelable"))
    );
    field.fleet.abort_rollout(&operator(), &code, Abort::Keep, "").await.unwrap();
    let links = curl(&field, "GW-1", &own("GW-1")).await.json()["_links"].clone();
    let href = links["cancelAction"]["href"].as_str().unwrap();
    assert!(links.get("deploymentBase").is_none() && href.ends_with(&format!("/cancelAction/{id}")), "{links}");
    assert_eq!(
        curl(&field, "GW-1", &format!("'{href}'")).await.json(),
        json!({"id": id, "cancelAction": {"stopId": id}})
    );
    assert_eq!(curl(&field, "GW-1", &format!("{}/deploymentBase/{id}", own("GW-1"))).await.status, 404);
    assert_eq!(post(&field, "GW-1", &format!("'{href}/feedback'"), &closed("success")).await.status, 200);
    assert!(curl(&field, "GW-1", &own("GW-1")).await.json().get("_links").is_none());
    assert!(curl(&field, "GW-2", &own("GW-2")).await.json().get("_links").is_none(), "nobody is told of it any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_address_a_device_asks_it_gets_nothing_that_was_not_approved_for_it() {
    let field = field().await;
    devices(&field, &["GW-1", "GW-2", "GW-3"]).await;
    let pipeline = Pipeline::of(&field).await;
    let release = pipeline.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
    // In the tables and approved for nobody.
    let other = pipeline.release(&field, "3.0", &["C"], &[("rootfs", b"y")]).await;
    started(&field, domain::rollout::Plan { target: "serial:GW-1".into(), ..plan(release) }).await;
    let told = curl(&field, "GW-1", &own("GW-1")).await.json();
    let href = told["_links"]["deploymentBase"]["href"].as_str().unwrap();
    let id = href.split("/deploymentBase/").nth(1).unwrap().split('?').next().unwrap();
    let mine = curl(&field, "GW-1", &format!("'{href}'")).await.json();
    let file = mine["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download"]["href"].as_str().unwrap();
    let module: i64 = file.split("/softwaremodules/").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    for path in [
        format!("deploymentBase/{id}"),
        format!("installedBase/{id}"),
        format!("cancelAction/{id}"),
        format!("softwaremodules/{module}/artifacts"),
        format!("softwaremodules/{module}/artifacts/gateway-os-2.0.swu"),
        format!("softwaremodules/{module}/artifacts/gateway-os-2.0.swu.MD5SUM"),
        format!("softwaremodules/{}/artifacts/gateway-os-3.0.swu", module + 1),
        "deploymentBase/0".into(),
        "deploymentBase/-1".into(),
        "deploymentBase/99999999999999999999".into(),
        "deploymentBase/x".into(),
        "softwaremodules/x/artifacts/y".into(),
        "softwaremodules/0/artifacts".into(),
        "softwaremodules/1/artifacts/..%2f..%2fmuster.db".into(),
        "softwaremodules/1/artifacts/%00".into(),
    ] {
        let told = curl(
            &field,
            "GW-2",
            &format!("--path-as-is '{}/{path}'", format_args!("https://{}/DEFAULT/controller/v1/GW-2", field.gateway)),
        )
        .await;
        assert_eq!(told.status, 404, "{path}: {}", told.body);
        // Nor under the other's name.
        let told = curl(
            &field,
            "GW-2",
            &format!("--path-as-is 'https://{}/DEFAULT/controller/v1/GW-1/{path}'", field.gateway),
        )
        .await;
        assert_eq!(told.status, 403, "{path}: {}", told.body);
    }
    for feedback in [format!("deploymentBase/{id}/feedback"), format!("cancelAction/{id}/feedback")] {
        assert_eq!(post(&field, "GW-2", &format!("{}/{feedback}", own("GW-2")), &closed("failure")).await.status, 404);
    }
    let other_file = format!("{}/softwaremodules/{}/artifacts/gateway-os-3.0.swu", own("GW-1"), module + 1);
    assert_eq!(curl(&field, "GW-1", &other_file).await.status, 404, "{other}");
    // On hold in the middle of it: nothing of it is reached any more.
    field.act(RevocationAct::Hold, Selection::Device("GW-1".into())).await;
    for path in [format!("deploymentBase/{id}"), format!("softwaremodules/{module}/artifacts/gateway-os-2.0.swu")] {
        assert_eq!(curl(&field, "GW-1", &format!("{}/{path}", own("GW-1"))).await.status, 403, "{path}");
    }
    let polled = curl(&field, "GW-1", &own("GW-1")).await;
    assert_eq!((polled.status, polled.json()["_links"].get("deploymentBase").is_none()), (200, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_device_says_of_an_update_is_our_fault() {
    let field = field().await;
    devices(&field, &["GW-1"]).await;
    let pipeline = Pipeline::of(&field).await;
    let release = pipeline.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
    let code = started(&field, plan(release)).await;
    let told = curl(&field, "GW-1", &own("GW-1")).await.json();
    let href = told["_links"]["deploymentBase"]["href"].as_str().unwrap();
    let id = href.split("/deploymentBase/").nth(1).unwrap().split('?').next().unwrap();
    let long = format!(
        r#"{{"status":{{"execution":"proceeding","result":{{"finished":"none"}},"details":["{}"]}}}}"#,
        "x".repeat(90_000)
    );
    let many: Vec<String> = (0..3_000).map(|n| format!("\"{n}\"")).collect();
    let many = format!(
        r#"{{"status":{{"execution":"proceeding","result":{{"finished":"none"}},"details":[{}]}}}}"#,
        many.join(",")
    );
    let deep = format!("{{\"status\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let bodies: &[(&str, &str, &[u16])] = &[
        ("nothing", "", &[400]),
        ("no JSON", "hello", &[400]),
        ("a list", "[]", &[400]),
        ("nothing of a status", "{}", &[400]),
        ("no result", r#"{"status":{"execution":"scheduled"}}"#, &[200]),
        ("an unknown word", r#"{"status":{"execution":"dancing","result":{"finished":"perhaps"}}}"#, &[200]),
        (
            "a nought",
            r#"{"status":{"execution":"scheduled","result":{"finished":"none"},"details":["a\u0000b"]}}"#,
            &[200],
        ),
        (
            "half a character",
            r#"{"status":{"execution":"scheduled","result":{"finished":"none"},"details":["\ud800"]}}"#,
            &[200, 400],
        ),
        (
            "quotes that are not escaped",
            r#"{"id":10001,"status":{"result":{"finished":"none"},"execution":"proceeding","details":["open "/dev/x""]}}"#,
            &[200],
        ),
        ("a long line", &long, &[200]),
        ("many lines", &many, &[200]),
        ("deep lists", &deep, &[400]),
        ("a megabyte", &"x".repeat(1 << 20), &[413]),
    ];
    for (what, body, expected) in bodies {
        for kind in ["deploymentBase", "cancelAction"] {
            let told = post(&field, "GW-1", &format!("-H Expect: {}/{kind}/{id}/feedback", own("GW-1")), body).await;
            let is_right = expected.contains(&told.status) || (kind == "cancelAction" && told.status == 405);
            assert!(is_right, "{what} to {kind}: {} {}", told.status, told.body);
        }
    }
    let detail = field.fleet.rollout(&operator(), &code).await.unwrap();
    assert_eq!(detail.row.state, RolloutState::Running);
    assert_eq!(detail.wave_views[0].counts[0].state, ActionState::Installing);
    // PostgreSQL takes no nought in a text, and the failure counts as any other.
    let failed_with_a_nought = closed("failure").replace("Image 3", "Image\\u0000 3");
    assert_eq!(
        post(&field, "GW-1", &format!("{}/deploymentBase/{id}/feedback", own("GW-1")), &failed_with_a_nought)
            .await
            .status,
        200
    );
    field.fleet.look_after_rollouts().await.unwrap();
    let detail = field.fleet.rollout(&operator(), &code).await.unwrap();
    assert_eq!((detail.row.state, detail.failures[0].reason.as_str()), (RolloutState::Halted, "Image 3 does not fit"));
}
