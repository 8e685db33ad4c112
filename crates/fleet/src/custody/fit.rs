//! Whether a custody event fits what a device has lived through already.

use super::CustodyForm;
use domain::{
    custody::Holder,
    history::{Entry, Event, voided},
    time::{MINUTE, Timestamp},
};

/// How far apart two events that say the same of "now" are taken for one, told twice.
const TWICE: i64 = 5 * MINUTE;

/// What is wrong with recording `event` at `at` in this history: the form's field, and a sentence. Nothing if it fits.
///
/// What happened before a retirement may still be told after it.
pub fn misfit(
    serial: &str,
    history: &[Entry],
    event: &Event,
    at: Timestamp,
    form: &CustodyForm,
) -> Option<(&'static str, String)> {
    let void = voided(history);
    let mut counted = history.iter().filter(|entry| !void.contains(&entry.id));
    if let Some(end) = counted.clone().find(|entry| ends_use(&entry.event) && entry.at <= at) {
        return Some(("verb", retired(serial, end)));
    }
    // A form without a time means now, so two of them differ in it by the moments between two clicks.
    let apart = if form.at.trim().is_empty() { TWICE } else { 0 };
    let same = |entry: &&Entry| entry.event == *event && (entry.at.0 - at.0).abs() <= apart;
    let same = counted.rfind(same)?;
    Some(("reference", repeated(serial, same)))
}

const fn ends_use(event: &Event) -> bool {
    matches!(event, Event::Retired { .. } | Event::Destroyed { .. })
}

fn retired(serial: &str, end: &Entry) -> String {
    let word = if matches!(end.event, Event::Destroyed { .. }) { "destroyed" } else { "retired" };
    format!(
        "{serial} was {word} on {}: nobody can be handed it any more. If that is wrong, correct that entry in its \
         history first.",
        end.at.day_words()
    )
}

fn repeated(serial: &str, same: &Entry) -> String {
    let who = same.event.holder_after().map(|holder: &Holder| format!(" for {}", holder.name)).unwrap_or_default();
    format!(
        "{serial} has exactly this in its history already{who}, at {} UTC, recorded by {}. If it happened once more, \
         give its time or its document.",
        same.at.minute_words(),
        same.actor
    )
}
