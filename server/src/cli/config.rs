//! `muster config`.

use super::Serve;
use crate::settings::Report;
use clap::{Args, Subcommand};

/// `muster config`.
#[derive(Clone, Debug, Subcommand)]
pub enum Config {
    /// Say which settings `muster serve` would run with, where each comes from, and what is wrong with them.
    Check(Box<CheckConfig>),
    /// Print a file of settings to begin with: every one, with what it is and what holds without it.
    Template,
}

/// `muster config check`.
#[derive(Clone, Debug, Args)]
pub struct CheckConfig {
    /// What is typed in the place of what the file says.
    #[command(flatten)]
    pub serve: Serve,
    /// What holds, and why.
    #[arg(skip)]
    pub report: Report,
}
