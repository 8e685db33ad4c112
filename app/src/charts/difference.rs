//! How a difference and its interval went over time, against the difference that matters.

use super::parts::{WIDTH, across, band, curve, figure, key, key_of_area, marks_around, numbers, on_scale, stretched};
use crate::components::text::{count, minute};
use domain::{rollout::Better, time::Timestamp};
use leptos::prelude::*;

/// The height of the picture, in pixels.
const HEIGHT: f64 = 200.0;
/// The whole height with the labels, in pixels.
const FULL: f64 = 224.0;
/// How much of what matters is in sight at least, above and below nothing.
const ROOM: f64 = 1.8;

/// What was known at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// When.
    pub at: Timestamp,
    /// Of how many devices.
    pub n: u64,
    /// The difference from the control, in the unit of the chart.
    pub difference: f64,
    /// The interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A difference over time.
#[derive(Clone, Debug)]
pub struct Course {
    /// In the order of time.
    pub known: Vec<Known>,
    /// The smallest difference that matters, in the unit of the chart.
    pub matters: f64,
    /// Which way is better.
    pub better: Better,
    /// The unit, as it stands behind a number; empty for that of the metric itself.
    pub unit: &'static str,
}

/// A difference with its sign: `+1.2`, `−0.35`. What is small keeps two digits.
#[must_use]
pub fn signed(difference: f64) -> String {
    let decimals = match difference.abs() {
        large if large >= 100.0 => 0,
        some if some >= 10.0 => 1,
        some if some >= 0.1 => 2,
        small if small >= 0.01 => 3,
        small if small >= 0.001 => 4,
        _ => 5,
    };
    let text = format!("{:.decimals$}", difference.abs());
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    match text {
        "0" => "0".to_owned(),
        text if difference < 0.0 => format!("−{text}"),
        text => format!("+{text}"),
    }
}

impl Course {
    /// How far the axis goes to both sides: what came in the later half fits, the first wide intervals are cut.
    fn reach(&self) -> f64 {
        let later = self.known.iter().skip(self.known.len() / 2);
        let widest = later.flat_map(|known| [known.low.abs(), known.high.abs()]).fold(0.0, f64::max);
        widest.max(self.matters * ROOM).max(f64::MIN_POSITIVE)
    }

    /// Where a time is, from 0 to 1.
    fn across(&self, at: Timestamp) -> f64 {
        let (Some(first), Some(last)) = (self.known.first(), self.known.last()) else { return 0.0 };
        let span = (last.at.0 - first.at.0).max(1) as f64;
        ((at.0 - first.at.0) as f64 / span).clamp(0.0, 1.0)
    }

    /// Where a difference is, in pixels from the top.
    fn down(&self, difference: f64) -> f64 {
        let reach = self.reach();
        (0.5 - difference.clamp(-reach, reach) / reach / 2.0) * HEIGHT
    }

    /// What was known each time, as points of the picture.
    fn points(&self, of: fn(&Known) -> f64) -> impl Iterator<Item = (f64, f64)> {
        self.known.iter().map(move |known| (self.across(known.at) * WIDTH, self.down(of(known))))
    }
}

/// The chart with a sentence that says the finding, and the numbers in a table.
#[must_use]
pub fn course(finding: String, course: &Course) -> impl IntoView + use<> {
    let marks = marks_around(course.reach());
    let scale: Vec<_> = marks.iter().map(|mark| on_scale(course.down(*mark), signed(*mark))).collect();
    let lines: Vec<_> =
        marks.iter().filter(|mark| **mark != 0.0).map(|mark| across("grid", course.down(*mark))).collect();
    let curves = view! {
        <path class="band" d=band(course.points(|known| known.high), course.points(|known| known.low))></path>
        <path class="line" d=curve(course.points(|known| known.difference))></path>
    };
    let now = course.known.last().map(|known| {
        view! { <circle class="f-go" cx="100%" cy=format!("{:.1}", course.down(known.difference)) r="4"></circle> }
    });
    let picture = view! {
        {limits(course)}
        {lines}
        {stretched(HEIGHT, curves)}
        {across("axis", course.down(0.0))}
        {now}
        {labels(course)}
        {times(course)}
    };
    view! {
        <div class="stack tight">
            {legend()}
            {figure(FULL, scale, finding, picture)}
            {table(course)}
        </div>
    }
}

/// What is drawn how.
fn legend() -> impl IntoView {
    view! {
        <ul class="legend" aria-hidden="true">
            <li>{key("line")}"Difference so far"</li>
            <li>{key_of_area("band")}"Where the true one is"</li>
        </ul>
    }
}

/// When it began, and when it was known last.
fn times(course: &Course) -> Vec<impl IntoView + use<>> {
    [("0", "start", course.known.first()), ("100%", "end", course.known.last())]
        .into_iter()
        .filter_map(|(x, anchor, known)| {
            let words = known?.at.minute_words();
            Some(view! { <text x=x y=(FULL - 4.0).to_string() text-anchor=anchor>{words}</text> })
        })
        .collect()
}

