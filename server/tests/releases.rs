//! Releases as programs bring them: by tus, by the API, and by `muster release` over a line that breaks.

use crate::{
    field::{Field, admin, field, manager, operator},
    remote::Remote,
};
use app::AssetNames;
use axum::{Router, body::Body, extract::ConnectInfo};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{certificate::CertificatePurpose, person::Role};
use fleet::{certificate::CertificateFilter, enrol::CodeSigningForm, token::TokenForm};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use pki::{Certificate, KeyAlgorithm, Name, SoftwareKey};
use serde_json::{Value, json};
use server::{Console, router::router};
use simulator::image::Image;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt;

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const PIECE: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// A field whose console a pipeline may ask, which may sign code.
pub struct Scene {
    pub field: Field,
    pub router: Router,
    pub token: String,
    pub certificate: Certificate,
    pub key: SoftwareKey,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Scene {
    pub async fn new() -> Self {
        let field = field().await;
        let fleet = &field.fleet;
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let csr = pki::request_pem(&pki::certificate_request(&Name::common("Builds"), &key).unwrap());
        let form = CodeSigningForm { name: "Builds".into(), csr, days: Some(30) };
        let approval = fleet.request_code_signing(&operator(), &form).await.unwrap();
        let hash = fleet.approval(&manager(), approval).await.unwrap().row.hash;
        fleet.decide(&manager(), approval, &hash, true, "").await.unwrap();
        let filter =
            CertificateFilter { purpose: Some(CertificatePurpose::CodeSigning), ..CertificateFilter::default() };
        let row = fleet.certificates(&operator(), &filter).await.unwrap().rows.remove(0);
        let certificate = fleet.certificate(&operator(), &row.authority_slug, &row.serial).await.unwrap().certificate;
        let token = TokenForm { name: "ci".into(), role: Role::Operator.to_string(), days: 1 };
        let token = fleet.add_token(&admin(), &token).await.unwrap().secret;
        let assets = AssetNames { css: "a.css".into(), js: "a.js".into(), wasm: "a.wasm".into() };
        let router = router(&Console::new(fleet.clone(), assets));
        Self { router, token, certificate, key, field }
    }

    fn image(&self, version: &str, rootfs: &[u8]) -> Vec<u8> {
        let image = Image { version, hardware: &["C"], files: &[("rootfs.bin", rootfs)] };
        image.signed(&self.certificate, &self.key).unwrap()
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    async fn begin(&self, size: usize) -> String {
        let metadata = format!("filename {}", STANDARD.encode("gateway.swu"));
        let (size, metadata) = (size.to_string(), metadata.as_str());
        let headers = [TUS, ("upload-length", size.as_str()), ("upload-metadata", metadata)];
        let begun = self.ask(Method::POST, "/api/v1/uploads", &headers, Vec::new()).await;
        assert_eq!((begun.status, begun.header("tus-resumable")), (StatusCode::CREATED, "1.0.0"), "{}", begun.body);
        assert!(begun.header("upload-expires").ends_with("GMT"));
        begun.header("location").to_owned()
    }

    async fn send(&self, place: &str, offset: usize, piece: &[u8]) -> Answer {
        let offset = offset.to_string();
        let headers = [TUS, PIECE, ("upload-offset", &offset)];
        let mut answer = self.ask(Method::PATCH, place, &headers, piece.to_vec()).await;
        // A program that another test starts at this moment keeps the lock of the request before for a moment longer.
        for _ in 0..500 {
            if !answer.body.to_string().contains("Another request has this file at the moment") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            answer = self.ask(Method::PATCH, place, &headers, piece.to_vec()).await;
        }
        answer
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.ask(Method::POST, path, &json, body.to_string().into_bytes()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_sent_by_tus_and_becomes_a_release() {
    let scene = Scene::new().await;
    let image = scene.image("1.4.2", b"a file system");
    let place = scene.begin(image.len()).await;
    let sent = scene.send(&place, 0, &image[..400]).await;
    assert_eq!((sent.status, sent.header("upload-offset")), (StatusCode::NO_CONTENT, "400"), "{}", sent.body);
    let elsewhere = scene.send(&place, 0, &image[..400]).await;
    assert_eq!((elsewhere.status, elsewhere.header("tus-resumable")), (StatusCode::CONFLICT, "1.0.0"));
    let here = scene.ask(Method::HEAD, &place, &[TUS], Vec::new()).await;
    let size = image.len().to_string();
    assert_eq!((here.header("upload-offset"), here.header("upload-length")), ("400", size.as_str()));
    assert_eq!(here.header("cache-control"), "no-store");
    let id = place.rsplit('/').next().unwrap();
    let form = json!({"product": "gateway-os", "version": "1.4.2", "models": ["GW-200"], "upload": id});
    assert_eq!(scene.post("/api/v1/releases", &form).await.status, StatusCode::CONFLICT, "not whole");
    assert_eq!(scene.send(&place, 400, &image[400..]).await.status, StatusCode::NO_CONTENT);
    let made = scene.post("/api/v1/releases", &form).await;
    assert_eq!((made.status, made.body["stage"].as_str()), (StatusCode::CREATED, Some("dev")), "{}", made.body);
    assert_eq!(scene.post("/api/v1/releases", &form).await.status, StatusCode::OK, "again");
    let release = made.header("location").to_owned();
    let checked = scene.post(&format!("{release}/checks"), &json!({"name": "hil", "state": "passed"})).await;
    assert_eq!(checked.status, StatusCode::CREATED);
    let bom = json!({"bomFormat": "CycloneDX", "components": [{"name": "openssl", "version": "3.0.11"}]});
    assert_eq!(scene.post(&format!("{release}/sbom"), &bom).await.status, StatusCode::OK);
    let found = scene.ask(Method::GET, "/api/v1/releases?sbom=openssl@3", &[], Vec::new()).await;
    assert_eq!(found.body["items"][0]["version"], "1.4.2");
    let promoted = scene.post(&format!("{release}/promote"), &json!({"to": "staging"})).await;
    assert_eq!((promoted.status, promoted.body["state"].as_str()), (StatusCode::OK, Some("done")), "{}", promoted.body);
    let early = scene.post(&format!("{release}/promote"), &json!({"to": "production"})).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(early.body["detail"].as_str().unwrap().contains("more in staging"), "{}", early.body);
    let one = scene.ask(Method::GET, &release, &[], Vec::new()).await;
    assert_eq!((&one.body["steps"][1]["stage"], &one.body["artifacts"][0]["number"]), (&json!("staging"), &json!(1)));
    assert_eq!(one.body["next_stage"]["open"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spoken_is_said_and_an_upload_is_ended() {
    let scene = Scene::new().await;
    let told = scene.ask(Method::OPTIONS, "/api/v1/uploads", &[], Vec::new()).await;
    assert_eq!((told.status, told.header("tus-version")), (StatusCode::NO_CONTENT, "1.0.0"));
    assert_eq!(told.header("tus-extension"), "creation,expiration,termination");
    assert_eq!(told.header("tus-max-size"), (1_i64 << 30).to_string());
    let place = scene.begin(1_000).await;
    assert_eq!(scene.send(&place, 0, &[7; 400]).await.status, StatusCode::NO_CONTENT);
    let mute = scene.ask(Method::DELETE, &place, &[], Vec::new()).await;
    assert_eq!((mute.status, mute.header("tus-version")), (StatusCode::PRECONDITION_FAILED, "1.0.0"));
    let ended = scene.ask(Method::DELETE, &place, &[TUS], Vec::new()).await;
    assert_eq!((ended.status, ended.header("tus-resumable")), (StatusCode::NO_CONTENT, "1.0.0"), "{}", ended.body);
    for (method, headers) in [(Method::HEAD, vec![TUS]), (Method::DELETE, vec![TUS])] {
        let gone = scene.ask(method, &place, &headers, Vec::new()).await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(scene.send(&place, 400, &[7; 600]).await.status, StatusCode::NOT_FOUND);
    let left = std::fs::read_dir(scene.field.data().join("uploads")).unwrap().count();
    assert_eq!(left, 0, "its file is gone, too");
}

/// A request with its headers, and the status that answers it.
type Case<'a> = (Method, &'a str, Vec<(&'a str, &'a str)>, StatusCode);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tus_is_refused_with_the_reason() {
    let scene = Scene::new().await;
    let place = scene.begin(10).await;
    let cases: Vec<Case<'_>> = vec![
        (Method::POST, "/api/v1/uploads", vec![("upload-length", "10")], StatusCode::PRECONDITION_FAILED),
        (Method::POST, "/api/v1/uploads", vec![TUS], StatusCode::BAD_REQUEST),
        (Method::POST, "/api/v1/uploads", vec![TUS, ("upload-length", "-1")], StatusCode::BAD_REQUEST),
        (Method::POST, "/api/v1/uploads", vec![TUS, ("upload-length", "0")], StatusCode::UNPROCESSABLE_ENTITY),
        (
            Method::POST,
            "/api/v1/uploads",
            vec![TUS, ("upload-length", "99999999999999")],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            Method::POST,
            "/api/v1/uploads",
            vec![TUS, ("upload-length", "1"), ("upload-metadata", "filename %")],
            StatusCode::BAD_REQUEST,
        ),
        (Method::HEAD, &place, vec![], StatusCode::PRECONDITION_FAILED),
        (Method::HEAD, "/api/v1/uploads/none", vec![TUS], StatusCode::NOT_FOUND),
        (Method::PATCH, &place, vec![TUS, ("upload-offset", "0")], StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Method::PATCH, &place, vec![TUS, PIECE], StatusCode::BAD_REQUEST),
        (Method::PATCH, &place, vec![TUS, PIECE, ("upload-offset", "3")], StatusCode::CONFLICT),
        (Method::PATCH, "/api/v1/uploads/none", vec![TUS, PIECE, ("upload-offset", "0")], StatusCode::NOT_FOUND),
    ];
    for (method, path, headers, status) in cases {
        let answer = scene.ask(method.clone(), path, &headers, Vec::new()).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.body);
        assert_eq!(answer.header("tus-resumable"), "1.0.0", "{method} {path}");
    }
    assert_eq!(scene.send(&place, 0, &[0; 11]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    // A file that is no image is refused by what it is, and gone.
    assert_eq!(scene.send(&place, 0, &[0; 10]).await.status, StatusCode::NO_CONTENT);
    let id = place.rsplit('/').next().unwrap();
    let form = json!({"product": "gateway-os", "version": "1", "models": ["GW-200"], "upload": id});
    let refused = scene.post("/api/v1/releases", &form).await;
    assert_eq!(
        (refused.status, &refused.body["errors"][0]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("file"))
    );
    assert_eq!(scene.send(&place, 10, &[]).await.status, StatusCode::NOT_FOUND);
}

/// Forwards connections to the console, and cuts each of the first ones after so many bytes.
async fn breaking_line(to: SocketAddr, cuts: usize, after: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, cut) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&cut);
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut console = TcpStream::connect(to).await.unwrap();
                let (mut read, mut write) = from.split();
                let (mut console_read, mut console_write) = console.split();
                let up = async {
                    let (mut passed, mut chunk) = (0, vec![0; 16 * 1024]);
                    while let Ok(n) = read.read(&mut chunk).await {
                        if n == 0 || console_write.write_all(&chunk[..n]).await.is_err() {
                            return;
                        }
                        passed += n;
                        if passed > after && count.load(Ordering::Relaxed) < cuts {
                            count.fetch_add(1, Ordering::Relaxed);
                            return;
                        }
                    }
                };
                let down = tokio::io::copy(&mut console_read, &mut write);
                tokio::select! { () = up => {}, _ = down => {} }
            });
        }
    });
    (at, cut)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_takes_a_broken_upload_up_again() {
    let scene = Scene::new().await;
    let folder = &scene.field.folder;
    let mut remote = Remote::serve(folder, scene.router.clone(), &scene.token).await;
    let (line, cut) = breaking_line(remote.at, 3, 600_000).await;
    let rootfs: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    for (name, content) in [
        ("gateway.swu", scene.image("1.4.2", &rootfs)),
        ("bom.json", br#"{"bomFormat":"CycloneDX","components":[{"name":"openssl","version":"3.0.11"}]}"#.to_vec()),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
    }
    remote.url = format!("https://localhost:{}", line.port());
    let run = async |arguments: &[&str], code: i32| remote.says(&[&["release"], arguments].concat(), code).await;
    let named = ["--product", "gateway-os", "--version", "1.4.2"];
    let push = [&["push", "gateway.swu", "--model", "GW-200", "--sbom", "bom.json"], named.as_slice()].concat();
    assert!(run(&push, 0).await.contains("is pushed, in dev"));
    assert_eq!(cut.load(Ordering::Relaxed), 3, "the line broke three times");
    assert!(run(&push, 0).await.contains("was there already"));
    assert!(
        run(&[&["check", "--name", "hil", "--state", "passed"], named.as_slice()].concat(), 0).await.contains("passed")
    );
    assert!(run(&[&["promote", "--to", "staging"], named.as_slice()].concat(), 0).await.contains("is in staging now"));
    assert!(run(&[&["promote", "--to", "production"], named.as_slice()].concat(), 3).await.contains("more in staging"));
    let listed = run(&["list", "--sbom", "openssl"], 0).await;
    assert!(listed.contains("gateway-os") && listed.contains("staging"), "{listed}");
    std::fs::write(folder.join("unsigned.swu"), b"nothing").unwrap();
    let unsigned =
        [&["push", "unsigned.swu", "--model", "GW-200"], ["--product", "gateway-os", "--version", "9"].as_slice()]
            .concat();
    assert!(run(&unsigned, 3).await.contains("file:"));
    remote.end().await;
}
