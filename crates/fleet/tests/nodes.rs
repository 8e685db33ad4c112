//! Several processes on one database, and a database that is away.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "figures are printed")]

#[path = "nodes/bell.rs"]
mod bell;
#[path = "nodes/connections.rs"]
mod connections;
#[path = "../../artifact/tests/debs/mod.rs"]
mod debs;
#[path = "nodes/failover.rs"]
mod failover;
mod patience;
#[allow(dead_code, unused_imports, reason = "what releases are tested by is more")]
#[path = "release/world.rs"]
mod pushing;
#[path = "nodes/replica.rs"]
mod replica;
#[allow(dead_code, unused_imports, reason = "what revocations are tested by is more")]
#[path = "revocation/world.rs"]
mod revoking;
#[allow(dead_code, unused_imports, reason = "what rollouts are tested by is more")]
#[path = "rollout/world.rs"]
mod rolling;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "scene/mod.rs"]
mod scene;
#[path = "nodes/stale.rs"]
mod stale;
#[path = "nodes/twin.rs"]
mod twin;
