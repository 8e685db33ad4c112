//! A factory's stations: who on its line may enrol devices, and until when.

use crate::{
    components::{
        form::{Field, error_summary},
        icons::{self, icon},
        panel::Panel,
        status::Status,
        table::none_yet,
        text::day,
    },
    context::{Ctx, segment},
    pages::{certificates, errors::who_may},
};
use domain::person::Permission;
use fleet::enrol::StationRow;
use leptos::prelude::*;

/// The panel on a factory's page.
///
/// # Errors
/// When the actor may not see authorities, or the database fails.
pub(super) async fn panel(ctx: &Ctx, factory: &str) -> Result<AnyView, fleet::Error> {
    if !ctx.may(Permission::AuthorityRead) {
        return Ok(().into_any());
    }
    let stations = ctx.fleet.stations(&ctx.actor, Some(factory)).await?;
    let number = i64::try_from(stations.len()).unwrap_or(i64::MAX);
    let list = if stations.is_empty() {
        none_yet(
            "No station yet",
            view! { <p>"A station on the line enrols devices by EST, with a short-lived certificate of its own."</p> },
        )
        .into_any()
    } else {
        let rows: Vec<_> = stations.iter().map(line).collect();
        view! { <ul class="lines">{rows}</ul> }.into_any()
    };
    let body = view! { {list} {add(ctx, factory)} };
    Ok(Panel::new("Stations").id("stations").count(number).flush(body).into_any())
}

fn line(station: &StationRow) -> impl IntoView + use<> {
    let to = certificates::path(&station.authority_slug, &station.serial);
    view! {
        <li>
            <a href=to>{station.name.clone()}</a>
            {Status::from(station.status).cell()}
            <span class="push quiet small">"to "{day(station.not_after)}</span>
        </li>
    }
}

fn add(ctx: &Ctx, factory: &str) -> AnyView {
    if !ctx.may(Permission::CertificateEnrol) {
        return view! { <p class="inset small soft">{who_may(Permission::CertificateEnrol)}</p> }.into_any();
    }
    let form = ctx.form.as_ref().filter(|form| form.has("station"));
    view! {
        <details class="folded" open=form.is_some()>
            <summary>{icon(icons::CERT)}"Add a station, or renew one"</summary>
            <form class="body stack tight" method="post" action=format!("/custodians/{}/stations", segment(factory))>
                {error_summary(form)}
                {Field::new(form, "station", "Station").required().max_length(60).hint("Its name on the line. A name that is there gets a new certificate.").input()}
                {Field::new(form, "csr", "Certificate request, as PEM").mono().max_length(20_000).hint("Empty makes a key here; it is in the archive and kept nowhere else.").textarea(4)}
                <div><button class="btn" type="submit">{icon(icons::DOWNLOAD)}"Issue and download"</button></div>
            </form>
        </details>
    }
    .into_any()
}
