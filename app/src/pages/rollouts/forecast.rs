//! What is to be expected of a rollout: its course with ranges, what is carried, and how it went against that.

use super::{
    forecast_reality::numbers,
    forecast_worst::{self, Figures},
    number,
    who::lasts,
};
use crate::{
    charts::course::{Course, course, legend},
    components::{
        icons,
        panel::{Panel, facts, note},
        status::Tone,
        table::frame,
    },
    context::FormState,
    pages::imports::size_words,
};
use domain::{
    rollout::{Foreseen, Plan, Range},
    time::MINUTE,
};
use leptos::prelude::*;

/// A gate that halts a release as good as those before in more than one of so many runs says more of the gate.
const NERVOUS: u64 = 10;

/// So many minutes in words.
pub(in crate::pages) fn span(minutes: u64) -> String {
    lasts(i64::try_from(minutes).unwrap_or(i64::MAX).saturating_mul(MINUTE))
}

/// A range in words, as one number where it is none.
pub(super) fn between(range: Range, words: impl Fn(u64) -> String) -> String {
    let (low, mid, high) = (words(range.low), words(range.mid), words(range.high));
    if low == high { mid } else { format!("{mid} ({low} to {high})") }
}

fn size(bytes: u64) -> String {
    size_words(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// What the curve says.
fn finding(foreseen: &Foreseen) -> String {
    let course = &foreseen.course;
    let Some(takes) = course.takes else {
        return format!("In none of {} runs does it get through its last gate.", course.runs);
    };
    let (low, high) = (span(takes.low), span(takes.high));
    let half = if low == high {
        format!("It is through after {}", span(takes.mid))
    } else {
        format!("It is through after {}, in eight of ten runs between {low} and {high}", span(takes.mid))
    };
    if course.through == course.runs {
        return format!("{half}.");
    }
    format!("{half}, where it gets through: in {} of {} runs.", course.through, course.runs)
}

/// The same in a few words.
pub(in crate::pages) fn gist(foreseen: &Foreseen) -> String {
    let course = &foreseen.course;
    match course.takes {
        None => format!("in none of {} runs through its last gate", course.runs),
        Some(takes) => format!("through after {}, in {} of {} runs", span(takes.mid), course.through, course.runs),
    }
}

/// What it goes by.
fn known(foreseen: &Foreseen) -> String {
    let (rollouts, devices) = foreseen.before;
    let past = match rollouts {
        0 => "no rollout of this product before, so that failures and times are assumed and ranges are wide".to_owned(),
        1 => format!("one rollout of this product before, with {} outcomes", number(devices)),
        n => format!("{n} rollouts of this product before, with {} outcomes", number(devices)),
    };
    let runs = foreseen.course.runs;
    let polling = number(foreseen.polling);
    format!("{runs} runs by chance, by how often the {polling} devices poll that are heard from, and by {past}.")
}

/// The designer's form, and its field that keeps what was foreseen before.
pub(super) const FORM: &str = "designer";
const FIELD: &str = "foreseen";

fn keep(text: String) -> impl IntoView {
    view! { <input type="hidden" name=FIELD form=FORM value=text /> }
}

/// What was foreseen before, kept on where nothing can be foreseen now.
pub(super) fn kept(form: &FormState) -> Option<impl IntoView + use<>> {
    Figures::read(form.value(FIELD)).map(|figures| keep(figures.text()))
}

/// What is to be expected of what is designed, and what it was before: of the plan as it was saved, or, of one that never was,
/// of the last preview.
pub(super) fn designed(foreseen: &Foreseen, plan: &Plan, form: &FormState, is_saved: bool) -> impl IntoView + use<> {
    let was = Figures::read(form.value(FIELD));
    let words = if is_saved { "with the plan as it was saved" } else { "with the plan of the last preview" };
    let figures = match &was {
        Some(was) if is_saved => was.text(),
        _ => Figures::of(foreseen).text(),
    };
    view! {
        {panels(foreseen, plan, was.as_ref().map(|was| (words, was)))}
        {keep(figures)}
    }
}

/// What is to be expected of what was submitted.
pub(super) fn submitted(foreseen: &Foreseen, plan: &Plan) -> impl IntoView + use<> {
    panels(foreseen, plan, None)
}

/// That what is kept of what was foreseen is not what was submitted.
pub(in crate::pages) fn altered() -> impl IntoView {
    let words = view! {
        <b>"The forecast that was submitted with this rollout was altered in the database, or is gone."</b>
        " It is not shown, and nobody can approve it as it is: submit it again, so that it is foreseen anew."
    };
    note(Tone::Bad, icons::WARN, words)
}

/// What is to be expected, in panels: `was` is what the plan before said of it.
fn panels(foreseen: &Foreseen, plan: &Plan, was: Option<(&'static str, &Figures)>) -> impl IntoView + use<> {
    view! {
        {Panel::new("Expected course").body(expected(foreseen, plan, was))}
        {Panel::new("How long each wave takes").aside(IN_BRACKETS).flush(wave_table(foreseen, plan))}
        {forecast_worst::panel(foreseen, was)}
    }
}

/// What stands in brackets behind a span.
const IN_BRACKETS: &str = "eight of ten runs in brackets";

/// The expected course: what it says, its curve, what is carried.
pub(in crate::pages) fn expected(
    foreseen: &Foreseen,
    plan: &Plan,
    was: Option<(&'static str, &Figures)>,
) -> impl IntoView + use<> {
    let words = finding(foreseen);
    let changed = was.and_then(|(words, was)| takes_changed(foreseen, words, was));
    view! {
        <div class="stack">
            <p><b>{words.clone()}</b> {changed}</p>
            {legend(false)}
            <div>{curve(&words, foreseen, Vec::new())} {numbers(foreseen, &[])}</div>
            {carried(foreseen)}
            {nervous(foreseen, plan)}
            <p class="small quiet">{known(foreseen)}</p>
            {plan.confirmation_required.then(asks)}
        </div>
    }
}

/// What nobody can foresee.
fn asks() -> impl IntoView {
    note(
        Tone::Hold,
        icons::HOURGLASS,
        "Reckoned as if each device’s user agreed at once. How long people take nobody can foresee, and a gate that waits for \
         the outcomes of many waits for them.",
    )
}

/// By how much it takes longer or shorter than before.
fn takes_changed(foreseen: &Foreseen, words: &'static str, was: &Figures) -> Option<impl IntoView + use<>> {
    let (now, before) = (foreseen.course.takes?.mid, was.takes?);
    let said = match now.cmp(&before) {
        std::cmp::Ordering::Equal => format!(" As long as {words}."),
        std::cmp::Ordering::Less => format!(" {} less than {words}.", span(before - now)),
        std::cmp::Ordering::Greater => format!(" {} more than {words}.", span(now - before)),
    };
    Some(view! { <span class="quiet">{said}</span> })
}

fn carried(foreseen: &Foreseen) -> impl IntoView + use<> {
    let bytes = foreseen.course.bytes;
    facts(vec![
        ("Carried in all", between(bytes.total, size).into_any()),
        ("In the busiest hour", between(bytes.hour, size).into_any()),
    ])
}

/// A gate that halts what is as good as ever.
fn nervous(foreseen: &Foreseen, plan: &Plan) -> Option<impl IntoView + use<>> {
    let course = &foreseen.course;
    let is_by_evidence = plan.waves.iter().all(|wave| wave.gate.evidence.is_some());
    let instead =
        if is_by_evidence { "allow more of them" } else { "let gates wait for more outcomes, or go by evidence" };
    (course.halted * NERVOUS > course.runs).then(|| {
        let words = format!(
            "In {} of {} runs a gate halts it although it is as good as the ones before. Devices that fail are known \
             sooner than those that come out well: {instead}.",
            course.halted, course.runs
        );
        note(Tone::Warn, icons::WARN, words)
    })
}

/// Each wave with how long it takes.
pub(in crate::pages) fn wave_table(foreseen: &Foreseen, plan: &Plan) -> impl IntoView + use<> {
    let runs = foreseen.course.runs;
    let rows: Vec<_> = foreseen
        .course
        .waves
        .iter()
        .zip(&plan.waves)
        .enumerate()
        .map(|(n, (course, wave))| {
            let none = || "–".to_owned();
            let opens = course.opens.map_or_else(none, |opens| match opens.high {
                0 => "at once".to_owned(),
                _ => format!("after {}", between(opens, span)),
            });
            let takes = course.takes.map_or_else(none, |takes| between(takes, span));
            view! {
                <tr>
                    <th scope="row">{format!("{}. {}", n + 1, wave.name)}</th>
                    <td data-l="Opens">{opens}</td>
                    <td data-l="Takes">{takes}</td>
                    <td class="num" data-l="Gets through">{super::who::share(course.through, runs)}</td>
                </tr>
            }
        })
        .collect();
    frame(
        "How long each wave takes",
        view! {
            <table class="table small cards">
                <caption class="sr">"When each wave opens, how long it takes, and in which share of the runs it gets through its gate"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Wave"</th>
                        <th scope="col">"Opens"</th>
                        <th scope="col">"Takes"</th>
                        <th scope="col" class="num">"Gets through"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

/// The curve: what is expected, and how it went so far.
pub(super) fn curve(words: &str, foreseen: &Foreseen, went: Vec<(u64, u64)>) -> impl IntoView + use<> {
    let waves = foreseen.course.waves.iter().enumerate().filter_map(|(n, wave)| Some((wave.opens?.mid, n)));
    let shown = Course {
        expected: foreseen.course.points.iter().map(|point| (point.minute, point.done)).collect(),
        waves: waves.collect(),
        all: foreseen.devices,
        went,
    };
    course(words, &shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_said_as_one_number_where_it_is_none() {
        assert_eq!(between(Range { low: 60, mid: 60, high: 60 }, span), "60 min");
        assert_eq!(between(Range { low: 60, mid: 180, high: 1_440 }, span), "3 h (60 min to 24 h)");
    }
}
