//! An experiment as people type it, and back. It is in a form that has a hypothesis field, however empty, and cohorts.

use super::{Reader, percent, rows, start_text, without_row};
use crate::context::FormState;
use domain::{
    decimal::Decimal,
    rollout::{Better, Criterion, Experiment, GUARDS_MAX, Metric, Plan},
};

/// What says that a form has an experiment.
const HYPOTHESIS: &str = "experiment.hypothesis";
/// The cohort that the others are compared with, from 0.
const CONTROL: &str = "experiment.control";
/// The rows of guards.
const GUARDS: &str = "experiment.guards";
/// What the fields of one criterion are called.
const PARTS_OF_ONE: [&str; 7] = ["metric", "name", "threshold", "low", "high", "better", "matters"];

/// Kinds of metrics: as they stand in a form, and in words.
pub(in crate::pages::rollouts) const METRICS: [(&str, &str); 4] = [
    ("verified", "Update verified"),
    ("boot_failed", "Failed to start"),
    ("above", "Value above"),
    ("value", "Mean value"),
];

impl Reader<'_> {
    fn decimal(&mut self, name: &str) -> Decimal {
        self.read(name, "Write a number like 12 or 0.5, with six decimals at most.", |text| text.parse().ok())
    }

    fn criterion(&mut self, field: &str) -> Criterion {
        let at = |part: &str| format!("{field}.{part}");
        let name = self.text(&at("name"));
        // Whoever copies it from a device's page may copy all of it.
        let name = name.strip_prefix("metric.").unwrap_or(&name).to_owned();
        let metric = match self.text(&at("metric")).as_str() {
            "boot_failed" => Metric::BootFailed,
            "above" => Metric::Above { name, threshold: self.decimal(&at("threshold")) },
            "value" => Metric::Value { name, low: self.decimal(&at("low")), high: self.decimal(&at("high")) },
            _ => Metric::Verified,
        };
        let matters = match metric.is_binary() {
            true => self.read(&at("matters"), "Write a share in percent, like 1 or 0.5.", share_of),
            false => self.decimal(&at("matters")),
        };
        let better =
            self.read(&at("better"), "Choose which way is better.", |word| word.parse::<Better>().ok().map(Some));
        Criterion { metric, better: better.unwrap_or(Better::Lower), matters }
    }

    /// The experiment; none where there is none, or nothing to compare.
    pub(super) fn experiment(&mut self) -> Option<Experiment> {
        if !has_experiment(self.form) || rows(self.form, "cohorts") == 0 {
            return None;
        }
        let control =
            self.read(CONTROL, "Choose the cohort that the others are compared with.", |text| text.parse().ok());
        Some(Experiment {
            hypothesis: self.text(HYPOTHESIS),
            control,
            primary: self.criterion("experiment.primary"),
            guards: (0..guards(self.form)).map(|n| self.criterion(&format!("{GUARDS}.{n}"))).collect(),
            error: self.share("experiment.error"),
            planned: self.number("experiment.planned"),
            ends_at: self.start("experiment.ends_at"),
        })
    }
}

/// Whether a form has an experiment.
pub(in crate::pages::rollouts) fn has_experiment(form: &FormState) -> bool {
    form.has(HYPOTHESIS)
}

/// How many guards a form has.
pub(in crate::pages::rollouts) fn guards(form: &FormState) -> usize {
    (0..GUARDS_MAX).take_while(|n| form.has(&format!("{GUARDS}.{n}.metric"))).count()
}

/// What was done to a form's experiment by a button; none for buttons of others.
#[must_use]
pub fn other_experiment(form: FormState, button: &str) -> Option<FormState> {
    match button {
        "add-experiment" => Some(begun(form)),
        "remove-experiment" => Some(without_experiment(form)),
        "add-guard" => Some(another_guard(form)),
        _ => {
            if let Some(n) = button.strip_prefix("remove-guard-") {
                return Some(without_row(form, GUARDS, n.parse().ok()?));
            }
            let n = button.strip_prefix("remove-cohort-")?.parse().ok()?;
            Some(without_cohort(form, n))
        }
    }
}

/// The form with an experiment as most begin: what is filled in is sound as it stands. A hold-out is what the others are compared
/// with, and has no update that could be verified.
fn begun(mut form: FormState) -> FormState {
    if has_experiment(&form) {
        return form;
    }
    let n = rows(&form, "cohorts");
    let hold_out = (0..n).find(|n| form.value(&format!("cohorts.{n}.release")).is_empty());
    let control = hold_out.unwrap_or_default();
    let (metric, better, matters) = match hold_out {
        Some(_) => ("value", Better::Lower, ""),
        None => ("verified", Better::Higher, "1"),
    };
    let fields = [
        (HYPOTHESIS, expected(&form, control)),
        (CONTROL, control.to_string()),
        ("experiment.planned", "1000".to_owned()),
        ("experiment.error", "5".to_owned()),
        ("experiment.ends_at", String::new()),
        ("experiment.primary.metric", metric.to_owned()),
        ("experiment.primary.better", better.as_str().to_owned()),
        ("experiment.primary.matters", matters.to_owned()),
    ];
    form.values.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    form.errors.clear();
    form
}

