//! Saving the settings, and how long things are kept.

use super::{Access, ActionRoute, Posted, allowed, refused, see_other};
use crate::{
    context::{Ctx, Flash, FormState},
    pages::kept,
};
use axum::{Extension, response::Response, routing::post};
use domain::person::Permission;
use fleet::setting::Settings;

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute {
        method: "POST",
        path: "/settings",
        access: Access::May(Permission::SettingManage),
        handler: || post(save),
    },
    ActionRoute {
        method: "POST",
        path: "/settings/kept",
        access: Access::May(Permission::SettingManage),
        handler: || post(keep),
    },
];

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

async fn keep(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let saved = async {
        allowed(&ctx, Permission::SettingManage, "settings").await?;
        ctx.fleet.keep_for(&ctx.actor, &kept::typed(&form)).await
    };
    match saved.await {
        Ok(()) => see_other("/settings/kept", Some(&Flash::done("Saved. What is older goes within a day."))),
        Err(error) => refused(ctx, "/settings/kept", form, &error).await,
    }
}
