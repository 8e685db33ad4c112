//! `muster doctor`.

use super::Serve;
use clap::Args;

/// `muster doctor`.
#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// What `muster serve` is given.
    #[command(flatten)]
    pub serve: Serve,
    /// Only ask the listeners whether they answer: quick enough to be asked twice a minute.
    #[arg(long)]
    pub only_listeners: bool,
    /// Say it as JSON.
    #[arg(long)]
    pub json: bool,
}
