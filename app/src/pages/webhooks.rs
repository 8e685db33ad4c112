//! Webhooks: which programs elsewhere are told what happens.

mod one;

pub use one::load_one;

use super::secret::shown_once;
use crate::{
    components::{
        form::{Field, error_summary, hidden, submit},
        icons,
        panel::{Panel, head, link_button},
        status::{Status, Tone},
        table::{frame, none_yet},
        text::{ago, count, plural},
    },
    context::{Ctx, FormState},
    page::Page,
};
use domain::webhook::{ADDRESS_MAX, EventKind, HookState};
use fleet::webhook::{Webhook, WebhookRow};
use leptos::prelude::*;

/// `/webhooks`.
///
/// # Errors
/// When the actor may not manage settings, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let rows = ctx.fleet.webhooks(&ctx.actor).await?;
    let list = if rows.is_empty() {
        none_yet("No webhook yet", view! { <p>"A program that should hear of rollouts or findings needs one."</p> })
            .into_any()
    } else {
        table(&ctx, &rows).into_any()
    };
    let title = match rows.len() {
        0 => "Who is told".to_owned(),
        n => plural(i64::try_from(n).unwrap_or(i64::MAX), "webhook", "webhooks"),
    };
    let sub = view! { <p>"Programs elsewhere that are told what happens, signed as Standard Webhooks says."</p> };
    let body = view! {
        {head("Webhooks", sub, link_button("/api", icons::DOC, "API reference"))}
        <div class="stack loose">
            {Panel::new(title).flush(list)}
            {add_form(&ctx)}
        </div>
    };
    Ok(Page::new("Webhooks", body).live("webhook.standing"))
}

/// How a webhook stands.
fn state(ctx: &Ctx, hook: &Webhook) -> Status {
    match hook.state {
        HookState::Paused => Status { word: "Paused", icon: icons::PAUSE, tone: Tone::Hold },
        HookState::Active if hook.wait_until > ctx.now => {
            Status { word: "In trouble", icon: icons::WARN, tone: Tone::Warn }
        }
        HookState::Active => Status { word: "Active", icon: icons::CHECK, tone: Tone::Ok },
    }
}

fn table(ctx: &Ctx, rows: &[WebhookRow]) -> impl IntoView + use<> {
    let rows: Vec<_> = rows.iter().map(|row| line(ctx, row)).collect();
    frame(
        "Webhooks",
        view! {
            <table class="table cards">
                <caption class="sr">"Webhooks, the oldest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Address"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="num">"Events"</th>
                        <th scope="col" class="num">"Waiting"</th>
                        <th scope="col" class="num">"Added"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn line(ctx: &Ctx, WebhookRow { hook, waiting }: &WebhookRow) -> impl IntoView + use<> {
    let told = i64::try_from(hook.kinds.len()).unwrap_or(i64::MAX);
    view! {
        <tr>
            <th scope="row" class="two">
                <a class="mono" href=format!("/webhooks/{}", hook.id)>{hook.url.clone()}</a>
                <small>"by "{hook.created_by.clone()}</small>
            </th>
            <td data-l="State">{state(ctx, hook).cell()}</td>
            <td data-l="Events" class="num">{count(told)}</td>
            <td data-l="Waiting" class="num">{count(*waiting)}</td>
            <td data-l="Added" class="num nowrap quiet">{ago(hook.created_at, ctx.now)}</td>
        </tr>
    }
}

fn add_form(ctx: &Ctx) -> impl IntoView + use<> {
    let form = ctx.form.as_ref();
    Panel::new("Add a webhook").id("add").body(view! {
        <form class="stack" method="post" action="/webhooks">
            {error_summary(form)}
            {hidden("once", ctx.request_id.clone())}
            {Field::new(form, "url", "Address of the receiver")
                .required()
                .mono()
                .max_length(u32::try_from(ADDRESS_MAX).unwrap_or(u32::MAX))
                .autocomplete("off")
                .hint("https://…; it gets a POST for each event. Private networks have to be allowed by the server's options.")
                .input()}
            {kinds(form)}
            <div>{submit(icons::PLUS, "Add webhook")}</div>
        </form>
    })
}

/// What it is told of, to be ticked.
fn kinds(form: Option<&FormState>) -> impl IntoView + use<> {
    let error = form.and_then(|form| form.error("kinds")).map(str::to_owned);
    let boxes: Vec<_> = EventKind::ALL
        .iter()
        .map(|kind| {
            let checked = form.is_some_and(|form| form.all("kinds").any(|chosen| chosen == kind.as_str()));
            view! {
                <label class="choice">
                    <input type="checkbox" name="kinds" value=kind.as_str() checked=checked />
                    <b>{kind.label()}</b>
                    <small class="mono">{kind.as_str()}</small>
                </label>
            }
        })
        .collect();
    view! {
        <fieldset class="stack tight" id="kinds">
            <legend class="label">"What it is told of"</legend>
            <div class="may">{boxes}</div>
            {error.map(|error| view! { <p class="hint bad">{icons::icon(icons::WARN)}{error}</p> })}
        </fieldset>
    }
}

/// The secret of a webhook that was just added or given another one.
fn secret_once(ctx: &Ctx) -> impl IntoView + use<> {
    let secret = ctx.secret.clone()?;
    let advice = view! { "Give it to the receiver now: with it, every library for Standard Webhooks checks that a message is from here." };
    Some(shown_once("The webhook's secret".to_owned(), advice.into_any(), "secret", &secret))
}
