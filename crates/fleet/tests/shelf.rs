//! The shelf in a folder and in a bucket, on both databases: one suite for all.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "shelf/backups.rs"]
mod backups;
#[path = "shelf/contract.rs"]
mod contract;
#[path = "shelf/reach.rs"]
mod reach;
#[path = "scene/mod.rs"]
mod scene;
#[path = "shelf/storage.rs"]
mod storage;
#[path = "release/world.rs"]
#[expect(dead_code, reason = "what this suite does not need of it")]
mod world;
