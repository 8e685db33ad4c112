//! Authorities, certificates, approvals and revocations, as browsers of several people meet them.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod common;

use base64::{Engine, engine::general_purpose::STANDARD};
use common::{Answer, Console, NOW, Visitor, console};
use domain::{person::Role, time::DAY};
use pki::{KeyAlgorithm, Name, Profile, SerialNumber, SoftwareKey, Template, Urls};
use std::sync::Arc;

const ADMIN: Visitor = Visitor::As(Role::Admin);
const MANAGER: Visitor = Visitor::As(Role::Manager);
const SUPPORT: Visitor = Visitor::As(Role::Support);
const AUDITOR: Visitor = Visitor::As(Role::Auditor);
const OPERATOR: Visitor = Visitor::Operator;

/// A form's values, encoded.
fn form(pairs: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(pairs).unwrap()
}

/// What stands between two texts.
fn between<'a>(body: &'a str, before: &str, after: &str) -> &'a str {
    assert!(body.contains(before), "{before} is not in {body}");
    let (_, rest) = body.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

/// A root on another machine.
struct Root {
    issuer: pki::Issuer,
}

impl Root {
    fn new() -> Self {
        let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let template = template("Test root", &key, Profile::Root, 7_000);
        let certificate = pki::self_sign(&template, &key).unwrap();
        Self { issuer: pki::Issuer::new(certificate, Arc::new(key)).unwrap() }
    }

    fn pem(&self) -> String {
        self.issuer.certificate().pem()
    }

    /// Signs a request, as the ceremony does.
    fn sign(&self, request: &str, profile: Profile) -> String {
        let request = pki::request_from_text(request).unwrap();
        let name = request.common_name.clone().unwrap();
        let template = Template {
            public_key: request.public_key.clone(),
            subject: Name::common(name),
            ..template("", &SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap(), profile, 3_000)
        };
        pki::issue(&template, &self.issuer).unwrap().pem()
    }
}

fn template(name: &str, key: &SoftwareKey, profile: Profile, days: i64) -> Template {
    Template {
        serial: SerialNumber::random().unwrap(),
        subject: Name::common(name),
        public_key: pki::Signer::public_key(key).to_vec(),
        profile,
        not_before: NOW.plus(-DAY),
        not_after: NOW.plus(days * DAY),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        permitted_dns: Vec::new(),
        urls: Urls::default(),
    }
}

