//! The worst case: how many devices are lost of a release that bricks some, before a gate stops it, and what a change of the plan
//! does to that.

use super::{forecast::span, number, typed::percent};
use crate::components::{panel::Panel, table::frame};
use domain::rollout::{BRICKED, Foreseen, Loss, Stop};
use leptos::prelude::*;

/// The share that the sentence is about, in parts of 100 000.
const TOLD: u32 = 5_000;

/// So many runs of a hundred are as good as all.
const SURE: u64 = 95;

/// What a form keeps of a forecast, to be compared with the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pages) struct Figures {
    /// How many minutes it takes in the middle; none where it does not get through.
    pub(super) takes: Option<u64>,
    /// How many are lost on average, from the smallest share on.
    lost: Vec<u64>,
}

impl Figures {
    pub(super) fn of(foreseen: &Foreseen) -> Self {
        let lost = foreseen.worst.iter().map(|loss| loss.expected).collect();
        Self { takes: foreseen.course.takes.map(|takes| takes.mid), lost }
    }

    /// As a form keeps it.
    pub(super) fn text(&self) -> String {
        let takes = self.takes.map_or_else(String::new, |takes| takes.to_string());
        self.lost.iter().fold(takes, |text, lost| format!("{text},{lost}"))
    }

    /// What a form kept; none for anything else.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (takes, lost) = text.split_once(',')?;
        let lost: Vec<u64> = lost.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        let takes = if takes.is_empty() { None } else { Some(takes.parse().ok()?) };
        (lost.len() == BRICKED.len()).then_some(Self { takes, lost })
    }
}

/// What stops it, in words, and in which share of the runs where it is not all of them.
fn stops(loss: &Loss) -> String {
    let what = match loss.stop {
        Stop::Halted(wave) => format!("Wave {} after {}", wave + 1, span(loss.after)),
        Stop::Held(wave) => format!("Wave {} goes no further", wave + 1),
        Stop::Nothing => "Nothing".to_owned(),
    };
    if loss.runs >= 100 { what } else { format!("{what} ({} %)", loss.runs) }
}

/// The worst case in one sentence.
pub(in crate::pages) fn sentence(foreseen: &Foreseen) -> Option<String> {
    let loss = told(foreseen)?;
    let (share, lost, most) = (percent(loss.bricked), number(loss.expected), number(loss.most));
    let lost = format!(
        "If it bricked {share} % of the devices, about {lost} (at most {most} in nine of ten cases) would be lost"
    );
    // What is nearly certain is said as such.
    let cases = if loss.runs >= SURE { String::new() } else { format!(" in {} of 100 cases", loss.runs) };
    Some(match loss.stop {
        Stop::Halted(wave) => format!("{lost} before wave {}’s gate stops it{cases}.", wave + 1),
        Stop::Held(wave) => format!("{lost}; wave {}’s gate would let nobody further{cases}.", wave + 1),
        Stop::Nothing => format!("{lost}, and no gate would stop it{cases}."),
    })
}

/// How many are lost of a release that bricks the share that the sentence is about: on average, and at most in nine of ten cases.
pub(in crate::pages) fn told(foreseen: &Foreseen) -> Option<&Loss> {
    foreseen.worst.iter().find(|loss| loss.bricked == TOLD)
}

/// The table: a row for each share.
pub(in crate::pages) fn table(foreseen: &Foreseen, was: Option<(&'static str, &Figures)>) -> impl IntoView + use<> {
    let rows: Vec<_> = foreseen
        .worst
        .iter()
        .enumerate()
        .map(|(n, loss)| {
            let change = was.map(|(_, was)| {
                let words = was.lost.get(n).map_or_else(String::new, |before| changed(loss.expected, *before));
                view! { <td class="num">{words}</td> }
            });
            view! {
                <tr>
                    <th scope="row">{format!("{} %", percent(loss.bricked))}</th>
                    <td class="num"><b>{number(loss.expected)}</b></td>
                    <td class="num">{number(loss.most)}</td>
                    {change}
                    <td>{stops(loss)}</td>
                </tr>
            }
        })
        .collect();
    let change = was.map(|_| view! { <th scope="col" class="num">"Change"</th> });
    let table = view! {
        <table class="table small worst" data-density="compact">
            <caption class="sr">"Devices lost by the share that the release bricks: on average, at most in nine of ten runs, and what stops it"</caption>
            <thead>
                <tr>
                    <th scope="col">"Bricks"</th>
                    <th scope="col" class="num">"Lost"</th>
                    <th scope="col" class="num">"At most"</th>
                    {change}
                    <th scope="col">"Stopped by"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    frame("Devices lost by the share that is bricked", table)
}

/// What the columns of the table are.
pub(in crate::pages) const COLUMNS: &str = "A bricked device is never heard from again and is missed when its time is over; whoever was told by then is counted as lost. \
     “Lost” is the average of the runs, “at most” holds in nine of ten, and the share in brackets says in how many of them it is \
     stopped so.";

/// The table, and what it says in a sentence.
pub(super) fn panel(foreseen: &Foreseen, was: Option<(&'static str, &Figures)>) -> impl IntoView + use<> {
    let compared = was
        .map(|(words, _)| view! { " Changes are against the plan " {words.trim_start_matches("with the plan ")} "." });
    Panel::new("If it bricks devices").footer(view! { <span>{COLUMNS} {compared}</span> }).flush(view! {
        {sentence(foreseen).map(|words| view! { <div class="body"><p><b>{words}</b></p></div> })}
        {table(foreseen, was)}
    })
}

/// A difference with its sign.
fn changed(now: u64, before: u64) -> String {
    match now.cmp(&before) {
        std::cmp::Ordering::Equal => "±0".to_owned(),
        std::cmp::Ordering::Less => format!("−{}", number(before - now)),
        std::cmp::Ordering::Greater => format!("+{}", number(now - before)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_keeps_is_read_again_and_nothing_else_is() {
        for takes in [None, Some(4_320)] {
            let figures = Figures { takes, lost: (0..10).collect() };
            assert_eq!(Figures::read(&figures.text()), Some(figures));
        }
        for other in ["", "5", ",", "5,1,2", "x,0,1,2,3,4,5,6,7,8,9", ",0,1,2,3,4,5,6,7,8,-9"] {
            assert_eq!(Figures::read(other), None, "{other}");
        }
    }

    #[test]
    fn a_change_has_its_sign() {
        assert_eq!([changed(5, 5), changed(1_200, 3_400), changed(9, 2)], ["±0", "−2,200", "+7"]);
    }

    #[test]
    fn what_stops_it_is_said_with_how_sure_that_is() {
        let loss = |stop, runs| Loss { bricked: 5_000, expected: 31, most: 48, stop, runs, after: 180 };
        assert_eq!(stops(&loss(Stop::Halted(0), 100)), "Wave 1 after 3 h");
        assert_eq!(stops(&loss(Stop::Nothing, 61)), "Nothing (61 %)");
    }
}
