//! Rollouts that decide by evidence: an experiment that goes on, one that is decided, and a rollout whose gates want to be shown that
//! few devices come to harm.

use super::{Story, gate, percent, usual, wave};
use crate::live;
use domain::{
    decimal::Decimal,
    id::ReleaseId,
    rollout::{
        Advance, Better, Cohorts, Criterion, ErrorRates, Experiment, Gate, Metric, Plan, Variant, Wave, WaveSize,
    },
    time::{HOUR, MINUTE},
};

/// How often a verdict or a gate may be wrong, in percent.
const ERROR: u32 = 5;

fn number(whole: i64) -> Decimal {
    Decimal::of_millionths(whole * 1_000_000)
}

/// A reported value with its bounds, which way is better, and from where on a difference matters.
fn value(name: &str, (low, high): (i64, i64), better: Better, matters: i64) -> Criterion {
    let metric = Metric::Value { name: name.to_owned(), low: number(low), high: number(high) };
    Criterion { metric, better, matters: number(matters) }
}

fn boot_seconds() -> Criterion {
    value("boot_s", (0, 120), Better::Lower, 3)
}

fn free_memory() -> Criterion {
    value("mem_free_mb", (0, 512), Better::Higher, 16)
}

/// Devices that don't start with what they installed: five of a hundred more would matter.
fn failed_to_start() -> Criterion {
    Criterion { metric: Metric::BootFailed, better: Better::Lower, matters: Decimal::of_millionths(50_000) }
}

/// Two releases, half and half. The second wave is opened by a person.
fn halves(
    (name, target): (&str, String),
    (one, other): (ReleaseId, ReleaseId),
    first: u32,
    experiment: Experiment,
) -> Plan {
    let variant = |name: &str, release| Variant { name: name.to_owned(), release: Some(release), share: percent(50) };
    let by_hand = Gate { advance: Advance::Manual, ..gate(40, 8, 60) };
    let mut waves = vec![wave("First", WaveSize::Share(percent(first)), by_hand)];
    if first < 100 {
        waves.push(wave("The others", WaveSize::Rest, by_hand));
    }
    Plan {
        cohorts: Some(Cohorts { wave: None, variants: vec![variant("1.5.0", one), variant("1.5.1", other)] }),
        experiment: Some(experiment),
        ..usual(name, one, target, waves)
    }
}

fn experiment(hypothesis: &str, primary: Criterion, guards: Vec<Criterion>, planned: u64) -> Experiment {
    let error = percent(ERROR);
    Experiment { hypothesis: hypothesis.to_owned(), control: 0, primary, guards, error, planned, ends_at: None }
}

/// One that is decided, of so many devices: the other release starts sooner, but not on revision C.
pub(super) fn decided(releases: (ReleaseId, ReleaseId), (target, n): (String, u64), seed: u64) -> Story {
    let hypothesis = "With 1.5.1 gateways start sooner than with 1.5.0, on every hardware revision.";
    let experiment = experiment(hypothesis, boot_seconds(), vec![failed_to_start(), free_memory()], n * 9 / 10);
    let plan = halves(("1.5.1 beside 1.5.0", target), releases, 100, experiment);
    Story { plan, faults: live::faults(seed), past: Some((26 * HOUR, 40 * MINUTE)) }
}

/// One that goes on, of so many devices: what it measures has a heavy tail, so that it takes many.
pub(super) fn undecided(releases: (ReleaseId, ReleaseId), (target, n): (String, u64), seed: u64) -> Story {
    let hypothesis = "1.5.1 leaves gateways more memory than 1.5.0.";
    let experiment = experiment(hypothesis, free_memory(), vec![failed_to_start(), boot_seconds()], n * 9 / 10);
    let plan = halves(("Memory of 1.5.1", target), releases, 60, experiment);
    Story { plan, faults: live::faults(seed), past: Some((2 * HOUR, 40 * MINUTE)) }
}

/// One whose gates go by evidence: the next wave opens once it is shown that fewer than so many come to harm.
pub(super) fn shown(release: ReleaseId, target: String, seed: u64) -> Story {
    let by_evidence = |failed, open_minutes| Gate {
        silent_limit: percent(failed),
        evidence: Some(ErrorRates { false_halt: percent(ERROR), false_advance: percent(ERROR) }),
        ..gate(failed, 5, open_minutes)
    };
    let waves: Vec<Wave> = vec![
        wave("Half of them", WaveSize::Share(percent(60)), by_evidence(25, 0)),
        wave("The others", WaveSize::Rest, by_evidence(20, 0)),
    ];
    let plan = usual("Gateways to 1.5.0, by evidence", release, target, waves);
    Story { plan, faults: live::faults(seed), past: Some((5 * HOUR, 40 * MINUTE)) }
}
