//! The fleet query: one small language wherever a set of devices is meant.
//!
//! ```text
//! model:GW-200,CAM-80 state:active fw<1.4 component:lte=Quectel cert.expires<30d custodian:"Acme" -trust:quarantined
//! ```
//!
//! All terms must hold. A `-` before a term turns it round. Commas within a term separate alternatives. Quotes keep
//! spaces and commas, `\` keeps the next character. A word without a field is the beginning of a serial or a whole
//! component identifier.
//!
//! | field | what follows |
//! |---|---|
//! | `serial` | `:` a serial, or its beginning and `*` |
//! | `model` `rev` `batch` `factory` `channel` `place` | `:` a name |
//! | `custodian` | `:` who holds the device now |
//! | `kind` `state` `trust` `conn` `cert` | `:` one of the field's words |
//! | `fw` | `:` a version, `1.4.*` or `none`; `<` `<=` `>` `>=` a version |
//! | `seen` `made` | `<` `>` an age; `:` `<` `>` a day, month or year; `seen:never` |
//! | `cert.expires` | `<` `>` the time that is left; `:` `<` `>` a day, month or year; `none` |
//! | `component` | `=` maker, model or identifier; `:lte` has one; `:lte=` has one such |
//! | `identifier` | `:` a component's identifier |
//!
//! Ages are a number and `s`, `min`, `h`, `d`, `w`, `mo` (30 days) or `y` (365 days).

mod age;
mod calendar;
mod complete;
mod display;
mod edit;
mod error;
mod explain;
mod field;
mod lex;
mod parse;
mod suggest;
mod token;
mod value;
mod when;
mod word;

pub use age::Age;
pub use calendar::Calendar;
pub use complete::{Completion, CompletionContext, CompletionItem, complete};
pub use display::quoted;
pub use error::{QueryError, QueryErrors};
pub use explain::explain;
pub use field::Field;
pub use parse::parse;
pub use token::{Token, TokenKind, tokens};
pub use when::{Comparison, TimeRange, When};

use crate::{
    component::ComponentClass,
    custody::CustodianKind,
    device::{Connection, Lifecycle, Trust},
    time::{DAY, Timestamp},
    words::words,
};
use std::ops::Range;

/// The longest query that is read, in characters.
pub const MAX_CHARS: usize = 2_000;
/// The most terms that a query may have.
pub const MAX_TERMS: usize = 64;
/// The most alternatives that all terms of a query may have together: each is work for every device looked at.
pub const MAX_ALTERNATIVES: usize = 100;

/// A set of devices: those for which every term holds. Without terms, the whole fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetQuery {
    /// What must hold.
    pub terms: Vec<Term>,
}

/// One condition of a query. Two terms are equal when they mean the same, wherever they stand.
#[derive(Clone, Debug, Eq)]
pub struct Term {
    /// Whether the predicate must *not* hold. A device without the value in question (never seen, no firmware) does
    /// not fulfil the predicate, and so does fulfil its negation.
    pub negated: bool,
    /// The condition.
    pub predicate: Predicate,
    /// Where the term stands in the text, in bytes.
    pub span: Range<usize>,
}

impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        self.negated == other.negated && self.predicate == other.predicate
    }
}

/// What a term asks of a device. Lists are alternatives, in the order written, and are never empty once parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// The serial begins with the text, or a component's identifier is the text
    /// (see [`lookup_keys`](crate::identifier::lookup_keys)).
    Text(Vec<String>),
    /// The serial.
    Serial(Vec<SerialMatch>),
    /// The model's code or name.
    Model(Vec<String>),
    /// The hardware revision.
    Revision(Vec<String>),
    /// The batch's code.
    Batch(Vec<String>),
    /// The code or name of the factory that made the device.
    Factory(Vec<String>),
    /// The code or name of who holds the device now.
    Custodian(Vec<String>),
    /// The kind of who holds the device now.
    Kind(Vec<CustodianKind>),
    /// Where the device stands in its life.
    State(Vec<Lifecycle>),
    /// Whether the device may be trusted.
    Trust(Vec<Trust>),
    /// Whether the device is heard from.
    Connection(Vec<Connection>),
    /// The firmware that the device reported.
    Firmware(Vec<FirmwareMatch>),
    /// The firmware stands in this order to a version (see [`version_key`](crate::version::version_key)).
    FirmwareOrder(Comparison, String),
    /// The release channel.
    Channel(Vec<String>),
    /// When the device was last heard from.
    Seen(When),
    /// The device was never heard from.
    NeverSeen,
    /// When the device was made.
    Made(When),
    /// When the present certificate ends; an age is the time that is left, and what has ended has less than any left.
    CertificateEnds(When),
    /// How the present certificate stands.
    Certificate(Vec<CertificateState>),
    /// A component that is fitted now: of one of the classes (any, when there are none), whose maker, model or
    /// identifier is one of the texts (whatever they are, when there are none). Not both lists are empty.
    Component {
        /// The classes.
        classes: Vec<ComponentClass>,
        /// The texts.
        texts: Vec<String>,
    },
    /// The identifier of a component that is fitted now (see [`lookup_keys`](crate::identifier::lookup_keys)).
    Identifier(Vec<String>),
    /// Where the device is, in its holder's words.
    Place(Vec<String>),
}

