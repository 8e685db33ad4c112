//! Authorities, approvals, enrolment, settings, tokens of devices and findings, on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "authority/bulk.rs"]
mod bulk;
#[path = "authority/ceremony.rs"]
mod ceremony;
#[path = "authority/delegated.rs"]
mod delegated;
#[path = "authority/delivery.rs"]
mod delivery;
#[path = "authority/enrolment.rs"]
mod enrolment;
#[path = "authority/kill.rs"]
mod kill;
#[path = "authority/renewal.rs"]
mod renewal;
#[path = "scene/mod.rs"]
mod scene;
#[path = "authority/shared_keys.rs"]
mod shared_keys;
#[path = "authority/things.rs"]
mod things;
#[path = "authority/token.rs"]
mod token;
#[path = "authority/who.rs"]
mod who;
#[path = "authority/world.rs"]
mod world;
