//! How long things are kept: for each kind, what would go by that, and what never goes.

use crate::{
    components::{
        form::{Field, error_summary, submit},
        icons::{self, icon},
        panel::{Panel, head, link_button},
        table::frame,
        text::{ago, plural},
    },
    context::{Ctx, FieldError, FormState},
    page::Page,
    pages::errors::who_may,
};
use domain::{
    person::Permission,
    retention::{Keep, Kept},
    words::grouped,
};
use fleet::retention::{COUNTED, KeptRow};
use leptos::prelude::*;
use std::collections::BTreeMap;

/// What a form says of each kind; of kinds that it does not name, nothing.
pub(crate) fn typed(form: &FormState) -> BTreeMap<Kept, String> {
    let named = Kept::ALL.iter().filter(|kept| form.has(kept.as_str()));
    named.map(|kept| (*kept, form.value(kept.as_str()).trim().to_owned())).collect()
}

/// `/settings/kept`. With what is typed into its form behind the question mark it counts what would go by that.
///
/// # Errors
/// When the actor may not see settings, or the database fails.
pub async fn load(mut ctx: Ctx) -> Result<Page, fleet::Error> {
    let form = ctx.form.take().unwrap_or_else(|| FormState { values: ctx.query(), errors: Vec::new() });
    let asked = typed(&form);
    let counted = if form.errors.is_empty() { ctx.fleet.kept(&ctx.actor, &asked).await } else { saved(&ctx).await };
    let (rows, form) = match counted {
        Err(fleet::Error::Invalid { fields }) => {
            let errors = fields.iter().map(FieldError::from).collect();
            (saved(&ctx).await?, FormState { errors, ..form })
        }
        counted => (counted?, form),
    };
    let is_tried = !asked.is_empty() && form.errors.is_empty();
    let manages = ctx.may(Permission::SettingManage);
    let body = view! {
        {head(
            "How long things are kept",
            view! { <p>"What may go, and when. Everything else is kept for ever."</p> },
            link_button("/settings", icons::SLIDERS, "Settings"),
        )}
        <div class="cols lead">
            <div class="stack loose">
                {Panel::new(if is_tried { "What would go by what you typed" } else { "What goes" }).flush(table(&rows, &ctx))}
                {manages.then(|| Panel::new("For how long").body(fields(&form, &rows, &asked)))}
            </div>
            {Panel::new("What this means").body(advice(manages))}
        </div>
    };
    Ok(Page::new("How long things are kept", body).live("setting"))
}

async fn saved(ctx: &Ctx) -> Result<Vec<KeptRow>, fleet::Error> {
    ctx.fleet.kept(&ctx.actor, &BTreeMap::new()).await
}

fn span(keep: Keep) -> String {
    match keep {
        Keep::Days(days) => plural(days, "day", "days"),
        Keep::ForEver => "For ever".to_owned(),
    }
}

fn would_go(row: &KeptRow) -> String {
    match row.would_go {
        None => "not counted in time".to_owned(),
        Some(0) => "nothing".to_owned(),
        Some(n) if n >= COUNTED => format!("{} or more", grouped(COUNTED.unsigned_abs())),
        Some(n) => grouped(n.unsigned_abs()),
    }
}

fn table(rows: &[KeptRow], ctx: &Ctx) -> impl IntoView + use<> {
    let now = ctx.now;
    let line = |row: &KeptRow| {
        let last = match row.last {
            None => view! { <span class="quiet">"never"</span> }.into_any(),
            Some((at, rows)) => view! { {grouped(rows)}<small class="quiet">" "{ago(at, now)}</small> }.into_any(),
        };
        view! {
            <tr>
                <th scope="row">{row.kept.label()}</th>
                <td data-l="Kept for" class="num nowrap">{span(row.keep)}</td>
                <td data-l="Would go now" class="num nowrap">{would_go(row)}</td>
                <td data-l="Went last" class="num nowrap">{last}</td>
            </tr>
        }
    };
    let lines: Vec<_> = rows.iter().map(line).collect();
    frame(
        "What is kept for how long",
        view! {
            <table class="table cards">
                <caption class="sr">"What is kept for how long, and how many rows would go"</caption>
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col" class="num">"Kept for"</th>
                        <th scope="col" class="num">"Would go now"</th>
                        <th scope="col" class="num">"Went last"</th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        },
    )
}

fn hint(kept: Kept) -> String {
    let what = match kept {
        Kept::Feedback => "How each update came out stays.",
        Kept::Steps => "Offered, installed, failed, silent. What was verified to run stays.",
        Kept::Crls => "After their end. The audit log has number and hash of each.",
        Kept::Webhooks => "What was not delivered by then is not delivered any more.",
    };
    format!("{what} At least {} days; left empty, it is kept for ever.", kept.shortest())
}

fn fields(form: &FormState, rows: &[KeptRow], asked: &BTreeMap<Kept, String>) -> impl IntoView + use<> {
    let field = |row: &KeptRow| {
        let text = asked.get(&row.kept).cloned().unwrap_or_else(|| row.keep.text());
        Field::new(Some(form), row.kept.as_str(), row.kept.label())
            .value(text)
            .max_length(5)
            .hint(hint(row.kept))
            .input()
    };
    let fields: Vec<_> = rows.iter().map(field).collect();
    view! {
        <form class="stack slim" method="post" action="/settings/kept">
            {error_summary(Some(form))}
            <p class="soft">"In days."</p>
            {fields}
            <div class="row wrap">
                {submit(icons::CHECK, "Save")}
                <button class="btn" type="submit" formmethod="get" formnovalidate>{icon(icons::SEARCH)}"Count what would go"</button>
            </div>
        </form>
    }
}

fn advice(manages: bool) -> impl IntoView {
    view! {
        <ul class="rules">
            <li>"Who held a device, its certificates, parts, repairs and findings, notes, and the audit log never go. No setting reaches them."</li>
            <li>"What has gone is gone. It stays in backups that were made before."</li>
            <li>"One node lets go what is older, in small pieces, once a day; the audit log says how much."</li>
        </ul>
        {(!manages).then(|| view! { <p class="small quiet">{who_may(Permission::SettingManage)}</p> })}
    }
}
