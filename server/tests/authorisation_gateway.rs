//! Who may do what at the gateway and the repository: every route, for everybody who could come.
//!
//! A route that is added without a case makes this fail, and so does a case whose route is gone. Callers come as in the
//! field: by curl over TLS, with a certificate, with a token, or with nothing.

use crate::{
    authorisation::paths_of,
    debs::Packager,
    field::{A, Field, RULE, field, manager, operator},
    pipeline::{Pipeline, plan, started},
    repository::made,
};
use axum::{body::Body, extract::ConnectInfo};
use domain::{
    authority::Authority,
    history::Event,
    revocation::RevocationAct as Act,
    rollout::{Execution, Feedback, Finished},
    time::DAY,
};
use fleet::{
    Actor, Origin,
    enrol::StationForm,
    repair::{Authorised, OpenForm, PartForm},
    revocation::Selection,
};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use server::{gateway, repository};
use std::{collections::BTreeSet, fs, net::SocketAddr, time::Duration};
use tower::ServiceExt;

/// Who comes to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Without a certificate and without a token.
    Nobody,
    /// A station of the factory that makes the batch.
    Station,
    /// A station of another factory.
    OtherStation,
    /// A device of the batch, by its certificate.
    Device,
    /// A device of the batch, by its token.
    TokenDevice,
    /// With a token that nobody has.
    WrongToken,
    /// A device whose certificate is on hold.
    Held,
    /// A quarantined device, by its token.
    HeldToken,
    /// The same, that was claimed and has not got its next token since.
    ClaimedHeld,
    /// A device whose certificate was revoked.
    Revoked,
    /// A station whose certificate was revoked.
    RevokedStation,
}

const EVERYBODY: &[Who] = &[
    Who::Nobody,
    Who::Station,
    Who::OtherStation,
    Who::Device,
    Who::TokenDevice,
    Who::WrongToken,
    Who::Held,
    Who::HeldToken,
    Who::ClaimedHeld,
    Who::Revoked,
    Who::RevokedStation,
];

/// What curl says when the handshake failed: no status.
const NOT_LET_IN: u16 = 0;

