//! What makes a row a device: the same checks for both formats, all problems of a row at once.

use super::{
    Row,
    columns::{FIELDS, Field, is_slot},
    problem::{ProblemCode, RowProblem},
};
use crate::{
    component::{ComponentClass, Part},
    custody::slug,
    device::check_serial,
    epcis::is_sgtin_class,
    identifier,
    time::{DAY, Timestamp},
};

/// The longest name (model, batch, revision, firmware) that is accepted, in characters.
const NAME_MAX: usize = 64;
/// The longest name of a factory or of a component's maker or model, in characters.
const LONG_NAME_MAX: usize = 128;
/// 2000-01-01T00:00:00Z.
const EARLIEST: Timestamp = Timestamp(946_684_800_000_000);
/// The most problems that are listed for one row.
const PROBLEMS_MAX: usize = 50;

/// The values of a row as they are written. `None` stands for one whose problem is already listed.
pub(super) struct Raw<'a>(pub(super) [Option<&'a str>; FIELDS]);

impl<'a> Raw<'a> {
    pub(super) const fn new() -> Self {
        Self([Some(""); FIELDS])
    }

    pub(super) fn set(&mut self, field: Field, value: Option<&'a str>) {
        if let Some(place) = self.0.get_mut(field as usize) {
            *place = value;
        }
    }

    fn get(&self, field: Field) -> Option<&'a str> {
        self.0.get(field as usize).copied().flatten().map(str::trim)
    }
}

/// A component as it is written.
pub(super) struct RawPart<'a> {
    pub(super) slot: &'a str,
    pub(super) class: ComponentClass,
    pub(super) maker: &'a str,
    pub(super) model: &'a str,
    pub(super) identifier: &'a str,
}

/// Checks one row.
pub(super) struct Checker {
    now: Timestamp,
    problems: Vec<RowProblem>,
}

