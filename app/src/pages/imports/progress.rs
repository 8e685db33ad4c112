//! How far an import has come: its steps, a bar, its numbers. The page shows it, and so does the fragment that an
//! island asks for while the import runs.

use super::size_words;
use crate::components::{
    icons::{self, Icon},
    text::count,
};
use domain::import::{ImportFormat, ImportState};
use fleet::import::Import;
use leptos::prelude::*;

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Done,
    Now,
    Ahead,
    Failed,
}

/// Received, checked, applied: where each stands.
fn steps_of(import: &Import) -> Vec<(&'static str, Step)> {
    use ImportState as S;
    let checked = import.rows_checked > 0 || import.bad > 0;
    let (check, apply) = match import.state {
        S::Received => (Step::Ahead, Step::Ahead),
        S::Checking => (Step::Now, Step::Ahead),
        S::Applying => (Step::Done, Step::Now),
        S::Done => (Step::Done, Step::Done),
        S::Refused => (Step::Failed, Step::Ahead),
        S::Failed if import.rows_applied > 0 => (Step::Done, Step::Failed),
        S::Failed | S::Cancelled => (if checked { Step::Failed } else { Step::Ahead }, Step::Ahead),
    };
    let mut steps = vec![("Received", Step::Done), ("Checked", check)];
    if !import.dry_run {
        steps.push(("Applied", apply));
    }
    steps
}

fn steps(import: &Import) -> impl IntoView + use<> {
    let items: Vec<_> = steps_of(import)
        .into_iter()
        .map(|(word, step)| {
            let word = match (word, step) {
                ("Checked", Step::Now) => "Checking",
                ("Applied", Step::Now) => "Applying",
                _ => word,
            };
            let (icon, class, says): (Icon, _, _) = match step {
                Step::Done => (icons::CHECK, Some("done"), None),
                Step::Now => (icons::PLAY, None, Some(", now")),
                Step::Ahead => (icons::RING, None, Some(", not yet")),
                Step::Failed => (icons::CROSS, Some("over"), Some(", ended here")),
            };
            let current = (step == Step::Now).then_some("step");
            let says = says.map(|says| view! { <span class="sr">{says}</span> });
            view! { <li class=class aria-current=current>{icons::icon(icon)}{word}{says}</li> }
        })
        .collect();
    view! { <ol class="steps" aria-label="Steps">{items}</ol> }
}

/// How much of the present step is done, in percent, and in words; none when nothing runs.
fn done_of(import: &Import) -> Option<(i64, String)> {
    let percent = |part: i64, whole: i64| if whole > 0 { (part.saturating_mul(100) / whole).clamp(0, 100) } else { 0 };
    let things = things(import);
    match import.state {
        ImportState::Received => Some((0, "Waiting for the imports before it".to_owned())),
        ImportState::Checking => {
            let (read, size) = (size_words(import.bytes_done), size_words(import.size));
            let words = format!("{} {things} read, {read} of {size}", count(import.rows_checked));
            Some((percent(import.bytes_done, import.size), words))
        }
        ImportState::Applying => {
            let words = format!("{} of {} {things} dealt with", count(import.rows_applied), count(import.rows_checked));
            Some((percent(import.rows_applied, import.rows_checked), words))
        }
        _ => None,
    }
}

/// What the file holds.
const fn things(import: &Import) -> &'static str {
    match import.format {
        ImportFormat::Epcis => "events",
        ImportFormat::Csv | ImportFormat::Jsonl => "rows",
    }
}

fn bar(import: &Import) -> impl IntoView + use<> {
    let (percent, words) = done_of(import)?;
    let width = format!("{percent}%");
    Some(view! {
        <div class="stack tight">
            <div
                role="progressbar"
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow=percent.to_string()
                aria-label="How far the import is"
            >
                <svg class="bar chart" height="8" aria-hidden="true">
                    <rect x="0" width="100%" height="8" class="t-mute"></rect>
                    <rect x="0" width=width height="8" class="f-go"></rect>
                </svg>
            </div>
            <p class="small soft">{words}</p>
        </div>
    })
}

