//! How a rollout goes over time: the band in which eight of ten runs of the forecast lie, its middle, and how it went so far.

use super::{
    parts::{WIDTH, across, band, curve, figure, key, key_of_area, marks_above, on_scale, stretched},
    percent,
};
use crate::components::text::count;
use domain::rollout::Range;
use leptos::prelude::*;

/// Where the top of the scale is, in pixels from the top.
const TOP: f64 = 20.0;
/// Where nothing is.
const BOTTOM: f64 = 170.0;
/// The whole height.
const HEIGHT: f64 = 196.0;
/// What lies between two lines of the axis, in minutes, from the shortest on.
const SPANS: &[u64] = &[5, 15, 30, 60, 120, 240, 480, 720, 1_440, 2_880, 7_200, 14_400, 43_200];
/// How many such lines there are at most.
const LINES: u64 = 7;
/// How many marks the scale has above zero at most.
const MARKS: u32 = 4;
/// Names of waves that lie nearer to each other are left out: a share of the width.
const APART: f64 = 0.09;

/// What the chart shows. Times are minutes after the start.
pub struct Course {
    /// When how many are expected to be done.
    pub expected: Vec<(u64, Range)>,
    /// When how many were.
    pub went: Vec<(u64, u64)>,
    /// When which wave is expected to open, from 0.
    pub waves: Vec<(u64, usize)>,
    /// How many there are.
    pub all: u64,
}

impl Course {
    fn last(&self) -> u64 {
        let expected = self.expected.last().map_or(0, |(minute, _)| *minute);
        self.went.last().map_or(0, |(minute, _)| *minute).max(expected).max(1)
    }

    /// Where the scale is marked, from zero up.
    fn marks(&self) -> Vec<f64> {
        let most = self.expected.iter().map(|(_, range)| range.high).chain(self.went.iter().map(|(_, n)| *n)).max();
        marks_above(most.unwrap_or_default().max(self.all) as f64, MARKS)
    }
}

/// The curve, with a sentence that says the finding.
#[must_use]
pub fn course(finding: &str, course: &Course) -> impl IntoView + use<> {
    let (last, marks) = (course.last(), course.marks());
    let top = marks.last().copied().unwrap_or(1.0);
    let down = |n: f64| BOTTOM - (n / top).min(1.0) * (BOTTOM - TOP);
    let point = |minute: u64, n: u64| (minute as f64 / last as f64 * WIDTH, down(n as f64));
    let expected = |of: fn(&Range) -> u64| course.expected.iter().map(move |(minute, range)| (*minute, of(range)));
    let drawn = |of: fn(&Range) -> u64| expected(of).map(|(minute, n)| point(minute, n));
    let went = curve(course.went.iter().map(|(minute, n)| point(*minute, *n)));
    let went = (!went.is_empty()).then(|| view! { <path class="line" d=went></path> });
    let curves = view! {
        <path class="area" d=band(drawn(|range| range.high), drawn(|range| range.low))></path>
        <path class="line future" d=curve(drawn(|range| range.mid))></path>
        {went}
    };
    let scale: Vec<_> = marks.iter().map(|mark| on_scale(down(*mark), count(*mark as i64))).collect();
    let lines: Vec<_> = marks.iter().skip(1).map(|mark| across("grid", down(*mark))).collect();
    let picture = view! {
        {lines}
        {times(last)}
        {stretched(HEIGHT, curves)}
        {across("axis", BOTTOM)}
        {waves(&course.waves, last)}
    };
    figure(HEIGHT, scale, finding.to_owned(), picture)
}

/// The axis of time: a line at each of its marks, and every other word on a phone.
fn times(last: u64) -> Vec<impl IntoView> {
    let span = SPANS.iter().copied().find(|span| last / span < LINES).unwrap_or(last);
    (0..=last / span)
        .map(|nth| {
            let at = nth * span;
            let x = percent(at as f64 / last as f64);
            let anchor = match at as f64 / last as f64 {
                0.0 => "start",
                part if part > 0.97 => "end",
                _ => "middle",
            };
            let class = (nth % 2 == 1).then_some("hide-phone");
            view! {
                <line class="grid" x1=x.clone() x2=x.clone() y1=TOP.to_string() y2=BOTTOM.to_string()></line>
                <text x=x y="188" text-anchor=anchor class=class>{tick(at)}</text>
            }
        })
        .collect()
}

