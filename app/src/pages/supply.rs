//! Supply chains: who supplied what to whom and when, of a device, of a batch, of a custodian. Made to be printed.

mod rows;
mod table;

use crate::{
    components::{
        form::{Field, error_summary},
        icons::{self, icon},
        panel::{Panel, head, link_button},
        table::{Pager, none_yet, pager},
        text::{count, plural},
    },
    context::{Ctx, FormState, href, segment},
    page::Page,
    pages::errors::Problem,
};
use axum::http::StatusCode;
use fleet::{
    catalogue::Catalogue,
    export::{Period, SupplyOf, SupplyPage},
};
use leptos::prelude::*;
use std::collections::BTreeSet;

/// `/devices/{serial}/supply-chain`.
///
/// # Errors
/// When the actor may not see the fleet, there is no such device, or the database fails.
pub async fn load_device(ctx: Ctx) -> Result<Page, fleet::Error> {
    let serial = ctx.param("serial").to_owned();
    let subject = Subject {
        title: format!("Supply chain of {serial}"),
        above: format!("/devices/{}", segment(&serial)),
        list: ("Devices", "/devices"),
        name: serial.clone(),
        of: SupplyOf::Device(serial),
    };
    subject.page(&ctx).await
}

/// `/batches/{code}/supply-chain`.
///
/// # Errors
/// When the actor may not see the fleet, there is no such batch, or the database fails.
pub async fn load_batch(ctx: Ctx) -> Result<Page, fleet::Error> {
    let code = ctx.param("code").to_owned();
    let subject = Subject {
        title: format!("Supply chain of batch {code}"),
        above: format!("/batches/{}", segment(&code)),
        list: ("Batches", "/batches"),
        name: code.clone(),
        of: SupplyOf::Batch(code),
    };
    subject.page(&ctx).await
}

/// `/custodians/{code}/supply-chain`.
///
/// # Errors
/// When the actor may not see the fleet, there is no such custodian, or the database fails.
pub async fn load_custodian(ctx: Ctx) -> Result<Page, fleet::Error> {
    let (custodian, ..) = ctx.fleet.custodian(&ctx.actor, ctx.param("code")).await?;
    let subject = Subject {
        title: format!("Supply chain of {}", custodian.name),
        above: format!("/custodians/{}", segment(&custodian.code)),
        list: ("Custodians", "/custodians"),
        name: custodian.name,
        of: SupplyOf::Custodian(custodian.code),
    };
    subject.page(&ctx).await
}

/// Whose supply chain a page shows, and what stands above it.
struct Subject {
    title: String,
    above: String,
    list: (&'static str, &'static str),
    name: String,
    of: SupplyOf,
}

impl Subject {
    async fn page(self, ctx: &Ctx) -> Result<Page, fleet::Error> {
        let value = |name: &str| ctx.query_value(name).unwrap_or_default();
        let (from, to) = (value("from"), value("to"));
        let (period, form) = match Period::of_days(&from, &to) {
            Ok(period) => (Some(period), None),
            Err(error) => {
                let values = vec![("from".to_owned(), from.clone()), ("to".to_owned(), to.clone())];
                (None, Some(FormState { values, errors: Problem::of(&error).fields }))
            }
        };
        let cursor = ctx.query_value("cursor");
        // What is wrong with the period is said beside it; whether there is such a thing is looked up all the same.
        let shown = period.unwrap_or_default();
        let found = ctx.fleet.supply_chain(&ctx.actor, &self.of, shown, cursor.as_deref()).await?;
        let content = match period {
            Some(_) => self.content(ctx, &found),
            None => ().into_any(),
        };
        let body = view! {
            {head(self.title.clone(), self.sub(&found.catalogue), self.acts(&from, &to))}
            {error_summary(form.as_ref())}
            {self.filter(form.as_ref(), &from, &to)}
            {content}
        };
        let (label, list) = self.list;
        let page = Page::new("Supply chain", body).crumb(label, list).crumb(self.name, self.above);
        Ok(if form.is_some() { page.status(StatusCode::UNPROCESSABLE_ENTITY) } else { page })
    }

    fn path(&self) -> String {
        format!("{}/supply-chain", self.above)
    }

