//! Settings: what the command line says, else the environment, else the configuration file, else the default.
//!
//! Which settings there are is known to clap alone: every option that has an environment variable is one, and its long name
//! is its key in the file. What the file says is put before what was typed, as if it had been typed, wherever neither the
//! command line nor the environment says something; so all rules of clap hold for it, too.

mod file;
mod known;
mod template;

pub use file::Problem;
pub use known::{Kind, Setting, all, command};
pub use template::template;

use crate::cli::{self, Cli};
use clap::{ArgMatches, Command, FromArgMatches, parser::ValueSource};
use file::Entry;
use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// The file that is read where none was named.
pub const DEFAULT_FILE: &str = "/etc/muster/muster.toml";

/// Why the command line and the file can't be followed.
#[derive(Debug)]
pub enum Unread {
    /// What was typed is wrong, or asks for help.
    Typed(Box<clap::Error>),
    /// What the file says is wrong.
    File(Vec<Problem>),
}

impl From<clap::Error> for Unread {
    fn from(error: clap::Error) -> Self {
        Self::Typed(Box::new(error))
    }
}

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was typed.
    Typed,
    /// A variable of the environment, by its name.
    Environment(String),
    /// A line of the file.
    File(usize),
    /// Nobody said anything.
    Default,
}

/// A setting as it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The setting.
    pub setting: Setting,
    /// Its values; none where there is nothing.
    pub values: Vec<String>,
    /// Where they come from.
    pub origin: Origin,
}

/// What holds for a command, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// The settings.
    pub settings: Vec<Effective>,
}

/// Reads what was typed, beside the environment and the file.
///
/// # Errors
/// When any of them is wrong, and when help was asked for.
pub fn read(typed: impl IntoIterator<Item = OsString>) -> Result<Cli, Unread> {
    read_beside(typed, Path::new(DEFAULT_FILE))
}

/// The same, with another file in the place of the default one.
///
/// # Errors
/// As [`read`].
pub fn read_beside(typed: impl IntoIterator<Item = OsString>, default: &Path) -> Result<Cli, Unread> {
    let typed: Vec<OsString> = typed.into_iter().collect();
    let command = command();
    // What is said where; whatever is wrong is found once everything is together.
    let Ok(first) = command.clone().ignore_errors(true).try_get_matches_from(&typed) else {
        return parse(command, &typed);
    };
    let (path, matches) = leaf_matches(&first);
    let Some(leaf) = known::leaf(&command, &path) else { return parse(command, &typed) };
    let Some(file) = named_file(leaf, matches, default) else {
        return parse(command.clone(), &typed).map(|cli| reported(cli, || report(leaf, matches, None, &[])));
    };
    let entries = file::read(&file, &all(&command), &command).map_err(Unread::File)?;
    let mut together = typed;
    // Commands above the last one have no options, so its name stands right behind theirs.
    let at = (1 + path.len()).min(together.len());
    let said = entries.iter().filter(|entry| is_open(entry, leaf, matches)).flat_map(Entry::typed);
    drop(together.splice(at..at, said));
    parse(command.clone(), &together).map(|cli| reported(cli, || report(leaf, matches, Some(file), &entries)))
}

fn parse(mut command: Command, typed: &[OsString]) -> Result<Cli, Unread> {
    let mut matches = command.try_get_matches_from_mut(typed)?;
    Ok(Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))?)
}

/// The names of the commands that were typed, and what was said to the last of them.
fn leaf_matches(first: &ArgMatches) -> (Vec<&str>, &ArgMatches) {
    let (mut path, mut matches) = (Vec::new(), first);
    while let Some((name, below)) = matches.subcommand() {
        path.push(name);
        matches = below;
    }
    (path, matches)
}

/// The file to read: the one that was named, else the default one where there is one. The demo is nobody's installation and
/// takes only what was named.
fn named_file(leaf: &Command, matches: &ArgMatches, default: &Path) -> Option<PathBuf> {
    leaf.get_arguments().find(|arg| arg.get_id() == known::CONFIG)?;
    if let Ok(Some(checked)) = matches.try_get_one::<PathBuf>(cli::CHECKED) {
        return Some(checked.clone());
    }
    if let Some(named) = matches.get_one::<OsString>(known::CONFIG) {
        // An empty one means none.
        return Some(PathBuf::from(named)).filter(|file| !file.as_os_str().is_empty());
    }
    Some(default.to_owned()).filter(|file| leaf.get_name() != "demo" && file.symlink_metadata().is_ok())
}

/// Whether neither the command line nor the environment says something, of the option itself or of what excludes it.
fn is_open(entry: &Entry, leaf: &Command, matches: &ArgMatches) -> bool {
    let Some(arg) = leaf.get_arguments().find(|arg| arg.get_id() == entry.id.as_str()) else { return false };
    let said = |id: &str| matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable));
    // Clap knows it of the one that says so alone.
    let excludes = |one: &clap::Arg, other: &clap::Arg| {
        leaf.get_arg_conflicts_with(one).iter().any(|excluded| excluded.get_id() == other.get_id())
    };
    let is_excluded = |other: &clap::Arg| excludes(arg, other) || excludes(other, arg);
    !said(&entry.id) && !leaf.get_arguments().any(|other| is_excluded(other) && said(other.get_id().as_str()))
}

fn reported(mut cli: Cli, report: impl FnOnce() -> Report) -> Cli {
    if let cli::Command::Config(cli::Config::Check(check)) = &mut cli.command {
        check.report = report();
    }
    cli
}

fn report(leaf: &Command, matches: &ArgMatches, file: Option<PathBuf>, entries: &[Entry]) -> Report {
    let text = |value: &OsStr| value.to_string_lossy().into_owned();
    let settings = known::of(leaf).into_iter().map(|setting| {
        let said = matches.get_raw(&setting.id).map(|all| all.map(text).collect()).unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.id == setting.id && is_open(entry, leaf, matches));
        let (values, origin) = match (matches.value_source(&setting.id), entry) {
            (Some(ValueSource::CommandLine), _) => (said, Origin::Typed),
            (Some(ValueSource::EnvVariable), _) => (said, Origin::Environment(setting.env.clone())),
            (_, Some(entry)) => (entry.values.clone(), Origin::File(entry.line)),
            _ => (said, Origin::Default),
        };
        Effective { setting, values, origin }
    });
    Report { settings: settings.collect(), file }
}

impl Effective {
    /// The value for people: secrets are not in it.
    #[must_use]
    pub fn shown(&self) -> String {
        let show = |value: &String| if self.setting.is_secret { masked(value) } else { value.clone() };
        self.values.iter().map(show).collect::<Vec<_>>().join(", ")
    }
}

/// A secret without what is secret in it: of an address the password, of anything else all.
#[must_use]
pub fn masked(secret: &str) -> String {
    const HIDDEN: &str = "…";
    let Some((scheme, rest)) = secret.split_once("://") else { return HIDDEN.to_owned() };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let rest = match rest.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:{HIDDEN}@{host}"),
            None => rest.to_owned(),
        },
        None => rest.to_owned(),
    };
    let query = if query.is_empty() { String::new() } else { format!("?{HIDDEN}") };
    format!("{scheme}://{rest}{query}")
}

/// Whether an address has a password in it.
#[must_use]
pub fn has_password(address: &str) -> bool {
    masked(address).replacen("?…", "", 1).contains('…') || address.contains("password=")
}

#[cfg(test)]
mod tests;
