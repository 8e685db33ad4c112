//! The repair desk, on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "repair/another.rs"]
mod another;
#[path = "repair/any_order.rs"]
mod any_order;
#[path = "repair/attached.rs"]
mod attached;
#[path = "repair/closing.rs"]
mod closing;
#[path = "repair/crashes.rs"]
mod crashes;
#[path = "repair/flow.rs"]
mod flow;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "scene/mod.rs"]
mod scene;
#[path = "repair/second.rs"]
mod second;
#[path = "repair/vouchers.rs"]
mod vouchers;
#[path = "repair/who.rs"]
mod who;
#[path = "repair/world.rs"]
mod world;
