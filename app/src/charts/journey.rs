//! A device's life in lanes: who held it, what was in it, which certificate it had, what ran on it.

use super::percent;
use crate::components::{icons::Icon, status::Tone};
use domain::time::{DAY, Timestamp};
use leptos::prelude::*;

/// A stretch of a lane.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// From when.
    pub from: Timestamp,
    /// Until when; none means until now.
    pub until: Option<Timestamp>,
    /// What it is called.
    pub label: String,
    /// Its colour.
    pub tone: Tone,
    /// Whether it is only half so: on hold, unverified.
    pub dashed: bool,
}

/// A moment on a lane.
#[derive(Clone, Debug)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// Its icon.
    pub icon: Icon,
    /// Its colour.
    pub tone: Tone,
    /// What happened, in a sentence with its date.
    pub title: String,
    /// A few words beside it, where there is room.
    pub label: Option<String>,
}

/// A lane below the holders'.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Its word.
    pub name: &'static str,
    /// What lasts.
    pub stretches: Vec<Stretch>,
    /// What happens.
    pub marks: Vec<Mark>,
}

/// A device's life.
#[derive(Clone, Debug)]
pub struct Journey {
    /// Who held it.
    pub holders: Vec<Stretch>,
    /// What else there is to see.
    pub lanes: Vec<Lane>,
    /// The finding, in a sentence.
    pub finding: String,
}

/// Pixels that the picture is assumed to be wide when deciding which labels fit.
const ASSUMED_WIDTH: f64 = 860.0;
/// Pixels a letter of 11 pixels takes on average.
const LETTER: f64 = 5.8;
/// The first lane's line, in pixels from the top.
const FIRST_LANE: u32 = 58;
/// From lane to lane, in pixels.
const LANE: u32 = 36;

/// Places times on the picture.
struct Scale {
    from: i64,
    span: f64,
}

impl Scale {
    fn new(journey: &Journey, now: Timestamp) -> Self {
        let stretches = journey.lanes.iter().flat_map(|lane| &lane.stretches).chain(&journey.holders);
        let marks = journey.lanes.iter().flat_map(|lane| &lane.marks);
        let from = stretches.map(|s| s.from.0).chain(marks.map(|m| m.at.0)).min().unwrap_or(now.0);
        let from = from.min(now.0 - DAY);
        Self { from, span: (now.0 - from) as f64 }
    }

    fn at(&self, time: Timestamp) -> f64 {
        ((time.0 - self.from) as f64 / self.span).clamp(0.0, 1.0)
    }

    /// Whether a label of so many letters fits between two places.
    fn fits(&self, letters: usize, from: f64, until: f64) -> bool {
        let room = (until - from) * ASSUMED_WIDTH;
        letters as f64 * LETTER + 12.0 <= room
    }
}

/// The picture up to `now`.
#[must_use]
pub fn journey(journey: &Journey, now: Timestamp) -> impl IntoView + use<> {
    let scale = Scale::new(journey, now);
    let lanes_end = FIRST_LANE + LANE * u32::try_from(journey.lanes.len()).unwrap_or(0) - 22;
    let height = (lanes_end + 26).to_string();
    let names: Vec<_> = (0_u32..)
        .zip(&journey.lanes)
        .map(|(i, lane)| view! { <text x="0" y=(FIRST_LANE + LANE * i + 4).to_string()>{lane.name}</text> })
        .collect();
    let lanes: Vec<_> =
        (0_u32..).zip(&journey.lanes).map(|(i, lane)| draw_lane(lane, FIRST_LANE + LANE * i, &scale)).collect();
    view! {
        <figure class="swim">
            <svg class="chart" height=height.clone() aria-hidden="true">
                <text class="hi" x="0" y="22">"Held by"</text>
                {names}
            </svg>
            <svg class="chart" height=height.clone() role="img" aria-label=journey.finding.clone()>
                {calendar(&scale, now, lanes_end)}
                {holders(&journey.holders, &scale)}
                {lanes}
                <line class="now" x1="100%" x2="100%" y1="0" y2=lanes_end.to_string()></line>
                <text class="hi b" x="100%" y=(lanes_end + 18).to_string() text-anchor="end">"now"</text>
            </svg>
        </figure>
    }
}

/// Months, quarters or years, whichever the picture has room for.
fn calendar(scale: &Scale, now: Timestamp, bottom: u32) -> Vec<AnyView> {
    let days = scale.span / DAY as f64;
    let step = if days < 420.0 {
        1
    } else if days < 1_100.0 {
        3
    } else {
        12
    };
    let first = Timestamp(scale.from);
    let mut lines = Vec::new();
    let mut label_from = 0.0;
    for month in months(first, now) {
        if (month.number - 1) % step != 0 {
            continue;
        }
        let at = scale.at(month.start);
        let x = percent(at);
        lines.push(
            view! { <line class="grid" x1=x.clone() x2=x.clone() y1="0" y2=bottom.to_string()></line> }.into_any(),
        );
        let label = if month.number == 1 { format!("{} {}", month.name, month.year) } else { month.name.to_owned() };
        // "now" stands at the right edge.
        if at >= label_from && scale.fits(label.len(), at, 0.965) {
            label_from = at + (label.len() as f64 * LETTER + 10.0) / ASSUMED_WIDTH;
            let class = (month.number % 12 != 1).then_some("hide-phone");
            lines.push(view! { <text x=x y=(bottom + 18).to_string() dx="4" class=class>{label}</text> }.into_any());
        }
    }
    lines
}

