//! The history, grouped by who held the device, newest first.

use super::{
    events::{Group, in_short},
    forms,
    life::{Life, Span},
    place::Place,
    updates::{Item, is_in, joined, told},
};
use crate::{
    components::{
        icons::{self, icon},
        panel::Panel,
        status::{custodian_icon, event_mark},
        table::{Pager, pager},
        text::{count, minute, stamp},
    },
    context::Ctx,
};
use domain::{
    history::{Entry, Event},
    time::{DAY, Timestamp},
};
use leptos::prelude::*;

/// Entries of one page.
const PAGE: usize = 100;
/// Entries that the overview shows before it refers to the history's own page.
pub const SHORT: usize = 40;

/// The panel; `whole` when it has the page for itself.
#[must_use]
pub fn panel(ctx: &Ctx, life: &Life<'_>, place: &Place, whole: bool) -> impl IntoView + use<> {
    let items = items(life, place);
    let size = if whole { PAGE } else { SHORT };
    let (from, to) = window(items.len(), size, if whole { place.page } else { 1 });
    let shown = items.get(from..to).unwrap_or_default();
    // Items of one holder stand together: they are in the order of time.
    let groups: Vec<_> = shown
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|chunk| Some(group(ctx, life, life.spans.get(chunk.first()?.0)?, chunk, place)))
        .collect();
    let aside = view! {
        <span class="hide-phone">"Newest first, UTC"</span>
        {filter_menu(place)}
        <a href=place.epcis_file()>"Export EPCIS 2.0"</a>
    };
    let body = if groups.is_empty() { nothing(place).into_any() } else { groups.into_any() };
    let panel = Panel::new("History").id("history").aside(aside);
    if whole {
        let pages = pages(place, items.len(), from, to);
        return panel.footer(pager(pages)).flush(body).into_any();
    }
    if items.len() <= SHORT {
        return panel.flush(body).into_any();
    }
    let all = format!("All {} events", count(i64::try_from(items.len()).unwrap_or(0)));
    panel.footer(view! { <a href=place.history(1)>{all}</a> }).flush(body).into_any()
}

/// How many events the history tells of; the steps of one update are one.
#[must_use]
pub fn told_of(life: &Life<'_>) -> usize {
    life.spans.iter().map(|span| joined(span.entries.iter().copied()).len()).sum()
}

/// What the history tells, newest first, each with the number of the span that it belongs to.
fn items<'a>(life: &Life<'a>, place: &Place) -> Vec<(usize, Item<'a>)> {
    let numbered = life.spans.iter().enumerate();
    let of_span = |(n, span): (usize, &Span<'a>)| {
        joined(span.entries.iter().copied()).into_iter().map(move |item| (n, item)).collect::<Vec<_>>()
    };
    let mut items: Vec<_> = numbered.flat_map(of_span).filter(|(_, item)| is_in(item, place.group)).collect();
    items.reverse();
    items
}

/// The first entry of a page, and the one after its last.
fn window(entries: usize, size: usize, page: usize) -> (usize, usize) {
    let last = entries.div_ceil(size).max(1);
    let from = (page.clamp(1, last) - 1) * size;
    (from, (from + size).min(entries))
}

fn pages(place: &Place, entries: usize, from: usize, to: usize) -> Pager {
    let n = |n: usize| count(i64::try_from(n).unwrap_or(0));
    let page = from / PAGE + 1;
    let summary = if entries == 0 {
        "no events".to_owned()
    } else {
        format!("{} to {} of {} events", n(from + 1), n(to), n(entries))
    };
    Pager {
        summary,
        previous: (page > 1).then(|| place.history(page - 1)),
        next: (to < entries).then(|| place.history(page + 1)),
    }
}

fn nothing(place: &Place) -> impl IntoView + use<> {
    view! {
        <div class="empty">
            <p class="strong">"No event of this kind"</p>
            <a class="btn small" href=place.filtered(None)>{icon(icons::X)}"Show all events"</a>
        </div>
    }
}

fn filter_menu(place: &Place) -> impl IntoView + use<> {
    let link = |group: Option<Group>, label: &'static str| {
        let current = (place.group == group).then_some("true");
        view! { <a href=place.filtered(group) aria-current=current>{label}</a> }
    };
    let links: Vec<_> = Group::ALL.into_iter().map(|group| link(Some(group), group.label())).collect();
    let label =
        place.group.map_or_else(|| "Filter".to_owned(), |group| format!("Filter: {}", group.label().to_lowercase()));
    view! {
        <details class="menu">
            <summary class="linklike">{label}</summary>
            <div class="pop">{link(None, "All events")} {links}</div>
        </details>
    }
}

