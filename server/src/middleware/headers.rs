//! Security headers.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use leptos::nonce::Nonce;

/// What every answer says to the browser.
const ALWAYS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("origin-agent-cluster"), "?1"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(self), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
    ),
];

/// What may be loaded, whichever scripts may run.
const POLICY: &str = "default-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";

/// Adds the headers. A page names its own scripts by a [`Nonce`] in the answer's extensions; without one no script runs.
pub async fn secure(request: Request, next: Next) -> Response {
    let strict = host(&request).is_some_and(|host| !is_local(&host));
    let mut response = next.run(request).await;
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let is_away = is_page && response.status() == StatusCode::SERVICE_UNAVAILABLE;
    let policy = policy(response.extensions_mut().remove::<Nonce>().as_ref());
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    add(headers, header::CONTENT_SECURITY_POLICY, &policy);
    if is_away {
        // Of those that say nothing better.
        headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("5"));
    }
    if strict {
        add(headers, header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

fn add(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

fn policy(nonce: Option<&Nonce>) -> String {
    match nonce {
        Some(nonce) => format!("{POLICY}; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'"),
        None => format!("{POLICY}; script-src 'none'"),
    }
}

fn host(request: &Request) -> Option<String> {
    let authority = request.uri().authority().cloned();
    let authority = authority.or_else(|| request.headers().get(header::HOST)?.to_str().ok()?.parse().ok())?;
    Some(authority.host().to_ascii_lowercase())
}

/// Names on which other programs of this machine may answer by plain HTTP.
fn is_local(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_other_machines_are_pinned_to_https() {
        for local in ["localhost", "fleet.localhost", "127.0.0.1", "[::1]", "192.0.2.7"] {
            assert!(is_local(local), "{local}");
        }
        assert!(!is_local("fleet.example"));
    }

    #[test]
    fn the_header_names_the_page_s_own_scripts() {
        let nonce = Nonce::from_value("abc");
        assert!(policy(Some(&nonce)).ends_with("script-src 'nonce-abc' 'strict-dynamic' 'wasm-unsafe-eval'"));
        assert!(policy(None).ends_with("script-src 'none'"));
    }
}
