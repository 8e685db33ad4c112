//! What is to be expected of a rollout, as the API shows it.

use domain::rollout::{Foreseen, Loss, Point, Range, Stop, WaveCourse};
use serde::Serialize;
use store::rollout::course::CoursePoint;
use utoipa::ToSchema;

/// What is expected, and between which bounds eight of ten runs lie.
#[derive(Debug, Serialize, ToSchema)]
pub struct RangeShape {
    /// One run of ten is below it.
    low: u64,
    /// Half of the runs are below it.
    mid: u64,
    /// One run of ten is above it.
    high: u64,
}

impl From<Range> for RangeShape {
    fn from(Range { low, mid, high }: Range) -> Self {
        Self { low, mid, high }
    }
}

/// How many devices have it at a moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForecastPointShape {
    /// How many minutes after the first wave was opened.
    minute: u64,
    /// How many devices of all waves.
    done: RangeShape,
    /// How many of each wave, in the middle of the runs.
    waves: Vec<u64>,
}

impl From<&Point> for ForecastPointShape {
    fn from(point: &Point) -> Self {
        Self { minute: point.minute, done: point.done.into(), waves: point.waves.clone() }
    }
}

/// What is expected of a wave. Times are in minutes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForecastWaveShape {
    /// When it is opened, after the first one was, of the runs in which it was.
    opens: Option<RangeShape>,
    /// How long it is the last one that is open, of the runs in which it got through its gate.
    takes: Option<RangeShape>,
    /// In how many runs it got through its gate.
    through: u64,
}

impl From<&WaveCourse> for ForecastWaveShape {
    fn from(wave: &WaveCourse) -> Self {
        Self { opens: wave.opens.map(Into::into), takes: wave.takes.map(Into::into), through: wave.through }
    }
}

/// How many devices are lost of a release that bricks some, before a gate stops it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LossShape {
    /// The share that is bricked, in parts of 100 000.
    bricked: u32,
    /// How many are lost on average.
    expected: u64,
    /// How many are lost at most in nine of ten runs.
    most: u64,
    /// What comes of it in most runs: `halted` by the gate of `wave`, `held` there without being halted, or `nothing` stops it.
    stop: &'static str,
    /// The wave, from 0; none when nothing stops it.
    wave: Option<usize>,
    /// In how many of a hundred runs that is so.
    runs: u64,
    /// After how many minutes, in the middle of these runs.
    after: u64,
}

impl From<&Loss> for LossShape {
    fn from(loss: &Loss) -> Self {
        let (stop, wave) = match loss.stop {
            Stop::Halted(wave) => ("halted", Some(wave)),
            Stop::Held(wave) => ("held", Some(wave)),
            Stop::Nothing => ("nothing", None),
        };
        let Loss { bricked, expected, most, runs, after, .. } = *loss;
        Self { bricked, expected, most, stop, wave, runs, after }
    }
}

/// What is to be expected of a rollout: the course if its release is as good as those before it, and the worst case.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForecastShape {
    /// How often it was run by chance.
    runs: u64,
    /// In how many runs it got through its last gate.
    through: u64,
    /// In how many runs a gate halted it.
    halted: u64,
    /// How many minutes it takes, of the runs in which it got through.
    takes: Option<RangeShape>,
    /// How many devices have it when.
    points: Vec<ForecastPointShape>,
    /// Its waves, in order.
    waves: Vec<ForecastWaveShape>,
    /// How many bytes devices fetch in all.
    bytes: RangeShape,
    /// How many bytes in the hour in which most is fetched.
    bytes_in_busiest_hour: RangeShape,
    /// How many rollouts of the product before were looked at.
    rollouts_before: u64,
    /// How many devices are lost if the release bricks some, from the smallest share on.
    worst: Vec<LossShape>,
}

impl From<&Foreseen> for ForecastShape {
    fn from(foreseen: &Foreseen) -> Self {
        let course = &foreseen.course;
        Self {
            runs: course.runs,
            through: course.through,
            halted: course.halted,
            takes: course.takes.map(Into::into),
            points: course.points.iter().map(Into::into).collect(),
            waves: course.waves.iter().map(Into::into).collect(),
            bytes: course.bytes.total.into(),
            bytes_in_busiest_hour: course.bytes.hour.into(),
            rollouts_before: foreseen.before.0,
            worst: foreseen.worst.iter().map(Into::into).collect(),
        }
    }
}

/// How far a rollout was at a moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct CoursePointShape {
    /// How many minutes after its start.
    minute: u64,
    /// How many devices had been told of it.
    told: u64,
    /// How many were verified.
    verified: u64,
    /// How many had failed or gone back.
    failed: u64,
    /// How many were silent.
    silent: u64,
}

impl From<&CoursePoint> for CoursePointShape {
    fn from(point: &CoursePoint) -> Self {
        let CoursePoint { minute, told, verified, failed, silent } = *point;
        Self { minute, told, verified, failed, silent }
    }
}
