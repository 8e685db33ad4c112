//! Signals as sentences for people.

use super::{Copied, Signal};
use crate::{
    component::ComponentClass,
    time::{SECOND, span_words},
};

impl Signal {
    /// What was observed, and where it helps, what it may mean. “It” is the device.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::PartChanged { .. }
            | Self::PartMissing { .. }
            | Self::PartBeyondManifest { .. }
            | Self::OtherModel { .. }
            | Self::PartBeyondBatch { .. } => self.of_parts(),
            Self::WrongCheckDigit { .. }
            | Self::ForeignTac { .. }
            | Self::ForeignOui { .. }
            | Self::LocalMac { .. } => self.of_identifiers(),
            _ => self.of_fleet(),
        }
    }

    fn of_parts(&self) -> String {
        match self {
            Self::PartChanged { slot, class, expected, reported } => {
                format!("In {} it reports {reported}, but its manifest lists {expected}.", seat(slot, *class))
            }
            Self::PartMissing { slot, class, expected } => {
                format!("It no longer reports {expected} in {}, which its manifest lists.", seat(slot, *class))
            }
            Self::PartBeyondManifest { slot, class, reported } => {
                format!("In {} it reports {reported}, but its manifest lists nothing there.", seat(slot, *class))
            }
            Self::OtherModel { slot, class, expected, reported } => format!(
                "The part in {} has the identifier that the manifest lists, but calls itself {reported} and not \
                 {expected}.",
                seat(slot, *class)
            ),
            Self::PartBeyondBatch { batch, slot, class, count, .. } if self.is_of_factory() => format!(
                "{count} devices of batch {batch} came with a part in {} that no manifest of the batch lists and no \
                 repair recorded; ask the factory.",
                seat(slot, *class)
            ),
            Self::PartBeyondBatch { batch, slot, class, reported, .. } => format!(
                "It came with {reported} in {}, which no manifest of batch {batch} lists and no repair recorded.",
                seat(slot, *class)
            ),
            _ => String::new(),
        }
    }

    fn of_identifiers(&self) -> String {
        match self {
            Self::WrongCheckDigit { slot, class, reported, expected, found } => format!(
                "The IMEI {reported} in {} ends in {found}, but its other digits ask for {expected}: a digit is wrong.",
                seat(slot, *class)
            ),
            Self::ForeignTac { slot, reported, tac, expected, listed } => format!(
                "The IMEI {reported} in slot {slot} begins with {tac}, which is another model of modem than the one \
                 listed ({}).{}",
                expected.join(", "),
                from_manifest(*listed)
            ),
            Self::ForeignOui { slot, class, reported, maker, listed } => format!(
                "The address {reported} in {} is not one of those that {maker} was assigned.{}",
                seat(slot, *class),
                from_manifest(*listed)
            ),
            Self::LocalMac { slot, class, reported, listed } => format!(
                "The address {reported} in {} is made up: it was never assigned to a maker.{}",
                seat(slot, *class),
                from_manifest(*listed)
            ),
            _ => String::new(),
        }
    }

    fn of_fleet(&self) -> String {
        match self {
            Self::Copied { copied, devices, count, .. } => {
                let more = count.saturating_sub(devices.len() as u64);
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                format!("{} is in {count} devices: {}{more}.", thing(copied), devices.join(", "))
            }
            Self::GoldenImage { copied, batch, count } => format!(
                "{} is in {count} devices of batch {batch}; their image must have held it.{}",
                thing(copied),
                remedy(copied)
            ),
            Self::TwoAddresses { first, second, turns } => format!(
                "Its certificate is alive at two addresses at once: {first} and {second} polled in turn {turns} times, \
                 more often than one device would."
            ),
            Self::DoubleCadence { address, interval_s, polls, within_s } => format!(
                "It polled {polls} times within {} from {address}, though told to poll every {}: two copies may share \
                 one address, or it restarts again and again.",
                span(*within_s),
                span(*interval_s)
            ),
            Self::ImpossibleTravel { from, to, kilometres, seconds } => format!(
                "It was seen in {from} and {} later in {to}, {kilometres} km away; nothing travels so fast.",
                span(*seconds)
            ),
            Self::DeviceBeyondBatch { batch } => {
                format!("No manifest of batch {batch} lists it: it may have been made beyond what was ordered.")
            }
            _ => String::new(),
        }
    }
}

fn seat(slot: &str, class: ComponentClass) -> String {
    format!("slot {slot} ({})", class.label())
}

fn thing(copied: &Copied) -> String {
    match copied {
        Copied::Key { spki_sha256 } => {
            format!("The key {}…", spki_sha256.chars().take(16).collect::<String>())
        }
        Copied::Part { class, identifier, .. } => format!("The identifier {identifier} ({})", class.label()),
    }
}

/// What to do about a golden image.
const fn remedy(copied: &Copied) -> &'static str {
    match copied {
        Copied::Key { .. } => " Give each device a key of its own rather than revoking the batch.",
        Copied::Part { .. } => " It identifies none of them; ask the factory.",
    }
}

const fn from_manifest(listed: bool) -> &'static str {
    if listed { " The manifest itself lists it." } else { "" }
}

fn span(seconds: u32) -> String {
    span_words(i64::from(seconds).saturating_mul(SECOND))
}
