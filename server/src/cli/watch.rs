//! How whoever operates a node watches it, and how it ends.

use super::Traces;
use clap::{Args, ValueEnum};
use std::net::SocketAddr;

/// How whoever operates a node watches it, and how it ends.
#[derive(Clone, Debug, Args)]
pub struct Watch {
    /// Where metrics are read and health is asked for, by plain HTTP: for a private network. Default: nowhere.
    #[arg(long, value_name = "ADDRESS", env = "MUSTER_METRICS")]
    pub metrics: Option<SocketAddr>,
    /// How the log is written: lines for people, or one JSON object a line for programs.
    #[arg(long, value_name = "FORMAT", env = "MUSTER_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// When told to stop, for how many seconds to go on while /readyz says 503, so that a balancer sends nobody any more.
    #[arg(long, value_name = "SECONDS", env = "MUSTER_DRAIN", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub drain: u64,
    /// After that, for how many seconds what was accepted may still take; a longer download is broken off.
    #[arg(long, value_name = "SECONDS", env = "MUSTER_STOP_WITHIN", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub stop_within: u64,
    /// To whom traces are told.
    #[command(flatten)]
    pub traces: Traces,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}
