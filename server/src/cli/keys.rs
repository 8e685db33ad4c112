//! What opens the keys of authorities.

use clap::Args;
use std::path::PathBuf;

/// What opens the keys of authorities.
#[derive(Clone, Debug, Default, Args)]
pub struct Keys {
    /// A file whose first line is the passphrase of the authorities' keys. Else MUSTER_KEY_PASSPHRASE holds it, or the
    /// systemd credential muster-key-passphrase.
    #[arg(long, value_name = "FILE", env = "MUSTER_KEY_PASSPHRASE_FILE")]
    pub key_passphrase_file: Option<PathBuf>,
}
