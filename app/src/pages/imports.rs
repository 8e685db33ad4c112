//! Imports: bringing files in, and what came of each.

pub mod format;
mod one;
pub mod progress;
mod upload;

pub use one::load as load_one;

use crate::{
    components::{
        icons,
        panel::{Panel, head, link_button},
        status::{Status, Tone},
        table::{frame, none_yet},
        text::{ago, count},
    },
    context::Ctx,
    page::Page,
};
use domain::{
    id::ImportId,
    import::{ImportFormat, ImportState},
};
use fleet::import::Import;
use leptos::prelude::*;

/// So many imports on a page.
const ROWS: usize = 50;

/// How an import stands.
#[must_use]
pub fn state(import: &Import) -> Status {
    let (icon, tone) = match import.state {
        ImportState::Received => (icons::HOURGLASS, Tone::Mute),
        ImportState::Checking => (icons::SEARCH, Tone::Go),
        ImportState::Applying => (icons::INSTALL, Tone::Go),
        ImportState::Done if import.dry_run => (icons::CHECK, Tone::Go),
        ImportState::Done => (icons::CHECK, Tone::Ok),
        ImportState::Refused => (icons::BAN, Tone::Bad),
        ImportState::Failed => (icons::CROSS, Tone::Bad),
        ImportState::Cancelled => (icons::CROSS, Tone::Mute),
    };
    let word = match import.state {
        ImportState::Done if import.dry_run => "Checked only",
        state => state.label(),
    };
    Status { word, icon, tone }
}

/// A size in words: `12.4 MB`.
#[must_use]
pub fn size_words(bytes: i64) -> String {
    let tenths = |unit: i64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        ..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

/// `/imports`.
///
/// # Errors
/// When the actor may not see imports, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let before = ctx.query_value("before").and_then(|id| id.parse::<ImportId>().ok());
    let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let mut imports = ctx.fleet.imports(&ctx.actor, before, limit).await?;
    let more = imports.len() > ROWS;
    imports.truncate(ROWS);
    let list = if imports.is_empty() {
        let how = view! {
            <p>"Send a factory's manifest or an EPCIS document. Try it first: that changes nothing."</p>
            <a class="btn small" href="/imports/format">{icons::icon(icons::DOC)}"What a file must look like"</a>
        };
        none_yet("Nothing was imported yet", how).into_any()
    } else {
        table(&ctx, &imports).into_any()
    };
    let panel =
        Panel::new("Imports").aside(view! { <span>"Newest first"</span> }).footer(footer(&ctx, &imports, before, more));
    let acts = (
        link_button("/imports/format", icons::DOC, "File format"),
        link_button("/imports/template.csv", icons::DOWNLOAD, "CSV template"),
    );
    let sub = view! { <p>"Factory manifests and EPCIS 2.0 documents. A file is imported whole or not at all, and the same file twice adds nothing."</p> };
    let body = view! {
        {head("Imports", sub, acts)}
        <div class="cols lead aside-first">
            {panel.flush(list)}
            {upload::panel(&ctx)}
        </div>
    };
    Ok(Page::new("Imports", body).live("import"))
}

fn table(ctx: &Ctx, imports: &[Import]) -> impl IntoView + use<> {
    let rows: Vec<_> = imports.iter().map(|import| row(ctx, import)).collect();
    frame(
        "Imports",
        view! {
            <table class="table cards">
                <caption class="sr">"Imports, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"File"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="num">"Rows"</th>
                        <th scope="col" class="num">"Added"</th>
                        <th scope="col" class="num">"Bad"</th>
                        <th scope="col" class="num">"When"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn row(ctx: &Ctx, import: &Import) -> impl IntoView + use<> {
    let href = format!("/imports/{}", import.id);
    let bad = if import.bad > 0 {
        view! { <a href=format!("{href}#problems")>{count(import.bad)}</a> }.into_any()
    } else {
        view! { <span class="quiet">"0"</span> }.into_any()
    };
    let about = format!("{}, {}", kind_word(import.format), size_words(import.size));
    view! {
        <tr>
            <th scope="row" class="two file">
                <b><a href=href>{import.file_name.clone()}</a></b>
                <small>{about}</small>
            </th>
            <td data-l="State">{state(import).cell()}</td>
            <td data-l="Rows" class="num">{count(import.rows_checked)}</td>
            <td data-l="Added" class="num">{added(import)}</td>
            <td data-l="Bad" class="num">{bad}</td>
            <td data-l="When" class="num two nowrap">
                <b>{ago(import.created_at, ctx.now)}</b>
                <small>{import.actor.clone()}</small>
            </td>
        </tr>
    }
}

/// What was added; of what only was checked, what would have been.
fn added(import: &Import) -> impl IntoView + use<> {
    if progress::is_entered(import) || import.added == 0 {
        return count(import.added).into_any();
    }
    let words = format!("({})", count(import.added));
    view! { <span class="quiet" title="So many would be added; nothing was changed">{words}</span> }.into_any()
}

/// A kind of file in a word.
const fn kind_word(format: ImportFormat) -> &'static str {
    match format {
        ImportFormat::Csv => "CSV",
        ImportFormat::Jsonl => "JSON Lines",
        ImportFormat::Epcis => "EPCIS",
    }
}

fn footer(ctx: &Ctx, imports: &[Import], before: Option<ImportId>, more: bool) -> impl IntoView + use<> {
    let newest = match before {
        Some(_) => {
            let to = ctx.href_with(&[("before", None)]);
            view! { <a class="btn small" rel="prev" href=to>{icons::icon(icons::LEFT)}"Newest"</a> }.into_any()
        }
        None => view! {
            <span class="btn small" role="link" aria-disabled="true" title="These are the newest">
                {icons::icon(icons::LEFT)}
                "Newest"
            </span>
        }
        .into_any(),
    };
    let older = match imports.last().filter(|_| more) {
        Some(last) => {
            let to = ctx.href_with(&[("before", Some(&last.id.to_string()))]);
            view! { <a class="btn small" rel="next" href=to>"Older"{icons::icon(icons::RIGHT)}</a> }.into_any()
        }
        None => view! {
            <span class="btn small" role="link" aria-disabled="true" title="There are no older ones">
                "Older"
                {icons::icon(icons::RIGHT)}
            </span>
        }
        .into_any(),
    };
    view! {
        <span>"One import runs at a time, in the order of arrival"</span>
        <span class="pager push">{newest}{older}</span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(
            [0, 999, 12_400, 12_400_000, 2_147_483_648].map(size_words),
            ["0 B", "999 B", "12 kB", "12.4 MB", "2.1 GB"]
        );
    }
}
