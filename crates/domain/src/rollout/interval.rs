//! Between what a share of devices may lie of which few have been seen.

/// The 0.975 quantile of the normal distribution: 95 of 100 such intervals hold the true share.
const Z: f64 = 1.959_964;

/// The interval of 95 percent for a share of which `n` of `of` were seen, from 0 to 1: Wilson's score interval, which holds for
/// few devices and for shares near 0, where the usual one is empty. Everything, when nothing was seen.
#[must_use]
pub fn share_interval(n: u64, of: u64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (n, of) = (n.min(of) as f64, of as f64);
    let share = n / of;
    let middle = share + Z * Z / (2.0 * of);
    let half = Z * (share * (1.0 - share) / of + Z * Z / (4.0 * of * of)).sqrt();
    let all = 1.0 + Z * Z / of;
    (((middle - half) / all).clamp(0.0, share), ((middle + half) / all).clamp(share, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn intervals_are_those_of_the_books() {
        let near = |(low, high): (f64, f64), expected: (f64, f64)| {
            assert!((low - expected.0).abs() < 5e-5 && (high - expected.1).abs() < 5e-5, "{low} {high}");
        };
        // Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        near(share_interval(81, 263), (0.2553, 0.3662));
        near(share_interval(15, 148), (0.0624, 0.1605));
        near(share_interval(0, 20), (0.0, 0.1611));
        near(share_interval(1, 29), (0.0061, 0.1718));
        near(share_interval(29, 29), (0.8830, 1.0));
        near(share_interval(0, 0), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn it_holds_what_was_seen_and_narrows(n in 0..1_000_u64, more in 0..1_000_u64) {
            let of = n + more;
            prop_assume!(of > 0);
            let (low, high) = share_interval(n, of);
            let share = n as f64 / of as f64;
            prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
            let (closer, nearer) = share_interval(n * 4, of * 4);
            prop_assert!(nearer - closer <= high - low + 1e-12);
        }
    }
}