/// A route, and what it answers to [`EVERYBODY`] in that order: a device that is on hold reaches what its repair needs.
const GATEWAY: &[(&str, [u16; 11])] = &[
    ("GET /", [401, 200, 200, 200, 200, 401, 200, 200, 200, NOT_LET_IN, NOT_LET_IN]),
    ("GET /.well-known/est/cacerts", [200, 200, 200, 200, 200, 401, 200, 200, 200, NOT_LET_IN, NOT_LET_IN]),
    ("GET /.well-known/est/csrattrs", [200, 200, 200, 200, 200, 401, 200, 200, 200, NOT_LET_IN, NOT_LET_IN]),
    ("GET /.well-known/est/{label}/cacerts", [200, 200, 200, 200, 200, 401, 200, 200, 200, NOT_LET_IN, NOT_LET_IN]),
    ("GET /.well-known/est/{label}/csrattrs", [200, 200, 200, 200, 200, 401, 200, 200, 200, NOT_LET_IN, NOT_LET_IN]),
    // It enrols nobody; it says where to go.
    ("POST /.well-known/est/simpleenroll", [401, 404, 404, 404, 404, 401, 403, 403, 403, NOT_LET_IN, NOT_LET_IN]),
    ("POST /.well-known/est/simplereenroll", [401, 403, 403, 200, 403, 401, 403, 403, 403, NOT_LET_IN, NOT_LET_IN]),
    (
        "POST /.well-known/est/{label}/simpleenroll",
        [401, 200, 409, 403, 403, 401, 403, 403, 403, NOT_LET_IN, NOT_LET_IN],
    ),
    (
        "POST /.well-known/est/{label}/simplereenroll",
        [401, 403, 403, 200, 403, 401, 403, 403, 403, NOT_LET_IN, NOT_LET_IN],
    ),
    ("POST /token", [401, 403, 403, 403, 200, 401, 403, 403, 403, NOT_LET_IN, NOT_LET_IN]),
    ("POST /enrolments/{batch}", [401, 200, 409, 403, 403, 401, 403, 403, 403, NOT_LET_IN, NOT_LET_IN]),
    (
        "GET /{tenant}/controller/v1/{controllerId}",
        [401, 403, 403, 200, 200, 401, 200, 200, 200, NOT_LET_IN, NOT_LET_IN],
    ),
    (
        "PUT /{tenant}/controller/v1/{controllerId}/configData",
        [401, 403, 403, 200, 200, 401, 200, 200, 200, NOT_LET_IN, NOT_LET_IN],
    ),
    // What they ran before, so nothing of it is news.
    (
        "PUT /{tenant}/controller/v1/{controllerId}/installedBase",
        [401, 403, 403, 200, 200, 401, 200, 200, 200, NOT_LET_IN, NOT_LET_IN],
    ),
    // What a device says that it runs it sees there.
    ("GET /apt/{*path}", OF_UPDATES),
    ("GET /ostree/{*path}", OF_UPDATES),
    // In the order in which an update goes: its user is asked and agrees, it is told of, then to be stopped, then installed all the same.
    ("GET /{tenant}/controller/v1/{controllerId}/confirmationBase", OF_UPDATES),
    ("GET /{tenant}/controller/v1/{controllerId}/confirmationBase/{actionId}", OF_UPDATES),
    ("POST /{tenant}/controller/v1/{controllerId}/confirmationBase/{actionId}/feedback", OF_UPDATES),
    ("POST /{tenant}/controller/v1/{controllerId}/confirmationBase/activateAutoConfirm", OF_UPDATES),
    ("POST /{tenant}/controller/v1/{controllerId}/confirmationBase/deactivateAutoConfirm", OF_UPDATES),
    ("GET /{tenant}/controller/v1/{controllerId}/deploymentBase/{actionId}", OF_UPDATES),
    ("POST /{tenant}/controller/v1/{controllerId}/deploymentBase/{actionId}/feedback", OF_UPDATES),
    ("GET /{tenant}/controller/v1/{controllerId}/softwaremodules/{module}/artifacts", OF_UPDATES),
    ("GET /{tenant}/controller/v1/{controllerId}/softwaremodules/{module}/artifacts/{file}", OF_UPDATES),
    ("GET /{tenant}/controller/v1/{controllerId}/cancelAction/{actionId}", OF_UPDATES),
    ("POST /{tenant}/controller/v1/{controllerId}/cancelAction/{actionId}/feedback", OF_UPDATES),
    ("GET /{tenant}/controller/v1/{controllerId}/installedBase/{actionId}", OF_UPDATES),
];

/// Nothing of an update is there for a device that is on hold.
const OF_UPDATES: [u16; 11] = [401, 403, 403, 200, 200, 401, 403, 403, 403, NOT_LET_IN, NOT_LET_IN];

/// The repository: where, something that is there, and what GET and POST of it are answered.
const REPOSITORY: &[(&str, &str, [u16; 2])] = &[
    ("/ca/{file}", "/ca/batch-ca-a.cer", [200, 405]),
    ("/crl/{file}", "/crl/batch-ca-a.crl", [200, 405]),
    // What is no request at all is answered as OCSP answers it: “malformed”, with status 200.
    ("/ocsp", "/ocsp", [400, 200]),
    ("/ocsp/", "/ocsp/", [400, 200]),
    ("/ocsp/{*rest}", "/ocsp/batch-ca-a", [400, 200]),
];

/// A field with everybody in it.
struct Cast {
    field: Field,
    token: String,
    held_token: String,
    claimed_token: String,
    /// The rollout of an update for two of them, and the number of its files.
    rollout: String,
    module: i64,
}

