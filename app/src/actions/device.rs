//! What people record about devices: custody for one or many, notes, corrections. And the short address on labels.

use super::{Access, ActionRoute, Posted, refused, render_with_form, see_other};
use crate::{
    components::text::plural,
    context::{Ctx, Flash, FormState, segment},
    pages::{
        devices::{bulk, custody_form},
        errors,
    },
};
use axum::{
    Extension,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use domain::{id::HistoryId, person::Permission};
use fleet::{custody::BULK_MAX, idempotency::Begun};
use std::hash::{DefaultHasher, Hash, Hasher};

const RECORD: Access = Access::May(Permission::CustodyRecord);

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/devices/custody", access: RECORD, handler: || post(custody_of_many) },
    ActionRoute { method: "POST", path: "/devices/{serial}/custody", access: RECORD, handler: || post(custody_of_one) },
    ActionRoute {
        method: "POST",
        path: "/devices/{serial}/notes",
        access: Access::May(Permission::NoteAdd),
        handler: || post(note),
    },
    ActionRoute {
        method: "POST",
        path: "/devices/{serial}/corrections",
        access: Access::May(Permission::HistoryCorrect),
        handler: || post(correct),
    },
    ActionRoute {
        method: "GET",
        path: "/r/{serial}",
        access: Access::May(Permission::FleetRead),
        handler: || get(short_address),
    },
];

fn page_of(serial: &str) -> String {
    format!("/devices/{}", segment(serial))
}

/// The address on a device's label.
async fn short_address(Path(serial): Path<String>) -> Response {
    Redirect::permanent(&page_of(&serial)).into_response()
}

/// What is done once however often its form is sent: a second click finds that it was done.
pub(super) enum Once {
    /// It is to be done now.
    Now(fleet::idempotency::Claim),
    /// It was done by the click before.
    Before,
    /// The click before is not through yet, or was ended with the machine.
    Meanwhile,
}

/// Claims a form that carries a name of its own. The same name with other input is another deed: somebody went back
/// and changed it.
pub(super) async fn once(ctx: &Ctx, form: &FormState) -> Result<Once, fleet::Error> {
    let mut hasher = DefaultHasher::new();
    form.values.hash(&mut hasher);
    let name: String = form.value("once").chars().filter(char::is_ascii_graphic).take(80).collect();
    let key = format!("form:{name}:{:016x}", hasher.finish());
    Ok(match ctx.fleet.begin_request(&ctx.actor, &key, "").await? {
        Begun::Fresh(claim) => Once::Now(claim),
        Begun::Replay { .. } | Begun::Mismatch => Once::Before,
        Begun::InFlight => Once::Meanwhile,
    })
}

/// Keeps that a form was done, or lets it be sent again.
pub(super) async fn settle(ctx: &Ctx, claim: fleet::idempotency::Claim, done: bool) {
    let kept = match done {
        true => ctx.fleet.finish_request(claim, StatusCode::SEE_OTHER.as_u16(), "").await,
        false => ctx.fleet.abandon_request(claim).await,
    };
    if let Err(error) = kept {
        // The deed stands; only a second click would not be known again.
        tracing::warn!(%error, "a form's claim was not settled");
    }
}

/// Does what a form asks, once, and leads on.
async fn deed<T>(
    ctx: Ctx,
    here: &str,
    form: FormState,
    next: &str,
    act: impl AsyncFnOnce(&Ctx, &FormState) -> Result<T, fleet::Error>,
    said: impl FnOnce(&T) -> String,
) -> Response {
    let claim = match once(&ctx, &form).await {
        Ok(Once::Now(claim)) => claim,
        Ok(Once::Before) => return see_other(next, Some(&Flash::done("That was recorded already, by the same form."))),
        Ok(Once::Meanwhile) => {
            let told = "This form is still being recorded. Look at the history in a moment; if it isn't there, fill the \
                        form in anew.";
            return see_other(next, Some(&Flash::warn(told)));
        }
        Err(error) => return refused(ctx, here, form, &error).await,
    };
    let done = act(&ctx, &form).await;
    settle(&ctx, claim, done.is_ok()).await;
    match done {
        Ok(done) => see_other(next, Some(&Flash::done(said(&done)))),
        Err(error) => refused(ctx, here, form, &error).await,
    }
}

async fn custody_of_one(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    let here = page_of(&serial);
    let act = async |ctx: &Ctx, form: &FormState| {
        ctx.fleet.record_custody(&ctx.actor, &serial, &custody_form::custody_form_of(form)).await
    };
    deed(ctx, &here, form, &here, act, |_| "Recorded in the history.".to_owned()).await
}

async fn note(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    let here = page_of(&serial);
    let act = async |ctx: &Ctx, form: &FormState| ctx.fleet.add_note(&ctx.actor, &serial, form.value("text")).await;
    deed(ctx, &here, form, &here, act, |_| "Note added.".to_owned()).await
}

async fn correct(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    let here = page_of(&serial);
    let Ok(entry) = form.value("entry").parse::<HistoryId>() else {
        return errors::respond(ctx, StatusCode::NOT_FOUND, "There is no such entry in the history.").await;
    };
    match ctx.fleet.correct(&ctx.actor, &serial, entry, form.value("reason")).await {
        Ok(_) => see_other(&here, Some(&Flash::done("Struck through; a correction says why."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

/// The list's form asks for the page with the fields; that page's form records.
async fn custody_of_many(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let here = "/devices/custody";
    // Asked first, so that a refusal is audited whatever the form lacks.
    let refusal = ctx.fleet.allow(&ctx.actor, Permission::CustodyRecord, "devices").await.map(drop).err();
    if let Some(error) = refusal {
        return refused(ctx, here, form, &error).await;
    }
    let selection = bulk::selection_of(&form);
    let Some(selection) = selection.filter(|_| form.has("verb")) else {
        return render_with_form(ctx, here, form, StatusCode::OK).await;
    };
    let next = bulk::list_of(&form);
    let act = async |ctx: &Ctx, form: &FormState| {
        let selected = ctx.fleet.selected(&ctx.actor, &selection, BULK_MAX).await?;
        if bulk::fingerprint(&selected.devices) != form.value("devices") {
            return Err(fleet::Error::Conflict(
                "Other devices match now than were shown. Look at the numbers again, then record.".to_owned(),
            ));
        }
        let serials: Vec<String> = selected.devices.into_iter().map(|device| device.serial).collect();
        ctx.fleet.record_custody_of(&ctx.actor, &serials, &custody_form::custody_form_of(form)).await
    };
    let said = |ids: &Vec<HistoryId>| {
        let number = i64::try_from(ids.len()).unwrap_or(0);
        format!("Recorded in the history of {}.", plural(number, "device", "devices"))
    };
    deed(ctx, here, form, &next, act, said).await
}
