//! Which program it is.

use prometheus_client::{metrics::info::Info, registry::Registry};

/// Says which version runs, on what.
pub fn register(registry: &mut Registry, database: &'static str) {
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("database", database)];
    registry.register("muster_build", "Which Muster runs, on which database", Info::new(labels));
}
