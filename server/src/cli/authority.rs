//! `muster authority`.

use super::{Keys, Place};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `muster authority`.
#[derive(Clone, Debug, Subcommand)]
pub enum Authority {
    /// List all authorities as a tree.
    List(Place),
    /// Bring in a root's certificate from the ceremony. A second root is a roll-over: both are trusted.
    BringRoot(BringFile),
    /// Bring in a cross-certificate for a root that is here.
    Link(OneAuthority),
    /// Request an authority. A manager approves it in the console.
    Request(AskAuthority),
    /// Write the request (PKCS#10) of an approved authority, for the ceremony to sign.
    Pem(OneAuthority),
    /// Deliver the certificate that the ceremony made for an authority.
    Deliver(OneAuthority),
    /// Bring in the CRL that the ceremony made for a root; without a file, print what the next one has to list.
    Crl(RootCrl),
    /// Write what a factory needs to sign with its delegated batch CA.
    Delegate(Delegate),
    /// Enter what a factory signed with its delegated batch CA (PEM), and compare with what was agreed.
    Manifest(Manifest),
    /// End that an authority signs. What it signed is still trusted.
    Retire(Retire),
    /// Show or change the settings: what devices' names end with, what certificates say about where to look.
    Settings(ToSettings),
}

/// A file to bring in.
#[derive(Clone, Debug, Args)]
pub struct BringFile {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// The file (PEM).
    pub file: PathBuf,
}

/// An authority, and a file that is read or written for it.
#[derive(Clone, Debug, Args)]
pub struct OneAuthority {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// What opens the keys of authorities.
    #[command(flatten)]
    pub keys: Keys,
    /// The authority's name in addresses, as `muster authority list` prints it.
    pub authority: String,
    /// The file (PEM).
    pub file: PathBuf,
}

/// `muster authority request`.
#[derive(Clone, Debug, Args)]
pub struct AskAuthority {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// factory, batch or operations.
    pub kind: String,
    /// The factory's or the batch's code; nothing for operations.
    #[arg(default_value = "")]
    pub code: String,
    /// Its name. Default: one that says what it is for.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub name: String,
    /// For how many devices it may sign. Default: what was agreed for the batch.
    #[arg(long, value_name = "NUMBER")]
    pub quota: Option<i64>,
    /// For how many days its certificate holds.
    #[arg(long, value_name = "NUMBER")]
    pub days: Option<i64>,
    /// The factory gets the key of this batch CA, to sign without a connection.
    #[arg(long)]
    pub delegated: bool,
    /// A key that is in a token already (pkcs11:…, RFC 7512). Default: a sealed file.
    #[arg(long, value_name = "PKCS11", default_value = "")]
    pub key: String,
}

/// `muster authority crl`.
#[derive(Clone, Debug, Args)]
pub struct RootCrl {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// The root's name in addresses.
    pub authority: String,
    /// The CRL (DER or PEM).
    pub file: Option<PathBuf>,
}

/// `muster authority delegate`.
#[derive(Clone, Debug, Args)]
pub struct Delegate {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// What opens the keys of authorities.
    #[command(flatten)]
    pub keys: Keys,
    /// The delegated batch CA's name in addresses.
    pub authority: String,
    /// The folder to write. Files that are there are never replaced.
    pub folder: PathBuf,
    /// A file whose first line is the passphrase for the factory. Default: one is made and printed.
    #[arg(long, value_name = "FILE")]
    pub package_passphrase_file: Option<PathBuf>,
}

/// `muster authority manifest`.
#[derive(Clone, Debug, Args)]
pub struct Manifest {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// What opens the keys of authorities.
    #[command(flatten)]
    pub keys: Keys,
    /// The batch's code.
    pub batch: String,
    /// The certificates (PEM, one after another).
    pub file: PathBuf,
}

/// `muster authority retire`.
#[derive(Clone, Debug, Args)]
pub struct Retire {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// The authority's name in addresses.
    pub authority: String,
    /// Why it is to sign no more; kept in the audit log.
    #[arg(long, default_value = "Retired on the machine itself")]
    pub reason: String,
}

/// `muster authority settings`.
#[derive(Clone, Debug, Args)]
pub struct ToSettings {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// What devices' names end with. CAs that exist stay bound to the one that they were made with.
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<String>,
    /// Where CRLs, OCSP answers and CA certificates are found (http://…), as certificates say.
    #[arg(long, value_name = "URL")]
    pub pki_url: Option<String>,
    /// Where devices find the gateway (https://…).
    #[arg(long, value_name = "URL")]
    pub gateway_url: Option<String>,
    /// How many devices one person may revoke without a second one.
    #[arg(long, value_name = "NUMBER")]
    pub revocation_limit: Option<i64>,
    /// For how many days devices' certificates hold.
    #[arg(long, value_name = "NUMBER")]
    pub device_days: Option<i64>,
    /// For how many days stations' certificates hold.
    #[arg(long, value_name = "NUMBER")]
    pub station_days: Option<i64>,
}
