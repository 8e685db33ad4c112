//! Who was exposed, and whether cohorts are as large as their shares say.

use crate::{
    components::{
        icons,
        panel::Panel,
        status::{Status, Tone},
        table::frame,
    },
    pages::rollouts::{number, path, typed::percent},
};
use domain::time::Timestamp;
use fleet::rollout::{CohortView, ExperimentDetail, RatioView};
use leptos::prelude::*;

/// The panel.
pub(super) fn panel(detail: &ExperimentDetail) -> impl IntoView + use<> {
    let all = detail.cohorts.iter().map(|cohort| cohort.exposed).sum();
    let rows: Vec<_> = detail.cohorts.iter().map(|cohort| row(cohort, all)).collect();
    let to = format!("{}#devices", path(&detail.code));
    Panel::new("Exposure")
        .id("exposure")
        .aside(view! { <a href=to>{number(all)} " devices"</a> })
        .footer(ratio(detail.ratio.as_ref(), detail.ratio_off_since))
        .flush(frame(
            "Exposure by cohort",
            view! {
                <table class="table" data-density="compact">
                    <caption class="sr">"Devices by cohort: exposed of all that are in it, share of all that are exposed against the planned share"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Cohort"</th>
                            <th scope="col" class="num">"Exposed"</th>
                            <th scope="col" class="num">"Share"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            },
        ))
}

fn row(cohort: &CohortView, all: u64) -> impl IntoView + use<> {
    let share = match all {
        0 => "–".to_owned(),
        all => format!("{:.1} %", cohort.exposed as f64 / all as f64 * 100.0),
    };
    view! {
        <tr>
            <th scope="row">{cohort.name.clone()}</th>
            <td class="num">{number(cohort.exposed)} <span class="quiet">" of " {number(cohort.devices)}</span></td>
            <td class="num">{share} <span class="quiet">{format!(" of {} %", percent(cohort.share))}</span></td>
        </tr>
    }
}

/// What the sizes of the cohorts say.
fn ratio(ratio: Option<&RatioView>, off_since: Option<Timestamp>) -> impl IntoView + use<> {
    let status = |word, icon, tone| Status { word, icon, tone };
    let (status, words) = match (ratio, off_since) {
        (_, Some(since)) => (
            status("Off", icons::WARN, Tone::Warn),
            format!(
                "Since {} UTC it is known that these shares don’t give such sizes: no verdict is given any more.",
                since.minute_words()
            ),
        ),
        (None, None) => (
            status("Not compared", icons::MINUS, Tone::Mute),
            "Which sizes are fair can’t be said any more.".to_owned(),
        ),
        (Some(ratio), None) if ratio.is_off => (
            status("Off", icons::WARN, Tone::Warn),
            format!("These shares don’t give such sizes (p {}): no verdict is given.", chance(ratio.p)),
        ),
        (Some(ratio), None) => (
            status("Fair", icons::TICK, Tone::Ok),
            format!("Sizes as these shares give them by chance (p {}).", chance(ratio.p)),
        ),
    };
    view! { {status.cell()} <span>{words}</span> }
}

/// A probability.
pub(super) fn chance(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.2}") }
}
