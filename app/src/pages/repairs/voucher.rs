//! The way back to a certificate: making a voucher, and what it is for.

use super::{again, path};
use crate::{
    components::{
        form::{Field, error_summary, hidden},
        icons::{self, icon},
        panel::{Panel, note},
        status::Tone,
        text::{copy, fours, minute},
    },
    context::Ctx,
    pages::secret::shown_once,
};
use domain::{approval::ApprovalState, person::Permission, repair::RepairState, time::Timestamp};
use fleet::repair::{AnotherVoucher, RepairDetail, Voucher};
use leptos::prelude::*;

/// The voucher that was just made, and the call that uses it.
pub(super) fn once(ctx: &Ctx, detail: &RepairDetail) -> Option<impl IntoView + use<>> {
    let secret = ctx.secret.clone()?;
    let call = call(detail, &secret);
    let advice = view! {
        "Give it to the device, which makes its new key and fetches its certificate with it, once. It is good for "
        {detail.device.serial.clone()} " alone."
        <br />
        <code class="small">{call.clone()}</code>
        {copy("call", &call)}
    };
    Some(shown_once("Voucher for a new certificate".to_owned(), advice.into_any(), "voucher", &secret))
}

/// EST's simpleenroll with a voucher in place of a certificate.
fn call(detail: &RepairDetail, secret: &str) -> String {
    format!(
        "curl --cacert ca.pem -u {}:{secret} --data-binary @device.csr {}/.well-known/est/{}/simpleenroll",
        detail.device.serial, detail.gateway, detail.batch
    )
}

fn last(voucher: &Voucher, now: Timestamp) -> AnyView {
    let by = voucher.made_by.clone();
    match (voucher.used_at, voucher.void_at) {
        // What was used is said apart.
        (Some(_), _) => ().into_any(),
        (None, None) if voucher.expires_at > now => view! {
            {note(Tone::Go, icons::HOURGLASS, view! { "A voucher by " {by} " counts until " {minute(voucher.expires_at)} ", and was not used yet." })}
        }
        .into_any(),
        _ => view! { {note(Tone::Warn, icons::CLOCK, view! { "The last voucher, by " {by} ", counts no more." })} }.into_any(),
    }
}

/// That a voucher was used, and for which key: the device's own, if it was the device.
fn used(voucher: &Voucher) -> Option<AnyView> {
    let at = voucher.used_at?;
    let words = view! {
        <p>"Used on " {minute(at)} ". SHA-256 of the key that has the certificate:"</p>
        <p>{fours(&voucher.used_key)}</p>
    };
    Some(view! { {note(Tone::Ok, icons::TICK, words)} }.into_any())
}

/// The form that makes a voucher; of an approved one the hours are decided already.
fn make(ctx: &Ctx, detail: &RepairDetail, approved: Option<&AnotherVoucher>) -> AnyView {
    let form = again(ctx, "voucher");
    let hours = match approved {
        Some(approved) => hidden("hours", approved.hours.to_string()).into_any(),
        None => Field::new(form, "hours", "Counts for how many hours")
            .kind("number")
            .value("24")
            .required()
            .hint("1 to 168. The voucher before counts no more.")
            .input()
            .into_any(),
    };
    let label = if detail.voucher.is_some() { "Make another voucher" } else { "Make a voucher" };
    view! {
        <form class="stack" method="post" action=format!("{}/voucher", path(&detail.case.code))>
            {error_summary(form)}
            {hidden("form", "voucher")}
            {hours}
            <div><button class="btn primary" type="submit">{icon(icons::KEY)}{label}</button></div>
        </form>
    }
    .into_any()
}

/// The form that asks a second person for another voucher.
fn ask(ctx: &Ctx, detail: &RepairDetail) -> AnyView {
    let form = again(ctx, "another");
    let why = if detail.used_voucher.as_ref().is_some_and(Voucher::may_have_been_used) {
        "A restore of the console ended a voucher, which may have been used."
    } else {
        "A voucher was used already."
    };
    view! {
        <form class="stack" method="post" action=format!("{}/voucher/another", path(&detail.case.code))>
            {error_summary(form)}
            {hidden("form", "another")}
            {hidden("once", ctx.request_id.clone())}
            <p>{why} " Another one brings a certificate for one more key, so a second person has to approve it. Once that one is used, the certificate before counts no more."</p>
            {Field::new(form, "hours", "Counts for how many hours")
                .kind("number")
                .value("24")
                .required()
                .hint("1 to 168, from when it is made.")
                .input()}
            {Field::new(form, "reason", "Why is another one needed?").required().max_length(400).textarea(2)}
            <div><button class="btn" type="submit">{icon(icons::PEOPLE)}"Ask a second person"</button></div>
        </form>
    }
    .into_any()
}

/// How the request for another voucher stands, in words that lead to it.
fn asked(ctx: &Ctx, another: &AnotherVoucher) -> AnyView {
    let approval = &another.approval;
    let decided_by = approval.decided_by.clone().unwrap_or_default();
    let (tone, drawn, words) = match approval.state {
        ApprovalState::Waiting => {
            let by = &approval.requested_by;
            let words = format!("{by} asked for another voucher. Any manager but the one who asked decides it.");
            (Tone::Hold, icons::PEOPLE, words)
        }
        ApprovalState::Approved if another.permits => {
            let words = format!(
                "{decided_by} approved another voucher, for {} hours. It brings one certificate.",
                another.hours
            );
            (Tone::Ok, icons::APPROVE, words)
        }
        ApprovalState::Approved => {
            (Tone::Mute, icons::CLOCK, format!("{decided_by} approved another voucher; that was too long ago."))
        }
        ApprovalState::Rejected => {
            (Tone::Bad, icons::CROSS, format!("{decided_by} rejected another voucher: {}", approval.reason))
        }
        ApprovalState::Void => (Tone::Mute, icons::REVERT, approval.reason.clone()),
    };
    let to = ctx.may(Permission::ApprovalRead).then(|| {
        view! { " " <a href=format!("/approvals/{}", approval.id)>"The approval"</a> }
    });
    note(tone, drawn, view! { {words} {to} }).into_any()
}

/// The panel for a case that needs a certificate for a new key; nothing for others.
pub(super) fn panel(ctx: &Ctx, detail: &RepairDetail) -> Option<AnyView> {
    let case = &detail.case;
    let wants = matches!(case.state, RepairState::Authorised | RepairState::ReEnrolling | RepairState::Verifying);
    if !wants || !case.key_changes {
        return None;
    }
    let another = detail.another_voucher.as_ref();
    let is_used = detail.used_voucher.is_some();
    let waits = another.is_some_and(|another| another.approval.state == ApprovalState::Waiting);
    let approved = another.filter(|another| another.permits);
    let next = ctx.may(Permission::RepairManage).then(|| {
        if !is_used || approved.is_some() {
            Some(make(ctx, detail, approved))
        } else {
            (!waits).then(|| ask(ctx, detail))
        }
    });
    Some(
        Panel::new("A certificate for the new key")
            .id("voucher")
            .body(view! {
                <div class="stack">
                    <p class="soft">"The key was in a part that is gone. The device gets a new certificate by a voucher, and the one before is superseded when it does."</p>
                    {detail.used_voucher.as_ref().and_then(used)}
                    {detail.voucher.as_ref().map(|voucher| last(voucher, ctx.now))}
                    {another.map(|another| asked(ctx, another))}
                    {next}
                </div>
            })
            .into_any(),
    )
}
