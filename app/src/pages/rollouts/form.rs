//! The designer's form: everything that a plan says, and who that would be.

use super::{
    experiment, forecast,
    typed::{EVIDENCE, RULES, UNITS, rows},
};
use crate::{
    components::{
        form::{Field, checkbox, error_summary, hidden},
        icons::{self, icon},
        panel::Panel,
    },
    context::{FormState, devices_href},
};
use domain::rollout::{Advance, Reaction};
use leptos::prelude::*;

/// A choice of a list: stored value and words.
pub(super) type Choice = (String, String);

/// The form. `action` is where it goes, `releases` what can be chosen, `version` as which it was loaded.
pub(super) fn designer(form: &FormState, action: &str, releases: &[Choice], version: i64) -> impl IntoView + use<> {
    view! {
        <form class="stack loose" id=forecast::FORM method="post" action=action.to_owned()>
            // What the Enter key presses: it must not be the first button that takes a wave away.
            <button class="sr" type="submit" name="do" value="preview" tabindex="-1" aria-hidden="true">"Preview"</button>
            {error_summary(Some(form))}
            {hidden("version", version.to_string())}
            {Panel::new("What, and for whom").body(what(form, releases))}
            {Panel::new("Waves").aside("In order; a device is in the first that takes it").flush(waves(form))}
            {Panel::new("Cohorts").aside("To compare releases, or with nothing").flush(cohorts(form, releases))}
            {experiment::panel(form)}
            {Panel::new("When").body(when(form))}
            {Panel::new("When it fails").body(failing(form, releases))}
            <div class="actionbar wrap">
                <button class="btn primary" type="submit" name="do" value="save">{icon(icons::CHECK)}"Save the draft"</button>
                <button class="btn" type="submit" name="do" value="preview">{icon(icons::SEARCH)}"Who would that be?"</button>
            </div>
        </form>
    }
}

fn field(form: &FormState, name: impl Into<std::borrow::Cow<'static, str>>, label: &'static str) -> Field {
    Field::new(Some(form), name, label)
}

fn with_none(words: &str, releases: &[Choice]) -> Vec<Choice> {
    std::iter::once((String::new(), words.to_owned())).chain(releases.iter().cloned()).collect()
}

fn what(form: &FormState, releases: &[Choice]) -> impl IntoView + use<> {
    let target = form.value("target").to_owned();
    let tried = (!target.trim().is_empty()).then(|| {
        view! { <p class="small"><a href=devices_href(&target)>"See them in the list of devices"</a></p> }
    });
    view! {
        <div class="stack">
            {field(form, "name", "Name").required().max_length(80).input()}
            {field(form, "release", "Release").required().select(with_none("Choose one", releases))}
            {field(form, "target", "Devices, as a fleet query").mono()
                .hint("Counted and frozen when it is submitted. Empty means every device.").textarea(2)}
            {tried}
            {checkbox("joins", "yes", "New devices join", "Devices that come to match later get it, too.", form.has("joins"))}
        </div>
    }
}

fn waves(form: &FormState) -> impl IntoView + use<> {
    let n = rows(form, "waves");
    let all: Vec<_> = (0..n).map(|at| wave(form, at, n)).collect();
    let wrong = form
        .error("waves")
        .map(|error| view! { <p class="hint bad" id="waves">{icon(icons::WARN)}{error.to_owned()}</p> });
    view! {
        <div class="body stack loose">
            {wrong}
            {all}
            <div><button class="btn small" type="submit" name="do" value="add-wave" formnovalidate>{icon(icons::PLUS)}"Add a wave"</button></div>
        </div>
    }
}

fn wave(form: &FormState, at: usize, of: usize) -> impl IntoView + use<> {
    let name = |field: &str| format!("waves.{at}.{field}");
    let words =
        |all: &[(&str, &str)]| all.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect();
    let advance =
        Advance::ALL.iter().map(|advance| (advance.as_str().to_owned(), advance.label().to_owned())).collect();
    let rules = RULES.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect::<Vec<_>>();
    let is_open = GATE.into_iter().any(|field| form.error(&name(field)).is_some());
    let take_away = (of > 1).then(|| {
        let label = format!("Take wave {} away", at + 1);
        view! {
            <button class="btn plain small square push" type="submit" name="do" value=format!("remove-wave-{at}") formnovalidate aria-label=label.clone() title=label.clone()>
                {icon(icons::X)}
            </button>
        }
    });
    view! {
        <fieldset class="wave-row">
            <legend>{format!("Wave {}", at + 1)}</legend>
            {take_away}
            <div class="wave-fields lead">
                {field(form, name("name"), "Name").required().max_length(80).input()}
                {field(form, name("size"), "Size").input()}
                {field(form, name("unit"), "Counted as").select(words(&UNITS))}
                {field(form, name("gate.failed_limit"), "Failed at most, %").input()}
                {field(form, name("gate.silent_limit"), "Silent at most, %").input()}
            </div>
            <details class="tuning" open=is_open>
                <summary>{gate_words(form, at)}</summary>
                <div class="wave-fields">
                    {field(form, name("gate.advance"), "Next wave opens").select(advance)}
                    {field(form, name("gate.open_minutes"), "Open at least").input()}
                    {field(form, name("gate.done"), "Outcome known, %").input()}
                    {field(form, name("gate.rule"), "Judged by").select(rules)}
                    {field(form, name("gate.false_halt"), "Halts wrongly, %").input()}
                    {field(form, name("gate.false_advance"), "Goes on wrongly, %").input()}
                    {field(form, name("gate.min_sample"), "Of at least").input()}
                </div>
            </details>
        </fieldset>
    }
}