/// A time on the axis: `0`, `30 min`, `6 h`, `2 d`.
fn tick(minutes: u64) -> String {
    match minutes {
        0 => "0".to_owned(),
        m if m.is_multiple_of(1_440) => format!("{} d", m / 1_440),
        m if m.is_multiple_of(60) => format!("{} h", m / 60),
        m if m < 120 => format!("{m} min"),
        m => format!("{} h {} min", m / 60, m % 60),
    }
}

/// When waves open, each with its number where there is room.
fn waves(waves: &[(u64, usize)], last: u64) -> Vec<impl IntoView + use<>> {
    let mut free = 0.0;
    waves
        .iter()
        .filter(|(minute, _)| *minute <= last)
        .map(|(minute, wave)| {
            let at = *minute as f64 / last as f64;
            let x = percent(at);
            // At the right end a name stands before its line.
            let (begins, dx, anchor) = if at > 1.0 - APART { (at - APART, "-4", "end") } else { (at, "4", "start") };
            let name = (begins >= free).then(|| {
                free = begins + APART;
                view! { <text x=x.clone() dx=dx y="12" text-anchor=anchor>{format!("wave {}", wave + 1)}</text> }
            });
            view! {
                <line class="s-line" x1=x.clone() x2=x.clone() y1="2" y2=BOTTOM.to_string()></line>
                {name}
            }
        })
        .collect()
}

/// What is drawn how.
#[must_use]
pub fn legend(has_gone: bool) -> impl IntoView {
    let went = has_gone.then(|| view! { <li>{key("line")}"So far"</li> });
    view! {
        <ul class="legend" aria-hidden="true">
            {went}
            <li>{key("line future")}"Expected"</li>
            <li>{key_of_area("t-go")}"Eight of ten runs"</li>
        </ul>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(went: Vec<(u64, u64)>) -> (Course, String) {
        let range = |n: u64| Range { low: n, mid: n * 2, high: n * 3 };
        let shown = Course {
            expected: vec![(0, range(0)), (600, range(100)), (4_000, range(300))],
            went,
            waves: vec![(0, 0), (20, 1), (2_000, 2)],
            all: 900,
        };
        let html = course("All have it after two days.", &shown).to_html();
        (shown, html)
    }

    #[test]
    fn a_curve_is_drawn_only_as_far_as_it_is_known() {
        let (_, html) = drawn(Vec::new());
        assert!(html.contains("line future") && !html.contains("class=\"line\""), "{html}");
        assert!(html.contains("wave 1") && !html.contains("wave 2") && html.contains("wave 3"), "{html}");
        assert!(!html.contains("style="), "a style attribute would be refused by the content security policy");
        let (_, html) = drawn(vec![(0, 0), (300, 80)]);
        assert!(html.contains(r#"<path d="M0.0 170.0 L75.0 158.0" class="line">"#), "{html}");
    }

    #[test]
    fn the_axes_reach_as_far_as_what_is_drawn() {
        let (shown, _) = drawn(vec![(9_000, 950)]);
        assert_eq!((shown.last(), shown.marks()), (9_000, vec![0.0, 500.0, 1_000.0]));
        let nothing = Course { expected: Vec::new(), went: Vec::new(), waves: Vec::new(), all: 0 };
        assert_eq!((nothing.last(), nothing.marks()), (1, vec![0.0, 1.0]));
        assert!(course("", &nothing).to_html().contains("axis"));
        assert_eq!([0, 30, 90, 360, 2_880, 135].map(tick), ["0", "30 min", "90 min", "6 h", "2 d", "2 h 15 min"]);
    }
}
