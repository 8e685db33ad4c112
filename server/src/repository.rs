//! The repository (RFC 5280): what verifiers fetch, by plain HTTP: CRLs, certificates of authorities, OCSP answers. It is
//! all public, and signed.

mod ca;
mod caching;
mod crl;
mod ocsp;

use crate::{listener::Door, middleware};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{MethodRouter, get},
};
use caching::told;
use fleet::Fleet;
use http::StatusCode;

/// What an OCSP request may weigh: 32 certificates and a nonce take a fifth of it.
const MOST: usize = 16 * 1024;

/// A route that anybody may ask: what it gives is public, and signed.
pub struct Route {
    /// Its path, as axum writes it.
    pub path: &'static str,
    handler: fn() -> MethodRouter<Fleet>,
}

/// Every route.
pub const ROUTES: &[Route] = &[
    Route { path: "/crl/{file}", handler: || get(crl::serve) },
    Route { path: "/ca/{file}", handler: || get(ca::serve) },
    Route { path: "/ocsp", handler: || get(ocsp::nothing_asked).post(ocsp::post) },
    Route { path: "/ocsp/", handler: || get(ocsp::nothing_asked).post(ocsp::post) },
    // A request in an address is base64, which may hold slashes.
    Route { path: "/ocsp/{*rest}", handler: || get(ocsp::get).post(ocsp::post) },
];

/// The repository's router.
pub fn router(fleet: &Fleet) -> Router {
    let add = |router: Router<Fleet>, route: &Route| router.route(route.path, (route.handler)());
    let routes = ROUTES.iter().fold(Router::new(), add);
    let routes = routes
        .fallback(async || told(StatusCode::NOT_FOUND, NOTHING))
        .method_not_allowed_fallback(async || {
            told(StatusCode::METHOD_NOT_ALLOWED, "This address doesn't take this method.")
        })
        .layer(DefaultBodyLimit::max(MOST))
        .with_state(fleet.clone());
    middleware::machines(Door::Pki, routes)
}

const NOTHING: &str = "There is nothing at this address. CRLs are at /crl/NAME.crl, certificates of authorities at \
                       /ca/NAME.cer and /ca/NAME.p7c, and OCSP is answered at /ocsp.";
