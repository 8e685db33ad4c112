//! Batches: what was made of each lot, against what may be made.

mod one;

pub use one::load as load_one;

use super::quota::Quota;
use crate::{
    components::{
        icons,
        panel::{Panel, head, link_button},
        table::{chip, frame, no_match, none_yet, pager},
        text::{count, day, plural},
    },
    context::{Ctx, devices_href, href, segment},
    page::Page,
    pages::paging::{Paging, slice},
};
use domain::{batch::Batch, custody::CustodianKind, query::Predicate};
use fleet::{batches::BatchList, catalogue::Catalogue};
use leptos::prelude::*;

use super::standing::devices_of;

/// Which batches are wanted.
struct Wanted {
    factory: Option<String>,
    model: Option<String>,
    beyond: bool,
}

impl Wanted {
    fn of(ctx: &Ctx) -> Self {
        Self {
            factory: ctx.query_value("factory"),
            model: ctx.query_value("model"),
            beyond: ctx.query_value("beyond").is_some(),
        }
    }

    const fn any(&self) -> bool {
        self.factory.is_some() || self.model.is_some() || self.beyond
    }

    fn takes(&self, batch: &Batch, made: i64, catalogue: &Catalogue) -> bool {
        let factory = catalogue.custodian(batch.factory_id).map_or("", |c| c.code.as_str());
        self.factory.as_deref().is_none_or(|code| code == factory)
            && self.model.as_deref().is_none_or(|name| name == catalogue.model_name(batch.model_id))
            && (!self.beyond || Quota { made, quota: batch.quota }.beyond() > 0)
    }
}

/// `/batches`.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let list = ctx.fleet.batches(&ctx.actor).await?;
    let wanted = Wanted::of(&ctx);
    let matching: Vec<_> =
        list.batches.iter().filter(|(batch, made)| wanted.takes(batch, *made, &list.catalogue)).cloned().collect();
    let paging = Paging::of(&ctx, matching.len());
    let number = i64::try_from(matching.len()).unwrap_or(i64::MAX);
    let body = match (list.batches.is_empty(), matching.is_empty()) {
        (true, _) => none().into_any(),
        (_, true) => no_match("No batch is like that", "/batches").into_any(),
        _ => table(slice(&matching, paging), &list.catalogue, true).into_any(),
    };
    let acts = (
        link_button("/factories", icons::FACTORY, "Factories"),
        link_button("/imports", icons::UPLOAD, "Import a manifest"),
    );
    let panel = Panel::new(plural(number, "batch", "batches")).footer(pager(paging.pager(&ctx)));
    let body = view! {
        {head("Batches", view! { <p>"Production lots. A batch comes with the first manifest that names it."</p> }, acts)}
        {filters(&ctx, &list, &wanted)}
        {panel.flush(body)}
    };
    Ok(Page::new("Batches", body).live("device,import"))
}

fn none() -> impl IntoView {
    let how = view! {
        <p>"Import a factory's manifest: it names the batch, its quota and every device."</p>
        <a class="btn small" href="/imports">{icons::icon(icons::UPLOAD)}"Import a manifest"</a>
    };
    none_yet("No batch yet", how)
}

/// The filters that are on, and a menu of those that could be.
fn filters(ctx: &Ctx, list: &BatchList, wanted: &Wanted) -> impl IntoView + use<> {
    if list.batches.is_empty() {
        return ().into_any();
    }
    let catalogue = &list.catalogue;
    let name_of = |code: &str| catalogue.custodians.iter().find(|c| c.code == code).map(|c| c.name.clone());
    let without = |key: &str| ctx.href_with(&[(key, None), ("page", None)]);
    let factory = wanted
        .factory
        .as_ref()
        .map(|code| chip("factory", name_of(code).unwrap_or_else(|| code.clone()), without("factory")).into_any());
    let model = wanted.model.as_ref().map(|name| chip("model", name.clone(), without("model")).into_any());
    let beyond = wanted.beyond.then(|| chip("made", "beyond quota", without("beyond")).into_any());
    let on = |key: &str, value: &str| ctx.href_with(&[(key, Some(value)), ("page", None)]);
    let factories: Vec<_> = catalogue
        .custodians
        .iter()
        .filter(|c| c.kind == CustodianKind::Factory && wanted.factory.is_none())
        .map(|c| view! { <a href=on("factory", &c.code)>{icons::icon(icons::FACTORY)}{c.name.clone()}</a> })
        .collect();
    let models: Vec<_> = catalogue
        .models
        .iter()
        .filter(|_| wanted.model.is_none())
        .map(|m| view! { <a href=on("model", &m.name)>{icons::icon(icons::DEVICE)}{m.name.clone()}</a> })
        .collect();
    let over =
        (!wanted.beyond).then(|| view! { <a href=on("beyond", "1")>{icons::icon(icons::WARN)}"Beyond quota"</a> });
    view! {
        <div class="chips">
            {factory}{model}{beyond}
            <details class="menu left">
                <summary class="chip add">{icons::icon(icons::PLUS)}"Filter"</summary>
                <div class="pop tall">{over}{factories}{models}</div>
            </details>
            {wanted.any().then(|| view! { <a class="small" href="/batches">"Clear all"</a> })}
        </div>
    }
    .into_any()
}

/// A table of batches, each with its number of devices; with their factories, unless all are of one.
pub(super) fn table(batches: &[(Batch, i64)], catalogue: &Catalogue, factories: bool) -> impl IntoView + use<> {
    let rows: Vec<_> = batches.iter().map(|(batch, made)| row(batch, *made, catalogue, factories)).collect();
    frame(
        "Batches",
        view! {
            <table class="table cards brief">
                <caption class="sr">"Batches, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Batch"</th>
                        {factories.then(|| view! { <th scope="col">"Factory"</th> })}
                        <th scope="col">"Model"</th>
                        <th scope="col" class="num">"Made"</th>
                        <th scope="col" class="num">"Quota"</th>
                        <th scope="col"><span class="sr">"Made against the quota"</span></th>
                        <th scope="col" class="num">"Started"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn row(batch: &Batch, made: i64, catalogue: &Catalogue, factories: bool) -> impl IntoView + use<> {
    let quota = Quota { made, quota: batch.quota };
    let factory = catalogue.custodian(batch.factory_id).filter(|_| factories).map(|c| {
        let to = href("/batches", &[("factory", c.code.as_str())]);
        view! { <td data-l="Factory"><a href=to>{c.name.clone()}</a></td> }
    });
    let devices = devices_href(&devices_of(Predicate::Batch(vec![batch.code.clone()])).to_string());
    let agreed = match batch.quota {
        Some(quota) => count(quota).into_any(),
        None => view! { <span class="quiet">"none agreed"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row"><a href=format!("/batches/{}", segment(&batch.code))>{batch.code.clone()}</a></th>
            {factory}
            <td data-l="Model">{catalogue.model_name(batch.model_id).to_owned()}</td>
            <td data-l="Made" class="num"><a href=devices>{count(made)}</a></td>
            <td data-l="Quota" class="num">{agreed}</td>
            <td data-l="" class="share-cell">{quota.bar()}{quota.warning()}</td>
            <td data-l="Started" class="num nowrap quiet">{day(batch.started_at)}</td>
        </tr>
    }
}
