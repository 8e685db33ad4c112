//! One device: where it is, what it is, whether it may be trusted, what runs on it, and its whole life.

mod access;
mod answers;
mod certificates;
mod components;
mod epcis;
pub(super) mod events;
mod forms;
mod history;
mod holding;
mod life;
mod missing;
mod place;
mod repairs;
mod reported;
mod rollouts;
mod side;
mod story;
mod updates;

use crate::{
    components::{
        icons::{self, icon},
        panel::{Tab, head, more_menu, tabs},
        status::Status,
        text::{copy, day},
    },
    context::{Ctx, devices_href, segment},
    page::Page,
    pages::{devices::model_words, errors::who_may},
};
use access::Access;
use domain::{person::Permission, query::quoted};
use fleet::check_in::DeviceReport;
use fleet::repair::RepairCase;
use leptos::prelude::*;
use life::Life;
use place::{Place, View};
use rollouts::Updates;

/// `/devices/{serial}`, and `/devices/{serial}/manifests/{version}`, which is its view of manifests.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let place = Place::of(&ctx);
    let record = match ctx.fleet.device_record(&ctx.actor, &place.serial).await {
        Err(fleet::Error::NotFound { .. }) => return missing::page(&ctx, &place.serial).await,
        record => record?,
    };
    let access = Access::of(&ctx, &record.device).await?;
    let repairs = ctx.fleet.repairs_of(&ctx.actor, &record.device.serial).await?;
    let life = Life::new(&record, ctx.now);
    let beside = (&access, repairs.as_slice());
    let report = ctx.fleet.device_report(&ctx.actor, &place.serial).await?;
    let content = match place.view {
        View::Overview => {
            let updates = Updates::of(&ctx, &record.device.serial).await?;
            overview(&ctx, &life, &place, beside, (&report, &updates))
        }
        View::History => side_by_side(&ctx, &life, &place, beside, history::panel(&ctx, &life, &place, true)),
        View::Manifests => {
            view! { {components::panel(&life, &place)} {components::manifests(&life, &place)} }.into_any()
        }
        View::Certificates => view! { {certificates::issued(&access.issued)} {certificates::all(&life)} }.into_any(),
        View::Epcis => epcis::panel(&ctx, &place).await?.into_any(),
    };
    let body = view! {
        {access::token_once(&ctx)}
        {heading(&ctx, &life, &place, &repairs)}
        {answers::answers(&life, &place, &report)}
        {views(&life, &place)}
        {content}
    };
    let (device, catalogue) = (&record.device, &record.catalogue);
    let (model, batch) = (catalogue.model_name(device.model_id), catalogue.batch_code(device.batch_id));
    Ok(Page::new(device.serial.clone(), body)
        .crumb("Devices", "/devices")
        .crumb(model, devices_href(&format!("model:{}", quoted(model))))
        .crumb(batch, format!("/batches/{}", segment(batch)))
        .live(format!("device:{},rollout", device.serial)))
}

fn heading(ctx: &Ctx, life: &Life<'_>, place: &Place, repairs: &[RepairCase]) -> impl IntoView + use<> {
    let (device, catalogue) = (&life.record.device, &life.record.catalogue);
    let title = view! {
        {device.serial.clone()}
        {copy("serial", &device.serial)}
        {answers::standing(device).badge()}
        {Status::from(device.lifecycle).badge()}
    };
    let batch = catalogue.batch_code(device.batch_id).to_owned();
    let factory = match catalogue.custodian(device.factory_id) {
        Some(factory) => {
            view! { <a href=format!("/custodians/{}", segment(&factory.code))>{factory.name.clone()}</a> }.into_any()
        }
        None => "an unknown factory".into_any(),
    };
    let line = view! {
        <p>
            {model_words(device, catalogue)} ", batch " <a href=format!("/batches/{}", segment(&batch))>{batch.clone()}</a>
            ", made " {day(device.made_at)} " by " {factory}
        </p>
    };
    let repair = repairs::action(ctx, repairs, repairs::is_retired(device.lifecycle), &device.serial);
    head(title, line, view! { {repair} {actions(ctx, place)} })
}

fn actions(ctx: &Ctx, place: &Place) -> impl IntoView + use<> {
    let deed = |needs: Permission, what: &'static str, drawn: icons::Icon, label: &'static str| {
        if ctx.may(needs) {
            return view! { <a class="btn" href=place.doing(what)>{icon(drawn)}{label}</a> }.into_any();
        }
        let why = who_may(needs);
        view! { <button class="btn" type="button" aria-disabled="true" title=why>{icon(drawn)}{label}</button> }
            .into_any()
    };
    let only_this = devices_href(&format!("serial:{}", quoted(&place.serial)));
    view! {
        {deed(Permission::CustodyRecord, "custody", icons::BUILDING, "Record custody")}
        {deed(Permission::NoteAdd, "note", icons::PENCIL_NOTE, "Add a note")}
        {more_menu(vec![
            (icons::DOC, "Export EPCIS 2.0".to_owned(), place.epcis_file()),
            (icons::TRUCK, "Supply chain".to_owned(), format!("{}/supply-chain", place.path())),
            (icons::SEARCH, "Show in the list".to_owned(), only_this),
        ])}
    }
}

fn views(life: &Life<'_>, place: &Place) -> impl IntoView + use<> {
    let n = |n: usize| Some(i64::try_from(n).unwrap_or(0));
    let shown = View::ALL.into_iter().map(|view| Tab {
        label: view.label().to_owned(),
        href: place.view(view),
        count: match view {
            View::History => n(history::told_of(life)),
            View::Manifests => n(life.record.manifests.len()),
            View::Certificates => n(life.certificates().len()),
            View::Overview | View::Epcis => None,
        },
        current: view == place.view,
    });
    tabs("Device", shown.collect())
}

/// What stands beside the content: how the device comes in, and its repairs.
type Beside<'a> = (&'a Access, &'a [RepairCase]);

/// What the device reports, and its updates.
type Present<'a> = (&'a DeviceReport, &'a Updates);

fn overview(ctx: &Ctx, life: &Life<'_>, place: &Place, beside: Beside<'_>, (report, updates): Present<'_>) -> AnyView {
    let updates = rollouts::panel(ctx, updates, place, life.record.device.firmware.as_deref());
    let reported = reported::panel(ctx, life, place, report);
    let main =
        view! { {components::panel(life, place)} {updates} {reported} {history::panel(ctx, life, place, false)} };
    view! {
        {story::panel(life, place.view(View::History))}
        {side_by_side(ctx, life, place, beside, main)}
    }
    .into_any()
}

/// Content with what explains it at its side.
fn side_by_side(
    ctx: &Ctx,
    life: &Life<'_>,
    place: &Place,
    (access, repairs): Beside<'_>,
    main: impl IntoView + 'static,
) -> AnyView {
    view! {
        <div class="cols lead device-cols">
            <div class="stack loose">{main}</div>
            <div class="stack loose">
                {side::why(life, place)}
                {repairs::panel(life, repairs, place)}
                {forms::panel(ctx, &life.record.catalogue, place)}
                {holding::panel(ctx, life, place, access.spoilt)}
                {access::panel(ctx, access, place)}
                {certificates::present(life, place)}
                {side::custody(life)}
                {side::about(life)}
            </div>
        </div>
    }
    .into_any()
}
