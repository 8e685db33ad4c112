//! One custody event for many devices: what will be hit, then the form.

use super::{custody_form, request::PATH};
use crate::{
    components::{
        form::{error_summary, hidden, submit},
        icons,
        panel::{Panel, head, note},
        status::{Status, Tone},
        table::none_yet,
        text::{count, plural},
    },
    context::{Ctx, FormState, devices_href, segment},
    page::Page,
};
use domain::{
    device::{Device, Lifecycle, Trust},
    person::Permission,
};
use fleet::{
    custody::BULK_MAX,
    devices::{Selected, Selection},
};
use leptos::prelude::*;
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

/// What a form, or an address, selects; none when nothing is selected.
#[must_use]
pub fn selection_of(form: &FormState) -> Option<Selection> {
    if form.has("all") {
        return Some(Selection::Query(form.value("q").to_owned()));
    }
    let serials: Vec<String> = form.all("serial").map(str::to_owned).collect();
    (!serials.is_empty()).then_some(Selection::Serials(serials))
}

/// A short name for exactly these devices. What was shown and what is recorded must have the same.
#[must_use]
pub fn fingerprint(devices: &[Device]) -> String {
    let mut hasher = DefaultHasher::new();
    for device in devices {
        device.serial.hash(&mut hasher);
    }
    format!("{}-{:016x}", devices.len(), hasher.finish())
}

/// `/devices/custody`: what the form of the list, or `?q=` in the address, selects.
///
/// # Errors
/// When the actor may not record custody, too much is selected, or a query can't be read.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::CustodyRecord)?;
    let selection = match &ctx.form {
        Some(form) => selection_of(form),
        None => ctx.query_value("q").map(Selection::Query),
    };
    let Some(selection) = selection else { return Ok(page(nothing_selected("Record custody"))) };
    let selected = ctx.fleet.selected(&ctx.actor, &selection, BULK_MAX).await?;
    if selected.devices.is_empty() {
        return Ok(page(nothing_selected("Record custody")));
    }
    let number = plural(i64::try_from(selected.devices.len()).unwrap_or(0), "device", "devices");
    // The form was sent from the list when it doesn't say yet what happened.
    let form = ctx.form.as_ref().filter(|form| form.has("verb"));
    let list = match (&selection, &ctx.form) {
        (Selection::Query(text), _) => text.clone(),
        (Selection::Serials(_), form) => form.as_ref().map(|form| form.value("q").to_owned()).unwrap_or_default(),
    };
    let cancel = href_of(&list);
    let body = view! {
        {head("Record custody", view! { <p>"One event for "<b>{number}</b>", written into the history of each"</p> }, ())}
        <div class="cols lead">
            <section class="panel">
                <header><h2>"What happened"</h2></header>
                <form class="body stack" method="post" action="/devices/custody">
                    {error_summary(form)}
                    {carried(&selection, &list)}
                    {hidden("devices", fingerprint(&selected.devices))}
                    {custody_form::fields(&ctx, form, &selected.catalogue, "")}
                    <div class="row">
                        {submit(icons::CHECK, "Record for all")}
                        <a class="btn" href=cancel>"Cancel"</a>
                    </div>
                </form>
            </section>
            {preview(&selected)}
        </div>
    };
    Ok(page(body))
}

fn page(body: impl IntoView + 'static) -> Page {
    Page::new("Record custody", body).crumb("Devices", PATH)
}

/// The page of a deed for many devices while none is selected.
pub(super) fn nothing_selected(what: &'static str) -> impl IntoView {
    let how = view! { <p>{format!("Tick devices in the list, then choose “{what}”.")}</p> <a class="btn" href=PATH>"Devices"</a> };
    view! { {head(what, (), ())} <section class="panel">{none_yet("No device is selected", how)}</section> }
}

/// The list that a form's selection was made in.
#[must_use]
pub fn list_of(form: &FormState) -> String {
    href_of(form.value("q"))
}

pub(super) fn href_of(query: &str) -> String {
    if query.is_empty() { PATH.to_owned() } else { devices_href(query) }
}

/// The selection, travelling with the form, and the query of the list that it was made in.
pub(super) fn carried(selection: &Selection, list: &str) -> AnyView {
    let list = hidden("q", list.to_owned());
    match selection {
        Selection::Query(_) => view! { {hidden("all", "1")} {list} }.into_any(),
        Selection::Serials(serials) => {
            let serials: Vec<_> = serials.iter().map(|serial| hidden("serial", serial.clone())).collect();
            view! { {list} {serials} }.into_any()
        }
    }
}

