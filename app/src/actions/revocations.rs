//! Holding, revoking and releasing.

use super::{Access, ActionRoute, Posted, allowed, refused, see_other};
use crate::{
    context::{Ctx, Flash, FormState, segment},
    pages::{
        devices::bulk::selection_of,
        errors::Problem,
        revocations::{field, path_of},
    },
};
use axum::{
    Extension,
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{
    certificate::RevocationReason, id::RevocationId, person::Permission, query::quoted, revocation::RevocationAct,
};
use fleet::{
    devices,
    revocation::{Outcome, RevokeForm, Selection},
};
use leptos::prelude::RenderHtml;

const HOLD: Access = Access::May(Permission::CertificateHold);

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/revocations", access: HOLD, handler: || post(act) },
    ActionRoute {
        method: "POST",
        path: "/revocations/select",
        access: Access::May(Permission::CertificateRevoke),
        handler: || post(select),
    },
    ActionRoute {
        method: "GET",
        path: "/revocations/{id}/spread",
        access: Access::May(Permission::AuthorityRead),
        handler: || get(spread),
    },
    ActionRoute { method: "POST", path: "/devices/{serial}/hold", access: HOLD, handler: || post(hold) },
    ActionRoute { method: "POST", path: "/devices/{serial}/release", access: HOLD, handler: || post(release) },
    ActionRoute {
        method: "POST",
        path: "/devices/{serial}/quarantine/release",
        access: HOLD,
        handler: || post(let_go),
    },
];

/// What is ticked in the list of devices becomes the address of the page that prepares the act.
async fn select(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    if let Err(error) = allowed(&ctx, Permission::CertificateRevoke, "devices").await {
        return refused(ctx, "/devices", form, &error).await;
    }
    let query = match selection_of(&form) {
        Some(devices::Selection::Query(text)) => text,
        Some(devices::Selection::Serials(serials)) => {
            let serials: Vec<String> = serials.iter().map(|serial| quoted(serial)).collect();
            format!("serial:{}", serials.join(","))
        }
        None => form.value("q").to_owned(),
    };
    see_other(&path_of("selection", &query, "hold"), None)
}

/// What happened, which nobody may leave out: it is all that is known about it later.
fn note_of(form: &FormState) -> Result<String, fleet::Error> {
    match form.value("note").trim() {
        "" => Err(fleet::Error::field("note", "Say what happened.")),
        note => Ok(note.to_owned()),
    }
}

fn revoke_form(form: &FormState) -> Result<RevokeForm, fleet::Error> {
    let act = form.value("act").parse().map_err(|_| fleet::Error::field("", "Say what is to be done."))?;
    let reason = match (act, form.value("reason").parse()) {
        (_, Ok(reason)) => reason,
        (RevocationAct::Revoke, Err(_)) => return Err(fleet::Error::field("reason", "Choose why from the list.")),
        (RevocationAct::Hold | RevocationAct::Release, Err(_)) => RevocationReason::CertificateHold,
    };
    Ok(RevokeForm {
        selection: Selection::from_words(form.value("scope"), form.value("subject"))?,
        act,
        reason,
        note: note_of(form)?,
        confirmation: form.value("confirmation").trim().to_owned(),
        preview_hash: form.value("preview_hash").to_owned(),
    })
}

async fn act(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let (scope, subject, word) = (form.value("scope"), form.value("subject"), form.value("act"));
    let here = path_of(scope, subject, word);
    if let Err(error) = allowed(&ctx, Permission::CertificateHold, "revocation").await {
        return refused(ctx, &here, form, &error).await;
    }
    let wanted = match revoke_form(&form) {
        Ok(wanted) => wanted,
        Err(error) => return refused(ctx, &here, form, &error).await,
    };
    match ctx.fleet.revoke(&ctx.actor, &wanted).await {
        Ok(outcome) => done(outcome, wanted.act),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

fn done(outcome: Outcome, act: RevocationAct) -> Response {
    match outcome {
        Outcome::Done(id) => {
            let words = match act {
                RevocationAct::Hold => "On hold. Every gateway limits it to its repair from now on.",
                RevocationAct::Revoke => "Revoked. Every gateway refuses from now on.",
                RevocationAct::Release => "Released. Every gateway accepts from now on.",
            };
            see_other(&format!("/revocations/{id}"), Some(&Flash::done(words)))
        }
        Outcome::Waiting(_, id) => {
            let flash = Flash::done("Asked for. Nothing happens until a manager other than you has approved it.");
            see_other(&format!("/revocations/{id}"), Some(&flash))
        }
    }
}

/// How it spreads, for the island that follows it.
async fn spread(Extension(ctx): Extension<Ctx>, Path(id): Path<String>) -> Response {
    let detail = match id.parse::<RevocationId>() {
        Ok(id) => ctx.fleet.revocation(&ctx.actor, id).await,
        Err(_) => Err(fleet::Error::not_found("revocation", &id)),
    };
    match detail {
        Ok(detail) => {
            let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            (headers, field(&detail, ctx.now).to_html()).into_response()
        }
        Err(error) => Problem::of(&error).status.into_response(),
    }
}

async fn hold(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    of_device(ctx, serial, form, RevocationAct::Hold).await
}

async fn release(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    of_device(ctx, serial, form, RevocationAct::Release).await
}

/// A quarantined device that no certificate holds.
async fn let_go(Extension(ctx): Extension<Ctx>, Path(serial): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("/devices/{}", segment(&serial));
    let released = async {
        allowed(&ctx, Permission::CertificateHold, &format!("device:{serial}")).await?;
        ctx.fleet.release_quarantine(&ctx.actor, &serial, form.value("note")).await
    };
    match released.await {
        Ok(()) => see_other(&here, Some(&Flash::done("Released: it is let in again."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

/// One device held or released: it can be undone, so nothing is typed out.
async fn of_device(ctx: Ctx, serial: String, form: FormState, act: RevocationAct) -> Response {
    let here = format!("/devices/{}", segment(&serial));
    let acted = async {
        allowed(&ctx, Permission::CertificateHold, &format!("device:{serial}")).await?;
        let note = note_of(&form)?;
        let selection = Selection::Device(serial);
        let preview = ctx.fleet.preview(&ctx.actor, &selection, act).await?;
        let wanted = RevokeForm {
            selection,
            act,
            reason: RevocationReason::CertificateHold,
            note,
            confirmation: preview.confirm_word,
            preview_hash: preview.hash,
        };
        ctx.fleet.revoke(&ctx.actor, &wanted).await
    };
    match acted.await {
        Ok(Outcome::Done(_)) => {
            let words = match act {
                RevocationAct::Release => "Released: its certificate is accepted again.",
                RevocationAct::Hold | RevocationAct::Revoke => {
                    "On hold: until it is released the gateway lets it do what its repair needs, and nobody else accepts its certificate."
                }
            };
            see_other(&here, Some(&Flash::done(words)))
        }
        Ok(waiting @ Outcome::Waiting(..)) => done(waiting, act),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}
