//! Reads a manifest from JSON Lines.

use super::{
    Row, RowResult,
    check::{Checker, Raw, RawPart},
    columns::{Field, class_named, class_of_slot, is_foreign, unknown},
    csv_rows::too_long,
    problem::{FileProblem, ProblemCode, RowProblem},
    records::RECORD_MAX,
    sniff::Head,
};
use crate::{component::Part, time::Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    io::{self, BufRead, BufReader, Chain, Cursor, Read},
};

/// The most names of left-out keys that are remembered.
const LEFT_MAX: usize = 100;

/// The rows of a JSON Lines file, one after the other. Ends after the first [`FileProblem`].
pub struct JsonlRows<R> {
    input: BufReader<Chain<Cursor<Vec<u8>>, R>>,
    bytes: Vec<u8>,
    line: u64,
    left: Vec<String>,
    now: Timestamp,
    done: bool,
}

/// Looks at the start of a JSON Lines file and gives its rows. `now` bounds the times that can be true.
///
/// # Errors
/// When the file is certainly not JSON Lines.
pub fn jsonl_rows<R: Read>(mut reader: R, now: Timestamp) -> Result<JsonlRows<R>, FileProblem> {
    let head = Head::read(&mut reader)?;
    match head.text().first() {
        Some(b'{') => {}
        Some(b'[') => return Err(FileProblem::JsonArray),
        _ => return Err(FileProblem::NotJsonLines(head.shown())),
    }
    let mut start = Cursor::new(head.bytes);
    start.set_position(head.start as u64);
    let input = BufReader::with_capacity(64 * 1024, start.chain(reader));
    Ok(JsonlRows { input, bytes: Vec::with_capacity(4096), line: 0, left: Vec::new(), now, done: false })
}

/// An object whose keys are all known and whose values all have the expected types. Most lines of most files are
/// such; the others are read again as [`Value`]s, slowly, to say what is wrong with them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Line<'a> {
    #[serde(borrow)]
    serial: Cow<'a, str>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    hardware_revision: Cow<'a, str>,
    #[serde(borrow)]
    batch: Cow<'a, str>,
    #[serde(borrow)]
    factory: Cow<'a, str>,
    #[serde(borrow)]
    factory_name: Cow<'a, str>,
    #[serde(borrow)]
    made_at: Cow<'a, str>,
    #[serde(borrow)]
    firmware: Cow<'a, str>,
    quota: Option<i64>,
    #[serde(borrow)]
    sgtin: Cow<'a, str>,
    #[serde(borrow)]
    components: Vec<LinePart<'a>>,
}

impl Default for Line<'_> {
    fn default() -> Self {
        let empty = || Cow::Borrowed("");
        Self {
            serial: empty(),
            model: empty(),
            hardware_revision: empty(),
            batch: empty(),
            factory: empty(),
            factory_name: empty(),
            made_at: empty(),
            firmware: empty(),
            quota: None,
            sgtin: empty(),
            components: Vec::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinePart<'a> {
    #[serde(borrow)]
    slot: Cow<'a, str>,
    #[serde(borrow, default)]
    class: Cow<'a, str>,
    #[serde(borrow, default)]
    maker: Cow<'a, str>,
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    identifier: Cow<'a, str>,
}

/// What the next line is.
enum Found {
    Line,
    TooLong,
    End,
}

impl<R> JsonlRows<R> {
    /// The keys, seen so far, that were left out because their names start with `x_`.
    #[must_use]
    pub fn left(&self) -> &[String] {
        &self.left
    }
}

impl<R: Read> Iterator for JsonlRows<R> {
    type Item = Result<RowResult, FileProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.advance() {
                Ok(Found::Line) if self.bytes.trim_ascii().is_empty() => {}
                Ok(Found::Line) => {
                    let bytes = std::mem::take(&mut self.bytes);
                    let row = self.row(&bytes);
                    self.bytes = bytes;
                    return Some(Ok(RowResult { line: self.line, row }));
                }
                Ok(Found::TooLong) => {
                    return Some(Ok(RowResult { line: self.line, row: Err(vec![too_long()]) }));
                }
                Ok(Found::End) => self.done = true,
                Err(error) => {
                    self.done = true;
                    return Some(Err(FileProblem::Read { line: self.line, message: error.to_string() }));
                }
            }
        }
        None
    }
}

