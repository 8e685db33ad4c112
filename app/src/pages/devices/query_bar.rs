//! The query: its field, its terms as chips, terms to add, and what is wrong with it.

use super::request::{PATH, Request};
use crate::components::{
    icons::{self, icon},
    overlay::query_field,
    table::chip,
};
use domain::query::{FleetQuery, QueryError, QueryErrors, Term, explain, parse, quoted};
use fleet::catalogue::Catalogue;
use leptos::prelude::*;

/// The field, and what is below it while the query can be read.
#[must_use]
pub fn bar(request: &Request, query: &FleetQuery, catalogue: &Catalogue) -> impl IntoView + use<> {
    let chips: Vec<_> = query
        .terms
        .iter()
        .enumerate()
        .map(|(at, term)| {
            let (about, value) = explain(term);
            chip(about, value, request.href_of_query(&query.without_term(at)))
        })
        .collect();
    view! {
        <div class="stack tight">
            {field(request, false)}
            <div class="chips">
                {chips}
                {filter_menu(request, query, catalogue)}
                <a class="small push" href="/devices/query-language">"Query language"</a>
            </div>
        </div>
    }
}

/// The field, and what is wrong with the query.
#[must_use]
pub fn bar_with_errors(request: &Request, errors: &QueryErrors) -> impl IntoView + use<> {
    let items: Vec<_> = errors.0.iter().map(|error| problem(request, error)).collect();
    view! {
        <div class="stack tight">
            {field(request, true)}
            <div class="note bad" role="alert" id="q-error">
                {icon(icons::WARN)}
                <div>
                    <h2>"This query can't be read"</h2>
                    <ul class="query-errors">{items}</ul>
                    <p class="mt1 small">
                        <a href="/devices/query-language">"The query language"</a>
                        " has every field with examples. "
                        <a href=PATH>"Show all devices"</a>
                    </p>
                </div>
            </div>
        </div>
    }
}

fn field(request: &Request, invalid: bool) -> impl IntoView + use<> {
    let kept: Vec<_> = request
        .kept()
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect();
    view! {
        <form class="query" action=PATH role="search" aria-label="Devices">
            {icon(icons::SEARCH)}
            {query_field(&request.text, invalid)}
            {kept}
            <button class="btn" type="submit">"Search"</button>
        </form>
    }
}

/// How much of a long query is shown around what is wrong with it, in characters.
const AROUND: usize = 32;

fn problem(request: &Request, error: &QueryError) -> impl IntoView + use<> {
    let text = request.text.as_str();
    let before: Vec<char> = text.get(..error.span.start).unwrap_or_default().chars().collect();
    let wrong: String = text.get(error.span.clone()).unwrap_or_default().chars().take(2 * AROUND).collect();
    let after: String = text.get(error.span.end..).unwrap_or_default().chars().take(AROUND).collect();
    let skipped = before.len().saturating_sub(AROUND);
    let before: String = before.iter().skip(skipped).collect();
    let before = match (skipped, before.as_str()) {
        (_, "") => None,
        (0, _) => Some(before),
        _ => Some(format!("… {before}")),
    };
    let after = (!after.is_empty()).then_some(after);
    let corrected = error.corrected(text).map(|better| {
        let suggestion = error.suggestion.clone().unwrap_or_default();
        view! { " " <a href=request.href_of_text(&better)>"Use " <span class="mono">{suggestion}</span></a> }
    });
    let message = sentence(&error.message);
    view! {
        <li>
            <code class="marked" aria-hidden="true">{before}<mark>{wrong_or_gap(wrong)}</mark>{after}</code>
            <p>"Column " {error.column} ": " {message} {corrected}</p>
        </li>
    }
}

/// What is missing is marked by a gap.
fn wrong_or_gap(wrong: String) -> String {
    if wrong.is_empty() { "\u{a0}".to_owned() } else { wrong }
}

