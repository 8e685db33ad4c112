//! `sw-description`: what an SWUpdate image says of itself.

use crate::{Refused, libconfig};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Lists whose entries do something also without a file.
const FILELESS: [&str; 4] = ["bootenv", "uboot", "scripts", "partitions"];

/// What a description says that matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) version: String,
    /// Each once.
    pub(crate) hardware: Vec<String>,
    /// SHA-256 in lower-case hexadecimal by the file's name.
    pub(crate) files: BTreeMap<String, String>,
}

/// Everything that was found, before it is judged.
#[derive(Default)]
struct Found {
    versions: Vec<String>,
    description: Description,
    /// Whether something is to be done without a file.
    fileless: bool,
}

impl Description {
    /// Reads a description in libconfig's language or in JSON, tried in this order, as SWUpdate does.
    ///
    /// A description may have parts for several boards and selections (`software.board.stable.main`), and entries that
    /// are reached by links. Which of them a device takes depends on the device, so all of them count: every version
    /// must be the same, every file must be there.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let text = std::str::from_utf8(bytes).map_err(|_| Refused::Description("it is not UTF-8"))?;
        // No text in libconfig's language begins with a brace.
        let root = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| Refused::Json { line: error.line() })?
        } else {
            libconfig::read(text)?
        };
        if !root.get("software").is_some_and(Value::is_object) {
            return Err(Refused::Description("it has no group “software”"));
        }
        let mut found = Found::default();
        found.look(&root)?;
        let mut description = found.description;
        description.version = match found.versions.as_slice() {
            [] => return Err(Refused::NoVersion),
            [version, others @ ..] if others.iter().all(|other| other == version) => version.clone(),
            _ => return Err(Refused::Versions),
        };
        if description.hardware.is_empty() {
            return Err(Refused::NoHardware);
        }
        if description.files.is_empty() && !found.fileless {
            return Err(Refused::NothingToInstall);
        }
        Ok(description)
    }
}

impl Found {
    fn look(&mut self, value: &Value) -> Result<(), Refused> {
        match value {
            Value::Array(values) => values.iter().try_for_each(|value| self.look(value)),
            Value::Object(group) => self.group(group),
            _ => Ok(()),
        }
    }

    fn group(&mut self, group: &Map<String, Value>) -> Result<(), Refused> {
        match group.get("filename") {
            // An image's own version is not that of the whole.
            Some(name) => self.file(name.as_str().unwrap_or_default(), group)?,
            None => self.versions.extend(text(group.get("version"))?),
        }
        for hardware in group.get("hardware-compatibility").and_then(Value::as_array).into_iter().flatten() {
            let hardware = text(Some(hardware))?.filter(|hardware| !self.description.hardware.contains(hardware));
            self.description.hardware.extend(hardware);
        }
        for (name, value) in group {
            self.fileless |= FILELESS.contains(&name.as_str()) && value.as_array().is_some_and(|list| !list.is_empty());
            // What a handler is told may have any name.
            if name != "properties" {
                self.look(value)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, name: &str, group: &Map<String, Value>) -> Result<(), Refused> {
        let name = name.to_owned();
        if name.is_empty() {
            return Ok(());
        }
        let Some(hash) = group.get("sha256") else { return Err(Refused::NoHash { name }) };
        let hash = hash.as_str().unwrap_or_default().to_ascii_lowercase();
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Refused::BadHash { name });
        }
        match self.description.files.insert(name.clone(), hash.clone()) {
            Some(other) if other != hash => Err(Refused::TwoHashes { name }),
            _ => Ok(()),
        }
    }
}

/// A text that may be shown and compared; an empty one is none.
fn text(value: Option<&Value>) -> Result<Option<String>, Refused> {
    let text = value.and_then(Value::as_str).filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.chars().any(char::is_control)) {
        return Err(Refused::Description("a version or a hardware revision holds a control character"));
    }
    Ok(text.map(str::to_owned))
}
