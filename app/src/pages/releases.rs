//! Releases: the way from dev to production.

mod gates;
mod new;
mod one;
mod rules;

pub use new::load as load_new;
pub use one::load as load_one;
pub use rules::panel as stages;

use crate::{
    components::{
        icons::{self, Icon},
        panel::{Panel, head, primary_link},
        status::{Status, Tone},
        table::{Pager, chip, frame, no_match, none_yet, pager},
        text::{ago, count, plural},
    },
    context::{Ctx, href},
    page::Page,
};
use domain::{id::ReleaseId, person::Permission, release::Stage};
use fleet::release::{ReleaseFilter, ReleasePage, ReleaseRow};
use leptos::prelude::*;

/// How many releases of a stage the pipeline shows.
const SHOWN: i64 = 8;

/// How a stage looks.
#[must_use]
pub fn stage_status(stage: Stage) -> Status {
    let (icon, tone): (Icon, Tone) = match stage {
        Stage::Dev => (icons::FLASK, Tone::Mute),
        Stage::Staging => (icons::HOURGLASS, Tone::Go),
        Stage::Production => (icons::CHECK, Tone::Ok),
        Stage::Withdrawn => (icons::BAN, Tone::Bad),
    };
    Status { word: stage.label(), icon, tone }
}

/// Where a release is shown.
#[must_use]
pub fn release_href(id: ReleaseId) -> String {
    format!("/releases/{id}")
}

/// `/releases`: the pipeline; `?stage=` one stage, `?sbom=` those that hold a component.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let sbom = ctx.query_value("sbom").unwrap_or_default();
    let stage = ctx.query_value("stage").and_then(|word| word.parse::<Stage>().ok());
    let counts = ctx.fleet.release_counts(&ctx.actor).await?;
    let total: i64 = counts.iter().map(|(_, n)| n).sum();
    let body = if sbom.trim().is_empty() && stage.is_none() {
        pipeline(&ctx, &counts).await?
    } else {
        list(&ctx, ReleaseFilter { sbom: sbom.clone(), stage, product: String::new() }).await?
    };
    let push = ctx.may(Permission::ReleasePush).then(|| primary_link("/releases/new", icons::UPLOAD, "Push a release"));
    let sub = view! { <p>"What devices can be updated to. Each file is signed, and checked again before every stage and before the first device gets it."</p> };
    let inner = if total == 0 {
        let how = view! { <p>"A build pipeline pushes the first one: "<code>"muster release push FILE --product … --version …"</code></p> };
        Panel::new("No releases").flush(none_yet("Nothing was pushed yet", how)).into_any()
    } else {
        view! { {search(&sbom)} {body} }.into_any()
    };
    let page = view! { {head("Releases", sub, push)} {inner} };
    Ok(Page::new("Releases", page).live("release"))
}

fn search(sbom: &str) -> impl IntoView + use<> {
    view! {
        <form class="find wide" method="get" action="/releases" role="search">
            <label class="sr" for="sbom">"Component"</label>
            <input class="input" id="sbom" name="sbom" type="search" value=sbom.to_owned() maxlength="120"
                placeholder="Component@version" />
            <button class="btn" type="submit">{icons::icon(icons::SEARCH)}"Search"</button>
        </form>
    }
}

/// A column for each stage.
async fn pipeline(ctx: &Ctx, counts: &[(Stage, i64)]) -> Result<AnyView, fleet::Error> {
    let mut columns = Vec::new();
    for stage in Stage::ALL {
        let filter = ReleaseFilter { stage: Some(*stage), ..ReleaseFilter::default() };
        let page = ctx.fleet.releases(&ctx.actor, &filter, None, SHOWN).await?;
        let number = counts.iter().find(|(known, _)| known == stage).map_or(0, |(_, n)| *n);
        columns.push(column(ctx, *stage, number, &page));
    }
    Ok(view! { <div class="pipeline">{columns}</div> }.into_any())
}

