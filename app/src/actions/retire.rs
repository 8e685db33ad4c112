//! The end of devices' use, of one or of many.

use super::{
    Access, ActionRoute, Posted, allowed,
    device::{Once, once, settle},
    refused, render_with_form, see_other,
};
use crate::{
    components::text::plural,
    context::{Ctx, Flash, FormState, segment},
    pages::devices::{bulk, retire_form},
};
use axum::{Extension, extract::Path, http::StatusCode, response::Response, routing::post};
use domain::person::Permission;
use fleet::{
    custody::{BULK_MAX, Retired},
    devices::Selection,
    revocation::Outcome,
};

const RETIRE: Access = Access::May(Permission::DeviceRetire);

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/devices/retire", access: RETIRE, handler: || post(many) },
    ActionRoute { method: "POST", path: "/devices/{serial}/retire", access: RETIRE, handler: || post(one) },
];

async fn one(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("/devices/{}", segment(&serial));
    end(ctx, &here, &here, Selection::Serials(vec![serial]), form).await
}

/// The list's form asks for the page with the fields; that page's form records.
async fn many(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let here = "/devices/retire";
    if let Err(error) = allowed(&ctx, Permission::DeviceRetire, "devices").await {
        return refused(ctx, here, form, &error).await;
    }
    let selection = bulk::selection_of(&form);
    let Some(selection) = selection.filter(|_| form.has("end")) else {
        return render_with_form(ctx, here, form, StatusCode::OK).await;
    };
    let next = bulk::list_of(&form);
    match as_shown(&ctx, &selection, &form).await {
        Ok(()) => end(ctx, here, &next, selection, form).await,
        Err(error) => refused(ctx, here, form, &error).await,
    }
}

async fn as_shown(ctx: &Ctx, selection: &Selection, form: &FormState) -> Result<(), fleet::Error> {
    let selected = ctx.fleet.selected(&ctx.actor, selection, BULK_MAX).await?;
    if bulk::fingerprint(&selected.devices) == form.value("devices") {
        return Ok(());
    }
    let told = "Other devices match now than were shown. Look at the numbers again, then record.";
    Err(fleet::Error::Conflict(told.to_owned()))
}

async fn end(ctx: Ctx, here: &str, next: &str, selection: Selection, form: FormState) -> Response {
    let claim = match once(&ctx, &form).await {
        Ok(Once::Now(claim)) => claim,
        Ok(Once::Before) => return see_other(next, Some(&Flash::done("That was recorded already, by the same form."))),
        Ok(Once::Meanwhile) => {
            return see_other(next, Some(&Flash::warn("This form is still being recorded. Look again in a moment.")));
        }
        Err(error) => return refused(ctx, here, form, &error).await,
    };
    let done = ctx.fleet.retire(&ctx.actor, &selection, &retire_form::retire_form_of(&form)).await;
    settle(&ctx, claim, done.is_ok()).await;
    match done {
        Ok(retired) => see_other(next, Some(&told(&retired))),
        Err(error) => refused(ctx, here, form, &at_its_fields(error)).await,
    }
}

fn told(retired: &Retired) -> Flash {
    let number = i64::try_from(retired.entries.len()).unwrap_or(0);
    let recorded = format!("Recorded in the history of {}.", plural(number, "device", "devices"));
    match retired.revocation {
        Some(Outcome::Done(_)) => Flash::done(format!("{recorded} The certificates are revoked.")),
        Some(Outcome::Waiting(..)) => {
            Flash::warn(format!("{recorded} The certificates wait for a manager’s approval: see Approvals."))
        }
        None => Flash::done(recorded),
    }
}

/// The same errors at the names that the fields have here.
fn at_its_fields(error: fleet::Error) -> fleet::Error {
    let fleet::Error::Invalid { mut fields } = error else { return error };
    for field in &mut fields {
        retire_form::name_of(&field.field).clone_into(&mut field.field);
    }
    fleet::Error::Invalid { fields }
}
