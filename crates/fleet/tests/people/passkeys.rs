//! Passkeys, from an authenticator in software: added, shown, and refused for what is wrong with them.

use crate::world::{MUSTER, PASSWORD, World, visitor, worlds};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    audit::Outcome,
    factor::{FRESH, HALF_WAY, SecondFactorPolicy},
    id::UserId,
    person::Role,
};
use fleet::{
    Actor, Error,
    factor::{Entered, HalfWay, Site},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const HOST: &str = "fleet.example:8443";
const VERIFIED: u8 = 0x05;

fn site() -> Option<Site> {
    Site::of(HOST)
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a browser and an authenticator do, as they should unless a test says otherwise.
struct Authenticator {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    owner: UserId,
    counter: u32,
    flags: u8,
    origin: &'static str,
    site: &'static str,
}

impl Authenticator {
    fn new(owner: UserId, id: u8) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let origin = "https://fleet.example:8443";
        Self { key, id: vec![id; 32], owner, counter: 1, flags: VERIFIED, origin, site: "fleet.example" }
    }

    fn client_data(&self, kind: &str, options: &str) -> Vec<u8> {
        let options: Value = serde_json::from_str(options).unwrap();
        let challenge = options["challenge"].as_str().unwrap();
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{}","crossOrigin":false}}"#, self.origin)
            .into()
    }

    fn head(&self, flags: u8) -> Vec<u8> {
        [Sha256::digest(self.site).as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// Makes the passkey: attestation “none”.
    fn make(&self, options: &str) -> String {
        let point = self.key.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..]);
        let cose = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], x, &[0x22, 0x58, 32], y].concat();
        let data = [&self.head(self.flags | 0x40)[..], &[0; 16], &[0, 32], &self.id, &cose].concat();
        let length = u8::try_from(data.len()).unwrap();
        let object = [&b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"[..], &[length], &data].concat();
        let response = json!({
            "clientDataJSON": encoded(self.client_data("webauthn.create", options)),
            "attestationObject": encoded(object),
        });
        self.credential(&response)
    }

    /// Shows the passkey; its counter moves on.
    fn show(&mut self, options: &str) -> String {
        self.counter += 1;
        let (data, client) = (self.head(self.flags), self.client_data("webauthn.get", options));
        let signed = [data.as_slice(), Sha256::digest(&client).as_slice()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let response = json!({
            "clientDataJSON": encoded(client),
            "authenticatorData": encoded(data),
            "signature": encoded(signature),
            "userHandle": encoded(self.owner.0.as_bytes()),
        });
        self.credential(&response)
    }

    fn credential(&self, response: &Value) -> String {
        let id = encoded(&self.id);
        let whole = json!({
            "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {},
        });
        whole.to_string()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what was just answered")]
fn is_refused<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Invalid { ref fields }) if fields[0].field == "credential")
}

/// Gives somebody a passkey.
async fn with_passkey(world: &World, actor: &Actor, id: u8) -> Authenticator {
    let key = Authenticator::new(actor.user_id().unwrap(), id);
    let options = world.fleet.passkey_to_add(actor, site().as_ref()).await.unwrap();
    let named = ("Key", PASSWORD);
    let added = world.fleet.add_passkey(actor, site().as_ref(), named, &key.make(&options)).await.unwrap();
    assert_eq!(added.codes.len(), 10);
    key
}

async fn half(world: &World, email: &str) -> HalfWay {
    match world.fleet.sign_in(&visitor(""), email, PASSWORD).await.unwrap() {
        Entered::HalfWay(half) => half,
        Entered::In(_) => panic!("the password alone was enough"),
    }
}

