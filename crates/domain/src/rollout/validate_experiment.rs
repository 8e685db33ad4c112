//! What is wrong with an experiment's plan, by field.

use super::{Criterion, Metric, Plan, validate::Wrong};
use crate::bucket::PARTS;

/// Up to how many guard metrics an experiment has.
pub const GUARDS_MAX: usize = 5;
/// Up to how many characters a hypothesis has.
pub const HYPOTHESIS_MAX: usize = 300;
/// The smallest sample that an experiment can be planned for.
pub const PLANNED_MIN: u64 = 40;
/// The largest: more devices than one console has.
const PLANNED_MAX: u64 = 100_000_000;
/// Up to how long the name of a reported metric is.
const METRIC_MAX: usize = 60;

pub(super) fn check_experiment(wrong: &mut Wrong, plan: &Plan) {
    let Some(experiment) = &plan.experiment else { return };
    let Some(cohorts) = &plan.cohorts else {
        wrong.say("experiment", "An experiment compares cohorts: make some.");
        return;
    };
    let text = experiment.hypothesis.trim();
    let is_right = !text.is_empty() && text.chars().count() <= HYPOTHESIS_MAX && !text.contains(char::is_control);
    let message = format!("Say in up to {HYPOTHESIS_MAX} characters what is expected.");
    wrong.unless(is_right, "experiment.hypothesis", message);
    let control = cohorts.variants.get(experiment.control);
    wrong.unless(control.is_some(), "experiment.control", "Choose the cohort that the others are compared with.");
    let error = (1..=PARTS / 5).contains(&experiment.error);
    wrong.unless(error, "experiment.error", "Choose a chance above 0 and up to 20 percent.");
    let planned = (PLANNED_MIN..=PLANNED_MAX).contains(&experiment.planned);
    wrong.unless(planned, "experiment.planned", format!("Plan for {PLANNED_MIN} devices at least."));
    wrong.unless(
        experiment.guards.len() <= GUARDS_MAX,
        "experiment.guards",
        format!("Guard by {GUARDS_MAX} metrics at most."),
    );
    let has_hold_out = cohorts.variants.iter().any(|variant| variant.release.is_none());
    let fields = std::iter::once("experiment.primary".to_owned())
        .chain((0..experiment.guards.len()).map(|n| format!("experiment.guards.{n}")));
    let message = "A hold-out can’t be asked, and who agrees is no fair sample of its cohort. Ask nobody, or compare without a hold-out.";
    wrong.unless(!(has_hold_out && plan.confirmation_required), "confirmation_required", message);
    for (field, criterion) in fields.zip(experiment.criteria()) {
        check_criterion(wrong, &field, criterion, has_hold_out);
    }
    for (n, guard) in experiment.guards.iter().enumerate() {
        let is_first = experiment.criteria().take(n + 1).all(|other| other.metric != guard.metric);
        wrong.unless(is_first, format!("experiment.guards.{n}.metric"), "This is measured already.");
    }
}

fn check_criterion(wrong: &mut Wrong, field: &str, criterion: &Criterion, has_hold_out: bool) {
    let matters = criterion.matters.value();
    match &criterion.metric {
        Metric::Verified | Metric::BootFailed => {
            let message = "A hold-out installs nothing, so it can’t be compared by this. Choose what devices report.";
            wrong.unless(!has_hold_out, format!("{field}.metric"), message);
        }
        Metric::Above { name, .. } => check_name(wrong, field, name),
        Metric::Value { name, low, high } => {
            check_name(wrong, field, name);
            wrong.unless(low < high, format!("{field}.high"), "The upper bound has to be above the lower one.");
        }
    }
    let is_right = matters > 0.0 && matters < criterion.metric.span().max(0.0);
    let message = match criterion.metric.is_binary() {
        true => "Choose a difference of shares above 0 and below 100 percent.",
        false => "Choose a difference above 0 and smaller than what lies between the bounds.",
    };
    wrong.unless(is_right, format!("{field}.matters"), message);
}

fn check_name(wrong: &mut Wrong, field: &str, name: &str) {
    let is_right = (1..=METRIC_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    wrong.unless(is_right, format!("{field}.name"), "Write the name of what devices report as metric.NAME.");
}
