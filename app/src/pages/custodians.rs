//! Custodians: who holds devices, or held them.

mod one;

pub use one::load as load_one;

use crate::{
    components::{
        form::{Field, error_summary, submit},
        icons,
        panel::{Panel, Tab, disabled_button, head, tabs},
        status::custodian_icon,
        table::{frame, no_match, none_yet, pager},
        text::{count, plural},
    },
    context::{Ctx, FormState, devices_href, href, segment},
    page::Page,
    pages::{
        errors::who_may,
        paging::{Paging, slice},
        standing::devices_of,
    },
};
use domain::{
    custody::{Custodian, CustodianKind},
    person::Permission,
    query::Predicate,
};
use leptos::prelude::*;

/// Where a custodian is, in words; a dash when nobody said.
pub(super) fn place_words(custodian: &Custodian) -> String {
    match (custodian.city.as_str(), custodian.country.as_str()) {
        ("", "") => "–".to_owned(),
        (city, "") => city.to_owned(),
        ("", country) => country.to_owned(),
        (city, country) => format!("{city}, {country}"),
    }
}

/// The devices that a custodian holds now, as a list.
pub(super) fn held_href(custodian: &Custodian) -> String {
    devices_href(&devices_of(Predicate::Custodian(vec![custodian.code.clone()])).to_string())
}

struct Wanted {
    kind: Option<CustodianKind>,
    text: String,
}

impl Wanted {
    fn of(ctx: &Ctx) -> Self {
        Self {
            kind: ctx.query_value("kind").and_then(|kind| kind.parse().ok()),
            text: ctx.query_value("q").unwrap_or_default(),
        }
    }

    fn named(&self, custodian: &Custodian) -> bool {
        let wanted = self.text.trim().to_lowercase();
        [&custodian.name, &custodian.code, &custodian.city].iter().any(|text| text.to_lowercase().contains(&wanted))
    }

    fn takes(&self, custodian: &Custodian) -> bool {
        self.kind.is_none_or(|kind| kind == custodian.kind) && self.named(custodian)
    }
}

/// `/custodians`.
///
/// # Errors
/// When the actor may not see the fleet, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let all = ctx.fleet.custodians(&ctx.actor).await?.custodians;
    let wanted = Wanted::of(&ctx);
    let matching: Vec<_> = all.iter().filter(|(custodian, _)| wanted.takes(custodian)).cloned().collect();
    let paging = Paging::of(&ctx, matching.len());
    let number = i64::try_from(matching.len()).unwrap_or(i64::MAX);
    let list = match (all.is_empty(), matching.is_empty()) {
        (true, _) => none_yet("No custodian yet", view! { <p>"A factory comes with its first manifest; enter clients, distributors and repair centres here."</p> }).into_any(),
        (_, true) => no_match("No custodian is like that", "/custodians").into_any(),
        _ => table(slice(&matching, paging)).into_any(),
    };
    let panel =
        Panel::new(plural(number, "custodian", "custodians")).aside(search(&wanted)).footer(pager(paging.pager(&ctx)));
    let body = view! {
        {head("Custodians", view! { <p>"Who holds devices: factories, distributors, clients, repair centres."</p> }, add_link(&ctx))}
        {kinds(&all, &wanted)}
        <div class="cols lead">
            {panel.flush(list)}
            {add_form(&ctx)}
        </div>
    };
    Ok(Page::new("Custodians", body).live("custodian,device"))
}

fn add_link(ctx: &Ctx) -> impl IntoView + use<> {
    if ctx.may(Permission::CustodianManage) {
        view! { <a class="btn" href="#add">{icons::icon(icons::PLUS)}"Add custodian"</a> }.into_any()
    } else {
        disabled_button(icons::PLUS, "Add custodian", who_may(Permission::CustodianManage)).into_any()
    }
}

/// One tab for each kind, with how many there are.
fn kinds(all: &[(Custodian, i64)], wanted: &Wanted) -> impl IntoView + use<> {
    let n = |kind: Option<CustodianKind>| {
        let of_kind = all.iter().filter(|(c, _)| kind.is_none_or(|kind| kind == c.kind) && wanted.named(c));
        i64::try_from(of_kind.count()).unwrap_or(i64::MAX)
    };
    let to = |kind: Option<CustodianKind>| {
        let text = Some(("q", wanted.text.as_str())).filter(|(_, text)| !text.is_empty());
        let kind = kind.map(|kind| ("kind", kind.as_str()));
        href("/custodians", &kind.into_iter().chain(text).collect::<Vec<_>>())
    };
    let tab = |kind: Option<CustodianKind>| Tab {
        label: kind.map_or("All", plural_label).to_owned(),
        href: to(kind),
        count: Some(n(kind)),
        current: kind == wanted.kind,
    };
    let rows = std::iter::once(None).chain(CustodianKind::ALL.iter().copied().map(Some)).map(tab).collect();
    tabs("Kinds of custodian", rows)
}