struct Month {
    start: Timestamp,
    number: u32,
    year: i32,
    name: &'static str,
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The months that begin after `from` and up to `until`.
fn months(from: Timestamp, until: Timestamp) -> impl Iterator<Item = Month> {
    let text = from.month();
    let mut parts = text.split('-').filter_map(|part| part.parse::<i32>().ok());
    let mut year = parts.next().unwrap_or(1970);
    let mut index = usize::try_from(parts.next().unwrap_or(1) - 1).unwrap_or(0);
    std::iter::from_fn(move || {
        index += 1;
        if index >= 12 {
            index = 0;
            year += 1;
        }
        let number = u32::try_from(index + 1).ok()?;
        let start = Timestamp::parse(&format!("{year:04}-{number:02}-01")).ok()?;
        (start <= until).then_some(Month { start, number, year, name: MONTHS.get(index).copied()? })
    })
}

const fn tint(tone: Tone) -> (&'static str, &'static str, &'static str) {
    match tone {
        Tone::Ok => ("t-ok", "f-ok", "s-ok"),
        Tone::Warn => ("t-warn", "f-warn", "s-warn"),
        Tone::Bad => ("t-bad", "f-bad", "s-bad"),
        Tone::Hold => ("t-hold", "f-hold", "s-hold"),
        Tone::Go => ("t-go", "f-go", "s-go"),
        Tone::Mute | Tone::Plain => ("t-mute", "f-mute", "s-mute"),
    }
}

fn holders(holders: &[Stretch], scale: &Scale) -> Vec<AnyView> {
    let mut out = Vec::with_capacity(holders.len());
    for holder in holders {
        let (from, until) = (scale.at(holder.from), holder.until.map_or(1.0, |until| scale.at(until)));
        let (tint, fill, _) = tint(holder.tone);
        let letters = holder.label.chars().count();
        let label = scale.fits(letters, from, until).then(|| {
            view! { <text class="hi hide-phone" x="8" y="19">{holder.label.clone()}</text> }
        });
        // On a phone the same picture is a third as wide.
        let short = scale.fits(letters.min(9) * 3, from, until).then(|| {
            let word: String = holder.label.split(' ').next().unwrap_or_default().chars().take(9).collect();
            view! { <text class="hi only-phone" x="6" y="19">{word}</text> }
        });
        let x = percent(from);
        out.push(
            view! {
                <svg x=x.clone() y="4" width=percent((until - from).max(0.0)) height="28">
                    <title>{holder.label.clone()}</title>
                    <rect class=tint width="100%" height="28"></rect>
                    <rect class=fill width="100%" height="2"></rect>
                    {label}
                    {short}
                </svg>
                <line class="s-surface" x1=x.clone() x2=x y1="4" y2="32" stroke-width="2"></line>
            }
            .into_any(),
        );
    }
    out
}

fn draw_lane(lane: &Lane, y: u32, scale: &Scale) -> AnyView {
    let base = lane.stretches.is_empty().then(|| {
        view! { <line class="s-line" x1="0" x2="100%" y1=y.to_string() y2=y.to_string()></line> }
    });
    let stretches: Vec<_> = lane.stretches.iter().map(|stretch| draw_stretch(stretch, y, scale)).collect();
    let shown = thinned(&lane.marks, scale);
    let marks: Vec<_> = shown.iter().map(|mark| draw_mark(mark, y, scale)).collect();
    let labels = labels(lane, &shown, y, scale);
    view! { {base} {stretches} {marks} {labels} }.into_any()
}

fn draw_stretch(stretch: &Stretch, y: u32, scale: &Scale) -> impl IntoView + use<> {
    let (_, _, stroke) = tint(stretch.tone);
    let (from, until) = (scale.at(stretch.from), stretch.until.map_or(1.0, |until| scale.at(until)));
    view! {
        <line
            class=stroke
            stroke-width="4"
            stroke-dasharray=stretch.dashed.then_some("4 3")
            x1=percent(from)
            x2=percent(until)
            y1=y.to_string()
            y2=y.to_string()
        ></line>
    }
}

/// Marks that would cover each other become one: the most telling, with all their titles.
fn thinned(marks: &[Mark], scale: &Scale) -> Vec<Mark> {
    let weight = |tone| match tone {
        Tone::Bad => 5,
        Tone::Warn => 4,
        Tone::Hold => 3,
        Tone::Go | Tone::Ok => 2,
        Tone::Mute | Tone::Plain => 1,
    };
    let mut marks = marks.to_vec();
    marks.sort_by_key(|mark| mark.at);
    let mut shown: Vec<Mark> = Vec::new();
    for mark in marks {
        match shown.last_mut() {
            Some(last) if (scale.at(mark.at) - scale.at(last.at)) * ASSUMED_WIDTH < 18.0 => {
                let titles = format!("{}; {}", last.title, mark.title);
                if weight(mark.tone) > weight(last.tone) {
                    *last = Mark { at: last.at, ..mark };
                }
                last.title = titles;
            }
            _ => shown.push(mark),
        }
    }
    shown
}

fn draw_mark(mark: &Mark, y: u32, scale: &Scale) -> impl IntoView + use<> {
    let (_, _, stroke) = tint(mark.tone);
    let top = (y - 8).to_string();
    view! {
        <g transform="translate(-8 0)">
            <svg x=percent(scale.at(mark.at)) y=top width="16" height="16" overflow="visible">
                <title>{mark.title.clone()}</title>
                <circle class="t-surface" cx="8" cy="8" r="10"></circle>
                <g class=format!("{stroke} glyph") inner_html=mark.icon.0></g>
            </svg>
        </g>
    }
}

/// The words above a lane: those of its stretches and marks, as far as they don't run into each other.
fn labels(lane: &Lane, marks: &[Mark], y: u32, scale: &Scale) -> Vec<AnyView> {
    let mut words: Vec<(f64, String, Tone)> = lane
        .stretches
        .iter()
        .filter(|stretch| !stretch.label.is_empty())
        .map(|stretch| (scale.at(stretch.from), stretch.label.clone(), stretch.tone))
        .chain(marks.iter().filter_map(|mark| Some((scale.at(mark.at), mark.label.clone()?, mark.tone))))
        .collect();
    words.sort_by(|a, b| a.0.total_cmp(&b.0));
    let y = (y - 9).to_string();
    let mut taken = 0.0;
    let mut out = Vec::new();
    for (i, (at, label, tone)) in words.iter().enumerate() {
        let width = (label.chars().count() as f64 * LETTER + 20.0) / ASSUMED_WIDTH;
        let next = words.get(i + 1).map_or(1.0, |(next, _, _)| *next);
        let class = match tone {
            Tone::Warn => "wn hide-phone",
            Tone::Bad => "bd hide-phone",
            Tone::Hold => "hd hide-phone",
            Tone::Go => "ac b",
            Tone::Ok | Tone::Mute | Tone::Plain => "hide-phone",
        };
        let x = percent(*at);
        if *at >= taken && at + width <= next {
            taken = at + width;
            out.push(view! { <text class=class x=x y=y.clone() dx="14">{label.clone()}</text> }.into_any());
        } else if at - width >= taken {
            taken = *at;
            out.push(
                view! { <text class=class x=x y=y.clone() dx="-14" text-anchor="end">{label.clone()}</text> }
                    .into_any(),
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::icons;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap_or_default()
    }

    fn life(marks: Vec<Mark>) -> Journey {
        let holder = Stretch {
            from: at("2026-11-02"),
            until: None,
            label: "Shenzhen-2".into(),
            tone: Tone::Mute,
            dashed: false,
        };
        Journey {
            holders: vec![holder],
            lanes: vec![Lane { name: "Hardware", stretches: Vec::new(), marks }],
            finding: "One custodian".into(),
        }
    }

    fn mark(day: &str, tone: Tone) -> Mark {
        Mark { at: at(day), icon: icons::CHIP, tone, title: day.into(), label: None }
    }

    #[test]
    fn months_after_the_first_until_now() {
        let names: Vec<_> = months(at("2026-11-02"), at("2027-02-15")).map(|m| (m.name, m.year)).collect();
        assert_eq!(names, [("Dec", 2026), ("Jan", 2027), ("Feb", 2027)]);
    }

    #[test]
    fn marks_of_one_day_become_the_most_telling() {
        let now = at("2027-09-14");
        let journey =
            life(vec![mark("2026-11-04", Tone::Plain), mark("2026-11-05", Tone::Warn), mark("2027-06-01", Tone::Ok)]);
        let scale = Scale::new(&journey, now);
        let shown = thinned(&journey.lanes[0].marks, &scale);
        assert_eq!(shown.iter().map(|m| m.tone).collect::<Vec<_>>(), [Tone::Warn, Tone::Ok]);
        assert_eq!(shown[0].title, "2026-11-04; 2026-11-05");
    }

    #[test]
    fn a_device_made_this_second_has_a_picture() {
        let now = at("2026-11-02");
        let html = journey(&life(Vec::new()), now).to_html();
        assert!(html.contains("Shenzhen-2") && !html.contains("NaN"), "{html}");
    }
}
