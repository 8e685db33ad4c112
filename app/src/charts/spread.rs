//! How a revocation spreads: two curves over the time since the act, on a logarithmic axis from ten milliseconds to a
//! week, with numbered milestones.

use super::{
    parts::{WIDTH, across as line_across, figure, key, on_scale, stretched},
    percent,
};
use leptos::prelude::*;

/// The axis begins here, in seconds.
const FIRST: f64 = 0.01;
/// The axis ends here, in seconds.
const LAST: f64 = 7.0 * 86_400.0;
/// Where 100 % is, in pixels from the top.
const TOP: f64 = 16.0;
/// Where 0 % is.
const BOTTOM: f64 = 270.0;
/// The whole height.
const HEIGHT: f64 = 300.0;
/// Where the axis is labelled: seconds, words, and whether a phone shows them, too.
const TICKS: &[(f64, &str, bool)] = &[
    (0.01, "10 ms", true),
    (0.1, "0.1 s", false),
    (1.0, "1 s", true),
    (10.0, "10 s", false),
    (60.0, "1 min", true),
    (600.0, "10 min", false),
    (3_600.0, "1 h", true),
    (86_400.0, "1 d", false),
    (LAST, "7 d", true),
];

/// A curve: seconds after the act, and the share that was reached then. It stays there until the next point.
pub type Curve = Vec<(f64, f64)>;

/// A milestone.
pub struct Milestone {
    /// Seconds after the act.
    pub after: f64,
    /// What happened.
    pub what: String,
    /// What more there is to say.
    pub note: AnyView,
    /// Whether it is about the first curve; else it is about the second.
    pub first: bool,
    /// Whether it has happened.
    pub past: bool,
}

/// What the chart shows.
pub struct Spread {
    /// Devices that came back and were refused or limited, as a share of all that were cut off.
    pub refused: Curve,
    /// Gateways, publishers and fetchers that had it, as a share of those that have reported.
    pub told: Curve,
    /// When nobody can accept any more, in seconds after the act.
    pub complete: Option<f64>,
    /// Now, in seconds after the act.
    pub now: f64,
    /// Milestones in the order of time.
    pub milestones: Vec<Milestone>,
}

/// The share of the axis at which a time lies.
fn across(seconds: f64) -> f64 {
    ((seconds.max(FIRST) / FIRST).ln() / (LAST / FIRST).ln()).clamp(0.0, 1.0)
}

fn down(share: f64) -> f64 {
    BOTTOM - share.clamp(0.0, 1.0) * (BOTTOM - TOP)
}

/// The share that a curve has reached at a time.
#[must_use]
pub fn reached(curve: &Curve, at: f64) -> f64 {
    curve.iter().take_while(|(after, _)| *after <= at).last().map_or(0.0, |(_, share)| *share)
}

/// A curve as the data of a path, up to now.
fn path(curve: &Curve, now: f64) -> String {
    let mut data = format!("M0 {BOTTOM:.1}");
    for (after, share) in curve.iter().filter(|(after, _)| *after <= now) {
        data.push_str(&format!(" H{:.1} V{:.1}", across(*after) * WIDTH, down(*share)));
    }
    data.push_str(&format!(" H{:.1}", across(now) * WIDTH));
    data
}

/// The chart, with a sentence that says the finding.
#[must_use]
pub fn spread(finding: &str, spread: &Spread) -> impl IntoView + use<> {
    let now = spread.now.max(FIRST);
    let line = path(&spread.refused, now);
    let area = format!("{line} V{BOTTOM:.1} H0 Z");
    let told = path(&spread.told, now);
    let forecast = spread.complete.filter(|complete| *complete > now).map(|complete| {
        let from = down(reached(&spread.refused, now));
        let data = format!("M{:.1} {from:.1} L{:.1} {TOP:.1} H1000", across(now) * WIDTH, across(complete) * WIDTH);
        view! { <path class="line future" d=data></path> }
    });
    let curves = view! {
        <path class="area" d=area></path>
        <path class="line two" d=told></path>
        <path class="line" d=line></path>
        {forecast}
    };
    let picture = view! {
        {grid()}
        {stretched(HEIGHT, curves)}
        {line_across("axis", BOTTOM)}
        {present(now)}
        {markers(spread)}
    };
    figure(HEIGHT, shares(), finding.to_owned(), picture)
}

fn shares() -> Vec<impl IntoView> {
    [0, 25, 50, 75, 100]
        .into_iter()
        .map(|share| on_scale(down(f64::from(share) / 100.0), format!("{share} %")))
        .collect()
}

fn grid() -> impl IntoView {
    let across_lines: Vec<_> =
        [0.25, 0.5, 0.75, 1.0].into_iter().map(|share| line_across("grid", down(share))).collect();
    let ticks: Vec<_> = TICKS
        .iter()
        .map(|(seconds, words, on_phone)| {
            let x = percent(across(*seconds));
            let anchor = match *seconds {
                s if s <= FIRST => "start",
                s if s >= LAST => "end",
                _ => "middle",
            };
            view! {
                <line class="grid" x1=x.clone() x2=x.clone() y1=TOP.to_string() y2=BOTTOM.to_string()></line>
                <text x=x y="288" text-anchor=anchor class=(!on_phone).then_some("hide-phone")>{*words}</text>
            }
        })
        .collect();
    view! { {across_lines} {ticks} }
}

/// The line of the present, unless the axis has ended before it.
fn present(now: f64) -> Option<impl IntoView> {
    if now > LAST {
        return None;
    }
    let x = percent(across(now));
    let (dx, anchor) = if across(now) > 0.5 { ("-6", "end") } else { ("6", "start") };
    Some(view! {
        <line class="now" x1=x.clone() x2=x.clone() y1="8" y2=BOTTOM.to_string()></line>
        <text class="hi b" x=x dx=dx y="262" text-anchor=anchor>{format!("now, {}", after_words(now))}</text>
    })
}

