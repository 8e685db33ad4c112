//! The configuration file: TOML, flat, each key an option's long name. Everything that is wrong with it is told at once,
//! with its place.

use super::known::{self, Kind, Setting};
use clap::{
    Command,
    error::{ContextKind, ContextValue, ErrorKind},
};
use std::{
    error::Error as _,
    ffi::OsString,
    fmt,
    fs::File,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// More than that is no file of settings.
const MOST_BYTES: u64 = 1024 * 1024;

/// How alike words are at least, of which one may be meant by the other.
const ALIKE: f64 = 0.75;

/// Something that is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Line and column, from 1 on; none when it is about the file itself.
    pub place: Option<(usize, usize)>,
    /// What is wrong, and what to do.
    pub told: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.place {
            Some((line, column)) => write!(f, "{file}:{line}:{column}: {}", self.told),
            None => write!(f, "{file}: {}", self.told),
        }
    }
}

/// A setting that the file gives a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How clap calls it.
    pub id: String,
    /// The option.
    pub key: String,
    /// Whether the option takes no value.
    is_switch: bool,
    /// Its values, as they would be typed.
    pub values: Vec<String>,
    /// Where it stands.
    pub line: usize,
}

impl Entry {
    /// As if it had been typed.
    pub fn typed(&self) -> Vec<OsString> {
        let key = &self.key;
        if self.is_switch {
            return self.values.iter().filter(|value| *value == "true").map(|_| format!("--{key}").into()).collect();
        }
        self.values.iter().map(|value| format!("--{key}={value}").into()).collect()
    }
}

/// What a file says.
///
/// # Errors
/// With everything that is wrong with it.
pub fn read(path: &Path, settings: &[Setting], command: &Command) -> Result<Vec<Entry>, Vec<Problem>> {
    let text = text(path).map_err(|told| vec![Problem { file: path.to_owned(), place: None, told }])?;
    let read = Reading { path, text: &text, settings, command };
    let (table, errors) = DeTable::parse_recoverable(&text);
    let mut problems: Vec<Problem> =
        errors.iter().map(|error| read.problem(error.span().unwrap_or(0..0), error.message().to_owned())).collect();
    let mut entries: Vec<Entry> = Vec::new();
    let mut items: Vec<_> = table.get_ref().iter().collect();
    items.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in items {
        match read.entry(key, value) {
            Ok(entry) if entries.iter().any(|other| other.key == entry.key) => {
                problems.push(read.problem(key.span(), format!("{} stands here for the second time", entry.key)));
            }
            Ok(entry) => entries.push(entry),
            Err(problem) => problems.push(problem),
        }
    }
    problems.sort_by_key(|problem| problem.place);
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

fn text(path: &Path) -> Result<String, String> {
    let unread = |why: std::io::Error| format!("the file of settings can't be read: {why}");
    let mut bytes = Vec::new();
    File::open(path).map_err(unread)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err("this is larger than 1 MiB, and no file of settings".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "the file of settings is not UTF-8".to_owned())
}

struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    settings: &'a [Setting],
    command: &'a Command,
}

impl Reading<'_> {
    fn problem(&self, span: Range<usize>, told: String) -> Problem {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Problem { file: self.path.to_owned(), place: Some((line, column)), told }
    }

    fn entry(&self, key: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> Result<Entry, Problem> {
        let word = key.get_ref().replace('_', "-");
        let Some(setting) = self.settings.iter().find(|setting| setting.key == word) else {
            return Err(self.problem(key.span(), self.unknown(key.get_ref(), &word, value.get_ref())));
        };
        // A table begins where its name does.
        let span = if value.get_ref().is_table() { key.span() } else { value.span() };
        let values = values(setting, value.get_ref()).map_err(|told| self.problem(span, told))?;
        for value_text in values.iter().filter(|_| setting.kind != Kind::Switch) {
            self.check(setting, value_text).map_err(|told| self.problem(value.span(), told))?;
        }
        let (line, _) = self.problem(key.span(), String::new()).place.unwrap_or_default();
        let is_switch = setting.kind == Kind::Switch;
        Ok(Entry { id: setting.id.clone(), key: setting.key.clone(), is_switch, values, line })
    }

    fn unknown(&self, typed: &str, word: &str, value: &DeValue<'_>) -> String {
        let alike = self.settings.iter().map(|setting| (strsim::jaro_winkler(&setting.key, word), &setting.key));
        let nearest = alike.filter(|(alike, _)| *alike >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0));
        match nearest {
            _ if value.is_table() => format!("there is no table [{typed}]; settings stand in no tables"),
            Some((_, key)) => format!("there is no setting {typed}; did you mean {key}?"),
            None => format!("there is no setting {typed}; all of them: muster config template"),
        }
    }

    /// Whether clap takes the value.
    fn check(&self, setting: &Setting, value: &str) -> Result<(), String> {
        let having = |leaf: &&Command| leaf.get_arguments().any(|arg| arg.get_id() == setting.id.as_str());
        let leaves = known::leaves(self.command).into_iter().map(|(_, leaf)| leaf);
        let Some(leaf) = leaves.into_iter().find(having) else { return Ok(()) };
        let option = format!("--{}", setting.key);
        let typed = [leaf.get_name().to_owned(), format!("{option}={value}")];
        let Err(error) = leaf.clone().try_get_matches_from(typed) else { return Ok(()) };
        // That others are missing is not this value's fault.
        let about = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
        let is_about = about == option || about.starts_with(&format!("{option} "));
        if !is_about || !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
            return Ok(());
        }
        let shown = if setting.is_secret { super::masked(value) } else { value.to_owned() };
        let why = match (error.source(), error.get(ContextKind::ValidValue)) {
            (Some(cause), _) => cause.to_string(),
            (None, Some(ContextValue::Strings(words))) if !words.is_empty() => format!("write {}", words.join(" or ")),
            _ => "it can't be taken".to_owned(),
        };
        Err(format!("{} wants {}, and “{shown}” is none: {why}", setting.key, wanted(setting)))
    }
}

/// What a setting wants, by what its value is called in help.
fn wanted(setting: &Setting) -> String {
    match setting.value_name.as_str() {
        "" => setting.kind.words().to_owned(),
        "ADDRESS" => "an ADDRESS:PORT".to_owned(),
        name => format!("a {name}"),
    }
}

fn values(setting: &Setting, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let scalar = |kind: Kind, value: &DeValue<'_>| match (kind, value) {
        (Kind::Text | Kind::List, DeValue::String(text)) if !text.is_empty() => Some(text.to_string()),
        (Kind::Number, DeValue::Integer(number)) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
        }
        (Kind::Bool | Kind::Switch, DeValue::Boolean(is)) => Some(is.to_string()),
        _ => None,
    };
    let wrong = |value: &DeValue<'_>| match value {
        DeValue::String(text) if text.is_empty() && setting.kind == Kind::Text => {
            format!("{} is empty; leave it out, or write {}", setting.key, wanted(setting))
        }
        _ => format!("{} wants {}, and this is of type {}", setting.key, setting.kind.words(), value.type_str()),
    };
    match (setting.kind, value) {
        (Kind::List, DeValue::Array(items)) => {
            items.iter().map(|item| scalar(Kind::List, item.get_ref()).ok_or_else(|| wrong(item.get_ref()))).collect()
        }
        (kind, value) => scalar(kind, value).map(|one| vec![one]).ok_or_else(|| wrong(value)),
    }
}
