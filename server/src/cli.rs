//! The command line.

mod authority;
mod ceremony;
mod config;
mod doctor;
mod keys;
mod kit;
mod oidc;
mod release;
mod remote;
mod rollout;
mod shelf;
mod simulate;
mod traces;
mod watch;

pub use authority::{
    AskAuthority, Authority, BringFile, Delegate, Manifest, OneAuthority, Retire, RootCrl, ToSettings,
};
pub use ceremony::{Ceremony, Crl, CrossSign, Curve, Root, RootKey, Show, Sign, SignKind};
pub use config::{CHECKED, CheckConfig, Config};
pub use doctor::Doctor;
pub use keys::Keys;
pub use kit::{AddStation, Kit, ListStations, Station};
pub use oidc::Oidc;
pub use release::{CheckEnd, CheckRelease, ListReleases, Named, PromoteRelease, PushRelease, Release};
pub use remote::Remote;
pub use rollout::{AbortRollout, AdvanceRollout, ListRollouts, OneRollout, Rollout, RolloutReason};
pub use shelf::{InBucket, Shelf};
pub use simulate::Simulate;
pub use traces::Traces;
pub use watch::{LogFormat, Watch};

use crate::proxy::network;
use clap::{Args, Parser, Subcommand};
use domain::person::Role;
use ipnet::IpNet;
use std::{net::SocketAddr, path::PathBuf};

/// Muster: the fleet console.
#[derive(Debug, Parser)]
#[command(name = "muster", version, about = "A fleet console for makers of connected Linux devices.", long_about = None)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Where data lies, where the console listens and what a demo is made of can also be given as environment
variables, which --help of a command names in brackets, or in a file of settings (--config FILE; else
/etc/muster/muster.toml). What one command is to do (--force, --dry-run …) can't.
MUSTER_LOG sets what is logged (error, warn, info, debug, trace; default info).

Exit codes: 0 done; 1 done, but something was found wrong (bad rows, a broken audit chain);
2 the command line is wrong; 3 it could not be done.";

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the console.
    Serve(Box<Serve>),
    /// Run the console with a made-up fleet, an account for every role, and sign-in links.
    Demo(Box<Demo>),
    /// Import a factory manifest (CSV, JSON Lines) or an EPCIS 2.0 document.
    Import(Import),
    /// Write everything into one file, also while the console runs.
    Backup(Backup),
    /// Fill the data folder or database of a stopped console from a backup.
    Restore(Restore),
    /// Say that the database of a stopped console was taken back to an earlier time by other means: PostgreSQL's recovery, a
    /// snapshot. Pauses rollouts and webhooks and ends sessions, as a restore does.
    Restored(Restored),
    /// Check the audit log.
    #[command(subcommand)]
    Audit(Audit),
    /// Manage accounts.
    #[command(subcommand)]
    User(User),
    /// The root's ceremony, on a machine without a network: works on files alone, and has no database.
    #[command(subcommand)]
    Ceremony(Ceremony),
    /// Certification authorities: roots that are brought in, and those below them.
    #[command(subcommand)]
    Authority(Authority),
    /// Factory stations, which enrol devices on a line.
    #[command(subcommand)]
    Station(Station),
    /// Write what a first real device needs into a folder: key, certificate and configuration.
    Kit(Kit),
    /// Push releases to a console elsewhere, by an API token, and let them go on.
    #[command(subcommand)]
    Release(Release),
    /// Look at rollouts of a console elsewhere, by an API token, and stop them or let them go on.
    #[command(subcommand)]
    Rollout(Rollout),
    /// Let virtual devices come to a gateway, to try a rollout with: they install what they are told of, or fail at it.
    Simulate(Simulate),
    /// Print the API's OpenAPI document.
    Openapi,
    /// Settings: what holds and where it comes from, and a file to begin with.
    #[command(subcommand)]
    Config(Config),
    /// Look at an installation, running or not, and say what is wrong with it and what to do.
    Doctor(Box<Doctor>),
}

/// Where everything is kept.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// The data folder. Default: $STATE_DIRECTORY, else $XDG_DATA_HOME/muster, else ~/.local/share/muster.
    #[arg(long, value_name = "FOLDER", env = "MUSTER_DATA")]
    pub data: Option<PathBuf>,
    /// A PostgreSQL database (postgres://USER:PASSWORD@HOST/DATABASE) instead of SQLite in the data folder.
    #[arg(long, value_name = "URL", env = "MUSTER_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// A file whose first line is that address, so that its password stands nowhere else. Else the systemd credential
    /// muster-database-url.
    #[arg(long, value_name = "FILE", env = "MUSTER_DATABASE_URL_FILE", conflicts_with = "database_url")]
    pub database_url_file: Option<PathBuf>,
}

