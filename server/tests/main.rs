//! The server as its users meet it. One program for all tests: linking the server takes longer than running them.
#![expect(clippy::unwrap_used, reason = "a test that gets no answer should fail")]

mod authorisation;
mod commands;
mod common;
mod idempotency;
mod listener;
mod requests;
mod sessions;
