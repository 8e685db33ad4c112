//! The pages, and where they live. Every one is rendered on the server, whole, and works without a script.

pub mod errors;
pub mod overview;
pub mod set_up;
pub mod sign_in;

use crate::page::page;
use leptos::prelude::*;
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

/// Every page of the console. A page added here needs a case in the server's authorisation test.
#[component]
pub fn App() -> impl IntoView {
    view! {
        <Router>
            <FlatRoutes fallback=|| page(|ctx| async move { Ok(errors::not_found(&ctx)) })>
                <Route path=path!("/sign-in") view=|| page(sign_in::load) ssr=SsrMode::Async />
                <Route path=path!("/link/:token") view=|| page(sign_in::load_link) ssr=SsrMode::Async />
                <Route path=path!("/set-up/:token") view=|| page(set_up::load) ssr=SsrMode::Async />
                <Route path=path!("/") view=|| page(overview::load) ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}
