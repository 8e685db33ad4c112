//! Webhooks: who may have them, what they are owed, and what follows from how receivers answer, on both databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "webhook/answers.rs"]
mod answers;
#[path = "webhook/ears.rs"]
mod ears;
#[path = "webhook/hooks.rs"]
mod hooks;
#[path = "webhook/world.rs"]
mod world;