impl Cast {
    async fn new() -> Self {
        let field = field().await;
        for (factory, name) in [("graz", "other"), ("brno", "fired")] {
            let form = StationForm { factory: factory.into(), name: format!("Line {name}"), csr: String::new() };
            let made = field.fleet.station(&operator(), &form).await.unwrap();
            for file in made.files().iter().filter(|file| file.name.starts_with("station.")) {
                fs::write(field.file(&file.name.replace("station", name)), &file.content).unwrap();
            }
            if name == "fired" {
                let authority = made.chain[0].serial_hex();
                let slug = field.fleet.authorities(&operator()).await.unwrap();
                let slug = slug.into_iter().find(|row| row.authority.serial == authority).unwrap().authority.slug;
                field
                    .act(Act::Revoke, Selection::Certificate { authority: slug, serial: made.certificate.serial_hex() })
                    .await;
            }
        }
        let serials = ["device", "token", "held", "held-token", "claimed-held", "revoked"].map(str::to_owned);
        field.devices(&serials, A).await;
        for serial in ["device", "held", "revoked"] {
            field.enrolled(serial, "A").await;
        }
        let token = field.fleet.set_device_token(&operator(), "token").await.unwrap();
        let held_token = field.fleet.set_device_token(&operator(), "held-token").await.unwrap();
        let claimed_token = field.fleet.set_device_token(&operator(), "claimed-held").await.unwrap();
        let claimed = field.fleet.device(&operator(), "claimed-held").await.unwrap().id;
        let mut tx = field.fleet.db().begin().await.unwrap();
        assert!(store::device_token::only_rotates(&mut tx, claimed, field.fleet.now()).await.unwrap());
        tx.commit().await.unwrap();
        for serial in ["held-token", "claimed-held"] {
            let quarantined = Event::Quarantined { reason: "looked into".into() };
            field.fleet.device_did(&RULE, serial, quarantined).await.unwrap();
        }
        field.act(Act::Hold, Selection::Device("held".to_owned())).await;
        field.act(Act::Revoke, Selection::Device("revoked".to_owned())).await;
        let pipeline = Pipeline::of(&field).await;
        let release = pipeline.release(&field, "2.0", &["C"], &[("rootfs", b"x")]).await;
        let target = "serial:device,token".to_owned();
        let asking = domain::rollout::Plan { target, confirmation_required: true, ..plan(release) };
        let rollout = started(&field, asking).await;
        let packager = Packager::new(1, field.fleet.now().plus(-DAY));
        pipeline.set(&field, "1.0", packager.set("1.0", &[("gateway", b"the gateway")])).await.unwrap();
        let repository = made("1.0").files.into_iter().collect();
        pipeline.repository(&field, "1.0", repository).await.unwrap();
        for serial in ["device", "token", "held", "held-token"] {
            let runs = Event::UpdateVerified { from: None, version: "1.0".into() };
            field.fleet.device_did(&RULE, serial, runs).await.unwrap();
        }
        let module = store::artifact::of_release(field.fleet.db(), release).await.unwrap()[0].number;
        Self { field, token, held_token, claimed_token, rollout, module }
    }

    async fn device(&self, serial: &str) -> Actor {
        let id = self.field.fleet.device(&operator(), serial).await.unwrap().id;
        Actor::Device { id, serial: serial.to_owned(), origin: Origin::default() }
    }

    /// The update of a device; 0 for one that has none.
    async fn update_of(&self, serial: &str) -> i64 {
        let Ok(device) = self.field.fleet.device(&operator(), serial).await else { return 0 };
        let actions = store::update_action::of_device(self.field.fleet.db(), device.id, 1).await.unwrap();
        actions.first().map_or(0, |action| action.id)
    }

    /// Brings the updates of both to where a route has something to say.
    async fn prepare(&self, route: &str) {
        if !route.contains("controller/v1/{controllerId}/") {
            return;
        }
        if route.starts_with("PUT") && route.ends_with("/installedBase") {
            for serial in ["device", "token", "held", "held-token", "claimed-held"] {
                let actor = self.device(serial).await;
                self.field.fleet.report_installed(&actor, "1.0").await.unwrap();
            }
            return;
        }
        if route.starts_with("GET") && route.contains("cancelAction") {
            self.field.fleet.abort_rollout(&operator(), &self.rollout, fleet::rollout::Abort::Keep, "").await.unwrap();
        }
        for serial in ["device", "token"] {
            let actor = self.device(serial).await;
            // Whoever polls without end is suspected of being two.
            if self.update_of(serial).await == 0 || route.contains("cancelAction") {
                self.field.fleet.poll(&actor).await.unwrap();
            }
            if route.contains("installedBase") {
                let details = Vec::new();
                let (execution, finished) = (Execution::Closed, Finished::Success);
                let said = Feedback { execution, finished, code: None, details };
                self.field.fleet.update_feedback(&actor, self.update_of(serial).await, &said).await.unwrap();
            }
        }
    }

