//! What a file must look like, made from the reader's own tables, so that it can't say anything else than is read.

use super::size_words;
use crate::{
    components::{
        icons,
        panel::{Panel, head, link_button},
        status::component_icon,
        table::frame,
    },
    context::Ctx,
    page::Page,
};
use domain::{
    component::ComponentClass,
    factory_manifest::{COLUMNS, ColumnDoc, FORMAT_DOC, SLOT_PREFIXES, template_csv, template_jsonl},
    person::Permission,
};
use fleet::import::IMPORT_LIMIT;
use leptos::prelude::*;

/// `/imports/format`.
///
/// # Errors
/// When the actor may not see imports.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::ImportRead)?;
    let acts = (
        link_button("/imports/template.csv", icons::DOWNLOAD, "CSV template"),
        link_button("/imports/template.jsonl", icons::DOWNLOAD, "JSON Lines template"),
    );
    let sub = view! { <p>"Factory manifests as CSV or JSON Lines, and history as GS1 EPCIS 2.0."</p> };
    let body = view! {
        {head("File format", sub, acts)}
        <div class="cols lead">
            <div class="stack loose">{columns()} {slots()} {examples()}</div>
            <div class="stack loose">{rules()} {epcis()} {promises()}</div>
        </div>
    };
    Ok(Page::new("File format", body).crumb("Imports", "/imports"))
}

fn rules() -> impl IntoView {
    let rules: Vec<_> = FORMAT_DOC.lines().map(|rule| view! { <li>{rule}</li> }).collect();
    Panel::new("Factory manifests").body(view! { <ul class="rules">{rules}</ul> })
}

fn columns() -> impl IntoView {
    let rows: Vec<_> = COLUMNS.iter().map(column).collect();
    Panel::new("Columns").aside(view! { <span>"In JSON Lines: keys"</span> }).flush(frame(
        "Columns",
        view! {
            <table class="table cards">
                <caption class="sr">"The columns of a manifest"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Column"</th>
                        <th scope="col">"What it is"</th>
                        <th scope="col">"Example"</th>
                        <th scope="col">"Needed"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    ))
}

fn column(column: &ColumnDoc) -> impl IntoView + use<> {
    let needed = if column.required {
        view! { <span class="tag">"always"</span> }.into_any()
    } else {
        view! { <span class="quiet">"may be absent"</span> }.into_any()
    };
    view! {
        <tr>
            <th scope="row"><span class="mono">{column.name}</span></th>
            <td data-l="What it is" class="told">{column.what}</td>
            <td data-l="Example"><span class="mono">{column.example}</span></td>
            <td data-l="Needed">{needed}</td>
        </tr>
    }
}

fn slots() -> impl IntoView {
    let rows: Vec<_> = ComponentClass::ALL
        .iter()
        .map(|class| {
            let names: Vec<_> = SLOT_PREFIXES
                .iter()
                .filter(|(_, of)| of == class)
                .map(|(name, _)| view! { <li><span class="mono">{*name}</span></li> })
                .collect();
            view! {
                <tr>
                    <th scope="row"><span class="part">{icons::icon(component_icon(*class))}{class.label()}</span></th>
                    <td data-l="Slots"><ul class="legend">{names}</ul></td>
                </tr>
            }
        })
        .collect();
    Panel::new("Slots").aside(view! { <span>"A number may follow: eth0, eth1"</span> }).flush(frame(
        "Slots",
        view! {
            <table class="table cards" data-density="compact">
                <caption class="sr">"The slots that components sit in, by class"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Class"</th>
                        <th scope="col">"Names of its slots"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    ))
}

fn examples() -> impl IntoView {
    view! {
        {Panel::new("As CSV")
            .aside(view! { <a href="/imports/template.csv">"Download"</a> })
            .flush(view! { <pre class="json flat" tabindex="0" role="region" aria-label="CSV example">{template_csv()}</pre> })}
        {Panel::new("As JSON Lines")
            .aside(view! { <a href="/imports/template.jsonl">"Download"</a> })
            .flush(view! {
                <pre class="json flat" tabindex="0" role="region" aria-label="JSON Lines example">{template_jsonl()}</pre>
            })}
    }
}

fn epcis() -> impl IntoView {
    Panel::new("EPCIS 2.0").body(view! {
        <ul class="rules">
            <li>"One JSON-LD document (EPCISDocument or EPCISQueryDocument), or a single event."</li>
            <li>"An event counts for the devices that are known here: by serial, or by SGTIN when their model has one."</li>
            <li>"Holders are found by their GS1 location (SGLN), or by the addresses that our own exports use."</li>
            <li>"Shipping, receiving, returns, changes of possession, retirement and destruction become history; parts that go in or out become the next manifest; other steps are kept as observations."</li>
            <li>"What speaks of nothing that is known is left out, and the import says what and why."</li>
            <li>"An event that is here already changes nothing. Export gives events back word for word."</li>
        </ul>
    })
}

fn promises() -> impl IntoView {
    let most = size_words(i64::try_from(IMPORT_LIMIT).unwrap_or(i64::MAX));
    Panel::new("What you can rely on").body(view! {
        <ul class="rules">
            <li>"A file is imported whole or not at all, unless you choose to leave bad rows out."</li>
            <li>"“Try only” reads and checks everything and changes nothing."</li>
            <li>"The same file again adds nothing."</li>
            <li>"Once the file is received it will be dealt with, also if the server stops in between."</li>
            <li>{format!("A file may have up to {most}.")}</li>
        </ul>
    })
}
