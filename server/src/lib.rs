//! The program `muster`: command line, listeners, device protocols, background jobs.

// A page is one deep type; optimised builds look into it further than the default lets them.
#![recursion_limit = "512"]

pub mod api;
pub mod assets;
pub mod cli;
pub mod commands;
pub mod data;
pub mod failure;
pub mod gateway;
pub mod health;
pub mod listener;
pub mod log;
pub mod metrics;
pub mod middleware;
pub mod misplaced;
pub mod notify;
pub mod problem;
pub mod proxy;
pub mod ready;
pub mod repository;
pub mod router;
pub mod server_certificate;
pub mod sessions;
pub mod settings;
pub mod traces;
pub mod turn;
pub mod webhooks;

use app::AssetNames;
use fleet::Fleet;
use std::sync::Arc;

/// What every request needs. Cloning shares it.
#[derive(Clone)]
pub struct Console {
    /// What can be done.
    pub fleet: Fleet,
    /// Who is signed in.
    pub sessions: sessions::Sessions,
    /// What the browser loads.
    pub assets: Arc<AssetNames>,
    /// Who may say on whose behalf they ask.
    pub proxies: proxy::Proxies,
    /// Whether anybody is to be sent here.
    pub readiness: ready::Readiness,
}

impl Console {
    /// A console for a fleet.
    #[must_use]
    pub fn new(fleet: Fleet, assets: AssetNames) -> Self {
        let sessions = sessions::Sessions::new(fleet.clone());
        let readiness = ready::Readiness::new(fleet.clone());
        Self { sessions, fleet, assets: Arc::new(assets), proxies: proxy::Proxies::default(), readiness }
    }

    /// The same of a node whose readiness is this.
    #[must_use]
    pub fn of_node(self, readiness: ready::Readiness) -> Self {
        Self { readiness, ..self }
    }

    /// The same behind proxies.
    #[must_use]
    pub fn behind(self, proxies: proxy::Proxies) -> Self {
        Self { proxies, ..self }
    }
}
