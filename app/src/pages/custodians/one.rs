//! One custodian: what it holds now, and what is known of it.

use super::{place_fields, place_words};
use crate::{
    components::{
        form::{Field, error_summary},
        icons,
        panel::{Panel, disabled_button, facts, head, link_button},
        status::custodian_icon,
        table::none_yet,
        text::{count, day, plural},
    },
    context::{Ctx, href, segment},
    page::Page,
    pages::{
        authority, batches,
        errors::who_may,
        factories,
        standing::{Standing, devices_of},
        stations,
    },
};
use domain::{
    custody::{Custodian, CustodianKind},
    person::Permission,
    query::Predicate,
};
use leptos::prelude::*;

/// A factory's page shows so many of its batches; the rest is behind a link.
const BATCHES: usize = 10;

/// `/custodians/{code}`.
///
/// # Errors
/// When the actor may not see the fleet, there is no such custodian, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let (custodian, held, _) = ctx.fleet.custodian(&ctx.actor, ctx.param("code")).await?;
    let query = devices_of(Predicate::Custodian(vec![custodian.code.clone()]));
    let standing = Standing::of(&ctx, query, held).await?;
    let made = match custodian.kind {
        CustodianKind::Factory => Some(made(&ctx, &custodian).await?.into_any()),
        _ => None,
    };
    let trust = match custodian.kind {
        CustodianKind::Factory => Some(view! {
            {authority::of_factory(&ctx, &custodian.code).await?}
            {stations::panel(&ctx, &custodian.code).await?}
        }),
        _ => None,
    };
    let badge = view! {
        <span class="badge">{icons::icon(custodian_icon(custodian.kind))}{custodian.kind.label()}</span>
    };
    let body = view! {
        {head(view! { {custodian.name.clone()} {badge} }, sub(&custodian), acts(&ctx, &custodian, &standing))}
        <div class="cols lead">
            <div class="stack loose">{holds(&standing, held)} {made}</div>
            <div class="stack loose">{trust} {about(&custodian)} {edit(&ctx, &custodian)}</div>
        </div>
    };
    Ok(Page::new(custodian.name, body).crumb("Custodians", "/custodians").live("custodian,device"))
}

fn sub(custodian: &Custodian) -> impl IntoView + use<> {
    let place = place_words(custodian);
    let does = match custodian.kind {
        CustodianKind::Factory => "Makes devices",
        CustodianKind::Distributor => "Carries or keeps devices on the way",
        CustodianKind::Client => "Uses devices",
        CustodianKind::RepairCentre => "Repairs devices",
    };
    let words = if place == "–" { does.to_owned() } else { format!("{does}, in {place}") };
    view! { <p>{words}</p> }
}

fn acts(ctx: &Ctx, custodian: &Custodian, standing: &Standing) -> impl IntoView + use<> {
    let edit = if ctx.may(Permission::CustodianManage) {
        view! { <a class="btn" href="#edit">{icons::icon(icons::PENCIL)}"Edit"</a> }.into_any()
    } else {
        disabled_button(icons::PENCIL, "Edit", who_may(Permission::CustodianManage)).into_any()
    };
    let supply = format!("/custodians/{}/supply-chain", segment(&custodian.code));
    (
        link_button(standing.all_href(), icons::DEVICE, "Devices it holds"),
        link_button(supply, icons::TRUCK, "Supply chain"),
        edit,
    )
}

fn holds(standing: &Standing, held: i64) -> impl IntoView + use<> {
    let panel = Panel::new("Holds now").count(held);
    if standing.is_empty() {
        let how = view! { <p>"Custody events on a device's page, or an EPCIS import, bring devices here."</p> };
        return panel.flush(none_yet("Holds no device now", how)).into_any();
    }
    panel
        .aside(view! { <a href=standing.all_href()>"Open as a list"</a> })
        .flush(view! {
            <div class="body">{standing.by_trust()}</div>
            <div class="inset">{standing.by_lifecycle()}</div>
        })
        .into_any()
}

/// What a factory made.
async fn made(ctx: &Ctx, factory: &Custodian) -> Result<impl IntoView + use<>, fleet::Error> {
    let list = ctx.fleet.batches(&ctx.actor).await?;
    let of_it: Vec<_> = list.batches.iter().filter(|(batch, _)| batch.factory_id == factory.id).cloned().collect();
    let total: i64 = of_it.iter().map(|(_, n)| n).sum();
    let number = i64::try_from(of_it.len()).unwrap_or(i64::MAX);
    let shown = of_it.get(..BATCHES.min(of_it.len())).unwrap_or_default();
    let all = href("/batches", &[("factory", factory.code.as_str())]);
    let body = if of_it.is_empty() {
        none_yet("No batch yet", view! { <p>"Its first manifest brings one."</p> }).into_any()
    } else {
        batches::table(shown, &list.catalogue, false).into_any()
    };
    let aside = view! {
        <a href=factories::made_href(factory)>{plural(total, "device made here", "devices made here")}</a>
        <a href=all>{format!("All {} batches", count(number))}</a>
    };
    Ok(Panel::new("Batches").count(number).aside(aside).flush(body))
}

fn about(custodian: &Custodian) -> impl IntoView + use<> {
    let sgln = if custodian.sgln.is_empty() {
        view! { <span class="quiet">"none given"</span> }.into_any()
    } else {
        view! { <span class="mono">{custodian.sgln.clone()}</span> }.into_any()
    };
    Panel::new("About").body(facts(vec![
        ("Code", view! { <span class="mono">{custodian.code.clone()}</span> }.into_any()),
        ("Kind", custodian.kind.label().into_any()),
        ("Place", place_words(custodian).into_any()),
        ("GS1 location", sgln),
        ("Entered", day(custodian.created_at).into_any()),
    ]))
}

/// The form for what can be changed, or who may.
fn edit(ctx: &Ctx, custodian: &Custodian) -> impl IntoView + use<> {
    if !ctx.may(Permission::CustodianManage) {
        return ().into_any();
    }
    let form = ctx.form.as_ref().filter(|form| !form.has("station"));
    Panel::new("Edit")
        .id("edit")
        .body(view! {
            <form class="stack" method="post" action=format!("/custodians/{}", segment(&custodian.code))>
                {error_summary(form)}
                {Field::new(form, "name", "Name").value(custodian.name.clone()).required().max_length(120).input()}
                {place_fields(form, Some(custodian))}
                <button class="btn" type="submit">{icons::icon(icons::CHECK)}"Save"</button>
                <p class="small quiet">
                    "History keeps the name that it had then. Code and kind stay: history speaks of them."
                </p>
            </form>
        })
        .into_any()
}
