//! `muster release`: what a build pipeline does, by the API of a console elsewhere.

use super::Remote;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `muster release`.
#[derive(Clone, Debug, Subcommand)]
pub enum Release {
    /// Push a signed file as a release. A connection that breaks is taken up again where it was.
    Push(PushRelease),
    /// Report how a check of a release ended.
    Check(CheckRelease),
    /// Let a release enter the next stage.
    Promote(PromoteRelease),
    /// List releases and what stands before their next stage.
    List(ListReleases),
}

/// A release by its name.
#[derive(Clone, Debug, Args)]
pub struct Named {
    /// What it is a release of.
    #[arg(long)]
    pub product: String,
    /// Its version.
    #[arg(long = "version", value_name = "VERSION")]
    pub release_version: String,
}

/// `muster release push`.
#[derive(Clone, Debug, Args)]
#[command(disable_version_flag = true)]
pub struct PushRelease {
    /// The console.
    #[command(flatten)]
    pub remote: Remote,
    /// The file: an image for SWUpdate (.swu), a bundle for RAUC (.raucb), a set of Debian packages or an OSTree repository (.tar).
    pub file: PathBuf,
    /// The release.
    #[command(flatten)]
    pub named: Named,
    /// A model that it fits; may be given several times.
    #[arg(long, value_name = "MODEL", required = true)]
    pub model: Vec<String>,
    /// A hardware revision that it fits; may be given several times. Default: all.
    #[arg(long, value_name = "REVISION")]
    pub revision: Vec<String>,
    /// A text file with what is new.
    #[arg(long, value_name = "FILE")]
    pub notes: Option<PathBuf>,
    /// A bill of materials to attach: CycloneDX or SPDX 2 as JSON.
    #[arg(long, value_name = "FILE")]
    pub sbom: Option<PathBuf>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckEnd {
    /// It runs.
    Pending,
    /// It passed.
    Passed,
    /// It failed.
    Failed,
}

/// `muster release check`.
#[derive(Clone, Debug, Args)]
#[command(disable_version_flag = true)]
pub struct CheckRelease {
    /// The console.
    #[command(flatten)]
    pub remote: Remote,
    /// The release.
    #[command(flatten)]
    pub named: Named,
    /// The check's name, as models' rules name it.
    #[arg(long)]
    pub name: String,
    /// How it ended.
    #[arg(long, value_enum)]
    pub state: CheckEnd,
    /// Where more is said about it.
    #[arg(long, value_name = "URL")]
    pub report: Option<String>,
}

/// `muster release promote`.
#[derive(Clone, Debug, Args)]
#[command(disable_version_flag = true)]
pub struct PromoteRelease {
    /// The console.
    #[command(flatten)]
    pub remote: Remote,
    /// The release.
    #[command(flatten)]
    pub named: Named,
    /// Into which stage: staging or production.
    #[arg(long)]
    pub to: String,
    /// Why.
    #[arg(long, default_value = "")]
    pub reason: String,
}

/// `muster release list`.
#[derive(Clone, Debug, Args)]
pub struct ListReleases {
    /// The console.
    #[command(flatten)]
    pub remote: Remote,
    /// Only those of this product.
    #[arg(long)]
    pub product: Option<String>,
    /// Only those that hold this component: openssl, openssl@3.0.
    #[arg(long)]
    pub sbom: Option<String>,
}
