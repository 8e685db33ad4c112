//! The second factor by the real router: half a session, the codes, and forms that wait for one.

use crate::common::{Answer, TEST, World, form};
use axum::body::Body;
use domain::{
    id::UserId,
    time::{MINUTE, SECOND, Timestamp},
};
use fleet::{Origin, people::UserForm};
use http::{Request, StatusCode, header};
use totp_rs::{Builder, Secret};

const PASSWORD: &str = "a long enough password";
const SIGN_IN: &str = "email=ada%40b.example&password=a+long+enough+password&next=%2Fdevices%3Fq%3Dx";

/// What an app shows at this time.
pub fn code(secret: &str, at: Timestamp) -> String {
    let secret = Secret::try_from_base32(secret.replace(' ', "")).unwrap();
    let app = Builder::new().with_secret(secret).build().unwrap();
    app.generate(u64::try_from(at.0 / SECOND).unwrap()).to_string()
}

struct Scene {
    world: World,
    ada: UserId,
    secret: String,
}

impl Scene {
    /// Ada, an administrator with an authenticator app.
    async fn new() -> Self {
        let world = World::new().await;
        world.set_time(Timestamp(1_793_620_800_000_000));
        let form = UserForm { email: "ada@b.example".into(), name: "Ada".into(), role: "admin".into() };
        let ada = world.fleet.add_user_with_password(&TEST, &form, PASSWORD).await.unwrap().id;
        let actor = world.fleet.actor_of_user(ada, Origin::default()).await.unwrap().unwrap();
        world.fleet.begin_app(&actor, "Phone", PASSWORD).await.unwrap();
        let secret = world.fleet.pending_app(&actor).await.unwrap().unwrap().secret;
        world.fleet.confirm_app(&actor, &code(&secret, world.fleet.now())).await.unwrap();
        let scene = Self { world, ada, secret };
        scene.wait(MINUTE);
        scene
    }

    fn wait(&self, micros: i64) {
        self.world.set_time(self.world.fleet.now().plus(micros));
    }

    fn code(&self) -> String {
        code(&self.secret, self.world.fleet.now())
    }

