//! Planning rollouts, and starting, pausing and ending them.

use super::{Access, ActionRoute, Posted, allowed, refused, render_with_form, see_other};
use crate::{
    context::{Ctx, Flash, FormState, segment},
    pages::rollouts::{another_row, other_experiment, plan_of, without_row},
};
use axum::{Extension, extract::Path, http::StatusCode, response::Response, routing::post};
use domain::{evidence::Level, person::Permission, rollout::RolloutState};
use fleet::rollout::{Abort, HarmSeen, Resume};

const WRITE: Access = Access::May(Permission::RolloutWrite);
const RUN: Access = Access::May(Permission::RolloutRun);

/// The routes.
pub const ROUTES: &[ActionRoute] = &[
    ActionRoute { method: "POST", path: "/rollouts/new", access: WRITE, handler: || post(create) },
    ActionRoute { method: "POST", path: "/rollouts/{code}/edit", access: WRITE, handler: || post(edit) },
    ActionRoute { method: "POST", path: "/rollouts/{code}/submit", access: WRITE, handler: || post(submit) },
    ActionRoute { method: "POST", path: "/rollouts/{code}/pause", access: RUN, handler: || post(pause) },
    ActionRoute { method: "POST", path: "/rollouts/{code}/resume", access: RUN, handler: || post(resume) },
    ActionRoute { method: "POST", path: "/rollouts/{code}/advance", access: RUN, handler: || post(advance) },
    ActionRoute { method: "POST", path: "/rollouts/{code}/let-go", access: RUN, handler: || post(let_go) },
    ActionRoute { method: "POST", path: "/rollouts/{code}/experiment/winner", access: WRITE, handler: || post(winner) },
    ActionRoute { method: "POST", path: "/rollouts/{code}/abort", access: RUN, handler: || post(abort) },
];

/// The form after a button that changes its rows; none for one that keeps the plan.
fn other_rows(form: &FormState) -> Option<FormState> {
    let form = form.clone();
    match form.value("do").to_owned().as_str() {
        "preview" => Some(FormState { errors: Vec::new(), ..form }),
        "add-wave" => Some(another_row(form, "waves")),
        "add-cohort" => Some(another_row(form, "cohorts")),
        word => {
            if let Some(form) = other_experiment(form.clone(), word) {
                return Some(form);
            }
            let (kind, n) = word.strip_prefix("remove-")?.split_once('-')?;
            let kind = if kind == "wave" { "waves" } else { "cohorts" };
            Some(without_row(form, kind, n.parse().ok()?))
        }
    }
}

async fn create(Extension(ctx): Extension<Ctx>, Posted(form): Posted) -> Response {
    let here = "/rollouts/new";
    if let Err(error) = allowed(&ctx, Permission::RolloutWrite, "rollout").await {
        return refused(ctx, here, form, &error).await;
    }
    if let Some(form) = other_rows(&form) {
        return render_with_form(ctx, here, form, StatusCode::OK).await;
    }
    let plan = match plan_of(&form) {
        Ok(plan) => plan,
        Err(errors) => return unreadable(ctx, here, form, errors).await,
    };
    match ctx.fleet.create_rollout(&ctx.actor, plan).await {
        Ok(code) => see_other(&at(&code), Some(&Flash::done("Kept as a draft. Submit it when it is right."))),
        Err(error) => refused(ctx, here, form, &error).await,
    }
}