/// An error's message with a full stop.
fn sentence(message: &str) -> String {
    if message.ends_with(['.', '?', '!']) { message.to_owned() } else { format!("{message}.") }
}

/// Terms that are asked for often. Adding one replaces what the query says about the same field.
const COMMON: &[(&str, &[(&str, &str)])] = &[
    (
        "Trust",
        &[
            ("Trusted", "trust:trusted"),
            ("Suspect", "trust:suspect"),
            ("Quarantined", "trust:quarantined"),
            ("Revoked", "trust:revoked"),
        ],
    ),
    (
        "Lifecycle",
        &[
            ("Made", "state:made"),
            ("In transit", "state:in_transit"),
            ("Stocked", "state:stocked"),
            ("Active", "state:active"),
            ("In repair", "state:in_repair"),
            ("Retired", "state:retired"),
        ],
    ),
    (
        "Connection",
        &[
            ("Online", "conn:online"),
            ("Late", "conn:late"),
            ("Silent", "conn:silent"),
            ("Never seen", "seen:never"),
            ("Seen within a day", "seen<1d"),
            ("Not seen for a week", "seen>7d"),
        ],
    ),
    ("Certificate", &[("Ends within 30 days", "cert.expires<30d"), ("Expired", "cert:expired"), ("None", "cert:none")]),
    (
        "Held by",
        &[
            ("A client", "kind:client"),
            ("A distributor", "kind:distributor"),
            ("A repair centre", "kind:repair_centre"),
            ("The factory", "kind:factory"),
        ],
    ),
    ("Made", &[("Within 30 days", "made<30d"), ("Within a year", "made<1y"), ("Over two years ago", "made>2y")]),
    (
        "Component",
        &[
            ("Has LTE", "component:lte"),
            ("Has WLAN", "component:wlan"),
            ("Has a secure element", "component:secure_element"),
        ],
    ),
];

/// More names than this are found faster by typing.
const NAMES: usize = 6;

fn filter_menu(request: &Request, query: &FleetQuery, catalogue: &Catalogue) -> impl IntoView + use<> {
    let with = |written: &str| term_of(written).map(|term| request.href_of_query(&query.with_only(term)));
    let group = |title: &'static str, choices: Vec<(String, String)>| {
        let links: Vec<_> = choices
            .into_iter()
            .filter_map(|(words, written)| Some(view! { <li><a href=with(&written)?>{words}</a></li> }))
            .collect();
        view! {
            <div>
                <h2>{title}</h2>
                <ul>{links}</ul>
            </div>
        }
    };
    let names = |field: &str, names: Vec<&str>| -> Vec<(String, String)> {
        names.into_iter().take(NAMES).map(|name| (name.to_owned(), format!("{field}:{}", quoted(name)))).collect()
    };
    let models = names("model", catalogue.models.iter().map(|model| model.name.as_str()).collect());
    let batches = names("batch", catalogue.batches.iter().map(|batch| batch.code.as_str()).collect());
    let mut groups: Vec<AnyView> = COMMON
        .iter()
        .map(|(title, terms)| {
            let choices = terms.iter().map(|(words, written)| ((*words).to_owned(), (*written).to_owned()));
            group(title, choices.collect()).into_any()
        })
        .collect();
    for (title, choices) in [("Model", models), ("Newest batches", batches)] {
        if !choices.is_empty() {
            groups.push(group(title, choices).into_any());
        }
    }
    view! {
        <details class="menu filters">
            <summary class="chip add">{icon(icons::PLUS)}"Filter"</summary>
            <div class="pop">{groups}</div>
        </details>
    }
}

/// The one term of a query that was written here.
fn term_of(written: &str) -> Option<Term> {
    parse(written).ok()?.terms.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_terms_can_be_read() {
        for (_, terms) in COMMON {
            for (_, written) in *terms {
                let read = parse(written);
                assert_eq!(read.as_ref().map(|query| query.terms.len()), Ok(1), "{written}: {read:?}");
            }
        }
    }
}
