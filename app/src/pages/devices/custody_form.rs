//! The fields of a custody event, the same for one device and for many.

use crate::{
    components::form::{Field, hidden},
    context::{Ctx, FormState},
};
use domain::custody::{Custodian, CustodianKind, CustodyVerb};
use fleet::{catalogue::Catalogue, custody::CustodyForm};
use leptos::prelude::*;

/// What a form sent, as `fleet` takes it.
#[must_use]
pub fn custody_form_of(form: &FormState) -> CustodyForm {
    let value = |name: &str| form.value(name).to_owned();
    CustodyForm {
        verb: value("verb"),
        custodian: value("custodian"),
        carrier: value("carrier"),
        at: value("at"),
        place: value("place"),
        reference: value("reference"),
    }
}

/// The fields. `form` is what was typed before, if this form was sent and is shown again; `verb` is chosen otherwise.
#[must_use]
pub fn fields(ctx: &Ctx, form: Option<&FormState>, catalogue: &Catalogue, verb: &str) -> impl IntoView + use<> {
    let first = |label: &str| (String::new(), label.to_owned());
    let verbs = CustodyVerb::ALL.iter().map(|verb| (verb.as_str().to_owned(), verb.label().to_owned()));
    let custodians = catalogue.custodians.iter().map(choice);
    let carriers = catalogue.custodians.iter().filter(|c| c.kind == CustodianKind::Distributor).map(choice);
    let now = format!("In UTC, not in your own time. Empty means now: {} UTC.", ctx.now.minute_words());
    view! {
        {hidden("once", ctx.request_id.clone())}
        {Field::new(form, "verb", "What happened").required().value(verb).select(std::iter::once(first("Choose…")).chain(verbs).collect())}
        {Field::new(form, "custodian", "Custodian")
            .required()
            .select(std::iter::once(first("Choose…")).chain(custodians).collect())}
        <div class="when-shipped">
            {Field::new(form, "carrier", "Carrier")
                .hint("Only for what is shipped: who holds it on the way.")
                .select(std::iter::once(first("None")).chain(carriers).collect())}
        </div>
        {Field::new(form, "at", "When (UTC)").kind("datetime-local").hint(now).input()}
        {Field::new(form, "place", "Place").hint("Where exactly, in the holder's words. Empty leaves it as it is, unless the holder changes.").max_length(200).input()}
        {Field::new(form, "reference", "Document, or reason of a return").max_length(200).input()}
    }
}

fn choice(custodian: &Custodian) -> (String, String) {
    let town = if custodian.city.is_empty() { String::new() } else { format!(", {}", custodian.city) };
    (custodian.code.clone(), format!("{} ({}{town})", custodian.name, custodian.kind.label().to_lowercase()))
}