/// Whether what was counted as added is there, and not only what would be.
#[must_use]
pub(super) const fn is_entered(import: &Import) -> bool {
    match import.state {
        ImportState::Applying | ImportState::Done => !import.dry_run,
        ImportState::Failed => import.rows_applied > 0,
        ImportState::Received | ImportState::Checking | ImportState::Refused | ImportState::Cancelled => false,
    }
}

fn numbers(import: &Import) -> impl IntoView + use<> {
    let epcis = import.format == ImportFormat::Epcis;
    let added = match (is_entered(import), epcis, import.added) {
        (true, false, 1) => "device added",
        (true, false, _) => "devices added",
        (true, true, 1) => "history entry added",
        (true, true, _) => "history entries added",
        (false, false, 1) => "device would be added",
        (false, false, _) => "devices would be added",
        (false, true, 1) => "entry would be added",
        (false, true, _) => "entries would be added",
    };
    let bad = match (epcis, import.bad) {
        (true, 1) => "bad event",
        (true, _) => "bad events",
        (false, 1) => "bad row",
        (false, _) => "bad rows",
    };
    let plain = |n: i64, words: &'static str| view! { <div><b>{count(n)}</b><span>{words}</span></div> };
    let listed = |n: i64, words: &'static str, class: Option<&'static str>| {
        let number = if n > 0 { view! { <a href="#problems">{count(n)}</a> }.into_any() } else { count(n).into_any() };
        view! { <div class=class.filter(|_| n > 0)><b>{number}</b><span>{words}</span></div> }
    };
    view! {
        <div class="impact">
            {plain(import.added, added)} {plain(import.unchanged, "there already")} {listed(import.bad, bad, Some("hot"))}
            {listed(import.left_out, "left out", None)}
        </div>
    }
}

/// Steps, bar and numbers.
#[must_use]
pub fn progress(import: &Import) -> impl IntoView + use<> {
    view! { <div class="stack">{steps(import)} {bar(import)} {numbers(import)}</div> }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{id::ImportId, time::Timestamp};

    fn import(state: ImportState) -> Import {
        Import {
            id: ImportId(uuid::Uuid::nil()),
            file_name: "a.csv".into(),
            format: ImportFormat::Csv,
            sha256: String::new(),
            size: 1_000,
            dry_run: false,
            skip_bad_rows: false,
            state,
            actor: "a".into(),
            node: "n".into(),
            rows_checked: 200,
            rows_applied: 50,
            bytes_done: 250,
            added: 0,
            unchanged: 0,
            bad: 0,
            left_out: 0,
            message: String::new(),
            created_at: Timestamp(0),
            finished_at: None,
        }
    }

    #[test]
    fn bars_tell_of_the_present_step() {
        let percent = |state| done_of(&import(state)).map(|(percent, _)| percent);
        assert_eq!(percent(ImportState::Checking), Some(25));
        assert_eq!(percent(ImportState::Applying), Some(25));
        assert_eq!(percent(ImportState::Done), None);
        let empty = Import { size: 0, ..import(ImportState::Checking) };
        assert_eq!(done_of(&empty).map(|(percent, _)| percent), Some(0));
    }

    #[test]
    fn what_is_refused_was_not_added() {
        assert!(!is_entered(&import(ImportState::Refused)));
        assert!(is_entered(&import(ImportState::Done)));
        assert!(!is_entered(&Import { dry_run: true, ..import(ImportState::Done) }));
    }

    #[test]
    fn a_trial_has_no_third_step() {
        let trial = Import { dry_run: true, ..import(ImportState::Done) };
        assert_eq!(steps_of(&trial), [("Received", Step::Done), ("Checked", Step::Done)]);
        assert_eq!(steps_of(&import(ImportState::Refused))[1].1, Step::Failed);
    }
}
