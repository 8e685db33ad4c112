//! The parts of a repair: what goes out and comes in, checked as it is typed, and what was taken out until it is
//! accounted for.

use super::{again, path, scan::camera};
use crate::{
    components::{
        form::{Field, error_summary, hidden},
        icons::{self, icon},
        panel::Panel,
        status::{Status, Tone},
        text::{ago, day, mono},
    },
    context::{Ctx, FormState, href, segment},
};
use domain::{
    component::{ComponentClass, Part},
    person::Permission,
    repair::{PartFate, Remark, Tone as Said},
};
use fleet::repair::{PartForm, RepairDetail, SlotLook, TaintedPart};
use leptos::prelude::*;

/// The choice of a slot that the manifest doesn't list.
pub(crate) const OTHER_SLOT: &str = "+";

/// What a form says of a slot.
#[must_use]
pub(crate) fn part_form(form: &FormState) -> PartForm {
    let text = |name: &str| form.value(name).to_owned();
    let slot = match form.value("slot") {
        OTHER_SLOT => text("new_slot"),
        slot => slot.to_owned(),
    };
    PartForm {
        slot,
        out: text("out"),
        fate: text("fate"),
        part_in: text("in"),
        class: text("class"),
        maker: text("maker"),
        model: text("model"),
    }
}

/// A part in a few words.
fn words(part: &Part) -> String {
    let name = [part.maker.as_str(), part.model.as_str()].into_iter().filter(|word| !word.is_empty());
    let name = name.collect::<Vec<_>>().join(" ");
    if name.is_empty() { part.class.label().to_owned() } else { format!("{}, {name}", part.class.label()) }
}

/// What is to be said of a part, one line each.
pub(crate) fn remarks(remarks: &[Remark]) -> impl IntoView + use<> {
    remarks
        .iter()
        .map(|remark| {
            let (class, drawn) = match remark.tone {
                Said::Fine => ("hint ok", icons::TICK),
                Said::Doubt => ("hint warn", icons::WARN),
                Said::Wrong => ("hint bad", icons::CROSS),
            };
            view! { <p class=class>{icon(drawn)}{remark.words.clone()}</p> }
        })
        .collect::<Vec<_>>()
}

/// What is kept so far, slot by slot.
pub(super) fn kept(ctx: &Ctx, detail: &RepairDetail) -> AnyView {
    if detail.slots.is_empty() {
        let words = if detail.case.state.is_draft() {
            "No part is changed so far. A repair without one goes straight to the device's report."
        } else {
            "No part was changed."
        };
        return Panel::new("Parts out and in").body(view! { <p class="soft">{words}</p> }).into_any();
    }
    let editable = detail.case.state.is_draft() && ctx.may(Permission::RepairManage);
    let rows: Vec<_> = detail.slots.iter().map(|slot| row(&detail.case.code, slot, editable)).collect();
    Panel::new("Parts out and in").flush(view! { <ul class="slots">{rows}</ul> }).into_any()
}

fn row(code: &str, look: &SlotLook, editable: bool) -> impl IntoView + use<> {
    let out = look.out.as_ref().map(|line| {
        let shown = look.out_check.part.as_ref().or(look.listed.as_ref()).map(|part| part.identifier.clone());
        let shown = if line.identifier.is_empty() { shown.unwrap_or_default() } else { line.identifier.clone() };
        view! {
            <p>
                <span class="quiet">"Out: "</span>
                {mono(shown)}
                <span class="soft">{format!(", {}", look.fate().label().to_lowercase())}</span>
            </p>
            {remarks(&look.out_check.remarks)}
        }
    });
    let part_in = look.part_in.as_ref().map(|line| {
        view! {
            <p><span class="quiet">"In: "</span>{mono(line.identifier.clone())}</p>
            {remarks(&look.in_check.remarks)}
        }
    });
    let empty = look.part_in.is_none().then(|| view! { <p class="soft">"Nothing comes in: the slot stays empty."</p> });
    let edit = href(&path(code), &[("slot", look.slot.as_str())]);
    let tools = editable.then(|| {
        view! {
            <div class="row wrap">
                <a class="btn small" href=format!("{edit}#part")>{icon(icons::PENCIL)}"Change"</a>
                <form method="post" action=format!("{}/parts/drop", path(code))>
                    {hidden("slot", look.slot.clone())}
                    <button class="btn small" type="submit">{icon(icons::X)}"Leave it out"</button>
                </form>
            </div>
        }
    });
    let title = format!("{} ({})", look.class.label(), look.slot);
    view! { <li class="stack tight"><h3 class="strong">{title}</h3>{out}{part_in}{empty}{tools}</li> }
}

