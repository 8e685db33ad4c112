//! Columns over time, drawn by plotters. Plotters draws in fixed pixels, so it draws the columns and the grid only,
//! in a picture that stretches; the letters are laid over it at percentages and keep their size.

use super::{data_table, nice, percent};
use crate::components::text::count;
use leptos::prelude::*;
use plotters::prelude::*;

/// One column.
pub struct Column {
    /// The label below it: `Nov`, `2026`; empty for none.
    pub label: String,
    /// What it is, in full: `November 2026`.
    pub name: String,
    /// Its number.
    pub value: i64,
    /// The list behind it.
    pub href: String,
}

/// Two columns beside each other.
pub struct Pair {
    /// The label below them; empty for none.
    pub label: String,
    /// What they are, in full: `3 November 2026`.
    pub name: String,
    /// The number of each.
    pub values: (i64, i64),
}

/// What the table of the numbers is called.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// The whole: `Devices by month of manufacture`.
    pub caption: &'static str,
    /// What there is a column for: `Month`.
    pub of: &'static str,
    /// What is counted: `Devices`.
    pub unit: &'static str,
}

/// The picture's inner size, in its own units.
const WIDTH: u32 = 1_000;
/// The height of the columns' area, in pixels.
const HEIGHT: u32 = 132;
/// Room above the highest column for its number.
const HEADROOM: u32 = 16;
/// The whole height with the labels, in pixels.
const FULL: u32 = 172;

// Plotters takes colours by value only; the style sheet knows these and puts a token in their place.
const GRID: RGBColor = RGBColor(2, 2, 2);
const SERIES: RGBColor = RGBColor(3, 3, 3);
const SECOND: RGBColor = RGBColor(4, 4, 4);

/// The columns with an axis, a sentence that says the finding, and the numbers in a table.
#[must_use]
pub fn columns(words_of: Words, finding: String, columns: Vec<Column>) -> impl IntoView + use<> {
    let most = columns.iter().map(|column| column.value).max().unwrap_or(0);
    let top = top_of(most);
    let places: Vec<Vec<i64>> = columns.iter().map(|column| vec![column.value]).collect();
    let words =
        columns.iter().map(|column| (column.label.clone(), format!("{}: {}", column.name, count(column.value))));
    let figure = figure(&places, top, finding, words.collect());
    let row = |column: Column| (column.name, vec![(column.value, Some(column.href))]);
    let rows = columns.into_iter().map(row).collect();
    view! { {figure} {data_table(words_of.caption, words_of.of, &[words_of.unit], rows)} }
}

/// Pairs of columns with what each of a pair is called: an axis, a sentence that says the finding, and the numbers in a
/// table.
#[must_use]
pub fn pairs(
    (caption, of): (&'static str, &'static str),
    (first, second): (&'static str, &'static str),
    finding: String,
    pairs: Vec<Pair>,
) -> impl IntoView + use<> {
    let most = pairs.iter().map(|pair| pair.values.0.max(pair.values.1)).max().unwrap_or(0);
    let places: Vec<Vec<i64>> = pairs.iter().map(|pair| vec![pair.values.0, pair.values.1]).collect();
    let words = pairs.iter().map(|pair| {
        let (one, other) = (count(pair.values.0), count(pair.values.1));
        let (first, second) = (first.to_lowercase(), second.to_lowercase());
        (pair.label.clone(), format!("{}: {one} {first}, {other} {second}", pair.name))
    });
    let figure = figure(&places, top_of(most), finding, words.collect());
    let row = |pair: Pair| (pair.name, vec![(pair.values.0, None), (pair.values.1, None)]);
    let rows = pairs.into_iter().map(row).collect();
    view! {
        <ul class="legend" aria-hidden="true">{key("#030303", first)} {key("#040404", second)}</ul>
        {figure}
        {data_table(caption, of, &[first, second], rows)}
    }
}

/// What a colour stands for.
fn key(colour: &'static str, word: &'static str) -> impl IntoView + use<> {
    view! {
        <li>
            <svg class="chart key" viewBox="0 0 16 8">
                <rect width="16" height="8" fill=colour></rect>
            </svg>
            {word}
        </li>
    }
}

/// Where the axis ends for the highest column: what is counted is whole, so the line half-way up is at a whole number, too.
fn top_of(most: i64) -> i64 {
    let top = nice(most.max(1));
    top.saturating_add(top % 2)
}

