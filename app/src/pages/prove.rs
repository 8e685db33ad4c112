//! The second factor, asked for again: what was posted travels along, and goes on with the code.

use crate::{
    actions::prove::{CODE, MARK, PASSKEY},
    components::{
        form::{error_summary, submit},
        icons,
        panel::{Panel, head},
        passkey::Offer,
    },
    context::{Ctx, FormState},
    page::Page,
    pages::factors::code_field,
};
use leptos::prelude::*;

/// The page in the place of the answer to a form.
pub(crate) fn page(ctx: &Ctx, posted: &FormState) -> Page {
    let carried = || -> Vec<_> {
        let values = posted.values.iter();
        values.map(|(name, value)| view! { <input type="hidden" name=name.clone() value=value.clone() /> }).collect()
    };
    let action = format!("{}?{MARK}", ctx.uri.path());
    let offer = Offer::new(action.clone(), "/account/passkeys/prove", "Go on with a passkey").field(PASSKEY);
    let sub = view! { <p>"What you asked for can't be undone, or lets others in. Nothing has happened yet."</p> };
    let body = view! {
        {head("Show your second factor again", sub, ())}
        {Panel::new("Go on").body(view! {
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
        })}
    };
    Page::new("Second factor", body)
}
