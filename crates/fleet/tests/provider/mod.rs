//! A provider of identities (OpenID Connect) on this machine, which can also lie, dawdle and change its keys.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use axum::{
    Json, Router,
    body::Body,
    extract::{Form, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use fleet::oidc::{Departure, Provider, ProviderSettings};
use ring::{
    digest, hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinHandle};

pub const CLIENT: &str = "muster";
pub const SECRET: &str = "of the client, with a / and a +";

/// How a token is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signed {
    /// As it should be.
    #[default]
    Right,
    /// Not at all, and it says so.
    Not,
    /// By HS256 with the client's secret.
    BySecret,
    /// By HS256 with the public key, which everybody has.
    ByPublicKey,
    /// By a key that is not the provider's, under the name of one that is.
    ByOther,
}

/// How the provider answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    #[default]
    Right,
    /// Discovery says another issuer.
    AnotherIssuer,
    /// Discovery is larger than anybody reads.
    Huge,
    /// Nothing is ever answered.
    Never,
    /// The token endpoint sends elsewhere.
    Elsewhere,
    /// The token endpoint is ill.
    Ill,
}

struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { id: id.to_owned(), pair }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..65]));
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": x, "y": y})
    }
}

struct Issued {
    claims: Value,
    challenge: String,
    redirect: String,
}

struct Inner {
    url: String,
    key: Key,
    codes: HashMap<String, Issued>,
    signed: Signed,
    answers: Answers,
    names_itself: bool,
    userinfo: Value,
    asked: HashMap<&'static str, usize>,
}

/// A provider that runs until it is dropped.
pub struct Idp {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    served: JoinHandle<()>,
}

impl Drop for Idp {
    fn drop(&mut self) {
        self.served.abort();
    }
}

type Shared = State<Arc<Mutex<Inner>>>;

impl Idp {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Mutex::new(Inner {
            url: url.clone(),
            key: Key::new("one"),
            codes: HashMap::new(),
            signed: Signed::default(),
            answers: Answers::default(),
            names_itself: false,
            userinfo: Value::Null,
            asked: HashMap::new(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&inner));
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, served }
    }

    /// What an operator says of it, with groups for every role.
    pub fn settings(&self) -> ProviderSettings {
        let groups =
            ["fleet-admins=admin", "fleet-managers=manager", "fleet-operators=operator", "fleet-support=support"];
        ProviderSettings {
            issuer: self.url.clone(),
            client_id: CLIENT.into(),
            client_secret: Some(SECRET.into()),
            scopes: vec!["email".into(), "profile".into()],
            groups_claim: "groups".into(),
            groups: groups.iter().map(|text| text.parse().unwrap()).collect(),
            label: Some("Example ID".into()),
            ..ProviderSettings::default()
        }
    }

    pub fn provider(&self) -> Option<Provider> {
        Some(Provider::new(self.settings()).unwrap())
    }

    /// Whoever signs in there comes back with this code. The claims are added to what every token has, or replace it.
    pub fn code(&self, departure: &Departure, now_micros: i64, claims: &Value) -> String {
        let query = query_of(&departure.to);
        let now = now_micros / 1_000_000;
        let mut all = json!({
            "iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": query["nonce"], "sub": "one",
        });
        for (name, value) in claims.as_object().unwrap() {
            if value.is_null() {
                all.as_object_mut().unwrap().remove(name);
            } else {
                all[name] = value.clone();
            }
        }
        let mut inner = self.inner.lock().unwrap();
        let code = format!("code-{}", inner.codes.len());
        let issued =
            Issued { claims: all, challenge: query["code_challenge"].clone(), redirect: query["redirect_uri"].clone() };
        inner.codes.insert(code.clone(), issued);
        code
    }

    pub fn sign(&self, signed: Signed) {
        self.inner.lock().unwrap().signed = signed;
    }

    pub fn answer(&self, answers: Answers) {
        self.inner.lock().unwrap().answers = answers;
    }

    pub fn name_itself(&self) {
        self.inner.lock().unwrap().names_itself = true;
    }

    pub fn tell_apart(&self, claims: Value) {
        self.inner.lock().unwrap().userinfo = claims;
    }

    /// The key of before is worth nothing any more.
    pub fn rotate(&self) {
        self.inner.lock().unwrap().key = Key::new("two");
    }

    /// How often an address was asked.
    pub fn asked(&self, what: &'static str) -> usize {
        self.inner.lock().unwrap().asked.get(what).copied().unwrap_or_default()
    }
}

