//! A difference as point and interval on a scale that has no difference in its middle, against the difference that matters.

use super::scale::Scale;
use crate::{
    charts::{parts::whisker, percent},
    components::status::Tone,
};
use domain::rollout::Better;
use fleet::rollout::IntervalView;
use leptos::prelude::*;

/// How many times what matters the scale goes to each side at least.
const REACH: f64 = 2.5;
/// An interval wider than so many times what matters is cut, unless its point lies beyond.
const WIDE: f64 = 8.0;
/// At most so many times: beyond that a point stands at the edge.
const FAR: f64 = 25.0;
/// The room beyond the outermost point.
const ROOM: f64 = 1.1;

/// How far the scale of a table goes, in what matters: all its rows have the same, and every point is on it.
pub(super) fn reach<'a>(known: impl Iterator<Item = (Scale<'a>, Option<&'a IntervalView>)>) -> f64 {
    let needs = known.filter_map(|(scale, of)| {
        let of = of?;
        let times = |difference: f64| (scale.told(difference) / scale.matters().max(f64::MIN_POSITIVE)).abs();
        Some((times(of.difference) * ROOM).max(times(of.low).max(times(of.high)).min(WIDE)))
    });
    needs.fold(REACH, f64::max).min(FAR)
}

/// Where a difference, as it is told, is on a scale that goes so far, from 0 to 1.
fn place(scale: Scale<'_>, reach: f64, told: f64) -> f64 {
    let reach = (scale.matters() * reach).max(f64::MIN_POSITIVE);
    f64::midpoint(told / reach, 1.0).clamp(0.0, 1.0)
}

/// The head of the column; it names the sides where all rows have the same.
pub(super) fn head(better: Option<Better>) -> impl IntoView {
    let side = |(x, anchor, word): (&'static str, &'static str, &'static str)| {
        view! { <text x=x y="14" text-anchor=anchor>{word}</text> }
    };
    let sides = better.map(|better| {
        let (left, right) = if better == Better::Lower { ("better", "worse") } else { ("worse", "better") };
        [("0", "start", left), ("100%", "end", right)].map(side)
    });
    view! {
        <th scope="col" class="iv">
            <svg class="chart" height="20" aria-hidden="true">
                {sides}
                {side(("50%", "middle", "no difference"))}
            </svg>
            <span class="sr">"Difference against what matters"</span>
        </th>
    }
}

/// The cell; only the scale where nothing is known yet.
pub(super) fn cell(scale: Scale<'_>, reach: f64, known: Option<&IntervalView>, tone: Tone) -> impl IntoView + use<> {
    let matters = scale.worse() * scale.matters();
    let (worse, better) = (place(scale, reach, matters), place(scale, reach, -matters));
    let said = match known {
        Some(_) => format!("{}; from {} on it matters", scale.between(known), scale.matters_words()),
        None => "nothing is known yet".to_owned(),
    };
    view! {
        <td class="iv full">
            <svg class="chart" height="32" role="img" aria-label=said>
                {zone(worse, "t-bad", "s-bad")}
                {zone(better, "t-ok", "s-ok")}
                <line class="axis" x1="50%" x2="50%" y1="0" y2="32"></line>
                {known.map(|known| drawn(scale, reach, known, tone))}
            </svg>
        </td>
    }
}

/// What lies beyond a difference that matters, to its side.
fn zone(at: f64, tint: &'static str, stroke: &'static str) -> impl IntoView {
    let (x, width) = if at > 0.5 { (at, 1.0 - at) } else { (0.0, at) };
    view! {
        <rect class=tint x=percent(x) width=percent(width) height="32"></rect>
        <line class=stroke x1=percent(at) x2=percent(at) y1="0" y2="32" stroke-width="1.5"></line>
    }
}

fn drawn(scale: Scale<'_>, reach: f64, known: &IntervalView, tone: Tone) -> impl IntoView + use<> {
    let [low, point, high] =
        [known.low, known.difference, known.high].map(|difference| place(scale, reach, scale.told(difference)));
    let is_cut = |at: f64| at <= 0.0 || at >= 1.0;
    whisker([low, point, high], [low, high].map(is_cut), tone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        decimal::Decimal,
        rollout::{Criterion, Metric},
    };

    #[test]
    fn every_point_is_on_the_scale_and_wide_intervals_are_cut() {
        let criterion =
            Criterion { metric: Metric::Verified, better: Better::Higher, matters: Decimal::of_millionths(10_000) };
        let scale = Scale(&criterion);
        let of = |difference: f64, low, high| IntervalView { difference, low, high, n: 9 };
        let reach_of = |known: &[IntervalView]| reach(known.iter().map(|known| (scale, Some(known))));
        assert!((reach_of(&[]) - REACH).abs() < 1e-9 && (reach([(scale, None)].into_iter()) - REACH).abs() < 1e-9);
        assert!((reach_of(&[of(0.0, -0.9, 0.9)]) - WIDE).abs() < 1e-9, "it goes on beyond the edge");
        let far = reach_of(&[of(0.1, 0.0, 0.3), of(0.0, 0.0, 0.0)]);
        assert!(far > 10.0 && place(scale, far, scale.told(0.1)) < 1.0, "{far}");
        assert!((reach_of(&[of(0.9, 0.8, 1.0)]) - FAR).abs() < 1e-9);
    }
}
