//! Whose a key is. A certificate is only ever for a key that is its subject's and was never compromised.

use crate::Result;
use store::Tx;

/// Whether somebody may use a key.
pub(super) enum KeyUse {
    /// It is theirs, from now on if it was nobody's.
    Theirs,
    /// It is somebody else's: `device:SERIAL`, `station:NAME`, `code_signing:NAME`.
    Others(String),
    /// A certificate for it was revoked because it was compromised.
    Compromised,
}

/// Makes a key `owner`'s, unless it is somebody else's or was compromised.
///
/// # Errors
/// When the database fails.
pub(super) async fn use_key(tx: &mut Tx, public_key_sha256: &str, owner: &str) -> Result<KeyUse> {
    if store::certificate::is_compromised(tx, public_key_sha256).await? {
        return Ok(KeyUse::Compromised);
    }
    let found = store::certificate::own_key(tx, public_key_sha256, owner).await?;
    Ok(if found == owner { KeyUse::Theirs } else { KeyUse::Others(found) })
}
