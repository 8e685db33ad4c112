//! What charts are made of: the frame with its scale, curves, bands between two of them, round marks, the numbers in a table.

use super::percent;
use crate::components::{status::Tone, table::frame};
use leptos::prelude::*;
use std::fmt::Write as _;

/// The inner width of a picture that stretches, in its own units.
pub(crate) const WIDTH: f64 = 1_000.0;

/// The smallest step of 1, 2 or 5 times a power of ten by which an axis that reaches so far is marked `most` times at most.
pub(crate) fn step(reach: f64, most: u32) -> f64 {
    let least = reach / f64::from(most.max(1));
    if !least.is_finite() || least <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    // A hair more, so that what is exactly a step needs no larger one.
    let fits = |factor: &f64| factor * power * (1.0 + 1e-9) >= least;
    [1.0, 2.0, 5.0].into_iter().find(fits).unwrap_or(10.0) * power
}

/// Where an axis from zero up is marked: at multiples of the step, the last one at or above what is highest.
pub(crate) fn marks_above(highest: f64, most: u32) -> Vec<f64> {
    let step = step(highest, most).max(1.0);
    let n = (highest / step - 1e-9).ceil().max(1.0) as u32;
    (0..=n).map(|mark| f64::from(mark) * step).collect()
}

/// Where an axis to both sides of zero is marked, from the highest down: at three places of each side at most.
pub(crate) fn marks_around(reach: f64) -> Vec<f64> {
    let step = step(reach, 3);
    let n = (reach / step * (1.0 + 1e-9)).floor() as i32;
    (-n..=n).rev().map(|mark| f64::from(mark) * step).collect()
}

fn draw(into: &mut String, points: impl IntoIterator<Item = (f64, f64)>, first: char) {
    let mut word = first;
    for (x, y) in points {
        let gap = if into.is_empty() { "" } else { " " };
        // Writing into a string can't fail.
        let _ = write!(into, "{gap}{word}{x:.1} {y:.1}");
        word = 'L';
    }
}

/// A curve as the data of a path.
pub(crate) fn curve(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut data = String::new();
    draw(&mut data, points, 'M');
    data
}

/// What lies between two curves, both from left to right, as the data of a path.
pub(crate) fn band(upper: impl IntoIterator<Item = (f64, f64)>, lower: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut data = curve(upper);
    let mut back: Vec<(f64, f64)> = lower.into_iter().collect();
    back.reverse();
    draw(&mut data, back, 'L');
    data
}

/// A chart: its scale at the left, and beside it a picture that says its finding in a sentence.
pub(crate) fn figure(
    height: f64,
    scale: impl IntoView + 'static,
    finding: String,
    picture: impl IntoView + 'static,
) -> impl IntoView {
    let height = height.to_string();
    view! {
        <figure class="plot">
            <svg class="chart" height=height.clone() aria-hidden="true">{scale}</svg>
            <svg class="chart" height=height role="img" aria-label=finding>{picture}</svg>
        </figure>
    }
}

/// The part of a picture that stretches with its width: curves, no letters.
pub(crate) fn stretched(height: f64, curves: impl IntoView + 'static) -> impl IntoView {
    view! {
        <svg viewBox=format!("0 0 {WIDTH} {height}") preserveAspectRatio="none" width="100%" height=height.to_string()>
            {curves}
        </svg>
    }
}

/// A word of the scale at a height, in pixels from the top.
pub(crate) fn on_scale(down: f64, words: String) -> impl IntoView {
    view! { <text x="36" y=format!("{:.0}", down + 4.0) text-anchor="end">{words}</text> }
}

/// A line across the picture at a height.
pub(crate) fn across(class: &'static str, down: f64) -> impl IntoView {
    let y = format!("{down:.1}");
    view! { <line class=class x1="0" x2="100%" y1=y.clone() y2=y></line> }
}

/// A point with its interval in a row of a table, each from 0 to 1 across. An end that is cut has no tick: it goes on.
pub(crate) fn whisker([low, point, high]: [f64; 3], [cut_low, cut_high]: [bool; 2], tone: Tone) -> impl IntoView {
    let (stroke, fill) = match tone {
        Tone::Bad | Tone::Hold => ("s-bad", "f-bad"),
        Tone::Ok => ("s-ok", "f-ok"),
        Tone::Go => ("s-go", "f-go"),
        _ => ("s-mute", "f-mute"),
    };
    let end = |at: f64, is_cut: bool| {
        (!is_cut).then(|| {
            view! { <line class=stroke stroke-width="2" x1=percent(at) x2=percent(at) y1="12" y2="20"></line> }
        })
    };
    view! {
        <line class=stroke stroke-width="2" x1=percent(low) x2=percent(high) y1="16" y2="16"></line>
        {end(low, cut_low)}
        {end(high, cut_high)}
        <circle class=fill cx=percent(point) cy="16" r="4.5"></circle>
    }
}

/// How a curve is drawn, for a legend.
pub(crate) fn key(class: &'static str) -> impl IntoView {
    view! { <svg class="key chart" aria-hidden="true"><line x1="0" x2="16" y1="4" y2="4" class=class></line></svg> }
}

/// How an area is drawn, for a legend.
pub(crate) fn key_of_area(class: &'static str) -> impl IntoView {
    view! { <svg class="key chart" aria-hidden="true"><rect width="16" height="8" class=class></rect></svg> }
}

/// The numbers behind a chart, folded away.
pub(crate) fn numbers(
    caption: impl Into<String>,
    heads: impl IntoView + 'static,
    rows: impl IntoView + 'static,
) -> impl IntoView {
    let caption = caption.into();
    let table = view! {
        <table class="small">
            <caption class="sr">{caption.clone()}</caption>
            <thead><tr>{heads}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    };
    view! {
        <details class="data">
            <summary>"The numbers"</summary>
            {frame(caption, table)}
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_marked_at_round_numbers() {
        let steps = [0.0, f64::NAN, 3.6, 25.3, 7.0, 0.0042, 1_000.0].map(|reach| step(reach, 2));
        let wanted = [1.0, 1.0, 2.0, 20.0, 5.0, 0.005, 500.0];
        assert!(steps.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-9), "{steps:?}");
        assert_eq!(marks_above(0.0, 4), [0.0, 1.0]);
        assert_eq!(marks_above(2.0, 4), [0.0, 1.0, 2.0]);
        assert_eq!(marks_above(900.0, 4), [0.0, 500.0, 1_000.0]);
        assert_eq!(marks_above(1_962.0, 4), [0.0, 500.0, 1_000.0, 1_500.0, 2_000.0]);
        assert_eq!(marks_around(25.3), [20.0, 10.0, 0.0, -10.0, -20.0]);
        assert_eq!(marks_around(3.6), [2.0, 0.0, -2.0]);
        assert_eq!(marks_around(7.0), [5.0, 0.0, -5.0]);
    }

    #[test]
    fn a_band_runs_along_the_upper_curve_and_back_along_the_lower() {
        let data = band([(0.0, 10.0), (500.0, 5.0)], [(0.0, 30.0), (500.0, 20.0)]);
        assert_eq!(data, "M0.0 10.0 L500.0 5.0 L500.0 20.0 L0.0 30.0");
        assert_eq!((curve([]), band([], [])), (String::new(), String::new()));
    }
}