/// What stands behind an address's question mark.
pub fn query_of(address: &str) -> HashMap<String, String> {
    let query = address.split_once('?').map(|(_, query)| query).unwrap_or_default();
    openidconnect::url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn note(inner: &Arc<Mutex<Inner>>, what: &'static str) -> Answers {
    let mut inner = inner.lock().unwrap();
    *inner.asked.entry(what).or_default() += 1;
    inner.answers
}

async fn discovery(State(inner): Shared) -> Response {
    match note(&inner, "discovery") {
        Answers::Never => std::future::pending::<()>().await,
        Answers::Huge => return ([(header::CONTENT_TYPE, "application/json")], "[".repeat(2 << 20)).into_response(),
        _ => {}
    }
    let inner = inner.lock().unwrap();
    let url = &inner.url;
    let issuer = if inner.answers == Answers::AnotherIssuer { "https://another.example" } else { url.as_str() };
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "end_session_endpoint": format!("{url}/leave"),
        "jwks_uri": format!("{url}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // It says that it would sign in every way: what we take is for us to say.
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": inner.names_itself,
    }))
    .into_response()
}

async fn jwks(State(inner): Shared) -> Response {
    note(&inner, "jwks");
    Json(json!({"keys": [inner.lock().unwrap().key.jwk()]})).into_response()
}

fn refused(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response()
}

async fn token(State(inner): Shared, headers: HeaderMap, Form(form): Form<HashMap<String, String>>) -> Response {
    match note(&inner, "token") {
        Answers::Never => std::future::pending::<()>().await,
        Answers::Elsewhere => {
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "http://127.0.0.1:9/")]).into_response();
        }
        Answers::Ill => return (StatusCode::INTERNAL_SERVER_ERROR, Body::from("<h1>ill</h1>")).into_response(),
        _ => {}
    }
    let encoded = |text: &str| openidconnect::url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let wanted = format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET))));
    if headers.get(header::AUTHORIZATION).is_none_or(|given| given.to_str().unwrap() != wanted) {
        return refused("invalid_client");
    }
    let mut inner = inner.lock().unwrap();
    let Some(issued) = inner.codes.remove(form.get("code").map(String::as_str).unwrap_or_default()) else {
        return refused("invalid_grant");
    };
    let verifier = form.get("code_verifier").cloned().unwrap_or_default();
    let made = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    if made != issued.challenge || form.get("redirect_uri") != Some(&issued.redirect) {
        return refused("invalid_grant");
    }
    let token = signed(&inner, &issued.claims);
    Json(json!({"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 60, "id_token": token}))
        .into_response()
}

async fn userinfo(State(inner): Shared, headers: HeaderMap) -> Response {
    note(&inner, "userinfo");
    let is_right = headers.get(header::AUTHORIZATION).is_some_and(|given| given == "Bearer an-access-token");
    match inner.lock().unwrap().userinfo.clone() {
        claims if is_right && !claims.is_null() => Json(claims).into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn signed(inner: &Inner, claims: &Value) -> String {
    let alg = match inner.signed {
        Signed::Not => "none",
        Signed::BySecret | Signed::ByPublicKey => "HS256",
        Signed::Right | Signed::ByOther => "ES256",
    };
    let header = json!({"alg": alg, "typ": "JWT", "kid": inner.key.id});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(claims));
    let by = |key: &EcdsaKeyPair| key.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec();
    let mac = |key: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let signature = match inner.signed {
        Signed::Right => by(&inner.key.pair),
        Signed::Not => Vec::new(),
        Signed::BySecret => mac(SECRET.as_bytes()),
        Signed::ByPublicKey => mac(inner.key.pair.public_key().as_ref()),
        Signed::ByOther => by(&Key::new("other").pair),
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}