    /// Asks as this caller does, about a device of its own name, so that nobody is refused for another's serial.
    async fn ask(&self, who: Who, route: &str, n: usize) -> (u16, String) {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.replace("{label}", "A").replace("{batch}", "A");
        let credentials = match who {
            Who::Nobody => String::new(),
            Who::Station => shows("station"),
            Who::OtherStation => shows("other"),
            Who::Device => shows("device"),
            Who::TokenDevice => format!("-H 'Authorization: TargetToken {}'", self.token),
            // From another address each time: from one of them so many wrong tokens are too many tries.
            Who::WrongToken => format!("-H 'Authorization: TargetToken none' --interface 127.0.1.{}", 1 + n % 250),
            Who::Held => shows("held"),
            Who::HeldToken => format!("-H 'Authorization: TargetToken {}'", self.held_token),
            Who::ClaimedHeld => format!("-H 'Authorization: TargetToken {}'", self.claimed_token),
            Who::Revoked => shows("revoked"),
            Who::RevokedStation => shows("fired"),
        };
        let serial = match who {
            Who::Device => "device".to_owned(),
            Who::TokenDevice => "token".to_owned(),
            Who::Held => "held".to_owned(),
            Who::HeldToken => "held-token".to_owned(),
            Who::ClaimedHeld => "claimed-held".to_owned(),
            Who::Revoked => "revoked".to_owned(),
            _ => format!("new-{n}"),
        };
        let update = self.update_of(&serial).await.to_string();
        let path =
            path.replace("{tenant}", "DEFAULT").replace("{controllerId}", &serial).replace("{actionId}", &update);
        let path =
            path.replace("/apt/{*path}", "/apt/dists/stable/InRelease").replace("/ostree/{*path}", "/ostree/config");
        let path = path.replace("{module}", &self.module.to_string()).replace("{file}", "gateway-os-2.0.swu");
        let body = match path.as_str() {
            path if path.starts_with("/enrolments/") => "--data-binary @new.json",
            path if path.contains("/cancelAction/") && method == "POST" => {
                r#"-d '{"status":{"execution":"rejected","result":{"finished":"none"}}}'"#
            }
            path if path.contains("/confirmationBase/") && path.ends_with("/feedback") => {
                r#"-d '{"confirmation":"confirmed"}'"#
            }
            path if path.ends_with("/feedback") => {
                r#"-d '{"status":{"execution":"scheduled","result":{"finished":"none"}}}'"#
            }
            // Nothing that several devices must not say alike.
            path if path.ends_with("/configData") => r#"-d '{"data":{"colour":"grey"}}'"#,
            path if path.ends_with("/installedBase") => r#"-d '{"name":"gateway-os","version":"1.0"}'"#,
            _ if method == "POST" => "--data-binary @new.csr",
            _ => "",
        };
        let script = format!(
            "set -euo pipefail
            openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key -subj /CN={serial} -out new.csr 2>/dev/null
            printf '{{\"devices\": [{{\"serial\": \"{serial}\", \"csr\": \"%s\"}}]}}' \"$(openssl req -in new.csr -outform DER | openssl base64 -A)\" > new.json
            rm -f said; curl -sS -X {method} --cacert ca.pem {credentials} {body} -o said -w '%{{http_code}}' $GW{path} 2>err || true
            echo; cat said err 2>/dev/null || true"
        );
        let said = self.field.says(&script).await;
        let (status, rest) = said.split_once('\n').unwrap();
        (status.parse().unwrap(), rest.to_owned())
    }

    async fn authority(&self) -> Authority {
        self.field.fleet.authority(&operator(), "batch-ca-a").await.unwrap().row.authority
    }

