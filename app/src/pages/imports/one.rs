//! One import: how far it is, what came of it, and what is wrong with its file.

use super::{
    progress::{is_entered, progress},
    size_words, state,
};
use crate::{
    components::{
        icons,
        panel::{Panel, disabled_button, facts, head, link_button, note},
        status::{Status, Tone},
        table::frame,
        text::{ago, copy, count, minute},
    },
    context::{Ctx, devices_href, href, segment},
    islands::Follow,
    page::Page,
    pages::errors::who_may,
};
use domain::{
    id::ImportId,
    import::{ImportFormat, ImportState, Severity},
    person::Permission,
    query::quoted,
    time::span_words,
};
use fleet::import::{Import, ImportProblem, PROBLEMS_KEPT};
use leptos::prelude::*;
use std::collections::HashSet;

/// So many problems on a page.
const ROWS: usize = 100;
/// The longest name of a column that has a place: a slot's.
const NAME: usize = 32;
/// How often the page comes again by itself while the import runs, where no script can follow it, in seconds.
const AGAIN: &str = "2";

/// `/imports/{id}`.
///
/// # Errors
/// When the actor may not see imports, there is no such import, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let id: ImportId = ctx.param("id").parse().map_err(|_| fleet::Error::not_found("import", ctx.param("id")))?;
    let import = ctx.fleet.import(&ctx.actor, id).await?;
    let after: i64 = ctx.query_value("after").and_then(|after| after.parse().ok()).unwrap_or(0);
    let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let problems = ctx.fleet.import_problems(&ctx.actor, id, after, limit).await?;
    let sub = view! {
        <p>
            {format!("{}, {}, sent by {} ", import.format.label(), size_words(import.size), import.actor)}
            {ago(import.created_at, ctx.now)}
        </p>
    };
    let body = view! {
        {head(view! { {import.file_name.clone()} {state(&import).badge()} }, sub, acts(&ctx, &import))}
        <div class="cols lead">
            <div class="stack loose">
                {Panel::new(if import.dry_run { "Trial" } else { "Import" })
                    .body(running(&import))}
                {verdict(&import)}
                {wrong(&ctx, &import, problems, after)}
            </div>
            {about(&ctx, &import)}
        </div>
    };
    Ok(Page::new(import.file_name, body).crumb("Imports", "/imports"))
}

/// Its progress. While it runs, it follows by itself where there is a script; without one the page comes again.
fn running(import: &Import) -> impl IntoView + use<> {
    if import.state.is_final() {
        return view! { <div>{progress(import)}</div> }.into_any();
    }
    let (topic, path) = (format!("import:{}", import.id), format!("/imports/{}/progress", import.id));
    view! {
        <div data-follow=path data-topic=topic>{progress(import)}</div>
        <noscript><meta http-equiv="refresh" content=AGAIN /></noscript>
        <Follow />
    }
    .into_any()
}

fn acts(ctx: &Ctx, import: &Import) -> impl IntoView + use<> {
    let report = (import.bad > 0 || import.left_out > 0)
        .then(|| link_button(format!("/imports/{}/problems.csv", import.id), icons::DOWNLOAD, "Problems as CSV"));
    (report, cancel(ctx, import))
}

fn cancel(ctx: &Ctx, import: &Import) -> impl IntoView + use<> {
    let can = match import.state {
        ImportState::Received | ImportState::Checking => Ok(()),
        ImportState::Applying => Err("It is being entered and can't be stopped any more: half a file would be worse."),
        _ => return ().into_any(),
    };
    match can {
        Err(why) => disabled_button(icons::CROSS, "Cancel", why).into_any(),
        Ok(()) if !ctx.may(Permission::ImportRun) => {
            disabled_button(icons::CROSS, "Cancel", who_may(Permission::ImportRun)).into_any()
        }
        Ok(()) => view! {
            <form method="post" action=format!("/imports/{}/cancel", import.id)>
                <button class="btn danger" type="submit">{icons::icon(icons::CROSS)}"Cancel"</button>
            </form>
        }
        .into_any(),
    }
}

