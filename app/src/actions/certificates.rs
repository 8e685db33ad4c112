//! Kits and tokens of devices, stations of factories, and certificates as files.

use super::{
    Access, ActionRoute, Posted, allowed,
    archive::{pem, tar},
    refused, renamed, see_other,
    users::show_once,
};
use crate::{
    context::{Ctx, Flash, segment},
    pages::errors::{Problem, respond_problem},
};
use axum::{
    Extension,
    extract::Path,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use domain::person::Permission;
use fleet::enrol::StationForm;

const ENROL: Access = Access::May(Permission::CertificateEnrol);

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/devices/{serial}/kit", access: ENROL, handler: || post(kit) },
    ActionRoute { method: "POST", path: "/devices/{serial}/token", access: ENROL, handler: || post(token) },
    ActionRoute {
        method: "POST",
        path: "/devices/{serial}/token/remove",
        access: Access::May(Permission::CertificateHold),
        handler: || post(remove_token),
    },
    ActionRoute { method: "POST", path: "/custodians/{code}/stations", access: ENROL, handler: || post(station) },
    ActionRoute {
        method: "GET",
        path: "/certificates/{authority}/{serial}/certificate.pem",
        access: Access::May(Permission::AuthorityRead),
        handler: || get(certificate_pem),
    },
];

fn page_of(serial: &str) -> String {
    format!("/devices/{}", segment(serial))
}

/// What a device needs to connect: with a key that is made here, or with the calls that have it born in the device.
async fn kit(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    let made = async {
        allowed(&ctx, Permission::CertificateEnrol, &format!("device:{serial}")).await?;
        match form.value("key") {
            "device" => ctx.fleet.est_kit(&ctx.actor, &serial).await,
            _ => ctx.fleet.kit(&ctx.actor, &serial).await,
        }
    };
    match made.await {
        Ok(kit) => tar(ctx, &serial, &kit.files()).await,
        Err(error) => refused(ctx, &page_of(&serial), form, &error).await,
    }
}

async fn token(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    let made = async {
        allowed(&ctx, Permission::CertificateEnrol, &format!("device:{serial}")).await?;
        ctx.fleet.set_device_token(&ctx.actor, &serial).await
    };
    match made.await {
        Ok(secret) => show_once(ctx, &page_of(&serial), secret, StatusCode::CREATED).await,
        Err(error) => refused(ctx, &page_of(&serial), form, &error).await,
    }
}

async fn remove_token(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    let removed = async {
        allowed(&ctx, Permission::CertificateHold, &format!("device:{serial}")).await?;
        ctx.fleet.remove_device_token(&ctx.actor, &serial).await
    };
    match removed.await {
        Ok(()) => see_other(&page_of(&serial), Some(&Flash::done("The token lets nobody in any more."))),
        Err(error) => refused(ctx, &page_of(&serial), form, &error).await,
    }
}

async fn station(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("/custodians/{}", segment(&code));
    let wanted = StationForm {
        factory: code,
        name: form.value("station").trim().to_owned(),
        csr: form.value("csr").trim().to_owned(),
    };
    let made = async {
        allowed(&ctx, Permission::CertificateEnrol, &format!("custodian:{}", wanted.factory)).await?;
        ctx.fleet.station(&ctx.actor, &wanted).await.map_err(|error| renamed(error, "name", "station"))
    };
    match made.await {
        Ok(made) => tar(ctx, &format!("station-{}", wanted.name), &made.files()).await,
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

async fn certificate_pem(
    Extension(ctx): Extension<Ctx>,
    Path((authority, serial)): Path<(String, String)>,
) -> Response {
    match ctx.fleet.certificate(&ctx.actor, &authority, &serial).await {
        Ok(detail) => pem(detail.certificate.pem(), &format!("{}.pem", detail.row.name)),
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}