    async fn post(&self, path: &str, cookie: &str, body: &str) -> Answer {
        self.world.send(form(path).header(header::COOKIE, cookie).body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.world.send(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
    }

    /// Comes in by both steps. The session's cookie.
    async fn sign_in(&self) -> String {
        let half = pair(&self.post("/sign-in", "", SIGN_IN).await);
        let answer = self.post("/sign-in/second", &half, &format!("code={}", self.code())).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        pair(&answer)
    }
}

fn pair(answer: &Answer) -> String {
    let set = answer.header("set-cookie");
    let line = set.lines().find(|line| line.starts_with("__Host-muster=")).unwrap_or_default();
    line.split(';').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn half_a_session_is_good_for_the_second_step_and_nothing_else() {
    let scene = Scene::new().await;
    let first = scene.post("/sign-in", "", SIGN_IN).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    assert_eq!(first.header("location"), "/sign-in/second?next=%2Fdevices%3Fq%3Dx");
    let half = pair(&first);
    for page in ["/", "/account", "/account/factors", "/devices", "/settings", "/ui/search?q=x"] {
        let answer = scene.get(page, &half).await;
        let sent_away = answer.header("location").starts_with("/sign-in") || answer.status == StatusCode::UNAUTHORIZED;
        assert!(sent_away, "{page}: {}", answer.status);
    }
    for (action, body) in [("/tokens", "name=x&role=admin&days=1"), ("/account/factors", "name=x"), ("/users", "")] {
        assert_eq!(scene.post(action, &half, body).await.header("location"), "/sign-in", "{action}");
    }
    let api = scene.get("/api/v1/devices", &half).await;
    assert_eq!(api.status, StatusCode::UNAUTHORIZED);
    assert!(scene.world.fleet.own_sessions(&scene.actor().await, None).await.unwrap().is_empty(), "it is nobody's");
    // Nor does it bring in another app.
    let more = scene.post("/sign-in/second/app", &half, "name=Mine").await;
    assert_eq!(more.status, StatusCode::CONFLICT, "{}", more.body);

    let page = scene.get("/sign-in/second?next=%2Fdevices%3Fq%3Dx", &half).await;
    assert!(page.body.contains("ada@b.example") && page.body.contains("one-time-code"), "{}", page.body);
    let wrong = scene.post("/sign-in/second", &half, "code=000000&next=%2Fdevices").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let right = scene.post("/sign-in/second", &half, &format!("code={}&next=%2Fdevices%3Fq%3Dx", scene.code())).await;
    assert_eq!((right.status, right.header("location")), (StatusCode::SEE_OTHER, "/devices?q=x".to_owned()));
    let whole = pair(&right);
    assert_ne!(whole, half, "under another id");
    assert_eq!(scene.get("/account", &whole).await.status, StatusCode::OK);
    assert_eq!(
        scene.get("/sign-in/second", &half).await.status,
        StatusCode::GONE,
        "half of it is worth nothing any more"
    );
}

impl Scene {
    async fn actor(&self) -> fleet::Actor {
        self.world.fleet.actor_of_user(self.ada, Origin::default()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn half_a_session_ends_after_five_minutes() {
    let scene = Scene::new().await;
    let half = pair(&scene.post("/sign-in", "", SIGN_IN).await);
    scene.wait(5 * MINUTE);
    let answer = scene.post("/sign-in/second", &half, &format!("code={}", scene.code())).await;
    assert_eq!(answer.status, StatusCode::GONE, "{}", answer.body);
    assert_eq!(pair(&answer), "__Host-muster=", "nobody is in, and the cookie is taken back");
}

#[tokio::test]
async fn a_form_that_needs_it_waits_for_a_code_and_goes_on_with_what_was_posted() {
    let scene = Scene::new().await;
    let cookie = scene.sign_in().await;
    let new = "name=A+%26+%22B%22&role=support&days=30&once=form-1";
    assert_eq!(scene.post("/tokens", &cookie, new).await.status, StatusCode::CREATED, "shown just now");
    scene.wait(11 * MINUTE);
    let new = "name=A+%26+%22B%22&role=support&days=30&once=form-2";
    let asked = scene.post("/tokens", &cookie, new).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN);
    assert!(asked.body.contains(r#"action="/tokens?prove""#), "{}", asked.body);
    for carried in [r#"name="role" value="support""#, r#"name="days" value="30""#, "A &amp; &quot;B&quot;"] {
        assert!(asked.body.contains(carried), "{carried}: {}", asked.body);
    }
    assert_eq!(scene.world.fleet.tokens(&TEST).await.unwrap().len(), 1, "nothing was done yet");
    let wrong = scene.post("/tokens?prove", &cookie, &format!("{new}&second_factor_code=000000")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("is not right") && wrong.body.contains("A &amp; &quot;B&quot;"), "{}", wrong.body);
    let code = scene.code();
    let done = scene.post("/tokens?prove", &cookie, &format!("{new}&second_factor_code={code}")).await;
    assert_eq!(done.status, StatusCode::CREATED, "{}", done.body);
    let tokens = scene.world.fleet.tokens(&TEST).await.unwrap();
    assert_eq!((tokens.len(), tokens[0].name.as_str()), (2, "A & \"B\""));
    assert!(!done.body.contains(&code));
    // In this session it counts on, in another it doesn't.
    let third = "name=C&role=support&days=30&once=form-3";
    assert_eq!(scene.post("/tokens", &cookie, third).await.status, StatusCode::CREATED);
    let other = scene.world.cookie(scene.ada).await;
    let again =
        scene.post("/tokens?prove", &other, &format!("name=D&role=admin&days=1&second_factor_code={code}")).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "a code that was seen is worth nothing elsewhere");
    let fourth = "name=D&role=admin&days=1&once=form-4";
    assert_eq!(scene.post("/tokens", &other, fourth).await.status, StatusCode::FORBIDDEN);
    // A form that names a code and isn't marked has shown nothing.
    let unmarked = scene.post("/tokens", &other, &format!("{fourth}&second_factor_code={}", scene.code())).await;
    assert_eq!(unmarked.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_policy_is_met_on_the_way_in_and_recovery_codes_are_shown_once() {
    let scene = Scene::new().await;
    let cookie = scene.sign_in().await;
    let form = UserForm { email: "max@b.example".into(), name: "Max".into(), role: "manager".into() };
    let max = scene.world.fleet.add_user_with_password(&TEST, &form, PASSWORD).await.unwrap().id;
    let open = scene.world.cookie(max).await;
    assert_eq!(scene.get("/approvals", &open).await.status, StatusCode::OK);
    let chosen = scene.post("/settings/second-factor", &cookie, "policy=managers").await;
    assert_eq!(chosen.status, StatusCode::SEE_OTHER, "{}", chosen.body);
    assert_eq!(scene.get("/approvals", &open).await.status, StatusCode::SEE_OTHER, "it has ended");

    let half = pair(&scene.post("/sign-in", "", &SIGN_IN.replace("ada", "max")).await);
    let page = scene.get("/sign-in/second", &half).await;
    assert!(page.body.contains("/sign-in/second/app"), "{}", page.body);
    let begun = scene.post("/sign-in/second/app", &half, "name=Phone").await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER);
    let elsewhere = scene.get("/sign-in/second", &half).await.body;
    assert!(!elsewhere.contains("hashbox"), "its secret is shown to whoever began it alone");
    let page = scene.get(&begun.header("location"), &half).await.body;
    let letters = page.split(r#"data-copy=""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(page.contains("class=\"qr\""), "{page}");
    let body = format!("code={}&next=%2Fapprovals", code(letters, scene.world.fleet.now()));
    let done = scene.post("/sign-in/second/confirm", &half, &body).await;
    assert_eq!(done.status, StatusCode::CREATED, "{}", done.body);
    assert_eq!(done.header("cache-control"), "no-store");
    assert_eq!(done.body.matches("<li class=\"mono\">").count(), 10, "{}", done.body);
    assert!(done.body.contains(r#"href="/approvals""#), "{}", done.body);
    let whole = pair(&done);
    assert_eq!(scene.get("/approvals", &whole).await.status, StatusCode::OK);
    let account = scene.get("/account", &whole).await.body;
    assert!(account.contains("Phone") && account.contains("10 recovery codes left"), "{account}");
}
