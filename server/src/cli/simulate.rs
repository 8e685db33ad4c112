//! `muster simulate`.

use clap::Args;
use simulator::device::{Fault, Measure};
use std::path::PathBuf;

/// `muster simulate`.
#[derive(Clone, Debug, Args)]
pub struct Simulate {
    /// The gateway's address: https://HOST[:PORT].
    #[arg(long, value_name = "URL")]
    pub gateway: String,
    /// A folder with station.pem, station.key and ca.pem, as `muster station add` writes it: it enrols the devices.
    #[arg(long, value_name = "FOLDER")]
    pub station: PathBuf,
    /// The batch that the devices are of.
    #[arg(long, value_name = "CODE")]
    pub batch: String,
    /// The folder that keeps their keys, certificates and what runs on them. Made if it isn't there.
    #[arg(long, value_name = "FOLDER")]
    pub folder: PathBuf,
    /// What runs on a device that is new.
    #[arg(long, value_name = "VERSION", default_value = "")]
    pub runs: String,
    /// What goes wrong: fail=CODE, silent or back; then, after commas, share=PERCENT, serial=SERIAL*, version=VERSION*.
    /// May be given several times; the first that befalls a device counts.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<Fault>,
    /// What devices report as metric.NAME after each start: NAME=MEDIAN; then, after commas, spread=PERCENT, tail=PERCENT,
    /// serial=SERIAL*, version=VERSION*. May be given several times; of each metric the first that is of a device counts.
    #[arg(long, value_name = "METRIC")]
    pub metric: Vec<Measure>,
    /// On which devices it goes wrong, and what they measure, follows from this number.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// The gateway's tenant.
    #[arg(long, value_name = "WORD", default_value = crate::gateway::DEFAULT_TENANT, value_parser = super::tenant)]
    pub tenant: String,
    /// The devices' serials. Their manifest has to be imported, as a factory's is.
    #[arg(required = true, value_name = "SERIAL")]
    pub serials: Vec<String>,
}
