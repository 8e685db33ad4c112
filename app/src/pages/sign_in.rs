//! Signing in: by password, or by a one-time link.

use crate::{
    actions::oidc::{SIGN_IN, SIGN_OUT},
    components::{
        form::{Field, error_summary, hidden},
        icons::{self, icon},
        mark::{mark, wall},
        passkey::Offer,
    },
    context::{Ctx, FormState, href, local_path, segment},
    page::Page,
    pages::errors::{self, Problem},
};
use axum::http::StatusCode;
use domain::oidc::LocalSignIn;
use fleet::link::{LinkPurpose, LinkView};
use fleet::oidc::Provider;
use leptos::prelude::*;

/// The door: a form, and the wall of ranks beside it.
pub(super) fn door(form: impl IntoView + 'static) -> impl IntoView {
    view! {
        <main class="gatehouse" id="main">
            <div class="door">
                <div class="row">{mark()}<span class="word">"Muster"</span></div>
                {form}
            </div>
            <div class="ranks-wall" aria-hidden="true">{wall()}</div>
        </main>
    }
}

/// `/sign-in`.
///
/// # Errors
/// None so far; every page can fail.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let form = ctx.form.as_ref();
    let next = match form {
        Some(form) => form.value("next").to_owned(),
        None => ctx.query_value("next").unwrap_or_default(),
    };
    let next = local_path(&next).to_owned();
    let claims = next.starts_with("/c/").then(|| {
        // Whoever runs no script loses what stands behind “#” on the way.
        view! {
            <noscript>
                <p class="small">"Once you are signed in, scan the label again or type the ten characters beside its QR code."</p>
            </noscript>
        }
    });
    let passkey = Offer::new("/sign-in/passkey", "/sign-in/passkey/options", "Sign in with a passkey").form(
        &ctx,
        None,
        hidden("next", next.clone()),
    );
    let provider = ctx.fleet.provider();
    let elsewhere = provider.as_ref().map(|provider| elsewhere(&ctx, provider, &next));
    let class = if provider.is_some() { "btn wide" } else { "btn primary wide" };
    let fields = view! {
        {Field::new(form, "email", "Email").kind("email").autocomplete("username").required().input()}
        {Field::new(form, "password", "Password")
            .kind("password")
            .autocomplete("current-password")
            .required()
            .input()}
        <button class=class type="submit">{icon(icons::KEY)}"Sign in"</button>
    };
    // Where few may, the fields are not in everybody's way.
    let is_rare = provider.is_some_and(|provider| provider.local() == LocalSignIn::Admins);
    let fields = match is_rare {
        true => view! {
            <details class="by-password" open=form.is_some_and(|form| form.has("password"))>
                <summary>"Administrators: by password"</summary>
                <div class="stack">{fields}</div>
            </details>
        }
        .into_any(),
        false => fields.into_any(),
    };
    let body = view! {
        <form method="post" action="/sign-in" data-onward>
            <div>
                <h1 class="title">"Sign in"</h1>
                <p class="soft">"The fleet, from the factory to every client."</p>
            </div>
            {error_summary(form)}
            {claims}
            {hidden("next", next)}
            {elsewhere}
            {fields}
            <p class="small quiet">
                "Ends after 12 h without use, and after 7 days. Every sign-in is in the audit log."
            </p>
        </form>
        {passkey}
    };
    Ok(Page::new("Sign in", door(body)).bare())
}

/// The way to the provider of identities; a link, because a form may not lead to another site. And, for whoever has just signed out
/// here, the way to sign out there.
fn elsewhere(ctx: &Ctx, provider: &Provider, next: &str) -> impl IntoView + use<> {
    let to = if next == "/" { SIGN_IN.to_owned() } else { href(SIGN_IN, &[("next", next)]) };
    let label = provider.label().to_owned();
    let left = ctx.query().iter().any(|(name, _)| name == "left").then(|| {
        view! {
            <p class="small soft">
                {format!("You may still be signed in at {label}. ")}<a href=SIGN_OUT>"Sign out there, too"</a>
            </p>
        }
    });
    view! {
        {left}
        <a class="btn primary wide" href=to>{icon(icons::KEY)}<span>{format!("Sign in with {label}")}</span></a>
        <p class="or small quiet"><span>"or with an account of this console"</span></p>
    }
}

/// `/link/{token}`: a button, because following a link must not change anything, and mail programs follow links.
///
/// # Errors
/// When the database fails.
pub async fn load_link(ctx: Ctx) -> Result<Page, fleet::Error> {
    match live(&ctx).await? {
        Ok(link) if link.purpose == LinkPurpose::SetPassword => Ok(choose_password(&ctx, &link)),
        Ok(link) if link.purpose == LinkPurpose::SignIn => Ok(follow(&ctx, &link)),
        Ok(_) => Ok(dead_link(&ctx, "This link is for setting Muster up. Open it as it was printed.".to_owned())),
        Err(text) => Ok(dead_link(&ctx, text)),
    }
}

/// The link that the address names, or why it does not work.
pub(super) async fn live(ctx: &Ctx) -> Result<Result<LinkView, String>, fleet::Error> {
    match ctx.fleet.link(ctx.param("token")).await {
        Ok(link) => Ok(Ok(link)),
        Err(fleet::Error::Conflict(text)) => Ok(Err(text)),
        Err(error) => Err(error),
    }
}

/// The page for a link that does not work any more.
pub(super) fn dead_link(ctx: &Ctx, text: String) -> Page {
    errors::page_of(ctx, &Problem::new(StatusCode::GONE, "This link does not work", text))
}

fn owner(link: &LinkView) -> String {
    link.user.as_ref().map(|user| user.email.clone()).unwrap_or_default()
}

fn follow(ctx: &Ctx, link: &LinkView) -> Page {
    let body = view! {
        <form method="post" action=format!("/link/{}", segment(ctx.param("token")))>
            <div>
                <h1 class="title">"Sign in with your link"</h1>
                <p class="soft">{format!("As {}. The link works once.", owner(link))}</p>
            </div>
            {error_summary(ctx.form.as_ref())}
            <button class="btn primary wide" type="submit">{icon(icons::KEY)}"Sign in"</button>
            <p class="small quiet">"Or " <a href="/sign-in">"sign in with your password"</a>"."</p>
        </form>
    };
    Page::new("Sign in with your link", door(body)).bare()
}

fn choose_password(ctx: &Ctx, link: &LinkView) -> Page {
    let form = ctx.form.as_ref();
    let body = view! {
        <form method="post" action=format!("/link/{}", segment(ctx.param("token")))>
            <div>
                <h1 class="title">"Choose a password"</h1>
                <p class="soft">{format!("For {}. All other sessions of the account end.", owner(link))}</p>
            </div>
            {error_summary(form)}
            // Password managers need to know which account this is for.
            <input type="email" name="email" value=owner(link) autocomplete="username" readonly hidden />
            {new_password(form).input()}
            <button class="btn primary wide" type="submit">{icon(icons::CHECK)}"Keep it and sign in"</button>
        </form>
    };
    Page::new("Choose a password", door(body)).bare()
}

/// The field for a password that is made here.
pub(super) fn new_password(form: Option<&FormState>) -> Field {
    Field::new(form, "password", "Password")
        .kind("password")
        .autocomplete("new-password")
        .hint("At least 12 characters; a sentence is good.")
        .required()
}