/// Where to listen.
#[derive(Clone, Debug, Args)]
pub struct Listen {
    /// Where people and programs reach the console, by HTTPS.
    #[arg(long, value_name = "ADDRESS", env = "MUSTER_CONSOLE", default_value = "127.0.0.1:8443")]
    pub console: SocketAddr,
    /// Where devices and factory stations reach the gateway, by mutual TLS.
    #[arg(long, value_name = "ADDRESS", env = "MUSTER_GATEWAY", default_value = "127.0.0.1:8444")]
    pub gateway: SocketAddr,
    /// Where CRLs, OCSP answers and the authorities' certificates are published, by plain HTTP.
    #[arg(long, value_name = "ADDRESS", env = "MUSTER_PKI", default_value = "127.0.0.1:8080")]
    pub pki: SocketAddr,
    /// The console's certificate chain (PEM). Default: one that the console makes for itself and renews.
    #[arg(long, value_name = "FILE", env = "MUSTER_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert (PEM).
    #[arg(long, value_name = "FILE", env = "MUSTER_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The name or address by which people reach the console; stands in printed links and in the certificate.
    #[arg(long, value_name = "NAME", env = "MUSTER_HOST")]
    pub host: Option<String>,
    /// Networks or addresses of proxies in front of the console. Only from them X-Forwarded-For says who really asks.
    #[arg(long, value_name = "CIDR", env = "MUSTER_TRUSTED_PROXY", value_delimiter = ',', value_parser = network)]
    pub trusted_proxy: Vec<IpNet>,
    /// Networks that webhooks may reach although they are not public: this machine, private ones. None if it isn't said.
    #[arg(long, value_name = "CIDR", env = "MUSTER_WEBHOOK_NETWORK", value_delimiter = ',', value_parser = network)]
    pub webhook_network: Vec<IpNet>,
    /// Certificates of authorities (PEM) that webhooks' receivers may have theirs from, beside the public ones.
    #[arg(long, value_name = "FILE", env = "MUSTER_WEBHOOK_CA")]
    pub webhook_ca: Option<PathBuf>,
    /// For how many seconds devices are let in while the database can't be read: others may have been cut off meanwhile.
    #[arg(long, value_name = "SECONDS", env = "MUSTER_TRUST_MAX_AGE", default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=3600))]
    pub trust_max_age: u64,
    /// The tenant that hawkBit's clients are set up with: the first word of the addresses they ask at.
    #[arg(long, value_name = "WORD", env = "MUSTER_TENANT", default_value = crate::gateway::DEFAULT_TENANT, value_parser = tenant)]
    pub tenant: String,
    /// What this node is called among those that serve the same database. Default: the host's name.
    #[arg(long, value_name = "NAME", env = "MUSTER_NODE_NAME")]
    pub node_name: Option<String>,
}

/// `muster serve`.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// A replica of the PostgreSQL database, from which lists, counts and exports are read while it is up to date.
    #[arg(long, value_name = "URL", env = "MUSTER_READ_URL", hide_env_values = true, requires = "database_url")]
    pub read_url: Option<String>,
    /// Where to listen.
    #[command(flatten)]
    pub listen: Listen,
    /// What opens the keys of authorities.
    #[command(flatten)]
    pub keys: Keys,
    /// The provider of identities that people sign in at.
    #[command(flatten)]
    pub oidc: Oidc,
    /// Where the files of releases lie.
    #[command(flatten)]
    pub shelf: Shelf,
    /// How it is watched, and how it ends.
    #[command(flatten)]
    pub watch: Watch,
}

/// `muster demo`.
#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Where everything is kept; without --data in a folder `muster-demo` beside the usual one.
    #[command(flatten)]
    pub place: Place,
    /// Where to listen.
    #[command(flatten)]
    pub listen: Listen,
    /// What opens the keys of authorities. Default: a passphrase that the demo makes for itself.
    #[command(flatten)]
    pub keys: Keys,
    /// How it is watched, and how it ends.
    #[command(flatten)]
    pub watch: Watch,
    /// Which fleet to make up: the same number makes the same fleet.
    #[arg(long, value_name = "NUMBER", env = "MUSTER_SEED", default_value_t = 1)]
    pub seed: u64,
    /// How many devices it has.
    #[arg(long, value_name = "NUMBER", env = "MUSTER_DEVICES", default_value_t = 2000, value_parser = clap::value_parser!(i64).range(12..=2_000_000))]
    pub devices: i64,
}

/// `muster import`.
#[derive(Clone, Debug, Args)]
pub struct Import {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// The file: .csv, .jsonl or .ndjson, .jsonld or .json.
    pub file: PathBuf,
    /// Only say what would happen.
    #[arg(long)]
    pub dry_run: bool,
    /// Import the good rows even if others are bad. Without it a file is imported whole or not at all.
    #[arg(long)]
    pub skip_bad_rows: bool,
}

/// `muster backup`.
#[derive(Clone, Debug, Args)]
pub struct Backup {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// Where the files of releases lie.
    #[command(flatten)]
    pub shelf: Shelf,
    /// The file to write. It must not exist.
    pub file: PathBuf,
    /// Leave out the files of releases, which may be large: to be copied in another way.
    #[arg(long)]
    pub without_artifacts: bool,
}

/// `muster restore`.
#[derive(Clone, Debug, Args)]
pub struct Restore {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// Where the files of releases lie.
    #[command(flatten)]
    pub shelf: Shelf,
    /// The file that `muster backup` wrote.
    pub file: PathBuf,
    /// Replace what is there. With SQLite the old file is kept as muster.db.before-restore; keys are always kept so.
    #[arg(long)]
    pub force: bool,
}

