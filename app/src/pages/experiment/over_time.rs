//! How the primary metric's difference and its interval went, a chart for each cohort that is compared.

use super::{lookup, parts, scale::Scale, verdict};
use crate::{
    charts::difference::{Course, Known, course},
    components::{panel::Panel, table::none_yet},
    pages::rollouts::said,
};
use domain::rollout::Criterion;
use fleet::rollout::{ComparisonView, ExperimentDetail, Series, SeriesPoint};
use leptos::prelude::*;

/// The panels.
pub(super) fn panels(detail: &ExperimentDetail) -> impl IntoView + use<> {
    let criterion = &detail.experiment.primary;
    let all: Vec<_> = lookup::primary(detail).map(|one| panel(detail, criterion, one)).collect();
    view! { {all} }
}

fn panel(detail: &ExperimentDetail, criterion: &Criterion, one: &ComparisonView) -> impl IntoView + use<> {
    let (variant, control) = (lookup::name(detail, one.cohort), lookup::name(detail, detail.control));
    let title = format!("{}: {variant} less {control}", criterion.metric.words());
    let panel = Panel::new(title)
        .id(format!("course-{}", one.cohort))
        .aside(format!("matters from {}", said::matters(criterion)));
    let same = |series: &&Series| series.cohort == one.cohort && series.criterion == 0;
    let points = detail.series.iter().find(same).map_or(&[][..], |series| series.points.as_slice());
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        let words = "The first interval is drawn when devices of both cohorts have a value.";
        return panel.flush(none_yet("No interval yet", view! { <p>{words}</p> })).into_any();
    };
    let scale = Scale(criterion);
    let known = points.iter().map(|point| known(scale, point)).collect();
    let drawn = Course { known, matters: scale.matters(), better: criterion.better, unit: scale.unit() };
    panel
        .footer(view! {
            <span>
                "The true difference stays in the band, at all looks together, with the chance that the plan names."
                {change(detail, one, last).map(|words| format!(" {words}"))}
            </span>
        })
        .body(course(finding(detail, scale, one, (first, last)), &drawn))
        .into_any()
}

fn known(scale: Scale<'_>, point: &SeriesPoint) -> Known {
    let of = &point.interval;
    Known {
        at: point.at,
        n: of.n,
        difference: scale.told(of.difference),
        low: scale.told(of.low),
        high: scale.told(of.high),
    }
}

/// That the chart changes of whom it is, where somebody is held back: points that were kept before are of them, too. A series gets its
/// next point only once more devices than at its last one have a value.
fn change(detail: &ExperimentDetail, one: &ComparisonView, last: &SeriesPoint) -> Option<String> {
    let left_out = parts::left_out(detail, one);
    let latest = left_out.iter().map(|held| held.at).max()?;
    let from: Vec<String> = left_out
        .iter()
        .map(|held| format!("since {} UTC it is without {}", held.at.minute_words(), held.level.words()))
        .collect();
    // The look that holds somebody back keeps its point after that, but of all.
    let is_before = last.at <= latest || one.interval.as_ref().is_none_or(|now| now.n < last.interval.n);
    let none_since = if is_before {
        " There is no point since then: the next one is drawn once more devices than at the last one have a value without them. \
         What is known now is in the table by cohort."
    } else {
        ""
    };
    Some(format!("The chart changes which devices it shows: {}, before that with them.{none_since}", from.join("; ")))
}

/// What the chart shows, in a sentence.
fn finding(
    detail: &ExperimentDetail,
    scale: Scale<'_>,
    one: &ComparisonView,
    (first, last): (&SeriesPoint, &SeriesPoint),
) -> String {
    let told =
        |point: &SeriesPoint| format!("{} by {} devices", scale.between(Some(&point.interval)), point.interval.n);
    let word = verdict::stands(detail, one).word;
    let change = change(detail, one, last).map_or_else(String::new, |words| format!(" {words}"));
    format!(
        "{}, {} against {}: {word}. The interval of the difference went from {} to {}.{change}",
        scale.0.metric.words(),
        lookup::name(detail, one.cohort),
        lookup::name(detail, detail.control),
        told(first),
        told(last)
    )
}
