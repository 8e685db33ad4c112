//! What must not become worse: each guard, for each cohort that is compared.

use super::{
    compared::{self, Heads, Stands},
    interval, lookup, parts,
    scale::Scale,
    verdict,
};
use crate::{components::panel::Panel, pages::rollouts::said};
use fleet::rollout::{ComparisonView, ExperimentDetail};
use leptos::prelude::*;

/// The panel; nothing without guards.
pub(super) fn panel(detail: &ExperimentDetail) -> impl IntoView + use<> {
    let guards = &detail.experiment.guards;
    let Some(first) = guards.first() else { return ().into_any() };
    let compared: Vec<_> = detail
        .comparisons
        .iter()
        .filter(|one| one.criterion > 0)
        .filter_map(|one| Some((Scale(lookup::criterion(detail, one.criterion)?), one)))
        .collect();
    let reach = interval::reach(compared.iter().map(|(scale, one)| (*scale, one.interval.as_ref())));
    let rows = compared.into_iter().map(|(scale, one)| row(detail, (scale, reach), one)).collect();
    let heads = Heads {
        of: ("Guard", "Verdict"),
        numbers: [lookup::name(detail, detail.control).to_owned(), "Cohort".to_owned()],
        caption: "Guards: means, and the difference from the control with its interval",
        better: guards.iter().all(|guard| guard.better == first.better).then_some(first.better),
    };
    Panel::new("Guards")
        .id("guards")
        .aside("A cohort that is worse by one is held back")
        .flush(compared::table(heads, rows))
        .into_any()
}

fn row(detail: &ExperimentDetail, (scale, reach): (Scale<'_>, f64), one: &ComparisonView) -> AnyView {
    let (control, variant) = (lookup::name(detail, detail.control), lookup::name(detail, one.cohort));
    let without = parts::of_row(detail, one).map_or_else(String::new, |words| format!(", {words}"));
    let about = format!("{variant}, matters from {}{without}", said::matters(scale.0));
    let means = [(one.control, control), (one.variant, variant)]
        .map(|((_, mean), name)| (scale.mean(mean).into_any(), name.to_owned()));
    let stands = Stands { scale, reach, interval: one.interval.as_ref(), status: verdict::stands(detail, one) };
    compared::row((scale.0.metric.words(), about), means, Some(&stands))
}
