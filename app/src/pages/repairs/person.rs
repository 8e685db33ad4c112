//! What one person, or two, decide: authorising, cancelling, closing by hand.

use super::{again, path};
use crate::{
    components::{
        form::{Field, error_summary, hidden},
        icons::{self, icon},
        panel::{Panel, note},
        status::{Status, Tone},
    },
    context::{Ctx, FormState},
    pages::errors::who_may,
};
use domain::{person::Permission, repair::RepairState};
use fleet::repair::RepairDetail;
use leptos::prelude::*;

/// What follows once it is authorised, and by whom it has to be.
fn consequences(detail: &RepairDetail) -> AnyView {
    let plan = &detail.plan;
    let reasons: Vec<_> = plan.reasons.iter().map(|reason| view! { <li>{reason.to_string()}</li> }).collect();
    let doubts: Vec<_> = detail
        .slots
        .iter()
        .flat_map(|look| look.doubts().map(|words| format!("{}: {words}", look.slot)).collect::<Vec<_>>())
        .map(|words| view! { <li>{words}</li> })
        .collect();
    let doubts = (!doubts.is_empty()).then(|| {
        note(Tone::Warn, icons::WARN, view! { <p>"Kept with the decision:"</p> <ul class="errors">{doubts}</ul> })
    });
    let version = detail.device.manifest_version + i64::from(!plan.is_empty());
    let then = if plan.is_empty() {
        format!("No part is changed: the device has to report exactly manifest version {version}, as before.")
    } else {
        format!(
            "Manifest version {version} is written, chained to the one before. The device has to report exactly that."
        )
    };
    let lost = plan.key_is_lost.then(|| {
        let words = "The old key is out of our hands: the device's certificates are revoked at once, as compromised.";
        note(Tone::Bad, icons::BAN, words)
    });
    if plan.takes_two() {
        let why = view! { <p>"A second person has to approve this:"</p> <ul class="errors">{reasons}</ul> };
        return view! { {note(Tone::Hold, icons::PEOPLE, why)} {lost} {doubts} <p class="small soft">{then}</p> }
            .into_any();
    }
    view! { {note(Tone::Ok, icons::USER, "One person is enough: the device keeps its key, and no part comes from another device.")} {doubts} <p class="small soft">{then}</p> }
        .into_any()
}

/// The form that authorises, or asks a second person to.
pub(super) fn authorise(ctx: &Ctx, detail: &RepairDetail) -> AnyView {
    let form = again(ctx, "authorise");
    let wrong = detail.slots.iter().any(|look| !look.errors().is_empty());
    let (drawn, label) =
        if detail.plan.takes_two() { (icons::PEOPLE, "Ask a second person") } else { (icons::APPROVE, "Authorise") };
    let stop = wrong.then(|| note(Tone::Bad, icons::CROSS, "A part above is wrong. Put it right, or leave it out."));
    let stamp = detail.case.updated_at.0.to_string();
    Panel::new("Authorise")
        .id("authorise")
        .flush(view! {
            <form class="body stack" method="post" action=format!("{}/authorise", path(&detail.case.code)) data-keep=stamp>
                {error_summary(form)}
                {hidden("form", "authorise")}
                {hidden("once", ctx.request_id.clone())}
                {(!wrong).then(|| consequences(detail))}
                {stop}
                {Field::new(form, "reason", "What is done, and why")
                    .value(detail.case.reason.clone())
                    .required()
                    .max_length(400)
                    .hint("Stands in the manifest for good.")
                    .textarea(2)}
                <div class="actionbar">
                    <span class="small soft hide-phone">{detail.case.code.clone()}</span>
                    <button class=if wrong { "btn push" } else { "btn primary push" } type="submit">{icon(drawn)}{label}</button>
                </div>
            </form>
        })
        .into_any()
}

/// That a second person decides, and where.
pub(super) fn waiting(ctx: &Ctx, detail: &RepairDetail) -> Option<AnyView> {
    let approval = detail.approval.as_ref()?;
    let status = Status::from(approval.state);
    let to = ctx.may(Permission::ApprovalRead).then(
        || view! { <a class="btn" href=format!("/approvals/{}", approval.id)>{icon(icons::APPROVE)}"The approval"</a> },
    );
    let words = format!("Asked by {}. Any manager but the one who asked decides it.", approval.requested_by);
    Some(
        Panel::new("Second person")
            .aside(status.cell())
            .body(view! { <div class="stack"><p>{approval.title.clone()}</p><p class="soft">{words}</p><div>{to}</div></div> })
            .into_any(),
    )
}

/// A small form with one text, that opens in place.
fn small(
    ctx: &Ctx,
    (name, action, summary): (&'static str, String, &'static str),
    field: impl FnOnce(Option<&FormState>) -> AnyView,
    (class, drawn, label): (&'static str, icons::Icon, &'static str),
) -> AnyView {
    let form = again(ctx, name);
    let fields = field(form);
    view! {
        <details class="folded" open=form.is_some()>
            <summary>{icon(drawn)}{summary}</summary>
            <form class="body stack tight" method="post" action=action>
                {error_summary(form)}
                {hidden("form", name)}
                {fields}
                <div><button class=class type="submit">{icon(drawn)}{label}</button></div>
            </form>
        </details>
    }
    .into_any()
}

/// What else can be done with a case.
pub(super) fn other(ctx: &Ctx, detail: &RepairDetail) -> Option<AnyView> {
    let case = &detail.case;
    let before = matches!(case.state, RepairState::Reported | RepairState::Authorising);
    if !case.state.is_open() {
        return None;
    }
    let cancel = (before && ctx.may(Permission::RepairManage)).then(|| {
        let field = |form: Option<&FormState>| {
            Field::new(form, "cancel_reason", "Why?").required().max_length(400).input().into_any()
        };
        let what = ("cancel", format!("{}/cancel", path(&case.code)), "Cancel the repair");
        small(ctx, what, field, ("btn small danger", icons::CROSS, "Cancel it"))
    });
    let close = (!before).then(|| {
        if !ctx.may(Permission::RepairClose) {
            let why = who_may(Permission::RepairClose);
            let title = why.clone();
            return view! { <p class="folded off" title=title>{icon(icons::CHECK)}<span>"Close it by hand"<small>{why}</small></span></p> }
                .into_any();
        }
        let field = |form: Option<&FormState>| {
            Field::new(form, "outcome", "How do you know that the device is what its manifest says?")
                .required()
                .max_length(400)
                .hint("For devices that can't report. Stands in the history for good. If the key was changed and no certificate was fetched for the new one, those for the old one count no more.")
                .input()
                .into_any()
        };
        let what = ("close", format!("{}/close", path(&case.code)), "Close it by hand");
        small(ctx, what, field, ("btn small", icons::CHECK, "Close it"))
    });
    if cancel.is_none() && close.is_none() {
        return None;
    }
    Some(Panel::new("Otherwise").id("otherwise").flush(view! { {cancel} {close} }).into_any())
}
