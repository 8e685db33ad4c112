//! Letting a rollout go on in spite of its gate: what came to harm, and why it goes on all the same.

use super::{evidence::harm, number, path};
use crate::{
    components::{
        form::Field,
        icons::{self, icon},
        panel::Panel,
    },
    context::Ctx,
};
use domain::person::Permission;
use fleet::rollout::{HarmSeen, RolloutDetail};
use leptos::prelude::*;

/// Where the panel is on its page.
pub(super) const ID: &str = "go-on";

/// Whether somebody may let it go on in spite of its gate: a decision as an approval is.
pub(super) fn may(ctx: &Ctx, detail: &RolloutDetail) -> bool {
    detail.goes_on_in_spite && ctx.may(Permission::RolloutRun) && ctx.may(Permission::ApprovalDecide)
}

/// What a manager decides about; nothing for others, or where no gate speaks against it.
pub(super) fn panel(ctx: &Ctx, detail: &RolloutDetail) -> Option<impl IntoView + use<>> {
    if !may(ctx, detail) {
        return None;
    }
    let waves = detail.wave_views.iter().enumerate().filter(|(_, wave)| wave.is_open);
    let lines: Vec<_> = waves
        .filter_map(|(n, wave)| {
            let harm = harm(&wave.evidence.without(&wave.accepted))?;
            Some(view! { <li>{format!("Wave {}: {harm} of {}", n + 1, number(wave.evidence.total))}</li> })
        })
        .collect();
    let counted = match lines.is_empty() {
        true => view! { <p>"By now nobody is counted as harmed who was not let pass before."</p> }.into_any(),
        false => {
            view! { <p>"Counted no more against its wave from then on:"</p> <ul class="rules">{lines}</ul> }.into_any()
        }
    };
    let evidence: Vec<_> = detail.wave_views.iter().map(|wave| wave.evidence).collect();
    let seen = HarmSeen::of(&evidence);
    let reason = Field::new(ctx.form.as_ref(), "reason", "Why it may go on")
        .hint("It stands in “Who did what”, and in the audit log with these figures.")
        .required()
        .max_length(400);
    Some(Panel::new("Go on all the same").id(ID).body(view! {
        <form class="stack" method="post" action=format!("{}/resume", path(&detail.row.code))>
            <div>{counted}</div>
            <input type="hidden" name="harm" value=seen.to_string() />
            {reason.input()}
            <p><button class="btn" type="submit">{icon(icons::PLAY)}"Go on all the same"</button></p>
        </form>
    }))
}
