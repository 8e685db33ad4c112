//! The query language, explained by examples that can be tried.

use crate::{
    components::{
        panel::{Panel, head},
        table::frame,
        text::mono,
    },
    context::{Ctx, devices_href},
    page::Page,
};
use domain::query::Field;
use leptos::prelude::*;

/// Whole queries, and what they ask for.
const QUERIES: &[(&str, &str)] = &[
    ("trust:suspect state:active", "suspect devices that are in use"),
    ("model:GW-200 fw<1.4", "devices of a model that run an older version"),
    ("component:lte=Quectel", "devices with an LTE modem of this maker"),
    ("cert.expires<30d -state:retired", "certificates that end soon, retired devices left out"),
    ("kind:client seen>7d", "devices at clients that were silent for a week"),
    ("state:stocked,in_transit", "in stock or on the way: commas separate alternatives"),
    ("custodian:\"Acme Logistics\"", "held by a custodian whose name has a space"),
    ("GW2C-2611", "a word alone: serials that begin so, or a component's whole identifier"),
];

/// What each field takes.
const fn examples(field: Field) -> &'static [&'static str] {
    match field {
        Field::Serial => &["serial:GW2C-2611-04217", "serial:GW2C-2611*"],
        Field::Model => &["model:GW-200"],
        Field::Revision => &["rev:C"],
        Field::Batch => &["batch:2026-11-A"],
        Field::Factory => &["factory:Shenzhen"],
        Field::Custodian => &["custodian:acme", "custodian:\"Acme Logistics\""],
        Field::Kind => &["kind:client", "kind:distributor"],
        Field::State => &["state:active", "state:in_repair"],
        Field::Trust => &["trust:suspect", "-trust:trusted"],
        Field::Connection => &["conn:online", "conn:silent"],
        Field::Firmware => &["fw:1.4.2", "fw:1.4.*", "fw<1.4", "fw:none"],
        Field::Channel => &["channel:production"],
        Field::Seen => &["seen<1h", "seen>7d", "seen:never"],
        Field::Made => &["made<30d", "made:2026-11", "made>=2026-01-15"],
        Field::CertificateEnds => &["cert.expires<30d", "cert.expires:2027"],
        Field::Certificate => &["cert:expiring", "cert:none"],
        Field::Component => &["component:lte", "component:lte=Quectel", "component=\"i.MX 8M\""],
        Field::Identifier => &["identifier:d8:80:39:4e:71:0c"],
        Field::Place => &["place:Rotterdam"],
    }
}

fn tried(query: &'static str) -> impl IntoView {
    view! { <a class="try" href=devices_href(query)>{mono(query)}</a> }
}

/// `/devices/query-language`.
///
/// # Errors
/// When the actor may not see the fleet.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(domain::person::Permission::FleetRead)?;
    let queries: Vec<_> = QUERIES
        .iter()
        .map(|(query, means)| view! { <li>{tried(query)}<span class="soft">{*means}</span></li> })
        .collect();
    let body = view! {
        {head("Query language", view! { <p>"One language wherever a set of devices is meant: lists, exports, bulk actions, the API."</p> }, ())}
        <div class="cols lead">
            <div class="stack loose">
                {Panel::new("Fields").flush(frame("Fields", fields()))}
            </div>
            <div class="stack loose">
                {Panel::new("Rules").body(rules())}
                {Panel::new("Try these").body(view! { <ul class="tries">{queries}</ul> })}
            </div>
        </div>
    };
    Ok(Page::new("Query language", body).crumb("Devices", "/devices"))
}

fn fields() -> impl IntoView {
    let rows: Vec<_> = Field::ALL
        .iter()
        .map(|field| {
            let aliases = field.aliases().join(", ");
            let also = (!aliases.is_empty()).then_some("Also");
            let examples: Vec<_> = examples(*field).iter().map(|query| view! { {tried(query)} " " }).collect();
            view! {
                <tr>
                    <th scope="row"><b class="mono">{field.name()}</b></th>
                    <td data-l="Means">{field.hint()}</td>
                    <td data-l="Examples" class="full"><span class="try-row">{examples}</span></td>
                    <td data-l=also class="quiet small">{aliases}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <table class="table cards language">
            <caption class="sr">"The fields of a fleet query"</caption>
            <thead>
                <tr>
                    <th scope="col">"Field"</th>
                    <th scope="col">"Means"</th>
                    <th scope="col">"Examples"</th>
                    <th scope="col">"Also written"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

fn rules() -> impl IntoView {
    view! {
        <ul class="query-rules">
            <li>"All terms must hold; a space stands between them."</li>
            <li>"A " <code>"-"</code> " before a term turns it round: " {tried("-trust:trusted")}</li>
            <li>"A comma within a term separates alternatives: " {tried("trust:suspect,quarantined")}</li>
            <li>"Quotes keep spaces and commas: " <code>"custodian:\"Acme, Inc.\""</code></li>
            <li>
                "Ages are a number with " <code>"s"</code> " " <code>"min"</code> " " <code>"h"</code> " " <code>"d"</code>
                " " <code>"w"</code> " " <code>"mo"</code> " or " <code>"y"</code> ": " {tried("seen<12h")}
            </li>
            <li>"Dates are a year, a month or a day: " {tried("made:2026-11")}</li>
            <li>"Upper and lower case are the same in names."</li>
        </ul>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::query::parse;

    #[test]
    fn every_example_can_be_read() {
        let of_fields = Field::ALL.iter().flat_map(|field| examples(*field));
        for query in QUERIES.iter().map(|(query, _)| query).chain(of_fields) {
            assert!(parse(query).is_ok(), "{query}: {:?}", parse(query));
        }
    }
}
