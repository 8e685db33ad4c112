//! Cohorts side by side by the primary metric, and level by level.

use super::{
    compared::{self, Heads, Stands},
    interval, lookup, parts,
    scale::Scale,
    verdict,
};
use crate::{components::panel::Panel, pages::rollouts::number};
use fleet::rollout::{CohortView, ComparisonView, ExperimentDetail, StratumView};
use leptos::prelude::*;

/// How far the scale goes, of cohorts and of their revisions alike.
fn reach(detail: &ExperimentDetail) -> f64 {
    let scale = Scale(&detail.experiment.primary);
    let all = lookup::primary(detail).flat_map(|one| {
        let strata = one.strata.iter().map(|stratum| stratum.interval.as_ref());
        std::iter::once(one.interval.as_ref()).chain(strata)
    });
    interval::reach(all.map(|known| (scale, known)))
}

/// The panel: a row a cohort.
pub(super) fn panel(detail: &ExperimentDetail) -> impl IntoView + use<> {
    let criterion = &detail.experiment.primary;
    let reach = reach(detail);
    let rows = detail.cohorts.iter().map(|cohort| row(detail, reach, cohort)).collect();
    let within = detail.within.label().to_lowercase();
    let heads = Heads {
        of: ("Cohort", "Verdict"),
        numbers: ["Values".to_owned(), "Mean".to_owned()],
        caption: "Cohorts: devices with a value, mean, and the difference from the control with its interval",
        better: Some(criterion.better),
    };
    Panel::new("By cohort")
        .id("by-cohort")
        .aside(criterion.metric.words())
        .footer(view! { <span>"Compared within each " {within} ", so that who is in a cohort does not count for or against it."</span> })
        .flush(compared::table(heads, rows))
}

fn row(detail: &ExperimentDetail, reach: f64, cohort: &CohortView) -> AnyView {
    let scale = Scale(&detail.experiment.primary);
    let stands = lookup::primary(detail).find(|one| one.cohort == cohort.number).map(|one| Stands {
        scale,
        reach,
        interval: one.interval.as_ref(),
        status: verdict::stands(detail, one),
    });
    let Of { values, mean, whom } = of(detail, cohort);
    let about = whom.map_or_else(|| lookup::gets(cohort), |whom| format!("{}, {whom}", lookup::gets(cohort)));
    let (values, mean) = (number(values), scale.mean(mean));
    compared::row(
        (cohort.name.clone(), about),
        [(values.into_any(), "Values".to_owned()), (mean.into_any(), "Mean".to_owned())],
        stands.as_ref(),
    )
}

/// How many values of the primary metric a row has, their mean, and of whom they are if not of all.
struct Of {
    values: u64,
    mean: Option<f64>,
    whom: Option<String>,
}

/// A cohort by the same devices as its difference is reckoned of. The control is compared with several variants: it has a row of its
/// own devices alone where all of them leave out the same, else it is of all.
fn of(detail: &ExperimentDetail, cohort: &CohortView) -> Of {
    let all = |whom: Option<String>| Of {
        values: cohort.values.first().copied().unwrap_or_default(),
        mean: cohort.means.first().copied().flatten(),
        whom,
    };
    let part = |(values, mean): (u64, Option<f64>), whom: String| Of { values, mean, whom: Some(whom) };
    if let Some(one) = lookup::primary(detail).find(|one| one.cohort == cohort.number) {
        return parts::of_row(detail, one).map_or_else(|| all(None), |whom| part(one.variant, whom));
    }
    let mut each = lookup::primary(detail).map(|one| (one, parts::without(&parts::left_out(detail, one))));
    let Some((one, whom)) = each.next() else { return all(None) };
    match whom {
        whom if !each.all(|(_, other)| other == whom) => all(Some("of all devices".to_owned())),
        Some(whom) => part(one.control, whom),
        None => all(None),
    }
}

/// The primary metric by hardware revision; nothing where there is one revision, or none.
pub(super) fn levels(detail: &ExperimentDetail) -> impl IntoView + use<> {
    let reach = reach(detail);
    let rows: Vec<_> = lookup::primary(detail)
        .filter(|one| one.strata.len() > 1)
        .flat_map(|one| one.strata.iter().map(move |stratum| (one, stratum)))
        .map(|(one, stratum)| level(detail, reach, one, stratum))
        .collect();
    if rows.is_empty() {
        return ().into_any();
    }
    let criterion = &detail.experiment.primary;
    let heads = Heads {
        of: ("Revision", "Stands"),
        numbers: [lookup::name(detail, detail.control).to_owned(), "Cohort".to_owned()],
        caption: "Hardware revisions: difference of each cohort from the control with its interval",
        better: Some(criterion.better),
    };
    Panel::new("By hardware revision")
        .id("levels")
        .aside(criterion.metric.words())
        .flush(compared::table(heads, rows))
        .into_any()
}

fn level(detail: &ExperimentDetail, reach: f64, one: &ComparisonView, stratum: &StratumView) -> AnyView {
    let scale = Scale(&detail.experiment.primary);
    let words = stratum.level.level.clone();
    let words = match lookup::devices_of(&detail.target, &stratum.level) {
        Some(to) => view! { <a href=to>{words}</a> }.into_any(),
        None => words.into_any(),
    };
    let (control, variant) = (lookup::name(detail, detail.control), lookup::name(detail, one.cohort));
    let means = [(stratum.control, control), (stratum.variant, variant)].map(|((n, mean), name)| {
        (view! { {scale.mean(mean)} <span class="quiet">" of " {number(n)}</span> }.into_any(), name.to_owned())
    });
    let stands =
        Stands { scale, reach, interval: stratum.interval.as_ref(), status: verdict::at_level(detail, stratum) };
    compared::row((words, variant.to_owned()), means, Some(&stands))
}