/// How many serials the preview names.
const NAMED: usize = 12;

pub(super) fn preview(selected: &Selected) -> impl IntoView + use<> {
    let devices = &selected.devices;
    let all = i64::try_from(devices.len()).unwrap_or(0);
    let with = |wanted: &dyn Fn(&Device) -> bool| devices.iter().filter(|device| wanted(device)).count();
    let lifecycle = Lifecycle::ALL.iter().map(|word| (Status::from(*word), with(&|d| d.lifecycle == *word)));
    let trust = Trust::ALL.iter().filter(|word| **word != Trust::Trusted);
    let trust = trust.map(|word| (Status::from(*word), with(&|d| d.trust == *word)));
    let rows: Vec<_> =
        lifecycle.chain(trust).filter(|(_, n)| *n > 0).map(|(status, n)| line(status.cell().into_any(), n)).collect();
    let retired = with(&|d| d.lifecycle == Lifecycle::Retired);
    let warning = (retired > 0).then(|| {
        let text = format!(
            "{} retired and can't be handed to anybody: leave them out, or correct the retirement first. Only what \
             happened before it can still be recorded.",
            plural_are(retired)
        );
        view! { <div class="body">{note(Tone::Warn, icons::WARN, text)}</div> }
    });
    let named: Vec<_> = devices
        .iter()
        .take(NAMED)
        .map(|device| {
            let href = format!("/devices/{}", segment(&device.serial));
            view! { <li><a href=href>{device.serial.clone()}</a></li> }
        })
        .collect();
    let more = devices.len().saturating_sub(NAMED);
    let more = (more > 0)
        .then(|| view! { <li class="quiet">{format!("and {} more", count(i64::try_from(more).unwrap_or(0)))}</li> });
    view! {
        <div class="stack loose">
            {Panel::new("Will be written to").count(all).flush(view! { <ul class="lines">{rows}</ul> {warning} })}
            {Panel::new("Held now by").flush(holders(selected))}
            {Panel::new("Serials").body(view! { <ul class="serials">{named}{more}</ul> })}
        </div>
    }
}

fn plural_are(n: usize) -> String {
    if n == 1 { "1 is".to_owned() } else { format!("{} are", count(i64::try_from(n).unwrap_or(0))) }
}

fn line(what: AnyView, n: usize) -> impl IntoView {
    view! { <li>{what}<span class="push num">{count(i64::try_from(n).unwrap_or(0))}</span></li> }
}

fn holders(selected: &Selected) -> impl IntoView + use<> {
    let mut by_holder: BTreeMap<&str, usize> = BTreeMap::new();
    for device in &selected.devices {
        *by_holder.entry(selected.catalogue.custodian_name(device.custodian_id)).or_default() += 1;
    }
    let mut holders: Vec<(&str, usize)> = by_holder.into_iter().collect();
    holders.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let others: usize = holders.iter().skip(6).map(|(_, n)| n).sum();
    let rows: Vec<_> = holders
        .iter()
        .take(6)
        .map(|(name, n)| line(view! { <span>{(*name).to_owned()}</span> }.into_any(), *n))
        .collect();
    let others = (others > 0).then(|| line(view! { <span class="quiet">"Others"</span> }.into_any(), others));
    view! { <ul class="lines">{rows}{others}</ul> }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> FormState {
        let values = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        FormState { values, errors: Vec::new() }
    }

    #[test]
    fn what_is_ticked_is_selected() {
        let ticked = selection_of(&form(&[("q", "model:X"), ("serial", "A"), ("serial", "B")]));
        assert_eq!(ticked, Some(Selection::Serials(vec!["A".into(), "B".into()])));
        assert_eq!(selection_of(&form(&[("q", "model:X"), ("all", "1")])), Some(Selection::Query("model:X".into())));
        assert_eq!(selection_of(&form(&[("q", "model:X")])), None);
        assert_eq!(list_of(&form(&[("q", "model:X"), ("serial", "A")])), "/devices?q=model%3AX");
        assert_eq!(list_of(&form(&[("serial", "A")])), "/devices");
    }
}
