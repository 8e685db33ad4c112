//! Whether other programs see what we make as we mean it: OpenSSL, GnuTLS, NSS, pkilint and SoftHSM.
//! `cargo xtask test --only verifiers` installs them and runs these.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod gnutls;
mod lint;
mod nss;
mod openssl;
mod responder;
mod scene;
mod signatures;
mod token;
#[path = "../world/mod.rs"]
mod world;
