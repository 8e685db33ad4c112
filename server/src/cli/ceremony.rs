//! `muster ceremony`.

use super::Keys;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `muster ceremony`.
#[derive(Clone, Debug, Subcommand)]
pub enum Ceremony {
    /// Make a root: NAME.key, sealed with the passphrase, and NAME.pem, its certificate.
    Root(Root),
    /// Sign the request of a factory CA or an operations CA.
    Sign(Sign),
    /// Sign another root's certificate, so that who knows only this root trusts the other one too.
    CrossSign(CrossSign),
    /// Make the root's list of revoked certificates (CRL).
    Crl(Crl),
    /// Say what certificates, requests and CRLs hold.
    Show(Show),
}

/// `muster ceremony root`.
#[derive(Clone, Debug, Args)]
pub struct Root {
    /// The root's name, as it stands in its certificate.
    pub name: String,
    /// The folder for both files. Files that are there are never replaced.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub folder: PathBuf,
    /// For how many days it holds.
    #[arg(long, value_name = "NUMBER", default_value_t = 9_131, value_parser = clap::value_parser!(i64).range(1..=18_262))]
    pub days: i64,
    /// The organisation in its name.
    #[arg(long, value_name = "NAME")]
    pub organisation: Option<String>,
    /// The curve of its key.
    #[arg(long, value_enum, default_value_t = Curve::P384)]
    pub curve: Curve,
    /// A key that is in a token already (pkcs11:…, RFC 7512); then no key file is made.
    #[arg(long, value_name = "PKCS11")]
    pub key: Option<String>,
    /// What the key is sealed with.
    #[command(flatten)]
    pub keys: Keys,
}

/// Which curve a key is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
}

/// The root that signs.
#[derive(Clone, Debug, Args)]
pub struct RootKey {
    /// The root's certificate (PEM).
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// The root's key: the sealed file, or pkcs11:… for one in a token. Default: the file beside --root, as .key.
    #[arg(long, value_name = "FILE")]
    pub key: Option<String>,
    /// What opens the key.
    #[command(flatten)]
    pub keys: Keys,
}

/// What a request is signed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SignKind {
    /// A factory's CA: batch CAs stand below it.
    Factory,
    /// The CA of consoles, gateways and stations.
    Operations,
}

/// `muster ceremony sign`.
#[derive(Clone, Debug, Args)]
pub struct Sign {
    /// The root that signs.
    #[command(flatten)]
    pub root: RootKey,
    /// The request (PEM), as `muster authority pem` wrote it.
    pub request: PathBuf,
    /// The certificate to write. It must not exist.
    pub out: PathBuf,
    /// What it is signed as.
    #[arg(long = "as", value_enum)]
    pub kind: SignKind,
    /// The name in the certificate. Default: the one in the request.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The domain that devices' names end with. A factory CA can issue for no other.
    #[arg(long, value_name = "DOMAIN", default_value = "devices.muster.internal")]
    pub domain: String,
    /// For how many days it holds. Default: 5475 for a factory, 3650 for operations; never longer than the root.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..=10_950))]
    pub days: Option<i64>,
    /// Where the root's certificate and CRL are published (http://…), as the certificate says. Default: nowhere.
    #[arg(long, value_name = "URL")]
    pub pki_url: Option<String>,
}

/// `muster ceremony cross-sign`.
#[derive(Clone, Debug, Args)]
pub struct CrossSign {
    /// The root that signs: the old one, that firmware in the field knows.
    #[command(flatten)]
    pub root: RootKey,
    /// The certificate of the other root: the new one (PEM).
    pub certificate: PathBuf,
    /// The certificate to write. It must not exist.
    pub out: PathBuf,
    /// For how many days it holds. Default: as long as both roots do.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..=18_262))]
    pub days: Option<i64>,
    /// Where the signing root's certificate and CRL are published (http://…). Default: nowhere.
    #[arg(long, value_name = "URL")]
    pub pki_url: Option<String>,
}

/// `muster ceremony crl`.
#[derive(Clone, Debug, Args)]
pub struct Crl {
    /// The root that signs.
    #[command(flatten)]
    pub root: RootKey,
    /// The CRL to write (PEM). It must not exist.
    pub out: PathBuf,
    /// The CRL before: what stands on it stays revoked, and its number is surpassed.
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
    /// A serial number to revoke, with a reason if there is one (SERIAL:REASON, as `muster authority crl` prints them).
    #[arg(long, value_name = "SERIAL")]
    pub revoke: Vec<String>,
    /// A serial number that was on hold and is not any more.
    #[arg(long, value_name = "SERIAL")]
    pub release: Vec<String>,
    /// In how many days there will be a newer one.
    #[arg(long, value_name = "NUMBER", default_value_t = 180, value_parser = clap::value_parser!(i64).range(1..=1_826))]
    pub days: i64,
}

/// `muster ceremony show`.
#[derive(Clone, Debug, Args)]
pub struct Show {
    /// Certificates, requests and CRLs, in PEM or DER.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}
