//! What every request passes: names, headers, limits, who may send forms.

use crate::common::{TEST, World, form};
use axum::body::Body;
use domain::person::Role;
use fleet::AuditFilter;
use http::{Request, StatusCode, header};
use server::proxy::Proxies;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn answers_carry_their_name_and_security_headers() {
    let world = World::new().await;
    let request = Request::get("/sign-in").header("x-request-id", "mine").body(Body::empty()).unwrap();
    let answer = world.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.header("x-request-id").len(), 36, "ours, not the client's");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("strict-transport-security", "max-age=31536000"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let local = Request::get("/sign-in").header(header::HOST, "localhost:8443").body(Body::empty()).unwrap();
    assert_eq!(world.send(local).await.header("strict-transport-security"), "", "not for localhost");
}

#[tokio::test]
async fn the_page_and_its_header_name_the_same_nonce() {
    let world = World::new().await;
    let (first, second) = (world.get("/sign-in").await, world.get("/sign-in").await);
    let nonce =
        |policy: &str| policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap().to_owned();
    let named = nonce(&first.header("content-security-policy"));
    assert!(first.body.contains(&format!("nonce=\"{named}\"")), "{named} is not in the page");
    let scripts = first.body.matches("<script").count();
    let marked = first.body.matches(&format!("nonce=\"{named}\"")).count();
    assert!(marked >= scripts, "{scripts} scripts, {marked} of them named");
    assert_ne!(named, nonce(&second.header("content-security-policy")), "a nonce is used once");
    assert!(!first.body.contains(" style=\""), "the policy forbids inline styles");
    let probe = world.get("/healthz").await;
    assert!(probe.header("content-security-policy").ends_with("script-src 'none'"));
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_sent_there_and_back() {
    let world = World::new().await;
    let answer = world.get("/devices?q=trust%3Asuspect").await;
    if answer.status != StatusCode::NOT_FOUND {
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.header("location"), "/sign-in?next=%2Fdevices%3Fq%3Dtrust%253Asuspect");
    }
    let answer = world.get("/").await;
    assert_eq!((answer.status, answer.header("location").as_str()), (StatusCode::SEE_OTHER, "/sign-in"));
    assert_eq!(answer.header("set-cookie"), "", "nobody gets a session before they sign in");
}

#[tokio::test]
async fn another_site_can_t_send_our_forms() {
    let world = World::new().await;
    for (site, wanted) in [("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)] {
        let request = Request::post("/sign-out").header("sec-fetch-site", site).body(Body::empty()).unwrap();
        let answer = world.send(request).await;
        assert_eq!(answer.status.as_u16(), wanted, "{site}");
        assert!(wanted == 303 || answer.body.contains("another site"), "{}", answer.body);
    }
    let old = Request::post("/sign-out").header(header::ORIGIN, "https://evil.example").body(Body::empty()).unwrap();
    assert_eq!(world.send(old).await.status, StatusCode::FORBIDDEN, "by Origin, for browsers without Sec-Fetch-Site");
}

#[tokio::test]
async fn what_is_not_there_is_told_to_people_and_to_programs() {
    let world = World::new().await;
    let page = world.get("/no-such-page").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.header("content-type").starts_with("text/html") && page.body.contains(&page.header("x-request-id")));
    let method = world.send(Request::delete("/sign-in").body(Body::empty()).unwrap()).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(method.body.contains(&method.header("x-request-id")));
    for path in ["/api/v1", "/api/v1/no-such-thing"] {
        let problem = world.get(path).await;
        assert_eq!(
            (problem.status, problem.header("content-type").as_str()),
            (StatusCode::NOT_FOUND, "application/problem+json")
        );
        let value: serde_json::Value = serde_json::from_str(&problem.body).unwrap();
        assert_eq!((value["status"].as_u64(), value["instance"].as_str()), (Some(404), Some(path)));
        assert_eq!(value["request_id"].as_str(), Some(problem.header("x-request-id").as_str()));
    }
}