/// The sides from which on a difference matters: the sign, how it is coloured, and its word.
fn sides(better: Better) -> [(f64, &'static str, &'static str, &'static str, &'static str); 2] {
    let worse = if better == Better::Lower { 1.0 } else { -1.0 };
    [
        (worse, "t-bad", "s-bad", "bd b", "worse by what matters"),
        (-worse, "t-ok", "s-ok", "ok b", "better by what matters"),
    ]
}

/// Where a difference begins to matter, to both sides, with what lies beyond.
fn limits(course: &Course) -> Vec<impl IntoView + use<>> {
    let one = |(sign, zone, stroke, ..): (f64, &'static str, &'static str, &'static str, &'static str)| {
        let at = course.down(sign * course.matters);
        let (top, height) = if sign > 0.0 { (0.0, at) } else { (at, HEIGHT - at) };
        let y = format!("{at:.1}");
        view! {
            <rect class=zone x="0" width="100%" y=format!("{top:.1}") height=format!("{height:.1}")></rect>
            <line class=stroke x1="0" x2="100%" y1=y.clone() y2=y stroke-width="1.5"></line>
        }
    };
    sides(course.better).into_iter().map(one).collect()
}

/// The words at these lines, beyond them.
fn labels(course: &Course) -> Vec<impl IntoView + use<>> {
    let one = |(sign, _, _, class, words): (f64, &'static str, &'static str, &'static str, &'static str)| {
        let at = course.down(sign * course.matters);
        let y = if sign > 0.0 { (at - 6.0).max(11.0) } else { (at + 15.0).min(HEIGHT - 2.0) };
        view! { <text class=class x="100%" dx="-6" y=format!("{y:.0}") text-anchor="end">{words}</text> }
    };
    sides(course.better).into_iter().map(one).collect()
}

fn table(course: &Course) -> impl IntoView + use<> {
    let unit = course.unit;
    let rows: Vec<_> = course
        .known
        .iter()
        .map(|known| {
            view! {
                <tr>
                    <th scope="row">{minute(known.at)}</th>
                    <td class="num">{count(i64::try_from(known.n).unwrap_or(i64::MAX))}</td>
                    <td class="num">{signed(known.difference)}{unit}</td>
                    <td class="num">{signed(known.low)}" to "{signed(known.high)}{unit}</td>
                </tr>
            }
        })
        .collect();
    let heads = view! {
        <th scope="col">"When"</th>
        <th scope="col" class="num">"Devices"</th>
        <th scope="col" class="num">"Difference"</th>
        <th scope="col" class="num">"Interval"</th>
    };
    numbers("The difference and its interval over time", heads, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(known: &[(i64, f64, f64, f64)]) -> Course {
        let known = known.iter().map(|(at, difference, low, high)| Known {
            at: Timestamp(*at),
            n: 10,
            difference: *difference,
            low: *low,
            high: *high,
        });
        Course { known: known.collect(), matters: 2.0, better: Better::Lower, unit: "" }
    }

    #[test]
    fn differences_have_their_sign_and_few_digits() {
        let words = [1.25, -0.5, 0.0, -0.000_001, -0.001_26, 12.34, 140.2, 100.0].map(signed);
        assert_eq!(words, ["+1.25", "−0.5", "0", "0", "−0.0013", "+12.3", "+140", "+100"]);
    }

    #[test]
    fn the_axis_shows_what_matters_and_cuts_the_first_wide_intervals() {
        assert!((some(&[]).reach() - 3.6).abs() < 1e-9);
        let wide = some(&[(0, 0.0, -100.0, 100.0), (1, 0.0, -90.0, 90.0), (2, 1.0, -5.0, 7.0), (3, 1.0, -4.0, 6.0)]);
        assert!((wide.reach() - 7.0).abs() < 1e-9);
        assert!(wide.down(100.0).abs() < 1e-9, "it is cut at the edge");
    }

    #[test]
    fn the_interval_is_a_band_and_the_axis_is_marked_at_round_numbers() {
        let html = course("B is slower.".to_owned(), &some(&[(0, 1.0, -3.0, 5.0), (9, 1.0, 0.0, 2.0)])).to_html();
        assert!(html.contains(r#"<path d="M0.0 0.0 L1000.0 44.4 L1000.0 100.0 L0.0 183.3" class="band">"#), "{html}");
        assert!(html.contains(">+2<") && html.contains(">−2<") && !html.contains("3.6"), "{html}");
        assert!(!html.contains("style="), "a style attribute would be refused by the content security policy");
    }

    #[test]
    fn nothing_known_is_nothing_drawn() {
        assert!(course(String::new(), &some(&[])).to_html().contains("axis"));
    }
}
