//! Tests of the whole language. Those of its parts stand beside them.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod examples;
mod properties;
