//! What is in the device, and how one manifest differs from another.

use super::{
    events::{part_name, short_hash},
    life::Life,
    place::{Place, View},
};
use crate::{
    components::{
        icons::{self, icon},
        panel::Panel,
        status::component_icon,
        table::frame,
        text::{copy, day, mono, tag},
    },
    context::segment,
};
use domain::{component::Component, manifest::Manifest, time::Timestamp};
use leptos::prelude::*;

/// The two versions that are compared: by choice, or the latest against the one before.
fn versions(life: &Life<'_>, place: &Place) -> (Option<i64>, i64) {
    let manifests = &life.record.manifests;
    let known = |version: i64| manifests.iter().any(|manifest| manifest.version == version);
    let latest = manifests.last().map_or(0, |manifest| manifest.version);
    let to = place.to.filter(|version| known(*version)).unwrap_or(latest);
    let from = place.from.filter(|version| known(*version)).or_else(|| known(to - 1).then_some(to - 1));
    (from.filter(|from| *from != to), to)
}

/// One row: a part, and whether it is in the earlier and in the later list.
struct Row<'a> {
    component: &'a Component,
    before: bool,
    after: bool,
}

/// The parts of both lists in the order of slots, what went out before what came in.
fn rows<'a>(components: &'a [Component], from: Option<i64>, to: i64) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = components
        .iter()
        .map(|component| Row {
            component,
            // Without an earlier list there is nothing to differ from.
            before: from.map_or(component.is_in(to), |from| component.is_in(from)),
            after: component.is_in(to),
        })
        .filter(|row| row.before || row.after)
        .collect();
    rows.sort_by(|a, b| {
        let key = |row: &Row<'a>| (row.component.part.class, row.component.part.slot.clone(), row.after);
        key(a).cmp(&key(b))
    });
    rows
}

/// The panel with the components; with selectors on the manifests' own page.
#[must_use]
pub fn panel(life: &Life<'_>, place: &Place) -> impl IntoView + use<> {
    let (from, to) = versions(life, place);
    let manifests = &life.record.manifests;
    if manifests.is_empty() {
        let empty = view! { <div class="empty"><p class="strong">"No manifest yet"</p><p>"What is in this device is not on record."</p></div> };
        return Panel::new("Components").id("components").flush(empty).into_any();
    }
    let title = match from {
        Some(from) => view! { "Components" {tag(format!("v{to} against v{from}"))} }.into_any(),
        None => view! { "Components" {tag(format!("v{to}"))} }.into_any(),
    };
    let rows = rows(&life.record.components, from, to);
    let aside = match place.view {
        View::Manifests => selectors(manifests, from, to).into_any(),
        _ => summary(life, place, &rows, from, to).into_any(),
    };
    let label = from.map_or_else(|| "Since made".to_owned(), |from| format!("Since v{from}"));
    let lines: Vec<_> = rows.iter().map(|row| line(row, &label, has_several(&rows, row))).collect();
    let table = view! {
        <table class="table cards parts">
            <caption class="sr">{format!("Components in manifest v{to}")}</caption>
            <thead>
                <tr>
                    <th scope="col">"Slot and part"</th>
                    <th scope="col">"Identifier"</th>
                    <th scope="col">"Fitted"</th>
                    <th scope="col">{label.clone()}</th>
                </tr>
            </thead>
            <tbody>{lines}</tbody>
        </table>
    };
    Panel::new(title).id("components").aside(aside).flush(frame("Components", table)).into_any()
}

