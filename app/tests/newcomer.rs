//! What somebody who doesn't know the console stumbles over: repeats, dead ends, words that say too much.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod common;

use common::{Visitor, console};
use domain::person::Role;

const ADMIN: Visitor = Visitor::As(Role::Admin);

#[tokio::test]
async fn a_token_is_made_once_however_often_its_page_is_loaded() {
    let console = console().await;
    let form = "once=request-7&name=ERP&role=auditor&days=30";
    let made = console.post(ADMIN, "/tokens", form).await;
    assert!(made.status == 201 && made.body.contains("hashbox"), "{}", made.body);
    let again = console.post(ADMIN, "/tokens", form).await;
    assert_eq!((again.status, again.location.as_str()), (303, "/tokens"));
    assert!(again.cookies.iter().any(|cookie| cookie.contains("shown%20only%20once")), "{:?}", again.cookies);
    let list = console.get(ADMIN, "/tokens").await.body;
    assert_eq!(list.matches("/revoke\"").count(), 1);
    // A form that was refused may be sent again, corrected.
    let wrong = "once=request-8&name=&role=auditor&days=30";
    assert_eq!(console.post(ADMIN, "/tokens", wrong).await.status, 422);
    assert_eq!(console.post(ADMIN, "/tokens", wrong).await.status, 422);
}

#[tokio::test]
async fn what_can_not_be_taken_back_is_asked_first() {
    let console = console().await;
    console.post(ADMIN, "/tokens", "name=ERP&role=auditor&days=30").await;
    let list = console.get(ADMIN, "/tokens").await.body;
    let (before, _) = list.split_once("/revoke\"").unwrap();
    assert!(before.rfind(r#"<details class="menu confirm">"#) > before.rfind("<tr"), "the form is folded");
    assert!(list.contains("are refused from then on"));
}

#[tokio::test]
async fn an_action_loaded_as_a_page_leads_to_its_page() {
    let console = console().await;
    for (action, page) in [
        ("/devices/GW2C-0001/custody", "/devices/GW2C-0001"),
        ("/devices/GW2C-0001/notes", "/devices/GW2C-0001"),
        ("/tokens/01a20339-d5f7-7041-809d-5ea0a0b97873/revoke", "/tokens"),
        ("/audit/verify", "/audit"),
        ("/theme", "/"),
    ] {
        let answer = console.get(Visitor::As(Role::Admin), action).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, page), "{action}");
    }
    let nobody = console.get(Visitor::Nobody, "/devices/GW2C-0001/custody").await;
    assert!(nobody.status == 303 && nobody.location.starts_with("/sign-in"), "{nobody:?}");
}

#[tokio::test]
async fn a_device_without_certificate_is_not_called_trusted() {
    let console = console().await;
    let page = console.get(Visitor::Operator, "/devices/GW2C-0001").await.body;
    assert!(page.contains("Not vouched for yet") && page.contains("No certificate on record"), "{page}");
    assert!(page.contains("Nothing speaks against it, nothing vouches for it"), "{page}");
    let suspect = console.get(Visitor::Operator, "/devices/GW2C-0002").await.body;
    assert!(!suspect.contains("Not vouched for yet"), "what speaks against it goes first");
}

#[tokio::test]
async fn a_search_without_a_match_says_so() {
    let console = console().await;
    let answer = console.get(Visitor::Operator, "/ui/search?q=no-such-thing").await;
    assert!(answer.status == 200 && answer.body.contains("Nothing matches"), "{}", answer.body);
    assert!(answer.body.contains(r#"aria-disabled="true""#) && !answer.body.contains("href="), "nothing to choose");
    let escaped = console.get(Visitor::Operator, "/ui/search?q=%3Cscript%3E").await;
    assert!(escaped.body.contains("&lt;script&gt;") && !escaped.body.contains("<script>"));
}

#[tokio::test]
async fn a_search_finds_repairs_and_custodians() {
    let console = console().await;
    let opened = console.post(Visitor::Operator, "/repairs", "serial=GW2C-0001&symptom=Dead").await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    let code = opened.location.trim_start_matches("/repairs/").to_lowercase();
    for typed in [code.as_str(), &code[..5]] {
        let answer = console.get(Visitor::Operator, &format!("/ui/search?q={typed}")).await;
        assert!(answer.body.contains(&format!(r#"href="{}""#, opened.location)), "{typed}: {}", answer.body);
    }
    let answer = console.get(Visitor::Operator, "/ui/search?q=acme").await;
    assert!(answer.body.contains(r#"href="/custodians/acme-sons""#), "{}", answer.body);
}

#[tokio::test]
async fn a_bulk_form_leads_back_to_the_list_it_was_opened_from() {
    let console = console().await;
    let selected = "q=model%3AGW-200&serial=GW2C-0001&serial=GW2C-0003";
    let form = console.post(Visitor::Operator, "/devices/custody", selected).await;
    assert!(form.body.contains(r#"href="/devices?q=model%3AGW-200""#), "{}", form.body);
    assert!(form.body.contains(r#"name="q" value="model:GW-200""#), "{}", form.body);
    let (_, rest) = form.body.split_once(r#"name="devices" value=""#).unwrap();
    let devices = rest.split_once('"').unwrap().0;
    let sent = format!("{selected}&devices={devices}&once=request-1&verb=transfer&custodian=acme-sons");
    let done = console.post(Visitor::Operator, "/devices/custody", &sent).await;
    assert_eq!((done.status, done.location.as_str()), (303, "/devices?q=model%3AGW-200"), "{}", done.body);
}

#[tokio::test]
async fn the_number_on_the_tab_is_the_number_on_its_page() {
    let console = console().await;
    let page = console.get(Visitor::Operator, "/devices/GW2C-0002?tab=history").await.body;
    assert!(page.contains(r#"History <span class="n">3</span>"#) && page.contains("1 to 3 of 3 events"), "{page}");
}

#[tokio::test]
async fn the_audit_log_speaks_in_words_and_names() {
    let console = console().await;
    console.post(ADMIN, "/tokens", "name=ERP&role=auditor&days=30").await;
    let file = ("october.csv", "serial\n");
    console.upload(Visitor::Operator, "/imports", &[("mode", "try"), ("kind", "")], file).await;
    let log = console.get(ADMIN, "/audit").await.body;
    assert!(log.contains(">Token ERP</a>") && log.contains(">Import october.csv</a>"), "{log}");
}