/// What is mostly expected: that no other cohort does worse. Empty until there are others, with names.
fn expected(form: &FormState, control: usize) -> String {
    let name = |n: usize| form.value(&format!("cohorts.{n}.name")).trim().to_owned();
    let others: Vec<String> = (0..rows(form, "cohorts")).filter(|n| *n != control).map(name).collect();
    let is_named = !others.is_empty() && others.iter().all(|other| !other.is_empty()) && !name(control).is_empty();
    if is_named { format!("{} does no worse than {}.", others.join(" or "), name(control)) } else { String::new() }
}

fn without_experiment(mut form: FormState) -> FormState {
    form.values.retain(|(name, _)| !name.starts_with("experiment."));
    form.errors.clear();
    form
}

fn another_guard(mut form: FormState) -> FormState {
    let n = guards(&form);
    if n >= GUARDS_MAX {
        return form.wrong(GUARDS, format!("Guard by {GUARDS_MAX} metrics at most."));
    }
    for (part, value) in [("metric", "boot_failed"), ("better", Better::Lower.as_str()), ("matters", "1")] {
        form.values.push((format!("{GUARDS}.{n}.{part}"), value.to_owned()));
    }
    form.errors.clear();
    form
}

/// The form without a cohort. The control stays the same cohort; if it was that one, it is to be chosen again.
fn without_cohort(form: FormState, at: usize) -> FormState {
    let mut form = without_row(form, "cohorts", at);
    for (_, value) in form.values.iter_mut().filter(|(name, _)| name == CONTROL) {
        match value.parse::<usize>() {
            Ok(control) if control > at => *value = (control - 1).to_string(),
            Ok(control) if control == at => value.clear(),
            _ => {}
        }
    }
    form
}

/// The values of a plan's experiment, by their fields.
pub(super) fn values_of(plan: &Plan) -> Vec<(String, String)> {
    let Some(experiment) = &plan.experiment else { return Vec::new() };
    let mut values: Vec<(String, String)> = vec![
        (HYPOTHESIS.to_owned(), experiment.hypothesis.clone()),
        (CONTROL.to_owned(), experiment.control.to_string()),
        ("experiment.error".to_owned(), percent(experiment.error)),
        ("experiment.planned".to_owned(), experiment.planned.to_string()),
        ("experiment.ends_at".to_owned(), start_text(experiment.ends_at)),
    ];
    values.extend(values_of_one("experiment.primary", &experiment.primary));
    for (n, guard) in experiment.guards.iter().enumerate() {
        values.extend(values_of_one(&format!("{GUARDS}.{n}"), guard));
    }
    values
}

fn values_of_one(field: &str, criterion: &Criterion) -> Vec<(String, String)> {
    let nothing = String::new;
    let (kind, name, threshold, low, high) = match &criterion.metric {
        Metric::Verified => ("verified", nothing(), nothing(), nothing(), nothing()),
        Metric::BootFailed => ("boot_failed", nothing(), nothing(), nothing(), nothing()),
        Metric::Above { name, threshold } => ("above", name.clone(), threshold.to_string(), nothing(), nothing()),
        Metric::Value { name, low, high } => ("value", name.clone(), nothing(), low.to_string(), high.to_string()),
    };
    let matters = matters_text(criterion);
    let values = [kind.to_owned(), name, threshold, low, high, criterion.better.as_str().to_owned(), matters];
    PARTS_OF_ONE.iter().zip(values).map(|(part, value)| (format!("{field}.{part}"), value)).collect()
}

/// The smallest difference that matters as it is typed: in percent of the devices, or in the value's own unit.
pub(in crate::pages) fn matters_text(criterion: &Criterion) -> String {
    match criterion.metric.is_binary() {
        true => Decimal::of_millionths(criterion.matters.millionths().saturating_mul(100)).to_string(),
        false => criterion.matters.to_string(),
    }
}

