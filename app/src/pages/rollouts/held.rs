//! Devices that a rollout goes on without, and letting them go on.

use super::{number, path};
use crate::{
    components::{
        icons::{self, icon},
        panel::Panel,
        table::frame,
        text::minute,
    },
    context::Ctx,
};
use domain::{person::Permission, rollout::HeldBack};
use fleet::rollout::RolloutDetail;
use leptos::prelude::*;

/// Who is held back, and why; nothing where nobody is.
pub(super) fn panel(ctx: &Ctx, detail: &RolloutDetail) -> Option<impl IntoView + use<>> {
    if detail.held_back.is_empty() {
        return None;
    }
    // It goes beyond what evidence says, as resuming after a halt does: a manager decides.
    let may = ctx.may(Permission::ApprovalDecide) && ctx.may(Permission::RolloutRun) && !detail.row.state.is_over();
    let action = format!("{}/let-go", path(&detail.row.code));
    let rows: Vec<_> = detail.held_back.iter().map(|one| row(one, detail, may.then_some(&action))).collect();
    Some(Panel::new("Held back").id("held-back").aside("The rollout goes on without them").flush(frame(
        "Held back",
        view! {
            <table class="table cards">
                <caption class="sr">"Devices that the rollout goes on without"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Devices"</th>
                        <th scope="col" class="num">"How many"</th>
                        <th scope="col">"Why"</th>
                        <th scope="col">"Since"</th>
                        <th scope="col"><span class="sr">"Action"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        },
    )))
}

fn row(one: &HeldBack, detail: &RolloutDetail, action: Option<&String>) -> impl IntoView + use<> {
    let n: u64 = one.devices.iter().flatten().sum();
    let variants = detail.plan.cohorts.as_ref().map(|cohorts| cohorts.variants.as_slice()).unwrap_or_default();
    let cohort = one.cohort.and_then(|cohort| variants.get(cohort.checked_sub(1)?));
    let of_cohort = cohort.map(|variant| format!(", cohort {}", variant.name));
    // What an experiment has found of a cohort is written for good.
    let form = action.filter(|_| one.cohort.is_none()).map(|action| {
        view! {
            <form method="post" action=action.clone()>
                <input type="hidden" name="factor" value=one.level.factor.as_str() />
                <input type="hidden" name="level" value=one.level.level.clone() />
                <button class="btn small" type="submit">{icon(icons::PLAY)}"Let them go on"</button>
            </form>
        }
    });
    view! {
        <tr>
            <th scope="row">{one.level.words()}{of_cohort}</th>
            <td class="num" data-l="How many">{number(n)}</td>
            <td data-l="Why">{one.why.clone()}</td>
            <td data-l="Since">{minute(one.at)}</td>
            <td>{form}</td>
        </tr>
    }
}
