//! API tokens: programs that act with a role of their own.

use super::{secret::shown_once, users::role_choices};
use crate::{
    components::{
        form::{Field, error_summary, hidden, submit},
        icons,
        panel::{Panel, confirmed, disabled_button, head, link_button},
        status::{Status, Tone},
        table::{frame, none_yet, pager},
        text::{ago, day, plural},
    },
    context::Ctx,
    page::Page,
    pages::{
        errors::who_may,
        paging::{Paging, slice},
    },
};
use domain::{
    person::{Permission, Role},
    time::DAY,
};
use fleet::token::{ApiToken, LONGEST_DAYS};
use leptos::prelude::*;

/// Lives that a token may have, in days, and their words.
const LIVES: &[(i64, &str)] =
    &[(7, "A week"), (30, "30 days"), (90, "90 days"), (180, "180 days"), (LONGEST_DAYS, "A year")];
/// A token that ends so soon is marked.
const SOON: i64 = 14 * DAY;

/// `/tokens`.
///
/// # Errors
/// When the actor may not see people, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let tokens = ctx.fleet.tokens(&ctx.actor).await?;
    let working = tokens.iter().filter(|token| token.works(ctx.now)).count();
    let paging = Paging::of(&ctx, tokens.len());
    let list = if tokens.is_empty() {
        none_yet("No token yet", view! { <p>"A program that uses the API needs one."</p> }).into_any()
    } else {
        table(&ctx, slice(&tokens, paging)).into_any()
    };
    let panel = Panel::new(plural(i64::try_from(working).unwrap_or(i64::MAX), "token that works", "tokens that work"))
        .footer(pager(paging.pager(&ctx)));
    let sub = view! { <p>"What programs sign in with. A token acts with its own role, whoever made it."</p> };
    let body = view! {
        {token_once(&ctx)}
        {head("API tokens", sub, (link_button("/api", icons::DOC, "API reference"), add_link(&ctx)))}
        <div class="cols lead">
            {panel.flush(list)}
            {add_form(&ctx)}
        </div>
    };
    Ok(Page::new("API tokens", body).live("people"))
}

/// The token that was just made.
fn token_once(ctx: &Ctx) -> impl IntoView + use<> {
    let secret = ctx.secret.clone()?;
    let advice = view! { "Give it to the program now, as "<code>"Authorization: Bearer …"</code>". Keep it where you keep passwords." };
    Some(shown_once("Your new API token".to_owned(), advice.into_any(), "token", &secret))
}

fn add_link(ctx: &Ctx) -> impl IntoView + use<> {
    if ctx.may(Permission::TokenManage) {
        view! { <a class="btn" href="#add">{icons::icon(icons::PLUS)}"Create token"</a> }.into_any()
    } else {
        disabled_button(icons::PLUS, "Create token", who_may(Permission::TokenManage)).into_any()
    }
}

/// How a token stands.
fn state(ctx: &Ctx, token: &ApiToken) -> Status {
    let left = token.expires_at.0.saturating_sub(ctx.now.0);
    match token.revoked_at {
        Some(_) => Status { word: "Revoked", icon: icons::BAN, tone: Tone::Bad },
        None if left <= 0 => Status { word: "Ended", icon: icons::CLOCK, tone: Tone::Mute },
        None if left < SOON => Status { word: "Ends soon", icon: icons::CLOCK, tone: Tone::Warn },
        None => Status { word: "Works", icon: icons::CHECK, tone: Tone::Ok },
    }
}

fn table(ctx: &Ctx, tokens: &[ApiToken]) -> impl IntoView + use<> {
    let rows: Vec<_> = tokens.iter().map(|token| row(ctx, token)).collect();
    frame(
        "API tokens",
        view! {
            <table class="table cards">
                <caption class="sr">"API tokens, newest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Token"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="num">"Last used"</th>
                        <th scope="col"><span class="sr">"Revoke"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )
}

fn row(ctx: &Ctx, token: &ApiToken) -> impl IntoView + use<> {
    let used = match token.last_used_at {
        Some(at) => ago(at, ctx.now).into_any(),
        None => view! { <span>"never"</span> }.into_any(),
    };
    let until = match token.revoked_at {
        Some(at) => view! { "on "{day(at)} }.into_any(),
        None => view! { "until "{day(token.expires_at)} }.into_any(),
    };
    view! {
        <tr id=format!("token-{}", token.id)>
            <th scope="row" class="two">
                <b>{token.name.clone()}</b>
                <small title=format!("Made {}", token.created_at.minute_words())>"by "{token.created_by.clone()}</small>
            </th>
            <td data-l="Role">{token.role.label()}</td>
            <td data-l="State" class="two">{state(ctx, token).cell()}<small>{until}</small></td>
            <td data-l="Last used" class="num nowrap quiet">{used}</td>
            <td class="num full">{revoke(ctx, token)}</td>
        </tr>
    }
}

fn revoke(ctx: &Ctx, token: &ApiToken) -> impl IntoView + use<> {
    if token.revoked_at.is_some() || token.expires_at <= ctx.now {
        return ().into_any();
    }
    let label = format!("Revoke {}", token.name);
    if !ctx.may(Permission::TokenManage) {
        let why = who_may(Permission::TokenManage);
        return view! {
            <button class="btn small" type="button" aria-disabled="true" title=why aria-label=label>"Revoke"</button>
        }
        .into_any();
    }
    let what =
        view! { "Programs that use "<b>{token.name.clone()}</b>" are refused from then on. This can't be undone." };
    let action = format!("/tokens/{}/revoke", token.id);
    let button =
        view! { <summary class="btn small danger" aria-label=label>{icons::icon(icons::BAN)}"Revoke"</summary> };
    confirmed(button, what, action, "Revoke it").into_any()
}

/// The form for a new token, or who may fill it in.
fn add_form(ctx: &Ctx) -> impl IntoView + use<> {
    if !ctx.may(Permission::TokenManage) {
        return Panel::new("Create a token")
            .body(view! { <p class="soft">{who_may(Permission::TokenManage)}</p> })
            .into_any();
    }
    let form = ctx.form.as_ref();
    let lives = LIVES.iter().map(|(days, words)| (days.to_string(), (*words).to_owned())).collect();
    Panel::new("Create a token")
        .id("add")
        .body(view! {
            <form class="stack" method="post" action="/tokens">
                {error_summary(form)}
                {hidden("once", ctx.request_id.clone())}
                {Field::new(form, "name", "Name")
                    .required()
                    .max_length(100)
                    .autocomplete("off")
                    .hint("What uses it: “ERP, nightly export”.")
                    .input()}
                {Field::new(form, "role", "Role")
                    .value(Role::Auditor.as_str())
                    .hint("The least that does. An admin's token can make admins.")
                    .select(role_choices())}
                {Field::new(form, "days", "Works for").value("90").select(lives)}
                {submit(icons::PLUS, "Create token")}
            </form>
        })
        .into_any()
}