/// `muster restored`.
#[derive(Clone, Debug, Args)]
pub struct Restored {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// Where the files of releases lie.
    #[command(flatten)]
    pub shelf: Shelf,
}

/// `muster audit`.
#[derive(Clone, Debug, Subcommand)]
pub enum Audit {
    /// Recompute the hash of every entry of the audit log, and say where the chain breaks.
    Verify(Place),
}

/// `muster user`.
#[derive(Clone, Debug, Subcommand)]
pub enum User {
    /// Create an account, and print a link by which its owner signs in once and sets a password.
    Add(AddUser),
    /// Take somebody's second factors away: for a lost phone, where no other administrator can. Ends their sessions.
    ResetFactors(ResetFactors),
}

/// `muster user reset-factors`.
#[derive(Clone, Debug, Args)]
pub struct ResetFactors {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// The account's e-mail address.
    pub email: String,
}

/// `muster user add`.
#[derive(Clone, Debug, Args)]
pub struct AddUser {
    /// Where everything is kept.
    #[command(flatten)]
    pub place: Place,
    /// The account's e-mail address.
    pub email: String,
    /// What the account may do: operator, support, manager, auditor or admin.
    #[arg(long)]
    pub role: Role,
    /// The person's name. Default: the part of the address before the @.
    #[arg(long)]
    pub name: Option<String>,
    /// The console's address, for the link. Default: the one of the console that last ran on this data folder, else
    /// https://localhost:8443.
    #[arg(long, value_name = "URL", env = "MUSTER_URL")]
    pub url: Option<String>,
}

/// A word that can stand in an address.
fn tenant(text: &str) -> Result<String, String> {
    let right =
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if right { Ok(text.to_owned()) } else { Err("write 1 to 64 letters, digits and . _ -".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_help_says_of_environment_variables_is_true() {
        let named = |command: &clap::Command| {
            let options = command.get_arguments().filter(|option| option.get_long().is_some());
            let options = options.filter(|option| !matches!(option.get_id().as_str(), "help" | "version"));
            let parts: (Vec<_>, Vec<_>) = options.partition(|option| option.get_env().is_some());
            let names = |some: Vec<&clap::Arg>| some.iter().map(|o| o.get_id().to_string()).collect::<Vec<_>>();
            (names(parts.0), names(parts.1))
        };
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands() {
            let (with, without) = named(command);
            match command.get_name() {
                "serve" | "demo" => assert!(with.len() > 7 && without.is_empty(), "{command}: {without:?}"),
                "import" => assert_eq!(without, ["dry_run", "skip_bad_rows"]),
                "backup" => assert_eq!(without, ["without_artifacts"]),
                "restore" => assert_eq!(without, ["force"]),
                "doctor" => assert_eq!(without, ["only_listeners", "json"]),
                "kit" => assert_eq!(without, ["key_in_device"]),
                // Of what a run is, nothing is a setting of this machine.
                "simulate" => assert!(with.is_empty()),
                _ => assert!(without.is_empty(), "{command}: {without:?}"),
            }
        }
    }

    #[test]
    fn the_documented_commands_are_understood() {
        let text = include_str!("../../docs/OPERATIONS.md").replace("\\\n", " ");
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| line.starts_with("muster ")).collect();
        assert!(lines.len() > 12, "{lines:?}");
        for line in lines {
            let line = line.split(" #").next().unwrap_or_default();
            // What stands between quotation marks is one word.
            let parts = line.split('"').enumerate();
            let words = parts.flat_map(|(i, part)| match i % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            });
            assert!(crate::settings::command().try_get_matches_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let cli = Cli::try_parse_from(["muster", "serve"]).ok();
        let Some(Cli { command: Command::Serve(serve) }) = cli else { unreachable!("serve needs no options") };
        let listen = serve.listen;
        let all = [listen.console, listen.gateway, listen.pki].map(|address| address.to_string());
        assert_eq!(all, ["127.0.0.1:8443", "127.0.0.1:8444", "127.0.0.1:8080"]);
        assert!(
            Cli::try_parse_from(["muster", "serve", "--tls-cert", "a.crt"]).is_err(),
            "a certificate needs its key"
        );
        let proxies = Cli::try_parse_from(["muster", "serve", "--trusted-proxy", "10.0.0.0/8,192.0.2.1"]).ok();
        let Some(Cli { command: Command::Serve(serve) }) = proxies else { unreachable!("two networks") };
        assert_eq!(serve.listen.trusted_proxy.len(), 2);
        assert!(Cli::try_parse_from(["muster", "serve", "--trusted-proxy", "proxy.example"]).is_err());
        assert!(Cli::try_parse_from(["muster", "serve", "--tenant", "ACME-1"]).is_ok());
        assert!(Cli::try_parse_from(["muster", "serve", "--tenant", "a/b"]).is_err());
        assert!(Cli::try_parse_from(["muster", "user", "add", "a@b.example", "--role", "king"]).is_err());
    }
}
