//! A file of settings to begin with: every one, commented out, with what it is and what holds without it.

use super::known::{self, Kind, Setting};
use std::fmt::Write as _;

const HEAD: &str = "\
# Settings of Muster. Each is an option of its commands: `muster serve --help` says more.
#
# What is typed comes before the environment, which comes before this file. After a change:
#
#   muster config check        says what holds, and where it comes from
#   systemctl restart muster
#
# Secrets do not stand here: give their files, or systemd's credentials (see muster.service).
";

/// How wide comments are.
const WIDTH: usize = 100;

/// The file.
#[must_use]
pub fn template() -> String {
    let command = known::command();
    let mut text = HEAD.to_owned();
    let mut done: Vec<String> = Vec::new();
    for (name, leaf) in known::leaves(&command) {
        let new: Vec<_> = known::of(leaf).into_iter().filter(|setting| !done.contains(&setting.key)).collect();
        if new.is_empty() {
            continue;
        }
        // Writing to a String can't fail.
        let _ = write!(text, "\n## muster {name}\n");
        for setting in new {
            add(&mut text, &setting);
            done.push(setting.key);
        }
    }
    text
}

fn add(text: &mut String, setting: &Setting) {
    text.push('\n');
    for line in wrapped(&format!("{} ({})", setting.help, setting.env)) {
        let _ = writeln!(text, "# {line}");
    }
    let value = setting.default.clone().unwrap_or_else(|| setting.value_name.clone());
    let value = match setting.kind {
        Kind::Text => quoted(&value),
        Kind::Number => value.parse::<i64>().unwrap_or_default().to_string(),
        Kind::Bool | Kind::Switch => (value == "true").to_string(),
        Kind::List => format!("[{}]", quoted(&value)),
    };
    let _ = writeln!(text, "#{} = {value}", setting.key);
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() || line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
