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
mod config;
mod confirm;
mod ddi;
#[path = "../../crates/artifact/tests/debs/mod.rs"]
mod debs;
mod doctor;
mod est;
mod exposition;
mod factors;
mod field;
mod gateway;
mod held;
mod hostile;
mod idempotency;
mod kept;
mod kill;
mod left;
mod listener;
mod logs;
mod metrics;
mod oidc;
mod once;
mod ostree;
#[path = "../../crates/fleet/tests/patience/mod.rs"]
mod patience;
mod pipeline;
mod pipelines;
mod pki;
#[path = "../../crates/fleet/tests/provider/mod.rs"]
mod provider;
mod receiver;
mod releases;
mod remote;
#[path = "../../crates/artifact/tests/repository/mod.rs"]
mod repository;
mod requests;
mod restored;
mod rollout_command;
mod rollouts;
#[path = "../../crates/fleet/tests/scene/mod.rs"]
mod scene;
mod served;
mod sessions;
mod simulate;
mod stale;
mod stop;
mod swupdate;
mod systemd;
mod traces;
mod turns;
mod updates;
mod upgrade;
mod webhooks;
