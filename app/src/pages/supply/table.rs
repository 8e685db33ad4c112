//! A supply chain as a table.

use super::{counted, rows::Line};
use crate::{
    components::{
        icons::{self, Icon, icon},
        status::component_icon,
        table::frame,
        text::{day, mono},
    },
    context::segment,
};
use domain::{
    component::Part,
    custody::{Custodian, Holder},
    supply::SupplyKind,
};
use fleet::catalogue::Catalogue;
use leptos::prelude::*;

/// The table.
pub(super) fn table(lines: &[Line], catalogue: &Catalogue) -> impl IntoView + use<> {
    let rows: Vec<_> = lines.iter().map(|line| row(line, catalogue)).collect();
    frame(
        "Supply chain",
        view! {
            <table class="table cards">
                <caption class="sr">"Supply chain, oldest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col">"Supplier"</th>
                        <th scope="col">"Recipient"</th>
                        <th scope="col">"What"</th>
                        <th scope="col">"Devices"</th>
                        <th scope="col">"How"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn row(line: &Line, catalogue: &Catalogue) -> impl IntoView + use<> {
    let supply = &line.supply;
    let supplier = match &supply.part {
        Some(_) if supply.kind == SupplyKind::Moved => {
            let from = &supply.moved_from;
            view! { <span>"Moved from "<a href=format!("/devices/{}", segment(from))>{from.clone()}</a></span> }
                .into_any()
        }
        Some(part) => view! { <span>{or_unknown(&part.maker, "Maker not on record")}</span> }.into_any(),
        None => party(supply.from.as_ref(), catalogue),
    };
    view! {
        <tr>
            <th scope="row" class="nowrap">{day(supply.at)}</th>
            <td data-l="Supplier">{supplier}</td>
            <td data-l="Recipient">{party(supply.to.as_ref(), catalogue)}</td>
            <td data-l="What">{what(line)}</td>
            <td data-l="Devices">{devices(line)}</td>
            <td data-l="How">{how(line, catalogue)}</td>
        </tr>
    }
}

fn or_unknown(name: &str, unknown: &'static str) -> AnyView {
    if name.is_empty() { view! { <span class="quiet">{unknown}</span> }.into_any() } else { name.to_owned().into_any() }
}

/// A party with where it is, as far as that is known.
fn party(holder: Option<&Holder>, catalogue: &Catalogue) -> AnyView {
    let Some(holder) = holder else { return or_unknown("", "Not on record") };
    let Some(custodian) = catalogue.custodian(holder.id) else { return holder.name.clone().into_any() };
    let place = address(custodian);
    view! {
        <span class="holder">
            <span>
                <a href=format!("/custodians/{}", segment(&custodian.code))>{holder.name.clone()}</a>
                {(!place.is_empty()).then(|| view! { <small>{place}</small> })}
            </span>
        </span>
    }
    .into_any()
}

fn address(custodian: &Custodian) -> String {
    let known: Vec<&str> =
        [custodian.city.as_str(), custodian.country.as_str()].into_iter().filter(|t| !t.is_empty()).collect();
    known.join(", ")
}

fn what(line: &Line) -> AnyView {
    let Some(part) = &line.supply.part else {
        return view! { <span class="part">{icon(icons::DEVICE)}<span>{counted(line.number, "device", "devices")}</span></span> }.into_any();
    };
    let which = (line.number == 1).then(|| {
        let to = format!("/parts/{}", segment(&part.identifier));
        view! { <small><a class="mono" href=to>{part.identifier.clone()}</a></small> }
    });
    let many = (line.number > 1).then(|| view! { <small>{counted(line.number, "part", "parts")}</small> });
    view! {
        <span class="part">
            {icon(component_icon(part.class))}
            <span><b>{named(part)}</b>{which}{many}</span>
        </span>
    }
    .into_any()
}

fn named(part: &Part) -> String {
    if part.model.is_empty() {
        part.class.label().to_owned()
    } else {
        format!("{}, {}", part.class.label(), part.model)
    }
}

fn devices(line: &Line) -> AnyView {
    let link = |serial: &str| view! { <a href=format!("/devices/{}", segment(serial))>{serial.to_owned()}</a> };
    match line.devices {
        1 => link(&line.first).into_any(),
        n => {
            view! { <span>{counted(n, "device", "devices")} ", " {link(&line.first)} " to " {link(&line.last)}</span> }
                .into_any()
        }
    }
}

fn how(line: &Line, catalogue: &Catalogue) -> AnyView {
    let supply = &line.supply;
    let sent = supply.sent_at.filter(|_| supply.kind != SupplyKind::Sent);
    let sent = sent.map(|at| view! { <small>"Sent " {day(at)}</small> });
    let carrier = supply.carrier.as_ref().map(|carrier| {
        let name = catalogue.custodian(carrier.id).map_or_else(|| carrier.name.clone(), |c| c.name.clone());
        view! { <small>"Carried by " {name}</small> }
    });
    let reference = (!supply.reference.is_empty()).then(|| view! { <small>{mono(supply.reference.clone())}</small> });
    view! {
        <span class="part">
            {icon(drawn(supply.kind))}
            <span>{supply.kind.label()}{sent}{carrier}{reference}</span>
        </span>
    }
    .into_any()
}

const fn drawn(kind: SupplyKind) -> Icon {
    match kind {
        SupplyKind::Part => icons::INSTALL,
        SupplyKind::Moved => icons::WRENCH,
        SupplyKind::Delivered => icons::TICK,
        SupplyKind::Sent => icons::TRUCK,
        SupplyKind::Transferred => icons::SWAP,
        SupplyKind::Claimed => icons::SCAN,
        SupplyKind::Returned => icons::REVERT,
    }
}
