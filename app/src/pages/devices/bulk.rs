//! A deed for many devices: which are selected, what will be hit, and the page on which it is decided. Each deed has
//! fields of its own.

use super::request::PATH;
use crate::{
    components::{
        form::{error_summary, hidden},
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

/// What a page of such a deed says.
pub(super) struct Words {
    /// What it does: `Record custody`.
    pub(super) title: &'static str,
    /// What it does to the number of devices that follows: `One event for`.
    pub(super) does: &'static str,
    /// What its fields ask.
    pub(super) asks: &'static str,
    /// Where its form is sent.
    pub(super) action: &'static str,
    /// The field by which its form is known: without it, the form was sent from the list.
    pub(super) field: &'static str,
}

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

/// The page of a deed: for what the form of the list, or `?q=` in the address, selects. `fields` are those of the deed, given
/// what was typed before; `button` sends them.
///
/// # Errors
/// When the actor may not, too much is selected, or a query can't be read.
pub(super) async fn load<Fields: IntoView + 'static>(
    ctx: Ctx,
    may: Permission,
    words: &Words,
    fields: impl FnOnce(&Ctx, Option<&FormState>, &Selected) -> Fields,
    button: impl FnOnce() -> AnyView,
) -> Result<Page, fleet::Error> {
    ctx.actor.require(may)?;
    let selection = match &ctx.form {
        Some(form) => selection_of(form),
        None => ctx.query_value("q").map(Selection::Query),
    };
    let page = |body: AnyView| Page::new(words.title, body).crumb("Devices", PATH);
    let Some(selection) = selection else { return Ok(page(nothing_selected(words.title).into_any())) };
    let selected = ctx.fleet.selected(&ctx.actor, &selection, BULK_MAX).await?;
    if selected.devices.is_empty() {
        return Ok(page(nothing_selected(words.title).into_any()));
    }
    let number = plural(i64::try_from(selected.devices.len()).unwrap_or(0), "device", "devices");
    let form = ctx.form.as_ref().filter(|form| form.has(words.field));
    let list = match (&selection, &ctx.form) {
        (Selection::Query(text), _) => text.clone(),
        (Selection::Serials(_), form) => form.as_ref().map(|form| form.value("q").to_owned()).unwrap_or_default(),
    };
    let cancel = href_of(&list);
    let body = view! {
        {head(words.title, view! { <p>{words.does}" "<b>{number}</b>", written into the history of each"</p> }, ())}
        <div class="cols lead">
            <section class="panel">
                <header><h2>{words.asks}</h2></header>
                <form class="body stack" method="post" action=words.action>
                    {error_summary(form)}
                    {carried(&selection, &list)}
                    {hidden("devices", fingerprint(&selected.devices))}
                    {fields(&ctx, form, &selected)}
                    <div class="row">
                        {button()}
                        <a class="btn" href=cancel>"Cancel"</a>
                    </div>
                </form>
            </section>
            {preview(&selected)}
        </div>
    };
    Ok(page(body.into_any()))
}

/// The page of a deed for many devices while none is selected.
fn nothing_selected(what: &'static str) -> impl IntoView {
    let how = view! { <p>{format!("Tick devices in the list, then choose “{what}”.")}</p> <a class="btn" href=PATH>"Devices"</a> };
    view! { {head(what, (), ())} <section class="panel">{none_yet("No device is selected", how)}</section> }
}

/// The list that a form's selection was made in.
#[must_use]
pub fn list_of(form: &FormState) -> String {
    href_of(form.value("q"))
}

fn href_of(query: &str) -> String {
    if query.is_empty() { PATH.to_owned() } else { devices_href(query) }
}

/// The selection, travelling with the form, and the query of the list that it was made in.
fn carried(selection: &Selection, list: &str) -> AnyView {
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

fn preview(selected: &Selected) -> impl IntoView + use<> {
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