/// Numbers on stems, each at its curve; those that would lie upon each other take turns.
fn markers(spread: &Spread) -> Vec<impl IntoView + use<>> {
    let mut before: Vec<(f64, f64)> = Vec::new();
    spread
        .milestones
        .iter()
        .enumerate()
        .map(|(i, milestone)| {
            let curve = if milestone.first { &spread.refused } else { &spread.told };
            let share = if milestone.past { reached(curve, milestone.after) } else { 1.0 };
            let (at, y) = (across(milestone.after), down(share));
            let label = free_place(at, y, &before);
            before.push((at, label));
            let x = percent(at);
            let (dot, ring) = match (milestone.past, milestone.first) {
                (false, _) => ("t-surface s-go", "t-surface s-go"),
                (true, true) => ("f-go", "t-surface s-go"),
                (true, false) => ("f-mute", "t-surface s-mute"),
            };
            view! {
                <g>
                    <line class="s-line" x1=x.clone() x2=x.clone() y1=format!("{y:.0}") y2=format!("{label:.0}")></line>
                    <circle class=dot cx=x.clone() cy=format!("{y:.0}") r="3.5"></circle>
                    <circle class=ring stroke-width="1.5" cx=x.clone() cy=format!("{label:.0}") r="8.5"></circle>
                    <text class="hi b" x=x y=format!("{:.0}", label + 4.0) text-anchor="middle">{i + 1}</text>
                </g>
            }
        })
        .collect()
}

/// Where a number has room: below its point, or above it, or farther away.
fn free_place(at: f64, y: f64, before: &[(f64, f64)]) -> f64 {
    let taken = |wanted: f64| before.iter().any(|(x, label)| (x - at).abs() < 0.045 && (label - wanted).abs() < 19.0);
    let candidates = [y + 22.0, y - 22.0, y + 44.0, y - 44.0, y + 66.0, y + 88.0, y + 110.0];
    let inside = |wanted: f64| (10.0..=BOTTOM - 10.0).contains(&wanted);
    candidates.into_iter().find(|wanted| inside(*wanted) && !taken(*wanted)).unwrap_or((y + 22.0).min(BOTTOM - 10.0))
}

/// What happened when, numbered as in the chart.
#[must_use]
pub fn milestones(milestones: Vec<Milestone>) -> impl IntoView {
    let rows: Vec<_> = milestones
        .into_iter()
        .enumerate()
        .map(|(i, milestone)| {
            let class = if milestone.past && milestone.first { "no go" } else { "no" };
            view! {
                <li>
                    <span class=class>{i + 1}</span>
                    <b>{after_words(milestone.after)}</b>
                    <span>{milestone.what}</span>
                    <span class="r">{milestone.note}</span>
                </li>
            }
        })
        .collect();
    view! { <ol class="marks strip even" aria-label="Milestones">{rows}</ol> }
}

/// A span of seconds, as exact as one would say it: `0.08 s`, `5 min`, `2 h 14 min`, `3 d`.
#[must_use]
pub fn after_words(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as i64;
    match seconds {
        s if s < 0.005 => "0 s".to_owned(),
        s if s < 10.0 => format!("{s:.2} s"),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3_600.0 => format!("{} min", whole / 60),
        s if s < 172_800.0 && whole % 3_600 < 60 => format!("{} h", whole / 3_600),
        s if s < 172_800.0 => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{} d", whole / 86_400),
    }
}

/// The chart's colours and what they mean, with the shares now.
#[must_use]
pub fn legend((share, met): (&str, &str), told: &str, forecast: bool) -> impl IntoView + use<> {
    let forecast =
        forecast.then(|| view! { <li>{key("line future")}"Forecast: every old CRL and OCSP answer has ended"</li> });
    view! {
        <ul class="legend">
            <li>{key("line")}{format!("Devices that came back and were {met} ")}<span class="n">{share.to_owned()}</span></li>
            <li>{key("line two")}"Gateways, publishers and fetchers that have it "<span class="n">{told.to_owned()}</span></li>
            {forecast}
        </ul>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_runs_from_ten_milliseconds_to_a_week() {
        assert_eq!((across(0.0), across(FIRST), across(LAST), across(LAST * 9.0)), (0.0, 0.0, 1.0, 1.0));
        assert!(across(1.0) > across(0.1) && across(1.0) < 0.3);
    }

    #[test]
    fn a_curve_holds_what_it_reached() {
        let curve = vec![(0.1, 0.5), (60.0, 0.9)];
        assert_eq!([0.05, 0.1, 59.0, 1e9].map(|at| reached(&curve, at)), [0.0, 0.5, 0.5, 0.9]);
        assert!(path(&curve, 30.0).matches('V').count() == 1, "the future is not drawn as if it had happened");
    }

    #[test]
    fn words_are_as_exact_as_they_are_useful() {
        let words = [0.0, 0.083, 12.34, 300.0, 3_600.0, 8_040.0, 86_400.0 * 3.0].map(after_words);
        assert_eq!(words, ["0 s", "0.08 s", "12.3 s", "5 min", "1 h", "2 h 14 min", "3 d"]);
    }

    #[test]
    fn numbers_do_not_lie_upon_each_other() {
        let mut before = Vec::new();
        for _ in 0..5 {
            before.push((0.5, free_place(0.5, 16.0, &before)));
        }
        for (i, (_, a)) in before.iter().enumerate() {
            assert!(before.iter().skip(i + 1).all(|(_, b)| (a - b).abs() >= 19.0), "{before:?}");
        }
    }
}
