//! Where a device says that it is.

use crate::{suspicion::Sighting, time::Timestamp};
use serde::{Deserialize, Serialize};

/// How much of a place's name is kept, in characters.
const PLACE_MAX: usize = 80;

/// What a device reports of its place; any of it may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Degrees north, from -90 to 90.
    pub latitude: Option<f64>,
    /// Degrees east, from -180 to 180.
    pub longitude: Option<f64>,
    /// The place in words.
    pub place: Option<String>,
}

impl Position {
    /// Whether it says both coordinates. A receiver without a fix reports zeros, which stand for no place.
    #[must_use]
    pub fn is_known(&self) -> bool {
        matches!((self.latitude, self.longitude), (Some(n), Some(e)) if n != 0.0 || e != 0.0)
    }

    /// The device seen there at this time by our clock.
    #[must_use]
    pub fn sighting(&self, at: Timestamp) -> Sighting {
        let (latitude, longitude) = (self.latitude.unwrap_or_default(), self.longitude.unwrap_or_default());
        let place = self.place.clone().unwrap_or_else(|| in_degrees(latitude, longitude));
        Sighting { place, latitude, longitude, at }
    }

    /// As it is stored.
    #[must_use]
    pub fn json(sighting: &Sighting) -> String {
        let (latitude, longitude) = (Some(sighting.latitude), Some(sighting.longitude));
        let position = Self { latitude, longitude, place: Some(sighting.place.clone()) };
        serde_json::to_string(&position).unwrap_or_default()
    }

    pub(super) fn take_latitude(&mut self, text: &str) -> Option<()> {
        self.latitude = Some(degrees(text, 90.0)?);
        Some(())
    }

    pub(super) fn take_longitude(&mut self, text: &str) -> Option<()> {
        self.longitude = Some(degrees(text, 180.0)?);
        Some(())
    }

    pub(super) fn take_place(&mut self, text: &str) -> Option<()> {
        let place: String = text.trim().chars().filter(|c| !c.is_control()).take(PLACE_MAX).collect();
        self.place = Some(place).filter(|place| !place.is_empty());
        self.place.as_ref().map(|_| ())
    }
}

/// Degrees that are at most so many either way. A comma counts as a point, as some locales write it.
fn degrees(text: &str, most: f64) -> Option<f64> {
    let degrees = text.trim().trim_end_matches('°').replace(',', ".").parse::<f64>().ok()?;
    (degrees.abs() <= most).then_some(degrees)
}

/// A place by its coordinates: `49.195° N, 16.607° E`.
fn in_degrees(latitude: f64, longitude: f64) -> String {
    let (north, east) = (if latitude < 0.0 { "S" } else { "N" }, if longitude < 0.0 { "W" } else { "E" });
    format!("{:.3}° {north}, {:.3}° {east}", latitude.abs(), longitude.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_place_says_nothing() {
        let mut position = Position::default();
        for text in ["91", "NaN", "inf", "", "north", "1e999"] {
            assert_eq!(position.take_latitude(text), None, "{text}");
        }
        assert_eq!(position.take_latitude(" 49,195° "), Some(()));
        assert!(!position.is_known(), "half of a position is none");
        assert_eq!(position.take_longitude("-180"), Some(()));
        assert_eq!(position.take_longitude("180.1"), None);
        assert!(position.is_known());
        assert_eq!(position.sighting(Timestamp(0)).place, "49.195° N, 180.000° W");
        let nowhere = Position { latitude: Some(0.0), longitude: Some(-0.0), place: None };
        assert!(!nowhere.is_known(), "no fix yet");
        assert_eq!(position.take_place("\u{7}"), None);
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let mut position = Position { latitude: Some(-33.9), longitude: Some(18.4), place: None };
        position.take_place(" Cape Town ");
        let seen = position.sighting(Timestamp(7));
        let read: Position = serde_json::from_str(&Position::json(&seen)).unwrap_or_default();
        assert_eq!(read.sighting(Timestamp(7)), seen);
    }
}
