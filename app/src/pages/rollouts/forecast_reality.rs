//! How a rollout goes against what was foreseen of it when it was submitted, and the numbers behind the curve.

use super::{
    forecast::{curve, span},
    forecast_worst, number,
};
use crate::{
    charts::{course::legend, parts::numbers as behind},
    components::panel::Panel,
};
use domain::{
    rollout::Foreseen,
    time::{MINUTE, Timestamp},
};
use fleet::rollout::{RolloutDetail, WaveView};
use leptos::prelude::*;

/// How many were done at a time, by what was noted last before it.
fn done_at(went: &[(u64, u64)], minute: u64) -> Option<u64> {
    let last = went.last().filter(|(last, _)| minute <= *last)?;
    Some(went.iter().take_while(|(at, _)| *at <= minute).last().unwrap_or(last).1)
}

/// The numbers behind the curve, wave by wave, with what came true where it is known.
pub(super) fn numbers(foreseen: &Foreseen, went: &[(u64, u64)]) -> impl IntoView + use<> {
    let waves: Vec<_> = (1..=foreseen.course.waves.len())
        .map(|n| view! { <th scope="col" class="num">{format!("Wave {n}")}</th> })
        .collect();
    let came = (!went.is_empty()).then(|| view! { <th scope="col" class="num">"So far"</th> });
    let rows: Vec<_> = foreseen
        .course
        .points
        .iter()
        .map(|point| {
            let waves: Vec<_> = point.waves.iter().map(|n| view! { <td class="num">{number(*n)}</td> }).collect();
            let came = (!went.is_empty()).then(|| {
                let done = done_at(went, point.minute).map_or_else(|| "–".to_owned(), number);
                view! { <td class="num">{done}</td> }
            });
            view! {
                <tr>
                    <th scope="row">{span(point.minute)}</th>
                    {came}
                    <td class="num">{number(point.done.low)}</td>
                    <td class="num">{number(point.done.mid)}</td>
                    <td class="num">{number(point.done.high)}</td>
                    {waves}
                </tr>
            }
        })
        .collect();
    let heads = view! {
        <th scope="col">"After"</th>
        {came}
        <th scope="col" class="num">"10 %"</th>
        <th scope="col" class="num">"50 %"</th>
        <th scope="col" class="num">"90 %"</th>
        {waves}
    };
    let caption = "Devices that have it, by the time since the start: so many in one of ten runs or fewer, in the middle, in nine of \
                   ten or fewer, and in the middle of each wave";
    behind(caption, heads, rows)
}

/// What it is against the forecast, in a sentence.
fn verdict(foreseen: &Foreseen, (minute, done): (u64, u64)) -> String {
    let points = &foreseen.course.points;
    let after = format!("After {}, {} devices have it", span(minute), number(done));
    let Some(point) = points.iter().take_while(|point| point.minute <= minute).last() else {
        return format!("{after}.");
    };
    let next = points.iter().find(|point| point.minute > minute).unwrap_or(point);
    let (low, high) = (point.done.low, next.done.high);
    let how = match done {
        n if n < low => "slower than nine of ten runs",
        n if n > high => "quicker than nine of ten runs",
        _ => "as foreseen",
    };
    format!("{after}; between {} and {} were expected: {how}.", number(low), number(high))
}

/// Until when a curve is drawn: long after anything was expected or happened there is nothing to see.
fn worth_showing(foreseen: &Foreseen, went: &[(u64, u64)], age: u64) -> u64 {
    let expected = foreseen.course.points.last().map_or(0, |point| point.minute);
    let mut changes = went.windows(2).filter_map(|pair| match pair {
        [(_, before), (minute, after)] if before != after => Some(*minute),
        _ => None,
    });
    let last = changes.next_back().unwrap_or_default().max(expected);
    age.min(last + last / 4)
}

/// Forecast against reality: what was foreseen when it was submitted, and how it goes.
pub(super) fn reality(detail: &RolloutDetail, now: Timestamp) -> Option<impl IntoView + use<>> {
    let (foreseen, started) = (detail.foreseen.as_ref()?, detail.started_at?);
    let until = detail.ended_at.unwrap_or(now);
    let age = u64::try_from(until.0.saturating_sub(started.0) / MINUTE).unwrap_or_default();
    let mut went = vec![(0, 0)];
    went.extend(detail.went.iter().map(|point| (point.minute, point.verified)).filter(|(minute, _)| *minute < age));
    let done = detail.wave_views.iter().map(WaveView::have_it).sum();
    let until = worth_showing(foreseen, &went, age);
    went.retain(|(minute, _)| *minute < until.max(1));
    went.push((until, done));
    let words = verdict(foreseen, (age, done));
    let worst = forecast_worst::sentence(foreseen);
    Some(Panel::new("Forecast and reality").aside("foreseen when it was submitted, and approved with it").body(view! {
        <div class="stack">
            <p><b>{words.clone()}</b></p>
            {legend(true)}
            <div>{curve(&words, foreseen, went.clone())} {numbers(foreseen, &went)}</div>
            {worst.map(|worst| view! { <p class="small quiet">"It was approved with this worst case: " {worst}</p> })}
        </div>
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_holds_until_the_next_and_nothing_is_known_of_the_future() {
        let went = [(0, 0), (10, 5), (20, 9)];
        assert_eq!([0, 9, 10, 20].map(|minute| done_at(&went, minute)), [Some(0), Some(0), Some(5), Some(9)]);
        assert_eq!((done_at(&went, 21), done_at(&[], 0)), (None, None));
    }
}