impl<R: Read> JsonlRows<R> {
    /// Reads one line into `bytes`, of which no more than [`RECORD_MAX`] are kept.
    fn advance(&mut self) -> io::Result<Found> {
        self.bytes.clear();
        self.line += 1;
        let mut long = false;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() && self.bytes.is_empty() && !long {
                return Ok(Found::End);
            }
            let end = chunk.iter().position(|b| *b == b'\n');
            let text = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            long |= self.bytes.len() + text.len() > RECORD_MAX;
            if !long {
                self.bytes.extend_from_slice(text);
            }
            let (ended, used) = (end.is_some() || chunk.is_empty(), text.len() + usize::from(end.is_some()));
            self.input.consume(used);
            if ended {
                return Ok(if long { Found::TooLong } else { Found::Line });
            }
        }
    }

    fn row(&mut self, bytes: &[u8]) -> Result<Row, Vec<RowProblem>> {
        let mut checker = Checker::new(self.now);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let message =
                    format!("byte {} of the line is not UTF-8; save the file as UTF-8", error.valid_up_to() + 1);
                checker.problem("", ProblemCode::Encoding, message);
                return Err(checker.into_problems());
            }
        };
        match serde_json::from_str::<Line<'_>>(text) {
            Ok(line) => regular(checker, &line),
            Err(why) => match serde_json::from_str::<Value>(text) {
                // A key that stands twice: whichever was meant, the row is not to be trusted.
                Ok(_) if why.to_string().starts_with("duplicate field") => {
                    checker.problem("", ProblemCode::Json, format!("a key stands twice: {why}"));
                    Err(checker.into_problems())
                }
                Ok(Value::Object(object)) => self.irregular(checker, &object),
                Ok(_) => {
                    checker.problem("", ProblemCode::Json, "the line is not a JSON object; write {\"serial\": …}");
                    Err(checker.into_problems())
                }
                Err(error) => {
                    checker.problem("", ProblemCode::Json, format!("the line is not JSON: {error}"));
                    Err(checker.into_problems())
                }
            },
        }
    }

    /// Reads an object key by key, to name every problem and to take numbers for text.
    fn irregular(&mut self, mut checker: Checker, object: &Map<String, Value>) -> Result<Row, Vec<RowProblem>> {
        let mut values: Vec<(Field, Option<Cow<'_, str>>)> = Vec::new();
        let mut parts = Vec::new();
        for (key, value) in object {
            if is_foreign(key) {
                self.leave(key);
            } else if key == "components" {
                match value {
                    Value::Array(items) => {
                        for (index, item) in items.iter().enumerate() {
                            parts.extend(self.component(&mut checker, index, item));
                        }
                    }
                    Value::Null => {}
                    _ => checker.problem(key, ProblemCode::Json, "components are an array: [{\"slot\": …}]"),
                }
            } else if let Some(field) = Field::named(key) {
                values.push((field, scalar(&mut checker, key, value)));
            } else {
                checker.problem(key, ProblemCode::UnknownKey, stranger(key));
            }
        }
        let mut raw = Raw::new();
        for (field, value) in &values {
            raw.set(*field, value.as_deref());
        }
        checker.finish(&raw, parts)
    }

    fn component(&mut self, checker: &mut Checker, index: usize, item: &Value) -> Option<Part> {
        let place = format!("components[{index}]");
        let Value::Object(object) = item else {
            checker.problem(&place, ProblemCode::Json, "a component is an object: {\"slot\": …, \"identifier\": …}");
            return None;
        };
        let mut found: [Cow<'_, str>; 5] = std::array::from_fn(|_| Cow::Borrowed(""));
        let mut sound = true;
        for (key, value) in object {
            let known = ["slot", "class", "maker", "model", "identifier"].iter().position(|name| name == key);
            if let Some(known) = known {
                let value = scalar(checker, &place, value);
                sound &= value.is_some();
                if let Some(spot) = found.get_mut(known) {
                    *spot = value.unwrap_or_default();
                }
            } else if is_foreign(key) {
                self.leave(key);
            } else {
                let message = format!("unknown key “{}”; known are slot, class, maker, model, identifier", cut(key));
                checker.problem(&place, ProblemCode::UnknownKey, message);
                sound = false;
            }
        }
        let [slot, class, maker, model, identifier] = found;
        if !sound {
            return None;
        }
        part(checker, &LinePart { slot, class, maker, model, identifier }, &place)
    }

    fn leave(&mut self, key: &str) {
        if self.left.len() < LEFT_MAX && !self.left.iter().any(|known| known == key) {
            self.left.push(cut(key));
        }
    }
}

fn regular(mut checker: Checker, line: &Line<'_>) -> Result<Row, Vec<RowProblem>> {
    let quota = line.quota.map(|quota| quota.to_string()).unwrap_or_default();
    let mut raw = Raw::new();
    for (field, value) in [
        (Field::Serial, &*line.serial),
        (Field::Model, &line.model),
        (Field::HardwareRevision, &line.hardware_revision),
        (Field::Batch, &line.batch),
        (Field::Factory, &line.factory),
        (Field::FactoryName, &line.factory_name),
        (Field::MadeAt, &line.made_at),
        (Field::Firmware, &line.firmware),
        (Field::Quota, &quota),
        (Field::Sgtin, &line.sgtin),
    ] {
        raw.set(field, Some(value));
    }
    let mut parts = Vec::with_capacity(line.components.len());
    for (index, component) in line.components.iter().enumerate() {
        match part(&mut checker, component, "") {
            Some(part) => parts.push(part),
            None => checker.blame(&format!("components[{index}]")),
        }
    }
    checker.finish(&raw, parts)
}

fn part(checker: &mut Checker, written: &LinePart<'_>, place: &str) -> Option<Part> {
    let slot = written.slot.trim();
    let word = written.class.trim();
    let class = if word.is_empty() { class_of_slot(slot) } else { class_named(word) };
    let Some(class) = class else {
        let message = if word.is_empty() {
            format!("the slot “{}” doesn't tell the class of the component; add \"class\"", cut(slot))
        } else {
            let known = crate::component::ComponentClass::ALL.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(", ");
            format!("“{}” is no class of component; known are {known}", cut(word))
        };
        checker.problem(place, ProblemCode::Class, message);
        return None;
    };
    let raw = RawPart { slot, class, maker: &written.maker, model: &written.model, identifier: &written.identifier };
    checker.part(&raw, place)
}

/// A text, or a number taken as one.
fn scalar<'a>(checker: &mut Checker, column: &str, value: &'a Value) -> Option<Cow<'a, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Null => Some(Cow::Borrowed("")),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            checker.problem(column, ProblemCode::Json, "a text or a number belongs here");
            None
        }
    }
}

fn stranger(key: &str) -> String {
    format!("unknown key {}; a key whose name starts with x_ is left out", unknown(key))
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}
