//! What people record about a device: custody, notes, corrections.

use super::place::Place;
use crate::{
    components::{
        form::{Field, error_summary, hidden, submit},
        icons::{self, icon},
        panel::Panel,
    },
    context::{Ctx, FormState},
    pages::{devices::custody_form, errors::who_may},
};
use domain::{
    custody::CustodyVerb,
    history::{Entry, Event},
    person::Permission,
};
use fleet::catalogue::Catalogue;
use leptos::prelude::*;

/// The form that was sent and is shown again, if it is this one.
pub(super) fn again<'a>(ctx: &'a Ctx, name: &str) -> Option<&'a FormState> {
    ctx.form.as_ref().filter(|form| form.value("form") == name)
}

/// The panel with both forms; each opens in place.
#[must_use]
pub fn panel(ctx: &Ctx, catalogue: &Catalogue, place: &Place) -> impl IntoView + use<> {
    let body = view! { {custody(ctx, catalogue, place)} {note(ctx, place)} };
    Panel::new("Record").id("record").flush(body)
}

/// A form that opens below its name; for whoever may not send it, the name says why.
pub(super) fn folded(
    ctx: &Ctx,
    needs: Permission,
    (drawn, label): (icons::Icon, &'static str),
    open: bool,
    form: impl IntoView + 'static,
) -> AnyView {
    if !ctx.may(needs) {
        let why = who_may(needs);
        return view! {
            <p class="folded off" title=why>
                {icon(drawn)}
                <span>{label}<small>{why.clone()}</small></span>
            </p>
        }
        .into_any();
    }
    view! {
        <details class="folded" open=open>
            <summary>{icon(drawn)}{label}</summary>
            {form}
        </details>
    }
    .into_any()
}

fn custody(ctx: &Ctx, catalogue: &Catalogue, place: &Place) -> AnyView {
    let form = again(ctx, "custody");
    let verb = place.doing.as_deref().filter(|word| *word == "custody" || word.parse::<CustodyVerb>().is_ok());
    let open = form.is_some() || verb.is_some();
    let fields = view! {
        <form class="body stack" method="post" action=format!("{}/custody", place.path())>
            {error_summary(form)}
            {hidden("form", "custody")}
            {custody_form::fields(ctx, form, catalogue, verb.unwrap_or_default())}
            <div>{submit(icons::CHECK, "Record")}</div>
        </form>
    };
    folded(ctx, Permission::CustodyRecord, (icons::BUILDING, "A custody event"), open, fields)
}

fn note(ctx: &Ctx, place: &Place) -> AnyView {
    let form = again(ctx, "note");
    let open = form.is_some() || place.doing.as_deref() == Some("note");
    let fields = view! {
        <form class="body stack" method="post" action=format!("{}/notes", place.path())>
            {error_summary(form)}
            {hidden("form", "note")}
            {hidden("once", ctx.request_id.clone())}
            {Field::new(form, "text", "Note").required().max_length(4_000).textarea(4)}
            <div>{submit(icons::CHECK, "Add the note")}</div>
        </form>
    };
    folded(ctx, Permission::NoteAdd, (icons::PENCIL_NOTE, "A note"), open, fields)
}

/// The way to correct an entry, for those who may, on entries that can be.
#[must_use]
pub fn correction(ctx: &Ctx, entry: &Entry, place: &Place, is_void: bool) -> Option<impl IntoView + use<>> {
    let can_be = entry.event.is_correctable() || matches!(entry.event, Event::Corrected { .. });
    if is_void || !can_be || !ctx.may(Permission::HistoryCorrect) {
        return None;
    }
    let id = entry.id.to_string();
    let form = again(ctx, "correct").filter(|form| form.value("entry") == id);
    let field = format!("reason-{id}");
    let (typed, wrong) = match form {
        Some(form) => (form.value("reason").to_owned(), form.error("reason").map(str::to_owned)),
        None => (String::new(), None),
    };
    let error_id = wrong.is_some().then(|| format!("{field}-error"));
    let message = wrong.as_ref().map(|message| {
        view! { <p class="hint bad" id=error_id.clone()>{icon(icons::WARN)}{message.clone()}</p> }
    });
    let other: Vec<_> = form
        .map(|form| form.errors.clone())
        .unwrap_or_default()
        .into_iter()
        .filter(|error| error.field.is_none())
        .map(|error| view! { <p class="hint bad">{icon(icons::WARN)}{error.message}</p> })
        .collect();
    let action = format!("{}/corrections", place.path());
    Some(view! {
        <details class="correct" open=form.is_some()>
            <summary>"Correct"</summary>
            <form class="stack tight" method="post" action=action>
                {hidden("form", "correct")}
                {hidden("entry", id)}
                {other}
                <div class="field">
                    <label for=field.clone()>"What was wrong?"</label>
                    <input
                        class="input"
                        id=field
                        name="reason"
                        value=typed
                        required
                        maxlength="400"
                        aria-invalid=wrong.is_some().then_some("true")
                        aria-describedby=error_id
                    />
                    {message}
                    <p class="hint">"The entry stays, struck through; a new one says that it no longer counts, and why."</p>
                </div>
                <div><button class="btn small danger" type="submit">{icon(icons::REVERT)}"Strike it through"</button></div>
            </form>
        </details>
    })
}
