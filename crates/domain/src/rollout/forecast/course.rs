//! The expected course: how many devices have it when, how long each wave takes, and what has to be carried.

use super::{
    field::Field,
    range::{Range, nth},
    run::{End, Run},
};
use serde::{Deserialize, Serialize};

/// How often it is run.
const RUNS: u64 = 200;
/// How many points its curve has.
const POINTS: usize = 40;

/// What is to be expected if a release is as good as those before it. Times are minutes after the first wave was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// How often it was run.
    pub runs: u64,
    /// How many devices have it when.
    pub points: Vec<Point>,
    /// Wave by wave.
    pub waves: Vec<WaveCourse>,
    /// How long all of it takes, of the runs in which it got through; none if none did.
    pub takes: Option<Range>,
    /// In how many runs it got through.
    pub through: u64,
    /// In how many runs a gate halted it.
    pub halted: u64,
    /// What is carried.
    pub bytes: Bytes,
}

/// How many devices have it at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub minute: u64,
    /// How many of all waves are verified.
    pub done: Range,
    /// How many of each wave, in the middle of the runs.
    pub waves: Vec<u64>,
}

/// One wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveCourse {
    /// When it is opened, of the runs in which it was; none if it never was.
    pub opens: Option<Range>,
    /// How long it is the last one that is open, of the runs in which it got through; none if it never did.
    pub takes: Option<Range>,
    /// In how many runs it got through.
    pub through: u64,
}

/// What devices fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// How many bytes in all.
    pub total: Range,
    /// How many bytes in the hour in which most is fetched.
    pub hour: Range,
}

/// Runs it so often.
pub(super) fn expect(field: &mut Field<'_>, size: u64) -> Course {
    let runs: Vec<Run> = (0..RUNS).map(|n| field.run(n, 0.0)).collect();
    let waves = field.basis.crowds.len().min(field.basis.plan.waves.len());
    let is_through = |run: &&Run| run.end == End::Through;
    let mut takes: Vec<u64> = runs.iter().filter(is_through).map(|run| run.ended as u64).collect();
    let carried = |n: u64| n.saturating_mul(size);
    let mut total: Vec<u64> = runs.iter().map(|run| carried(run.told.iter().sum())).collect();
    let mut hour: Vec<u64> =
        runs.iter().map(|run| carried(run.told.iter().copied().max().unwrap_or_default())).collect();
    Course {
        runs: RUNS,
        points: points(&runs, waves),
        waves: (0..waves).map(|wave| wave_course(&runs, wave)).collect(),
        through: takes.len() as u64,
        halted: runs.iter().filter(|run| matches!(run.end, End::Halted(_))).count() as u64,
        takes: Range::of(&mut takes),
        bytes: Bytes {
            total: Range::of(&mut total).unwrap_or_default(),
            hour: Range::of(&mut hour).unwrap_or_default(),
        },
    }
}

fn wave_course(runs: &[Run], wave: usize) -> WaveCourse {
    let mut opens: Vec<u64> = runs.iter().filter_map(|run| run.opened.get(wave)).map(|at| *at as u64).collect();
    let took = |run: &Run| {
        let opened = run.opened.get(wave)?;
        let ended = (run.end == End::Through && run.opened.len() == wave + 1).then_some(&run.ended);
        let next = run.opened.get(wave + 1).or(ended)?;
        Some((next - opened) as u64)
    };
    let mut takes: Vec<u64> = runs.iter().filter_map(took).collect();
    WaveCourse { opens: Range::of(&mut opens), through: takes.len() as u64, takes: Range::of(&mut takes) }
}

/// The curve, from the beginning until nine of ten runs have nothing more to tell.
fn points(runs: &[Run], waves: usize) -> Vec<Point> {
    let last_of = |run: &Run| run.verified.last().map_or(0, |(minute, ..)| *minute);
    let mut ends: Vec<u64> = runs.iter().map(|run| last_of(run) as u64).collect();
    ends.sort_unstable();
    let last = nth(&ends, 90).unwrap_or_default().max(1);
    let mut at = vec![(0_usize, vec![0_u64; waves]); runs.len()];
    (0..=POINTS as u64)
        .map(|n| {
            let minute = last * n / POINTS as u64;
            let mut done = Vec::with_capacity(runs.len());
            let mut by_wave = vec![Vec::with_capacity(runs.len()); waves];
            for (run, (next, so_far)) in runs.iter().zip(&mut at) {
                while let Some((_, wave, n)) = run.verified.get(*next).filter(|(at, ..)| *at as u64 <= minute) {
                    if let Some(wave) = so_far.get_mut(*wave) {
                        *wave += n;
                    }
                    *next += 1;
                }
                done.push(so_far.iter().sum());
                for (all, n) in by_wave.iter_mut().zip(so_far.iter()) {
                    all.push(*n);
                }
            }
            let middle = |all: &mut Vec<u64>| Range::of(all).unwrap_or_default().mid;
            Point {
                minute,
                done: Range::of(&mut done).unwrap_or_default(),
                waves: by_wave.iter_mut().map(middle).collect(),
            }
        })
        .collect()
}
