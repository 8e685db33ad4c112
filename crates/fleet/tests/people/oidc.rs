//! Signing in at a provider of identities, which may lie: on both databases.

use crate::{
    provider::{Answers, Idp, Signed, query_of},
    world::{MUSTER, PASSWORD, World, form, visitor, worlds},
};
use domain::{
    audit::Outcome,
    factor::{FRESH, HALF_WAY, SecondFactorPolicy, SignInBy},
    id::UserId,
    oidc::{AWAY, LocalSignIn},
    person::Role,
    time::{HOUR, MINUTE, SECOND, Timestamp},
};
use fleet::{
    Actor, Error, Origin,
    factor::Entered,
    oidc::{Arrived, Awaited, Departure, Provider, ProviderSettings, Returned},
    people::{User, UserChange},
};
use serde_json::{Value, json};

const HOST: &str = "fleet.example";

/// A world whose people may sign in at a provider.
struct Scene {
    world: World,
    idp: Idp,
}

async fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for world in worlds().await {
        let idp = Idp::start().await;
        scenes.push(Scene { world, idp }.with(|_| ()));
    }
    scenes
}

fn operator() -> Value {
    json!({"sub": "ada", "email": "Ada@Company.example", "email_verified": true, "name": "Ada Lovelace", "groups": ["fleet-operators"]})
}

fn manager() -> Value {
    json!({"sub": "max", "email": "max@company.example", "groups": ["fleet-managers"]})
}

impl Scene {
    /// The same with other settings.
    fn with(self, change: impl Fn(&mut ProviderSettings)) -> Self {
        let mut settings = self.idp.settings();
        change(&mut settings);
        let _ = self.world.fleet.clone().with_provider(Some(Provider::new(settings).unwrap()));
        self
    }

    async fn leave(&self) -> Departure {
        self.world.fleet.leave_to_sign_in(&visitor("192.0.2.1"), HOST, None, "/devices?q=x").await.unwrap()
    }

    async fn back(&self, departure: &Departure) -> Result<Awaited, Error> {
        self.world.fleet.back_from_provider(Some(&departure.browser), &query_of(&departure.to)["state"]).await
    }

    /// There and back.
    async fn come(&self, claims: &Value) -> Result<Arrived, Error> {
        let departure = self.leave().await;
        let code = self.idp.code(&departure, self.world.fleet.now().0, claims);
        let awaited = self.back(&departure).await.unwrap();
        let returned = Returned { code, ..Returned::default() };
        self.world.fleet.arrive(&visitor("192.0.2.1"), &awaited, &returned).await
    }

    async fn come_in(&self, claims: &Value) -> (User, Option<Timestamp>) {
        match self.come(claims).await.unwrap() {
            Arrived::In { entered: Entered::In(user), proved_at } => (user, proved_at),
            other => panic!("{other:?}"),
        }
    }

    async fn actor(&self, user: UserId) -> Actor {
        self.world.fleet.actor_of_user(user, Origin::default()).await.unwrap().unwrap()
    }

    /// Why the last one was refused, in the audit log.
    async fn why(&self) -> String {
        let (_, outcome, detail) = self.world.last_audited("sign_in").await;
        assert_ne!(outcome, Outcome::Done, "{}", self.world.name);
        serde_json::from_str::<Value>(&detail).unwrap()["why"].as_str().unwrap().to_owned()
    }

    async fn people(&self) -> usize {
        self.world.fleet.users(&MUSTER).await.unwrap().len()
    }
}

