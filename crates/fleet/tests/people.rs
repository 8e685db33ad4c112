//! Accounts, signing in, links, sessions, tokens, views and idempotency keys, on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "people/accounts.rs"]
mod accounts;
#[path = "people/factors.rs"]
mod factors;
#[path = "people/oidc.rs"]
mod oidc;
#[path = "people/passkeys.rs"]
mod passkeys;
mod patience;
mod provider;
#[path = "people/sign_in.rs"]
mod sign_in;
#[path = "people/things.rs"]
mod things;
#[path = "people/world.rs"]
mod world;
