//! The first account: made through the one-time link that the program prints when it starts without users.

use super::sign_in::{dead_link, door, live, new_password};
use crate::{
    components::{
        form::{Field, error_summary},
        icons::{self, icon},
    },
    context::{Ctx, segment},
    page::Page,
};
use fleet::link::LinkPurpose;
use leptos::prelude::*;

/// `/set-up/{token}`.
///
/// # Errors
/// When the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    match live(&ctx).await? {
        Ok(link) if link.purpose == LinkPurpose::SetUp => {}
        Ok(_) => return Ok(dead_link(&ctx, "This link is not for setting Muster up.".to_owned())),
        Err(text) => return Ok(dead_link(&ctx, text)),
    }
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
            {new_password(form).input()}
            <button class="btn primary wide" type="submit">{icon(icons::CHECK)}"Make the account"</button>
        </form>
    };
    Ok(Page::new("Set up", door(body)).bare())
}