/// The picture of columns, of which one or two stand at each place, with the words below and behind each place.
fn figure(places: &[Vec<i64>], top: i64, finding: String, words: Vec<(String, String)>) -> impl IntoView + use<> {
    let picture = plot(places, top).unwrap_or_default();
    let n = places.len().max(1) as f64;
    let mut overlay = Vec::with_capacity(places.len());
    for (i, (label, title)) in words.into_iter().enumerate() {
        let middle = percent((i as f64 + 0.5) / n);
        let label = (!label.is_empty()).then(|| {
            view! { <text x=middle y=(FULL - 20).to_string() text-anchor="middle">{label}</text> }
        });
        overlay.push(view! {
            {label}
            <rect class="hit" x=percent(i as f64 / n) width=percent(1.0 / n) y="0" height=HEIGHT.to_string()>
                <title>{title}</title>
            </rect>
        });
    }
    let y = |value: i64| (HEIGHT - scaled(value, top) + 4).to_string();
    let ticks: Vec<_> = [top, top / 2, 0]
        .into_iter()
        .map(|tick| view! { <text x="36" y=y(tick) text-anchor="end">{count(tick)}</text> })
        .collect();
    view! {
        <figure class="plot">
            <svg class="chart" height=FULL.to_string() aria-hidden="true">{ticks}</svg>
            <svg class="chart" height=FULL.to_string() role="img" aria-label=finding>
                <svg
                    viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                    preserveAspectRatio="none"
                    width="100%"
                    height=HEIGHT.to_string()
                    inner_html=picture
                ></svg>
                <line class="axis" x1="0" x2="100%" y1=HEIGHT.to_string() y2=HEIGHT.to_string()></line>
                {overlay}
            </svg>
        </figure>
    }
}

/// A value's height above the axis, in pixels.
fn scaled(value: i64, top: i64) -> u32 {
    let share = value.clamp(0, top) as f64 / top.max(1) as f64;
    (share * f64::from(HEIGHT - HEADROOM)).round() as u32
}

/// The inside of the picture, or nothing if it can't be drawn.
fn plot(places: &[Vec<i64>], top: i64) -> Option<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        let ceiling = top as f64 * f64::from(HEIGHT) / f64::from(HEIGHT - HEADROOM);
        let mut chart =
            ChartBuilder::on(&area).build_cartesian_2d(0.0..places.len().max(1) as f64, 0.0..ceiling).ok()?;
        let lines = [top as f64, top as f64 / 2.0]
            .map(|at| PathElement::new(vec![(0.0, at), (places.len().max(1) as f64, at)], GRID.stroke_width(1)));
        chart.draw_series(lines).ok()?;
        for (nth, colour) in [SERIES, SECOND].into_iter().enumerate() {
            let bars = places.iter().enumerate().filter_map(|(i, values)| {
                let value = values.get(nth).filter(|value| **value > 0)?;
                let width = 0.72 / values.len() as f64;
                let left = i as f64 + 0.14 + width * nth as f64;
                Some(Rectangle::new([(left, 0.0), (left + width, *value as f64)], colour.filled()))
            });
            chart.draw_series(bars).ok()?;
        }
        area.present().ok()?;
    }
    let inner = svg.split_once('>')?.1.rsplit_once("</svg>")?.0;
    Some(inner.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_sentinels_and_nothing_is_styled_inline() {
        let picture = plot(&[vec![10], vec![0], vec![4]], 10).unwrap_or_default();
        assert_eq!(picture.matches("#030303").count(), 2, "{picture}");
        let picture = plot(&[vec![10, 2], vec![0, 0], vec![4, 0]], 10).unwrap_or_default();
        assert_eq!((picture.matches("#030303").count(), picture.matches("#040404").count()), (2, 1), "{picture}");
        assert!(!picture.contains("style="), "a style attribute would be refused by the content security policy");
    }

    #[test]
    fn every_line_of_the_grid_is_at_a_whole_number() {
        assert_eq!([0, 1, 2, 3, 5, 7, 11, 26, 101].map(top_of), [2, 2, 2, 6, 6, 10, 20, 50, 200]);
        assert!((0..10_000).all(|most| top_of(most) >= most && top_of(most) % 2 == 0));
        assert_eq!(top_of(i64::MAX), i64::MAX, "and no panic");
    }

    #[test]
    fn no_columns_no_picture_no_panic() {
        assert!(plot(&[], 1).is_some());
    }
}