/// A condition on the serial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SerialMatch {
    /// The whole serial.
    Exact(String),
    /// Its beginning, which the query writes with `*` after it.
    Prefix(String),
}

/// A condition on the firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirmwareMatch {
    /// None was ever reported.
    None,
    /// A version of the same precedence: compare by [`version_key`](crate::version::version_key).
    Exact(String),
    /// A version that begins with these numbers, like `1.4` in `1.4.*`.
    Prefix(String),
}

impl FirmwareMatch {
    /// The keys that match, from the start, up to but without the end, for a [`Self::Prefix`].
    #[must_use]
    pub fn key_range(&self) -> Option<Range<String>> {
        match self {
            Self::Prefix(prefix) => crate::version::prefix_range(&format!("{prefix}.*")),
            Self::None | Self::Exact(_) => None,
        }
    }
}

words! {
    /// How the present certificate of a device stands.
    CertificateState {
        /// It has not ended; one that is about to is still valid.
        Valid => "valid", "Valid";
        /// It is valid, and ends within [`CertificateState::EXPIRING`].
        Expiring => "expiring", "Expiring";
        /// It has ended.
        Expired => "expired", "Expired";
        /// There is none.
        None => "none", "None";
    }
}

impl CertificateState {
    /// How long before its end a certificate counts as expiring, in microseconds: 30 days.
    pub const EXPIRING: i64 = 30 * DAY;

    /// When a certificate in this state ends, seen from `now`; none when there is no certificate.
    #[must_use]
    pub const fn ends(self, now: Timestamp) -> Option<TimeRange> {
        match self {
            Self::Valid => Some(TimeRange { from: Some(now), until: None }),
            Self::Expiring => Some(TimeRange { from: Some(now), until: Some(now.plus(Self::EXPIRING)) }),
            Self::Expired => Some(TimeRange { from: None, until: Some(now) }),
            Self::None => None,
        }
    }
}

impl Predicate {
    /// The field that the predicate is about; none for a word without a field.
    #[must_use]
    pub const fn field(&self) -> Option<Field> {
        Some(match self {
            Self::Text(_) => return None,
            Self::Serial(_) => Field::Serial,
            Self::Model(_) => Field::Model,
            Self::Revision(_) => Field::Revision,
            Self::Batch(_) => Field::Batch,
            Self::Factory(_) => Field::Factory,
            Self::Custodian(_) => Field::Custodian,
            Self::Kind(_) => Field::Kind,
            Self::State(_) => Field::State,
            Self::Trust(_) => Field::Trust,
            Self::Connection(_) => Field::Connection,
            Self::Firmware(_) | Self::FirmwareOrder(..) => Field::Firmware,
            Self::Channel(_) => Field::Channel,
            Self::Seen(_) | Self::NeverSeen => Field::Seen,
            Self::Made(_) => Field::Made,
            Self::CertificateEnds(_) => Field::CertificateEnds,
            Self::Certificate(_) => Field::Certificate,
            Self::Component { .. } => Field::Component,
            Self::Identifier(_) => Field::Identifier,
            Self::Place(_) => Field::Place,
        })
    }

    /// The times that fulfil a predicate about a time, seen from `now`; none for other predicates.
    #[must_use]
    pub fn time_range(&self, now: Timestamp) -> Option<TimeRange> {
        match self {
            Self::Seen(when) | Self::Made(when) => Some(when.past(now)),
            Self::CertificateEnds(when) => Some(when.future(now)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
