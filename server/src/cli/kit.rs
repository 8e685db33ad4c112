//! `muster kit` and `muster station`.

use super::{Keys, Place};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `muster kit`.
#[derive(Clone, Debug, Args)]
pub struct Kit {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// What opens the keys of authorities.
    #[command(flatten)]
    pub keys: Keys,
    /// The device's serial.
    pub serial: String,
    /// The folder to write. Files that are there are never replaced.
    pub folder: PathBuf,
    /// The key is born in the device: writes the calls by which it gets its certificate, and no key.
    #[arg(long)]
    pub key_in_device: bool,
}

/// `muster station`.
#[derive(Clone, Debug, Subcommand)]
pub enum Station {
    /// Enrol a station of a factory, and write its certificate into a folder.
    Add(AddStation),
    /// List the stations and when their certificates end.
    List(ListStations),
}

/// `muster station add`.
#[derive(Clone, Debug, Args)]
pub struct AddStation {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// What opens the keys of authorities.
    #[command(flatten)]
    pub keys: Keys,
    /// The factory's code.
    pub factory: String,
    /// What people call the station.
    pub name: String,
    /// The folder to write. Files that are there are never replaced.
    pub folder: PathBuf,
    /// The station's own request (PEM). Default: a key is made and written with the certificate.
    #[arg(long, value_name = "FILE")]
    pub csr: Option<PathBuf>,
}

/// `muster station list`.
#[derive(Clone, Debug, Args)]
pub struct ListStations {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// Only those of this factory (its code).
    #[arg(long, value_name = "CODE")]
    pub factory: Option<String>,
}
