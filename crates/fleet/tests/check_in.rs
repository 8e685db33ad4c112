//! Polls and reports: what does not fit is found, once for each cause, on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "check_in/abuse.rs"]
mod abuse;
#[path = "check_in/any_order.rs"]
mod any_order;
#[path = "check_in/beyond.rs"]
mod beyond;
#[path = "check_in/copies.rs"]
mod copies;
#[path = "check_in/follows.rs"]
mod follows;
#[path = "check_in/hardware.rs"]
mod hardware;
mod patience;
#[path = "check_in/polls.rs"]
mod polls;
#[path = "check_in/rules.rs"]
mod rules;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "scene/mod.rs"]
mod scene;
#[path = "check_in/stood.rs"]
mod stood;
#[path = "check_in/travel.rs"]
mod travel;
#[path = "check_in/world.rs"]
mod world;
