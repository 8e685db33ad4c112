//! One rollout: its waves, live, what its gates know, and one click to stop it.

use super::{
    before, cohorts, devices, evidence, failures, forecast, forecast_reality, go_on, held, number, path, plan, said,
    who, words,
};
use crate::{
    components::{
        form::error_summary,
        icons::{self, Icon, icon},
        panel::{Panel, head, link_button, note, primary_link},
        status::Tone,
        text::{minute, mono},
    },
    context::{Ctx, devices_href},
    page::Page,
};
use domain::{
    person::Permission,
    rollout::{ActionState, Outlook, RolloutState},
};
use fleet::rollout::{Crowds, RolloutDetail, WaveView};
use leptos::prelude::*;

/// How many devices of a rollout are looked at to say who is in it and when it will be done.
const LOOKED_AT: usize = 2_000;

/// `/rollouts/{code}`.
///
/// # Errors
/// When the actor may not see the fleet, there is no such rollout, or the database fails.
pub async fn load(ctx: Ctx) -> Result<Page, fleet::Error> {
    let detail = ctx.fleet.rollout(&ctx.actor, ctx.param("code")).await?;
    let state: Option<ActionState> = ctx.query_value("state").and_then(|word| word.parse().ok());
    let after = ctx.query_value("after").and_then(|id| id.parse().ok()).unwrap_or(0);
    let outcomes = ctx.fleet.rollout_devices(&ctx.actor, &detail.row.code, state, after, devices::ROWS).await?;
    let crowds = match &detail.frozen {
        Some(_) => Some(ctx.fleet.rollout_crowds(&ctx.actor, &detail.row.code, LOOKED_AT).await?),
        None => None,
    };
    let titles = before::titles(&ctx, &detail.row.code, &[&detail.plan]).await?;
    let badge = words::state(detail.row.state).badge();
    let wave = (detail.row.wave.is_some() && !detail.row.state.is_over())
        .then(|| view! { <span class="quiet">" wave " {words::wave_of(detail.row.wave, detail.row.waves)}</span> });
    let begun = detail.row.wave.is_some();
    let makeups = crowds.as_ref().map_or(&[][..], |crowds| crowds.waves.as_slice());
    let of_cohorts = crowds.as_ref().map_or(&[][..], |crowds| crowds.cohorts.as_slice());
    let body = view! {
        {head(view! { {detail.row.name.clone()} " " {badge} {wave} }, sub(&detail, crowds.as_ref()), acts(&ctx, &detail))}
        {error_summary(ctx.form.as_ref())}
        {stands(&detail)}
        {detail.is_forecast_altered.then(forecast::altered)}
        {waves(&detail, crowds.as_ref())}
        {begun.then(|| evidence::panel(&detail))}
        {go_on::panel(&ctx, &detail)}
        {held::panel(&ctx, &detail)}
        {begun.then(|| forecast_reality::reality(&detail, ctx.now))}
        <div class="cols lead">
            <div class="stack loose">
                {(!detail.failures.is_empty()).then(|| failures::panel(&detail, makeups, ctx.now))}
                {detail.foreseen.as_ref().filter(|_| !begun).map(|foreseen| forecast::submitted(foreseen, &detail.plan))}
                {cohorts::panel(&detail, of_cohorts)}
                {story(&detail)}
                {begun.then(|| devices::panel(&ctx, &detail, &outcomes, state, after))}
            </div>
            <div class="stack loose">
                {begun.then(|| evidence::outcomes(&detail))}
                {plan::panel(&detail, &titles)}
            </div>
        </div>
    };
    let topics = format!("rollout:{0},rollout.progress:{0}", detail.row.code);
    Ok(Page::new(detail.row.name.clone(), body).crumb("Rollouts", "/rollouts").live(topics))
}

/// Whether it waits for nothing but somebody who lets it go on: when that is, nobody can foresee, nor anything that comes after.
fn waits_for_somebody(detail: &RolloutDetail) -> bool {
    let open = detail.row.wave.and_then(|wave| detail.wave_views.get(wave));
    open.is_some_and(|wave| wave.is_ready || wave.waits_for_manager)
}

/// When it will be done; nothing where that can't be said.
fn done(detail: &RolloutDetail, crowds: Option<&Crowds>) -> Option<impl IntoView + use<>> {
    let at = who::done_at(&crowds?.forecast)?;
    if waits_for_somebody(detail) {
        return None;
    }
    let when = match detail.row.state {
        RolloutState::Submitted => "if it is approved now and nothing goes wrong",
        RolloutState::Paused | RolloutState::Halted => "if it is resumed now and nothing goes wrong",
        _ => "if nothing goes wrong",
    };
    Some(view! { <br /> "Done about " {minute(at)} " UTC, " {when} })
}