/// The fields of a wave that say when its gate opens and how it judges.
const GATE: [&str; 7] = [
    "gate.advance",
    "gate.open_minutes",
    "gate.done",
    "gate.rule",
    "gate.false_halt",
    "gate.false_advance",
    "gate.min_sample",
];

/// When the gate of a wave opens and how it judges, in a line.
fn gate_words(form: &FormState, at: usize) -> String {
    let value = |field: &str| form.value(&format!("waves.{at}.gate.{field}")).to_owned();
    let who = match value("advance").as_str() {
        "manual" => "Goes on by hand",
        _ => "Goes on by itself",
    };
    let open = match value("open_minutes").as_str() {
        "" | "0" | "0 min" => String::new(),
        open => format!(" after {open}"),
    };
    let how = match value("rule").as_str() {
        EVIDENCE => format!("judged by evidence, halts wrongly in {} % at most", value("false_halt")),
        _ => format!("judged by bare shares, of {} devices at least", value("min_sample")),
    };
    format!("{who}{open}, once {} % have an outcome; {how}", value("done"))
}

fn cohorts(form: &FormState, releases: &[Choice]) -> impl IntoView + use<> {
    let n = rows(form, "cohorts");
    let all: Vec<_> = (0..n).map(|at| cohort(form, at, releases)).collect();
    let wrong = form
        .error("cohorts")
        .map(|error| view! { <p class="hint bad" id="cohorts">{icon(icons::WARN)}{error.to_owned()}</p> });
    let about = match n {
        0 => view! { <p class="quiet">"None: every device gets the release."</p> }.into_any(),
        _ => view! {
            {field(form, "cohorts.wave", "Only in wave").hint("Empty for all of them.").input()}
        }
        .into_any(),
    };
    view! {
        <div class="body stack loose">
            {wrong}
            {about}
            {all}
            <div><button class="btn small" type="submit" name="do" value="add-cohort" formnovalidate>{icon(icons::PLUS)}"Add a cohort"</button></div>
        </div>
    }
}

fn cohort(form: &FormState, at: usize, releases: &[Choice]) -> impl IntoView + use<> {
    let name = |field: &str| format!("cohorts.{at}.{field}");
    let label = format!("Take cohort {} away", at + 1);
    view! {
        <fieldset class="wave-row">
            <legend>{format!("Cohort {}", at + 1)}</legend>
            <button class="btn plain small square push" type="submit" name="do" value=format!("remove-cohort-{at}") formnovalidate aria-label=label.clone() title=label.clone()>
                {icon(icons::X)}
            </button>
            <div class="wave-fields gets">
                {field(form, name("name"), "Name").required().max_length(80).input()}
                {field(form, name("share"), "Share, %").input()}
                {field(form, name("release"), "Gets").select(with_none("Nothing: a hold-out", releases))}
            </div>
        </fieldset>
    }
}

fn when(form: &FormState) -> impl IntoView + use<> {
    view! {
        <div class="stack">
            <div class="wave-fields told">
                {field(form, "start_at", "Starts, UTC").hint("Like 2026-11-30 02:00. Empty: as soon as it is approved.").input()}
                {field(form, "rate_per_minute", "Devices a minute").hint("At most so many are offered it. Empty: no limit.").input()}
            </div>
            {field(form, "windows", "Maintenance windows").mono()
                .hint("A line each, like Mon-Fri 02:00-05:00, in the device’s time. Empty: at any time.").textarea(2)}
            {field(form, "windows.zone", "Time zone")
                .hint("For devices that report none; like Europe/Prague. Empty: UTC.").input()}
            {checkbox("confirmation_required", "yes", "Ask each device’s user first", "Nothing is installed before that one agrees. Clients must speak hawkBit’s confirmationBase: SWUpdate and rauc-hawkbit-updater as released don’t, and their devices would wait for ever.", form.has("confirmation_required"))}
        </div>
    }
}

fn failing(form: &FormState, releases: &[Choice]) -> impl IntoView + use<> {
    let reactions = Reaction::ALL.iter().map(|way| (way.as_str().to_owned(), way.label().to_owned())).collect();
    view! {
        <div class="stack">
            <div class="wave-fields told">
                {field(form, "reaction", "When a limit is passed")
                    .hint("A pause can be taken back; who is under way goes on.").select(reactions)}
                {field(form, "revert_to", "Release to go back to")
                    .hint("For “abort and revert”, here or by hand.").select(with_none("None", releases))}
                {field(form, "retries", "Tries after a failure").required().hint("It counts as failed once none is left.").input()}
                {field(form, "timeout_minutes", "Silent after").required().hint("Without progress, like 24 h.").input()}
                {field(form, "soak_minutes", "Verified after").required()
                    .hint("For so long a device has to live with it after its own report, like 60 min.").input()}
            </div>
            {checkbox("late_by_habit", "yes", "Late by habit", "Whoever has begun is silent once it stays away much longer than it usually does; after the time above at the latest. Who polls seldom and has not begun is no failure.", form.has("late_by_habit"))}
            {checkbox("downgrades", "yes", "Downgrades", "Devices that run something newer get it, too.", form.has("downgrades"))}
        </div>
    }
}