/// The form for one slot. What it shows first is what was just sent, then what is kept of the slot in the address.
pub(super) fn form(ctx: &Ctx, detail: &RepairDetail) -> AnyView {
    let sent = again(ctx, "part");
    let asked = ctx.query_value("slot").unwrap_or_default();
    let filled = filled(detail, &asked);
    let form = sent.or(filled.as_ref());
    let code = &detail.case.code;
    let check = format!("{}/check", path(code));
    let stamp = detail.case.updated_at.0.to_string();
    Panel::new("Change a part")
        .id("part")
        .flush(view! {
            <form class="body stack" method="post" action=format!("{}/parts", path(code)) data-keep=stamp data-keep-of=asked data-check=check>
                {error_summary(sent)}
                <p class="hint ok" hidden data-kept>{icon(icons::SAVE)}"What you typed before is back."</p>
                {hidden("form", "part")}
                {slot_choice(form, detail)}
                {number(form, "out", "Number of the part taken out", "Scan the old part")}
                {fates(form)}
                {number(form, "in", "Number of the new part", "Scan the new part")}
                <div data-says="" aria-live="polite" class="stack tight"></div>
                <details class="data" open=form.is_some_and(|form| form.error("class").is_some() || form.value("slot") == OTHER_SLOT || !form.value("maker").is_empty())>
                    <summary>"Another slot, another maker or model"</summary>
                    <div class="stack">
                        {Field::new(form, "new_slot", "Slot that the manifest does not list").mono().max_length(32).hint("Choose “Another slot” above, and name it here, like lte1.").input()}
                        {Field::new(form, "class", "Kind of part").select(classes())}
                        {Field::new(form, "maker", "Maker").max_length(80).hint("Empty: as the part that goes out.").input()}
                        {Field::new(form, "model", "Model").max_length(80).input()}
                    </div>
                </details>
                <div><button class="btn" type="submit">{icon(icons::SAVE)}"Keep this part"</button></div>
            </form>
        })
        .into_any()
}

/// What is kept of a slot, as its form.
fn filled(detail: &RepairDetail, slot: &str) -> Option<FormState> {
    let look = detail.slots.iter().find(|look| look.slot == slot)?;
    let listed = detail.parts.iter().any(|part| part.slot == slot);
    let typed = |line: Option<&fleet::repair::RepairPart>| line.map(|line| line.identifier.clone()).unwrap_or_default();
    let of_in =
        |of: fn(&fleet::repair::RepairPart) -> &String| look.part_in.as_ref().map(of).cloned().unwrap_or_default();
    let values = [
        ("slot", if listed { slot.to_owned() } else { OTHER_SLOT.to_owned() }),
        ("new_slot", if listed { String::new() } else { slot.to_owned() }),
        ("class", look.class.as_str().to_owned()),
        ("out", typed(look.out.as_ref())),
        ("fate", look.fate().as_str().to_owned()),
        ("in", typed(look.part_in.as_ref())),
        ("maker", of_in(|line| &line.maker)),
        ("model", of_in(|line| &line.model)),
    ];
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Some(FormState { values, errors: Vec::new() })
}

fn classes() -> Vec<(String, String)> {
    let all = ComponentClass::ALL.iter().map(|class| (class.as_str().to_owned(), class.label().to_owned()));
    std::iter::once((String::new(), "As the manifest says".to_owned())).chain(all).collect()
}

fn slot_choice(form: Option<&FormState>, detail: &RepairDetail) -> impl IntoView + use<> {
    let mut options: Vec<(String, String)> =
        detail.parts.iter().map(|part| (part.slot.clone(), format!("{}: {}", part.slot, words(part)))).collect();
    options.sort();
    options.insert(0, (String::new(), "Choose the slot".to_owned()));
    options.push((OTHER_SLOT.to_owned(), "Another slot".to_owned()));
    Field::new(form, "slot", "Slot").required().select(options)
}

/// A number that is typed or scanned.
fn number(
    form: Option<&FormState>,
    name: &'static str,
    label: &'static str,
    scan: &'static str,
) -> impl IntoView + use<> {
    let value = form.map(|form| form.value(name).to_owned()).unwrap_or_default();
    let error = form.and_then(|form| form.error(name)).map(str::to_owned);
    let error_id = error.is_some().then(|| format!("{name}-error"));
    let message = error.map(|error| view! { <p class="hint bad" id=error_id.clone()>{icon(icons::WARN)}{error}</p> });
    view! {
        <div class="field">
            <label for=name>{label}</label>
            {camera(name)}
            <div class="inputrow">
                <input
                    class="input mono"
                    id=name
                    name=name
                    value=value
                    maxlength="100"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    aria-invalid=error_id.is_some().then_some("true")
                    aria-describedby=error_id.clone()
                />
                <button class="btn square" type="button" hidden data-scan=name aria-label=scan>{icon(icons::SCAN)}</button>
            </div>
            {message}
        </div>
    }
}

