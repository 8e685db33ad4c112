//! What tables share: their frame, sortable headings, pages, filters, and what stands in an empty one.

use super::icons;
use leptos::prelude::*;

/// A table's frame: scrolls sideways by itself, reachable by keyboard, announced by `label`.
#[must_use]
pub fn frame(label: impl Into<String>, table: impl IntoView + 'static) -> impl IntoView {
    view! { <div class="tablewrap scrollx" tabindex="0" role="region" aria-label=label.into()>{table}</div> }
}

/// Which way a column is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    /// Smallest first.
    Up,
    /// Largest first.
    Down,
    /// Not by this column.
    No,
}

/// A column's heading. With `href` it is a link that sorts by the column.
#[must_use]
pub fn heading(label: &'static str, href: Option<String>, sorted: Sorted, numeric: bool) -> impl IntoView + use<> {
    let (aria, icon) = match sorted {
        Sorted::Up => (Some("ascending"), Some(icons::ARROW_UP)),
        Sorted::Down => (Some("descending"), Some(icons::ARROW_DOWN)),
        Sorted::No => (None, None),
    };
    let inner = match href {
        Some(href) => view! { <a href=href>{label}{icon.map(icons::icon)}</a> }.into_any(),
        None => label.into_any(),
    };
    view! { <th scope="col" class=numeric.then_some("num") aria-sort=aria>{inner}</th> }
}

/// Where the pages before and after are, and what this one shows.
pub struct Pager {
    /// `1 to 50 of 412, answered in 9 ms`.
    pub summary: String,
    /// The page before; none on the first.
    pub previous: Option<String>,
    /// The page after; none on the last.
    pub next: Option<String>,
}

/// A pager for a panel's footer.
#[must_use]
pub fn pager(pager: Pager) -> impl IntoView + use<> {
    let has_others = pager.previous.is_some() || pager.next.is_some();
    let previous = match pager.previous {
        Some(href) => {
            view! { <a class="btn small" rel="prev" href=href>{icons::icon(icons::LEFT)}"Previous"</a> }.into_any()
        }
        None => view! {
            <span class="btn small" role="link" aria-disabled="true" title="This is the first page">
                {icons::icon(icons::LEFT)}
                "Previous"
            </span>
        }
        .into_any(),
    };
    let next = match pager.next {
        Some(href) => {
            view! { <a class="btn small" rel="next" href=href>"Next"{icons::icon(icons::RIGHT)}</a> }.into_any()
        }
        None => view! {
            <span class="btn small" role="link" aria-disabled="true" title="This is the last page">
                "Next"
                {icons::icon(icons::RIGHT)}
            </span>
        }
        .into_any(),
    };
    let turns = has_others.then(|| view! { <span class="pager push">{previous}{next}</span> });
    view! { <span>{pager.summary}</span>{turns} }
}

/// A filter that is on: what it is about, its value, and the address without it.
#[must_use]
pub fn chip(key: impl Into<String>, value: impl Into<String>, without: String) -> impl IntoView {
    let key = key.into();
    let label = format!("Remove {key}");
    view! {
        <span class="chip">
            <span class="k">{key}</span>
            <span class="v">{value.into()}</span>
            <a class="x" href=without aria-label=label>{icons::icon(icons::X)}</a>
        </span>
    }
}

/// The ranks that stand above an empty list.
fn empty_ranks() -> impl IntoView {
    let dots: String = (0..3)
        .flat_map(|row| (0..8).map(move |column| (row, column)))
        .map(|(row, column)| format!(r#"<circle cx="{}" cy="{}" r="2"/>"#, 6 + column * 12, 4 + row * 12))
        .collect();
    view! { <svg class="ranks" viewBox="0 0 96 32" aria-hidden="true" inner_html=dots></svg> }
}

/// Nothing is here yet: say what belongs here and how it gets here.
#[must_use]
pub fn none_yet(what: impl Into<String>, how: impl IntoView + 'static) -> impl IntoView {
    view! { <div class="empty">{empty_ranks()}<p class="strong">{what.into()}</p>{how}</div> }
}

/// Nothing matches the filter: offer the list without it.
#[must_use]
pub fn no_match(what: impl Into<String>, clear: impl Into<String>) -> impl IntoView {
    view! {
        <div class="empty">
            {empty_ranks()}
            <p class="strong">{what.into()}</p>
            <a class="btn small" href=clear.into()>{icons::icon(icons::X)}"Clear the filter"</a>
        </div>
    }
}

/// There may be something, but not for this person.
#[must_use]
pub fn no_permission(what: impl Into<String>, who_may: impl Into<String>) -> impl IntoView {
    view! {
        <div class="empty">
            {icons::icon(icons::LOCK)}
            <p class="strong">{what.into()}</p>
            <p class="small">{who_may.into()}</p>
        </div>
    }
}
