//! Leaving. Signing in, one-time links and the first account follow as `fleet` gains them.

use super::{Access, ActionRoute, see_other};
use crate::session::{SessionChange, with_session};
use axum::{response::Response, routing::post};

/// The routes.
pub const ROUTES: &[ActionRoute] =
    &[ActionRoute { method: "POST", path: "/sign-out", access: Access::Anyone, handler: || post(sign_out) }];

async fn sign_out() -> Response {
    with_session(see_other("/sign-in", None), SessionChange::End)
}
