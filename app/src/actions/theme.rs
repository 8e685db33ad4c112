//! How somebody likes to see the console: theme and row height, kept in cookies.

use super::{Access, ActionRoute, Posted, see_other_with_cookie};
use crate::{
    context::{Density, Theme, local_path},
    cookies,
};
use axum::{response::Response, routing::post};

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/theme", access: Access::Anyone, handler: || post(theme) },
    ActionRoute { method: "POST", path: "/density", access: Access::Anyone, handler: || post(density) },
];

async fn theme(Posted(form): Posted) -> Response {
    let cookie = match Theme::read(form.value("theme")).word() {
        Some(word) => cookies::keep(cookies::THEME, word),
        None => cookies::drop_cookie(cookies::THEME),
    };
    see_other_with_cookie(local_path(form.value("next")), cookie)
}

async fn density(Posted(form): Posted) -> Response {
    let density = Density::read(form.value("density"));
    see_other_with_cookie(local_path(form.value("next")), cookies::keep(cookies::DENSITY, density.word()))
}
