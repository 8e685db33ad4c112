//! Signing in: by password, or by a one-time link.

use crate::{
    components::{
        form::{Field, error_summary, hidden},
        icons::{self, icon},
        mark::{mark, wall},
    },
    context::{Ctx, local_path, segment},
    page::Page,
};
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
    let body = view! {
        <form method="post" action="/sign-in">
            <div>
                <h1 class="title">"Sign in"</h1>
                <p class="soft">"The fleet, from the factory to every client."</p>
            </div>
            {error_summary(form)}
            {hidden("next", next)}
            {Field::new(form, "email", "Email").kind("email").autocomplete("username").required().input()}
            {Field::new(form, "password", "Password")
                .kind("password")
                .autocomplete("current-password")
                .required()
                .input()}
            <button class="btn primary wide" type="submit">{icon(icons::KEY)}"Sign in"</button>
            <p class="small quiet">
                "Ends after 12 h without use, and after 7 days. Every sign-in is in the audit log."
            </p>
        </form>
    };
    Ok(Page::new("Sign in", door(body)).bare())
}

/// `/link/{token}`: a button, because following a link must not change anything, and mail programs follow links.
///
/// # Errors
/// None so far; every page can fail.
pub async fn load_link(ctx: Ctx) -> Result<Page, fleet::Error> {
    let form = ctx.form.as_ref();
    let body = view! {
        <form method="post" action=format!("/link/{}", segment(ctx.param("token")))>
            <div>
                <h1 class="title">"Sign in with your link"</h1>
                <p class="soft">"It works once, and only for a while."</p>
            </div>
            {error_summary(form)}
            <button class="btn primary wide" type="submit">{icon(icons::KEY)}"Sign in"</button>
            <p class="small quiet">"Or " <a href="/sign-in">"sign in with your password"</a>"."</p>
        </form>
    };
    Ok(Page::new("Sign in with your link", door(body)).bare())
}
