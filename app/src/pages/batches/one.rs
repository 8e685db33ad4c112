//! One batch: where its devices are by now, and whether the factory kept to what was agreed.

use crate::{
    components::{
        icons,
        panel::{Panel, facts, head, link_button},
        table::none_yet,
        text::{count, day},
    },
    context::{Ctx, href, segment},
    page::Page,
    pages::{
        authority,
        quota::Quota,
        standing::{Standing, devices_of},
    },
};
use domain::{batch::Batch, person::Permission, query::Predicate};
use fleet::catalogue::Catalogue;
use leptos::prelude::*;

/// `/batches/{code}`.
///
/// # Errors
/// When the actor may not see the fleet, there is no such batch, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let (batch, made, catalogue) = ctx.fleet.batch(&ctx.actor, ctx.param("code")).await?;
    let standing = Standing::of(&ctx, devices_of(Predicate::Batch(vec![batch.code.clone()])), made).await?;
    let quota = Quota { made, quota: batch.quota };
    let authority = authority::of_batch(&ctx, &batch.code).await?;
    let badge =
        (quota.beyond() > 0).then(|| view! { <span class="badge bad">{icons::icon(icons::WARN)}"Beyond quota"</span> });
    let labels = ctx
        .may(Permission::CertificateEnrol)
        .then(|| link_button(format!("/batches/{}/labels", segment(&batch.code)), icons::SCAN, "Labels"));
    let acts = (
        labels,
        link_button(standing.all_href(), icons::DEVICE, "Devices"),
        link_button(format!("/batches/{}/supply-chain", segment(&batch.code)), icons::TRUCK, "Supply chain"),
        link_button(format!("/batches/{}/epcis.jsonld", segment(&batch.code)), icons::DOWNLOAD, "EPCIS 2.0"),
    );
    let body = view! {
        {head(view! { {format!("Batch {}", batch.code)} {badge} }, sub(&batch, &catalogue), acts)}
        <div class="cols lead">
            {devices(&standing, made)}
            <div class="stack loose">{produced(quota)} {authority} {about(&batch, &catalogue)}</div>
        </div>
    };
    Ok(Page::new(batch.code, body).crumb("Batches", "/batches").live("device,import"))
}

fn sub(batch: &Batch, catalogue: &Catalogue) -> impl IntoView + use<> {
    let factory = catalogue.custodian(batch.factory_id).map(|c| {
        let to = format!("/custodians/{}", segment(&c.code));
        view! { <a href=to>{c.name.clone()}</a> }
    });
    view! { <p>{catalogue.model_name(batch.model_id).to_owned()}", made at "{factory}" since "{day(batch.started_at)}</p> }
}

fn devices(standing: &Standing, made: i64) -> impl IntoView + use<> {
    if standing.is_empty() {
        let how = view! { <p>"The batch is known, but no manifest has listed a device of it."</p> };
        return Panel::new("Devices").flush(none_yet("No device yet", how)).into_any();
    }
    view! {
        <div class="stack loose">
            {Panel::new("Trust")
                .aside(view! { <a href=standing.all_href()>{format!("All {}", count(made))}</a> })
                .body(standing.by_trust())}
            {Panel::new("Lifecycle").body(standing.by_lifecycle())}
        </div>
    }
    .into_any()
}

fn produced(quota: Quota) -> impl IntoView {
    let verdict = match (quota.quota, quota.beyond()) {
        (None, _) => "No quota was agreed, so nothing can be beyond it.".to_owned(),
        (Some(agreed), 0) if quota.made == agreed => "As many as were agreed.".to_owned(),
        (Some(agreed), 0) => format!("{} may still be made.", count(agreed - quota.made)),
        (Some(_), n) => {
            format!(
                "{} more than agreed. Ask the factory why; what nobody ordered may be sold by somebody else.",
                count(n)
            )
        }
    };
    Panel::new("Made").body(view! {
        <div class="stack tight">
            <p class="figure">{quota.words()}</p>
            {quota.bar()}
            <p class="small soft">{verdict}</p>
        </div>
    })
}

fn about(batch: &Batch, catalogue: &Catalogue) -> impl IntoView + use<> {
    let model = catalogue.model(batch.model_id);
    let factory = catalogue.custodian(batch.factory_id);
    let others = factory.map(|c| {
        let to = href("/batches", &[("factory", c.code.as_str())]);
        view! { {c.name.clone()}" "<a href=to>"all its batches"</a> }
    });
    let rows = vec![
        ("Code", view! { <span class="mono">{batch.code.clone()}</span> }.into_any()),
        ("Factory", others.into_any()),
        ("Model", model.map(|m| m.name.clone()).into_any()),
        (
            "What it is",
            model.map(|m| m.description.clone()).filter(|text| !text.is_empty()).unwrap_or("–".into()).into_any(),
        ),
        (
            "SGTIN",
            match model.map(|m| m.sgtin.as_str()).filter(|text| !text.is_empty()) {
                Some(sgtin) => view! { <span class="mono">{sgtin.to_owned()}</span> }.into_any(),
                None => view! { <span class="quiet">"none given"</span> }.into_any(),
            },
        ),
        ("First made", day(batch.started_at).into_any()),
    ];
    Panel::new("About").body(facts(rows))
}
