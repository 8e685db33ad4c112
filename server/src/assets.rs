//! The browser's files, which are inside the program. Their names carry a hash of what they hold, so they never change.

use axum::{
    body::Body,
    extract::Path,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// What pages link to, as hashed names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The style sheet.
    pub css: &'static str,
    /// The script that loads the module.
    pub js: &'static str,
    /// The module.
    pub wasm: &'static str,
}

/// One file, as it is and compressed.
struct Asset {
    name: &'static str,
    plain: &'static [u8],
    br: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

mod built {
    use super::{Asset, Manifest};
    include!(concat!(env!("OUT_DIR"), "/assets.rs"));
}

/// The program lacks what the browser needs.
#[derive(Debug, thiserror::Error)]
#[error("this program was built without its browser files; build it with: cargo xtask build")]
pub struct Missing;

/// The names of the files that pages link to.
///
/// # Errors
/// When the program was built without them.
pub fn manifest() -> Result<Manifest, Missing> {
    built::MANIFEST.ok_or(Missing)
}

/// The path under which the files are served.
pub const PATH: &str = "/assets/{name}";

/// Serves one file, in the encoding that the client likes best. 404 without a body where there is none by that name.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match built::FILES.iter().find(|asset| asset.name == name) {
        Some(asset) => asset.respond(&headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Asset {
    fn respond(&self, request: &HeaderMap) -> Response {
        let accepted = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let encoding = choose(accepted, self.br.is_some(), self.gzip.is_some());
        let bytes = match encoding {
            Encoding::Br => self.br,
            Encoding::Gzip => self.gzip,
            Encoding::Identity => None,
        };
        let etag = format!("\"{}{}\"", self.name, encoding.suffix());
        let known = request.get_all(header::IF_NONE_MATCH).iter().any(|value| matches_etag(value, &etag));
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Response::new(Body::from(bytes.unwrap_or(self.plain)))
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(etag) = HeaderValue::try_from(etag) {
            headers.insert(header::ETAG, etag);
        }
        if !known {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(self.name)));
            if let Some(coding) = encoding.coding() {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
        }
        response
    }
}

/// A weak comparison (RFC 9110, section 13.1.2); `*` matches anything that is there.
fn matches_etag(value: &HeaderValue, etag: &str) -> bool {
    let listed = value.to_str().unwrap_or_default();
    listed.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Br,
    Gzip,
    Identity,
}

impl Encoding {
    const fn coding(self) -> Option<&'static str> {
        match self {
            Self::Br => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Br => "-br",
            Self::Gzip => "-gzip",
            Self::Identity => "",
        }
    }
}

/// The encoding to send (RFC 9110, section 12.5.3): the highest quality wins, the smallest file among equals. Identity
/// is always there, even for a client that refuses everything.
fn choose(accepted: &str, br: bool, gzip: bool) -> Encoding {
    let quality = |coding: &str| {
        let listed = |wanted: &str| accepted.split(',').find_map(|item| quality_of(item, wanted));
        listed(coding).or_else(|| listed("*"))
    };
    let offered = [
        (Encoding::Br, if br { quality("br").unwrap_or(0) } else { 0 }),
        (Encoding::Gzip, if gzip { quality("gzip").or_else(|| quality("x-gzip")).unwrap_or(0) } else { 0 }),
        // Not named, it is acceptable, but after whatever was asked for.
        (Encoding::Identity, quality("identity").unwrap_or(1)),
    ];
    let mut best = (Encoding::Identity, 0);
    for (encoding, quality) in offered {
        if quality > best.1 {
            best = (encoding, quality);
        }
    }
    best.0
}

/// The quality, in thousandths, of one item of the header when it names the coding.
fn quality_of(item: &str, wanted: &str) -> Option<u16> {
    let mut parts = item.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(wanted) {
        return None;
    }
    let given = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let quality = given.map_or(1.0, |text| text.trim().parse::<f32>().unwrap_or(0.0));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000 first")]
    Some((quality.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_encoding_wins() {
        for (accepted, wanted) in [
            ("gzip, deflate, br, zstd", Encoding::Br),
            ("gzip", Encoding::Gzip),
            ("", Encoding::Identity),
            ("*", Encoding::Br),
            ("br;q=0, gzip;q=0.5", Encoding::Gzip),
            ("br;q=0.2, gzip;q=0.9", Encoding::Gzip),
            ("identity, gzip;q=0.5", Encoding::Identity),
            ("identity;q=0, br;q=0", Encoding::Identity),
            ("br;q=nonsense, gzip", Encoding::Gzip),
            ("*;q=0", Encoding::Identity),
            ("GZIP;Q=1", Encoding::Gzip),
        ] {
            assert_eq!(choose(accepted, true, true), wanted, "{accepted}");
        }
        assert_eq!(choose("br, gzip", false, true), Encoding::Gzip);
    }

    const FILE: Asset = Asset { name: "muster-0a1b.css", plain: b"plain", br: Some(b"br"), gzip: None };

    fn asked(name: header::HeaderName, value: &'static str) -> Response {
        FILE.respond(&HeaderMap::from_iter([(name, HeaderValue::from_static(value))]))
    }

    #[test]
    fn an_asset_never_changes_and_says_so() {
        let response = asked(header::ACCEPT_ENCODING, "br");
        let headers = response.headers();
        assert_eq!(headers[header::CONTENT_ENCODING], "br");
        assert_eq!(headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
        assert_eq!(headers[header::VARY], "accept-encoding");
        assert_eq!(headers[header::ETAG], "\"muster-0a1b.css-br\"");
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    }

    #[test]
    fn a_known_asset_is_not_sent_again() {
        let response = asked(header::IF_NONE_MATCH, "W/\"muster-0a1b.css\", \"x\"");
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert!(!response.headers().contains_key(header::CONTENT_TYPE));
    }
}
