//! The cookies of the console beside the session's: theme, row height, and the sentence for the next page.

use crate::{components::status::Tone, context::Flash};
use axum::http::{HeaderMap, HeaderValue, header};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Names the session; the server sets it.
pub const SESSION: &str = "__Host-muster";
/// Ties a browser to the sign-ins at a provider of identities that were begun in it.
pub const AWAY: &str = "__Host-away";
/// Holds the theme.
pub const THEME: &str = "__Host-theme";
/// Holds the row height.
pub const DENSITY: &str = "__Host-density";
/// Holds the columns of the device list.
pub const COLUMNS: &str = "__Host-columns";
/// Holds the sentence for the next page.
pub const FLASH: &str = "__Host-flash";

/// A year, in seconds.
const YEAR: u32 = 31_536_000;
/// How long somebody may be away, in seconds.
const AWAY_SECONDS: u32 = 600;
/// Longer sentences are cut: browsers drop cookies beyond 4 KiB, and one character can take 12 bytes.
const FLASH_MAX: usize = 300;

/// A cookie's value, decoded.
#[must_use]
pub fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned))
}

/// Sets a cookie for a year.
#[must_use]
pub fn keep(name: &str, value: &str) -> HeaderValue {
    cookie(name, value, YEAR)
}

/// Takes a cookie away.
#[must_use]
pub fn drop_cookie(name: &str) -> HeaderValue {
    cookie(name, "", 0)
}

/// Ties this browser to a sign-in elsewhere, for as long as that may take. `Lax`, because whoever comes back comes from another site.
#[must_use]
pub fn away(value: &str) -> HeaderValue {
    cookie(AWAY, value, AWAY_SECONDS)
}

/// Sets the sentence for the next page. It lives a minute: a page that never comes must not show it tomorrow.
#[must_use]
pub fn set_flash(flash: &Flash) -> HeaderValue {
    let text: String = flash.text.chars().take(FLASH_MAX).collect();
    let tone = flash.tone.class();
    cookie(FLASH, &format!("{tone}:{text}"), 60)
}

/// Reads the sentence back.
#[must_use]
pub fn flash_of(text: &str) -> Option<Flash> {
    let (tone, text) = text.split_once(':')?;
    let tone = [Tone::Ok, Tone::Warn, Tone::Bad].into_iter().find(|known| known.class() == tone)?;
    Some(Flash { tone, text: text.chars().take(FLASH_MAX).collect() })
}

fn cookie(name: &str, value: &str, seconds: u32) -> HeaderValue {
    let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
    let line = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::try_from(line).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_survives_the_journey() {
        let flash = Flash::done("Custody recorded; “Ørsted, 50 %” has it now: see");
        let line = set_flash(&flash).to_str().unwrap_or_default().to_owned();
        let pair = line.split(';').next().unwrap_or_default().to_owned();
        let headers = HeaderMap::from_iter([(
            header::COOKIE,
            HeaderValue::try_from(format!("a=b; {pair}")).unwrap_or(HeaderValue::from_static("")),
        )]);
        assert_eq!(read(&headers, FLASH).as_deref().and_then(flash_of), Some(flash));
    }

    #[test]
    fn odd_cookies_are_nothing() {
        assert_eq!(flash_of("<b>"), None);
        assert_eq!(flash_of("loud:x"), None);
        let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("__Host-theme=%ff; ;=;"))]);
        assert_eq!(read(&headers, THEME), None);
    }
}
