//! Who is in a wave or a cohort, and when a wave will be through: what designer, approval and rollout say of it.

use super::{number, said::devices};
use crate::components::{
    icons,
    panel::{facts, note},
    status::Tone,
    text::minute,
};
use domain::{
    rollout::{Outlook, WaveForecast},
    time::{MINUTE, Timestamp},
};
use fleet::rollout::{Makeup, Part};
use leptos::prelude::*;

/// So many parts are named; the others are counted.
const NAMED: usize = 3;

/// Parts in words: counts where every device was looked at, else shares.
fn parts(all: &[Part], looked_at: u64, is_exact: bool) -> String {
    let said = |part: &Part| {
        let name = if part.name.is_empty() { "not known" } else { part.name.as_str() };
        if all.len() == 1 {
            return name.to_owned();
        }
        let n = if is_exact { number(part.n) } else { share(part.n, looked_at) };
        format!("{name} {n}")
    };
    let mut words: Vec<String> = all.iter().take(NAMED).map(said).collect();
    match all.len().saturating_sub(NAMED) {
        0 => {}
        1 => words.push("1 other".to_owned()),
        others => words.push(format!("{others} others")),
    }
    words.join(", ")
}

/// A share in whole percent; what is less than one is not nothing.
pub(super) fn share(n: u64, of: u64) -> String {
    let whole = (u128::from(n) * 100 + u128::from(of) / 2).checked_div(u128::from(of)).unwrap_or_default();
    if whole == 0 && n > 0 { "under 1 %".to_owned() } else { format!("{whole} %") }
}

/// What those have in common who are in a wave or a cohort.
pub(in crate::pages) fn makeup(makeup: &Makeup) -> impl IntoView + use<> {
    let is_exact = makeup.looked_at >= makeup.devices;
    let mut rows: Vec<(&'static str, AnyView)> = Vec::new();
    for (term, all) in [
        ("Models", &makeup.models),
        ("Revisions", &makeup.revisions),
        ("Held by", &makeup.holders),
        ("Regions", &makeup.regions),
        ("Made by", &makeup.factories),
    ] {
        if !all.is_empty() {
            rows.push((term, parts(all, makeup.looked_at, is_exact).into_any()));
        }
    }
    let n = |n: u64| if is_exact { number(n) } else { share(n, makeup.looked_at) };
    if !makeup.refused.is_empty() {
        let why: Vec<String> = makeup.refused.iter().map(|part| format!("{} {}", n(part.n), part.name)).collect();
        rows.push(("Get nothing", why.join(", ").into_any()));
    }
    if makeup.silent > 0 {
        rows.push(("Not heard from", format!("{}: told once they poll again", n(makeup.silent)).into_any()));
    }
    let drawn = (!is_exact).then(
        || view! { <p class="small quiet">"Shares are those of "{devices(makeup.looked_at)}", drawn at random."</p> },
    );
    view! { <div class="small">{facts(rows)}</div> {drawn} }
}

/// How long something takes, in words of two units: `45 min`, `2 h 15 min`, `3 d 4 h`.
pub(super) fn lasts(micros: i64) -> String {
    let minutes = (micros / MINUTE).max(0);
    let two = |large: i64, small: i64, (one, other): (&str, &str)| match small {
        0 => format!("{large} {one}"),
        small => format!("{large} {one} {small} {other}"),
    };
    match minutes {
        m if m < 120 => format!("{m} min"),
        m if m < 48 * 60 => two(m / 60, m % 60, ("h", "min")),
        m => two(m / (24 * 60), m % (24 * 60) / 60, ("d", "h")),
    }
}

/// When a wave will be through, in a sentence.
pub(in crate::pages) fn through(forecast: &WaveForecast, is_last: bool) -> AnyView {
    let what = if is_last { "Done" } else { "Through" };
    match (forecast.through, forecast.opens_at) {
        (Outlook::At(at), Some(opened)) => {
            let took = lasts(at.0.saturating_sub(opened.0));
            view! { <p class="small">{what} " about " {took} " after it opens: " {minute(at)} " UTC"</p> }.into_any()
        }
        (Outlook::Short { reachable, needed }, _) => {
            let words = format!(
                "Its gate will not let it through: it wants the outcome of {}, and {} can have one as they stand.",
                devices(needed),
                number(reachable)
            );
            note(Tone::Warn, icons::WARN, words).into_any()
        }
        (Outlook::Late, _) => {
            note(Tone::Warn, icons::WARN, "Not within 90 days: windows, the rate or the polls are too few.").into_any()
        }
        _ => view! { <p class="small quiet">"Not before the wave before it is through."</p> }.into_any(),
    }
}

/// When all of it is done; none when that can't be said.
pub(in crate::pages) fn done_at(forecast: &[WaveForecast]) -> Option<Timestamp> {
    match forecast.last()?.through {
        Outlook::At(at) => Some(at),
        _ => None,
    }
}

/// What a forecast takes for granted.
pub(in crate::pages) fn assumed() -> impl IntoView {
    view! {
        <p class="small quiet">
            "If nothing goes wrong. Reckoned from how often these devices poll, the rate, the windows and the time until a \
             device is verified. Each is taken to need 10 minutes to install; who is not heard from at present is not \
             counted on, and a wave that is opened by hand counts as opened at once."
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::{DAY, HOUR};

    #[test]
    fn spans_and_shares_read_well() {
        assert_eq!(
            [0, 45 * MINUTE, 119 * MINUTE, 2 * HOUR, 135 * MINUTE, 2 * DAY, 3 * DAY + 4 * HOUR].map(lasts),
            ["0 min", "45 min", "119 min", "2 h", "2 h 15 min", "2 d", "3 d 4 h"]
        );
        assert_eq!(
            [(1, 1_000), (1, 200), (2, 3), (0, 9), (0, 0)].map(|(n, of)| share(n, of)),
            ["under 1 %", "1 %", "67 %", "0 %", "0 %"]
        );
    }

    #[test]
    fn who_is_in_a_wave_is_counted_or_estimated() {
        let part = |name: &str, n| Part { name: name.to_owned(), n };
        let all = ["A", "B", "C", "", "E"].map(|name| part(name, 20));
        assert_eq!(parts(&all, 100, true), "A 20, B 20, C 20, 2 others");
        assert_eq!(parts(&all[2..4], 100, false), "C 20 %, not known 20 %");
        assert_eq!(parts(&all[..1], 100, false), "A");
    }
}
