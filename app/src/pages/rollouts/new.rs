//! The designer: a plan is written, and one sees who would be in each wave before it is kept.

use super::{
    before, experiment, forecast,
    form::{Choice, designer},
    number, path, said,
    typed::{plan_of, values_of},
    who,
};
use crate::{
    components::{
        icons,
        panel::{Panel, head, note},
        status::Tone,
        text::minute,
    },
    context::{Ctx, FieldError, FormState},
    page::Page,
};
use domain::{
    id::ReleaseId,
    person::Permission,
    release::Stage,
    rollout::{Advance, ErrorRates, Gate, Plan, Reaction, Wave, WaveSize, Windows},
};
use fleet::{release::ReleaseFilter, rollout::Design};
use leptos::prelude::*;

/// So many releases can be chosen from.
const RELEASES: i64 = 200;

/// `/rollouts/new`.
///
/// # Errors
/// When the actor may not plan rollouts, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::RolloutWrite)?;
    let releases = releases(&ctx).await?;
    let begun = ctx.query_value("release").and_then(|id| id.parse().ok());
    let form = match &ctx.form {
        Some(form) => form.clone(),
        None => FormState { values: begin(begun, ctx.query_value("target")), errors: Vec::new() },
    };
    let shown = preview(&ctx, &form, None).await?;
    let none = releases.is_empty().then(|| {
        let push = ctx.may(Permission::ReleasePush).then(|| view! { " " <a href="/releases/new">"Push a release"</a> });
        note(Tone::Warn, icons::WARN, view! { <p>"There is no release that could be rolled out." {push}</p> })
    });
    let body = view! {
        {head("Plan a rollout", view! { <p>"A draft changes nothing. Once it is submitted its devices are frozen, and a manager approves exactly that."</p> }, ())}
        {none}
        {columns(&form, "/rollouts/new", &releases, 0, shown)}
    };
    Ok(Page::new("Plan a rollout", body).crumb("Rollouts", "/rollouts"))
}

/// `/rollouts/{code}/edit`.
///
/// # Errors
/// When the actor may not plan rollouts, there is no such rollout, or the database fails.
pub async fn load_edit(ctx: Ctx) -> Result<Page, fleet::Error> {
    ctx.actor.require(Permission::RolloutWrite)?;
    let detail = ctx.fleet.rollout(&ctx.actor, ctx.param("code")).await?;
    let releases = releases(&ctx).await?;
    let at = path(&detail.row.code);
    let (form, version) = match &ctx.form {
        Some(form) => (form.clone(), form.value("version").parse().unwrap_or(detail.version)),
        None => (FormState { values: values_of(&detail.plan), errors: Vec::new() }, detail.version),
    };
    let shown = preview(&ctx, &form, Some(&detail.row.code)).await?;
    let warned = (!matches!(detail.row.state, domain::rollout::RolloutState::Draft)).then(|| {
        note(Tone::Warn, icons::WARN, "Changing it drops what was submitted or approved. It has to be submitted again.")
    });
    let title = format!("Change “{}”", detail.row.name);
    let body = view! {
        {head(title.clone(), (), ())}
        {warned}
        {columns(&form, &format!("{at}/edit"), &releases, version, shown)}
    };
    Ok(Page::new(title, body).crumb("Rollouts", "/rollouts").crumb(detail.row.name, at))
}

/// The form, and beside it who that would be.
fn columns(form: &FormState, action: &str, releases: &[Choice], version: i64, shown: AnyView) -> impl IntoView + use<> {
    view! {
        <div class="cols lead">
            {designer(form, action, releases, version)}
            <div class="stack loose">{shown}</div>
        </div>
    }
}

/// The releases that devices can get.
async fn releases(ctx: &Ctx) -> Result<Vec<Choice>, fleet::Error> {
    let page = ctx.fleet.releases(&ctx.actor, &ReleaseFilter::default(), None, RELEASES).await?;
    let releases = page.rows.into_iter().map(|row| row.release).filter(|release| release.stage != Stage::Withdrawn);
    Ok(releases
        .map(|release| {
            (release.id.to_string(), format!("{}, {}", release.title(), release.stage.label().to_lowercase()))
        })
        .collect())
}

