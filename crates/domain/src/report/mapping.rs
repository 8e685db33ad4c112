//! What a model's attributes mean: which is which part's identifier, which is the firmware, which are measurements.

use super::{Attributes, PartReport, Pattern, Reading, Reported};
use crate::{component::ComponentClass, factory_manifest::is_slot, words::words};

/// How many lines of a mapping may say something.
pub const MAPPING_RULES_MAX: usize = 200;

/// The mapping of a model for which nobody wrote another one.
pub const USUAL_MAPPING: &str = "\
# attribute = slot (slot:class where the name doesn't tell the class), then what the value is:
# identifier, model, serial (another number of the part) or version. The first line that fits counts.
# Or firmware, metric and its name, or of where it is: position latitude, position longitude, position place.
# After identifier: local for addresses that may be made up, unlisted for parts that manifests needn't list.
hw.cpu          = cpu identifier
hw.cpu.model    = cpu model
hw.board        = board identifier
hw.board.model  = board model
hw.se           = se identifier
hw.se.model     = se model
hw.tpm          = tpm identifier
hw.storage*     = storage* identifier
hw.storage*.model = storage* model
hw.eth*.mac     = eth* identifier
hw.wlan*.mac    = wlan* identifier
hw.bt*.mac      = bt*:wlan identifier unlisted
hw.lte*.imei    = lte* identifier
hw.lte*.iccid   = lte* serial
hw.lte*.model   = lte* model
hw.lte*.version = lte* version
hw.gnss*        = gnss* identifier unlisted
sw.version      = firmware
firmware        = firmware
position.latitude  = position latitude
position.longitude = position longitude
position.name      = position place
metric.*        = metric *
";

words! {
    /// What an attribute says of a part.
    Says {
        /// What it is identified by: an address, an IMEI, its maker's number.
        Identifier => "identifier", "Identifier";
        /// Its maker's type name.
        Model => "model", "Model";
        /// Another number that it carries, like a SIM card's; shown, and not held against manifests.
        Serial => "serial", "Further number";
        /// The version of what runs on it.
        Version => "version", "Version";
    }
}

words! {
    /// What an attribute says of where the device is.
    Axis {
        /// Degrees north, south being negative.
        Latitude => "latitude", "Latitude";
        /// Degrees east, west being negative.
        Longitude => "longitude", "Longitude";
        /// The place in words.
        Place => "place", "Place";
    }
}

/// What an attribute means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Something about the part in a slot.
    Part {
        /// The slot; a star is what the attribute's star stands for.
        slot: Pattern,
        /// What kind of part.
        class: ComponentClass,
        /// What it says of the part.
        says: Says,
        /// Whether its address may be made up locally: then it identifies nothing.
        local: bool,
        /// Whether such a part may be there without the manifest listing it.
        unlisted: bool,
    },
    /// The firmware that runs.
    Firmware,
    /// Where the device is.
    Position(Axis),
    /// A measurement of this name.
    Metric(Pattern),
}

/// One line of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which attributes.
    pub attribute: Pattern,
    /// What they mean.
    pub target: Target,
}

impl Rule {
    /// What the star stands for in this key, if the rule is about it. Only in the names of measurements it spans dots.
    pub(super) fn star<'k>(&self, key: &'k str) -> Option<&'k str> {
        let spans_dots = matches!(self.target, Target::Metric(_));
        self.attribute.star(key).filter(|star| spans_dots || !star.contains('.'))
    }

    /// Whether this rule takes everything that the other one would.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let samples: &[&str] = if matches!(other.target, Target::Metric(_)) { &["0", "x", "x.y"] } else { &["0", "x"] };
        samples.iter().all(|sample| self.star(&other.attribute.filled(sample)).is_some())
    }
}

/// What the attributes of a model's devices mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    pub(super) rules: Vec<Rule>,
}

