//! `muster config`.

use super::Serve;
use crate::settings::Report;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What the file that `muster config check` is given is called among what was typed.
pub const CHECKED: &str = "checked";

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
    /// The file of settings, in the place of what --config names.
    #[arg(id = CHECKED, value_name = "FILE")]
    pub checked: Option<PathBuf>,
    /// What is typed in the place of what the file says.
    #[command(flatten)]
    pub serve: Serve,
    /// What holds, and why.
    #[arg(skip)]
    pub report: Report,
}
