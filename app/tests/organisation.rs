//! Batches, custodians, imports, the audit log, users and tokens, as a browser meets them.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod common;

use common::{Console, Visitor, console};
use domain::{factory_manifest::template_csv, person::Role};

const ADMIN: Visitor = Visitor::As(Role::Admin);
const SUPPORT: Visitor = Visitor::As(Role::Support);
const AUDITOR: Visitor = Visitor::As(Role::Auditor);

const PAGES: &[&str] = &[
    "/factories",
    "/batches",
    "/batches?factory=shenzhen-2",
    "/batches/2026-11-A",
    "/custodians",
    "/custodians?kind=client&q=acme",
    "/custodians/acme-sons",
    "/custodians/shenzhen-2",
    "/imports",
    "/imports/format",
    "/help",
    "/audit",
    "/users",
    "/tokens",
];

#[tokio::test]
async fn every_page_opens_for_those_who_may_read_it() {
    let console = console().await;
    for path in PAGES {
        for visitor in [ADMIN, AUDITOR] {
            let page = console.get(visitor, path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            assert!(!page.body.contains(" style="), "{path} would break the content security policy");
        }
    }
}

#[tokio::test]
async fn what_a_role_may_not_see_says_who_may() {
    let console = console().await;
    for path in ["/audit", "/users", "/tokens"] {
        let page = console.get(SUPPORT, path).await;
        assert_eq!(page.status, 403, "{path}");
        assert!(page.body.contains("Ask an administrator"), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let console = console().await;
    for path in ["/batches/none", "/custodians/none", "/imports/none", "/users/none", "/imports/none/problems.csv"] {
        let page = console.get(ADMIN, path).await;
        assert_eq!(page.status, 404, "{path}");
    }
    let none = "01a20339-d5f7-7041-809d-5ea0a0b97873";
    for path in [format!("/imports/{none}"), format!("/users/{none}"), format!("/imports/{none}/progress")] {
        assert_eq!(console.get(ADMIN, &path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_batch_shows_where_its_devices_stand_and_links_to_them() {
    let console = console().await;
    let page = console.get(Visitor::Operator, "/batches/2026-11-A").await;
    assert!(page.body.contains("3 of 10"), "{}", page.body);
    assert!(page.body.contains("7 may still be made."));
    assert!(page.body.contains(r#"<a href="/devices?q=batch%3A2026-11-A+trust%3Asuspect">1</a>"#), "{}", page.body);
    assert!(page.body.contains(r#"href="/batches/2026-11-A/epcis.jsonld""#));
    let document = console.get(Visitor::Operator, "/batches/2026-11-A/epcis.jsonld").await;
    assert_eq!(document.status, 200);
    assert!(document.body.contains("epcisBody"), "{}", document.body);
}

#[tokio::test]
async fn a_custodian_is_entered_changed_and_kept_from_those_who_may_not() {
    let console = console().await;
    let wrong = console.post(ADMIN, "/custodians", "name=Nordlys&kind=client&city=Aarhus&country=DNK").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("two letters") && wrong.body.contains(r#"value="Nordlys""#), "{}", wrong.body);

    let added = console.post(ADMIN, "/custodians", "name=Nordlys&kind=client&city=Aarhus&country=dk").await;
    assert_eq!((added.status, added.location.as_str()), (303, "/custodians/nordlys"));
    let twice = console.post(ADMIN, "/custodians", "name=Nordlys&kind=client").await;
    assert_eq!(twice.status, 422);

    let changed = console.post(ADMIN, "/custodians/nordlys", "name=Nordlys+A%2FS&city=Aarhus&country=DK").await;
    assert_eq!(changed.status, 303);
    assert!(console.get(ADMIN, "/custodians/nordlys").await.body.contains("Nordlys A/S"));

    let refused = console.post(AUDITOR, "/custodians", "name=Mine&kind=client").await;
    assert_eq!(refused.status, 403);
    let log = console.get(AUDITOR, "/audit?outcome=denied").await;
    assert!(log.body.contains(r#"<tr class="denied">"#) && log.body.contains("auditor@muster.example"), "{}", log.body);
}

#[tokio::test]
async fn the_audit_log_is_verified() {
    let console = console().await;
    let answer = console.post(AUDITOR, "/audit/verify", "").await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/audit"));
    assert!(answer.cookies.iter().any(|cookie| cookie.contains("unbroken")), "{:?}", answer.cookies);
    assert_eq!(console.post(SUPPORT, "/audit/verify", "").await.status, 403);
}

/// What is shown once stands in a box of its own.
fn shown_once(body: &str) -> String {
    let (_, rest) = body.split_once(r#"<div class="hashbox"><span class="mono">"#).unwrap();
    rest.split_once("</span>").unwrap().0.to_owned()
}

#[tokio::test]
async fn a_new_users_link_is_shown_once() {
    let console = console().await;
    let form = "name=Noa+Peretz&email=noa%40muster.example&role=support";
    let page = console.post(ADMIN, "/users", form).await;
    assert_eq!(page.status, 201, "{}", page.body);
    assert!(shown_once(&page.body).contains("/link/"));
    let list = console.get(ADMIN, "/users").await;
    assert!(list.body.contains("Noa Peretz") && list.body.contains("Invited") && !list.body.contains("hashbox"));
    let again = console.post(ADMIN, "/users", form).await;
    assert_eq!(again.status, 422);
    assert!(again.body.contains(r#"value="Noa Peretz""#) && !again.body.contains("hashbox"));
}

async fn new_user(console: &Console) -> String {
    console.post(ADMIN, "/users", "name=Noa&email=noa%40muster.example&role=support").await;
    let list = console.get(ADMIN, "/users").await.body;
    let (_, rest) = list.split_once(r#"href="/users/"#).unwrap();
    format!("/users/{}", rest.split_once('"').unwrap().0)
}

#[tokio::test]
async fn two_who_change_an_account_at_once_see_both_values() {
    let console = console().await;
    let user = new_user(&console).await;
    assert_eq!(console.post(ADMIN, &user, "name=Noa&role=manager&version=1").await.status, 303);
    let late = console.post(ADMIN, &user, "name=Noa+P.&role=auditor&version=1").await;
    assert_eq!(late.status, 409);
    for told in [r#"value="Noa P.""#, "Now: Noa", "Now: Manager", r#"name="version" value="2""#] {
        assert!(late.body.contains(told), "{told}: {}", late.body);
    }
    let disabled = console.post(ADMIN, &format!("{user}/disable"), "").await;
    assert_eq!((disabled.status, disabled.location.as_str()), (303, user.as_str()));
    assert!(console.get(ADMIN, &user).await.body.contains("Disabled"));
    assert_eq!(console.post(ADMIN, &format!("{user}/link"), "").await.status, 409);
    assert_eq!(console.post(ADMIN, &format!("{user}/enable"), "").await.status, 303);
    assert_eq!(console.post(AUDITOR, &format!("{user}/disable"), "").await.status, 403);
}

#[tokio::test]
async fn a_token_is_shown_once_and_revoked() {
    let console = console().await;
    let page = console.post(ADMIN, "/tokens", "name=ERP&role=auditor&days=30").await;
    assert_eq!(page.status, 201);
    assert!(shown_once(&page.body).starts_with("muster_"));
    let list = console.get(ADMIN, "/tokens").await.body;
    assert!(list.contains("ERP") && !list.contains("hashbox"));
    let (_, rest) = list.split_once(r#"action="/tokens/"#).unwrap();
    let revoke = format!("/tokens/{}", rest.split_once('"').unwrap().0);
    assert_eq!(console.post(ADMIN, &revoke, "").await.status, 303);
    assert!(console.get(ADMIN, "/tokens").await.body.contains("Revoked"));
    assert_eq!(console.post(ADMIN, &revoke, "").await.status, 409);
    assert_eq!(console.post(ADMIN, "/tokens", "name=ERP&role=auditor&days=9999").await.status, 422);
}

#[tokio::test]
async fn a_file_is_taken_and_its_import_followed() {
    let console = console().await;
    let file = ("a.csv", template_csv());
    let sent = console.upload(Visitor::Operator, "/imports", &[("mode", "try"), ("kind", "")], file).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let page = console.get(Visitor::Operator, &sent.location).await;
    assert!(page.body.contains("a.csv") && page.body.contains("Try only"), "{}", page.body);
    let part = console.get(Visitor::Operator, &format!("{}/progress", sent.location)).await;
    assert!(part.status == 200 && part.body.contains("Received"), "{}", part.body);
    assert_eq!(console.post(SUPPORT, &format!("{}/cancel", sent.location), "").await.status, 403);
    let template = console.get(SUPPORT, "/imports/template.csv").await;
    assert_eq!(template.body, template_csv());
}

#[tokio::test]
async fn what_is_no_file_is_refused_in_words() {
    let console = console().await;
    let good = ("a.csv", template_csv());
    for (fields, file, told) in [
        (&[("mode", "try")][..], ("", ""), "Choose a file."),
        (&[][..], good, "Choose whether to try the file or to import it."),
        (&[("mode", "try"), ("kind", "xls")][..], good, "Choose the kind of file."),
    ] {
        let page = console.upload(Visitor::Operator, "/imports", fields, file).await;
        assert_eq!(page.status, 422, "{told}");
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    assert_eq!(console.post(Visitor::Operator, "/imports", "file=a").await.status, 415);
    assert_eq!(console.upload(SUPPORT, "/imports", &[("mode", "try")], good).await.status, 403);
}
