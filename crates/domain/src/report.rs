//! What a device reports of itself: attributes, what they mean for its model, and how they compare with its manifest.
//!
//! A device sends a map of texts (`configData` of hawkBit's DDI). [`Attributes`] keeps what fits, a model's
//! [`Mapping`] says which attribute is which part's identifier, and [`compare`] holds the parts against a manifest.
//! A device is never punished for odd input: nothing in here fails because of what a device sent.

mod attributes;
mod compare;
mod line;
mod makers;
mod mapping;
mod mapping_text;
mod pair;
mod pattern;
mod position;
mod reading;
mod reported;
mod structure;

#[cfg(test)]
mod compare_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod mapping_tests;

pub use attributes::{ATTRIBUTE_CHARS_MAX, ATTRIBUTES_MAX, Attributes, UpdateMode};
pub use compare::{Comparison, Listed, compare};
pub use line::{LineError, LineErrors, LineProblem};
pub use makers::{Makers, Oui, Tac};
pub use mapping::{Axis, MAPPING_RULES_MAX, Mapping, Rule, Says, Target, USUAL_MAPPING};
pub use pattern::Pattern;
pub use position::Position;
pub use reading::Reading;
pub use reported::{PartReport, Reported};
