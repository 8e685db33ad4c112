//! Horizontal bars with a word at the left and a number at the right. Every number is a link to its list.

use super::percent;
use crate::components::{status::Tone, text::count};
use leptos::prelude::*;

/// One bar.
pub struct Bar {
    /// Its word, or a status.
    pub label: AnyView,
    /// Its number.
    pub value: i64,
    /// The list behind the number.
    pub href: String,
    /// Its colour: an accent for what matters now, grey for the rest.
    pub tone: Tone,
}

const fn fill(tone: Tone) -> &'static str {
    match tone {
        Tone::Ok => "f-ok",
        Tone::Warn => "f-warn",
        Tone::Bad => "f-bad",
        Tone::Hold => "f-hold",
        Tone::Go => "f-go",
        Tone::Mute | Tone::Plain => "f-mute",
    }
}

/// One bar alone: a part of a whole, in a cell whose number stands beside it.
#[must_use]
pub fn part(n: u64, of: u64, tone: Tone) -> impl IntoView + use<> {
    let width = percent(n as f64 / of.max(1) as f64);
    view! {
        <svg class="bar chart" height="8" aria-hidden="true">
            <rect x="0" width=width height="8" class=fill(tone)></rect>
        </svg>
    }
}

/// The bars, the longest as wide as there is room. They are a list of terms and numbers, so they need no other text.
#[must_use]
pub fn bars(bars: Vec<Bar>) -> impl IntoView + use<> {
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    let rows: Vec<_> = bars
        .into_iter()
        .map(|bar| {
            let width = percent(bar.value.max(0) as f64 / most as f64);
            view! {
                <dt>{bar.label}</dt>
                <dd>
                    <svg class="bar chart" height="8" aria-hidden="true">
                        <rect x="0" width=width height="8" class=fill(bar.tone)></rect>
                    </svg>
                </dd>
                <dd class="num">
                    <a href=bar.href>{count(bar.value)}</a>
                </dd>
            }
        })
        .collect();
    view! { <dl class="bars">{rows}</dl> }
}
