//! Revocation, CRLs and OCSP, on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a killed process says what it did; figures are printed")]

#[path = "revocation/acts.rs"]
mod acts;
#[path = "revocation/any_order.rs"]
mod any_order;
#[path = "revocation/approvals.rs"]
mod approvals;
#[path = "revocation/hung.rs"]
mod hung;
#[path = "revocation/kill.rs"]
mod kill;
#[path = "revocation/large.rs"]
mod large;
#[path = "revocation/lists.rs"]
mod lists;
#[path = "revocation/nodes.rs"]
mod nodes;
#[path = "revocation/ocsp.rs"]
mod ocsp;
#[path = "revocation/races.rs"]
mod races;
#[path = "revocation/restore.rs"]
mod restore;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "scene/mod.rs"]
mod scene;
#[path = "revocation/spread.rs"]
mod spread;
#[path = "revocation/tokens.rs"]
mod tokens;
#[path = "revocation/told.rs"]
mod told;
#[path = "revocation/world.rs"]
mod world;