/// What came of it, in the import's own words.
fn verdict(import: &Import) -> impl IntoView + use<> {
    if import.message.is_empty() {
        return ().into_any();
    }
    let (tone, icon) = match import.state {
        ImportState::Refused | ImportState::Failed => (Tone::Bad, icons::WARN),
        ImportState::Cancelled => (Tone::Plain, icons::INFO),
        // What is said before the end is why it does not go on.
        state if !state.is_final() => (Tone::Warn, icons::WARN),
        _ if import.bad > 0 => (Tone::Warn, icons::WARN),
        _ if import.dry_run => (Tone::Go, icons::INFO),
        _ if import.added == 0 => (Tone::Plain, icons::INFO),
        _ => (Tone::Ok, icons::CHECK),
    };
    let next = match import.state {
        ImportState::Done if import.dry_run => Some(
            view! { " To enter it, "<a href="/imports#send">"send the file again"</a>" with “Import” chosen." }
                .into_any(),
        ),
        ImportState::Refused if import.bad > 0 && import.rows_checked > import.bad => Some(
            view! {
                " For that, "
                <a href="/imports#send">"send the file again"</a>
                " with “Import” chosen and “Import good rows even if some are bad” ticked, or with "
                <code class="nowrap">"muster import --skip-bad-rows"</code>
                "."
            }
            .into_any(),
        ),
        ImportState::Refused if import.rows_checked == 0 => {
            Some(view! { " "<a href="/imports/format">"What a file must look like."</a> }.into_any())
        }
        _ => None,
    };
    note(tone, icon, view! { <p>{linked(&import.message, is_entered(import))}{next}</p> }).into_any()
}

/// The import's words, in which what it brought is a link: `batch “A”`, `factory “b”`, `model “C”`.
fn linked(message: &str, is_there: bool) -> Vec<AnyView> {
    let (mut parts, mut listed) = (Vec::new(), HashSet::new());
    let mut rest = message;
    while let Some((before, (kind, name), after)) = next_named(rest).filter(|_| is_there) {
        let (to, devices) = match kind {
            "batch" => (format!("/batches/{}", segment(name)), Some(devices_href(&format!("batch:{}", quoted(name))))),
            "factory" => (format!("/custodians/{}", segment(name)), None),
            _ => (devices_href(&format!("model:{}", quoted(name))), None),
        };
        let devices = devices.filter(|_| listed.insert(name)).map(|to| view! { " (" <a href=to>"its devices"</a> ")" });
        parts.push(
            view! { {before.to_owned()} {format!("{kind} ")} <a href=to>{name.to_owned()}</a> {devices} }.into_any(),
        );
        rest = after;
    }
    parts.push(rest.to_owned().into_any());
    parts
}

/// The first thing that is named in a text: what stands before it, its kind and name, what stands after.
fn next_named(text: &str) -> Option<(&str, (&str, &str), &str)> {
    let (open, close) = ("“", "”");
    let at = text.find(open)?;
    let (name, after) = text.get(at + open.len()..)?.split_once(close)?;
    let before = text.get(..at)?.trim_end();
    let kind = ["batch", "factory", "model"].into_iter().find(|kind| before.ends_with(kind))?;
    Some((before.strip_suffix(kind)?, (kind, name), after))
}

/// What is wrong, or was left out, line by line.
fn wrong(ctx: &Ctx, import: &Import, mut problems: Vec<ImportProblem>, after: i64) -> impl IntoView + use<> {
    // A file that can't be read at all has its one reason in the verdict already.
    let told = import.bad == 0 && import.state == ImportState::Refused && problems.len() == 1;
    if after == 0 && (problems.is_empty() || told) {
        return ().into_any();
    }
    let more = problems.len() > ROWS;
    problems.truncate(ROWS);
    let bad = problems.iter().any(|problem| problem.severity == Severity::Bad);
    let title = if bad || import.bad > 0 { "What is wrong" } else { "What was left out, and why" };
    let report = format!("/imports/{}/problems.csv", import.id);
    let epcis = import.format == ImportFormat::Epcis;
    let body = if problems.is_empty() {
        view! { <p class="body soft">"There are no more."</p> }.into_any()
    } else {
        table(&problems, epcis).into_any()
    };
    Panel::new(title)
        .id("problems")
        .aside(view! { <a href=report>"All as CSV"</a> })
        .footer(footer(ctx, import, &problems, after, more))
        .flush(body)
        .into_any()
}