    fn sub(&self, catalogue: &Catalogue) -> impl IntoView + use<> {
        let what = match &self.of {
            SupplyOf::Device(_) => "Who supplied this device and its parts, to whom, and when.".to_owned(),
            SupplyOf::Batch(code) => {
                let batch = catalogue.batches.iter().find(|batch| batch.code == *code);
                let made = batch.map(|batch| {
                    let (model, factory) = (batch.model_id, batch.factory_id);
                    format!(", {} made by {}", catalogue.model_name(model), catalogue.custodian_name(factory))
                });
                format!(
                    "Who supplied the devices of this batch{}, and their parts, to whom, and when.",
                    made.unwrap_or_default()
                )
            }
            SupplyOf::Custodian(_) => {
                "What it was supplied with and what it supplied: devices, and parts that were fitted in its hands."
                    .to_owned()
            }
        };
        view! {
            <p>{what}</p>
            <p class="small quiet">
                "Regulation (EU) 2024/2847, article 23: to be kept and shown on request for ten years. History is never deleted here."
            </p>
        }
    }

    fn acts(&self, from: &str, to: &str) -> impl IntoView + use<> {
        let days = [("from", from), ("to", to)];
        let given: Vec<(&str, &str)> = days.into_iter().filter(|(_, day)| !day.is_empty()).collect();
        let csv = href(&format!("{}.csv", self.path()), &given);
        link_button(csv, icons::DOWNLOAD, "CSV, all of it")
    }

    fn filter(&self, form: Option<&FormState>, from: &str, to: &str) -> impl IntoView + use<> {
        // A field for days can't show what is none.
        let kind = if form.is_some() { "text" } else { "date" };
        view! {
            <form class="filters" role="search" method="get" action=self.path()>
                {Field::new(form, "from", "From").kind(kind).value(from).input()}
                {Field::new(form, "to", "To").kind(kind).value(to).input()}
                <button class="btn" type="submit">{icon(icons::SEARCH)}"Show"</button>
            </form>
        }
    }

    fn content(&self, ctx: &Ctx, found: &SupplyPage) -> AnyView {
        let is_one = matches!(self.of, SupplyOf::Device(_));
        let lines = if is_one { rows::each(&found.rows) } else { rows::together(&found.rows) };
        let panel = Panel::new(plural(number(lines.len()), "line", "lines"));
        let panel = if is_one { panel } else { panel.footer(pager(pages(ctx, found))) };
        let table = if lines.is_empty() {
            let how = view! { <p>"Manifests tell who supplied parts; custody events and EPCIS imports tell who supplied devices."</p> };
            none_yet("Nothing was supplied in this period", how).into_any()
        } else {
            table::table(&lines, &found.catalogue).into_any()
        };
        view! { <p>{sentence(found, is_one)}</p> {panel.flush(table)} }.into_any()
    }
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// What the page tells, in a sentence.
fn sentence(found: &SupplyPage, is_one: bool) -> String {
    let suppliers: BTreeSet<&str> =
        found.rows.iter().map(|row| row.supply.supplier()).filter(|n| !n.is_empty()).collect();
    let recipients: BTreeSet<&str> =
        found.rows.iter().map(|row| row.supply.recipient()).filter(|n| !n.is_empty()).collect();
    let supplies = format!(
        "{} from {} to {}",
        plural(number(found.rows.len()), "supply", "supplies"),
        plural(number(suppliers.len()), "supplier", "suppliers"),
        plural(number(recipients.len()), "recipient", "recipients"),
    );
    if is_one {
        return format!("{supplies}.");
    }
    let devices = plural(number(found.devices), "device", "devices");
    let span = match &found.span {
        Some((first, last)) if first != last => format!(" from {first} to {last}"),
        _ => String::new(),
    };
    let rest = if found.next.is_some() { " The next page and the CSV file tell of the others." } else { "" };
    format!("This page tells of {devices}{span}: {supplies}.{rest}")
}

fn pages(ctx: &Ctx, found: &SupplyPage) -> Pager {
    Pager {
        summary: format!("{} on this page", plural(number(found.devices), "device", "devices")),
        previous: ctx.query_value("cursor").is_some().then(|| ctx.href_with(&[("cursor", None)])),
        next: found.next.as_deref().map(|next| ctx.href_with(&[("cursor", Some(next))])),
    }
}

/// So many of something, for a table.
fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(number(n)), if n == 1 { one } else { many })
}
