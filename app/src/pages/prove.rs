//! The second factor, asked for again: what was posted travels along, and goes on with the code. Whoever belongs to a provider of
//! identities can show there anew who they are, and comes back to the page where they were.

use crate::{
    actions::{
        oidc::AGAIN,
        prove::{CODE, MARK, PASSKEY},
    },
    components::{
        form::{error_summary, submit},
        icons::{self, icon},
        panel::{Panel, head},
        passkey::Offer,
    },
    context::{Ctx, FormState, href},
    page::Page,
    pages::factors::code_field,
};
use fleet::oidc::WaysToProve;
use leptos::prelude::*;

/// The page in the place of the answer to a form.
pub(crate) async fn page(ctx: &Ctx, posted: &FormState) -> Page {
    let ways = ctx.fleet.ways_to_prove(&ctx.actor).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "how somebody can show who they are could not be read");
        WaysToProve { here: true, provider: None }
    });
    let sub = view! { <p>"What you asked for can't be undone, or lets others in. Nothing has happened yet."</p> };
    let title = if ways.here { "Show your second factor again" } else { "Show again who you are" };
    let here = ways.here.then(|| here(ctx, posted));
    let there = ways.provider.map(|label| there(ctx, &label, ways.here));
    let body = view! {
        {head(title, sub, ())}
        <div class="stack loose">{here} {there}</div>
    };
    Page::new("Second factor", body)
}

fn here(ctx: &Ctx, posted: &FormState) -> impl IntoView + use<> {
    let carried = || -> Vec<_> {
        let values = posted.values.iter();
        values.map(|(name, value)| view! { <input type="hidden" name=name.clone() value=value.clone() /> }).collect()
    };
    let action = format!("{}?{MARK}", ctx.uri.path());
    let offer = Offer::new(action.clone(), "/account/passkeys/prove", "Go on with a passkey").field(PASSKEY);
    Panel::new("Go on").body(view! {
        <form class="stack slim" method="post" action=action>
            {error_summary(Some(posted))}
            {carried()}
            {code_field(Some(posted), CODE)}
            <div class="row wrap">
                {submit(icons::KEY, "Go on")}
                <a class="btn" href="/">"Leave it"</a>
            </div>
            <p class="small quiet">"It counts for ten minutes in this session. What you typed is kept and goes along."</p>
        </form>
        {offer.form(ctx, None, carried())}
    })
}

/// The page where they were; for want of it, the address that the form was sent to, which leads there.
fn there(ctx: &Ctx, label: &str, is_beside: bool) -> impl IntoView + use<> {
    let back = ctx.came_from.clone().unwrap_or_else(|| ctx.uri.path().to_owned());
    let (class, title) = if is_beside { ("btn", "Or at the provider") } else { ("btn primary", "Go on") };
    let leave = (!is_beside).then(|| view! { <a class="btn" href="/">"Leave it"</a> });
    Panel::new(title).body(view! {
        <div class="stack slim">
            <p class="soft">
                {format!("Sign in at {label} once more. You come back to the page where you were, and do there again what you wanted to do: what you typed does not go along.")}
            </p>
            <div class="row wrap">
                <a class=class href=href(AGAIN, &[("next", back)])>{icon(icons::KEY)}{format!("Sign in at {label} again")}</a>
                {leave}
            </div>
            <p class="small quiet">"It counts for ten minutes in this session."</p>
        </div>
    })
}
