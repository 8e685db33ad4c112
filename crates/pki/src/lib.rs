//! Keys and certificates. No database, no HTTP.

mod console;
mod error;
mod files;
mod identity;

pub use console::{ConsoleFiles, KeyAndCertificate, console_certificate, console_identity, needs_renewal};
pub use error::Error;
pub use files::{write_private, write_public};
pub use identity::{Facts, Identity, read_identity};
