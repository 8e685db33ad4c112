//! Faults that are seeded: which devices an update goes wrong on follows from a number and their serials alone.

use super::{Measure, draw};
use std::str::FromStr;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It fails with a code.
    Code(i64),
    /// The device is not heard from after its start.
    Silence,
    /// It starts with the new version, and with the one before soon after.
    Back,
}

/// A fault: what goes wrong, on which devices, at which versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub harm: Harm,
    /// On which share of them, in percent.
    pub share: u8,
    /// Serials that it befalls; a star at the end stands for whatever follows.
    pub serials: String,
    /// Versions that it is in, alike.
    pub versions: String,
}

/// Why a fault can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; write it like fail=17,share=40,serial=GW-2*,version=2.0, or begin with silent or back")]
pub struct FaultError(String);

impl FromStr for Fault {
    type Err = FaultError;

    /// `fail=CODE`, `silent` or `back`, and after commas `share=PERCENT`, `serial=SERIAL*`, `version=VERSION*`.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut words = text.split(',').map(str::trim);
        let harm = match words.next().unwrap_or_default().split_once('=') {
            Some(("fail", code)) => {
                let code = code.parse().map_err(|_| FaultError(format!("“{code}” is no number")))?;
                Harm::Code(code)
            }
            None if text.starts_with("silent") => Harm::Silence,
            None if text.starts_with("back") => Harm::Back,
            _ => return Err(FaultError(format!("“{text}” names no fault"))),
        };
        let mut fault = Self { harm, share: 100, serials: "*".to_owned(), versions: "*".to_owned() };
        for word in words {
            match word.split_once('=') {
                Some(("share", percent)) => {
                    let percent = percent.parse().ok().filter(|percent| *percent <= 100);
                    fault.share = percent.ok_or_else(|| FaultError("A share is 0 to 100".to_owned()))?;
                }
                Some(("serial", serials)) => serials.clone_into(&mut fault.serials),
                Some(("version", versions)) => versions.clone_into(&mut fault.versions),
                _ => return Err(FaultError(format!("“{word}” says nothing of a fault"))),
            }
        }
        Ok(fault)
    }
}

/// The faults of a fleet, what its devices measure, and the number from which chance follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    seed: u64,
    all: Vec<Fault>,
    measures: Vec<Measure>,
}

impl Faults {
    /// These, the first that befalls a device being the one that it has.
    #[must_use]
    pub const fn new(seed: u64, all: Vec<Fault>) -> Self {
        Self { seed, all, measures: Vec::new() }
    }

    /// They, on devices that measure something of themselves: of each metric the first that is of a device counts.
    #[must_use]
    pub fn measuring(self, measures: Vec<Measure>) -> Self {
        Self { measures, ..self }
    }

    /// What a device with a version measures at its start of this number: attributes as they are reported.
    pub(super) fn measured(&self, serial: &str, version: &str, start: u32) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for measure in self.measures.iter().filter(|measure| measure.is_of(serial, version)) {
            let name = format!("metric.{}", measure.name);
            if found.iter().all(|(other, _)| *other != name) {
                let value = measure.value(self.seed, &[serial, version, &start.to_string()]);
                found.push((name, format!("{value:.2}")));
            }
        }
        found
    }

    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    /// What goes wrong on a device at an update to a version.
    #[must_use]
    pub fn of(&self, serial: &str, version: &str) -> Option<Harm> {
        let befalls = |(n, fault): &(usize, &Fault)| {
            matches(&fault.serials, serial)
                && matches(&fault.versions, version)
                && draw(self.seed, &[serial, version, &n.to_string()]) % 100 < u64::from(fault.share)
        };
        self.all.iter().enumerate().find(befalls).map(|(_, fault)| fault.harm.clone())
    }
}

pub(super) fn matches(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn faults_are_read_as_they_are_written() {
        let fault: Fault = "fail=17,share=40,serial=GW-2*,version=2.0".parse().unwrap();
        assert_eq!((fault.share, fault.serials.as_str(), fault.versions.as_str()), (40, "GW-2*", "2.0"));
        assert_eq!(fault.harm, Harm::Code(17));
        assert_eq!("silent".parse::<Fault>().unwrap().harm, Harm::Silence);
        assert_eq!("back,share=5".parse::<Fault>().unwrap().harm, Harm::Back);
        for wrong in ["", "fail", "fail=x", "silent=3", "back,share=101", "back,colour=red", "explode"] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_each_metric_the_first_that_fits_is_measured() {
        let measures =
            ["boot_s=90,spread=0,serial=GW2C-*,version=2.*", "boot_s=30,spread=0", "mem_free_mb=64,spread=0"];
        let faults = Faults::new(7, Vec::new()).measuring(measures.map(|text| text.parse().unwrap()).to_vec());
        let told = |serial: &str, version: &str| {
            let all = faults.measured(serial, version, 1).into_iter();
            all.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(told("GW2C-1", "2.0"), "metric.boot_s 90.00, metric.mem_free_mb 64.00");
        assert_eq!(told("GW2C-1", "1.9"), "metric.boot_s 30.00, metric.mem_free_mb 64.00");
        assert_eq!(told("GW2B-1", "2.0"), "metric.boot_s 30.00, metric.mem_free_mb 64.00");
    }

    #[test]
    fn the_same_devices_fail_each_time_and_about_as_many_as_are_to() {
        let fault = |text: &str| vec![text.parse::<Fault>().unwrap()];
        let serials: Vec<String> = (0..2_000).map(|n| format!("GW-{n}")).collect();
        let failing = |faults: &Faults| serials.iter().filter(|s| faults.of(s, "2.0").is_some()).cloned().collect();
        let faults = Faults::new(7, fault("fail=17,share=40,version=2.*"));
        let some: Vec<String> = failing(&faults);
        assert!((700..900).contains(&some.len()), "{}", some.len());
        assert_eq!(some, failing(&Faults::new(7, fault("fail=17,share=40,version=2.*"))));
        assert_ne!(some, failing(&Faults::new(8, fault("fail=17,share=40,version=2.*"))));
        assert!(serials.iter().all(|serial| faults.of(serial, "1.9").is_none()));
        let none: Vec<String> = failing(&Faults::new(7, fault("fail=17,serial=CAM-*")));
        assert!(none.is_empty());
    }
}
