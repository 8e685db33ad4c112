//! Signing in at a provider of identities, by the real router: cookies, addresses, pages.

use crate::{
    common::{Answer, TEST, World, form},
    provider::{Idp, query_of},
};
use axum::body::Body;
use domain::{
    person::Role,
    time::{MINUTE, SECOND, Timestamp},
};
use fleet::oidc::{Departure, Provider};
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

struct Scene {
    world: World,
    idp: Idp,
}

/// A browser's cookies, by their names.
#[derive(Clone, Debug, Default)]
struct Browser(Vec<(String, String)>);

impl Browser {
    fn take(&mut self, answer: &Answer) {
        for line in answer.header("set-cookie").lines() {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.0.retain(|(known, _)| known != name);
            if !line.contains("Max-Age=0") && !value.is_empty() {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn line(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn value(&self, name: &str) -> String {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

fn operator() -> Value {
    json!({"sub": "ada", "email": "ada@company.example", "name": "Ada <b>L", "groups": ["fleet-operators"]})
}

impl Scene {
    async fn new() -> Self {
        let (world, idp) = (World::new().await, Idp::start().await);
        world.set_time(Timestamp(1_793_620_800_000_000));
        let _ = world.fleet.clone().with_provider(idp.provider());
        Self { world, idp }
    }

    async fn get(&self, browser: &mut Browser, path: &str) -> Answer {
        let answer = self
            .world
            .send(Request::get(path).header(header::COOKIE, browser.line()).body(Body::empty()).unwrap())
            .await;
        browser.take(&answer);
        answer
    }

    async fn post(&self, browser: &mut Browser, path: &str, body: &str, from: &str) -> Answer {
        let request = form(path).header(header::COOKIE, browser.line()).header(header::REFERER, from);
        let answer = self.world.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        browser.take(&answer);
        answer
    }

    /// From a page to the provider: the address of the callback with which it sends somebody back.
    async fn away(&self, browser: &mut Browser, path: &str, claims: &Value) -> String {
        let left = self.get(browser, path).await;
        assert_eq!(left.status, StatusCode::SEE_OTHER, "{}", left.body);
        assert_eq!(left.header("cache-control"), "no-store");
        let to = left.header("location");
        let state = query_of(&to)["state"].clone();
        let departure = Departure { to, browser: browser.value("__Host-away") };
        let code = self.idp.code(&departure, self.world.fleet.now().0, claims);
        format!("/sign-in/oidc/callback?state={state}&code={code}")
    }

    fn wait(&self, micros: i64) {
        self.world.set_time(self.world.fleet.now().plus(micros));
    }
}

#[tokio::test]
async fn there_and_back_into_a_new_session() {
    let scene = Scene::new().await;
    let mut browser = Browser::default();
    let page = scene.get(&mut browser, "/sign-in?next=%2Fdevices%3Fq%3Dx").await;
    assert!(page.body.contains("Sign in with Example ID"), "{}", page.body);
    assert!(page.body.contains(r#"href="/sign-in/oidc?next=%2Fdevices%3Fq%3Dx""#), "{}", page.body);
    let left = scene.get(&mut browser.clone(), "/sign-in/oidc").await;
    let cookie = left.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-away=") && cookie.ends_with("; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let callback = scene.away(&mut browser, "/sign-in/oidc?next=%2Fdevices%3Fq%3Dx", &operator()).await;
    // A session that was there before is not the one that is gone on in.
    let planted = scene.world.person(Role::Auditor, "eve@b.example").await;
    let planted = scene.world.cookie(planted).await;
    let (name, value) = planted.split_once('=').unwrap();
    browser.0.push((name.to_owned(), value.to_owned()));
    let back = scene.get(&mut browser, &callback).await;
    assert_eq!(
        (back.status, back.header("location")),
        (StatusCode::SEE_OTHER, "/devices?q=x".to_owned()),
        "{}",
        back.body
    );
    assert_ne!(browser.value("__Host-muster"), value);
    let account = scene.get(&mut browser, "/account").await;
    assert!(account.body.contains("ada@company.example") && account.body.contains("Example ID"), "{}", account.body);
    assert!(account.body.contains("Ada &lt;b") && !account.body.contains("change-password"), "{}", account.body);
    let old =
        scene.world.send(Request::get("/account").header(header::COOKIE, planted).body(Body::empty()).unwrap()).await;
    assert_eq!(old.status, StatusCode::SEE_OTHER, "whoever knows the old id has nothing");
    // Sent again, the callback is worth nothing, and says so.
    let again = scene.get(&mut browser, &callback).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.body.contains("Begin again"), "{}", again.body);
    let other = scene.get(&mut Browser::default(), &callback).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn one_goes_on_at_this_console_alone() {
    let scene = Scene::new().await;
    for next in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example"] {
        let mut browser = Browser::default();
        let callback = scene.away(&mut browser, &format!("/sign-in/oidc?next={next}"), &operator()).await;
        assert_eq!(scene.get(&mut browser, &callback).await.header("location"), "/", "{next}");
    }
}

#[tokio::test]
async fn who_is_refused_is_told_on_the_sign_in_page() {
    let scene = Scene::new().await;
    let mut browser = Browser::default();
    let stranger = json!({"sub": "eve", "email": "eve@company.example", "groups": ["staff"]});
    let callback = scene.away(&mut browser, "/sign-in/oidc?next=%2Fdevices", &stranger).await;
    let refused = scene.get(&mut browser, &callback).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("none of your groups"), "{}", refused.body);
    assert!(
        refused.body.contains(r#"href="/sign-in/oidc?next=%2Fdevices""#),
        "where they wanted to go is kept: {}",
        refused.body
    );
    assert_eq!(browser.value("__Host-muster"), "");
    let mut browser = Browser::default();
    let callback = scene.away(&mut browser, "/sign-in/oidc", &operator()).await;
    let state = callback.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let denied = scene.get(&mut browser, &format!("/sign-in/oidc/callback?state={state}&error=access_denied")).await;
    assert!(denied.body.contains("left, or refused there"), "{}", denied.body);
}

#[tokio::test]
async fn a_form_that_needs_it_leads_to_the_provider_and_back() {
    let scene = Scene::new().await;
    let mut admin = operator();
    admin["groups"] = json!(["fleet-admins"]);
    let mut browser = Browser::default();
    let callback = scene.away(&mut browser, "/sign-in/oidc", &admin).await;
    assert_eq!(scene.get(&mut browser, &callback).await.status, StatusCode::SEE_OTHER);
    let new = "name=A&role=support&days=30&once=form-1";
    let asked = scene.post(&mut browser, "/tokens", new, "https://fleet.example/tokens?state=all").await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN);
    assert!(asked.body.contains("Show again who you are"), "{}", asked.body);
    assert!(asked.body.contains(r#"href="/account/oidc?next=%2Ftokens%3Fstate%3Dall""#), "{}", asked.body);
    assert!(!asked.body.contains("second_factor_code"), "there is no second factor here: {}", asked.body);
    let elsewhere = scene.post(&mut browser, "/tokens", new, "https://evil.example/x").await;
    assert!(elsewhere.body.contains(r#"href="/account/oidc?next=%2Ftokens""#), "{}", elsewhere.body);
    // Whoever was not asked anew has shown nothing.
    admin["auth_time"] = json!(scene.world.fleet.now().0 / SECOND - 3600);
    let callback = scene.away(&mut browser, "/account/oidc?next=%2Ftokens", &admin).await;
    let stale = scene.get(&mut browser, &callback).await;
    assert_eq!(stale.status, StatusCode::CONFLICT, "{}", stale.body);
    assert_eq!(scene.post(&mut browser, "/tokens", new, "").await.status, StatusCode::FORBIDDEN);
    admin["auth_time"] = json!(scene.world.fleet.now().0 / SECOND);
    let callback = scene.away(&mut browser, "/account/oidc?next=%2Ftokens%3Fstate%3Dall", &admin).await;
    let shown = scene.get(&mut browser, &callback).await;
    assert_eq!((shown.status, shown.header("location")), (StatusCode::SEE_OTHER, "/tokens?state=all".to_owned()));
    assert_eq!(scene.post(&mut browser, "/tokens", new, "").await.status, StatusCode::CREATED);
    scene.wait(11 * MINUTE);
    let later = scene.post(&mut browser, "/tokens", "name=B&role=support&days=30&once=form-2", "").await;
    assert_eq!(later.status, StatusCode::FORBIDDEN);
    assert_eq!(scene.world.fleet.tokens(&TEST).await.unwrap().len(), 1);
}

#[tokio::test]
async fn signing_out_here_offers_to_sign_out_there() {
    let scene = Scene::new().await;
    let mut browser = Browser::default();
    let callback = scene.away(&mut browser, "/sign-in/oidc", &operator()).await;
    scene.get(&mut browser, &callback).await;
    let out = scene.post(&mut browser, "/sign-out", "", "").await;
    assert_eq!(out.header("location"), "/sign-in?left");
    assert!(scene.get(&mut browser, "/sign-in?left").await.body.contains(r#"href="/sign-out/oidc""#));
    let away = scene.get(&mut browser, "/sign-out/oidc").await;
    assert_eq!(away.header("location"), format!("{}/leave?client_id=muster", scene.idp.url));
    assert_eq!(scene.get(&mut browser, "/account").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn administrators_see_whose_an_account_is_and_link_it() {
    let scene = Scene::new().await;
    let admin = scene.world.person(Role::Admin, "root@b.example").await;
    let ada = scene.world.person(Role::Support, "ada@company.example").await;
    let mut browser = Browser::default();
    let cookie = scene.world.cookie(admin).await;
    let (name, value) = cookie.split_once('=').unwrap();
    browser.0.push((name.to_owned(), value.to_owned()));
    let mut theirs = Browser::default();
    let callback = scene.away(&mut theirs, "/sign-in/oidc", &operator()).await;
    let clash = scene.get(&mut theirs, &callback).await;
    assert!(clash.body.contains("There is an account ada@company.example"), "{}", clash.body);
    let page = format!("/users/{ada}");
    assert!(scene.get(&mut browser, &page).await.body.contains("Subject there"));
    let linked = scene.post(&mut browser, &format!("{page}/provider"), "subject=ada", "").await;
    assert_eq!(linked.header("location"), page, "{}", linked.body);
    let shown = scene.get(&mut browser, &page).await.body;
    assert!(
        shown.contains(&scene.idp.url) && shown.contains("Unlink") && shown.contains("follows from their groups"),
        "{shown}"
    );
    let list = scene.get(&mut browser, "/users").await.body;
    assert!(list.contains(r#"title="Signs in at the provider of identities""#), "{list}");
    let callback = scene.away(&mut theirs, "/sign-in/oidc", &operator()).await;
    assert_eq!(scene.get(&mut theirs, &callback).await.status, StatusCode::SEE_OTHER);
    let named = scene.post(&mut browser, &page, "name=Ada+L&role=operator&version=2", "").await;
    assert_eq!(named.status, StatusCode::SEE_OTHER, "the name alone is changed here: {}", named.body);
    let unlinked = scene.post(&mut browser, &format!("{page}/provider/remove"), "", "").await;
    assert_eq!(unlinked.header("location"), page);
    assert_eq!(scene.get(&mut theirs, "/account").await.status, StatusCode::SEE_OTHER, "the session has ended");
}

#[tokio::test]
async fn where_few_have_passwords_the_fields_are_folded() {
    let scene = Scene::new().await;
    let settings = fleet::oidc::ProviderSettings { local: domain::oidc::LocalSignIn::Admins, ..scene.idp.settings() };
    let _ = scene.world.fleet.clone().with_provider(Some(Provider::new(settings).unwrap()));
    let page = scene.get(&mut Browser::default(), "/sign-in").await.body;
    assert!(page.contains("<details class=\"by-password\">"), "{page}");
    let wrong = scene.post(&mut Browser::default(), "/sign-in", "email=a%40b.example&password=x", "").await;
    assert!(
        wrong.body.contains("<details open class=\"by-password\"")
            || wrong.body.contains("<details class=\"by-password\" open"),
        "{}",
        wrong.body
    );
}
