//! Claiming by the code on a label, and labels.

use super::{Access, ActionRoute, Posted, allowed, refused, see_other};
use crate::{
    context::{Ctx, Flash, FormState, segment},
    pages::{
        claim::{claim_form_of, path_of},
        devices::bulk::selection_of,
        labels::{self, Layout},
    },
    render::document,
};
use axum::{
    Extension,
    extract::Path,
    http::{HeaderValue, StatusCode, Uri, header},
    response::Response,
    routing::post,
};
use domain::{person::Permission, query::quoted};
use fleet::{
    claim::{LABELS_MAX, Labels},
    devices::Selection,
};
use std::sync::Arc;

const ENROL: Access = Access::May(Permission::CertificateEnrol);

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute {
        method: "POST",
        path: "/c/{serial}",
        access: Access::May(Permission::DeviceClaim),
        handler: || post(claim),
    },
    ActionRoute { method: "POST", path: "/labels", access: ENROL, handler: || post(sheets) },
    ActionRoute { method: "POST", path: "/devices/{serial}/label", access: ENROL, handler: || post(spoil) },
];

async fn claim(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    match ctx.fleet.claim(&ctx.actor, &claim_form_of(&form, &serial)).await {
        Ok(claimed) => {
            let token = match claimed.token_rotates {
                true => {
                    " Its token only gets the next one from now on: the device asks for it by itself, or give it a new one."
                }
                false => "",
            };
            let told = format!("Claimed for {}.{token}", claimed.client.name);
            see_other(&format!("/devices/{}", segment(&serial)), Some(&Flash::done(told)))
        }
        Err(error) => refused(ctx, &path_of(&serial), form, &error).await,
    }
}

async fn spoil(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>) -> Response {
    let here = format!("/devices/{}", segment(&serial));
    match ctx.fleet.spoil_label(&ctx.actor, &serial).await {
        Ok(()) => see_other(&here, Some(&Flash::done("Its label counts no more. Print a new one."))),
        Err(error) => refused(ctx, &here, FormState::default(), &error).await,
    }
}

/// Shows labels with their codes. It is a post, because who sees codes is audited, and no browser keeps or fetches it by
/// itself.
async fn sheets(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    if !form.has("layout") {
        return chosen(ctx, form).await;
    }
    let here = labels::path_of(form.value("q"));
    let shown = match shown(&ctx, &form).await {
        Ok(shown) => Arc::new(shown),
        Err(error) => return refused(ctx, &here, form, &error).await,
    };
    let uri = here.parse::<Uri>().unwrap_or_else(|_| ctx.uri.clone());
    let ctx = Ctx { uri, form: Some(form), labels: Some(shown), status: StatusCode::OK, flash: None, ..ctx };
    let mut response = document(ctx).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// What is ticked in the list of devices becomes the address of the page that prepares the sheets.
async fn chosen(ctx: Ctx, form: FormState) -> Response {
    if let Err(error) = allowed(&ctx, Permission::CertificateEnrol, "labels").await {
        return refused(ctx, "/devices", form, &error).await;
    }
    let query = match selection_of(&form) {
        Some(Selection::Serials(serials)) => {
            let serials: Vec<String> = serials.iter().map(|serial| quoted(serial)).collect();
            format!("serial:{}", serials.join(","))
        }
        Some(Selection::Query(text)) => text,
        None => form.value("q").to_owned(),
    };
    see_other(&labels::path_of(&query), None)
}

async fn shown(ctx: &Ctx, form: &FormState) -> Result<Labels, fleet::Error> {
    allowed(ctx, Permission::CertificateEnrol, "labels").await?;
    let number = form.value("number").trim().parse::<usize>().ok().filter(|n| (1..=LABELS_MAX).contains(n));
    let mut fields = Vec::new();
    let mut say = |field: &str, message: String| fields.push(fleet::FieldError { field: field.to_owned(), message });
    if number.is_none() {
        say("number", format!("Give a number from 1 to {LABELS_MAX}."));
    }
    if Layout::named(form.value("layout")).is_none() {
        say("layout", "Choose the paper from the list.".to_owned());
    }
    if domain::claim::origin(form.value("origin")).is_none() {
        say("origin", "Give an address that begins with https://, without a path.".to_owned());
    }
    let Some(number) = number.filter(|_| fields.is_empty()) else { return Err(fleet::Error::Invalid { fields }) };
    let labels = ctx.fleet.labels(&ctx.actor, form.value("q"), form.value("after").trim(), number).await?;
    if labels.items.is_empty() {
        return Err(fleet::Error::field("after", "No device is left after this serial. Leave it empty to begin anew."));
    }
    Ok(labels)
}
