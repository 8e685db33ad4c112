//! Whether SWUpdate, RAUC and OSTree, as Debian ships them, take and refuse the same files as we do.
//! `cargo xtask test --only verifiers` installs it and runs these.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod build;
#[path = "../bundle/mod.rs"]
mod bundle;
#[path = "../image/mod.rs"]
mod image;
mod ostree;
mod rauc;
#[path = "../bundle/signing.rs"]
mod signing;
mod swupdate;
#[path = "../../../pki/tests/world/mod.rs"]
mod world;
#[path = "../../../pki/tests/world/cms.rs"]
mod writing;
