//! What commands need that ask a console elsewhere.

use clap::Args;
use std::path::PathBuf;

/// Which console, and by which token.
#[derive(Clone, Debug, Args)]
pub struct Remote {
    /// The console's address: https://HOST[:PORT].
    #[arg(long, value_name = "URL", env = "MUSTER_URL")]
    pub url: String,
    /// A file whose first line is an API token.
    #[arg(long, value_name = "FILE", env = "MUSTER_TOKEN_FILE")]
    pub token_file: PathBuf,
    /// The certificates (PEM) that may have signed the console's. Default: those that browsers trust.
    #[arg(long, value_name = "FILE", env = "MUSTER_CA")]
    pub ca: Option<PathBuf>,
}
