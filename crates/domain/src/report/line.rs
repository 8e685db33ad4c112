//! What is wrong with a text that people edit, by line.

use crate::report::mapping::MAPPING_RULES_MAX;
use std::fmt;

/// What is wrong with a line, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// No equals sign.
    #[error("there is no “=”; write what is given, “=”, and what it means: hw.cpu = cpu identifier")]
    NoEquals,
    /// Nothing before the equals sign.
    #[error("nothing stands before “=”; write there what is given, like hw.cpu")]
    NothingBefore,
    /// Nothing after the equals sign.
    #[error(
        "nothing stands after “=”; write what the attribute means: cpu identifier, firmware, position latitude, or metric *"
    )]
    NothingAfter,
    /// More than one star.
    #[error("“{0}” has more than one “*”; one is understood")]
    TwoStars(String),
    /// A key or pattern that is too long to ever match.
    #[error("“{0}” is longer than an attribute's key can be; shorten it")]
    TooLong(String),
    /// A star on one side only.
    #[error("“*” must stand on both sides of “=” or on none, so that each attribute has a place of its own")]
    StarOnOneSide,
    /// Not the name of a slot.
    #[error("“{0}” can't be a slot; use lower-case letters, digits and . _ -, beginning with a letter")]
    Slot(String),
    /// A slot whose name tells no class.
    #[error("the slot “{0}” doesn't tell what is in it; write {0}:class, like {0}:ethernet")]
    NoClass(String),
    /// Not a class of component.
    #[error("“{0}” is not a class of component; known are {known}", known = crate::report::line::classes())]
    UnknownClass(String),
    /// Not a word that says what the value is.
    #[error("“{0}” doesn't say what the value is; write identifier, model, serial or version")]
    UnknownWord(String),
    /// Nothing says what the value is.
    #[error("the line doesn't say what the value is; add identifier, model, serial or version")]
    NothingSaid,
    /// A position without what of it.
    #[error("the line doesn't say what of the position it is; write position latitude, longitude or place")]
    NoAxis,
    /// A word too many.
    #[error("“{0}” has no meaning here; remove it")]
    Extra(String),
    /// Permission for local addresses where there are no addresses.
    #[error("“local” is about MAC addresses of identifiers; remove it, or give the slot the class ethernet or wlan")]
    LocalWithoutAddress,
    /// The same slot has another class in another line.
    #[error("the slot “{slot}” has another class in line {line}; give it one")]
    OtherClass {
        /// The slot.
        slot: String,
        /// The line.
        line: usize,
    },
    /// An earlier line takes all that this one would.
    #[error("the line is never used, for line {0} takes the same attributes; move it up or remove it")]
    Covered(usize),
    /// Too many lines.
    #[error("there are more than {MAPPING_RULES_MAX} lines that say something; remove some")]
    TooMany,
    /// Neither a kind of prefix that is known.
    #[error("“{0}” is neither oui nor tac; write oui d8:80:39 = Microchip, or tac 86194105 = EG25-G")]
    UnknownPrefix(String),
    /// Not the beginning of MAC addresses.
    #[error("“{0}” is not how addresses of a maker begin; write 6, 7 or 9 hexadecimal digits, like d8:80:39")]
    Oui(String),
    /// Not a type allocation code.
    #[error("“{0}” is not a type allocation code; write the first 8 digits of the IMEI")]
    Tac(String),
}

/// The words for classes of components, as they are listed in an error.
pub(super) fn classes() -> String {
    let words: Vec<&str> = crate::component::ComponentClass::ALL.iter().map(|class| class.as_str()).collect();
    words.join(", ")
}

/// One thing that is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LineError {
    /// The line, the first being 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub problem: LineProblem,
}

/// Everything that is wrong with a text: at most one thing per line, in the order of lines, and never nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineErrors(pub Vec<LineError>);

impl fmt::Display for LineErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            let separator = if at > 0 { "; " } else { "" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LineErrors {}

/// The lines that say something, with their numbers: without comments, which begin with `#` at the start of a line or
/// after a space.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let without_comment = |line: &'_ str| {
        let end =
            line.match_indices('#').map(|(at, _)| at).find(|at| line[..*at].ends_with(char::is_whitespace) || *at == 0);
        end.unwrap_or(line.len())
    };
    text.lines()
        .enumerate()
        .map(move |(at, line)| (at + 1, line[..without_comment(line)].trim()))
        .filter(|(_, line)| !line.is_empty())
}

/// The two sides of an equals sign, of which neither is empty.
pub(super) fn sides(line: &str) -> Result<(&str, &str), LineProblem> {
    let (before, after) = line.split_once('=').ok_or(LineProblem::NoEquals)?;
    let (before, after) = (before.trim(), after.trim());
    if before.is_empty() {
        Err(LineProblem::NothingBefore)
    } else if after.is_empty() {
        Err(LineProblem::NothingAfter)
    } else {
        Ok((before, after))
    }
}

/// The beginning of a text that an error quotes.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
