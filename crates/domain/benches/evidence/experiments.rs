//! Experiments, many at once, each with a seed of its own.

use std::thread;

/// SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators").
#[derive(Clone)]
pub struct Chance(u64);

impl Chance {
    /// A number from 0 to 1, 1 left out.
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn is(&mut self, chance: f64) -> bool {
        self.uniform() < chance
    }

    /// A standard normal number (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// What came out of each of so many experiments, on all cores, in the order of their seeds.
pub fn run<T: Send>(experiments: u64, cell: u64, experiment: impl Fn(&mut Chance) -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let part = experiments.div_ceil(cores).max(1);
    let seed = |n: u64| Chance((cell << 40).wrapping_add(n.wrapping_mul(0xD134_2543_DE82_EF95)));
    thread::scope(|scope| {
        let of_core = |core: u64| {
            let experiment = &experiment;
            let numbers = core * part..((core + 1) * part).min(experiments);
            scope.spawn(move || numbers.map(|n| experiment(&mut seed(n))).collect::<Vec<_>>())
        };
        let cores: Vec<_> = (0..cores).map(of_core).collect();
        let joined =
            cores.into_iter().flat_map(|core| core.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.collect()
    })
}

/// The share of those for which it is so.
pub fn share<T>(of: &[T], is_so: impl Fn(&T) -> bool) -> f64 {
    of.iter().filter(|one| is_so(one)).count() as f64 / of.len().max(1) as f64
}

/// The median of when it stopped; who did not stop counts with the end.
pub fn median<T>(of: &[T], stopped: impl Fn(&T) -> Option<u64>, end: u64) -> u64 {
    quantile(of.iter().map(|one| stopped(one).unwrap_or(end)).collect(), 0.5)
}

/// The value below which this part of the values is.
pub fn quantile(mut values: Vec<u64>, part: f64) -> u64 {
    values.sort_unstable();
    let at = (values.len().saturating_sub(1)) as f64 * part;
    values.get(at.round() as usize).copied().unwrap_or(0)
}

/// The mean.
pub fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len().max(1) as f64;
    values.sum::<f64>() / n
}