/// A share in percent, with or without the sign; four decimals at most, so that it is exact.
fn share_of(text: &str) -> Option<Decimal> {
    let percent: Decimal = text.trim_end_matches('%').parse().ok()?;
    let is_exact = percent.millionths() % 100 == 0;
    is_exact.then(|| Decimal::of_millionths(percent.millionths() / 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> FormState {
        let values = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        FormState { values, errors: Vec::new() }
    }

    fn cohorts() -> FormState {
        form(&[
            ("cohorts.0.name", "A"),
            ("cohorts.0.release", "one"),
            ("cohorts.1.name", "B"),
            ("cohorts.1.release", "two"),
            ("cohorts.2.name", "C"),
            ("cohorts.2.release", "three"),
        ])
    }

    fn read(form: &FormState) -> Result<Option<Experiment>, Vec<String>> {
        let mut reader = Reader { form, wrong: Vec::new() };
        let experiment = reader.experiment();
        let wrong: Vec<String> = reader.wrong.into_iter().filter_map(|error| error.field).collect();
        if wrong.is_empty() { Ok(experiment) } else { Err(wrong) }
    }

    #[test]
    fn an_experiment_comes_and_goes_by_buttons() {
        let press = |form: FormState, button: &str| other_experiment(form, button).unwrap_or_default();
        assert_eq!(read(&cohorts()), Ok(None));
        let found = read(&press(cohorts(), "add-experiment")).ok().flatten();
        let hypothesis = found.map(|one| one.hypothesis);
        assert_eq!(hypothesis.as_deref(), Some("B or C does no worse than A."), "what is filled in is whole");
        let mut with = press(press(press(cohorts(), "add-experiment"), "add-guard"), "add-guard");
        assert_eq!(guards(&with), 2);
        let found = read(&with).ok().flatten();
        assert_eq!(found.as_ref().map(|one| (one.guards.len(), one.error, one.planned)), Some((2, 5_000, 1_000)));
        assert_eq!(guards(&press(with.clone(), "remove-guard-0")), 1);
        assert_eq!(read(&press(with.clone(), "remove-experiment")), Ok(None));
        for _ in 0..GUARDS_MAX {
            with = press(with, "add-guard");
        }
        assert_eq!((guards(&with), with.error(GUARDS).is_some()), (GUARDS_MAX, true));
        assert!(other_experiment(cohorts(), "add-wave").is_none());
    }

    #[test]
    fn the_control_stays_the_same_cohort() {
        let mut form = begun(cohorts());
        form.values.iter_mut().filter(|(name, _)| name == CONTROL).for_each(|(_, value)| *value = "1".to_owned());
        assert_eq!(without_cohort(form.clone(), 0).value(CONTROL), "0");
        assert_eq!(without_cohort(form.clone(), 2).value(CONTROL), "1");
        assert_eq!(without_cohort(form, 1).value(CONTROL), "");
    }

    #[test]
    fn a_hold_out_is_what_the_others_are_compared_with() {
        let with = begun(form(&[
            ("cohorts.0.name", "A"),
            ("cohorts.0.release", "one"),
            ("cohorts.1.name", "Nothing"),
            ("cohorts.1.release", ""),
        ]));
        assert_eq!((with.value(CONTROL), with.value("experiment.primary.metric")), ("1", "value"));
        assert_eq!(with.value(HYPOTHESIS), "A does no worse than Nothing.");
        assert_eq!(begun(form(&[("cohorts.0.name", "A"), ("cohorts.0.release", "one")])).value(HYPOTHESIS), "");
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_field() {
        let mut with = begun(cohorts());
        for (name, value) in &mut with.values {
            match name.as_str() {
                "experiment.primary.metric" => "value".clone_into(value),
                "experiment.planned" => "many".clone_into(value),
                _ => {}
            }
        }
        assert_eq!(
            read(&with),
            Err(["experiment.primary.low", "experiment.primary.high", "experiment.planned"]
                .map(str::to_owned)
                .to_vec())
        );
    }

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        let name = || "boot_s".to_owned();
        let metrics = [
            Metric::Verified,
            Metric::BootFailed,
            Metric::Above { name: name(), threshold: Decimal::of_millionths(60_500_000) },
            Metric::Value { name: name(), low: Decimal::of_millionths(-1), high: Decimal::of_millionths(120_000_000) },
        ];
        let one = |metric: &Metric| Criterion {
            metric: metric.clone(),
            better: Better::Higher,
            matters: Decimal::of_millionths(12_345),
        };
        for metric in &metrics {
            let criterion = one(metric);
            let values = values_of_one("x", &criterion);
            let form = FormState { values, errors: Vec::new() };
            let mut reader = Reader { form: &form, wrong: Vec::new() };
            assert_eq!(reader.criterion("x"), criterion);
            assert!(reader.wrong.is_empty());
        }
        assert_eq!(share_of("0.5 %"), Some(Decimal::of_millionths(5_000)));
        assert_eq!([share_of("0.00001"), share_of("x")], [None, None]);
    }
}
