//! The fields by which the use of devices ends, the same for one device and for many.

use crate::{
    components::form::{Field, checkbox, hidden, radio},
    context::{Ctx, FormState},
};
use domain::{custody::EndVerb, person::Permission};
use fleet::custody::RetireForm;
use leptos::prelude::*;

/// What a form sent, as `fleet` takes it.
#[must_use]
pub fn retire_form_of(form: &FormState) -> RetireForm {
    // The device's page has fields of these names in another form, too; a page can have each name once only.
    let value = |name: &str| form.value(name).to_owned();
    RetireForm {
        verb: value("end"),
        reason: value("end_reason"),
        at: value("end_at"),
        place: value("end_place"),
        revoke: form.has("revoke"),
        confirmation: value("confirmation"),
    }
}

/// The name of a field in this form, by its name in `fleet`.
#[must_use]
pub fn name_of(field: &str) -> &'static str {
    match field {
        "verb" => "end",
        "reason" => "end_reason",
        "at" => "end_at",
        "place" => "end_place",
        "revoke" => "revoke",
        "confirmation" => "confirmation",
        _ => "",
    }
}

/// The fields for so many devices. `form` is what was typed before.
#[must_use]
pub fn fields(ctx: &Ctx, form: Option<&FormState>, number: usize) -> impl IntoView + use<> {
    let chosen = form.map_or("", |form| form.value("end"));
    let destroyed = chosen == EndVerb::Destroy.as_str();
    let wrong = |name: &str| {
        let message = form.and_then(|form| form.error(name)).map(str::to_owned);
        message.map(|message| view! { <p class="hint bad">{message}</p> })
    };
    let revoke = ctx.may(Permission::CertificateRevoke).then(|| {
        let ticked = form.is_some_and(|form| form.has("revoke"));
        let hint = "For good, as “cessation of operation”. A correction brings the device back, but not its certificates.";
        view! { <div id="revoke">{checkbox("revoke", "1", "Revoke the certificates, too", hint, ticked)} {wrong("revoke")}</div> }
    });
    let confirmation = (number > 1).then(|| {
        let hint = format!("Type {number}, the number of devices.");
        Field::new(form, "confirmation", "So many devices").required().hint(hint).max_length(12).input()
    });
    view! {
        {hidden("once", ctx.request_id.clone())}
        <fieldset class="stack tight" id="end">
            <legend>"How the use ended"</legend>
            {radio("end", "retire", "Retired", "Out of use for good, and kept", !destroyed)}
            {radio("end", "destroy", "Destroyed", "Scrapped, shredded, burnt", destroyed)}
            {wrong("end")}
        </fieldset>
        {Field::new(form, "end_reason", "Why, or how that is known").required().max_length(200)
            .hint("Of a destroyed device the certificate of destruction, say.").input()}
        {Field::new(form, "end_at", "When it ended (UTC)").kind("datetime-local").hint("Empty means now.").input()}
        {Field::new(form, "end_place", "Where it ended").max_length(200).input()}
        {revoke}
        {confirmation}
        <p class="small soft">"A shared token is taken away with it. A correction in the history takes the end back."</p>
    }
}