async fn sign_in(world: &World, key: &mut Authenticator) -> Result<UserId, Error> {
    let options = world.fleet.passkey_to_sign_in(&visitor(""), site().as_ref()).await.unwrap();
    let user = world.fleet.sign_in_by_passkey(&visitor(""), site().as_ref(), &key.show(&options)).await?;
    Ok(user.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_signs_in_alone_beside_the_password_and_again() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (user, actor) = world.person(Role::Admin).await;
        let mut key = with_passkey(&world, &actor, 1).await;
        assert_eq!(sign_in(&world, &mut key).await.unwrap(), user.id);
        assert_eq!(world.last_audited("sign_in").await.2, r#"{"by":"passkey"}"#);
        let half = half(&world, &user.email).await;
        let options = fleet.passkey_half_way(&visitor(""), &half, site().as_ref()).await.unwrap();
        let shown = key.show(&options);
        fleet.second_step_by_passkey(&visitor(""), &half, site().as_ref(), &shown).await.unwrap();
        assert_eq!(world.last_audited("sign_in").await.2, r#"{"by":"password","second":"passkey"}"#);
        let again = fleet.second_step_by_passkey(&visitor(""), &half, site().as_ref(), &shown).await;
        assert!(is_refused(again), "a challenge is taken once");
        let policy = SecondFactorPolicy::Optional;
        assert!(matches!(fleet.set_second_factor_policy(&actor, policy).await, Err(Error::ProveAgain)));
        let options = fleet.passkey_to_prove(&actor, site().as_ref()).await.unwrap();
        let at = fleet.prove_by_passkey(&actor, site().as_ref(), &key.show(&options)).await.unwrap();
        let fresh = actor.clone().proved(Some(at));
        fleet.set_second_factor_policy(&fresh, policy).await.unwrap();
        let known = fleet.factors_of(&actor, user.id).await.unwrap().passkeys.remove(0);
        assert_eq!((known.name.as_str(), known.last_used_at), ("Key", Some(fleet.now())));
        fleet.rename_passkey(&actor, known.id, "Laptop").await.unwrap();
        world.wait(FRESH);
        assert!(matches!(fleet.remove_factor(&fresh, known.id).await, Err(Error::ProveAgain)));
        let fresh = actor.proved(Some(fleet.now()));
        assert_eq!(fleet.remove_factor(&fresh, known.id).await.unwrap(), "Laptop");
        assert!(is_refused(sign_in(&world, &mut key).await), "it is removed");
        assert!(matches!(fleet.sign_in(&visitor(""), &user.email, PASSWORD).await, Ok(Entered::In(_))));
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_one_is_refused_and_audited() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (user, actor) = world.person(Role::Operator).await;
        let mut key = with_passkey(&world, &actor, 1).await;
        // Who it isn't unlocked for, another site, another origin: each by itself.
        key.flags = 0x01;
        assert!(is_refused(sign_in(&world, &mut key).await), "the user was not verified");
        (key.flags, key.origin) = (VERIFIED, "https://evil.example:8443");
        assert!(is_refused(sign_in(&world, &mut key).await), "another origin");
        (key.origin, key.site) = ("https://fleet.example:8443", "evil.example");
        assert!(is_refused(sign_in(&world, &mut key).await), "another site");
        key.site = "fleet.example";
        let owner = std::mem::replace(&mut key.owner, UserId(uuid::Uuid::now_v7()));
        assert!(is_refused(sign_in(&world, &mut key).await), "another owner");
        key.owner = owner;
        let other_key = Authenticator::new(user.id, 1).key;
        let own_key = std::mem::replace(&mut key.key, other_key);
        assert!(is_refused(sign_in(&world, &mut key).await), "another key");
        key.key = own_key;
        sign_in(&world, &mut key).await.unwrap();
        key.counter -= 2;
        assert!(is_refused(sign_in(&world, &mut key).await), "a copy");
        let (subject, outcome, detail) = world.last_audited("sign_in").await;
        assert_eq!((subject.as_str(), outcome), ("user:operator@muster.example", Outcome::Failed));
        assert!(detail.contains("its counter went back"), "{detail}");
        key.counter += 5;

        // A challenge is for what it was made for, and for five minutes.
        let options = fleet.passkey_to_sign_in(&visitor(""), site().as_ref()).await.unwrap();
        let shown = key.show(&options);
        assert!(is_refused(fleet.prove_by_passkey(&actor, site().as_ref(), &shown).await), "made to sign in");
        let options = fleet.passkey_to_sign_in(&visitor(""), site().as_ref()).await.unwrap();
        world.wait(HALF_WAY);
        let late = fleet.sign_in_by_passkey(&visitor(""), site().as_ref(), &key.show(&options)).await;
        assert!(is_refused(late), "too late");
        for odd in ["", "{}", "[]", "null", &"x".repeat(100_000)] {
            assert!(is_refused(fleet.sign_in_by_passkey(&visitor(""), site().as_ref(), odd).await), "{odd:.20}");
        }

        // At an address there are none.
        let none = fleet.passkey_to_sign_in(&visitor(""), Site::of("192.0.2.1:8443").as_ref()).await;
        assert!(matches!(none, Err(Error::Conflict(_))), "{none:?}");
        // Whoever is disabled is, by a passkey too.
        fleet.disable_user(&MUSTER, user.id).await.unwrap();
        assert!(is_refused(sign_in(&world, &mut key).await));
        world.chain_holds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_its_owners_alone() {
    for world in worlds().await {
        let fleet = &world.fleet;
        let (user, actor) = world.person(Role::Operator).await;
        let (_, other) = world.person(Role::Support).await;
        let mut key = with_passkey(&world, &actor, 1).await;
        with_passkey(&world, &other, 2).await;
        let half = half(&world, "support@muster.example").await;
        let options = fleet.passkey_half_way(&visitor(""), &half, site().as_ref()).await.unwrap();
        let foreign = fleet.second_step_by_passkey(&visitor(""), &half, site().as_ref(), &key.show(&options)).await;
        assert!(is_refused(foreign));
        assert_eq!(world.last_audited("sign_in.second").await.1, Outcome::Failed);
        let id = fleet.factors_of(&actor, user.id).await.unwrap().passkeys[0].id;
        let fresh = other.clone().proved(Some(fleet.now()));
        assert!(matches!(fleet.remove_factor(&fresh, id).await, Err(Error::NotFound { .. })));
        assert!(matches!(fleet.rename_passkey(&other, id, "Mine").await, Err(Error::NotFound { .. })));
        // One that is known already is not added a second time, to whomever.
        let options = fleet.passkey_to_add(&other, site().as_ref()).await.unwrap();
        let mut twin = Authenticator::new(other.user_id().unwrap(), 1);
        twin.counter = 1;
        let taken = fleet.add_passkey(&fresh, site().as_ref(), ("Twin", ""), &twin.make(&options)).await;
        assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");
        let nobody = fleet.passkey_to_add(&visitor(""), site().as_ref()).await;
        assert!(matches!(nobody, Err(Error::NotSignedIn)));
        sign_in(&world, &mut key).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_wrong_passkeys_begin_is_audited() {
    for world in worlds().await {
        let (fleet, from) = (&world.fleet, visitor("192.0.2.9"));
        for _ in 0..20 {
            assert!(is_refused(fleet.sign_in_by_passkey(&from, site().as_ref(), "{}").await));
        }
        let blocked = fleet.sign_in_by_passkey(&from, site().as_ref(), "{}").await;
        assert!(matches!(blocked, Err(Error::TooMany { .. })), "{blocked:?}");
        let (subject, outcome, detail) = world.last_audited("sign_in.block").await;
        assert_eq!((subject.as_str(), outcome), ("address:192.0.2.9", Outcome::Denied));
        assert_eq!(detail, r#"{"seconds":60}"#);

        let (_, actor) = world.person(Role::Operator).await;
        with_passkey(&world, &actor, 1).await;
        for _ in 0..5 {
            assert!(is_refused(fleet.prove_by_passkey(&actor, site().as_ref(), "{}").await));
        }
        assert_eq!(world.last_audited("sign_in.block").await.0, "second-factor:operator@muster.example");
    }
}