    /// How many certificates there are of devices.
    async fn certificates(&self) -> i64 {
        let counts = store::certificate::counts(self.field.fleet.db()).await.unwrap();
        let id = self.authority().await.id;
        counts.iter().filter(|(authority, ..)| *authority == id).map(|(.., n)| n).sum()
    }
}

fn shows(name: &str) -> String {
    format!("--cert {name}.pem --key {name}.key")
}

#[test]
fn every_route_of_the_gateway_has_a_case() {
    let routes: BTreeSet<String> =
        gateway::ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let cases = GATEWAY.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(routes, cases, "left: the routes; right: the cases above");
}

#[test]
fn the_cases_say_what_the_table_says() {
    for route in gateway::ROUTES {
        let name = format!("{} {}", route.method, route.path);
        let (_, answers) = GATEWAY.iter().find(|(case, _)| *case == name).unwrap();
        let passes = |who: Who| answers[EVERYBODY.iter().position(|other| *other == who).unwrap()] == 200;
        let expected: &[Who] = match route.who {
            gateway::Who::Anybody => &[Who::Nobody, Who::Station, Who::OtherStation, Who::Device, Who::TokenDevice],
            gateway::Who::Known => &[Who::Station, Who::OtherStation, Who::Device, Who::TokenDevice],
            // Without a batch there is nothing that a station could be of.
            gateway::Who::Station if !route.path.contains('{') => &[],
            gateway::Who::Station => &[Who::Station],
            gateway::Who::Device => &[Who::Device],
            gateway::Who::Token => &[Who::TokenDevice],
            gateway::Who::AnyDevice => &[Who::Device, Who::TokenDevice],
        };
        let held: &[Who] = if route.for_repair { &[Who::Held, Who::HeldToken, Who::ClaimedHeld] } else { &[] };
        let passing: Vec<Who> = EVERYBODY.iter().copied().filter(|who| passes(*who)).collect();
        assert_eq!(passing, [expected, held].concat(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_answers_those_who_may_and_issues_to_nobody_else() {
    let cast = Cast::new().await;
    let mut n = 0;
    for (route, answers) in GATEWAY {
        cast.prepare(route).await;
        for (who, expected) in EVERYBODY.iter().zip(answers) {
            n += 1;
            let before = cast.certificates().await;
            let (status, said) = cast.ask(*who, route, n).await;
            assert_eq!(status, *expected, "{route} for {who:?}: {said}");
            // A token is no certificate.
            let issues = route.starts_with("POST") && *route != "POST /token" && !route.contains("/controller/v1/");
            let issued = i64::from(issues && *expected == 200);
            assert_eq!(cast.certificates().await - before, issued, "{route} for {who:?}: certificates issued");
        }
    }
}

/// Asks as the holder of a voucher does, for this device. A route that takes it answers 200.
async fn ask_by_voucher(field: &Field, route: &str, voucher: &str, serial: &str) -> (u16, String) {
    let (method, path) = route.split_once(' ').unwrap();
    let path = path.replace("{label}", "A").replace("{batch}", "A");
    let body = if method == "POST" { "--data-binary @new.csr" } else { "" };
    let script = format!(
        "set -euo pipefail
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key -subj /CN={serial} -out new.csr 2>/dev/null
        rm -f said; curl -sS -X {method} --cacert ca.pem -u {serial}:{voucher} {body} -o said -w '%{{http_code}}' $GW{path} 2>err || true
        echo; cat said err 2>/dev/null || true"
    );
    let said = field.says(&script).await;
    let (status, rest) = said.split_once('\n').unwrap();
    (status.parse().unwrap(), rest.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voucher_opens_one_door_once() {
    let field = field().await;
    field.devices(&["mended".to_owned(), "other".to_owned()], A).await;
    let form = OpenForm { symptom: "no key".into(), technician: String::new() };
    let code = field.fleet.open_repair(&operator(), "mended", &form).await.unwrap();
    let board = PartForm { slot: "board".into(), class: "board".into(), part_in: "MB-1".into(), ..PartForm::default() };
    field.fleet.draft_part(&operator(), &code, &board).await.unwrap();
    let authorised = field.fleet.authorise_repair(&operator(), &code, "broken").await.unwrap();
    // A board holds the key, so it takes two.
    let waiting = if let Authorised::Waiting(approval) = authorised { Some(approval) } else { None };
    let approval = waiting.unwrap();
    let shown = field.fleet.approval(&manager(), approval).await.unwrap();
    field.fleet.decide(&manager(), approval, &shown.row.hash, true, "").await.unwrap();
    let made = field.fleet.make_voucher(&operator(), &code, 1).await.unwrap();
    let enrol = "POST /.well-known/est/{label}/simpleenroll";
    // It lets nobody in anywhere else, and is not used up by trying.
    for (route, answers) in GATEWAY.iter().filter(|(route, _)| *route != enrol) {
        let (status, said) = ask_by_voucher(&field, route, &made.voucher, "mended").await;
        let expected = if answers[0] == 200 { 200 } else { 401 };
        assert_eq!(status, expected, "{route}: {said}");
    }
    let ask = async |voucher: &str, serial: &str| ask_by_voucher(&field, enrol, voucher, serial).await;
    assert_eq!(ask("musterv_none", "mended").await.0, 401);
    // Who has none is refused before anything of the request is read.
    let wrong = format!("musterv_{}", "x".repeat(43));
    let junk = format!(
        "curl -sS -o /dev/null -w '%{{http_code}}' --cacert ca.pem -u mended:{wrong} -d junk $GW/.well-known/est/A/simpleenroll"
    );
    assert_eq!(field.says(&junk).await.trim(), "401");
    let (status, said) = ask(&made.voucher, "other").await;
    assert_eq!(status, 409, "{said}");
    let (status, said) = ask(&made.voucher, "mended").await;
    assert_eq!(status, 200, "{said}");
    let (status, said) = ask(&made.voucher, "mended").await;
    assert!(status == 409 && said.contains("was used"), "{said}");
    // Clients of EST are asked for the password before they send it.
    let asked = "curl -sS -D - -o /dev/null --cacert ca.pem --data-binary @new.csr $GW/.well-known/est/A/simpleenroll";
    assert!(field.says(asked).await.to_lowercase().contains("basic realm="));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repository_says_the_same_to_everybody() {
    let field = field().await;
    while field.fleet.crl("batch-ca-a").is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let routes: BTreeSet<&str> = repository::ROUTES.iter().map(|route| route.path).collect();
    let cases = REPOSITORY.iter().map(|(route, ..)| *route).collect();
    assert_eq!(routes, cases, "left: the routes; right: the cases above");
    for (route, address, answers) in REPOSITORY {
        for (method, expected) in ["GET", "POST"].into_iter().zip(answers) {
            let without = published(&field, method, address, None).await;
            assert_eq!(without.0.as_u16(), *expected, "{method} {route}");
            // Credentials are not looked at: there is nothing that only some may have.
            let with = published(&field, method, address, Some("Bearer whatever")).await;
            assert_eq!(with, without, "{method} {route} with credentials");
        }
        for method in ["PUT", "DELETE", "PATCH"] {
            let (status, _) = published(&field, method, address, None).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {route}");
        }
    }
}

async fn published(field: &Field, method: &str, path: &str, credentials: Option<&str>) -> (StatusCode, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(credentials) = credentials {
        request = request.header(header::AUTHORIZATION, credentials).header(header::COOKIE, "session=whatever");
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
    let answer = repository::router(&field.fleet).oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    (parts.status, body.collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn no_route_is_beside_these_tables() {
    let world = crate::common::World::new().await;
    let of = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>();
    let gateway: Vec<&str> = GATEWAY.iter().map(|(route, _)| route.split_once(' ').unwrap().1).collect();
    assert_eq!(paths_of(&gateway::router(&world.fleet)), of(&gateway), "left: the gateway's router; right: the cases");
    let repository: Vec<&str> = REPOSITORY.iter().map(|(route, ..)| *route).collect();
    let paths = paths_of(&repository::router(&world.fleet));
    assert_eq!(paths, of(&repository), "left: the repository's router; right: the cases");
}