fn fates(form: Option<&FormState>) -> impl IntoView + use<> {
    let chosen = form.map(|form| form.value("fate").to_owned()).filter(|fate| !fate.is_empty());
    let chosen = chosen.unwrap_or_else(|| PartFate::Scrap.as_str().to_owned());
    let choices: Vec<_> = PartFate::ALL
        .iter()
        .map(|fate| {
            crate::components::form::radio("fate", fate.as_str(), fate.label(), fate.hint(), chosen == fate.as_str())
        })
        .collect();
    view! {
        <fieldset class="field" id="fate">
            <legend class="label">"What becomes of the old part"</legend>
            <div class="stack tight">{choices}</div>
        </fieldset>
    }
}

/// Parts that were taken out and are not accounted for; nothing when there are none.
pub(super) fn unaccounted(ctx: &Ctx, parts: &[TaintedPart], code: Option<&str>) -> Option<impl IntoView + use<>> {
    if parts.is_empty() {
        return None;
    }
    let rows: Vec<_> = parts.iter().map(|part| tainted(ctx, part, code.is_none())).collect();
    let title = if code.is_some() { "Taken out" } else { "Taken out, not in a device since" };
    let n = i64::try_from(parts.len()).unwrap_or(i64::MAX);
    Some(Panel::new(title).id("taken-out").count(n).flush(view! { <ul class="slots">{rows}</ul> }))
}

fn tainted(ctx: &Ctx, part: &TaintedPart, with_case: bool) -> impl IntoView + use<> {
    let status = match (part.ended_at, part.fate) {
        (Some(_), _) => Status { word: "Accounted for", icon: icons::CHECK, tone: Tone::Ok },
        (None, PartFate::Missing) => Status { word: part.fate.label(), icon: icons::WARN, tone: Tone::Warn },
        (None, fate) => Status { word: fate.state(), icon: icons::ARCHIVE, tone: Tone::Mute },
    };
    let device = format!("/devices/{}", segment(&part.serial));
    let case = with_case.then(|| view! { " by " <a href=path(&part.code)>{part.code.clone()}</a> });
    let how = part.ended_at.map(|at| {
        view! { <p class="small soft">{part.ended_how.clone()} ", " {day(at)} ", " {part.ended_by.clone()}</p> }
    });
    let open = part.ended_at.is_none() && ctx.may(Permission::RepairManage);
    view! {
        <li class="stack tight">
            <p>
                {status.cell()} " " {mono(part.identifier.clone())} " "
                <span class="soft">{part.class.label()}</span>
            </p>
            <p class="small quiet">
                "Out of " <a href=device>{part.serial.clone()}</a> {case} ", " {ago(part.since, ctx.now)}
            </p>
            {how}
            {part.ended_at.is_none().then(|| view! { <p class="small soft">{part.fate.next()}</p> })}
            {open.then(|| scrap(ctx, part))}
        </li>
    }
}

/// The form that says how a part was destroyed; open with what was typed when it comes back.
fn scrap(ctx: &Ctx, part: &TaintedPart) -> impl IntoView + use<> {
    let id = part.id.to_string();
    let form = again(ctx, "scrap").filter(|form| form.value("part") == id);
    let typed = form.map(|form| form.value("evidence").to_owned()).unwrap_or_default();
    let wrong = form.and_then(|form| form.error("evidence")).map(str::to_owned);
    let field = if form.is_some() { "evidence".to_owned() } else { format!("evidence-{id}") };
    let error_id = wrong.is_some().then(|| format!("{field}-error"));
    let message = wrong.map(|wrong| view! { <p class="hint bad" id=error_id.clone()>{icon(icons::WARN)}{wrong}</p> });
    view! {
        <details class="data" open=form.is_some()>
            <summary>"It is destroyed"</summary>
            <form class="stack tight" method="post" action=format!("{}/scrap", path(&part.code))>
                {hidden("form", "scrap")}
                {hidden("part", id)}
                <div class="field">
                    <label for=field.clone()>"How is that known?"</label>
                    <input
                        class="input"
                        id=field
                        name="evidence"
                        value=typed
                        required
                        maxlength="400"
                        aria-invalid=error_id.is_some().then_some("true")
                        aria-describedby=error_id.clone()
                    />
                    {message}
                </div>
                <div><button class="btn small" type="submit">{icon(icons::ARCHIVE)}"Record it"</button></div>
            </form>
        </details>
    }
}
