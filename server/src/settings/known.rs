//! Which settings there are: asked of clap, which knows.

use crate::cli::Cli;
use clap::{Arg, ArgAction, Command, CommandFactory, builder::ValueParser};
use std::any::TypeId;

/// The option that names the file.
pub const CONFIG: &str = "config";

/// Commands whose options are no settings of an installation: the root's ceremony works on another machine, with a
/// passphrase of its own.
const WITHOUT: [&str; 2] = ["ceremony", "simulate"];

/// What a setting's value is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// An integer.
    Number,
    /// `true` or `false`.
    Bool,
    /// `true` or `false`, of an option that takes no value.
    Switch,
    /// An array of strings.
    List,
}

impl Kind {
    /// What it is called.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Text => "a string in quotation marks",
            Self::Number => "a number",
            Self::Bool | Self::Switch => "true or false",
            Self::List => "an array of strings",
        }
    }
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// How clap calls it.
    pub id: String,
    /// Its key in the file: the option without its dashes.
    pub key: String,
    /// Its variable.
    pub env: String,
    /// What its value is.
    pub kind: Kind,
    /// What its value is called in help.
    pub value_name: String,
    /// What it is, in a sentence or two.
    pub help: String,
    /// What holds where nobody says anything.
    pub default: Option<String>,
    /// Whether its value is not to be shown.
    pub is_secret: bool,
}

/// The command line, with `--config` wherever there are settings.
#[must_use]
pub fn command() -> Command {
    Cli::command().mut_subcommands(with_config)
}

fn with_config(command: Command) -> Command {
    if WITHOUT.contains(&command.get_name()) {
        return command;
    }
    if command.has_subcommands() {
        return command.mut_subcommands(with_config);
    }
    if command.get_arguments().all(|arg| arg.get_env().is_none()) {
        return command;
    }
    let config = Arg::new(CONFIG).long("config").value_name("FILE").env("MUSTER_CONFIG");
    command.arg(config.value_parser(ValueParser::os_string()).help(
        "A file of settings (TOML), whose keys are these options; what is typed or in the environment comes before it. \
         Default: /etc/muster/muster.toml, if it is there (not for demo)",
    ))
}

/// The command that is reached by these names.
pub fn leaf<'a>(command: &'a Command, path: &[&str]) -> Option<&'a Command> {
    path.iter().try_fold(command, |at, name| at.find_subcommand(name))
}

/// All commands that have settings, with how they are typed.
pub fn leaves(command: &Command) -> Vec<(String, &Command)> {
    let below = command.get_subcommands().filter(|below| !WITHOUT.contains(&below.get_name()));
    let all = below.flat_map(|below| {
        if below.has_subcommands() {
            let name = |(last, leaf)| (format!("{} {last}", below.get_name()), leaf);
            leaves(below).into_iter().map(name).collect()
        } else {
            vec![(below.get_name().to_owned(), below)]
        }
    });
    all.collect()
}

/// Every setting of any command, each once, in the order of help.
#[must_use]
pub fn all(command: &Command) -> Vec<Setting> {
    let mut all: Vec<Setting> = Vec::new();
    for (_, leaf) in leaves(command) {
        let new = of(leaf).into_iter().filter(|one| all.iter().all(|other| other.key != one.key));
        let new: Vec<_> = new.collect();
        all.extend(new);
    }
    all
}

/// The settings of a command.
pub fn of(leaf: &Command) -> Vec<Setting> {
    leaf.get_arguments().filter(|arg| arg.get_id() != CONFIG).filter_map(setting).collect()
}

fn setting(arg: &Arg) -> Option<Setting> {
    let (long, env) = (arg.get_long()?, arg.get_env()?);
    let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let kind = kind(arg);
    Some(Setting {
        id: arg.get_id().to_string(),
        key: long.to_owned(),
        env: env.to_string_lossy().into_owned(),
        kind,
        value_name: arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default(),
        help: arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default(),
        // That a switch is off is not worth a word.
        default: Some(default.join(",")).filter(|text| !text.is_empty() && kind != Kind::Switch),
        is_secret: arg.is_hide_env_values_set(),
    })
}

fn kind(arg: &Arg) -> Kind {
    let is = |types: &[TypeId]| types.iter().any(|one| arg.get_value_parser().type_id() == *one);
    match arg.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse => Kind::Switch,
        ArgAction::Append => Kind::List,
        _ if is(&[TypeId::of::<bool>()]) => Kind::Bool,
        _ if is(&[
            TypeId::of::<u8>(),
            TypeId::of::<u16>(),
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<usize>(),
            TypeId::of::<i32>(),
            TypeId::of::<i64>(),
        ]) =>
        {
            Kind::Number
        }
        _ => Kind::Text,
    }
}
