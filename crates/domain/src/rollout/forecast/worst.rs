//! The worst case: how many devices are lost of a release that bricks some, before a gate stops it.
//!
//! A bricked device is never heard from again; it counts as silent when its time is over, and until then gates know nothing of
//! it and others are told. Whoever was told is counted as lost if it will be bricked: none is saved by the halt.

use super::{
    field::Field,
    range::nth,
    run::{End, Run},
};
use serde::{Deserialize, Serialize};

/// The shares that are looked at, in parts of 100 000.
pub const BRICKED: [u32; 10] = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];
/// How often each is run.
const RUNS: u64 = 100;

/// How many devices are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The share that is bricked, in parts of 100 000.
    pub bricked: u32,
    /// How many are lost, on average.
    pub expected: u64,
    /// How many are lost at most in nine of ten runs.
    pub most: u64,
    /// What stops it in most runs.
    pub stop: Stop,
    /// In how many of a hundred runs that is so.
    pub runs: u64,
    /// After how many minutes, in the middle of these runs.
    pub after: u64,
}

/// What stops a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The gate of this wave, from 0, halts it.
    Halted(usize),
    /// The gate of this wave, from 0, lets nobody further, without halting it.
    Held(usize),
    /// Nothing does.
    Nothing,
}

impl Stop {
    fn of(end: End) -> Self {
        match end {
            End::Halted(wave) => Self::Halted(wave),
            End::Stuck(wave) => Self::Held(wave),
            End::Through => Self::Nothing,
        }
    }
}

/// Runs it so often with a release that bricks `parts` of 100 000.
pub(super) fn lose(field: &mut Field<'_>, parts: u32) -> Loss {
    let share = f64::from(parts) / f64::from(crate::bucket::PARTS);
    let runs: Vec<Run> = (0..RUNS).map(|n| field.run(n, share)).collect();
    let mut lost: Vec<u64> = runs.iter().map(|run| run.bricked).collect();
    lost.sort_unstable();
    let all: u64 = lost.iter().sum();
    let often = |stop: Stop| runs.iter().filter(|run| Stop::of(run.end) == stop).count() as u64;
    // Of what is as frequent, what comes first.
    let stops = runs.iter().map(|run| Stop::of(run.end));
    let (stop, n) = stops.fold((Stop::Nothing, 0), |most, stop| {
        let n = often(stop);
        if n > most.1 { (stop, n) } else { most }
    });
    let mut after: Vec<u64> = runs.iter().filter(|run| Stop::of(run.end) == stop).map(|run| run.ended as u64).collect();
    after.sort_unstable();
    Loss {
        bricked: parts,
        expected: (all + RUNS / 2) / RUNS,
        most: nth(&lost, 90).unwrap_or_default(),
        stop,
        runs: n * 100 / RUNS,
        after: nth(&after, 50).unwrap_or_default(),
    }
}
