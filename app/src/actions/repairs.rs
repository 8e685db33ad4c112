//! The repair desk's forms, the photos, and what a scan means.

use super::{
    Access, ActionRoute, Posted, allowed,
    device::{Once, once, settle},
    refused, renamed, render_with_form, see_other,
    users::show_once,
};
use crate::{
    context::{Ctx, FieldError, Flash, FormState, href, segment},
    pages::{
        errors::{self, Problem, respond_problem},
        repairs::{parts, path},
    },
};
use axum::{
    Extension,
    extract::{FromRequest, Multipart, Path, Query, Request},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{
    id::{PhotoId, TaintId},
    person::Permission,
    repair::PHOTO_MAX,
};
use fleet::repair::{Authorised, Difference, OpenForm, VoucherRequest, without_claim_code};
use leptos::prelude::*;

const MANAGE: Access = Access::May(Permission::RepairManage);
const READ: Access = Access::May(Permission::FleetRead);

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/repairs", access: MANAGE, handler: || post(open) },
    ActionRoute { method: "POST", path: "/repairs/{code}/parts", access: MANAGE, handler: || post(keep_part) },
    ActionRoute { method: "POST", path: "/repairs/{code}/parts/drop", access: MANAGE, handler: || post(drop_part) },
    ActionRoute { method: "GET", path: "/repairs/{code}/check", access: READ, handler: || get(check) },
    ActionRoute { method: "POST", path: "/repairs/{code}/notes", access: MANAGE, handler: || post(note) },
    ActionRoute { method: "POST", path: "/repairs/{code}/photos", access: MANAGE, handler: || post(photo) },
    ActionRoute { method: "GET", path: "/repairs/{code}/photos/{id}", access: READ, handler: || get(picture) },
    ActionRoute { method: "POST", path: "/repairs/{code}/take", access: MANAGE, handler: || post(take) },
    ActionRoute { method: "POST", path: "/repairs/{code}/authorise", access: MANAGE, handler: || post(authorise) },
    ActionRoute { method: "POST", path: "/repairs/{code}/cancel", access: MANAGE, handler: || post(cancel) },
    ActionRoute {
        method: "POST",
        path: "/repairs/{code}/close",
        access: Access::May(Permission::RepairClose),
        handler: || post(close),
    },
    ActionRoute { method: "POST", path: "/repairs/{code}/voucher", access: MANAGE, handler: || post(voucher) },
    ActionRoute {
        method: "POST",
        path: "/repairs/{code}/voucher/another",
        access: MANAGE,
        handler: || post(another_voucher),
    },
    ActionRoute { method: "POST", path: "/repairs/{code}/scrap", access: MANAGE, handler: || post(scrap) },
    ActionRoute { method: "POST", path: "/devices/{serial}/not-ours", access: MANAGE, handler: || post(not_ours) },
    ActionRoute { method: "GET", path: "/scan/find", access: READ, handler: || get(find) },
];

/// What is said to a form that was sent twice.
const TWICE: &str = "That was done already, by the same form.";

