//! An update's steps told as one: offered, installed, verified.

use super::events::{Group, Told, tell};
use crate::components::{
    icons::{self, Icon, icon},
    text::stamp,
};
use domain::{
    history::{Entry, Event},
    time::{DAY, Timestamp, span_words},
};
use leptos::prelude::*;

/// What the history tells as one: an event, and the steps that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The event.
    pub entry: &'a Entry,
    /// The steps of the update that ended in it, oldest first, itself among them; empty for other events.
    pub steps: Vec<&'a Entry>,
}

/// How long after its last step an update that stands still begins anew.
const PATIENCE: i64 = 14 * DAY;

/// The version that a step of an update is about.
fn version_of(event: &Event) -> Option<&str> {
    match event {
        Event::UpdateAsked { version }
        | Event::UpdateConfirmed { version }
        | Event::UpdateDenied { version, .. }
        | Event::UpdateOffered { version }
        | Event::UpdateInstalled { version }
        | Event::UpdateVerified { version, .. }
        | Event::UpdateFailed { version, .. }
        | Event::UpdateSilent { version }
        | Event::UpdateReverted { version, .. } => Some(version),
        _ => None,
    }
}

/// Joins steps of one update that follow each other. `entries` and the items are oldest first.
#[must_use]
pub fn joined<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = Vec::new();
    for entry in entries {
        let version = version_of(&entry.event);
        match items.last_mut() {
            Some(last) if version.is_some() && continues(last, entry) => {
                last.steps.push(entry);
                last.steps.sort_by_key(|step| (step.at, rank(&step.event)));
                last.entry = last.steps.last().copied().unwrap_or(entry);
            }
            _ => items.push(Item { entry, steps: version.map(|_| entry).into_iter().collect() }),
        }
    }
    items
}

/// A device may report several steps at one instant; this is the order that they have.
const fn rank(event: &Event) -> u8 {
    match event {
        Event::UpdateAsked { .. } | Event::UpdateOffered { .. } => 0,
        Event::UpdateInstalled { .. } => 1,
        Event::UpdateReverted { .. } => 3,
        _ => 2,
    }
}

fn continues(item: &Item<'_>, entry: &Entry) -> bool {
    let begins = matches!(entry.event, Event::UpdateOffered { .. } | Event::UpdateAsked { .. });
    let same = version_of(&item.entry.event) == version_of(&entry.event);
    !begins && same && entry.at.0 - item.entry.at.0 < PATIENCE
}

/// Tells an item: the event, and its steps with how long each took.
#[must_use]
pub fn told(item: &Item<'_>) -> Told {
    let mut told = match (&item.entry.event, failure(item)) {
        (Event::UpdateReverted { to, version }, Some(reason)) => {
            let headline =
                view! { "Update to " <b>{version.clone()} " failed"</b> ", reverted to " {to.clone()} " by itself" };
            Told { headline: headline.into_any(), details: reason, more: None }
        }
        (event, _) => tell(event),
    };
    if item.steps.len() > 1 {
        told.more = Some(flow(&item.steps).into_any());
    }
    told
}

/// What the device said when the update failed, if that was one of the steps.
fn failure(item: &Item<'_>) -> Option<Vec<String>> {
    item.steps.iter().find_map(|step| match &step.event {
        Event::UpdateFailed { reason, .. } if reason.is_empty() => Some(Vec::new()),
        Event::UpdateFailed { reason, .. } => Some(vec![format!("It said: {reason}")]),
        _ => None,
    })
}

fn flow(steps: &[&Entry]) -> impl IntoView + use<> {
    let mut before: Option<Timestamp> = None;
    let steps: Vec<_> = steps
        .iter()
        .map(|step| {
            let when = match before {
                None => step.at.to_utc().format("%H:%M").to_string(),
                Some(before) => span_words(step.at.0 - before.0),
            };
            before = Some(step.at);
            let (drawn, word, class) = step_mark(&step.event);
            view! { <li class=class id=format!("e-{}", step.id)>{icon(drawn)}{word} " " <span>{stamp(step.at, when)}</span></li> }
        })
        .collect();
    view! { <ul class="flow">{steps}</ul> }
}

const fn step_mark(event: &Event) -> (Icon, &'static str, Option<&'static str>) {
    match event {
        Event::UpdateAsked { .. } => (icons::OFFERED, "User asked", None),
        Event::UpdateConfirmed { .. } => (icons::CHECK, "Agreed", None),
        Event::UpdateDenied { .. } => (icons::CROSS, "Denied", None),
        Event::UpdateOffered { .. } => (icons::OFFERED, "Offered", None),
        Event::UpdateInstalled { .. } => (icons::INSTALL, "Installed", None),
        Event::UpdateVerified { .. } => (icons::CHECK, "Verified", None),
        Event::UpdateFailed { .. } => (icons::CROSS, "Failed", Some("x")),
        Event::UpdateSilent { .. } => (icons::SILENT, "Silent", Some("x")),
        _ => (icons::REVERT, "Reverted", Some("back")),
    }
}

/// Whether an item is one of the kinds that a filter asks for.
#[must_use]
pub fn is_in(item: &Item<'_>, group: Option<Group>) -> bool {
    group.is_none_or(|group| Group::of(&item.entry.event) == group)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't parse its own entries should fail")]

    use super::*;
    use serde_json::json;

    fn entry(n: u64, at: &str, event: &serde_json::Value) -> Entry {
        serde_json::from_value(json!({
            "id": format!("00000000-0000-7000-8000-{n:012}"), "at": at, "recorded_at": at,
            "actor": "x", "place": "", "event": event,
        }))
        .unwrap()
    }

    #[test]
    fn steps_of_one_update_are_one_item() {
        let step = |n, at: &str, kind: &str| {
            entry(n, at, &json!({"kind": kind, "version": "1.4", "reason": "no boot", "to": "1.3"}))
        };
        let entries = [
            step(1, "2027-01-01T02:00:00Z", "update_offered"),
            step(2, "2027-01-01T02:10:00Z", "update_installed"),
            step(3, "2027-01-01T02:12:00Z", "update_reverted"),
            step(4, "2027-01-01T02:12:00Z", "update_failed"),
            entry(5, "2027-01-02", &json!({"kind": "note", "text": "x"})),
            step(6, "2027-01-03", "update_offered"),
            step(7, "2027-03-03", "update_verified"),
        ];
        let items = joined(&entries);
        let shape: Vec<_> = items.iter().map(|item| (item.entry.event.kind(), item.steps.len())).collect();
        assert_eq!(shape, [("update_reverted", 4), ("note", 0), ("update_offered", 1), ("update_verified", 1)]);
        assert_eq!(failure(&items[0]), Some(vec!["It said: no boot".to_owned()]));
    }
}
