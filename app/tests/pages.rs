//! Pages and actions as a browser meets them, on a small fleet.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod common;

use common::{Visitor, console};

#[tokio::test]
async fn whoever_is_not_signed_in_meets_the_door() {
    let console = console().await;
    let answer = console.get(Visitor::Nobody, "/").await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in"));
    let door = console.get(Visitor::Nobody, "/sign-in?next=%2Fdevices").await;
    assert_eq!(door.status, 200);
    assert!(door.body.starts_with("<!DOCTYPE html><html lang=\"en\""), "{}", door.body);
    assert!(door.body.contains(r#"name="email""#) && door.body.contains(r#"name="password""#));
    assert!(door.body.contains(r#"name="next" value="/devices""#));
    assert!(!door.body.contains(r#"aria-label="Main""#), "the navigation is for those who are in");
}

#[tokio::test]
async fn the_door_leads_nowhere_else() {
    let door = console().await.get(Visitor::Nobody, "/sign-in?next=https%3A%2F%2Fevil.example").await;
    assert!(door.body.contains(r#"name="next" value="/""#));
}

#[tokio::test]
async fn the_overview_counts_and_every_number_leads_to_its_list() {
    let console = console().await;
    let page = console.get(Visitor::Operator, "/").await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("<title>Overview · Muster</title>"));
    assert!(page.body.contains("3 devices, 1 model, 1 factory, 1 client"), "{}", page.body);
    assert!(page.body.contains(r#"<a href="/devices?q=trust%3Asuspect">1</a>"#));
    assert!(page.body.contains(r#"aria-current="page""#));
}

#[tokio::test]
async fn nothing_is_styled_or_scripted_inline() {
    let console = console().await;
    for path in ["/", "/sign-in", "/nothing-here"] {
        let page = console.get(Visitor::Operator, path).await;
        assert!(!page.body.contains(" style="), "{path} would break the content security policy");
        assert!(!page.body.contains(" onclick="), "{path} would break the content security policy");
    }
}

#[tokio::test]
async fn an_unknown_address_has_a_page_that_names_the_request() {
    let console = console().await;
    for visitor in [Visitor::Nobody, Visitor::Operator] {
        let page = console.get(visitor, "/nothing/here").await;
        assert_eq!(page.status, 404);
        assert!(page.body.contains("Not found") && page.body.contains("request-1"), "{}", page.body);
    }
}

#[tokio::test]
async fn the_theme_is_kept_and_leads_back() {
    let console = console().await;
    let answer = console.post(Visitor::Operator, "/theme", "theme=dark&next=%2Fdevices%3Fq%3Da").await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/devices?q=a"));
    assert!(answer.cookies.iter().any(|cookie| cookie.starts_with("__Host-theme=dark;")), "{:?}", answer.cookies);
    let page = console.get_with_cookie(Visitor::Operator, "/", "__Host-theme=dark").await;
    assert!(page.body.contains(r#"data-theme="dark""#));
    let answer = console.post(Visitor::Operator, "/theme", "theme=loud&next=%2F%2Fevil.example").await;
    assert_eq!(answer.location, "/");
}

#[tokio::test]
async fn a_sentence_is_shown_once() {
    let console = console().await;
    let page = console.get_with_cookie(Visitor::Operator, "/", "__Host-flash=ok%3ACustody%20%3Cb%3Erecorded").await;
    assert!(page.body.contains("Custody &lt;b&gt;recorded"), "{}", page.body);
    assert!(page.cookies.iter().any(|cookie| cookie.starts_with("__Host-flash=;")), "{:?}", page.cookies);
}

#[tokio::test]
async fn islands_are_asked_by_whoever_may_see_the_fleet_only() {
    let console = console().await;
    let answer = console.get(Visitor::Nobody, "/ui/search?q=GW").await;
    assert_eq!(answer.status, 401);
    let answer = console.get(Visitor::Operator, "/ui/search?q=GW2C-0").await;
    assert!(answer.body.contains(r#"href="/devices/GW2C-0001""#), "{}", answer.body);
    let answer = console.get(Visitor::Operator, "/ui/complete?q=custodian%3Aac&cursor=12").await;
    assert!(answer.body.contains(r#"data-value="custodian:&quot;Acme &amp; Sons&quot;""#), "{}", answer.body);
    let answer = console.get(Visitor::Operator, "/ui/search?q=%3Cscript%3E").await;
    assert!(!answer.body.contains("<script>"));
}