impl Mapping {
    /// [`USUAL_MAPPING`], read.
    #[must_use]
    pub fn usual() -> Self {
        Self::parse(USUAL_MAPPING).unwrap_or_default()
    }

    /// An attribute that says which firmware runs, and counts before all others that do.
    #[must_use]
    pub fn firmware_attribute(&self) -> Option<String> {
        let rule = self.rules.iter().find(|rule| rule.target == Target::Firmware)?;
        Some(rule.attribute.filled("installed"))
    }

    /// Its lines, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether some attribute would identify the part in this slot.
    #[must_use]
    pub fn identifies(&self, slot: &str) -> bool {
        self.rules.iter().any(|rule| match &rule.target {
            Target::Part { slot: place, says: Says::Identifier, .. } => place.star(slot).is_some(),
            _ => false,
        })
    }

    /// Whether some attribute would be a measurement of this name.
    #[must_use]
    pub fn measures(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| match &rule.target {
            Target::Metric(pattern) => pattern.star(name).is_some(),
            _ => false,
        })
    }

    /// What these attributes say.
    #[must_use]
    pub fn read(&self, attributes: &Attributes) -> Reported {
        let mut reported = Reported::default();
        let mut found: Vec<(usize, &str, &str, &str)> = Vec::new();
        for (key, value) in attributes.iter() {
            match self.rules.iter().enumerate().find_map(|(at, rule)| rule.star(key).map(|star| (at, star))) {
                Some((at, star)) => found.push((at, key, star, value)),
                None => reported.other.push(key.to_owned()),
            }
        }
        // In the order of lines, so that an earlier one counts where two speak of one thing.
        found.sort_by_key(|(at, ..)| *at);
        for (at, key, star, value) in found {
            if self.rules.get(at).and_then(|rule| take(&mut reported, &rule.target, star, value)).is_none() {
                reported.other.push(key.to_owned());
            }
        }
        reported.other.sort();
        reported
    }
}

/// Adds what an attribute says; none when it can't be said.
fn take(reported: &mut Reported, target: &Target, star: &str, value: &str) -> Option<()> {
    match target {
        Target::Firmware if value.is_empty() => None,
        Target::Firmware => {
            reported.firmware.get_or_insert_with(|| value.to_owned());
            Some(())
        }
        Target::Position(axis) => {
            let known = match axis {
                Axis::Latitude => reported.position.latitude.is_some(),
                Axis::Longitude => reported.position.longitude.is_some(),
                Axis::Place => reported.position.place.is_some(),
            };
            match axis {
                _ if known => Some(()),
                Axis::Latitude => reported.position.take_latitude(value),
                Axis::Longitude => reported.position.take_longitude(value),
                Axis::Place => reported.position.take_place(value),
            }
        }
        Target::Metric(name) => {
            let number = value.parse::<f64>().ok().filter(|number| number.is_finite())?;
            reported.metrics.entry(name.filled(star)).or_insert(number);
            Some(())
        }
        Target::Part { slot, class, says, local, unlisted } => {
            let slot = slot.filled(star).to_ascii_lowercase();
            if !is_slot(&slot) {
                return None;
            }
            let part = reported.parts.entry(slot).or_insert_with_key(|slot| PartReport::new(slot, *class));
            if *says == Says::Identifier {
                part.local |= *local;
                part.unlisted |= *unlisted;
            }
            say(part, *says, value);
            Some(())
        }
    }
}

fn say(part: &mut PartReport, says: Says, value: &str) {
    let text = |kept: &mut Option<String>| {
        if !value.is_empty() {
            kept.get_or_insert_with(|| value.to_owned());
        }
    };
    match says {
        Says::Model => text(&mut part.model),
        Says::Serial => text(&mut part.serial),
        Says::Version => text(&mut part.version),
        Says::Identifier => {
            let read = Reading::of(part.class, value);
            if part.identifier.as_ref().is_none_or(|kept| read.says_more_than(kept)) {
                part.identifier = Some(read);
            }
        }
    }
}
