//! What one request is about: who asks, when, for which address, and how they like to see it.

use crate::{components::status::Tone, cookies, pages::errors::Problem};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use domain::{person::Permission, time::Timestamp};
use fleet::{Actor, Fleet, authority::Delivery, claim::Labels, factor::HalfWay};
use leptos::{nonce::Nonce, prelude::use_context};
use std::sync::Arc;

/// The names under which the browser's files are served, below `/assets/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetNames {
    /// The style sheet.
    pub css: String,
    /// The script that loads the islands.
    pub js: String,
    /// The islands.
    pub wasm: String,
}

/// The theme that a person chose; without a choice the system's goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The word in the cookie, in forms, and on `<html data-theme>`; none for the system's.
    #[must_use]
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    /// Reads the word; anything unknown is the system's theme.
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// How tall table rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Density {
    /// 28 pixels.
    Compact,
    /// 36 pixels.
    #[default]
    Regular,
    /// 44 pixels.
    Roomy,
}

impl Density {
    /// Every density, from tight to wide.
    pub const ALL: [Self; 3] = [Self::Compact, Self::Regular, Self::Roomy];

    /// The word in the cookie, in forms, and on `<html data-density>`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Regular => "regular",
            Self::Roomy => "roomy",
        }
    }

    /// The word that people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Compact => "Compact",
            Self::Regular => "Regular",
            Self::Roomy => "Roomy",
        }
    }

    /// Reads the word; anything unknown is regular.
    #[must_use]
    pub fn read(word: &str) -> Self {
        Self::ALL.into_iter().find(|density| density.word() == word).unwrap_or_default()
    }
}

/// A sentence about what was just done, shown once on the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    /// Done (ok), or not as hoped (warn, bad).
    pub tone: Tone,
    /// The sentence.
    pub text: String,
}

impl Flash {
    /// It was done.
    #[must_use]
    pub fn done(text: impl Into<String>) -> Self {
        Self { tone: Tone::Ok, text: text.into() }
    }

    /// It was done, with something to look at.
    #[must_use]
    pub fn warn(text: impl Into<String>) -> Self {
        Self { tone: Tone::Warn, text: text.into() }
    }
}

/// Something wrong with a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name; none when it is about the whole form.
    pub field: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl From<&fleet::FieldError> for FieldError {
    fn from(error: &fleet::FieldError) -> Self {
        let field = Some(error.field.clone()).filter(|field| !field.is_empty());
        Self { field, message: error.message.clone() }
    }
}

/// What was typed into a form, and what was wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormState {
    /// Names and values, as sent.
    pub values: Vec<(String, String)>,
    /// What is wrong.
    pub errors: Vec<FieldError>,
}

impl FormState {
    /// The first value under a name, or nothing.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// All values under a name, as ticked boxes send them.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a form sent this name at all, as a ticked box does.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(key, _)| key == name)
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field.as_deref() == Some(name)).map(|error| error.message.as_str())
    }

    /// Adds what is wrong with a field.
    #[must_use]
    pub fn wrong(mut self, field: &str, message: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: Some(field.to_owned()), message: message.into() });
        self
    }

    /// Adds what is wrong with the whole form.
    #[must_use]
    pub fn wrong_as_a_whole(mut self, message: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: None, message: message.into() });
        self
    }
}

/// One request. The server puts it into the request's extensions; pages and actions take it from there.
#[derive(Clone)]
pub struct Ctx {
    /// The fleet's functions.
    pub fleet: Fleet,
    /// Who asks.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
    /// For which address.
    pub uri: Uri,
    /// Under which name, and port, the console was asked; empty when the request doesn't say.
    pub host: String,
    /// The page of this console from which it was asked, as the browser says; none from elsewhere.
    pub came_from: Option<String>,
    /// In which theme.
    pub theme: Theme,
    /// With which row height.
    pub density: Density,
    /// With which columns in the device list; none for the usual ones.
    pub columns: Option<String>,
    /// The request's name, for people who ask for help.
    pub request_id: String,
    /// What marks the page's own scripts in the content security policy; the server writes the same into its header.
    pub nonce: Nonce,
    /// The browser's files.
    pub assets: Arc<AssetNames>,
    /// The hash that the database knows this request's session by, if the request came with one.
    pub session: Option<String>,
    /// What was just done.
    pub flash: Option<Flash>,
    /// A secret that was just made: it is kept nowhere, so this page is the only one that shows it.
    pub secret: Option<String>,
    /// What came of certificates that were just delivered, when not all are as agreed.
    pub delivered: Option<Arc<Delivery>>,
    /// The labels that were asked for, with their codes.
    pub labels: Option<Arc<Labels>>,
    /// A form that was sent and is shown again.
    pub form: Option<FormState>,
    /// The status of the answer when the page itself has none.
    pub status: StatusCode,
    /// What is to be shown instead of the page.
    pub problem: Option<Problem>,
    /// A form that waits for its sender to show a second factor again.
    pub prove: Option<FormState>,
    /// Whoever has taken the first step of signing in and not the second. They are nobody but for that.
    pub half: Option<HalfWay>,
    /// The parts of the address that the route names.
    pub params: Vec<(String, String)>,
}

