//! Labels, claiming and the end of a device's use, on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "claim/codes.rs"]
mod codes;
#[path = "claim/retiring.rs"]
mod retiring;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "scene/mod.rs"]
mod scene;
#[path = "claim/tokens.rs"]
mod tokens;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "revocation/world.rs"]
mod world;
