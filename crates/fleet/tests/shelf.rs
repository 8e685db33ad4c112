//! The shelf in a folder and in a bucket, on both databases: one suite for all.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "shelf/backups.rs"]
mod backups;
#[path = "shelf/contract.rs"]
mod contract;
#[path = "../../artifact/tests/debs/mod.rs"]
mod debs;
#[path = "shelf/imports.rs"]
mod imports;
mod patience;
#[path = "shelf/reach.rs"]
mod reach;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "scene/mod.rs"]
mod scene;
#[path = "shelf/storage.rs"]
mod storage;
#[path = "shelf/uploads.rs"]
mod uploads;
#[allow(dead_code, unused_imports, reason = "what releases are tested by is more")]
#[path = "release/world.rs"]
mod world;