impl Ctx {
    /// The context of a request, with what its cookies say about how to show it.
    #[must_use]
    pub fn new(
        fleet: Fleet,
        actor: Actor,
        now: Timestamp,
        (uri, headers): (&Uri, &HeaderMap),
        request_id: String,
        assets: Arc<AssetNames>,
    ) -> Self {
        Self {
            fleet,
            actor,
            now,
            uri: uri.clone(),
            host: host_of(uri, headers),
            came_from: came_from(&host_of(uri, headers), headers),
            theme: cookies::read(headers, cookies::THEME).map(|word| Theme::read(&word)).unwrap_or_default(),
            density: cookies::read(headers, cookies::DENSITY).map(|word| Density::read(&word)).unwrap_or_default(),
            columns: cookies::read(headers, cookies::COLUMNS),
            request_id,
            nonce: Nonce::new(),
            assets,
            session: cookies::read(headers, cookies::SESSION).map(|value| fleet::session::session_hash(&value)),
            flash: cookies::read(headers, cookies::FLASH).and_then(|text| cookies::flash_of(&text)),
            secret: None,
            delivered: None,
            labels: None,
            form: None,
            status: StatusCode::OK,
            problem: None,
            prove: None,
            half: None,
            params: Vec::new(),
        }
    }

    /// Whether whoever asks may do that. Only for what to show: `fleet` decides again when it is done.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.actor.may(permission)
    }

    /// Whether somebody is signed in.
    #[must_use]
    pub fn signed_in(&self) -> bool {
        self.actor.role().is_some()
    }

    /// A named part of the address, decoded: `serial` of `/devices/:serial`; empty if the route has none.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// What stands behind the address's question mark, decoded.
    #[must_use]
    pub fn query(&self) -> Vec<(String, String)> {
        self.uri.query().and_then(|query| serde_urlencoded::from_str(query).ok()).unwrap_or_default()
    }

    /// The first value under a name behind the question mark; empty values count as none.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
    }

    /// This page's address with some values behind the question mark replaced; `None` takes one away.
    #[must_use]
    pub fn href_with(&self, changes: &[(&str, Option<&str>)]) -> String {
        let mut pairs = self.query();
        pairs.retain(|(key, _)| !changes.iter().any(|(changed, _)| changed == key));
        pairs.extend(changes.iter().filter_map(|(key, value)| Some(((*key).to_owned(), (*value)?.to_owned()))));
        href(self.uri.path(), &pairs)
    }

    /// This page's path and query, as a place to come back to.
    #[must_use]
    pub fn here(&self) -> String {
        self.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
    }
}

/// The name under which a request asked: of its address in HTTP/2, of its `Host` before.
fn host_of(uri: &Uri, headers: &HeaderMap) -> String {
    let named = uri.authority().map(axum::http::uri::Authority::as_str);
    let named = named.or_else(|| headers.get(header::HOST)?.to_str().ok());
    named.unwrap_or_default().to_owned()
}

/// The page of this console that a request's `Referer` names.
fn came_from(host: &str, headers: &HeaderMap) -> Option<String> {
    let page: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    let is_ours = page.authority().is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host));
    let path = page.path_and_query().filter(|_| is_ours)?.to_string();
    (local_path(&path) == path).then_some(path)
}

/// An address: a path, and pairs behind a question mark.
#[must_use]
pub fn href<K: AsRef<str>, V: AsRef<str>>(path: &str, pairs: &[(K, V)]) -> String {
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
    match serde_urlencoded::to_string(pairs) {
        Ok(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    }
}

/// The device list for a fleet query.
#[must_use]
pub fn devices_href(query: &str) -> String {
    href("/devices", &[("q", query)])
}

/// A part of a path, encoded.
#[must_use]
pub fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string().replace("%2D", "-")
}

/// A path on this console to go to next; anything that could lead elsewhere becomes the overview.
#[must_use]
pub fn local_path(next: &str) -> &str {
    let elsewhere = next.starts_with("//") || next.contains('\\') || next.chars().any(char::is_control);
    if next.starts_with('/') && !elsewhere { next } else { "/" }
}

/// The context of the request that is being answered; none while the routes are listed.
#[must_use]
pub fn ctx() -> Option<Ctx> {
    use_context::<Ctx>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_stays_on_this_console() {
        for next in ["//evil.example", "https://evil.example", "/\\evil.example", "devices", "/\t/evil.example", ""] {
            assert_eq!(local_path(next), "/", "{next:?}");
        }
        assert_eq!(local_path("/devices?q=trust%3Asuspect"), "/devices?q=trust%3Asuspect");
    }

    #[test]
    fn a_page_is_come_back_to_if_it_is_ours() {
        let from = |page: &'static str| {
            let headers = HeaderMap::from_iter([(header::REFERER, axum::http::HeaderValue::from_static(page))]);
            came_from("fleet.example:8443", &headers)
        };
        assert_eq!(from("https://fleet.example:8443/approvals?x=1#y").as_deref(), Some("/approvals?x=1"));
        for other in [
            "https://fleet.example/approvals",
            "https://evil.example/",
            "/approvals",
            "https://fleet.example:8443//evil.example",
            "",
        ] {
            assert_eq!(from(other), None, "{other}");
        }
        assert_eq!(came_from("", &HeaderMap::new()), None);
    }

    #[test]
    fn addresses_are_encoded() {
        assert_eq!(devices_href("custodian:\"A & B\""), "/devices?q=custodian%3A%22A+%26+B%22");
        assert_eq!(segment("GW 1/2-x"), "GW%201%2F2-x");
    }
}
