//! An experiment in words.

use super::{Line, devices, line};
use crate::pages::rollouts::typed::{matters_text, percent};
use domain::rollout::{Better, Criterion, Experiment, Metric, Plan};

/// What is said of a plan's experiment; nothing without one.
pub(in crate::pages) fn experiment(plan: &Plan) -> Vec<Line> {
    let Some(experiment) = &plan.experiment else { return Vec::new() };
    let name = plan.cohorts.as_ref().and_then(|cohorts| cohorts.variants.get(experiment.control));
    let name = name.map_or_else(|| format!("number {}", experiment.control + 1), |variant| variant.name.clone());
    of_experiment(experiment, &name)
}

/// What is said of an experiment whose control is called so.
pub(in crate::pages) fn of_experiment(experiment: &Experiment, control: &str) -> Vec<Line> {
    let mut lines = vec![
        line("Experiment", format!("It is expected: “{}”", experiment.hypothesis)),
        line("Compared with", format!("cohort {control}: each other cohort’s difference from it")),
        line("Decided by", criterion(&experiment.primary)),
    ];
    for (n, guard) in experiment.guards.iter().enumerate() {
        lines.push(line(format!("Guard {}", n + 1), format!("must not become worse: {}", criterion(guard))));
    }
    let error = percent(experiment.error);
    lines.push(line(
        "Wrong verdict",
        format!("by chance in at most {error} % of such experiments, however often they are looked at"),
    ));
    lines.push(line("Verdict", planned(experiment)));
    let held =
        "a cohort that is worse is held back by itself, on one hardware revision alone if it is worse only there";
    lines.push(line("If it is worse", held));
    lines
}

fn planned(experiment: &Experiment) -> String {
    let end = experiment
        .ends_at
        .map_or_else(|| "when the rollout ends".to_owned(), |at| format!("on {} UTC", at.minute_words()));
    format!("at the latest with values of {}, or {end}", devices(experiment.planned))
}

/// What is measured, of whom.
fn measured(metric: &Metric) -> String {
    match metric {
        Metric::Verified => "the share of devices whose update is verified".to_owned(),
        Metric::BootFailed => "the share of devices that fail to start with what they installed".to_owned(),
        Metric::Above { name, threshold } => format!("the share of devices that report {name} above {threshold}"),
        Metric::Value { name, low, high } => {
            format!("the mean of what devices report as {name}, values below {low} and above {high} counted as these")
        }
    }
}

/// The smallest difference that matters: `1 percentage point`, `2`.
pub(in crate::pages) fn matters(criterion: &Criterion) -> String {
    let text = matters_text(criterion);
    match (criterion.metric.is_binary(), text.as_str()) {
        (true, "1") => "1 percentage point".to_owned(),
        (true, _) => format!("{text} percentage points"),
        (false, _) => text,
    }
}

fn criterion(criterion: &Criterion) -> String {
    let way = match criterion.better {
        Better::Lower => "lower is better",
        Better::Higher => "higher is better",
    };
    format!("{}; {way}, and a difference of {} matters", measured(&criterion.metric), matters(criterion))
}
