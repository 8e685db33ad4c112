//! When the devices were made: by month, and how old that makes them.

use crate::{
    charts::{
        bars::{Bar, bars},
        columns::{Column, Words, columns},
    },
    components::{panel::Panel, status::Tone, text::count},
    context::devices_href,
};
use domain::time::Timestamp;
use fleet::overview::Overview;
use leptos::prelude::*;

const WORDS: Words = Words { caption: "Devices by month of manufacture", of: "Month", unit: "Devices" };

/// Months shown; older ones are in the age panel.
const SHOWN: usize = 36;

/// Devices made by month.
pub(super) fn made(overview: &Overview) -> impl IntoView + use<> {
    let first = overview.made.len().saturating_sub(SHOWN);
    let shown = overview.made.get(first..).unwrap_or_default();
    let step = match shown.len() {
        ..=8 => 1,
        9..=24 => 3,
        _ => 4,
    };
    let all = shown.iter().map(|(month, n)| column(month, *n, step)).collect();
    Panel::new("Made by month").body(columns(WORDS, sentence(shown), all))
}

/// A label stands below every `step`th month of the calendar, so that each January shows its year.
fn column(month: &str, value: i64, step: u32) -> Column {
    let start = first_day(month);
    let number = month.get(5..).and_then(|number| number.parse::<u32>().ok()).unwrap_or(1);
    let label = match number {
        1 => words(start, "%Y"),
        n if (n - 1) % step == 0 => words(start, "%b"),
        _ => String::new(),
    };
    Column { label, name: words(start, "%B %Y"), value, href: devices_href(&format!("made:{month}")) }
}

fn sentence(months: &[(String, i64)]) -> String {
    let total: i64 = months.iter().map(|(_, n)| n).sum();
    match (months.first(), months.last(), months.iter().max_by_key(|(_, n)| *n)) {
        (Some((from, _)), Some((until, _)), Some((best, n))) => format!(
            "Devices made by month from {} to {}: {} in all, most in {} ({})",
            words(first_day(from), "%B %Y"),
            words(first_day(until), "%B %Y"),
            count(total),
            words(first_day(best), "%B %Y"),
            count(*n)
        ),
        _ => "No devices were made yet".to_owned(),
    }
}

fn first_day(month: &str) -> Timestamp {
    Timestamp::parse(&format!("{month}-01")).unwrap_or_default()
}

fn words(at: Timestamp, format: &str) -> String {
    at.to_utc().format(format).to_string()
}

/// How old the devices are, in whole months, so that the numbers and the lists behind them agree.
pub(super) fn age(overview: &Overview, now: Timestamp) -> impl IntoView + use<> {
    let bounds = [("under 6 months", 6), ("6 to 12 months", 12), ("1 to 2 years", 24), ("2 to 5 years", 60)];
    let mut until: Option<String> = None;
    let mut rows = Vec::new();
    for (label, months) in bounds {
        let from = month_before(now, months - 1);
        rows.push(age_bar(overview, label, Some(&from), until.as_deref()));
        until = Some(from);
    }
    rows.push(age_bar(overview, "older", None, until.as_deref()));
    rows.retain(|row| row.value > 0);
    Panel::new("Age").body(bars(rows))
}

/// Devices made from one month until before another.
fn age_bar(overview: &Overview, label: &'static str, from: Option<&str>, until: Option<&str>) -> Bar {
    let within = |month: &str| from.is_none_or(|from| month >= from) && until.is_none_or(|until| month < until);
    let value = overview.made.iter().filter(|(month, _)| within(month)).map(|(_, n)| n).sum();
    let terms: Vec<String> = from
        .map(|from| format!("made>={from}-01"))
        .into_iter()
        .chain(until.map(|until| format!("made<{until}-01")))
        .collect();
    Bar { label: label.into_any(), value, href: devices_href(&terms.join(" ")), tone: Tone::Mute }
}

/// The month so many months before the present one, as `2026-11`.
fn month_before(now: Timestamp, months: i32) -> String {
    let mut parts = now.month().split('-').filter_map(|part| part.parse::<i32>().ok()).collect::<Vec<_>>().into_iter();
    let (year, month) = (parts.next().unwrap_or(1970), parts.next().unwrap_or(1));
    let since_zero = year * 12 + month - 1 - months;
    format!("{:04}-{:02}", since_zero.div_euclid(12), since_zero.rem_euclid(12) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_before() {
        let now = Timestamp::parse("2026-03-15").unwrap_or_default();
        assert_eq!([0, 2, 3, 15].map(|n| month_before(now, n)), ["2026-03", "2026-01", "2025-12", "2024-12"]);
    }

    #[test]
    fn the_sentence_says_the_finding() {
        let months = [("2025-12".to_owned(), 3), ("2026-01".to_owned(), 40)];
        assert_eq!(
            sentence(&months),
            "Devices made by month from December 2025 to January 2026: 43 in all, most in January 2026 (40)"
        );
    }
}
