//! The designer's fields of an experiment: what cohorts are compared for.

use super::{
    number,
    said::devices,
    typed::{METRICS, guards, has_experiment, rows},
};
use crate::{
    components::{
        form::Field,
        icons::{self, icon},
        panel::{Panel, note},
        status::Tone,
    },
    context::FormState,
};
use domain::rollout::{Better, Frozen, GUARDS_MAX, HYPOTHESIS_MAX, Plan};
use leptos::prelude::*;

/// The panel; nothing where there are no cohorts to compare.
pub(super) fn panel(form: &FormState) -> Option<AnyView> {
    let cohorts: Vec<_> = (0..rows(form, "cohorts"))
        .map(|n| (n.to_string(), form.value(&format!("cohorts.{n}.name")).to_owned()))
        .collect();
    if cohorts.is_empty() {
        return None;
    }
    let panel = Panel::new("Experiment").aside("What the cohorts are compared for");
    let body = if has_experiment(form) { fields(form, cohorts).into_any() } else { none().into_any() };
    Some(panel.flush(body).into_any())
}

/// That an experiment is planned with more devices than its cohorts have; none where it has enough.
pub(super) fn too_many(plan: &Plan, frozen: &Frozen) -> Option<impl IntoView + use<>> {
    let planned = plan.experiment.as_ref()?.planned;
    let compared: u64 = frozen.waves.iter().flat_map(|wave| wave.cohorts.iter().skip(1)).sum();
    (planned > compared).then(|| {
        let words = format!(
            "The cohorts have {} together: plan the experiment with so many or fewer, not with {}.",
            devices(compared),
            number(planned)
        );
        note(Tone::Warn, icons::WARN, words)
    })
}

fn none() -> impl IntoView {
    view! {
        <div class="body stack loose">
            <p class="quiet">"None: cohorts get what they get, and nothing is decided by it."</p>
            <div><button class="btn small" type="submit" name="do" value="add-experiment" formnovalidate>{icon(icons::PLUS)}"Make it an experiment"</button></div>
        </div>
    }
}

fn field(form: &FormState, name: impl Into<std::borrow::Cow<'static, str>>, label: &'static str) -> Field {
    Field::new(Some(form), name, label)
}

fn fields(form: &FormState, cohorts: Vec<(String, String)>) -> impl IntoView + use<> {
    let cohorts = std::iter::once((String::new(), "Choose one".to_owned())).chain(cohorts).collect();
    let longest = u32::try_from(HYPOTHESIS_MAX).ok();
    let hypothesis = field(form, "experiment.hypothesis", "What is expected")
        .required()
        .hint("In a sentence, like: B starts as quickly as A on every hardware revision.");
    let hypothesis = longest.into_iter().fold(hypothesis, Field::max_length).textarea(2);
    let n = guards(form);
    let all: Vec<_> = (0..n).map(|at| guard(form, at)).collect();
    let wrong = form
        .error("experiment.guards")
        .map(|error| view! { <p class="hint bad" id="experiment.guards">{icon(icons::WARN)}{error.to_owned()}</p> });
    let add = (n < GUARDS_MAX).then(|| {
        view! { <button class="btn small" type="submit" name="do" value="add-guard" formnovalidate>{icon(icons::PLUS)}"Add a guard"</button> }
    });
    view! {
        <div class="body stack loose">
            {hypothesis}
            <div class="wave-fields told">
                {field(form, "experiment.control", "Compared with").required()
                    .hint("Mostly what runs today: each other cohort is held against it.").select(cohorts)}
                {field(form, "experiment.planned", "Planned devices").required()
                    .hint("Of all cohorts together. By then there is a verdict; what is clear is said before.").input()}
            </div>
            <fieldset class="wave-row criterion">
                <legend>"Primary metric: it decides"</legend>
                {criterion(form, "experiment.primary")}
            </fieldset>
            {wrong}
            {all}
            {tuning(form)}
            <div class="row wrap">
                {add}
                <button class="btn small" type="submit" name="do" value="remove-experiment" formnovalidate>{icon(icons::X)}"Take the experiment away"</button>
            </div>
        </div>
    }
}

/// What is right as it is filled in, for nearly everybody.
fn tuning(form: &FormState) -> impl IntoView + use<> {
    let fields = ["experiment.error", "experiment.ends_at"];
    let is_open = fields.into_iter().any(|name| form.error(name).is_some());
    view! {
        <details class="tuning" open=is_open>
            <summary>{format!("Fine tuning: wrong by chance in {} % at most", form.value("experiment.error"))}</summary>
            <div class="wave-fields told">
                {field(form, "experiment.error", "Wrong by chance, %")
                    .hint("In so many of a hundred experiments chance alone may decide, however often one looks.").input()}
                {field(form, "experiment.ends_at", "Ends at latest, UTC").hint("Like 2026-11-30 02:00. Empty: with the rollout.").input()}
            </div>
        </details>
    }
}

fn guard(form: &FormState, at: usize) -> impl IntoView + use<> {
    let label = format!("Take guard {} away", at + 1);
    view! {
        <fieldset class="wave-row criterion">
            <legend>{format!("Guard {}: it must not become worse", at + 1)}</legend>
            <button class="btn plain small square push" type="submit" name="do" value=format!("remove-guard-{at}") formnovalidate aria-label=label.clone() title=label.clone()>
                {icon(icons::X)}
            </button>
            {criterion(form, &format!("experiment.guards.{at}"))}
        </fieldset>
    }
}

fn criterion(form: &FormState, of: &str) -> impl IntoView + use<> {
    let name = |part: &str| format!("{of}.{part}");
    let metrics = METRICS.map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec();
    let better = Better::ALL.iter().map(|way| (way.as_str().to_owned(), way.label().to_owned())).collect();
    // Which fields there are follows from what is measured: the style sheet hides the others.
    view! {
        <div class="wave-fields told">
            {field(form, name("metric"), "Measured").hint("The first two follow from the update itself.").select(metrics)}
            <div class="of-reported">{field(form, name("name"), "Reported as").max_length(60).hint("The NAME of metric.NAME.").input()}</div>
            {field(form, name("better"), "Which way").select(better)}
            {field(form, name("matters"), "Matters from")
                .hint("The smallest difference worth acting on: in percent of the devices; of a mean, in its own unit.").input()}
            <div class="of-above">{field(form, name("threshold"), "Threshold").hint("Devices above it are counted.").input()}</div>
            <div class="of-value">{field(form, name("low"), "Lower bound").hint("What is below counts as this.").input()}</div>
            <div class="of-value">{field(form, name("high"), "Upper bound").hint("What is above counts as this.").input()}</div>
        </div>
    }
}
