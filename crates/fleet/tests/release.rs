//! Releases on both databases: what comes in, what goes on, and what is refused at each point.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "release/bom.rs"]
mod bom;
#[path = "../../artifact/tests/debs/mod.rs"]
mod debs;
#[path = "release/kept.rs"]
mod kept;
#[path = "release/promoting.rs"]
mod promoting;
#[path = "release/refused.rs"]
mod refused;
#[path = "scene/mod.rs"]
mod scene;
#[path = "release/sets.rs"]
mod sets;
#[path = "release/uploads.rs"]
mod uploads;
#[path = "release/who.rs"]
mod who;
#[path = "release/world.rs"]
mod world;
