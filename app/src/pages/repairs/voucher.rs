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
    pages::{errors::who_may, secret::shown_once},
};
use domain::{person::Permission, repair::RepairState, time::Timestamp};
use fleet::repair::{RepairDetail, Voucher};
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
        "curl --cacert ca.pem -u {}:{secret} --data-binary @device.csr \
         https://GATEWAY/.well-known/est/{}/simpleenroll",
        detail.device.serial, detail.batch
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

/// The panel for a case that needs a certificate for a new key; nothing for others.
pub(super) fn panel(ctx: &Ctx, detail: &RepairDetail) -> Option<AnyView> {
    let case = &detail.case;
    let wants = matches!(case.state, RepairState::Authorised | RepairState::ReEnrolling | RepairState::Verifying);
    if !wants || !case.key_changes {
        return None;
    }
    let form = again(ctx, "voucher");
    let another = if detail.voucher.is_some() { "Make another voucher" } else { "Make a voucher" };
    let is_used = detail.used_voucher.is_some();
    let hint = if is_used {
        "1 to 168. The certificate that was fetched counts no more once this voucher is used."
    } else {
        "1 to 168. The voucher before counts no more."
    };
    let beyond = (is_used && !ctx.may(Permission::RepairClose)).then(|| {
        let words = format!("A voucher was used already. Another one: {}", who_may(Permission::RepairClose));
        view! { <p class="soft">{words}</p> }
    });
    let make = (ctx.may(Permission::RepairManage) && beyond.is_none()).then(|| {
        view! {
            <form class="stack" method="post" action=format!("{}/voucher", path(&case.code))>
                {error_summary(form)}
                {hidden("form", "voucher")}
                {Field::new(form, "hours", "Counts for how many hours").kind("number").value("24").required().hint(hint).input()}
                <div><button class="btn primary" type="submit">{icon(icons::KEY)}{another}</button></div>
            </form>
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
                    {beyond}
                    {make}
                </div>
            })
            .into_any(),
    )
}
