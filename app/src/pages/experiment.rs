//! An experiment: what it says, how surely, of whom, and what follows from it.

mod balance;
mod compared;
mod exposure;
mod guards;
mod held_back;
mod interval;
mod lookup;
mod over_time;
mod parts;
mod raw;
mod scale;
mod variants;
mod verdict;

use super::rollouts::{path, said};
use crate::{
    components::{
        form::{error_summary, hidden},
        icons::{self, icon},
        panel::{Panel, asked, fold, head, link_button},
        text::plural,
    },
    context::Ctx,
    page::Page,
};
use domain::person::Permission;
use fleet::rollout::ExperimentDetail;
use leptos::prelude::*;

/// `/rollouts/{code}/experiment`.
///
/// # Errors
/// When the actor may not see the fleet, there is no such rollout, it is no experiment, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let detail = ctx.fleet.experiment(&ctx.actor, ctx.param("code")).await?;
    let title = view! { "Experiment " {verdict::overall(&detail).badge()} };
    let body = view! {
        {head(title, sub(&detail), acts(&ctx, &detail))}
        {error_summary(ctx.form.as_ref())}
        {verdict::notes(&detail)}
        <div class="cols lead">
            <div class="stack loose">{over_time::panels(&detail)}</div>
            <div class="stack loose">
                {held_back::panel(&detail)}
                {exposure::panel(&detail)}
            </div>
        </div>
        {variants::panel(&detail)}
        {variants::levels(&detail)}
        {guards::panel(&detail)}
        {Panel::new("What stands behind it").flush(view! {
            {plan(&detail)}
            {balance::part(&detail)}
            {raw::part(&detail)}
        })}
    };
    let topics = format!("rollout:{0},rollout.progress:{0}", detail.code);
    let page = Page::new(format!("Experiment of {}", detail.name), body);
    Ok(page.crumb("Rollouts", "/rollouts").crumb(detail.name.clone(), path(&detail.code)).live(topics))
}

/// Where the counts are, as CSV.
fn csv(code: &str) -> String {
    format!("{}/experiment.csv", path(code))
}

/// What is expected, and of which rollout it is.
fn sub(detail: &ExperimentDetail) -> impl IntoView + use<> {
    let at = path(&detail.code);
    view! { <p>"“" {detail.experiment.hypothesis.clone()} "”" <br /> "Of " <a href=at>{detail.name.clone()}</a></p> }
}

fn acts(ctx: &Ctx, detail: &ExperimentDetail) -> impl IntoView + use<> {
    let made = detail.rolled_out.as_ref().map(|code| link_button(path(code), icons::PLAY, "The winner’s rollout"));
    let is_open = detail.rolled_out.is_none() && ctx.may(Permission::RolloutWrite);
    let winner = detail.winner.filter(|_| is_open).map(|cohort| roll_out(detail, cohort));
    view! { {made} {winner} {link_button(csv(&detail.code), icons::DOWNLOAD, "CSV")} }
}

/// The button that brings the winner to all, once one has read what that means.
fn roll_out(detail: &ExperimentDetail, cohort: usize) -> impl IntoView + use<> {
    let name = lookup::name(detail, cohort).to_owned();
    let summary = view! { <summary class="btn primary">{icon(icons::PLAY)} "Roll out " {name.clone()}</summary> };
    let what = view! {
        <b>{name} " to every device of the target, in the same waves."</b>
        " Devices keep their place, and who runs it is left out. It waits for a manager’s approval, as any rollout."
        {hidden("version", detail.version.to_string())}
    };
    let action = format!("{}/experiment/winner", path(&detail.code));
    asked(summary, what, action, ("btn small", "Submit for approval"))
}

/// What was planned, in words, folded away.
fn plan(detail: &ExperimentDetail) -> impl IntoView + use<> {
    let (control, experiment) = (lookup::name(detail, detail.control), &detail.experiment);
    let gist = format!(
        "decided by {}, with {} at the latest",
        experiment.primary.metric.words(),
        plural(i64::try_from(experiment.planned).unwrap_or(i64::MAX), "device", "devices")
    );
    let lines: Vec<_> = said::of_experiment(experiment, control)
        .into_iter()
        .map(|line| view! { <dt>{line.term}</dt><dd>{line.words}</dd> })
        .collect();
    fold("Plan", gist, false, view! { <div class="body"><dl class="facts rule">{lines}</dl></div> })
}