async fn edit(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let here = format!("{}/edit", at(&code));
    if let Err(error) = allowed(&ctx, Permission::RolloutWrite, &format!("rollout:{code}")).await {
        return refused(ctx, &here, form, &error).await;
    }
    if let Some(form) = other_rows(&form) {
        return render_with_form(ctx, &here, form, StatusCode::OK).await;
    }
    let plan = match plan_of(&form) {
        Ok(plan) => plan,
        Err(errors) => return unreadable(ctx, &here, form, errors).await,
    };
    let version = form.value("version").parse().unwrap_or_default();
    match ctx.fleet.edit_rollout(&ctx.actor, &code, version, plan).await {
        Ok(()) => see_other(&at(&code), Some(&Flash::done("Changed. It has to be submitted before anything happens."))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

/// The designer again, with what could not be read.
async fn unreadable(ctx: Ctx, here: &str, mut form: FormState, errors: Vec<crate::context::FieldError>) -> Response {
    form.errors = errors;
    render_with_form(ctx, here, form, StatusCode::UNPROCESSABLE_ENTITY).await
}

fn at(code: &str) -> String {
    format!("/rollouts/{}", segment(code))
}

/// Leads back to the rollout with what was done, or shows why it was not.
async fn stepped(ctx: Ctx, code: &str, form: FormState, done: Result<(), fleet::Error>, words: &str) -> Response {
    let here = at(code);
    match done {
        Ok(()) => see_other(&here, Some(&Flash::done(words))),
        Err(error) => refused(ctx, &here, form, &error).await,
    }
}

async fn submit(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let submitted = async {
        allowed(&ctx, Permission::RolloutWrite, &format!("rollout:{code}")).await?;
        let version = form.value("version").parse().unwrap_or_default();
        ctx.fleet.submit_rollout(&ctx.actor, &code, version).await.map(drop)
    };
    let submitted = submitted.await;
    stepped(
        ctx,
        &code,
        form,
        submitted,
        "Submitted. Its devices are frozen; a manager who did not write at it has to approve.",
    )
    .await
}

async fn pause(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let paused = ctx.fleet.pause_rollout(&ctx.actor, &code, form.value("reason")).await;
    stepped(ctx, &code, form, paused, "Paused. Nobody else is offered it.").await
}

async fn resume(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    // A page that tells nobody of harm has seen none.
    let seen: HarmSeen = form.value("harm").parse().unwrap_or_default();
    let with = Resume { reason: form.value("reason"), harm_seen: Some(&seen) };
    let resumed = ctx.fleet.resume_rollout(&ctx.actor, &code, with).await;
    stepped(ctx, &code, form, resumed, "It goes on.").await
}

async fn let_go(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let let_go = async {
        allowed(&ctx, Permission::RolloutRun, &format!("rollout:{code}")).await?;
        let factor = form.value("factor").parse();
        let factor = factor.map_err(|_| fleet::Error::field("factor", "Say which devices are meant."))?;
        let level = Level::of(factor, form.value("level"));
        ctx.fleet.let_held_back_go(&ctx.actor, &code, &level).await
    };
    let let_go = let_go.await;
    stepped(ctx, &code, form, let_go, "They go on.").await
}

async fn advance(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let advanced = async {
        allowed(&ctx, Permission::RolloutRun, &format!("rollout:{code}")).await?;
        let wave = form.value("wave").parse();
        let wave = wave.map_err(|_| fleet::Error::field("wave", "Say which wave is open."))?;
        ctx.fleet.advance_rollout(&ctx.actor, &code, wave).await?;
        Ok(ctx.fleet.rollout(&ctx.actor, &code).await?.row.state)
    };
    let advanced = advanced.await;
    let words = match advanced {
        Ok(RolloutState::Completed) => "It is complete.",
        _ => "The next wave is open.",
    };
    stepped(ctx, &code, form, advanced.map(drop), words).await
}

async fn abort(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let (how, words) = match form.value("how") {
        "revert" => (Abort::Revert, "Aborted. Devices that have it are taken back as they poll."),
        _ => (Abort::Keep, "Aborted. Devices keep what they have."),
    };
    let aborted = ctx.fleet.abort_rollout(&ctx.actor, &code, how, form.value("reason")).await;
    stepped(ctx, &code, form, aborted, words).await
}

async fn winner(Extension(ctx): Extension<Ctx>, Path(code): Path<String>, Posted(form): Posted) -> Response {
    let made = async {
        allowed(&ctx, Permission::RolloutWrite, &format!("rollout:{code}")).await?;
        let seen = form.value("version").parse();
        let seen =
            seen.map_err(|_| fleet::Error::field("version", "Look at the experiment again, and decide by that."))?;
        ctx.fleet.roll_out_winner(&ctx.actor, &code, None, Some(seen)).await
    };
    match made.await {
        Ok(made) => {
            let words = match made.is_new {
                true => "Submitted. A manager who did not write at it has to approve.",
                false => "That was done before: this is the rollout that was made.",
            };
            see_other(&at(&made.code), Some(&Flash::done(words)))
        }
        Err(error) => refused(ctx, &format!("{}/experiment", at(&code)), form, &error).await,
    }
}
