//! The server as its users meet it. One program for all tests: linking the server takes longer than running them.
#![expect(clippy::unwrap_used, reason = "a test that gets no answer should fail")]

mod apt;
mod authorisation;
mod authorisation_gateway;
#[path = "../../crates/artifact/tests/bundle/mod.rs"]
mod bundle;
mod ceremony;
mod claims;
mod commands;
mod common;
mod ddi;
#[path = "../../crates/artifact/tests/debs/mod.rs"]
mod debs;
mod est;
mod field;
mod gateway;
mod held;
mod hostile;
mod idempotency;
mod kept;
mod kill;
mod listener;
mod ostree;
mod pipeline;
mod pki;
mod receiver;
mod releases;
#[path = "../../crates/artifact/tests/repository/mod.rs"]
mod repository;
mod requests;
mod rollouts;
#[path = "../../crates/fleet/tests/scene/mod.rs"]
mod scene;
mod served;
mod sessions;
mod simulate;
mod swupdate;
mod updates;
mod webhooks;