fn column(ctx: &Ctx, stage: Stage, number: i64, page: &ReleasePage) -> impl IntoView + use<> {
    let lines: Vec<_> = page.rows.iter().map(|row| line(ctx, row)).collect();
    let list = if lines.is_empty() {
        view! { <p class="body quiet">{format!("None in {}", stage.label().to_lowercase())}</p> }.into_any()
    } else {
        view! { <ul class="list">{lines}</ul> }.into_any()
    };
    let all = href("/releases", &[("stage", stage.as_str())]);
    let more = page.next.is_some().then(|| view! { <a href=all>{format!("All {}", count(number))}</a> });
    let panel = Panel::new(stage_status(stage).cell()).count(number);
    match more {
        Some(more) => panel.footer(more).flush(list).into_any(),
        None => panel.flush(list).into_any(),
    }
}

fn line(ctx: &Ctx, row: &ReleaseRow) -> impl IntoView + use<> {
    let release = &row.release;
    let gates = row.next.as_ref().map(|next| gates::summary(next).cell());
    view! {
        <li>
            <div>
                <h3><a href=release_href(release.id)>{release.title()}</a></h3>
                <p>{release.models.join(", ")}", since "{ago(release.stage_at, ctx.now)}</p>
                {gates.map(|gates| view! { <div class="mt1">{gates}</div> })}
            </div>
        </li>
    }
}

/// The releases that match, as a table.
async fn list(ctx: &Ctx, filter: ReleaseFilter) -> Result<AnyView, fleet::Error> {
    let before = ctx.query_value("before");
    let from = match &before {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| fleet::Error::not_found("release", text))?),
    };
    let page = ctx.fleet.releases(&ctx.actor, &filter, from, 0).await?;
    let mut chips = Vec::new();
    if !filter.sbom.trim().is_empty() {
        chips.push(chip("Holds", filter.sbom.trim(), ctx.href_with(&[("sbom", None), ("before", None)])).into_any());
    }
    if let Some(stage) = filter.stage {
        chips.push(chip("Stage", stage.label(), ctx.href_with(&[("stage", None), ("before", None)])).into_any());
    }
    let shown = i64::try_from(page.rows.len()).unwrap_or(i64::MAX);
    let pages = Pager {
        summary: plural(shown, "release", "releases"),
        previous: before.is_some().then(|| ctx.href_with(&[("before", None)])),
        next: page.next.map(|next| ctx.href_with(&[("before", Some(&next.to_string()))])),
    };
    let table = if page.rows.is_empty() {
        no_match("No release is like that", "/releases").into_any()
    } else {
        table(ctx, &page.rows).into_any()
    };
    Ok(view! {
        <div class="chips">{chips}</div>
        {Panel::new("Releases").footer(pager(pages)).flush(table)}
    }
    .into_any())
}

fn table(ctx: &Ctx, rows: &[ReleaseRow]) -> impl IntoView + use<> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let release = &row.release;
            let gates = match &row.next {
                Some(next) => gates::summary(next).cell().into_any(),
                None => view! { <span class="quiet">"–"</span> }.into_any(),
            };
            view! {
                <tr>
                    <th scope="row"><a href=release_href(release.id)>{release.title()}</a></th>
                    <td data-l="Stage">{stage_status(release.stage).cell()}</td>
                    <td data-l="Models">{release.models.join(", ")}</td>
                    <td data-l="Next stage">{gates}</td>
                    <td data-l="Pushed">{ago(release.created_at, ctx.now)}</td>
                    <td data-l="By">{release.created_by.clone()}</td>
                </tr>
            }
        })
        .collect();
    let table = view! {
        <table class="table cards">
            <thead>
                <tr>
                    <th scope="col">"Release"</th>
                    <th scope="col">"Stage"</th>
                    <th scope="col">"Models"</th>
                    <th scope="col">"Next stage"</th>
                    <th scope="col">"Pushed"</th>
                    <th scope="col">"By"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    frame("Releases", table)
}