const fn plural_label(kind: CustodianKind) -> &'static str {
    match kind {
        CustodianKind::Factory => "Factories",
        CustodianKind::Distributor => "Distributors",
        CustodianKind::Client => "Clients",
        CustodianKind::RepairCentre => "Repair centres",
    }
}

fn search(wanted: &Wanted) -> impl IntoView + use<> {
    let kind = wanted.kind.map(|kind| view! { <input type="hidden" name="kind" value=kind.as_str() /> });
    view! {
        <form class="find" role="search" method="get" action="/custodians">
            {kind}
            <input
                class="input small"
                type="search"
                name="q"
                value=wanted.text.clone()
                maxlength="100"
                placeholder="Name or town"
                aria-label="Name or town"
            />
            <button class="btn small" type="submit">{icons::icon(icons::SEARCH)}"Find"</button>
        </form>
    }
}

fn table(custodians: &[(Custodian, i64)]) -> impl IntoView + use<> {
    let rows: Vec<_> = custodians.iter().map(|(custodian, held)| row(custodian, *held)).collect();
    frame(
        "Custodians",
        view! {
            <table class="table cards">
                <caption class="sr">"Custodians, by name"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Kind"</th>
                        <th scope="col">"Place"</th>
                        <th scope="col" class="num">"Holds now"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn row(custodian: &Custodian, held: i64) -> impl IntoView + use<> {
    let number = if held > 0 {
        view! { <a href=held_href(custodian)>{count(held)}</a> }.into_any()
    } else {
        view! { <span class="quiet">"0"</span> }.into_any()
    };
    view! {
        <tr>
            <th scope="row"><a href=format!("/custodians/{}", segment(&custodian.code))>{custodian.name.clone()}</a></th>
            <td data-l="Kind">
                <span class="st">{icons::icon(custodian_icon(custodian.kind))}{custodian.kind.label()}</span>
            </td>
            <td data-l="Place">{place_words(custodian)}</td>
            <td data-l="Holds now" class="num">{number}</td>
        </tr>
    }
}

/// The form for a new custodian, or who may fill it in.
fn add_form(ctx: &Ctx) -> impl IntoView + use<> {
    if !ctx.may(Permission::CustodianManage) {
        return Panel::new("Add a custodian")
            .body(view! { <p class="soft">{who_may(Permission::CustodianManage)}</p> })
            .into_any();
    }
    let form = ctx.form.as_ref();
    let kinds = CustodianKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind.label().to_owned())).collect();
    Panel::new("Add a custodian")
        .id("add")
        .body(view! {
            <form class="stack" method="post" action="/custodians">
                {error_summary(form)}
                {Field::new(form, "name", "Name").required().max_length(120).input()}
                {Field::new(form, "kind", "Kind")
                    .value(CustodianKind::Client.as_str())
                    .hint("It can't be changed later: history speaks of it.")
                    .select(kinds)}
                {place_fields(form, None)}
                {submit(icons::PLUS, "Add custodian")}
            </form>
        })
        .into_any()
}

/// The fields for where a custodian is, which can be changed.
fn place_fields(form: Option<&FormState>, now: Option<&Custodian>) -> impl IntoView + use<> {
    let city = now.map(|c| c.city.clone()).unwrap_or_default();
    let country = now.map(|c| c.country.clone()).unwrap_or_default();
    let sgln = now.map(|c| c.sgln.clone()).unwrap_or_default();
    view! {
        <div class="pair">
            {Field::new(form, "city", "Town").value(city).max_length(120).input()}
            {Field::new(form, "country", "Country").value(country).max_length(2).hint("Two letters, like NL").input()}
        </div>
        {Field::new(form, "sgln", "GS1 location")
            .value(sgln)
            .mono()
            .max_length(199)
            .hint("urn:epc:id:sgln:… if it has one; EPCIS events that name it are then understood.")
            .input()}
    }
}
