//! What every request passes, in order. This file is the order; each step is explained where it stands.

mod body;
mod headers;
mod leftover;
mod pace;
mod request;
mod watched;
mod who;

pub use request::RequestId;
pub use who::Visitor;

use crate::{Console, listener::Door, problem, proxy::Proxies};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use http::StatusCode;
use tower::ServiceBuilder;
use tower_http::{CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer, csrf::CsrfLayer};

/// Around everything, from the outside in.
pub fn everything(router: Router, console: &Console) -> Router {
    router.layer(
        ServiceBuilder::new()
            // 0. Whose request it is, if a proxy brings it: all that follows goes by that address.
            .layer(from_fn_with_state(console.proxies.clone(), request::client))
            // 1. A name for the request: whatever happens after this can be looked up by it.
            .layer(from_fn(request::name))
            // 2. It is counted, with one log line of how it ended, and a span that every line in between belongs to.
            .layer(from_fn_with_state(Door::Console, request::trace))
            // 3. Security headers, also on what the steps below refuse.
            .layer(from_fn(headers::secure))
            // 4. A panic is an answer (500), not a broken connection.
            .layer(from_fn(request::catch_panic))
            // 5. Compression of what is made on the fly: quick rather than small. Files that come compressed, images
            //    and live events are left alone by its predicate.
            .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
            // 6. Nobody dawdles over a body, also over what is left of it.
            .layer(from_fn(pace::keep))
            // 7. Whoever is still sending reads the answer.
            .layer(from_fn(leftover::discard))
            // 8. No request brings more than its route takes.
            .layer(from_fn(body::limit))
            // 9. Nothing is asked of the database that it can't be asked.
            .layer(from_fn(request::without_nul))
            // 10. What changes something is not ended by whoever stops waiting for it.
            .layer(from_fn(request::to_the_end))
            // That limit is the only one: axum's own would cut imports off at 2 MB.
            .layer(DefaultBodyLimit::disable()),
    )
}

/// Around a whole router that proxies may stand before: all that is noted goes by the address of whoever asks them.
pub fn behind(proxies: &Proxies, router: Router) -> Router {
    router.layer(from_fn_with_state(proxies.clone(), request::client))
}

/// Around the gateway and the repository, from the outside in: as little as can be, because devices and verifiers come by the
/// thousand.
pub fn machines(door: Door, router: Router) -> Router {
    router.layer(
        ServiceBuilder::new()
            // A name for the request, and a count and a log line of how it ended.
            .layer(from_fn(request::name))
            .layer(from_fn_with_state(door, request::trace))
            // A panic is an answer (500), not a broken connection.
            .layer(CatchPanicLayer::custom(request::after_panic))
            // Nobody dawdles over a body, also over what is left of it.
            .layer(from_fn(pace::keep))
            // Whoever is still sending reads the answer.
            .layer(from_fn(leftover::discard)),
    )
}

/// Around pages and their actions, within [`everything`].
pub fn pages(router: Router, console: &Console) -> Router {
    router.method_not_allowed_fallback(who::method_not_allowed).layer(
        ServiceBuilder::new()
            // 11. The session that belongs to the cookie. It is read from the database when somebody asks for it.
            .layer(console.sessions.layer())
            // 12. Who asks, and everything else that a page or an action wants to know.
            .layer(from_fn_with_state(console.clone(), who::visitor))
            // 13. No other site may send our forms. Its refusal becomes a page.
            .layer(from_fn_with_state(console.clone(), who::explain_cross_site))
            .layer(CsrfLayer::new()),
    )
}

/// Around the API, within [`everything`]. It knows bearer tokens only: no cookie, so no other site can use it.
pub fn api(router: Router, console: &Console) -> Router {
    let no_method = async || problem::respond(StatusCode::METHOD_NOT_ALLOWED, "This address doesn't take this method.");
    router
        .method_not_allowed_fallback(no_method)
        // 11. Which program asks.
        .layer(from_fn_with_state(console.clone(), who::program))
}
