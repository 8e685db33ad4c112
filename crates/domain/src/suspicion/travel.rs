//! Two places and the time between: whether anything gets from one to the other.

use super::Signal;
use crate::time::{SECOND, Timestamp};

/// Nothing that carries devices is faster than this, in kilometres an hour: airliners cruise at about 900.
pub const FASTEST_KMH: f64 = 1_000.0;
/// Places nearer than this, in kilometres, count as one: where an address is, is known no better.
pub const NEAR_KM: f64 = 300.0;

/// The Earth's mean radius in kilometres (IUGG).
const EARTH_KM: f64 = 6_371.0;

/// Where and when a device was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// The place in words.
    pub place: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// When.
    pub at: Timestamp,
}

/// Says so if nothing gets from one sighting to the other in the time between. The order of the two doesn't matter;
/// coordinates that are none say nothing.
#[must_use]
pub fn travel(one: &Sighting, other: &Sighting) -> Option<Signal> {
    let (from, to) = if one.at <= other.at { (one, other) } else { (other, one) };
    let seconds = to.at.0.saturating_sub(from.at.0) / SECOND;
    let kilometres = distance_km(from, to).filter(|distance| *distance > NEAR_KM)?;
    let possible = FASTEST_KMH * seconds as f64 / 3_600.0;
    (kilometres > possible).then(|| Signal::ImpossibleTravel {
        from: from.place.clone(),
        to: to.place.clone(),
        kilometres: kilometres.round() as u32,
        seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
    })
}

/// The way along a great circle, by the haversine formula.
fn distance_km(one: &Sighting, other: &Sighting) -> Option<f64> {
    let valid = |s: &Sighting| s.latitude.abs() <= 90.0 && s.longitude.abs() <= 180.0;
    if !valid(one) || !valid(other) {
        return None;
    }
    let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let scale = one.latitude.to_radians().cos() * other.latitude.to_radians().cos();
    let h = half_sine(other.latitude - one.latitude) + scale * half_sine(other.longitude - one.longitude);
    Some(2.0 * EARTH_KM * h.clamp(0.0, 1.0).sqrt().asin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{HOUR, MINUTE};
    use proptest::prelude::*;

    fn seen(place: &str, latitude: f64, longitude: f64, at: i64) -> Sighting {
        Sighting { place: place.into(), latitude, longitude, at: Timestamp(at) }
    }

    #[test]
    fn from_brno_to_lagos() {
        let (brno, lagos) = (|at| seen("Brno", 49.195, 16.607, at), |at| seen("Lagos", 6.524, 3.379, at));
        let signal = travel(&lagos(20 * MINUTE), &brno(0));
        let expected =
            Signal::ImpossibleTravel { from: "Brno".into(), to: "Lagos".into(), kilometres: 4_905, seconds: 1_200 };
        assert_eq!(signal, Some(expected));
        assert_eq!(travel(&brno(0), &lagos(8 * HOUR)), None);
        assert_eq!(travel(&brno(0), &seen("Prague", 50.076, 14.437, 1)), None);
        assert_eq!(travel(&brno(0), &seen("", f64::NAN, 3.0, 0)), None);
        assert_eq!(travel(&brno(0), &seen("", 91.0, 3.0, 0)), None);
    }

    proptest! {
        #[test]
        fn who_waits_long_enough_gets_anywhere(
            a in -90.0..=90.0_f64, b in -180.0..=180.0_f64, c in -90.0..=90.0_f64, d in -180.0..=180.0_f64,
        ) {
            // Half the way round the Earth is 20 015 km.
            prop_assert_eq!(travel(&seen("", a, b, 0), &seen("", c, d, 21 * HOUR)), None);
            let (one, other) = (seen("", a, b, 0), seen("", c, d, HOUR));
            prop_assert_eq!(travel(&one, &other), travel(&other, &one));
        }
    }
}
