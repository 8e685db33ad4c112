//! The fleet at one glance: trusted, alive, where, which, how old, and what does not fit. Every number leads to its
//! list.

mod parts;
mod production;

use crate::{
    components::{
        icons,
        panel::{head, link_button, primary_link},
        table::none_yet,
        text::{count, plural},
    },
    context::Ctx,
    page::Page,
};
use domain::{custody::CustodianKind, person::Permission};
use fleet::overview::Overview;
use leptos::prelude::*;

/// The firmware of so many models is shown; with more there is a list of models, too.
const MODELS: usize = 2;

/// `/`.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let overview = ctx.fleet.overview(&ctx.actor).await?;
    let body = if overview.total == 0 { empty(&ctx).into_any() } else { glance(&ctx, &overview).into_any() };
    Ok(Page::new("Overview", body).live("device,import"))
}

fn glance(ctx: &Ctx, overview: &Overview) -> impl IntoView + use<> {
    let firmware: Vec<_> =
        overview.firmware.iter().take(MODELS).map(|(model, n)| parts::firmware(overview, model, n)).collect();
    let models = (overview.models.len() > MODELS).then(|| parts::models(overview));
    view! {
        {head("Fleet", view! { <p>{summary(overview)}</p> }, actions(ctx))}
        {parts::trust(overview)}
        <div class="cols lead">
            <div class="stack loose">
                {production::made(overview)}
                {parts::findings(overview, ctx.now)}
            </div>
            <div class="stack loose">
                {parts::connection(overview, ctx.now)}
                {parts::custodians(overview)}
                {parts::lifecycle(overview)}
            </div>
        </div>
        <div class="cols three">
            {firmware}
            <div class="stack loose">{production::age(overview, ctx.now)} {models}</div>
        </div>
    }
}

/// `48,213 devices, 3 models, 4 factories, 61 clients`
fn summary(overview: &Overview) -> String {
    let of = |kind| overview.catalogue.custodians.iter().filter(|c| c.kind == kind).count();
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    [
        plural(overview.total, "device", "devices"),
        plural(number(overview.catalogue.models.len()), "model", "models"),
        plural(number(of(CustodianKind::Factory)), "factory", "factories"),
        plural(number(of(CustodianKind::Client)), "client", "clients"),
    ]
    .join(", ")
}

fn actions(ctx: &Ctx) -> impl IntoView + use<> {
    let import = ctx.may(Permission::ImportRun).then(|| primary_link("/imports", icons::UPLOAD, "Import"));
    view! { {link_button("/devices", icons::DEVICE, "Devices")} {import} }
}

/// A fleet without devices: what belongs here, and how it gets here.
fn empty(ctx: &Ctx) -> impl IntoView + use<> {
    let how = if ctx.may(Permission::ImportRun) {
        view! {
            <p>"Import a factory's manifest, and its devices appear here with their components and their history."</p>
            {primary_link("/imports", icons::UPLOAD, "Import")}
        }
        .into_any()
    } else {
        view! { <p>"They appear here when an operator imports a factory's manifest."</p> }.into_any()
    };
    view! {
        {head("Fleet", view! { <p>{format!("{} devices", count(0))}</p> }, ())}
        <section class="panel">{none_yet("No devices yet", how)}</section>
    }
}