fn said(error: &Error) -> String {
    match error {
        Error::Invalid { fields } => fields[0].message.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_is_sent_with() {
    for scene in scenes().await {
        let departure = scene.leave().await;
        assert!(departure.to.starts_with(&format!("{}/authorize?", scene.idp.url)), "{}", departure.to);
        let query = query_of(&departure.to);
        let of = |name: &str| query.get(name).cloned().unwrap_or_default();
        assert_eq!(
            (of("response_type"), of("client_id"), of("code_challenge_method")),
            ("code".into(), "muster".into(), "S256".into())
        );
        assert_eq!(of("redirect_uri"), "https://fleet.example/sign-in/oidc/callback");
        assert_eq!(of("scope"), "openid email profile");
        assert!(
            [of("state"), of("nonce"), of("code_challenge"), departure.browser.clone()]
                .iter()
                .all(|secret| secret.len() == 43)
        );
        assert!(!query.contains_key("prompt") && !query.contains_key("max_age"));
        let again = scene.leave().await;
        assert_ne!(of("state"), query_of(&again.to)["state"]);
        assert_eq!(scene.idp.asked("discovery"), 1, "what it says of itself is kept");
        scene.world.wait(2 * HOUR);
        scene.leave().await;
        assert_eq!(scene.idp.asked("discovery"), 2, "but not for ever");
        let kept = scene.world.fleet.leave_to_sign_in(&visitor(""), HOST, Some(&departure.browser), "/").await.unwrap();
        assert_eq!(kept.browser, departure.browser, "a second tab does not end the first one's sign-in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_sign_in_makes_an_account_and_each_gives_the_role() {
    for scene in scenes().await {
        let (ada, proved) = scene.come_in(&operator()).await;
        assert_eq!(
            (ada.email.as_str(), ada.name.as_str(), ada.role),
            ("ada@company.example", "Ada Lovelace", Role::Operator)
        );
        assert!(!ada.has_password && proved.is_none());
        let (_, outcome, detail) = scene.world.last_audited("sign_in").await;
        assert!(
            outcome == Outcome::Done
                && detail.contains("\"by\":\"provider\"")
                && detail.contains("\"subject\":\"ada\""),
            "{detail}"
        );
        let identity = scene.world.fleet.identity_of(&MUSTER, ada.id).await.unwrap().unwrap();
        assert_eq!((identity.issuer.as_str(), identity.subject.as_str()), (scene.idp.url.as_str(), "ada"));
        // Another address and name are the same person, and groups are looked at anew.
        scene.world.session("old", ada.id).await;
        let moved = json!({"sub": "ada", "email": "new@company.example", "groups": ["x", "fleet-support", "fleet-managers", "fleet-operators"]});
        let (again, _) = scene.come_in(&moved).await;
        assert_eq!((again.id, again.email.as_str(), again.role), (ada.id, "ada@company.example", Role::Manager));
        let (subject, _, detail) = scene.world.last_audited("user.change").await;
        assert!(subject == "user:ada@company.example" && detail.contains("manager"), "{detail}");
        let sessions = scene.world.fleet.own_sessions(&scene.actor(ada.id).await, None).await.unwrap();
        assert_eq!(sessions.len(), 0, "a session that was begun with another role has ended");
        assert_eq!(scene.people().await, 1);
        // A single group may be a string, and lie elsewhere.
        let scene = scene.with(|settings| settings.groups_claim = "realm_access.roles".into());
        let (_, _) = scene.come_in(&json!({"sub": "ada", "realm_access": {"roles": "fleet-support"}})).await;
        assert_eq!(scene.actor(ada.id).await.role(), Some(Role::Support));
        scene.world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_group_with_a_role_stays_out_and_the_log_says_so() {
    for scene in scenes().await {
        let none =
            scene.come(&json!({"sub": "eve", "email": "eve@company.example", "groups": ["staff"]})).await.unwrap_err();
        assert!(said(&none).contains("none of your groups"), "{none}");
        let (subject, outcome, detail) = scene.world.last_audited("sign_in").await;
        assert_eq!((subject.as_str(), outcome), ("user:eve@company.example", Outcome::Denied));
        assert!(detail.contains("staff") && detail.contains("\"subject\":\"eve\""), "{detail}");
        let silent = scene.come(&json!({"sub": "eve"})).await.unwrap_err();
        assert!(said(&silent).contains("gave no answer") || said(&silent).contains("not accepted"), "{silent}");
        scene.idp.tell_apart(json!({"sub": "eve", "email": "eve@company.example"}));
        let silent = scene.come(&json!({"sub": "eve"})).await.unwrap_err();
        assert!(said(&silent).contains("says nothing of your groups"), "{silent}");
        assert_eq!(scene.people().await, 0);
        // A role that was taken away lets nobody in, whatever they were.
        let (ada, _) = scene.come_in(&operator()).await;
        scene.world.session("old", ada.id).await;
        scene.come(&json!({"sub": "ada", "groups": []})).await.unwrap_err();
        assert_eq!(scene.why().await, "no group has a role");
        assert_eq!(scene.actor(ada.id).await.role(), Some(Role::Operator), "what they were stays in the books");
        let sessions = scene.world.fleet.own_sessions(&scene.actor(ada.id).await, None).await.unwrap();
        assert_eq!(sessions.len(), 0, "what was begun with the role that they had has ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_asked_apart_only_where_the_token_has_none() {
    for scene in scenes().await {
        scene.come_in(&operator()).await;
        assert_eq!(scene.idp.asked("userinfo"), 0);
        scene.idp.tell_apart(
            json!({"sub": "sam", "email": "sam@company.example", "name": "Sam", "groups": ["fleet-support"]}),
        );
        let (sam, _) = scene.come_in(&json!({"sub": "sam"})).await;
        assert_eq!((sam.role, sam.email.as_str(), sam.name.as_str()), (Role::Support, "sam@company.example", "Sam"));
        // Of somebody else it says nothing that counts.
        scene.come(&json!({"sub": "eve"})).await.unwrap_err();
        assert!(scene.why().await.contains("user info"), "{}", scene.why().await);
        assert_eq!(scene.people().await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_works_once_in_its_browser_and_for_ten_minutes() {
    for scene in scenes().await {
        let fleet = &scene.world.fleet;
        let departure = scene.leave().await;
        let state = query_of(&departure.to)["state"].clone();
        let other = scene.leave().await;
        for (browser, state) in [
            (None, state.as_str()),
            (Some(other.browser.as_str()), state.as_str()),
            (Some(departure.browser.as_str()), "guess"),
        ] {
            let error = fleet.back_from_provider(browser, state).await.unwrap_err();
            assert!(said(&error).contains("another browser"), "{error}");
        }
        let awaited = scene.back(&departure).await.unwrap();
        assert_eq!(awaited.next(), "/devices?q=x");
        assert!(scene.back(&departure).await.is_err(), "a callback that is sent twice");
        // The code works once, too.
        let code = scene.idp.code(&departure, fleet.now().0, &operator());
        let returned = Returned { code, ..Returned::default() };
        fleet.arrive(&visitor(""), &awaited, &returned).await.unwrap();
        assert!(fleet.arrive(&visitor(""), &awaited, &returned).await.is_err());
        assert!(scene.why().await.contains("invalid_grant"));
        scene.world.wait(AWAY);
        assert!(scene.back(&other).await.is_err(), "too late");
        fleet.sweep().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_sign_in_is_worth_nothing() {
    for scene in scenes().await {
        let fleet = &scene.world.fleet;
        let (mine, theirs) = (scene.leave().await, scene.leave().await);
        // An attacker brings the code of their own sign-in into somebody's browser: PKCE and the nonce are of another one.
        let code = scene.idp.code(&theirs, fleet.now().0, &operator());
        let awaited = scene.back(&mine).await.unwrap();
        assert!(fleet.arrive(&visitor(""), &awaited, &Returned { code, ..Returned::default() }).await.is_err());
        assert_eq!(scene.people().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_not_right_are_refused() {
    for scene in scenes().await {
        let now = scene.world.fleet.now().0 / SECOND;
        let cases = [
            (json!({"nonce": "another"}), "nonce"),
            (json!({"nonce": null}), "nonce"),
            (json!({"aud": "another"}), "must contain"),
            (json!({"aud": ["muster", "another"]}), "trusted audience"),
            (json!({"aud": null}), "must contain"),
            (json!({"azp": "another"}), "azp"),
            (json!({"iss": "https://another.example"}), "expected"),
            (json!({"exp": now - 120}), "expired"),
            (json!({"exp": null}), "read"),
            (json!({"iat": now - 3600}), "iat"),
            (json!({"iat": now + 3600}), "iat"),
            (json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), "at_hash"),
            (json!({"sub": ""}), "subject"),
            (json!({"sub": "x".repeat(300)}), "subject"),
        ];
        for (change, told) in cases {
            let mut claims = operator();
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            let error = scene.come(&claims).await.unwrap_err();
            assert!(said(&error).contains("was not accepted"), "{change}: {error}");
            let why = scene.why().await;
            assert!(why.to_lowercase().contains(told), "{change}: {why}");
        }
        for signed in [Signed::Not, Signed::BySecret, Signed::ByPublicKey, Signed::ByOther] {
            scene.idp.sign(signed);
            let error = scene.come(&operator()).await.unwrap_err();
            assert!(said(&error).contains("was not accepted"), "{signed:?}: {error}");
        }
        assert_eq!(scene.people().await, 0);
        scene.idp.sign(Signed::Right);
        let mut ours = operator();
        ours["azp"] = json!("muster");
        ours["aud"] = json!(["muster"]);
        scene.come_in(&ours).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_known_is_asked_for_and_not_too_often() {
    for scene in scenes().await {
        scene.come_in(&operator()).await;
        scene.idp.rotate();
        scene.come(&operator()).await.unwrap_err();
        assert_eq!(scene.idp.asked("jwks"), 1, "it was asked a moment ago");
        scene.world.wait(11 * SECOND);
        scene.come_in(&operator()).await;
        assert_eq!(scene.idp.asked("jwks"), 2);
        scene.come_in(&operator()).await;
        assert_eq!(scene.idp.asked("jwks"), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_of_our_provider() {
    for scene in scenes().await {
        let fleet = &scene.world.fleet;
        scene.idp.name_itself();
        let come = async |iss: &str, error: &str| {
            let departure = scene.leave().await;
            let code = scene.idp.code(&departure, fleet.now().0, &operator());
            let awaited = scene.back(&departure).await.unwrap();
            let returned = Returned { code, iss: iss.to_owned(), error: error.to_owned() };
            fleet.arrive(&visitor(""), &awaited, &returned).await
        };
        assert!(come("https://another.example", "").await.is_err());
        assert!(scene.why().await.contains("iss"));
        assert!(come("", "").await.is_err(), "it says that it names itself (RFC 9207)");
        let left = come(&scene.idp.url, "access_denied").await.unwrap_err();
        assert!(said(&left).contains("left, or refused"), "{left}");
        let odd = come(&scene.idp.url, "<b>").await.unwrap_err();
        assert!(said(&odd).contains("no code"), "{odd}");
        assert!(come(&scene.idp.url, "").await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_gone_slow_or_loud_is_told_as_such() {
    for scene in scenes().await {
        let fleet = &scene.world.fleet;
        for (answers, told) in [
            (Answers::AnotherIssuer, "another one"),
            (Answers::Huge, "larger than"),
            (Answers::Never, "no answer within"),
        ] {
            scene.idp.answer(answers);
            let error = fleet.leave_to_sign_in(&visitor(""), HOST, None, "/").await.unwrap_err();
            assert!(matches!(&error, Error::Away(text) if text.contains(told)), "{answers:?}: {error}");
        }
        for (answers, told) in [(Answers::Elsewhere, "redirection"), (Answers::Ill, "not accepted")] {
            scene.idp.answer(Answers::Right);
            let departure = scene.leave().await;
            let code = scene.idp.code(&departure, fleet.now().0, &operator());
            let awaited = scene.back(&departure).await.unwrap();
            scene.idp.answer(answers);
            let error =
                fleet.arrive(&visitor(""), &awaited, &Returned { code, ..Returned::default() }).await.unwrap_err();
            let text = if let Error::Away(text) = &error { text.clone() } else { said(&error) };
            assert!(text.contains(told), "{answers:?}: {text}");
        }
        // Whoever has an account here gets in all the same.
        let (admin, _) = scene.world.person(Role::Admin).await;
        let Scene { world, idp } = scene;
        drop(idp);
        world.wait(2 * HOUR);
        let gone = world.fleet.leave_to_sign_in(&visitor(""), HOST, None, "/").await;
        assert!(matches!(&gone, Err(Error::Away(text)) if text.contains("can't be reached")), "{gone:?}");
        world.fleet.sign_in(&visitor(""), &admin.email, PASSWORD).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_never_taken_by_its_address() {
    for scene in scenes().await {
        let fleet = &scene.world.fleet;
        let (_, admin) = scene.world.person(Role::Admin).await;
        let (ada, own) = scene.world.someone("ada@company.example", Role::Operator).await;
        let clash = scene.come(&operator()).await.unwrap_err();
        assert!(
            said(&clash).contains("There is an account ada@company.example") && said(&clash).contains("link"),
            "{clash}"
        );
        let (subject, outcome, detail) = scene.world.last_audited("sign_in").await;
        assert_eq!((subject.as_str(), outcome), ("user:ada@company.example", Outcome::Denied));
        assert!(detail.contains("\"subject\":\"ada\""), "{detail}");
        // An administrator links it, by who that is there.
        assert!(matches!(fleet.link_identity(&own, ada.id, "ada").await, Err(Error::Forbidden { .. })));
        assert!(said(&fleet.link_identity(&admin, ada.id, " ").await.unwrap_err()).contains("subject"));
        fleet.link_identity(&admin, ada.id, "ada").await.unwrap();
        assert!(matches!(fleet.link_identity(&admin, ada.id, "ada").await, Err(Error::Conflict(_))));
        let (bob, _) = scene.world.someone("bob@company.example", Role::Operator).await;
        assert!(said(&fleet.link_identity(&admin, bob.id, "ada").await.unwrap_err()).contains("Another account"));
        assert_eq!(scene.come_in(&operator()).await.0.id, ada.id);
        // From then on it has no other way in.
        let past = fleet.sign_in(&visitor(""), "ada@company.example", PASSWORD).await.unwrap_err();
        assert!(said(&past).contains("signs in at Example ID"), "{past}");
        assert!(
            matches!(fleet.reset_link(&admin, ada.id).await, Err(Error::Conflict(text)) if text.contains("Example ID"))
        );
        assert!(matches!(
            fleet.change_password(&own, PASSWORD, "another sentence, long", None).await,
            Err(Error::Conflict(_))
        ));
        let role = UserChange {
            name: "Ada".into(),
            role: "admin".into(),
            version: fleet.user(&MUSTER, ada.id).await.unwrap().version,
        };
        assert!(said(&fleet.change_user(&admin, ada.id, &role).await.unwrap_err()).contains("groups at Example ID"));
        scene.world.session("hers", ada.id).await;
        fleet.unlink_identity(&admin, ada.id).await.unwrap();
        assert_eq!(fleet.own_sessions(&own, None).await.unwrap().len(), 0);
        assert!(scene.come(&operator()).await.is_err(), "it is not hers there any more");
        fleet.sign_in(&visitor(""), "ada@company.example", PASSWORD).await.unwrap();
        assert!(matches!(fleet.unlink_identity(&admin, ada.id).await, Err(Error::Conflict(_))));
        // An address that the provider itself doubts is none.
        let doubted = json!({"sub": "mallory", "email": "admin@muster.example", "email_verified": false, "groups": ["fleet-support"]});
        assert_eq!(scene.come_in(&doubted).await.0.email, "mallory@127.0.0.1");
        scene.world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_stays_out() {
    for scene in scenes().await {
        let (_, admin) = scene.world.person(Role::Admin).await;
        let (ada, _) = scene.come_in(&operator()).await;
        scene.world.fleet.disable_user(&admin, ada.id).await.unwrap();
        let mut higher = operator();
        higher["groups"] = json!(["fleet-admins"]);
        let out = scene.come(&higher).await.unwrap_err();
        assert!(said(&out).contains("is disabled"), "{out}");
        let now = scene.world.fleet.user(&MUSTER, ada.id).await.unwrap();
        assert!(now.role == Role::Operator && now.disabled_at.is_some(), "nor is it given another role");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_come_in_past_the_provider() {
    for scene in scenes().await {
        let (admin, acting) = scene.world.person(Role::Admin).await;
        let (support, _) = scene.world.person(Role::Support).await;
        scene.world.fleet.sign_in(&visitor(""), &support.email, PASSWORD).await.unwrap();
        let link = scene.world.fleet.sign_in_link(&MUSTER, support.id).await.unwrap();
        let scene = scene.with(|settings| settings.local = LocalSignIn::Admins);
        let fleet = &scene.world.fleet;
        let out = fleet.sign_in(&visitor(""), &support.email, PASSWORD).await.unwrap_err();
        assert!(said(&out).contains("signs in at"), "{out}");
        assert_eq!(scene.why().await, "signs in at the provider");
        let wrong = fleet.sign_in(&visitor(""), &support.email, "wrong").await.unwrap_err();
        assert!(said(&wrong).contains("wrong"), "nothing is told to who does not know the password: {wrong}");
        assert!(fleet.redeem_link(&visitor(""), &link).await.is_err());
        fleet.sign_in(&visitor(""), &admin.email, PASSWORD).await.unwrap();
        assert!(
            said(&fleet.add_user(&acting, &form("x@b.example", Role::Support)).await.unwrap_err())
                .contains("Administrators alone")
        );
        let new = fleet.add_user(&acting, &form("y@b.example", Role::Admin)).await.unwrap();
        fleet.set_password(&visitor(""), &new.link, PASSWORD).await.unwrap();
        // An administrator who belongs there may come in here, too: it may not answer.
        fleet.link_identity(&acting, admin.id, "root").await.unwrap();
        fleet.sign_in(&visitor(""), &admin.email, PASSWORD).await.unwrap();
        // And gets on without it.
        fleet.begin_app(&acting, "phone", PASSWORD).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_there_counts_where_it_is_said_to() {
    for scene in scenes().await {
        let fleet = &scene.world.fleet;
        fleet.set_second_factor_policy(&MUSTER, SecondFactorPolicy::Managers).await.unwrap();
        let mut claims = manager();
        claims["amr"] = json!(["pwd", "mfa"]);
        claims["auth_time"] = json!(fleet.now().0 / SECOND - 3600);
        // Nobody said that it counts: the policy's own is asked.
        let Arrived::In { entered: Entered::HalfWay(half), proved_at: None } = scene.come(&claims).await.unwrap()
        else {
            panic!("in without a second factor")
        };
        assert_eq!((half.by, half.ends()), (SignInBy::Provider, fleet.now().plus(HALF_WAY)));
        let scene = scene
            .with(|settings| settings.second_factor = vec!["amr:mfa".parse().unwrap(), "acr:gold".parse().unwrap()]);
        let fleet = &scene.world.fleet;
        assert_eq!(query_of(&scene.leave().await.to)["acr_values"], "gold");
        let (max, proved) = scene.come_in(&claims).await;
        assert_eq!(proved, Some(Timestamp(claims["auth_time"].as_i64().unwrap() * SECOND)), "it is as old as it is");
        let (_, _, detail) = scene.world.last_audited("sign_in").await;
        assert!(detail.contains("\"second\":\"provider\""), "{detail}");
        let actor = scene.actor(max.id).await.proved(proved);
        assert!(!fleet.lacks_second_factor(&actor).await.unwrap());
        let mut gold = manager();
        gold["acr"] = json!("gold");
        let (_, proved) = scene.come_in(&gold).await;
        assert_eq!(proved, Some(Timestamp(0)), "whoever does not say when showed it long ago");
        assert!(matches!(scene.come(&manager()).await.unwrap(), Arrived::In { entered: Entered::HalfWay(_), .. }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_from_there_shows_there_anew_who_they_are() {
    for scene in scenes().await {
        let fleet = &scene.world.fleet;
        let (ada, _) = scene.come_in(&operator()).await;
        let actor = scene.actor(ada.id).await;
        let ways = fleet.ways_to_prove(&actor).await.unwrap();
        assert_eq!((ways.here, ways.provider.as_deref()), (false, Some("Example ID")));
        assert!(
            matches!(fleet.begin_app(&actor, "Phone", "").await, Err(Error::ProveAgain)),
            "a session that was left open is not enough"
        );
        let again = async |claims: Value, as_whom: &Actor| {
            let departure = fleet.leave_to_prove(&actor, HOST, None, "/approvals").await.unwrap();
            let query = query_of(&departure.to);
            assert_eq!((query["prompt"].as_str(), query["max_age"].as_str()), ("login", "0"));
            let code = scene.idp.code(&departure, fleet.now().0, &claims);
            let awaited = scene.back(&departure).await.unwrap();
            assert!(awaited.is_again() && awaited.next() == "/approvals");
            fleet.arrive(as_whom, &awaited, &Returned { code, ..Returned::default() }).await
        };
        let now = || fleet.now().0 / SECOND;
        let with = |at: Value| {
            let mut claims = operator();
            claims["auth_time"] = at;
            claims
        };
        for (claims, told) in [
            (with(json!(now() - 600)), "did not ask you anew"),
            (operator(), "did not ask you anew"),
            (with(json!(now() + 3600)), "did not ask you anew"),
            (json!({"sub": "max", "groups": ["fleet-operators"], "auth_time": now()}), "somebody else"),
            (json!({"sub": "ada", "groups": ["fleet-support"], "auth_time": now()}), "groups have changed"),
        ] {
            let refused = again(claims, &actor).await;
            assert!(matches!(&refused, Err(Error::Conflict(text)) if text.contains(told)), "{told}: {refused:?}");
        }
        let (_, outcome, _) = scene.world.last_audited("factor.prove").await;
        assert_eq!(outcome, Outcome::Failed);
        let (_, other) = scene.world.person(Role::Manager).await;
        assert!(again(with(json!(now())), &other).await.is_err(), "in another one's session");
        let Arrived::Again(at) = again(with(json!(now())), &actor).await.unwrap() else { panic!("not shown") };
        assert_eq!(at, fleet.now());
        fleet.begin_app(&actor.clone().proved(Some(at)), "Phone", "").await.unwrap();
        scene.world.wait(FRESH + MINUTE);
        assert!(matches!(fleet.begin_app(&actor.proved(Some(at)), "Phone", "").await, Err(Error::ProveAgain)));
        // Others are not asked there.
        assert!(matches!(fleet.leave_to_prove(&other, HOST, None, "/").await, Err(Error::Conflict(_))));
        assert!(matches!(fleet.leave_to_prove(&visitor(""), HOST, None, "/").await, Err(Error::NotSignedIn)));
        assert_eq!(fleet.provider_sign_out().await.unwrap(), Some(format!("{}/leave?client_id=muster", scene.idp.url)));
    }
}