/// Approves what waits, as a manager who was shown its page.
async fn approve(console: &Console, page: &str) -> Answer {
    let shown = console.get(MANAGER, page).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    let hash = between(&shown.body, r#"name="hash" value=""#, "\"");
    console.post(MANAGER, page, &form(&[("hash", hash), ("reason", "Agreed."), ("decision", "approve")])).await
}

/// Requests an authority as the operator, and approves it as the manager.
async fn authority(console: &Console, pairs: &[(&str, &str)]) {
    let asked = console.post(OPERATOR, "/authorities", &form(pairs)).await;
    assert_eq!(asked.status, 303, "{}", asked.body);
    assert!(asked.location.starts_with("/approvals/"), "{}", asked.location);
    let own = console.get(OPERATOR, &asked.location).await;
    assert!(own.body.contains("Manager may do this") && !own.body.contains("value=\"approve\""), "{}", own.body);
    let done = approve(console, &asked.location).await;
    assert_eq!(done.status, 303, "{}", done.body);
}

/// The names of authorities that the tree links to.
fn slugs(body: &str) -> Vec<String> {
    let tree = between(body, "<tbody", "</tbody>");
    tree.split(r#"href="/authorities/"#).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// A root, a factory CA and a batch CA, all by forms. The factory CA's slug and the batch CA's.
async fn hierarchy(console: &Console) -> (String, String) {
    let root = Root::new();
    let brought = console.post(ADMIN, "/authorities/roots", &form(&[("pem", &root.pem())])).await;
    assert_eq!(brought.status, 303, "{}", brought.body);
    authority(console, &[("kind", "factory"), ("name", "Shenzhen CA"), ("factory", "shenzhen-2")]).await;
    let tree = console.get(ADMIN, "/authorities").await;
    let factory = slugs(&tree.body).into_iter().find(|slug| slug.contains("shenzhen")).unwrap();
    let page = format!("/authorities/{factory}");
    let request = console.get(OPERATOR, &format!("{page}/request.pem")).await;
    assert!(request.body.contains("CERTIFICATE REQUEST"), "{}", request.body);
    let wrong = console.post(ADMIN, &format!("{page}/certificate"), &form(&[("chain", &root.pem())])).await;
    assert_eq!(wrong.status, 422, "the root's certificate is not this one: {}", wrong.body);
    assert!(wrong.body.contains("href=\"#chain\"") && wrong.body.contains("id=\"chain-error\""), "{}", wrong.body);
    assert!(wrong.body.contains("BEGIN CERTIFICATE"), "what was typed is kept");
    let signed = root.sign(&request.body, Profile::FactoryCa);
    let delivered = console.post(ADMIN, &format!("{page}/certificate"), &form(&[("chain", &signed)])).await;
    assert_eq!(delivered.status, 303, "{}", delivered.body);
    authority(console, &[("kind", "batch"), ("name", "Batch A CA"), ("batch", "2026-11-A")]).await;
    let tree = console.get(ADMIN, "/authorities").await;
    let batch = slugs(&tree.body).into_iter().find(|slug| slug.contains("batch")).unwrap();
    (factory, batch)
}

/// Gives a device a kit, and with it a certificate.
async fn kit(console: &Console, serial: &str) {
    let kit = console.post(OPERATOR, &format!("/devices/{serial}/kit"), "key=here").await;
    assert_eq!(kit.status, 200, "{}", kit.body);
    assert!(kit.body.contains("BEGIN CERTIFICATE") && kit.body.contains(&format!("{serial}/")), "a tar with PEM in it");
}

#[tokio::test]
async fn every_page_opens_on_an_empty_authority() {
    let console = console().await;
    for path in [
        "/authorities",
        "/certificates",
        "/certificates?authority=none",
        "/certificates/expiry",
        "/revocations",
        "/findings",
        "/findings?state=all",
        "/approvals",
        "/approvals?state=all",
        "/settings",
        "/custodians/shenzhen-2",
        "/batches/2026-11-A",
        "/devices/GW2C-0001",
        "/devices/GW2C-0001?tab=certificates",
    ] {
        for visitor in [ADMIN, AUDITOR] {
            let page = console.get(visitor, path).await;
            assert!(page.status == 200 || (page.status == 404 && path.ends_with("none")), "{path}: {}", page.body);
            assert!(!page.body.contains(" style="), "{path} would break the content security policy");
        }
    }
    assert_eq!(console.get(SUPPORT, "/approvals").await.status, 403);
    assert_eq!(console.get(AUDITOR, "/authorities/new").await.status, 403);
    assert_eq!(console.get(AUDITOR, "/revocations/new").await.status, 403);
    for path in ["/authorities/none", "/certificates/none/00", "/revocations/none", "/approvals/none"] {
        assert_eq!(console.get(ADMIN, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_hierarchy_grows_by_two_people_and_a_ceremony() {
    let console = console().await;
    let (factory, batch) = hierarchy(&console).await;
    let tree = console.get(AUDITOR, "/authorities").await;
    assert!(tree.body.contains("deep-2"), "{}", tree.body);
    for slug in [&factory, &batch] {
        let page = console.get(AUDITOR, &format!("/authorities/{slug}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.contains("What it says") && page.body.contains("ECDSA P-256"), "{}", page.body);
        let pem = console.get(AUDITOR, &format!("/authorities/{slug}/certificate.pem")).await;
        assert!(pem.body.starts_with("-----BEGIN CERTIFICATE-----"), "{}", pem.body);
    }
    let again = form(&[("kind", "batch"), ("name", "Second"), ("batch", "2026-11-A"), ("quota", "many")]);
    let wrong = console.post(OPERATOR, "/authorities", &again).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("whole number") && wrong.body.contains(r#"value="Second""#), "{}", wrong.body);
}

#[tokio::test]
async fn nobody_decides_alone() {
    let console = console().await;
    let root = Root::new();
    console.post(ADMIN, "/authorities/roots", &form(&[("pem", &root.pem())])).await;
    let wanted = form(&[("kind", "operations"), ("name", "Operations CA")]);
    let asked = console.post(OPERATOR, "/authorities", &wanted).await;
    assert_eq!(asked.status, 303, "{}", asked.body);
    let inbox = console.get(MANAGER, "/approvals").await;
    assert!(inbox.body.contains(&asked.location), "{}", inbox.body);
    assert!(inbox.body.contains(r#"<span class="n hot">1</span>"#), "the navigation counts it: {}", inbox.body);
    let forged = form(&[("hash", "00"), ("reason", "x"), ("decision", "approve")]);
    assert_eq!(console.post(OPERATOR, &asked.location, &forged).await.status, 403);
    let other = console.post(MANAGER, &asked.location, &forged).await;
    assert!(matches!(other.status, 409 | 422), "another hash is another thing: {}", other.status);
    let shown = console.get(MANAGER, &asked.location).await;
    let hash = between(&shown.body, r#"name="hash" value=""#, "\"");
    let rejected = form(&[("hash", hash), ("reason", "Not now."), ("decision", "reject")]);
    assert_eq!(console.post(MANAGER, &asked.location, &rejected).await.status, 303);
    let decided = console.get(OPERATOR, &asked.location).await;
    assert!(decided.body.contains("Rejected") && decided.body.contains("Not now."), "{}", decided.body);
}

#[tokio::test]
async fn a_device_is_held_released_and_revoked() {
    let console = console().await;
    let (_, batch) = hierarchy(&console).await;
    kit(&console, "GW2C-0001").await;
    let list = console.get(AUDITOR, &format!("/certificates?authority={batch}&standing=valid")).await;
    assert!(list.body.contains(r#"<a href="/devices/GW2C-0001">"#), "{}", list.body);
    let serial = between(&list.body, &format!(r#"href="/certificates/{batch}/"#), "\"");
    let page = console.get(AUDITOR, &format!("/certificates/{batch}/{serial}")).await;
    assert!(
        page.body.contains("Certificate of GW2C-0001") && page.body.contains("What happened to it"),
        "{}",
        page.body
    );

    let seen = console.get(SUPPORT, &format!("/certificates/{batch}/{serial}")).await;
    assert!(seen.body.contains("scope=certificate") && seen.body.contains("act=hold"), "{}", seen.body);
    assert!(!seen.body.contains("act=revoke"), "{}", seen.body);
    assert_eq!(console.post(AUDITOR, "/devices/GW2C-0001/hold", "note=x").await.status, 403);
    let nothing = console.post(SUPPORT, "/devices/GW2C-0001/hold", "form=hold&note=").await;
    assert_eq!(nothing.status, 422, "{}", nothing.body);
    let held = console.post(SUPPORT, "/devices/GW2C-0001/hold", "form=hold&note=Stolen%3F").await;
    assert_eq!(held.status, 303, "{}", held.body);
    let device = console.get(SUPPORT, "/devices/GW2C-0001").await;
    assert!(device.body.contains("On hold"), "{}", device.body);
    let released = console.post(SUPPORT, "/devices/GW2C-0001/release", "form=release&note=Found").await;
    assert_eq!(released.status, 303, "{}", released.body);

    let start = "/revocations/new?scope=device&subject=GW2C-0001&act=revoke";
    assert_eq!(console.get(SUPPORT, start).await.status, 403);
    let prepared = console.get(OPERATOR, start).await;
    assert_eq!(prepared.status, 200, "{}", prepared.body);
    let hash = between(&prepared.body, r#"name="preview_hash" value=""#, "\"");
    let mut pairs = vec![
        ("scope", "device"),
        ("subject", "GW2C-0001"),
        ("act", "revoke"),
        ("preview_hash", hash),
        ("reason", "key_compromise"),
        ("note", "Opened at a fair."),
        ("confirmation", "something else"),
    ];
    let wrong = console.post(OPERATOR, "/revocations", &form(&pairs)).await;
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    assert!(wrong.body.contains("Opened at a fair."), "what was typed is kept: {}", wrong.body);
    pairs.pop();
    pairs.push(("confirmation", "GW2C-0001"));
    let done = console.post(OPERATOR, "/revocations", &form(&pairs)).await;
    assert_eq!(done.status, 303, "{}", done.body);
    let page = console.get(AUDITOR, &done.location).await;
    assert!(page.body.contains("Device GW2C-0001 revoked"), "{}", page.body);
    assert!(page.body.contains("How it spreads through the field"), "{}", page.body);
    assert!(console.get(AUDITOR, "/revocations").await.body.contains(&done.location));
}

#[tokio::test]
async fn a_batch_takes_two() {
    let console = console().await;
    hierarchy(&console).await;
    kit(&console, "GW2C-0002").await;
    let prepared = console.get(OPERATOR, "/revocations/new?scope=batch&subject=2026-11-A&act=revoke").await;
    assert!(
        prepared.body.contains("Nothing happens yet") && prepared.body.contains("Ask for approval"),
        "{}",
        prepared.body
    );
    let hash = between(&prepared.body, r#"name="preview_hash" value=""#, "\"");
    let pairs = [
        ("scope", "batch"),
        ("subject", "2026-11-A"),
        ("act", "revoke"),
        ("preview_hash", hash),
        ("reason", "key_compromise"),
        ("note", "Station left open."),
        ("confirmation", "2026-11-A"),
    ];
    let asked = console.post(OPERATOR, "/revocations", &form(&pairs)).await;
    assert_eq!(asked.status, 303, "{}", asked.body);
    let waiting = console.get(OPERATOR, &asked.location).await;
    assert!(waiting.body.contains("Nothing has happened yet"), "{}", waiting.body);
    let approval = format!("/approvals/{}", between(&waiting.body, r#"href="/approvals/"#, "\""));
    let shown = console.get(MANAGER, &approval).await;
    assert!(
        shown.body.contains("Station left open.") && shown.body.contains("You approve exactly this"),
        "{}",
        shown.body
    );
    assert!(shown.body.contains("Bound to the authorities") && shown.body.contains("What it would hit today"));
    assert_eq!(approve(&console, &approval).await.status, 303);
    let page = console.get(AUDITOR, &asked.location).await;
    assert!(page.body.contains("Batch 2026-11-A revoked") && page.body.contains("Approved by"), "{}", page.body);
    let batch = console.get(AUDITOR, "/batches/2026-11-A").await;
    assert!(batch.body.contains("Revoked"), "{}", batch.body);
    let spread = console.get(AUDITOR, &format!("{}/spread", asked.location)).await;
    assert!(spread.status == 200 && spread.body.starts_with("<section"), "the part that grows: {}", spread.body);
}

#[tokio::test]
async fn what_was_issued_is_held_against_what_was_delivered() {
    let console = console().await;
    hierarchy(&console).await;
    kit(&console, "GW2C-0001").await;
    let told = console.post(OPERATOR, "/batches/2026-11-A/reconcile", "").await;
    assert_eq!(told.status, 303, "{}", told.body);
    assert!(told.cookies.iter().any(|cookie| cookie.contains("3%20devices")), "{:?}", told.cookies);
    let findings = console.get(AUDITOR, "/findings").await;
    assert!(findings.body.contains("Device without a certificate"), "{}", findings.body);
    let id = between(&findings.body, r#"href="/findings?finding="#, "\"");
    let resolve = format!("/findings/{id}/resolve");
    let long = "x".repeat(401);
    let back = "kind=device_without_certificate&page=1";
    let sent = |reason| form(&[("finding", id), ("back", back), ("reason", reason)]);
    let nothing = console.post(OPERATOR, &resolve, &sent(&long)).await;
    assert_eq!(nothing.status, 422, "{}", nothing.body);
    assert!(nothing.body.contains(&long) && nothing.body.contains("id=\"reason-error\""), "{}", nothing.body);
    assert!(nothing.body.contains("href=\"#reason\"") && nothing.body.contains("id=\"reason\""), "{}", nothing.body);
    let settled = console.post(OPERATOR, &resolve, &sent("Enrolled tomorrow")).await;
    assert_eq!((settled.status, settled.location), (303, format!("/findings?{back}")), "{}", settled.body);
    assert_eq!(console.post(SUPPORT, &format!("/findings/{id}/resolve"), "reason=x").await.status, 403);
    assert_eq!(console.post(SUPPORT, "/batches/2026-11-A/reconcile", "").await.status, 403);
}

#[tokio::test]
async fn the_crl_of_a_root_comes_from_its_ceremony() {
    let console = console().await;
    let root = Root::new();
    console.post(ADMIN, "/authorities/roots", &form(&[("pem", &root.pem())])).await;
    let tree = console.get(ADMIN, "/authorities").await;
    let page = format!("/authorities/{}", slugs(&tree.body).first().unwrap());
    let shown = console.get(ADMIN, &page).await;
    assert!(shown.body.contains("CRL from the ceremony"), "{}", shown.body);
    let crl = pki::crl(&root.issuer, 7, NOW, NOW.plus(30 * DAY), &[]).unwrap();
    let text = format!("-----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n", STANDARD.encode(crl));
    let wrong = console.post(ADMIN, &format!("{page}/crl"), &form(&[("crl", "not a list!")])).await;
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    assert_eq!(console.post(OPERATOR, &format!("{page}/crl"), &form(&[("crl", &text)])).await.status, 403);
    let brought = console.post(ADMIN, &format!("{page}/crl"), &form(&[("crl", &text)])).await;
    assert_eq!(brought.status, 303, "{}", brought.body);
    let again = console.post(ADMIN, &format!("{page}/crl"), &form(&[("crl", &text)])).await;
    assert_eq!(again.status, 422, "a number is used once: {}", again.body);
}

#[tokio::test]
async fn a_selection_is_cut_off_from_the_list() {
    let console = console().await;
    let answer = console.post(OPERATOR, "/revocations/select", "serial=GW2C-0001&serial=GW2C-0002").await;
    assert_eq!(answer.status, 303);
    let page = console.get(OPERATOR, &answer.location).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let wrong = console.get(OPERATOR, "/revocations/new?scope=selection&subject=modle%3AX&act=hold").await;
    assert_eq!(wrong.status, 422, "a query that can't be read says so");
    assert_eq!(console.post(SUPPORT, "/revocations/select", "serial=GW2C-0001").await.status, 403);
}

#[tokio::test]
async fn settings_are_kept_and_refused_by_field() {
    let console = console().await;
    let good = "domain=devices.example&pki_url=http%3A%2F%2Fpki.example&gateway_url=&revocation_limit=50&device_days=365&station_days=14&release_mib=1024";
    assert_eq!(console.post(AUDITOR, "/settings", good).await.status, 403);
    let saved = console.post(ADMIN, "/settings", good).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    assert!(console.get(AUDITOR, "/settings").await.body.contains("devices.example"));
    let wrong = console.post(ADMIN, "/settings", &good.replace("limit=50", "limit=few")).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("whole number") && wrong.body.contains(r#"value="few""#), "{}", wrong.body);
}

#[tokio::test]
async fn how_long_things_are_kept_is_counted_before_it_is_chosen() {
    let console = console().await;
    let page = "/settings/kept";
    let seen = console.get(AUDITOR, page).await;
    assert!(
        seen.body.contains("the audit log never go") && !seen.body.contains("Count what would go"),
        "{}",
        seen.body
    );
    let tried = console.get(ADMIN, &format!("{page}?feedback=&steps=400&crls=7&webhooks=30")).await;
    assert!(tried.body.contains("by what you typed") && tried.body.contains(r#"value="400""#), "{}", tried.body);
    assert!(!console.get(ADMIN, page).await.body.contains("400 days"), "nothing is chosen by looking");
    let wrong = console.get(ADMIN, &format!("{page}?steps=3")).await;
    assert_eq!(wrong.status, 200);
    assert!(wrong.body.contains("from 365 to 36500") && wrong.body.contains(r#"value="3""#), "{}", wrong.body);
    assert_eq!(console.post(AUDITOR, page, "steps=400").await.status, 403);
    let wrong = console.post(ADMIN, page, "steps=3").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("from 365 to 36500") && wrong.body.contains(r#"value="3""#), "{}", wrong.body);
    assert_eq!(console.post(ADMIN, page, "feedback=&steps=400&crls=7&webhooks=30").await.status, 303);
    assert!(console.get(AUDITOR, page).await.body.contains("400 days"));
    assert_eq!(console.post(ADMIN, page, "steps=").await.status, 303);
    assert!(!console.get(AUDITOR, page).await.body.contains("400 days"), "for ever again");
}

#[tokio::test]
async fn a_token_is_shown_once_and_taken_away() {
    let console = console().await;
    let made = console.post(OPERATOR, "/devices/GW2C-0003/token", "form=token").await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(made.body.contains("only time that it is shown"), "{}", made.body);
    let device = console.get(OPERATOR, "/devices/GW2C-0003").await;
    assert!(device.body.contains("never used"), "{}", device.body);
    let seen = console.get(AUDITOR, "/devices/GW2C-0003").await;
    assert!(seen.body.contains("weaker trust") && !seen.body.contains("Take the token away"), "{}", seen.body);
    // Whoever may put a device on hold may shut out one that has nothing but a token.
    let seen = console.get(SUPPORT, "/devices/GW2C-0003").await;
    assert!(seen.body.contains("Take the token away"), "{}", seen.body);
    assert_eq!(console.post(AUDITOR, "/devices/GW2C-0003/token/remove", "").await.status, 403);
    assert_eq!(console.post(SUPPORT, "/devices/GW2C-0003/token/remove", "").await.status, 303);
    assert!(!console.get(OPERATOR, "/devices/GW2C-0003").await.body.contains("never used"));
    assert_eq!(console.post(SUPPORT, "/devices/GW2C-0003/token", "").await.status, 403);
}

#[tokio::test]
async fn retiring_asks_and_says_what_stops() {
    let console = console().await;
    let (_, batch) = hierarchy(&console).await;
    kit(&console, "GW2C-0001").await;
    let page = format!("/authorities/{batch}/retire");
    let name = "Batch A CA";
    assert!(console.get(ADMIN, &format!("/authorities/{batch}")).await.body.contains(&page));
    assert_eq!(console.get(OPERATOR, &page).await.status, 403);
    let shown = console.get(ADMIN, &page).await;
    assert!(shown.body.contains("1 valid certificate can't be renewed any more."), "{}", shown.body);
    assert!(shown.body.contains("/authorities/new?kind=batch&amp;batch=2026-11-A"), "{}", shown.body);
    let wrong = console.post(ADMIN, &page, &form(&[("reason", "Rolled over."), ("confirmation", "Batch")])).await;
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    assert!(wrong.body.contains("Rolled over.") && wrong.body.contains("id=\"confirmation-error\""), "{}", wrong.body);
    let done = form(&[("reason", "Rolled over."), ("confirmation", name)]);
    assert_eq!(console.post(OPERATOR, &page, &done).await.status, 403);
    assert_eq!(console.post(ADMIN, &page, &done).await.status, 303);
    let again = console.get(ADMIN, &page).await;
    assert!(again.body.contains("Only an active authority"), "{}", again.body);
}

/// What a factory gets of a delegated CA, to sign with.
async fn factory_half(console: &Console, slug: &str) -> pki::Issuer {
    let passphrase = "the factory's own passphrase";
    let page = format!("/authorities/{slug}/delegation.tar");
    let package = console.post(ADMIN, &page, &form(&[("passphrase", passphrase)])).await;
    assert_eq!(package.status, 200, "{}", package.body);
    let key = between(&package.body, "-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----END ENCRYPTED PRIVATE KEY-----");
    let key = format!("-----BEGIN ENCRYPTED PRIVATE KEY-----{key}-----END ENCRYPTED PRIVATE KEY-----\n");
    let key = pki::unseal(&key, &pki::Passphrase::new(passphrase.to_owned()).unwrap()).unwrap();
    let pem = console.get(ADMIN, &format!("/authorities/{slug}/certificate.pem")).await.body;
    pki::Issuer::new(pki::Certificate::from_pem(&pem).unwrap(), Arc::new(key)).unwrap()
}

fn signed_by_factory(issuer: &pki::Issuer, serial: &str) -> String {
    let key = SoftwareKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let mut template = template(serial, &key, Profile::Device, 20);
    template.not_before = issuer.certificate().not_before();
    template.dns_names = vec![domain::certificate::device_dns_name(serial, "2026-11-A", "devices.muster.internal")];
    pki::issue(&template, issuer).unwrap().pem()
}

#[tokio::test]
async fn what_a_factory_signed_comes_as_a_file_and_each_refusal_is_told() {
    let console = console().await;
    hierarchy(&console).await;
    let wanted =
        [("kind", "batch"), ("name", "Delegated CA"), ("batch", "2026-11-A"), ("quota", "1"), ("delegated", "1")];
    let asked = console.post(OPERATOR, "/authorities", &form(&wanted)).await;
    let shown = console.get(MANAGER, &asked.location).await;
    assert!(shown.body.contains("Within 30 days, each device that the factory signs"), "{}", shown.body);
    assert_eq!(approve(&console, &asked.location).await.status, 303);
    let issuer = factory_half(&console, "delegated-ca").await;
    let page = "/authorities/delegated-ca/manifest";
    assert!(console.get(OPERATOR, "/authorities/delegated-ca").await.body.contains("type=\"file\""));
    let good = signed_by_factory(&issuer, "GW2C-0001");
    assert_eq!(console.send_file(SUPPORT, page, "certificates", &good).await.status, 403);
    let done = console.send_file(OPERATOR, page, "certificates", &good).await;
    assert_eq!(done.status, 303, "{}", done.body);
    let nothing = console.send_file(OPERATOR, page, "other", "x").await;
    assert_eq!(nothing.status, 422, "{}", nothing.body);
    assert!(nothing.body.contains("id=\"certificates-error\""), "{}", nothing.body);
    let foreign = Root::new();
    let beyond = [signed_by_factory(&issuer, "GW2C-0002"), signed_by_factory(&issuer, "GW2C-0003"), foreign.pem()];
    let told = console.send_file(OPERATOR, page, "certificates", &(good + &beyond.concat())).await;
    assert_eq!(told.status, 200, "{}", told.body);
    for words in [
        "0 certificates are entered. 1 was known already. 2 are on hold",
        "On hold: certificate beyond the quota",
        "The factory signed for GW2C-0002 beyond the quota of 1 devices.",
        "The factory signed for GW2C-0003 beyond the quota of 1 devices.",
        "Not taken in",
        "Test root: no delegated CA of batch 2026-11-A signed it",
    ] {
        assert!(told.body.contains(words), "{words} is not in {}", told.body);
    }
}

#[tokio::test]
async fn a_stations_error_stands_at_its_field() {
    let console = console().await;
    hierarchy(&console).await;
    let wrong = console.post(OPERATOR, "/custodians/shenzhen-2/stations", "station=+&csr=").await;
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    assert!(wrong.body.contains("href=\"#station\"") && wrong.body.contains("id=\"station-error\""), "{}", wrong.body);
}

#[tokio::test]
async fn what_was_renewed_is_a_list() {
    let console = console().await;
    let page = console.get(AUDITOR, "/certificates/expiry").await;
    assert!(page.body.contains("renew.sh"), "{}", page.body);
    hierarchy(&console).await;
    kit(&console, "GW2C-0001").await;
    let page = console.get(AUDITOR, "/certificates/expiry").await;
    assert!(page.body.contains("/certificates?renewed=30"), "{}", page.body);
    let of_root = console.get(AUDITOR, "/certificates/expiry?authority=test-root").await;
    assert!(
        of_root.body.contains(">1 certificate<") && of_root.body.contains("authority=test-root"),
        "{}",
        of_root.body
    );
    assert_eq!(console.get(AUDITOR, "/certificates/expiry?authority=none").await.status, 404);
    let list = console.get(AUDITOR, "/certificates?renewed=30").await;
    assert!(
        list.body.contains("No certificate is like that") && list.body.contains("in the last 30 days"),
        "{}",
        list.body
    );
}