fn group(
    ctx: &Ctx,
    life: &Life<'_>,
    span: &Span<'_>,
    items: &[(usize, Item<'_>)],
    place: &Place,
) -> impl IntoView + use<> {
    let entries: Vec<_> = items.iter().map(|(_, item)| event(ctx, life, item, place)).collect();
    let drawn = span.holder.map_or(icons::BOX, |holder| custodian_icon(holder.kind));
    view! {
        <section class="tl-group">
            <h3>
                {icon(drawn)}
                {span.name().to_owned()}
                " "
                <span class="place">{span.place.to_owned()}</span>
                <span class="span">{format!("{}, {}", range(span.from, span.until), span.days(life.now))}</span>
            </h3>
            <ol class="tl">{entries}</ol>
        </section>
    }
}

/// `12 Jun 2027 to now`, `18 May to 12 Jun 2027`.
#[must_use]
pub fn range(from: Timestamp, until: Option<Timestamp>) -> String {
    let Some(until) = until else { return format!("{} to now", from.day_words()) };
    let (start, end) = (from.day_words(), until.day_words());
    let year = |day: &str| day.rsplit_once(' ').map(|(rest, year)| (rest.to_owned(), year.to_owned()));
    match (year(&start), year(&end)) {
        _ if start == end => start,
        (Some((day, from)), Some((_, to))) if from == to => format!("{day} to {end}"),
        _ => format!("{start} to {end}"),
    }
}

fn event(ctx: &Ctx, life: &Life<'_>, item: &Item<'_>, place: &Place) -> impl IntoView + use<> {
    let entry = item.entry;
    let (drawn, tone) = event_mark(&entry.event);
    let correction = life.correction_of(entry);
    let told = told(item);
    let mut details = told.details;
    if !entry.place.is_empty() {
        details.insert(0, entry.place.clone());
    }
    details.push(said_by(entry));
    let details = details.iter().map(|detail| detail.trim_end_matches('.')).collect::<Vec<_>>().join(". ");
    let headline = match corrected(life, entry) {
        Some(corrected) => corrected.into_any(),
        None => told.headline,
    };
    let headline = match correction {
        Some(_) => view! { <s>{headline}</s> }.into_any(),
        None => headline,
    };
    let void = correction.map(|(later, reason)| {
        view! {
            <p class="void-note">
                {icon(icons::REVERT)}
                <span>"Corrected by " {later.actor.clone()} ", " {minute(later.recorded_at)} ": " {reason.to_owned()}</span>
            </p>
        }
    });
    let class = if correction.is_some() { "ev void" } else { "ev" };
    let correct = forms::correction(ctx, entry, place, correction.is_some());
    view! {
        <li class=class id=(item.steps.len() < 2).then(|| format!("e-{}", entry.id))>
            {event_time(entry.at, ctx.now)}
            <span class=tone.dot_class()>{icon(drawn)}</span>
            <div>
                <h4>{headline}</h4>
                <p>{details}</p>
                {told.more}
                {void}
                {correct}
            </div>
        </li>
    }
}

/// The day and the minute; the year where it isn't this one.
fn event_time(at: Timestamp, now: Timestamp) -> impl IntoView + use<> {
    let time = at.to_utc();
    let format = if at.month().get(..4) == now.month().get(..4) { "%-d %b, %H:%M" } else { "%-d %b %Y, %H:%M" };
    stamp(at, time.format(format).to_string())
}

/// Who says so, and when we learned of it, if that was much later.
fn said_by(entry: &Entry) -> String {
    let late = entry.recorded_at.0.saturating_sub(entry.at.0) > DAY;
    let recorded = if late { format!(", recorded {}", entry.recorded_at.day_words()) } else { String::new() };
    format!("By: {}{recorded}", entry.actor)
}

/// A correction, with the entry that it is about.
fn corrected(life: &Life<'_>, entry: &Entry) -> Option<impl IntoView + use<>> {
    let Event::Corrected { entry: id, .. } = entry.event else { return None };
    let wrong = life.entry(id);
    let href = format!("#e-{id}");
    let what = wrong.map_or_else(
        || "an entry".to_owned(),
        |wrong| format!("“{}” of {}", in_short(&wrong.event), wrong.at.day_words()),
    );
    Some(view! { <b>"Correction"</b> ": " <a href=href>{what}</a> " no longer counts" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_name_a_year_once() {
        let day = |text: &str| Timestamp::parse(text).unwrap_or_default();
        assert_eq!(range(day("2027-05-18"), Some(day("2027-06-12"))), "18 May to 12 Jun 2027");
        assert_eq!(range(day("2026-11-28"), Some(day("2027-01-05"))), "28 Nov 2026 to 5 Jan 2027");
        assert_eq!(range(day("2026-11-28"), Some(day("2026-11-28"))), "28 Nov 2026");
        assert_eq!(range(day("2027-06-12"), None), "12 Jun 2027 to now");
    }

    #[test]
    fn pages_that_do_not_exist_are_the_nearest() {
        assert_eq!(
            [window(250, 100, 1), window(250, 100, 3), window(250, 100, 99)],
            [(0, 100), (200, 250), (200, 250)]
        );
        assert_eq!(window(0, 100, 7), (0, 0));
    }
}