/// What a new plan begins with: a careful one.
fn begin(release: Option<ReleaseId>, target: Option<String>) -> Vec<(String, String)> {
    let wave = |name: &str, size, open_minutes, done| Wave {
        name: name.to_owned(),
        size,
        gate: Gate {
            advance: Advance::Auto,
            open_minutes,
            min_sample: 20,
            failed_limit: 2_000,
            silent_limit: 5_000,
            done,
            evidence: Some(ErrorRates { false_halt: 5_000, false_advance: 5_000 }),
        },
    };
    let plan = Plan {
        name: String::new(),
        release: release.unwrap_or_default(),
        target: target.unwrap_or_else(|| "state:active".to_owned()),
        waves: vec![
            wave("First", WaveSize::Share(1_000), 24 * 60, 90_000),
            wave("Tenth", WaveSize::Share(10_000), 24 * 60, 80_000),
            wave("All", WaveSize::Rest, 0, 95_000),
        ],
        cohorts: None,
        start_at: None,
        windows: Windows::default(),
        rate_per_minute: None,
        retries: 1,
        timeout_minutes: 3 * 24 * 60,
        soak_minutes: 60,
        reaction: Reaction::Pause,
        revert_to: None,
        joins: false,
        downgrades: false,
        salt: String::new(),
        experiment: None,
        late_by_habit: true,
        confirmation_required: false,
    };
    let mut values = values_of(&plan);
    if release.is_none() {
        values.retain(|(name, _)| name != "release");
    }
    values
}

/// Who would be in each wave and how long it takes, or what keeps it from being said; and how the last one went.
async fn preview(ctx: &Ctx, form: &FormState, code: Option<&str>) -> Result<AnyView, fleet::Error> {
    let panel = Panel::new("Who that would be");
    let plan = match plan_of(form) {
        Ok(plan) => plan,
        Err(wrong) => {
            let why = wrong.into_iter().map(|error| error.message).collect();
            return Ok(view! { {panel.body(unsaid(why))} {forecast::kept(form)} }.into_any());
        }
    };
    let design = match ctx.fleet.design_rollout(&ctx.actor, &plan).await {
        Ok(design) => view! {
            {panel.aside("at this moment").flush(waves(&plan, &design))}
            {forecast::designed(&design.foreseen, &plan, form, code.is_some())}
        }
        .into_any(),
        Err(fleet::Error::Invalid { fields }) => {
            let messages = fields.iter().map(FieldError::from).map(|error| error.message);
            view! { {panel.body(unsaid(messages.collect()))} {forecast::kept(form)} }.into_any()
        }
        Err(error) => view! { {panel.body(unsaid(vec![error.to_string()]))} {forecast::kept(form)} }.into_any(),
    };
    let last = ctx.fleet.rollout_before(&ctx.actor, plan.release, code).await?;
    Ok(view! { {design} {last.as_ref().map(before::panel)} }.into_any())
}

fn unsaid(why: Vec<String>) -> impl IntoView {
    let why: Vec<_> = why.into_iter().map(|why| view! { <li>{why}</li> }).collect();
    view! { <p class="quiet">"It can be said once this is filled in:"</p> <ul class="rules">{why}</ul> }
}

fn waves(plan: &Plan, design: &Design) -> impl IntoView + use<> {
    let frozen = &design.frozen;
    let last = plan.waves.len().saturating_sub(1);
    let rows: Vec<_> = plan
        .waves
        .iter()
        .zip(&frozen.waves)
        .enumerate()
        .map(|(n, (wave, counted))| {
            let held = match counted.count.saturating_sub(counted.offered(plan)) {
                0 => String::new(),
                held => format!(", {} held out", number(held)),
            };
            let forecast = design.forecast.get(n).map(|forecast| who::through(forecast, n == last));
            view! {
                <li>
                    <div class="stack tight">
                        <h3>
                            <b>{format!("{}. {}", n + 1, wave.name)}</b>
                            " " <span class="quiet">{said::devices(counted.count)} ", " {who::share(counted.count, frozen.count)} {held}</span>
                        </h3>
                        {design.waves.get(n).map(who::makeup)}
                        {said::too_small(&wave.gate, counted.offered(plan)).map(|words| view! { <p>{words}</p> })}
                        {forecast}
                    </div>
                </li>
            }
        })
        .collect();
    let placed: u64 = frozen.waves.iter().map(|wave| wave.count).sum();
    let left = match frozen.count.saturating_sub(placed) {
        0 => "Every device of the target is in a wave.".to_owned(),
        left => format!("{} of the target are in no wave.", number(left)),
    };
    let done = who::done_at(&design.forecast);
    let done = done.map(|at| view! { <p>"Done about " <b>{minute(at)} " UTC"</b> ", if it is approved now."</p> });
    view! {
        <ul class="list">{rows}</ul>
        <div class="body stack tight">
            <p>"Target: " <b>{said::devices(frozen.count)}</b> ". " {left} " " {said::left_out(frozen.left_out)}</p>
            {experiment::too_many(plan, frozen)}
            {done}
            {who::assumed()}
        </div>
    }
}
