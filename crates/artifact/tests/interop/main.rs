//! Whether SWUpdate, as Debian ships it, takes and refuses the same images as we do.
//! `cargo xtask test --only verifiers` installs it and runs these.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../image/mod.rs"]
mod image;
mod swupdate;
#[path = "../../../pki/tests/world/mod.rs"]
mod world;
#[path = "../../../pki/tests/world/cms.rs"]
mod writing;