async fn open(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let serial = form.value("serial").trim().to_owned();
    if let Err(error) = allowed(&ctx, Permission::RepairManage, &format!("device:{serial}")).await {
        return refused(ctx, "/repairs/new", form, &error).await;
    }
    let slot = form.value("slot").trim().to_owned();
    let opened = if slot.is_empty() {
        let wanted = OpenForm { symptom: form.value("symptom").into(), technician: form.value("technician").into() };
        ctx.fleet.open_repair(&ctx.actor, &serial, &wanted).await
    } else {
        let difference = Difference {
            slot,
            reported: form.value("part").into(),
            class: form.value("class").into(),
            finding: form.value("finding").parse().ok(),
        };
        ctx.fleet.repair_of_difference(&ctx.actor, &serial, &difference).await
    };
    match opened {
        Ok(code) => see_other(&path(&code), Some(&Flash::done(format!("{code} is open; {serial} is in repair.")))),
        Err(fleet::Error::NotFound { .. }) => {
            let form = form.wrong("serial", format!("There is no device “{serial}”."));
            render_with_form(ctx, "/repairs/new", form, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error @ fleet::Error::Conflict(_)) => match open_one(&ctx, &serial).await {
            // A second click, or a colleague who was faster: either way this is the page that is wanted.
            Some(code) => see_other(&path(&code), Some(&Flash::warn(error.to_string()))),
            None => refused(ctx, "/repairs/new", form, &error).await,
        },
        Err(error) => refused(ctx, "/repairs/new", form, &error).await,
    }
}

/// The open repair of a device.
async fn open_one(ctx: &Ctx, serial: &str) -> Option<String> {
    let repairs = ctx.fleet.repairs_of(&ctx.actor, serial).await.ok()?;
    repairs.into_iter().find(|case| case.state.is_open()).map(|case| case.code)
}

async fn keep_part(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let here = path(&code);
    match ctx.fleet.draft_part(&ctx.actor, &code, &parts::part_form(&form)).await {
        Ok(look) => {
            let wrong: Vec<FieldError> = look
                .errors()
                .into_iter()
                .map(|(field, message)| FieldError { field: Some(field.to_owned()), message: message.to_owned() })
                .collect();
            if wrong.is_empty() {
                return see_other(&here, Some(&Flash::done(format!("Kept what happens in {}.", look.slot))));
            }
            let form = FormState { errors: wrong, ..form };
            render_with_form(ctx, &here, form, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => {
            let error =
                if form.value("slot") == parts::OTHER_SLOT { renamed(error, "slot", "new_slot") } else { error };
            refused(ctx, &here, form, &error).await
        }
    }
}

async fn drop_part(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let (here, slot) = (path(&code), form.value("slot").to_owned());
    match ctx.fleet.drop_part(&ctx.actor, &code, &slot).await {
        Ok(()) => see_other(&here, Some(&Flash::done(format!("{slot} is left as it is.")))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

/// What is to be said of a part as it is typed, for the island that asks.
async fn check(
    Extension(ctx): Extension<Ctx>,
    Path(code): Path<String>,
    Query(values): Query<Vec<(String, String)>>,
) -> Response {
    let form = parts::part_form(&FormState { values, errors: Vec::new() });
    let html = match ctx.fleet.check_draft(&ctx.actor, &code, &form).await {
        Ok(look) => {
            let out = (!form.out.trim().is_empty()).then(|| parts::remarks(&look.out_check.remarks));
            view! { {out} {parts::remarks(&look.in_check.remarks)} }.to_html()
        }
        // Nothing to be said yet.
        Err(fleet::Error::Invalid { .. }) => String::new(),
        Err(error) => return Problem::of(&error).status.into_response(),
    };
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, html).into_response()
}

async fn note(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let act = async |ctx: &Ctx, form: &FormState| {
        ctx.fleet.note_repair(&ctx.actor, &code, form.value("text")).await.map(|()| "Note added.".to_owned())
    };
    deed(ctx, &code, form, act).await
}

/// Does what a form asks, once, and leads back to the case.
async fn deed(
    ctx: Ctx,
    code: &str,
    form: FormState,
    act: impl AsyncFnOnce(&Ctx, &FormState) -> Result<String, fleet::Error>,
) -> Response {
    let here = path(code);
    if let Err(error) = allowed(&ctx, Permission::RepairManage, &format!("repair:{code}")).await {
        return refused(ctx, &here, form, &error).await;
    }
    let claim = match once(&ctx, &form).await {
        Ok(Once::Now(claim)) => claim,
        Ok(Once::Before | Once::Meanwhile) => return see_other(&here, Some(&Flash::done(TWICE))),
        Err(error) => return refused(ctx, &here, form, &error).await,
    };
    let done = act(&ctx, &form).await;
    settle(&ctx, claim, done.is_ok()).await;
    match done {
        Ok(words) => see_other(&here, Some(&Flash::done(words))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

/// A photo, with what it shows.
async fn photo(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, request: Request) -> Response {
    let here = path(&code);
    let mut form = FormState { values: vec![("form".to_owned(), "photo".to_owned())], errors: Vec::new() };
    if let Err(error) = allowed(&ctx, Permission::RepairManage, &format!("repair:{code}")).await {
        return refused(ctx, &here, form, &error).await;
    }
    let content = match Multipart::from_request(request, &()).await {
        Ok(parts) => content(parts, &mut form).await,
        Err(_) => Err("A photo comes as multipart/form-data: use the form on this page.".to_owned()),
    };
    let content = match content {
        Ok(content) => content,
        Err(message) => {
            let form = form.wrong("photo", message);
            return render_with_form(ctx, &here, form, StatusCode::UNPROCESSABLE_ENTITY).await;
        }
    };
    match ctx.fleet.add_repair_photo(&ctx.actor, &code, form.value("caption"), content).await {
        Ok(_) => see_other(&here, Some(&Flash::done("Photo added."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

/// Reads the picture and what is said of it.
async fn content(mut parts: Multipart, form: &mut FormState) -> Result<Vec<u8>, String> {
    let broken = || "The photo broke off before its end. Send it again.".to_owned();
    let mut picture = Vec::new();
    while let Some(mut field) = parts.next_field().await.map_err(|_| broken())? {
        let name = field.name().unwrap_or_default().to_owned();
        let most = if name == "photo" { PHOTO_MAX } else { 1_000 };
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(|_| broken())? {
            if bytes.len() + chunk.len() > most {
                return Err(format!("A photo may have {} MB.", PHOTO_MAX / 1024 / 1024));
            }
            bytes.extend_from_slice(&chunk);
        }
        match name.as_str() {
            "photo" => picture = bytes,
            "caption" => form.values.push((name, String::from_utf8_lossy(&bytes).replace('\0', ""))),
            _ => {}
        }
    }
    Ok(picture)
}

/// A photo as it was sent. Its media type is what its content is, and browsers are told not to guess another.
async fn picture(Extension(ctx): Extension<Ctx>, Path((code, id)): Path<(String, String)>) -> Response {
    let found = match id.parse::<PhotoId>() {
        Ok(id) => ctx.fleet.repair_photo(&ctx.actor, &code, id).await,
        Err(_) => Err(fleet::Error::not_found("photo", &id)),
    };
    match found {
        Ok((kind, content)) => {
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_DISPOSITION, "inline".to_owned()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
                // A photo never changes; who may see it may.
                (header::CACHE_CONTROL, "private, max-age=3600".to_owned()),
            ];
            (headers, content).into_response()
        }
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}

async fn take(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let here = path(&code);
    match ctx.fleet.assign_repair(&ctx.actor, &code, form.value("technician")).await {
        Ok(_) => see_other(&here, Some(&Flash::done("You work on it."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

async fn authorise(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let act = async |ctx: &Ctx, form: &FormState| {
        let done = ctx.fleet.authorise_repair(&ctx.actor, &code, form.value("reason")).await?;
        Ok::<_, fleet::Error>(match done {
            Authorised::Waiting(_) => "A second person has been asked.".to_owned(),
            Authorised::Done(state) => format!("Authorised. Now: {}.", state.label().to_lowercase()),
        })
    };
    deed(ctx, &code, form, act).await
}

async fn cancel(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let here = path(&code);
    match ctx.fleet.cancel_repair(&ctx.actor, &code, form.value("cancel_reason")).await {
        Ok(()) => see_other(&here, Some(&Flash::done("Cancelled. Nothing of the device has changed."))),
        Err(error) => refused(ctx, &here, form, &renamed(error, "reason", "cancel_reason")).await,
    }
}

async fn close(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let here = path(&code);
    match ctx.fleet.close_repair(&ctx.actor, &code, form.value("outcome")).await {
        Ok(()) => see_other(&here, Some(&Flash::done("Closed."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

async fn voucher(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let here = path(&code);
    let hours = form.value("hours").trim().parse().unwrap_or(-1);
    match ctx.fleet.make_voucher(&ctx.actor, &code, hours).await {
        Ok(made) => show_once(ctx, &here, made.voucher, StatusCode::CREATED).await,
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

/// Asks a second person for another voucher.
async fn another_voucher(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let act = async |ctx: &Ctx, form: &FormState| {
        let hours = form.value("hours").trim().parse().unwrap_or(-1);
        let request = VoucherRequest { hours, reason: form.value("reason").into() };
        ctx.fleet.request_voucher(&ctx.actor, &code, &request).await?;
        Ok::<_, fleet::Error>("A second person has been asked for another voucher.".to_owned())
    };
    deed(ctx, &code, form, act).await
}

async fn scrap(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let here = path(&code);
    if let Err(error) = allowed(&ctx, Permission::RepairManage, &format!("repair:{code}")).await {
        return refused(ctx, &here, form, &error).await;
    }
    let Ok(id) = form.value("part").parse::<TaintId>() else {
        return errors::respond(ctx, StatusCode::NOT_FOUND, "There is no such part.").await;
    };
    match ctx.fleet.scrap_part(&ctx.actor, id, form.value("evidence")).await {
        Ok(_) => see_other(&here, Some(&Flash::done("Recorded: it is destroyed."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

/// “This was not us”.
async fn not_ours(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("/devices/{}", segment(&serial));
    if let Err(error) = allowed(&ctx, Permission::RepairManage, &format!("device:{serial}")).await {
        return refused(ctx, &here, form, &error).await;
    }
    let claim = match once(&ctx, &form).await {
        Ok(Once::Now(claim)) => claim,
        Ok(Once::Before | Once::Meanwhile) => return see_other(&here, Some(&Flash::done(TWICE))),
        Err(error) => return refused(ctx, &here, form, &error).await,
    };
    let hold = form.has("hold");
    let done = ctx.fleet.deny_difference(&ctx.actor, &serial, form.value("difference"), hold).await;
    settle(&ctx, claim, done.is_ok()).await;
    match done {
        Ok(()) if hold => see_other(&here, Some(&Flash::done("Noted, and its certificates are on hold."))),
        Ok(()) => see_other(&here, Some(&Flash::done("Noted: this was none of our repairs."))),
        Err(error) => refused(ctx, &here, form, &renamed(error, "text", "difference")).await,
    }
}

#[derive(Debug, Default, serde::Deserialize)]
struct Scan {
    #[serde(default)]
    code: String,
}

/// Leads to what a scan means; where that is not one thing, to the list of what it may mean.
async fn find(Extension(ctx): Extension<Ctx>, Query(scan): Query<Scan>) -> Response {
    let code: String = without_claim_code(&scan.code).chars().take(fleet::repair::SCAN_MAX).collect();
    match ctx.fleet.scanned(&ctx.actor, &code).await {
        Ok(found) => match (found.devices.as_slice(), found.repair) {
            ([serial], None) => see_other(&format!("/devices/{}", segment(serial)), None),
            ([], Some(repair)) => see_other(&path(&repair), None),
            _ => see_other(&href("/scan", &[("code", code.trim())]), None),
        },
        Err(error) => respond_problem(ctx, Problem::of(&error)).await,
    }
}
