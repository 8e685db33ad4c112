//! The pages, and where they live. Every one is rendered on the server, whole, and works without a script.

pub mod account;
pub mod approvals;
pub mod audit;
pub mod authorities;
pub mod batches;
pub mod certificates;
pub mod claim;
pub mod custodians;
pub mod device;
pub mod devices;
pub mod errors;
pub mod experiment;
pub mod factories;
pub mod factors;
pub mod findings;
pub mod help;
pub mod imports;
pub mod kept;
pub mod labels;
pub mod model;
pub mod nodes;
pub mod overview;
pub mod parts;
pub mod releases;
pub mod repairs;
pub mod revocations;
pub mod rollouts;
pub mod set_up;
pub mod settings;
pub mod sign_in;
pub mod supply;
pub mod tokens;
pub mod users;
pub mod webhooks;

mod audit_words;
mod authority;
mod paging;
pub(crate) mod prove;
mod quota;
mod secret;
mod standing;
mod stations;

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
                <Route path=path!("/sign-in/second") view=|| page(factors::load_second) ssr=SsrMode::Async />
                <Route path=path!("/link/:token") view=|| page(sign_in::load_link) ssr=SsrMode::Async />
                <Route path=path!("/set-up/:token") view=|| page(set_up::load) ssr=SsrMode::Async />
                <Route path=path!("/") view=|| page(overview::load) ssr=SsrMode::Async />
                <Route path=path!("/devices") view=|| page(devices::load) ssr=SsrMode::Async />
                <Route path=path!("/devices/custody") view=|| page(devices::custody::load) ssr=SsrMode::Async />
                <Route path=path!("/devices/retire") view=|| page(devices::retire::load) ssr=SsrMode::Async />
                <Route path=path!("/devices/query-language") view=|| page(devices::language::load) ssr=SsrMode::Async />
                <Route path=path!("/devices/:serial") view=|| page(device::load) ssr=SsrMode::Async />
                <Route path=path!("/devices/:serial/manifests/:version") view=|| page(device::load) ssr=SsrMode::Async />
                <Route path=path!("/devices/:serial/supply-chain") view=|| page(supply::load_device) ssr=SsrMode::Async />
                <Route path=path!("/parts") view=|| page(parts::load) ssr=SsrMode::Async />
                <Route path=path!("/parts/:identifier") view=|| page(parts::load_one) ssr=SsrMode::Async />
                <Route path=path!("/factories") view=|| page(factories::load) ssr=SsrMode::Async />
                <Route path=path!("/batches") view=|| page(batches::load) ssr=SsrMode::Async />
                <Route path=path!("/batches/:code") view=|| page(batches::load_one) ssr=SsrMode::Async />
                <Route path=path!("/models/:name") view=|| page(model::load) ssr=SsrMode::Async />
                <Route path=path!("/batches/:code/labels") view=|| page(labels::load) ssr=SsrMode::Async />
                <Route path=path!("/labels") view=|| page(labels::load) ssr=SsrMode::Async />
                <Route path=path!("/c/:serial") view=|| page(claim::load) ssr=SsrMode::Async />
                <Route path=path!("/batches/:code/supply-chain") view=|| page(supply::load_batch) ssr=SsrMode::Async />
                <Route path=path!("/imports") view=|| page(imports::load) ssr=SsrMode::Async />
                <Route path=path!("/imports/format") view=|| page(imports::format::load) ssr=SsrMode::Async />
                <Route path=path!("/imports/:id") view=|| page(imports::load_one) ssr=SsrMode::Async />
                <Route path=path!("/custodians") view=|| page(custodians::load) ssr=SsrMode::Async />
                <Route path=path!("/custodians/:code") view=|| page(custodians::load_one) ssr=SsrMode::Async />
                <Route path=path!("/custodians/:code/supply-chain") view=|| page(supply::load_custodian) ssr=SsrMode::Async />
                <Route path=path!("/authorities") view=|| page(authorities::load) ssr=SsrMode::Async />
                <Route path=path!("/authorities/new") view=|| page(authorities::load_new) ssr=SsrMode::Async />
                <Route path=path!("/authorities/:slug") view=|| page(authorities::load_one) ssr=SsrMode::Async />
                <Route path=path!("/authorities/:slug/retire") view=|| page(authorities::load_retire) ssr=SsrMode::Async />
                <Route path=path!("/certificates") view=|| page(certificates::load) ssr=SsrMode::Async />
                <Route path=path!("/certificates/expiry") view=|| page(certificates::load_expiry) ssr=SsrMode::Async />
                <Route path=path!("/certificates/:authority/:serial") view=|| page(certificates::load_one) ssr=SsrMode::Async />
                <Route path=path!("/releases") view=|| page(releases::load) ssr=SsrMode::Async />
                <Route path=path!("/releases/new") view=|| page(releases::load_new) ssr=SsrMode::Async />
                <Route path=path!("/releases/:id") view=|| page(releases::load_one) ssr=SsrMode::Async />
                <Route path=path!("/revocations") view=|| page(revocations::load) ssr=SsrMode::Async />
                <Route path=path!("/revocations/new") view=|| page(revocations::load_new) ssr=SsrMode::Async />
                <Route path=path!("/revocations/:id") view=|| page(revocations::load_one) ssr=SsrMode::Async />
                <Route path=path!("/rollouts") view=|| page(rollouts::load) ssr=SsrMode::Async />
                <Route path=path!("/rollouts/new") view=|| page(rollouts::load_new) ssr=SsrMode::Async />
                <Route path=path!("/rollouts/:code") view=|| page(rollouts::load_one) ssr=SsrMode::Async />
                <Route path=path!("/rollouts/:code/experiment") view=|| page(experiment::load) ssr=SsrMode::Async />
                <Route path=path!("/rollouts/:code/edit") view=|| page(rollouts::load_edit) ssr=SsrMode::Async />
                <Route path=path!("/findings") view=|| page(findings::load) ssr=SsrMode::Async />
                <Route path=path!("/repairs") view=|| page(repairs::load) ssr=SsrMode::Async />
                <Route path=path!("/repairs/new") view=|| page(repairs::new::load) ssr=SsrMode::Async />
                <Route path=path!("/repairs/:code") view=|| page(repairs::one::load) ssr=SsrMode::Async />
                <Route path=path!("/scan") view=|| page(repairs::scan::load) ssr=SsrMode::Async />
                <Route path=path!("/approvals") view=|| page(approvals::load) ssr=SsrMode::Async />
                <Route path=path!("/approvals/:id") view=|| page(approvals::load_one) ssr=SsrMode::Async />
                <Route path=path!("/settings") view=|| page(settings::load) ssr=SsrMode::Async />
                <Route path=path!("/settings/kept") view=|| page(kept::load) ssr=SsrMode::Async />
                <Route path=path!("/settings/nodes") view=|| page(nodes::load) ssr=SsrMode::Async />
                <Route path=path!("/audit") view=|| page(audit::load) ssr=SsrMode::Async />
                <Route path=path!("/users") view=|| page(users::load) ssr=SsrMode::Async />
                <Route path=path!("/users/:id") view=|| page(users::load_one) ssr=SsrMode::Async />
                <Route path=path!("/tokens") view=|| page(tokens::load) ssr=SsrMode::Async />
                <Route path=path!("/webhooks") view=|| page(webhooks::load) ssr=SsrMode::Async />
                <Route path=path!("/webhooks/:id") view=|| page(webhooks::load_one) ssr=SsrMode::Async />
                <Route path=path!("/help") view=|| page(help::load) ssr=SsrMode::Async />
                <Route path=path!("/account") view=|| page(account::load) ssr=SsrMode::Async />
                <Route path=path!("/account/factors") view=|| page(factors::load) ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}
