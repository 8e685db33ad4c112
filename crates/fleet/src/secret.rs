//! Secrets that are shown once: links' and tokens'. What is kept is their hash.

use crate::{Error, Result};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// How many characters [`fresh`] gives.
pub(crate) const LENGTH: usize = 43;

/// 256 random bits, in characters that an address may hold.
pub(crate) fn fresh() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// SHA-256, in hexadecimal. What has 256 random bits needs no slow hash, and looking it up by its hash takes a time
/// that says nothing about it.
pub(crate) fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}
