//! Factories: what each made, and how that stands.

use super::standing::{Standing, count_words, devices_of, trust_cell};
use crate::{
    components::{
        icons,
        panel::{Panel, head, link_button},
        table::{frame, none_yet},
        text::{count, day, plural},
    },
    context::{Ctx, devices_href, href, segment},
    page::Page,
};
use domain::{
    batch::Batch,
    custody::{Custodian, CustodianKind},
    query::Predicate,
};
use fleet::tally::Count;
use leptos::prelude::*;

/// So many of a factory's batches are named; the rest is behind a link.
const NAMED: usize = 3;

struct Factory {
    custodian: Custodian,
    batches: Vec<(Batch, i64)>,
    made: i64,
    standing: Standing,
}

/// `/factories`.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let factories = factories(&ctx).await?;
    let number = i64::try_from(factories.len()).unwrap_or(i64::MAX);
    let body = if factories.is_empty() { none().into_any() } else { table(factories).into_any() };
    let sub = view! { <p>"Where devices are made. A factory comes with its first manifest, or is entered as a custodian."</p> };
    let acts = (
        link_button("/batches", icons::PACKAGE, "Batches"),
        link_button("/imports", icons::UPLOAD, "Import a manifest"),
    );
    let body = view! {
        {head("Factories", sub, acts)}
        {Panel::new(plural(number, "factory", "factories")).flush(body)}
    };
    Ok(Page::new("Factories", body).live("device,import,custodian"))
}

async fn factories(ctx: &Ctx) -> Result<Vec<Factory>, fleet::Error> {
    let list = ctx.fleet.batches(&ctx.actor).await?;
    let mut factories = Vec::new();
    for custodian in list.catalogue.custodians.iter().filter(|c| c.kind == CustodianKind::Factory) {
        let batches: Vec<_> =
            list.batches.iter().filter(|(batch, _)| batch.factory_id == custodian.id).cloned().collect();
        let made = batches.iter().map(|(_, n)| n).sum();
        let query = devices_of(Predicate::Factory(vec![custodian.code.clone()]));
        let standing = Standing::of(ctx, query, made).await?;
        factories.push(Factory { custodian: custodian.clone(), batches, made, standing });
    }
    Ok(factories)
}

fn none() -> impl IntoView {
    none_yet("No factory yet", view! { <p>"The first manifest that is imported brings its factory with it."</p> })
}

fn table(factories: Vec<Factory>) -> impl IntoView {
    let rows: Vec<_> = factories.into_iter().map(row).collect();
    frame(
        "Factories",
        view! {
            <table class="table cards upper">
                <caption class="sr">"Factories, by name"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Factory"</th>
                        <th scope="col">"Newest batches"</th>
                        <th scope="col" class="num">"Batches"</th>
                        <th scope="col" class="num">"Devices"</th>
                        <th scope="col">"Trust"</th>
                        <th scope="col" class="num">"Last batch"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn row(factory: Factory) -> impl IntoView {
    let Factory { custodian, batches, made, standing } = factory;
    let number = i64::try_from(batches.len()).unwrap_or(i64::MAX);
    let all = href("/batches", &[("factory", custodian.code.as_str())]);
    let named: Vec<_> = batches
        .iter()
        .take(NAMED)
        .map(|(batch, n)| {
            let to = format!("/batches/{}", segment(&batch.code));
            view! { <li><a href=to>{batch.code.clone()}</a>" "<span class="quiet">{count(*n)}</span></li> }
        })
        .collect();
    let last = batches.first().map(|(batch, _)| day(batch.started_at));
    view! {
        <tr>
            <th scope="row" class="two">
                <b><a href=format!("/custodians/{}", segment(&custodian.code))>{custodian.name.clone()}</a></b>
                <small>{super::custodians::place_words(&custodian)}</small>
            </th>
            <td data-l="Newest batches"><ul class="legend">{named}</ul></td>
            <td data-l="Batches" class="num"><a href=all>{count(number)}</a></td>
            <td data-l="Devices" class="num">
                <a href=standing.all_href()>{count_words(Count::Exactly(made))}</a>
            </td>
            <td data-l="Trust" class="wide-share">{trust_cell(&standing)}</td>
            <td data-l="Last batch" class="num nowrap quiet">{last}</td>
        </tr>
    }
}

/// The devices that a factory made, as a list.
pub(super) fn made_href(factory: &Custodian) -> String {
    devices_href(&devices_of(Predicate::Factory(vec![factory.code.clone()])).to_string())
}