impl Checker {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self { now, problems: Vec::new() }
    }

    /// Notes a problem.
    pub(super) fn problem(&mut self, column: &str, code: ProblemCode, message: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            let column = column.chars().take(NAME_MAX).collect();
            self.problems.push(RowProblem { column, code, message: message.into() });
        }
    }

    /// The row, or all problems that were noted and found.
    pub(super) fn finish(mut self, raw: &Raw<'_>, parts: Vec<Part>) -> Result<Row, Vec<RowProblem>> {
        let (factory, factory_name) = self.factory(raw);
        let row = Row {
            serial: self.serial(raw),
            model: self.name(raw, Field::Model),
            hardware_revision: self.name(raw, Field::HardwareRevision),
            batch: self.name(raw, Field::Batch),
            factory,
            factory_name,
            made_at: self.made_at(raw),
            firmware: self.optional(raw, Field::Firmware),
            quota: self.quota(raw),
            sgtin: self.sgtin(raw),
            parts,
        };
        self.duplicates(&row.parts);
        if self.problems.is_empty() { Ok(row) } else { Err(self.problems) }
    }

    /// Names the column of the latest problem, where it was not yet known.
    pub(super) fn blame(&mut self, column: &str) {
        if let Some(latest) = self.problems.last_mut().filter(|problem| problem.column.is_empty()) {
            column.clone_into(&mut latest.column);
        }
    }

    /// Only the problems that were noted.
    pub(super) fn into_problems(self) -> Vec<RowProblem> {
        self.problems
    }

    /// A component, unless something is wrong with it.
    pub(super) fn part(&mut self, raw: &RawPart<'_>, column: &str) -> Option<Part> {
        if !is_slot(raw.slot) {
            self.problem(
                column,
                ProblemCode::Slot,
                "a slot is named by up to 32 small letters, digits and _ - ., starting with a letter: eth0",
            );
            return None;
        }
        let maker = self.text(column, raw.maker, LONG_NAME_MAX)?;
        let model = self.text(column, raw.model, LONG_NAME_MAX)?;
        match identifier::normalise(raw.class, raw.identifier) {
            Ok(identifier) => Some(Part {
                slot: raw.slot.to_owned(),
                class: raw.class,
                maker,
                model,
                identifier: identifier.shown,
                identifier_key: identifier.key,
            }),
            Err(error) => {
                self.problem(column, ProblemCode::Identifier, error.to_string());
                None
            }
        }
    }

    fn text(&mut self, column: &str, text: &str, most: usize) -> Option<String> {
        let text = text.trim();
        // Most text is plain ASCII, for which a look at the bytes is enough.
        let plain = text.bytes().all(|b| (b' '..=b'~').contains(&b));
        if let Some(c) = text.chars().find(|c| !plain && c.is_control()) {
            let message = format!("the value holds an invisible character (U+{:04X}); type it anew", u32::from(c));
            self.problem(column, ProblemCode::Character, message);
            return None;
        }
        if text.len() > most && text.chars().count() > most {
            self.problem(column, ProblemCode::TooLong, format!("the value is longer than {most} characters"));
            return None;
        }
        Some(text.to_owned())
    }

    fn name(&mut self, raw: &Raw<'_>, field: Field) -> String {
        let Some(text) = raw.get(field) else { return String::new() };
        if text.is_empty() {
            self.problem(field.name(), ProblemCode::Missing, "a value is needed here");
        }
        self.text(field.name(), text, NAME_MAX).unwrap_or_default()
    }

    fn optional(&mut self, raw: &Raw<'_>, field: Field) -> Option<String> {
        let text = raw.get(field).filter(|text| !text.is_empty())?;
        let most = if field == Field::FactoryName { LONG_NAME_MAX } else { NAME_MAX };
        self.text(field.name(), text, most)
    }

    fn serial(&mut self, raw: &Raw<'_>) -> String {
        let Some(text) = raw.get(Field::Serial) else { return String::new() };
        match check_serial(text) {
            Ok(serial) => serial.to_owned(),
            Err(error) => {
                use crate::device::SerialError as E;
                let code = match error {
                    E::Missing => ProblemCode::Missing,
                    E::TooLong => ProblemCode::TooLong,
                    E::Character(_) => ProblemCode::Character,
                };
                self.problem(Field::Serial.name(), code, error.to_string());
                String::new()
            }
        }
    }

    /// The factory's code and name. A name where the code belongs is made into a code and kept as the name.
    fn factory(&mut self, raw: &Raw<'_>) -> (String, Option<String>) {
        let written = self.name(raw, Field::Factory);
        let name = self.optional(raw, Field::FactoryName);
        if written.is_empty() {
            return (written, name);
        }
        if written.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            return (written, name);
        }
        let code = slug(&written);
        if code.is_empty() {
            let message = format!("no code can be made of “{written}”; give one of letters, digits and hyphens: brno");
            self.problem(Field::Factory.name(), ProblemCode::Factory, message);
        }
        if code == written { (code, name) } else { (code, name.or(Some(written))) }
    }

    fn made_at(&mut self, raw: &Raw<'_>) -> Timestamp {
        let column = Field::MadeAt.name();
        let Some(text) = raw.get(Field::MadeAt) else { return EARLIEST };
        if text.is_empty() {
            self.problem(
                column,
                ProblemCode::Missing,
                "a time is needed here, like 2026-11-02T08:26:00Z or 2026-11-02",
            );
            return EARLIEST;
        }
        let time = match Timestamp::parse(text) {
            Ok(time) => time,
            Err(error) => {
                self.problem(column, ProblemCode::Time, error.to_string());
                return EARLIEST;
            }
        };
        if time > self.now.plus(2 * DAY) {
            let message = format!("{text} lies in the future (today is {}); check the year", self.now.date());
            self.problem(column, ProblemCode::TimeRange, message);
        } else if time < EARLIEST {
            self.problem(column, ProblemCode::TimeRange, format!("{text} lies before the year 2000; check the year"));
        }
        time
    }

    fn quota(&mut self, raw: &Raw<'_>) -> Option<i64> {
        let text = raw.get(Field::Quota).filter(|text| !text.is_empty())?;
        let quota = text.parse::<i64>().ok().filter(|quota| (1..=1_000_000_000).contains(quota));
        if quota.is_none() {
            self.problem(Field::Quota.name(), ProblemCode::Number, "a quota is a whole number from 1 to 1000000000");
        }
        quota
    }

    fn sgtin(&mut self, raw: &Raw<'_>) -> Option<String> {
        let text = raw.get(Field::Sgtin).filter(|text| !text.is_empty())?;
        if is_sgtin_class(text) {
            return Some(text.to_owned());
        }
        let message = "an SGTIN is a GS1 company prefix, a point and an item reference, 13 digits: 0614141.107346";
        self.problem(Field::Sgtin.name(), ProblemCode::Sgtin, message);
        None
    }

    /// A slot holds one component, and a component sits in one slot. Rows have few parts: comparing all pairs is
    /// cheaper than any set.
    fn duplicates(&mut self, parts: &[Part]) {
        for (index, part) in parts.iter().enumerate() {
            for other in parts.iter().take(index) {
                if other.slot == part.slot {
                    self.problem(
                        &part.slot,
                        ProblemCode::DuplicateSlot,
                        format!("the slot {} is filled twice; name the second one differently", part.slot),
                    );
                } else if other.identifier_key == part.identifier_key {
                    let message =
                        format!("{} stands in {} as well; a part is in one slot", part.identifier, other.slot);
                    self.problem(&part.slot, ProblemCode::DuplicateIdentifier, message);
                }
            }
        }
    }
}
