//! Whose the device is: claimed or not, whether the code on its label counts, and how its use ends.

use super::{
    forms::{again, folded},
    life::Life,
    place::Place,
};
use crate::{
    components::{
        form::hidden,
        icons::{self, icon},
        panel::{Panel, confirmed, link_button},
        status::{Status, Tone},
        text::day,
    },
    context::Ctx,
    pages::{claim, devices::retire_form, labels},
};
use domain::{
    claim::Ownership,
    device::{Lifecycle, Trust},
    person::Permission,
};
use leptos::prelude::*;

/// How the device stands, and what can be done.
pub(super) fn panel(ctx: &Ctx, life: &Life<'_>, place: &Place, spoilt: i64) -> impl IntoView + use<> {
    let device = &life.record.device;
    let ownership = Ownership::after(&life.record.history);
    let retired = device.lifecycle == Lifecycle::Retired;
    let cut_off = matches!(device.trust, Trust::Revoked | Trust::Quarantined);
    let standing = match ownership.claim {
        Some(claim) => {
            let client = claim.event.holder_after().map(|client| client.name.clone());
            let status = Status { word: "Claimed", icon: icons::CHECK, tone: Tone::Ok };
            view! { <p>{status.cell()}" on "{day(claim.at)}" for "{client}</p> }.into_any()
        }
        None => {
            let status = Status { word: "Not claimed", icon: icons::RING, tone: Tone::Mute };
            view! { <p>{status.cell()}</p> }.into_any()
        }
    };
    let open = ownership.claim.is_none() && !retired && !cut_off;
    let label = match (open, spoilt) {
        (false, _) if retired => "It is retired: no code of a label counts for it any more.".to_owned(),
        (false, _) if ownership.claim.is_some() => {
            "No code of a label counts while it is claimed. Transfer it to the next client, or return it to stock and print a \
             new label."
                .to_owned()
        }
        (false, _) if device.trust == Trust::Quarantined => {
            "No code of a label counts until it is released.".to_owned()
        }
        (false, _) => "No code of a label counts for it: its certificates are revoked.".to_owned(),
        (true, 0) => "The code on its label counts, until the device is claimed.".to_owned(),
        (true, n) => format!("The code of its label number {} counts; the ones before are void.", n + 1),
    };
    let acts = (open || !retired).then(|| {
        view! {
            <div class="body row wrap">
                {(open && ctx.may(Permission::DeviceClaim))
                    .then(|| link_button(claim::path_of(&place.serial), icons::KEY, "Claim it"))}
                {(!retired && ctx.may(Permission::CustodyRecord))
                    .then(|| view! {
                        {link_button(place.doing("transfer"), icons::SWAP, "Transfer")}
                        {link_button(place.doing("return"), icons::REVERT, "Return")}
                    })}
                {(open && ctx.may(Permission::CertificateEnrol)).then(|| printing(place))}
            </div>
        }
    });
    let body = view! {
        <div class="body stack tight">{standing}<p class="small soft">{label}</p></div>
        {acts}
        {retire(ctx, place)}
    };
    Panel::new("Claim and end of use").id("holding").flush(body)
}

fn printing(place: &Place) -> impl IntoView + use<> {
    let summary = view! { <summary class="btn">{icon(icons::BAN)}"Void its label"</summary> };
    let what = "The code on its label counts no more, from now on. Print a new one before you send the device on.";
    view! {
        {link_button(labels::path_of(&labels::query_of(&place.serial)), icons::SCAN, "Print its label")}
        {confirmed(summary, what, format!("{}/label", place.path()), "Void it")}
    }
}

fn retire(ctx: &Ctx, place: &Place) -> AnyView {
    let form = again(ctx, "retire");
    let open = form.is_some() || place.doing.as_deref() == Some("retire");
    let fields = view! {
        <form class="body stack" method="post" action=format!("{}/retire", place.path())>
            {crate::components::form::error_summary(form)}
            {hidden("form", "retire")}
            {retire_form::fields(ctx, form, 1)}
            <div>
                <button class="btn danger" type="submit">{icon(icons::ARCHIVE)}"End its use"</button>
            </div>
        </form>
    };
    folded(ctx, Permission::DeviceRetire, (icons::ARCHIVE, "Retire or destroy"), open, fields)
}
