//! Views: queries that are asked for often, as tabs, each with how many devices it finds.

use super::request::{PATH, Request, sort_of_word, sort_word};
use crate::{
    components::{
        form::{Field, checkbox, error_summary, hidden},
        icons::{self, icon},
        panel::{Tab, tabs},
    },
    context::{Ctx, href},
    pages::errors::who_may,
};
use domain::{
    person::Permission,
    query::{FleetQuery, parse},
};
use fleet::view::SavedView;
use leptos::prelude::*;

/// Views that everybody has.
const COMMON: &[(&str, &str)] = &[
    ("All", ""),
    ("Suspect", "trust:suspect"),
    ("Quarantined", "trust:quarantined"),
    ("In repair", "state:in_repair"),
    ("Certificate ends soon", "cert:expiring"),
];

/// The tabs, and the way to keep the present query as another.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn bar(ctx: &Ctx, request: &Request) -> Result<impl IntoView + use<>, fleet::Error> {
    let saved = ctx.fleet.views(&ctx.actor).await?;
    let common =
        COMMON.iter().map(|(name, query)| ((*name).to_owned(), (*query).to_owned(), request.href_of_text(query)));
    let kept = saved.iter().map(|view| (view.name.clone(), view.query.clone(), href_of(view)));
    let views: Vec<(String, String, String)> = common.chain(kept).collect();
    let queries: Vec<FleetQuery> = views.iter().map(|(_, query, _)| parse(query).unwrap_or_default()).collect();
    let counts = ctx.fleet.tally(&ctx.actor, &queries).await?;
    let present = parse(&request.text).ok();
    let shown: Vec<Tab> = views
        .into_iter()
        .zip(&queries)
        .zip(counts)
        .map(|(((label, _, href), query), count)| Tab {
            label,
            href,
            count: Some(count.number()),
            current: Some(query) == present.as_ref(),
        })
        .collect();
    let own = saved
        .into_iter()
        .find(|view| Some(view.user_id) == ctx.actor.user_id() && parse(&view.query).ok().as_ref() == present.as_ref());
    let keep = match (own, present) {
        (Some(view), _) => delete_menu(&view).into_any(),
        (None, Some(query)) if !is_common(&query) => save_menu(ctx, request).into_any(),
        _ => ().into_any(),
    };
    Ok(view! { <div class="viewbar">{tabs("Views", shown)} {keep}</div> })
}

fn is_common(query: &FleetQuery) -> bool {
    COMMON.iter().any(|(_, common)| parse(common).as_ref() == Ok(query))
}

/// The list as a view keeps it.
#[must_use]
pub fn href_of(view: &SavedView) -> String {
    let sort = sort_of_word(&view.sort);
    let mut pairs = vec![("q", view.query.clone())];
    pairs.extend(super::request::sort_pairs(sort));
    if !view.columns.is_empty() {
        pairs.push(("columns", view.columns.clone()));
    }
    href(PATH, &pairs)
}

fn save_menu(ctx: &Ctx, request: &Request) -> impl IntoView + use<> {
    if !ctx.may(Permission::ViewSave) || ctx.actor.user_id().is_none() {
        let why = who_may(Permission::ViewSave);
        return view! {
            <button class="btn plain" type="button" aria-disabled="true" title=why>{icon(icons::PLUS)}"Save this view"</button>
        }
        .into_any();
    }
    // The page is shown again with what was typed when the view could not be saved.
    let form = ctx.form.as_ref().filter(|form| form.value("form") == "view");
    let shared = form.is_some_and(|form| form.has("shared"));
    view! {
        <details class="menu save-view" open=form.is_some()>
            <summary class="btn plain">{icon(icons::PLUS)}"Save this view"</summary>
            <form class="pop" method="post" action="/views">
                {error_summary(form)}
                {hidden("form", "view")}
                {hidden("query", request.text.clone())}
                {hidden("sort", sort_word(request.sort))}
                {hidden("columns", request.columns_named.clone().unwrap_or_default())}
                {Field::new(form, "name", "Name").required().max_length(100).input()}
                {checkbox("shared", "1", "Everybody sees it", "Otherwise it is yours alone.", shared)}
                <button class="btn primary" type="submit">{icon(icons::SAVE)}"Save"</button>
            </form>
        </details>
    }
    .into_any()
}

fn delete_menu(view: &SavedView) -> impl IntoView + use<> {
    let sentence = if view.shared { "Everybody sees this view. It is yours." } else { "You alone see this view." };
    view! {
        <details class="menu save-view">
            <summary class="btn plain">{icon(icons::DOTS)}"This view"</summary>
            <form class="pop" method="post" action=format!("/views/{}/delete", view.id)>
                <p class="small quiet">{sentence}</p>
                {hidden("query", view.query.clone())}
                <button class="btn danger" type="submit">{icon(icons::X)}"Delete this view"</button>
            </form>
        </details>
    }
}
