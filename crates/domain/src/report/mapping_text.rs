//! A mapping as text that people edit, a rule a line.

use super::{
    Axis, Mapping, Pattern, Rule, Says, Target,
    line::{LineError, LineErrors, LineProblem, excerpt, lines, sides},
    mapping::MAPPING_RULES_MAX,
};
use crate::{
    component::ComponentClass,
    factory_manifest::{class_named, class_of_slot, is_slot},
};
use std::fmt;

impl Mapping {
    /// Reads a mapping; [`super::USUAL_MAPPING`] shows and explains how it is written.
    ///
    /// # Errors
    /// Says of every line what is wrong with it and what to write.
    pub fn parse(text: &str) -> Result<Self, LineErrors> {
        let (mut read, mut errors): (Vec<(usize, Rule)>, Vec<LineError>) = (Vec::new(), Vec::new());
        for (line, content) in lines(text) {
            if read.len() == MAPPING_RULES_MAX {
                errors.push(LineError { line, problem: LineProblem::TooMany });
                break;
            }
            match rule(content).and_then(|rule| beside(&read, rule)) {
                Ok(rule) => read.push((line, rule)),
                Err(problem) => errors.push(LineError { line, problem }),
            }
        }
        if errors.is_empty() {
            Ok(Self { rules: read.into_iter().map(|(_, rule)| rule).collect() })
        } else {
            Err(LineErrors(errors))
        }
    }
}

/// The rule, if it can stand after those that were read before.
fn beside(earlier: &[(usize, Rule)], rule: Rule) -> Result<Rule, LineProblem> {
    if let Some((line, _)) = earlier.iter().find(|(_, before)| before.covers(&rule)) {
        return Err(LineProblem::Covered(*line));
    }
    let Target::Part { slot, class, .. } = &rule.target else { return Ok(rule) };
    let other =
        |before: &Rule| matches!(&before.target, Target::Part { slot: s, class: c, .. } if s == slot && c != class);
    match earlier.iter().find(|(_, before)| other(before)) {
        Some((line, _)) => Err(LineProblem::OtherClass { slot: slot.to_string(), line: *line }),
        None => Ok(rule),
    }
}

fn rule(line: &str) -> Result<Rule, LineProblem> {
    let (attribute, meaning) = sides(line)?;
    let attribute = Pattern::parse(attribute)?;
    let target = target(meaning)?;
    let named = match &target {
        Target::Part { slot, .. } => Some(slot),
        Target::Metric(name) => Some(name),
        Target::Firmware | Target::Position(_) => None,
    };
    if attribute.has_star() == named.is_some_and(Pattern::has_star) {
        Ok(Rule { attribute, target })
    } else {
        Err(LineProblem::StarOnOneSide)
    }
}

fn target(meaning: &str) -> Result<Target, LineProblem> {
    let mut words = meaning.split_whitespace();
    let target = match words.next() {
        None => return Err(LineProblem::NothingAfter),
        Some("firmware") => Target::Firmware,
        Some("position") => {
            let word = words.next().ok_or(LineProblem::NoAxis)?;
            Target::Position(word.parse::<Axis>().map_err(|_| LineProblem::NoAxis)?)
        }
        Some("metric") => Target::Metric(Pattern::parse(words.next().ok_or(LineProblem::NothingAfter)?)?),
        Some(place) => return part(place, words),
    };
    match words.next() {
        Some(word) => Err(LineProblem::Extra(excerpt(word))),
        None => Ok(target),
    }
}

fn part<'w>(place: &str, mut words: impl Iterator<Item = &'w str>) -> Result<Target, LineProblem> {
    let (slot, class) = place_and_class(place)?;
    let word = words.next().ok_or(LineProblem::NothingSaid)?;
    let says: Says = word.parse().map_err(|_| LineProblem::UnknownWord(excerpt(word)))?;
    let (mut local, mut unlisted) = (false, false);
    for word in words {
        match word {
            "local" if says == Says::Identifier && has_address(class) => local = true,
            "local" => return Err(LineProblem::LocalWithoutAddress),
            "unlisted" if says == Says::Identifier => unlisted = true,
            _ => return Err(LineProblem::Extra(excerpt(word))),
        }
    }
    Ok(Target::Part { slot, class, says, local, unlisted })
}

fn place_and_class(place: &str) -> Result<(Pattern, ComponentClass), LineProblem> {
    let (slot, word) = place.split_once(':').map_or((place, None), |(slot, word)| (slot, Some(word)));
    let pattern = Pattern::parse(slot)?;
    let sample = pattern.filled("0");
    if !is_slot(&sample) {
        return Err(LineProblem::Slot(excerpt(slot)));
    }
    let class = match word {
        Some(word) => class_named(word).ok_or_else(|| LineProblem::UnknownClass(excerpt(word)))?,
        None => class_of_slot(&sample).ok_or_else(|| LineProblem::NoClass(excerpt(slot)))?,
    };
    Ok((pattern, class))
}

/// Whether parts of this class are identified by a MAC address.
const fn has_address(class: ComponentClass) -> bool {
    matches!(class, ComponentClass::Ethernet | ComponentClass::Wlan)
}

impl fmt::Display for Mapping {
    /// Writes it as [`Mapping::parse`] reads it, with the equals signs below each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rules.iter().map(|rule| rule.attribute.filled("*").chars().count()).max().unwrap_or_default();
        self.rules.iter().try_for_each(|rule| writeln!(f, "{:width$} = {}", rule.attribute, rule.target))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firmware => f.write_str("firmware"),
            Self::Position(axis) => write!(f, "position {axis}"),
            Self::Metric(name) => write!(f, "metric {name}"),
            Self::Part { slot, class, says, local, unlisted } => {
                write!(f, "{slot}")?;
                if class_of_slot(&slot.filled("0")) != Some(*class) {
                    write!(f, ":{class}")?;
                }
                let (local, unlisted) = (if *local { " local" } else { "" }, if *unlisted { " unlisted" } else { "" });
                write!(f, " {says}{local}{unlisted}")
            }
        }
    }
}
