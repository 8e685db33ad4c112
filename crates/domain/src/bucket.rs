//! Buckets: where a device stands in an order that a salt makes, the same at every moment and on every node.
//!
//! A share of a fleet is a bound on the bucket. A bound that grows keeps all that it held, so what is widened drops nobody.

use crate::id::DeviceId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// What shares are counted in: this many parts are everybody.
pub const PARTS: u32 = 100_000;

/// The place of a device in the order of a salt: the first eight bytes, big endian, of SHA-256 over the salt and the 16 bytes of
/// the device's id.
#[must_use]
pub fn bucket(salt: &str, device: DeviceId) -> u64 {
    let mut digest = Sha256::new();
    digest.update(salt.as_bytes());
    digest.update(device.0.as_bytes());
    let hash: [u8; 32] = digest.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Who is meant: those whose bucket lies below a bound, or everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound(Option<u64>);

impl Bound {
    /// Everybody.
    pub const ALL: Self = Self(None);
    /// Nobody.
    pub const NONE: Self = Self(Some(0));

    /// Those below this bucket.
    #[must_use]
    pub const fn below(bucket: u64) -> Self {
        Self(Some(bucket))
    }

    /// A share in parts of [`PARTS`]; as many or more are everybody.
    #[must_use]
    pub fn of_parts(parts: u32) -> Self {
        if parts >= PARTS {
            return Self::ALL;
        }
        // Below 2^64 because parts < PARTS.
        let bound = (u128::from(parts) << 64) / u128::from(PARTS);
        Self(u64::try_from(bound).ok())
    }

    /// Whether it holds this bucket.
    #[must_use]
    pub const fn holds(self, bucket: u64) -> bool {
        match self.0 {
            Some(bound) => bucket < bound,
            None => true,
        }
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |bound: &Self| (bound.0.is_none(), bound.0);
        key(self).cmp(&key(other))
    }
}

/// Sixteen hexadecimal digits, or `all`: numbers of this size don't survive every reader of JSON.
impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(bound) => s.serialize_str(&format!("{bound:016x}")),
            None => s.serialize_str("all"),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        if text == "all" {
            return Ok(Self::ALL);
        }
        u64::from_str_radix(&text, 16).map(Self::below).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    #[test]
    fn a_bucket_is_what_it_says() {
        let id = DeviceId(Uuid::from_u128(7));
        let hash = Sha256::digest([b"salt".as_slice(), Uuid::from_u128(7).as_bytes()].concat());
        assert_eq!(format!("{:016x}", bucket("salt", id)), hex::encode(&hash[..8]));
        assert_ne!(bucket("salt", id), bucket("salt2", id));
    }

    #[test]
    fn shares_are_near_what_they_say() {
        let within = |parts: u32, n: u128| {
            let bound = Bound::of_parts(parts);
            (0..n).filter(|id| bound.holds(bucket("s", DeviceId(Uuid::from_u128(*id))))).count()
        };
        assert_eq!((within(0, 1_000), within(PARTS, 1_000), within(u32::MAX, 1_000)), (0, 1_000, 1_000));
        let tenth = within(10_000, 20_000);
        assert!((1_800..2_200).contains(&tenth), "{tenth}");
        assert!(Bound::of_parts(PARTS).holds(u64::MAX) && !Bound::of_parts(PARTS - 1).holds(u64::MAX));
    }

    proptest! {
        #[test]
        fn a_bound_that_grows_keeps_all(bucket: u64, one in 0..=PARTS, other in 0..=PARTS) {
            let (less, more) = (Bound::of_parts(one.min(other)), Bound::of_parts(one.max(other)));
            prop_assert!(less <= more);
            prop_assert!(!less.holds(bucket) || more.holds(bucket));
        }

        #[test]
        fn bounds_survive_being_written(bucket: u64) {
            for bound in [Bound::below(bucket), Bound::ALL] {
                let text = serde_json::to_string(&bound).unwrap_or_default();
                prop_assert_eq!(serde_json::from_str::<Bound>(&text).ok(), Some(bound));
            }
        }
    }
}