fn sub(detail: &RolloutDetail, crowds: Option<&Crowds>) -> impl IntoView + use<> {
    let devices = detail
        .row
        .devices
        .map(|n| view! { <a href=devices_href(&detail.plan.target)>{said::devices(n)}</a> " frozen" });
    let target = detail.plan.target.clone();
    let target = if target.trim().is_empty() { "every device".into_any() } else { mono(target).into_any() };
    let release = format!("/releases/{}", detail.plan.release);
    view! {
        <p>"Release " <a href=release>{detail.row.release.clone()}</a> {devices.map(|devices| view! { " to " {devices} })} <br /> {target} {done(detail, crowds)}</p>
    }
}

/// A button that posts at once.
fn press(
    action: String,
    drawn: Icon,
    label: &'static str,
    class: &'static str,
    extra: Vec<(&'static str, String)>,
) -> impl IntoView {
    let hidden: Vec<_> =
        extra.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect();
    view! { <form method="post" action=action>{hidden}<button class=class type="submit">{icon(drawn)}{label}</button></form> }
}

/// What can be done with it now. Stopping is one click.
fn acts(ctx: &Ctx, detail: &RolloutDetail) -> impl IntoView + use<> {
    let (at, state) = (path(&detail.row.code), detail.row.state);
    let version = vec![("version", detail.version.to_string())];
    let may_write = ctx.may(Permission::RolloutWrite) && state.is_draft();
    let may_run = ctx.may(Permission::RolloutRun) && !state.is_over();
    let submit = (may_write && state == RolloutState::Draft)
        .then(|| press(format!("{at}/submit"), icons::HOURGLASS, "Submit for approval", "btn primary", version));
    let decide = detail
        .approval
        .as_ref()
        .filter(|_| state == RolloutState::Submitted && ctx.may(Permission::ApprovalDecide))
        .map(|approval| primary_link(format!("/approvals/{}", approval.id), icons::APPROVE, "Look and decide"));
    let edit = may_write.then(|| link_button(format!("{at}/edit"), icons::PENCIL, "Change"));
    let open = detail.row.wave.and_then(|wave| detail.wave_views.get(wave));
    let is_ready =
        open.is_some_and(|wave| wave.is_ready || (wave.waits_for_manager && ctx.may(Permission::ApprovalDecide)));
    let advance = (may_run && state == RolloutState::Running && is_ready).then(|| {
        let wave = detail.row.wave.unwrap_or_default();
        let label = if wave + 1 < detail.row.waves { "Open the next wave" } else { "Complete" };
        press(format!("{at}/advance"), icons::PLAY, label, "btn primary", vec![("wave", wave.to_string())])
    });
    let pause = (may_run && matches!(state, RolloutState::Running | RolloutState::Halted))
        .then(|| press(format!("{at}/pause"), icons::PAUSE, "Pause", "btn", Vec::new()));
    let resume = if go_on::may(ctx, detail) {
        Some(link_button(format!("#{}", go_on::ID), icons::PLAY, "Resume").into_any())
    } else {
        let may_resume = may_run && state == RolloutState::Paused && !detail.goes_on_in_spite;
        may_resume.then(|| press(format!("{at}/resume"), icons::PLAY, "Resume", "btn", Vec::new()).into_any())
    };
    let abort = (may_run && state != RolloutState::Draft)
        .then(|| press(format!("{at}/abort"), icons::CROSS, "Abort", "btn danger", vec![("how", "keep".to_owned())]));
    let revert = (may_run && state.is_begun() && detail.plan.revert_to.is_some()).then(|| {
        press(
            format!("{at}/abort"),
            icons::REVERT,
            "Abort and revert",
            "btn danger",
            vec![("how", "revert".to_owned())],
        )
    });
    let experiment =
        detail.plan.experiment.as_ref().map(|_| link_button(format!("{at}/experiment"), icons::FLASK, "Experiment"));
    view! { {submit} {decide} {advance} {resume} {edit} {experiment} {pause} {abort} {revert} }
}

/// Why it stands as it does, where that is worth a sentence of its own.
fn stands(detail: &RolloutDetail) -> AnyView {
    let reason = detail.row.reason.clone();
    match detail.row.state {
        RolloutState::Halted => note(Tone::Bad, icons::HALT, view! {
            <b>"Its gate stopped it."</b> " " {reason} " Who is under way goes on; nobody else is offered it. A manager can let it go on."
        })
        .into_any(),
        RolloutState::Paused => note(Tone::Hold, icons::PAUSE, view! {
            <b>"Paused."</b> " " {reason} " Who is under way goes on; nobody else is offered it."
            {detail.goes_on_in_spite.then_some(" A manager can let it go on.")}
        })
        .into_any(),
        RolloutState::Submitted => {
            let link = detail.approval.as_ref().map(|approval| {
                view! { <a href=format!("/approvals/{}", approval.id)>"what was frozen"</a> }
            });
            note(Tone::Go, icons::HOURGLASS, view! {
                <b>"Nothing happens yet."</b> " A manager who did not write at it has to approve " {link} "."
            })
            .into_any()
        }
        RolloutState::Aborted if detail.reverting => note(Tone::Warn, icons::REVERT, view! {
            <b>"Aborted."</b> " " {reason} " Devices that have it are taken back as they poll."
        })
        .into_any(),
        RolloutState::Aborted if !reason.is_empty() => note(Tone::Mute, icons::CROSS, view! { <b>"Aborted."</b> " " {reason} }).into_any(),
        _ => ().into_any(),
    }
}

fn waves(detail: &RolloutDetail, crowds: Option<&Crowds>) -> impl IntoView + use<> {
    let all: Vec<_> = detail.wave_views.iter().enumerate().map(|(n, wave)| one_wave(detail, crowds, n, wave)).collect();
    view! { <ol class="waves any" id="waves" aria-label="Waves">{all}</ol> }
}

/// When a wave will be through; a wave that can't get through says so.
fn expected(crowds: Option<&Crowds>, n: usize) -> Option<impl IntoView + use<>> {
    let crowds = crowds?;
    let forecast = crowds.forecast.get(n.checked_sub(crowds.first)?)?;
    Some(match forecast.through {
        Outlook::At(at) => view! { <p>"Through about " {minute(at)}</p> }.into_any(),
        Outlook::Short { reachable, needed } => {
            let words = format!("Its gate wants {}; {} can come.", said::outcomes(needed), number(reachable));
            view! { <p><b>{words}</b></p> }.into_any()
        }
        Outlook::Late => view! { <p>"Not within 90 days"</p> }.into_any(),
        Outlook::After => ().into_any(),
    })
}

fn one_wave(detail: &RolloutDetail, crowds: Option<&Crowds>, n: usize, wave: &WaveView) -> impl IntoView + use<> {
    let name = detail.plan.waves.get(n).map(|wave| wave.name.clone()).unwrap_or_default();
    let evidence = wave.evidence;
    let is_current = detail.row.wave == Some(n) && !detail.row.state.is_over();
    let line = if wave.is_open {
        let parts = [
            (evidence.verified, "verified"),
            (evidence.failed, "failed"),
            (evidence.silent, "silent"),
            (evidence.under_way, "under way"),
        ];
        let asked = wave.counts.iter().filter(|count| count.state == ActionState::WaitsForConfirmation);
        let asked = (asked.map(|count| count.n).sum(), "asked, and not agreed");
        let held = (wave.devices_held_back, "held back");
        let told: Vec<String> = parts
            .iter()
            .chain([&asked, &held])
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{} {what}", number(*n)))
            .collect();
        if told.is_empty() { "Nobody was told yet".to_owned() } else { told.join(", ") }
    } else if detail.frozen.is_some() {
        plan::opens(detail, n)
    } else {
        detail.plan.waves.get(n).map(said::size).unwrap_or_default()
    };
    let devices = if detail.frozen.is_some() {
        view! { <b>{said::devices(wave.devices)}</b> }.into_any()
    } else {
        view! { <b>"Not frozen yet"</b> }.into_any()
    };
    view! {
        <li aria-current=is_current.then_some("step") class=wave.halted.is_some().then_some("bad")>
            <h2><span>{format!("{}. {name}", n + 1)}</span>{words::wave(detail, n, wave).cell()}</h2>
            {evidence::bar(&wave.evidence)}
            <p>{devices}</p>
            <p>{line}</p>
            {(wave.halted.is_none() && !waits_for_somebody(detail)).then(|| expected(crowds, n))}
        </li>
    }
}

/// Who did what, newest first.
fn story(detail: &RolloutDetail) -> impl IntoView + use<> {
    let events: Vec<_> = detail
        .events
        .iter()
        .map(|event| {
            let tone = match event.deed.as_str() {
                "halt" => Tone::Bad,
                "abort" | "reject" | "ratio" => Tone::Warn,
                "pause" | "hold" => Tone::Hold,
                "approve" | "complete" => Tone::Ok,
                "start" | "advance" | "resume" | "let_go" | "submit" | "verdict" => Tone::Go,
                _ => Tone::Plain,
            };
            let drawn = match event.deed.as_str() {
                "halt" => icons::HALT,
                "abort" => icons::CROSS,
                "pause" => icons::PAUSE,
                "approve" => icons::APPROVE,
                "submit" => icons::HOURGLASS,
                "create" | "edit" => icons::PENCIL,
                "complete" => icons::TICK,
                "hold" => icons::LOCK,
                "verdict" => icons::FLASK,
                "ratio" => icons::WARN,
                _ => icons::PLAY,
            };
            // What went on by itself was done in the name of a rule.
            let by = if event.actor == "rollout" { "Muster".to_owned() } else { event.actor.clone() };
            view! {
                <li class="ev">
                    {minute(event.at)}
                    <span class=tone.dot_class()>{icon(drawn)}</span>
                    <div><h3>{event.words.clone()}</h3><p>"By: " {by}</p></div>
                </li>
            }
        })
        .collect();
    let audit = format!("/audit?subject=rollout%3A{}", crate::context::segment(&detail.row.code));
    Panel::new("Who did what").aside(view! { <a href=audit>"Audit"</a> }).flush(view! { <ol class="tl">{events}</ol> })
}
