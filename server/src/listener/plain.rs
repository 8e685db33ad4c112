//! Plain HTTP: it is told where HTTPS is, and nothing else.

use http::{HeaderValue, Request, Response, StatusCode, header, uri::Authority};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use std::convert::Infallible;

/// Answers 308 to the same place by HTTPS; 400 where the request doesn't say which host it means.
pub async fn redirect(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(answer(&request))
}

fn answer<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    let mut response = match location(request) {
        Some(location) => {
            let mut response =
                Response::new(Full::from("Muster speaks HTTPS only; the address is the same with https.\n"));
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        None => {
            let mut response =
                Response::new(Full::from("Muster speaks HTTPS only. Use https:// and the same address.\n"));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn location<B>(request: &Request<B>) -> Option<HeaderValue> {
    let host = match request.uri().authority() {
        Some(authority) => authority.clone(),
        None => Authority::try_from(request.headers().get(header::HOST)?.as_bytes()).ok()?,
    };
    // Names before the host (user@host) are a way to mislead.
    if host.as_str().contains('@') || host.host().is_empty() {
        return None;
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    HeaderValue::try_from(format!("https://{host}{path}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(uri: &str, host: Option<&str>) -> (u16, Option<String>) {
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        let response = request.body(()).map(|request| answer(&request)).unwrap_or_default();
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        (response.status().as_u16(), location.map(str::to_owned))
    }

    #[test]
    fn the_same_place_by_https() {
        let at = "https://fleet.example:8443/devices?q=a%20b";
        assert_eq!(asked("/devices?q=a%20b", Some("fleet.example:8443")), (308, Some(at.to_owned())));
        assert_eq!(asked("http://fleet.example:8443/devices?q=a%20b", None), (308, Some(at.to_owned())));
        assert_eq!(asked("/", Some("[::1]:8443")), (308, Some("https://[::1]:8443/".to_owned())));
    }

    #[test]
    fn no_host_no_redirect() {
        assert_eq!(asked("/", None), (400, None));
        assert_eq!(asked("/", Some("good@evil.example")), (400, None));
        assert_eq!(asked("/", Some("a b")), (400, None));
    }
}
