//! Types of parts: class, maker, model, and how many devices have one.

use crate::{
    components::{
        icons::icon,
        panel::Panel,
        status::component_icon,
        table::{frame, none_yet, pager},
        text::count,
    },
    context::{Ctx, devices_href},
    pages::paging::Paging,
};
use domain::query::{FleetQuery, Predicate, Term};
use fleet::parts::{COUNTED, PartCount};
use leptos::prelude::*;

/// So many types on a page: each is counted.
const ROWS: usize = 25;

/// The panel with the types.
pub(super) async fn panel(ctx: &Ctx) -> Result<AnyView, fleet::Error> {
    let asked = Paging::with_rows(ctx, usize::MAX, ROWS);
    let list = ctx.fleet.part_types(&ctx.actor, asked.from(), ROWS).await?;
    let paging = Paging::with_rows(ctx, list.total, ROWS);
    let panel = Panel::new("Types of parts").count(i64::try_from(list.total).unwrap_or(i64::MAX));
    if list.total == 0 {
        let how = view! { <p>"They come in with the manifests of devices."</p> };
        return Ok(panel.flush(none_yet("No part yet", how)).into_any());
    }
    // A page that doesn't exist is the last.
    let types = if list.types.is_empty() {
        ctx.fleet.part_types(&ctx.actor, paging.from(), ROWS).await?.types
    } else {
        list.types
    };
    Ok(panel.footer(pager(paging.pager(ctx))).flush(table(&types)).into_any())
}

fn table(types: &[PartCount]) -> impl IntoView + use<> {
    let rows: Vec<_> = types.iter().map(row).collect();
    frame(
        "Types of parts",
        view! {
            <table class="table cards">
                <caption class="sr">"Types of parts, by class, maker and model"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Class"</th>
                        <th scope="col">"Maker"</th>
                        <th scope="col">"Model"</th>
                        <th scope="col" class="num">"Devices"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn row(of: &PartCount) -> impl IntoView + use<> {
    let class = match of.class {
        Some(class) => view! { <span class="st">{icon(component_icon(class))}{class.label()}</span> }.into_any(),
        None => of.part.class.clone().into_any(),
    };
    let number = if of.devices > COUNTED { format!("{}+", count(COUNTED)) } else { count(of.devices) };
    let number = match query(of) {
        Some(query) => view! { <a href=devices_href(&query)>{number}</a> }.into_any(),
        None => number.into_any(),
    };
    let or_dash = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    view! {
        <tr>
            <th scope="row">{class}</th>
            <td data-l="Maker">{or_dash(&of.part.maker)}</td>
            <td data-l="Model">{or_dash(&of.part.model)}</td>
            <td data-l="Devices" class="num">{number}</td>
        </tr>
    }
}

/// The fleet query for devices with parts of this type: by the model where there is one, else by the maker. A type
/// without a name has none: its class alone would mean all types of it.
fn query(of: &PartCount) -> Option<String> {
    let name = [&of.part.model, &of.part.maker].into_iter().find(|name| !name.is_empty())?;
    let predicate = Predicate::Component { classes: vec![of.class?], texts: vec![name.clone()] };
    Some(FleetQuery::default().with_term(Term::new(predicate)).to_string())
}