fn table(problems: &[ImportProblem], epcis: bool) -> impl IntoView + use<> {
    let (place, column, what) = if epcis { ("Event", "About", "Why") } else { ("Line", "Column", "What is wrong") };
    let rows: Vec<_> = problems.iter().map(|problem| row(problem, place, column)).collect();
    frame(
        "Problems",
        view! {
            <table class="table cards upper">
                <caption class="sr">"Problems, in the order of the file"</caption>
                <thead>
                    <tr>
                        <th scope="col" class="num">{place}</th>
                        <th scope="col">{column}</th>
                        <th scope="col">{what}</th>
                        <th scope="col">"Verdict"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn row(problem: &ImportProblem, place: &'static str, about: &'static str) -> impl IntoView + use<> {
    let line = match problem.line {
        ..=0 => view! { "file" }.into_any(),
        line => view! { <span class="only-phone">{place}" "</span>{count(line)} }.into_any(),
    };
    let column = match problem.column.as_str() {
        "" => view! { <span class="quiet">"–"</span> }.into_any(),
        column => view! { <span class="mono">{column.to_owned()}</span> }.into_any(),
    };
    let outcome = match problem.severity {
        Severity::Bad => Status { word: "Bad", icon: icons::CROSS, tone: Tone::Bad },
        Severity::Left => Status { word: "Left out", icon: icons::MINUS, tone: Tone::Mute },
    };
    view! {
        <tr>
            <th scope="row" class="num nowrap">{line}</th>
            <td data-l=about class=place_class(&problem.column)>{column}</td>
            <td data-l="What" class="told">{problem.message.clone()}</td>
            <td data-l="Verdict">{outcome.cell()}</td>
        </tr>
    }
}

/// A column's name stands on one line; what an EPCIS document names may be an address that is longer than any.
fn place_class(column: &str) -> &'static str {
    if column.chars().count() <= NAME { "where nowrap" } else { "where" }
}

fn footer(ctx: &Ctx, import: &Import, problems: &[ImportProblem], after: i64, more: bool) -> impl IntoView + use<> {
    let all = import.bad.saturating_add(import.left_out);
    let kept = i64::try_from(PROBLEMS_KEPT).unwrap_or(i64::MAX);
    let words = match (problems.first(), problems.last()) {
        (Some(first), Some(last)) => format!("{} to {}", count(first.seq), count(last.seq)),
        _ => "None".to_owned(),
    };
    let cut = (all > kept).then(|| format!(". The first {} are listed; all {} are counted", count(kept), count(all)));
    let first = (after > 0).then(|| {
        let to = format!("{}#problems", ctx.href_with(&[("after", None)]));
        view! { <a class="btn small" rel="prev" href=to>{icons::icon(icons::LEFT)}"First"</a> }
    });
    let next = problems.last().filter(|_| more).map(|last| {
        let to = format!("{}#problems", ctx.href_with(&[("after", Some(&last.seq.to_string()))]));
        view! { <a class="btn small" rel="next" href=to>"Next"{icons::icon(icons::RIGHT)}</a> }
    });
    view! { <span>{words}{cut}</span><span class="pager push">{first}{next}</span> }
}

fn about(ctx: &Ctx, import: &Import) -> impl IntoView + use<> {
    let took = import.finished_at.map(|end| span_words(end.0.saturating_sub(import.created_at.0).max(0)));
    let how = match (import.dry_run, import.skip_bad_rows) {
        (true, _) => "Try only",
        (false, true) => "Good rows, even if some are bad",
        (false, false) => "Whole or not at all",
    };
    let hash = view! { <span class="mono">{import.sha256.clone()}</span>{copy("hash", &import.sha256)} };
    let mut rows = vec![
        ("How", how.into_any()),
        ("Kind", import.format.label().into_any()),
        (
            "Size",
            view! { <span title=format!("{} bytes", count(import.size))>{size_words(import.size)}</span> }.into_any(),
        ),
        (if import.format == ImportFormat::Epcis { "Events" } else { "Rows" }, count(import.rows_checked).into_any()),
        ("Sent", view! { {minute(import.created_at)}" by "{import.actor.clone()} }.into_any()),
    ];
    if let (Some(end), Some(took)) = (import.finished_at, took) {
        rows.push(("Ended", view! { {minute(end)}{format!(", after {took}")} }.into_any()));
    }
    rows.push(("SHA-256", hash.into_any()));
    if ctx.may(Permission::AuditRead) {
        let audit = href("/audit", &[("subject", format!("import:{}", import.id))]);
        rows.push(("Audit", view! { <a href=audit>"What was done"</a> }.into_any()));
    }
    Panel::new("About").body(facts(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_import_brought_is_found_in_its_words() {
        let text = "2 devices added to batch “A 1”, 1 row was bad. New: model “B”.";
        let (before, named, after) = next_named(text).unwrap_or_default();
        assert_eq!((before, named), ("2 devices added to ", ("batch", "A 1")));
        assert_eq!(next_named(after), Some((", 1 row was bad. New: ", ("model", "B"), ".")));
        assert_eq!(next_named("the file “a.csv” is empty"), None);
        assert_eq!(next_named("batch “cut"), None);
    }

    #[test]
    fn names_of_columns_are_not_broken_and_addresses_may_be() {
        assert_eq!(place_class("hardware_revision"), "where nowrap");
        assert_eq!(place_class("https://id.gs1.org/01/09521321000018/21/abc"), "where");
    }
}