#[tokio::test]
async fn too_much_is_refused_before_it_is_read() {
    let world = World::new().await;
    let announced = form("/sign-in").header(header::CONTENT_LENGTH, "2000000000").body(Body::empty()).unwrap();
    let answer = world.send(announced).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.body.contains("larger than the 1 MB"), "{}", answer.body);
    let unannounced = form("/theme").body(Body::from("a=".to_owned() + &"x".repeat(2_000_000))).unwrap();
    assert_eq!(world.send(unannounced).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    // Nothing follows what is announced here: an answer that waited for it would not come.
    let never = || Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let more = (fleet::import::IMPORT_LIMIT + 64 * 1024 + 1).to_string();
    for (path, announced) in [("/api/v1/imports", "1073741825"), ("/imports", more.as_str())] {
        let file = Request::post(path).header(header::CONTENT_LENGTH, announced).body(never()).unwrap();
        let answer = world.send(file).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert!(answer.body.contains("larger than the 1024 MB"), "{}", answer.body);
    }
    let program = Request::post("/api/v1/devices/X/notes").header(header::CONTENT_LENGTH, "2000000000");
    let answer = world.send(program.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn nothing_is_read_of_what_programs_bring_that_may_not() {
    let world = World::new().await;
    let auditor = format!("Bearer {}", world.token(Role::Auditor).await);
    let operator = format!("Bearer {}", world.token(Role::Operator).await);
    let before = world.refusals().await;
    for (path, token, expected) in [
        ("/api/v1/batches/A/enrolments", "", 401),
        ("/api/v1/batches/A/deliveries", "", 401),
        ("/api/v1/devices/X/certificates", "", 401),
        ("/api/v1/revocations", "", 401),
        ("/api/v1/batches/A/enrolments", auditor.as_str(), 403),
        ("/api/v1/batches/A/deliveries", auditor.as_str(), 403),
        ("/api/v1/batches/A/enrolments", operator.as_str(), 422),
    ] {
        let (body, is_read) = crate::gateway::watched_body();
        let request = Request::post(path).header(header::EXPECT, "100-continue");
        let request = request.header(header::CONTENT_TYPE, "application/json").header(header::CONTENT_LENGTH, "60000");
        let request = if token.is_empty() { request } else { request.header(header::AUTHORIZATION, token) };
        let answer = world.send(request.body(body).unwrap()).await;
        assert_eq!(answer.status, expected, "{path}: {}", answer.body);
        assert_eq!(is_read.load(Ordering::Relaxed), expected == 422, "{path} for “{token}”");
    }
    // Of strangers one a minute for each permission.
    assert_eq!(world.refusals().await - before, 4, "refusals are audited");
}

#[tokio::test]
async fn pages_are_compressed_and_live_events_are_not() {
    let world = World::new().await;
    let request = Request::get("/sign-in").header(header::ACCEPT_ENCODING, "gzip, br").body(Body::empty()).unwrap();
    let answer = world.send(request).await;
    assert_eq!(answer.header("content-encoding"), "br");
    assert!(answer.header("vary").contains("accept-encoding"));
}

#[tokio::test]
async fn probes_answer() {
    let world = World::new().await;
    for (path, body) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        let answer = world.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, body));
    }
    world.fleet.db().close().await;
    assert_eq!(world.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK, "it runs, and says so");
}

#[tokio::test]
async fn the_api_is_described_for_programs_and_for_people() {
    let world = World::new().await;
    let document = world.get("/api/v1/openapi.json").await;
    assert_eq!((document.status, document.header("content-type").as_str()), (StatusCode::OK, "application/json"));
    let page = world.get("/api").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("/api/v1/devices/{serial}/custody"));
}

#[tokio::test]
async fn a_program_without_a_token_is_told_how() {
    let world = World::new().await;
    let answer = world.get("/api/v1/devices").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"Muster\"");
    for given in ["Bearer nonsense", "Basic YTpi", "Bearer"] {
        let request = Request::get("/api/v1/models").header(header::AUTHORIZATION, given).body(Body::empty()).unwrap();
        let answer = world.send(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{given}");
        assert!(answer.body.contains("not known"), "{}", answer.body);
    }
}

#[tokio::test]
async fn only_a_known_proxy_says_who_asks() {
    let near = Proxies::new(&[server::proxy::network("192.0.2.0/24").unwrap()]);
    let far = Proxies::new(&[server::proxy::network("10.0.0.0/8").unwrap()]);
    for (proxies, expected) in [(Proxies::default(), "192.0.2.7"), (far, "192.0.2.7"), (near, "203.0.113.5")] {
        let world = World::behind(proxies).await;
        let try_to_sign_in = form("/sign-in").header("x-forwarded-for", "127.0.0.1, 203.0.113.5");
        let body = Body::from("email=nobody%40b.example&password=wrong");
        world.send(try_to_sign_in.body(body).unwrap()).await;
        let log = world.fleet.audit_log(&TEST, &AuditFilter::default(), 1).await.unwrap();
        assert_eq!(log[0].record.address, expected);
    }
}

#[tokio::test]
async fn one_account_has_so_many_live_pages() {
    let world = World::new().await;
    let cookie = world.cookie(world.person(Role::Operator, "o@b.example").await).await;
    let ask = || Request::get("/ui/events?topics=device").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    let mut open = Vec::new();
    for _ in 0..20 {
        let answer = world.open(ask()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        open.push(answer);
    }
    assert_eq!(world.open(ask()).await.status(), StatusCode::TOO_MANY_REQUESTS);
    open.pop();
    assert_eq!(world.open(ask()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_misspelt_parameter_is_told_and_nothing_is_done() {
    let world = World::new().await;
    let bearer = format!("Bearer {}", world.token(Role::Operator).await);
    let ask = |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, bearer.as_str());
        request.header(header::CONTENT_TYPE, "text/csv").body(Body::from("serial\n")).unwrap()
    };
    for (method, path, parameter, told) in [
        ("POST", "/api/v1/imports?dryrun=true", "dryrun", "there are dry_run, on_error and file_name."),
        ("GET", "/api/v1/devices?q=model:X", "q", "there are query, sort, cursor and limit."),
        ("GET", "/api/v1/models?limit=3", "limit", "this operation takes none."),
        ("GET", "/api/v1/devices?limit=501", "limit", "1 to 500"),
        ("GET", "/api/v1/devices?limit=0", "limit", "1 to 500"),
        ("GET", "/api/v1/imports?limit=-1", "limit", "1 to 500"),
        ("GET", "/api/v1/devices?sort=colour", "sort", "Sort by one of"),
    ] {
        let answer = world.send(ask(method, path)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["errors"][0]["field"], parameter, "{path}");
        assert!(problem["detail"].as_str().unwrap().contains(told), "{path}: {problem}");
    }
    assert!(world.fleet.imports(&TEST, None, 10).await.unwrap().is_empty(), "nothing was imported");
    assert_eq!(world.send(ask("GET", "/api/v1/devices?limit=500")).await.status, StatusCode::OK);
    let nobody = world.get("/api/v1/devices?q=x").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "first who, then what");
}
