//! Settings of the authority: names, addresses, how long certificates live, when a second person is needed.

use crate::{
    components::{
        form::{Field, error_summary, submit},
        icons,
        panel::{Panel, facts, head, link_button},
        text::plural,
    },
    context::Ctx,
    page::Page,
    pages::{errors::who_may, factors},
};
use domain::person::Permission;
use fleet::setting::Settings;
use leptos::prelude::*;

/// `/settings`.
///
/// # Errors
/// When the actor may not see settings, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let settings = ctx.fleet.settings(&ctx.actor).await?;
    let policy = ctx.fleet.second_factor_policy().await?;
    let inner = if ctx.may(Permission::SettingManage) { form(&ctx, &settings) } else { shown(&settings) };
    let nodes = ctx.may(Permission::PeopleRead).then(|| link_button("/settings/nodes", icons::ONLINE, "Nodes"));
    let acts = view! { {link_button("/settings/kept", icons::ARCHIVE, "How long things are kept")} {nodes} };
    let body = view! {
        {head("Settings", view! { <p>"What the certification authority writes into certificates, and when it takes two."</p> }, acts)}
        <div class="cols lead">
            {Panel::new("Certification authority").body(inner)}
            <div class="stack loose">
                {Panel::new("What this changes").body(advice())}
                {factors::policy(&ctx, policy)}
            </div>
        </div>
    };
    Ok(Page::new("Settings", body).live("setting"))
}

fn form(ctx: &Ctx, settings: &Settings) -> AnyView {
    let form = ctx.form.as_ref();
    let field = |name, label, value: String| Field::new(form, name, label).value(value).required();
    view! {
        <form class="stack slim" method="post" action="/settings">
            {error_summary(form)}
            {field("domain", "Domain of devices", settings.domain.clone()).max_length(120)
                .hint("Each device has a name below it. Batch authorities are constrained to theirs.").input()}
            {Field::new(form, "pki_url", "Address of the PKI listener").value(settings.pki_url.clone()).max_length(300)
                .hint("http://…; it stands in certificates as the place of CRL, OCSP and CA certificates, for good.").input()}
            {Field::new(form, "gateway_url", "Address of the gateway").value(settings.gateway_url.clone()).max_length(300)
                .hint("https://…; it stands in the kits of devices.").input()}
            {field("revocation_limit", "Devices that one person may cut off", settings.revocation_limit.to_string()).max_length(9)
                .hint("More than this takes a second person. A batch and a factory always do.").input()}
            {field("device_days", "A device's certificate, days", settings.device_days.to_string()).max_length(5).input()}
            {field("station_days", "A station's certificate, days", settings.station_days.to_string()).max_length(5).input()}
            {field("release_mib", "The largest file of a release, MiB", settings.release_mib.to_string()).max_length(5).input()}
            <div>{submit(icons::CHECK, "Save")}</div>
        </form>
    }
    .into_any()
}

fn shown(settings: &Settings) -> AnyView {
    let or_none = |text: &str| {
        if text.is_empty() {
            view! { <span class="quiet">"not set"</span> }.into_any()
        } else {
            view! { <span class="mono">{text.to_owned()}</span> }.into_any()
        }
    };
    view! {
        <div class="stack">
            {facts(vec![
                ("Domain of devices", or_none(&settings.domain)),
                ("PKI listener", or_none(&settings.pki_url)),
                ("Gateway", or_none(&settings.gateway_url)),
                ("One person may cut off", plural(settings.revocation_limit, "device", "devices").into_any()),
                ("Device certificates live", plural(settings.device_days, "day", "days").into_any()),
                ("Station certificates live", plural(settings.station_days, "day", "days").into_any()),
                ("The largest file of a release", format!("{} MiB", settings.release_mib).into_any()),
            ])}
            <p class="small quiet">{who_may(Permission::SettingManage)}</p>
        </div>
    }
    .into_any()
}

fn advice() -> impl IntoView {
    view! {
        <ul class="rules">
            <li>"Certificates that exist keep what they say. A change holds for those that are issued from now on."</li>
            <li>"An address that stands in certificates must answer for as long as they live. Use a name that you can move."</li>
            <li>"The limit holds from the next revocation on; what waits for approval stays as it was asked."</li>
        </ul>
    }
}