fn line(row: &Row<'_>, label: &str, numbered: bool) -> impl IntoView + use<> {
    let component = row.component;
    let class = match (row.before, row.after) {
        (false, true) => Some("diff-in"),
        (true, false) => Some("diff-out"),
        _ => None,
    };
    let sign = match (row.before, row.after) {
        (false, true) => view! { <span class="sign in">{icon(icons::PLUS)}"Fitted"</span> }.into_any(),
        (true, false) => view! { <span class="sign out">{icon(icons::MINUS)}"Removed"</span> }.into_any(),
        _ => view! { <span class="quiet">"Same"</span> }.into_any(),
    };
    let fitted = match component.removed_at {
        Some(removed) if !row.after => view! { <span>"to " {day(removed)}</span> }.into_any(),
        _ => day(component.fitted_at).into_any(),
    };
    let part = &component.part;
    let identifier = if row.after { "mono" } else { "mono was" };
    let number = if numbered { slot_suffix(component) } else { String::new() };
    let slot = format!("{}{number}", part.class.label());
    view! {
        <tr class=class>
            <th scope="row">
                <span class="part">
                    {icon(component_icon(part.class))}
                    <span><b>{slot}</b><small>{part_name(part)}</small></span>
                </span>
            </th>
            <td data-l="Identifier">
                <a class=identifier href=format!("/parts/{}", segment(&part.identifier))>{part.identifier.clone()}</a>
            </td>
            <td data-l="Fitted" class="nowrap">{fitted}</td>
            <td data-l=label.to_owned()>{sign}</td>
        </tr>
    }
}

/// Whether the device has several slots for parts of this class.
fn has_several(rows: &[Row<'_>], row: &Row<'_>) -> bool {
    let part = &row.component.part;
    rows.iter().any(|other| other.component.part.class == part.class && other.component.part.slot != part.slot)
}

/// The number of a slot, where its class has several: ` 1` of `eth1`.
fn slot_suffix(component: &Component) -> String {
    let digits: String = component.part.slot.chars().rev().take_while(char::is_ascii_digit).collect();
    let digits: String = digits.chars().rev().collect();
    if digits.is_empty() { digits } else { format!(" {digits}") }
}

/// `v1   10 Jun 2027, one swap`.
fn summary(life: &Life<'_>, place: &Place, rows: &[Row<'_>], from: Option<i64>, to: i64) -> impl IntoView + use<> {
    let at = life.record.manifests.iter().find(|manifest| manifest.version == to).map(|manifest| manifest.at);
    let fitted = rows.iter().filter(|row| row.after && !row.before).count();
    let removed = rows.iter().filter(|row| row.before && !row.after).count();
    let words = match (fitted, removed) {
        (0, 0) if from.is_none() => "as made".to_owned(),
        (0, 0) => "nothing changed".to_owned(),
        (1, 1) => "one swap".to_owned(),
        (fitted, 0) => format!("{fitted} fitted"),
        (0, removed) => format!("{removed} removed"),
        (fitted, removed) => format!("{fitted} fitted, {removed} removed"),
    };
    let link = from.map(|from| view! { <a href=place.manifests(from, to)>"Compare"</a> });
    view! { <span>{at.map(day)} ", " {words}</span> {link} }
}

fn selectors(manifests: &[Manifest], from: Option<i64>, to: i64) -> impl IntoView + use<> {
    let choices = |chosen: Option<i64>| -> Vec<_> {
        manifests
            .iter()
            .rev()
            .map(|manifest| {
                let label = format!("v{}, {}", manifest.version, manifest.at.day_words());
                view! {
                    <option value=manifest.version.to_string() selected=chosen == Some(manifest.version)>{label}</option>
                }
            })
            .collect()
    };
    (manifests.len() > 1).then(|| {
        view! {
            <form class="compare">
                <input type="hidden" name="tab" value="manifests" />
                <label for="from">"From"</label>
                <select class="input" id="from" name="from">{choices(from)}</select>
                <label for="to">"to"</label>
                <select class="input" id="to" name="to">{choices(Some(to))}</select>
                <button class="btn small" type="submit">"Compare"</button>
            </form>
        }
    })
}

