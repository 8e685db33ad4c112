//! Stays of parts in devices, as a table.

use crate::{
    components::{
        icons::{self, icon},
        status::component_icon,
        table::frame,
        text::day,
    },
    context::segment,
    pages::device::events::part_name,
};
use fleet::parts::Stay;
use leptos::prelude::*;

/// The table; with the identifiers as links, where they may differ.
pub(super) fn table(stays: &[Stay], linked: bool) -> impl IntoView + use<> {
    let rows: Vec<_> = stays.iter().map(|stay| row(stay, linked)).collect();
    frame(
        "Parts in devices",
        view! {
            <table class="table cards">
                <caption class="sr">"Parts in devices, by identifier"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Part"</th>
                        <th scope="col">"Device"</th>
                        <th scope="col">"Slot"</th>
                        <th scope="col">"From"</th>
                        <th scope="col">"Until"</th>
                        <th scope="col">"Manifests"</th>
                        <th scope="col">"Standing"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn row(stay: &Stay, linked: bool) -> impl IntoView + use<> {
    let component = &stay.fitting.component;
    let part = &component.part;
    let identifier = if linked {
        let to = format!("/parts/{}", segment(&part.identifier));
        view! { <a class="mono" href=to>{part.identifier.clone()}</a> }.into_any()
    } else {
        view! { <span class="mono">{part.identifier.clone()}</span> }.into_any()
    };
    let device = format!("/devices/{}", segment(&stay.fitting.serial));
    let until = match component.removed_at {
        Some(at) => day(at).into_any(),
        None => view! { <span>"now"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <span class="part">
                    {icon(component_icon(part.class))}
                    <span>{identifier}<small>{format!("{}, {}", part.class.label(), part_name(part))}</small></span>
                </span>
            </th>
            <td data-l="Device"><a href=device.clone()>{stay.fitting.serial.clone()}</a></td>
            <td data-l="Slot">{part.slot.clone()}</td>
            <td data-l="From" class="nowrap">{day(component.fitted_at)}</td>
            <td data-l="Until" class="nowrap">{until}</td>
            <td data-l="Manifests" class="nowrap">{manifests(stay, &device)}</td>
            <td data-l="Standing">{standing(stay)}</td>
        </tr>
    }
}

/// `v1 to v3`: the first and the last manifest that lists it.
fn manifests(stay: &Stay, device: &str) -> impl IntoView + use<> {
    let component = &stay.fitting.component;
    let link = |version: i64| view! { <a href=format!("{device}/manifests/{version}")>{format!("v{version}")}</a> };
    let first = component.fitted_version;
    let last = component.removed_version.map(|removed| removed - 1);
    let rest = match last {
        Some(last) if last > first => Some(view! { " to " {link(last)} }.into_any()),
        Some(_) => None,
        None => Some(view! { " and since" }.into_any()),
    };
    view! { <span>{link(first)} {rest}</span> }
}

fn standing(stay: &Stay) -> AnyView {
    if let Some(other) = &stay.conflict {
        let to = format!("/devices/{}", segment(other));
        return view! {
            <span class="st st-warn">{icon(icons::WARN)}<span>"Conflict: also in " <a href=to>{other.clone()}</a></span></span>
        }
        .into_any();
    }
    if stay.fitting.component.removed_at.is_some() {
        view! { <span class="st">{icon(icons::MINUS)}"Removed"</span> }.into_any()
    } else {
        view! { <span class="st st-ok">{icon(icons::TICK)}"Fitted"</span> }.into_any()
    }
}
