//! One webhook: how it stands, what it was told last, and sending it again.

use super::{secret_once, state};
use crate::{
    components::{
        form::hidden,
        icons::{self, Icon},
        panel::{Panel, asked, confirmed, facts, head, note},
        status::{Status, Tone},
        table::{frame, none_yet},
        text::{ago, minute},
    },
    context::Ctx,
    page::Page,
};
use domain::{
    id::WebhookId,
    webhook::{DeliveryState, HookState},
};
use fleet::webhook::{Delivery, Webhook};
use leptos::prelude::*;

/// `/webhooks/{id}`.
///
/// # Errors
/// When the actor may not manage settings, there is no such webhook, or the database fails.
pub async fn load_one(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(domain::person::Permission::SettingManage)?;
    let id: WebhookId = ctx.param("id").parse().map_err(|_| fleet::Error::not_found("webhook", ctx.param("id")))?;
    let detail = ctx.fleet.webhook(&ctx.actor, id, None).await?;
    let hook = &detail.hook;
    let list = if detail.deliveries.is_empty() {
        none_yet("Nothing was told yet", view! { <p>"“Send a test” shows whether the receiver works."</p> }).into_any()
    } else {
        table(&ctx, hook, &detail.deliveries).into_any()
    };
    let title = view! { "Webhook "{state(&ctx, hook).badge()} };
    let body = view! {
        {secret_once(&ctx)}
        {head(title, view! { <p class="mono">{hook.url.clone()}</p> }, acts(hook))}
        {trouble(&ctx, hook)}
        <div class="cols lead">
            {Panel::new("What it was told last").flush(list)}
            {about(&ctx, hook)}
        </div>
    };
    Ok(Page::new("Webhook", body).crumb("Webhooks", "/webhooks").live("webhook.standing"))
}

fn trouble(ctx: &Ctx, hook: &Webhook) -> Option<impl IntoView + use<>> {
    if hook.state == HookState::Active && hook.wait_until > ctx.now {
        let told = view! { <p>"Its receiver did not work. Everything waits, in order; the next try is at "{minute(hook.wait_until)}"."</p> };
        return Some(note(Tone::Warn, icons::WARN, told).into_any());
    }
    (!hook.note.is_empty()).then(|| note(Tone::Hold, icons::PAUSE, view! { <p>{hook.note.clone()}</p> }).into_any())
}

fn acts(hook: &Webhook) -> impl IntoView + use<> {
    let (verb, icon, label) = match hook.state {
        HookState::Active => ("pause", icons::PAUSE, "Pause"),
        HookState::Paused => ("resume", icons::PLAY, "Let it go on"),
    };
    let secret = view! { <summary class="btn">{icons::icon(icons::KEY)}"Change the secret"</summary> };
    let told = view! {
        "It is shown once. For a day messages are signed with the one before, too: give its receiver the new one within it."
        {hidden("generation", hook.secrets.generation.to_string())}
    };
    let what = "It is told nothing more, and what it is owed is dropped. This can't be undone.";
    let button = view! { <summary class="btn danger">{icons::icon(icons::X)}"Remove"</summary> };
    (
        post(format!("/webhooks/{}/test", hook.id), "btn", icons::PULSE, "Send a test"),
        post(format!("/webhooks/{}/{verb}", hook.id), "btn", icon, label),
        asked(secret, told, format!("/webhooks/{}/secret", hook.id), ("btn small primary", "Change it")),
        confirmed(button, what, format!("/webhooks/{}/remove", hook.id), "Remove the webhook"),
    )
}

fn post(action: String, class: &'static str, icon: Icon, label: &'static str) -> impl IntoView {
    view! {
        <form method="post" action=action>
            <button class=class type="submit">{icons::icon(icon)}{label}</button>
        </form>
    }
}

fn about(ctx: &Ctx, hook: &Webhook) -> impl IntoView + use<> {
    let kinds: Vec<_> = hook.kinds.iter().map(|kind| view! { <li>{kind.label()}</li> }).collect();
    let mut known =
        vec![("Added by", hook.created_by.clone().into_any()), ("Added", minute(hook.created_at).into_any())];
    if hook.secrets.in_grace(ctx.now) {
        known.push(("Old secret signs until", minute(hook.secrets.signs_until).into_any()));
    }
    Panel::new("About it").body(view! {
        <div class="stack">
            {facts(known)}
            <h3>"It is told of"</h3>
            <ul class="rules">{kinds}</ul>
            <p class="small quiet">
                "A message is tried for a day, more and more rarely, and always has the same "
                <code>"webhook-id"</code>": a receiver may get it twice. A pause keeps what happens."
            </p>
        </div>
    })
}

fn state_of(delivery: &Delivery) -> Status {
    match delivery.state {
        DeliveryState::Delivered => Status { word: "Delivered", icon: icons::CHECK, tone: Tone::Ok },
        DeliveryState::Owed if delivery.attempts > 0 => {
            Status { word: "Tried again", icon: icons::HOURGLASS, tone: Tone::Warn }
        }
        DeliveryState::Owed => Status { word: "Waiting", icon: icons::CLOCK, tone: Tone::Go },
        DeliveryState::Dead => Status { word: "Given up", icon: icons::CROSS, tone: Tone::Bad },
    }
}

fn table(ctx: &Ctx, hook: &Webhook, deliveries: &[Delivery]) -> impl IntoView + use<> {
    let rows: Vec<_> = deliveries.iter().map(|delivery| line(ctx, hook, delivery)).collect();
    frame(
        "What it was told last",
        view! {
            <table class="table cards">
                <caption class="sr">"What it was told last, the newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Event"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="num">"Tries"</th>
                        <th scope="col" class="num">"Last try"</th>
                        <th scope="col"><span class="sr">"Send again"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn line(ctx: &Ctx, hook: &Webhook, delivery: &Delivery) -> impl IntoView + use<> {
    let tried = match delivery.last_at {
        Some(at) => ago(at, ctx.now).into_any(),
        None => view! { <span>"never"</span> }.into_any(),
    };
    let answer = match (delivery.note.as_str(), delivery.status) {
        ("", 0) => String::new(),
        ("", status) => format!("It answered {status}."),
        (note, _) => note.to_owned(),
    };
    let label = format!("Send {} of {} again", delivery.kind, delivery.at.minute_words());
    view! {
        <tr>
            <th scope="row" class="two">
                <b class="mono">{delivery.kind.clone()}</b>
                <small>{minute(delivery.at)}</small>
            </th>
            <td data-l="State" class="two">{state_of(delivery).cell()}<small>{answer}</small></td>
            <td data-l="Tries" class="num">{delivery.attempts}</td>
            <td data-l="Last try" class="num nowrap quiet">{tried}</td>
            <td class="num full">
                <form method="post" action=format!("/webhooks/{}/deliveries/{}/resend", hook.id, delivery.seq)>
                    <button class="btn small" type="submit" aria-label=label>"Send again"</button>
                </form>
            </td>
        </tr>
    }
}