/// All manifests, newest first, each chained to the one before.
#[must_use]
pub fn manifests(life: &Life<'_>, place: &Place) -> impl IntoView + use<> {
    let (_, shown) = versions(life, place);
    let rows: Vec<_> =
        life.record.manifests.iter().rev().map(|m| manifest(life, m, place, m.version == shown)).collect();
    let table = view! {
        <table class="table cards">
            <caption class="sr">"Manifests, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Version"</th>
                    <th scope="col">"From"</th>
                    <th scope="col">"Why"</th>
                    <th scope="col" class="num">"Parts"</th>
                    <th scope="col">"sha256"</th>
                    <th scope="col">"Names"</th>
                    <th scope="col">"CycloneDX"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    let n = i64::try_from(life.record.manifests.len()).unwrap_or(0);
    let footer = "Each manifest names the hash of the one before; a changed one would break the chain.";
    Panel::new("Manifests").count(n).footer(footer).flush(frame("Manifests", table))
}

fn manifest(life: &Life<'_>, manifest: &Manifest, place: &Place, shown: bool) -> impl IntoView + use<> {
    let version = manifest.version;
    let parts = life.record.components.iter().filter(|component| component.is_in(version)).count();
    let href = place.manifests((version - 1).max(1), version);
    let reason = if manifest.reason.is_empty() { why_first(version) } else { manifest.reason.clone() };
    let previous = match manifest.previous_hash.as_str() {
        "" => view! { <span class="quiet">"none before"</span> }.into_any(),
        hash => view! { <span>{format!("v{}, ", version - 1)} {mono(short_hash(hash))}</span> }.into_any(),
    };
    view! {
        <tr aria-selected=shown.then_some("true")>
            <th scope="row"><a href=href>{format!("v{version}")}</a></th>
            <td data-l="From" class="nowrap">{when(manifest.at)}</td>
            <td data-l="Why">{reason}</td>
            <td data-l="Parts" class="num">{parts}</td>
            <td data-l="sha256" class="nowrap">
                <span class="mono" title=manifest.hash.clone()>{short_hash(&manifest.hash)}</span>
                {copy("hash", &manifest.hash)}
            </td>
            <td data-l="Names" class="nowrap">{previous}</td>
            <td data-l="CycloneDX" class="nowrap">
                <a href=place.bill_of_materials(version) aria-label=format!("CycloneDX file of v{version}")>
                    {icon(icons::DOWNLOAD)}
                    "HBOM"
                </a>
            </td>
        </tr>
    }
}

fn when(at: Timestamp) -> impl IntoView {
    day(at)
}

fn why_first(version: i64) -> String {
    if version == 1 { "As the factory delivered it".to_owned() } else { "No reason on record".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        component::{ComponentClass, Part},
        id::ComponentId,
    };

    fn component(slot: &str, class: ComponentClass, versions: (i64, Option<i64>)) -> Component {
        let text = format!("{slot}-{}", versions.0);
        let part = Part {
            slot: slot.to_owned(),
            class,
            maker: String::new(),
            model: String::new(),
            identifier: text.clone(),
            identifier_key: text,
        };
        Component {
            id: "00000000-0000-7000-8000-000000000000".parse::<ComponentId>().unwrap_or_else(|_| unreachable!()),
            part,
            fitted_at: Timestamp(1),
            fitted_version: versions.0,
            removed_at: versions.1.map(Timestamp),
            removed_version: versions.1,
        }
    }

    #[test]
    fn what_went_out_stands_before_what_came_in() {
        let all = [
            component("lte0", ComponentClass::Lte, (2, None)),
            component("eth1", ComponentClass::Ethernet, (1, None)),
            component("lte0", ComponentClass::Lte, (1, Some(2))),
        ];
        let shown = |from, to| -> Vec<(String, bool, bool)> {
            let rows = rows(&all, from, to);
            rows.iter().map(|row| (row.component.part.identifier.clone(), row.before, row.after)).collect()
        };
        assert_eq!(
            shown(Some(1), 2),
            [("eth1-1".into(), true, true), ("lte0-1".into(), true, false), ("lte0-2".into(), false, true)]
        );
        assert_eq!(shown(None, 1), [("eth1-1".into(), true, true), ("lte0-1".into(), true, true)]);
        assert_eq!(slot_suffix(&all[1]), " 1");
    }
}
