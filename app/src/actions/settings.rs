//! Saving the settings.

use super::{Access, ActionRoute, Posted, allowed, refused, see_other};
use crate::context::{Ctx, Flash, FormState};
use axum::{Extension, response::Response, routing::post};
use domain::person::Permission;
use fleet::setting::Settings;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[ActionRoute {
    method: "POST",
    path: "/settings",
    access: Access::May(Permission::SettingManage),
    handler: || post(save),
}];

fn number(form: &FormState, name: &str) -> Result<i64, fleet::Error> {
    form.value(name).trim().parse().map_err(|_| fleet::Error::field(name, "Give a whole number."))
}

fn settings(form: &FormState) -> Result<Settings, fleet::Error> {
    let value = |name| form.value(name).trim().to_owned();
    Ok(Settings {
        domain: value("domain"),
        pki_url: value("pki_url"),
        gateway_url: value("gateway_url"),
        revocation_limit: number(form, "revocation_limit")?,
        device_days: number(form, "device_days")?,
        station_days: number(form, "station_days")?,
        release_mib: number(form, "release_mib")?,
    })
}

async fn save(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let saved = async {
        allowed(&ctx, Permission::SettingManage, "settings").await?;
        ctx.fleet.save_settings(&ctx.actor, &settings(&form)?).await
    };
    match saved.await {
        Ok(_) => see_other("/settings", Some(&Flash::done("Saved. It holds for what is issued from now on."))),
        Err(error) => refused(ctx, "/settings", form, &error).await,
    }
}
