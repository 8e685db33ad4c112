//! The first account: made through the one-time link that the program prints when it starts without users.

use super::sign_in::door;
use crate::{
    components::{
        form::{Field, error_summary},
        icons::{self, icon},
    },
    context::{Ctx, segment},
    page::Page,
};
use leptos::prelude::*;

/// `/set-up/{token}`.
///
/// # Errors
/// None so far; every page can fail.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let form = ctx.form.as_ref();
    let body = view! {
        <form method="post" action=format!("/set-up/{}", segment(ctx.param("token")))>
            <div>
                <h1 class="title">"Set up Muster"</h1>
                <p class="soft">"You are the first. This makes the administrator's account."</p>
            </div>
            {error_summary(form)}
            {Field::new(form, "name", "Your name").autocomplete("name").required().max_length(100).input()}
            {Field::new(form, "email", "Email").kind("email").autocomplete("username").required().input()}
            {Field::new(form, "password", "Password")
                .kind("password")
                .autocomplete("new-password")
                .hint("At least 12 characters; a sentence is good.")
                .required()
                .input()}
            <button class="btn primary wide" type="submit">{icon(icons::CHECK)}"Make the account"</button>
        </form>
    };
    Ok(Page::new("Set up", door(body)).bare())
}
